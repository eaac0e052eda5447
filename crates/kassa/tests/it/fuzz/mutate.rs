//! What goes wrong on the way: changes to a request that nobody meant, in its values, its text, its address.

use super::generate::{Generator, Request};
use serde_json::{Value, json};

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) operation: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// Writes a request down with so many changes.
pub(super) fn write(mut request: Request, changes: u64, generator: &mut Generator) -> Written {
    let mut in_text = 0;
    for _ in 0..changes {
        match generator.dice.up_to(9) {
            0..=4 => change_value(&mut request, generator),
            5 => in_text += 1,
            6 => change_path(&mut request, generator),
            7 => change_query(&mut request, generator),
            8 => change_headers(&mut request, generator),
            _ => request.method = (*generator.dice.pick(&METHODS)).to_owned(),
        }
    }
    let mut body = request.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
    for _ in 0..in_text {
        change_text(&mut body, generator);
    }
    let query = request.query.join("&");
    let target = if query.is_empty() { request.path } else { format!("{}?{query}", request.path) };
    Written { operation: request.operation, method: request.method, target, headers: request.headers, body }
}

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CHEESE"];

fn change_value(request: &mut Request, generator: &mut Generator) {
    let Some(body) = &mut request.body else { return };
    let mut places = Vec::new();
    collect(body, String::new(), &mut places);
    let place = generator.dice.pick(&places).clone();
    let deep = usize::try_from(generator.dice.up_to(40)).unwrap();
    let anything = generator.anything();
    let how = generator.dice.up_to(4);
    if how == 0
        && let Some((parent, key)) = place.rsplit_once('/')
    {
        let parent = body.pointer_mut(parent).unwrap();
        if let Some(object) = parent.as_object_mut() {
            object.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        return;
    }
    let value = body.pointer_mut(&place).unwrap();
    *value = match how {
        1 => (0..deep).fold(value.take(), |inner, _| json!([inner])),
        2 => json!(value.to_string()),
        _ => anything,
    };
}

/// Pointers to every value.
fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                collect(inner, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                collect(inner, format!("{at}/{index}"), places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    places.push(at);
}

fn change_text(body: &mut Vec<u8>, generator: &mut Generator) {
    let length = u64::try_from(body.len()).unwrap();
    let somewhere = usize::try_from(generator.dice.up_to(length)).unwrap();
    match generator.dice.up_to(8) {
        0 => body.truncate(somewhere),
        1 => body.insert(somewhere, *generator.dice.pick(&[0, 0xff, b'"', b'{', b'\\', 0xc3])),
        // A key twice.
        2 if body.starts_with(b"{\"") => {
            let doubled = b"{\"amount\":1,\"amount\":1,";
            body.splice(0..1, doubled.iter().copied());
        }
        3 => body.extend_from_slice(generator.dice.pick(&["x", "{}", "\0", " \n"]).as_bytes()),
        4 => body.clear(),
        5 => body.splice(0..0, [0xef, 0xbb, 0xbf]).for_each(drop),
        6 => {
            let text = String::from_utf8_lossy(body).replacen(":1", ":1E400", 1);
            *body = text.into_bytes();
        }
        7 if generator.dice.chance(10) => body.resize(300 * 1024, b' '),
        _ => *body = b"[".repeat(somewhere.min(50)),
    }
}

fn change_path(request: &mut Request, generator: &mut Generator) {
    let junk = [
        "%00",
        "%ff",
        "%c3%28",
        "%2F",
        "..%2f..",
        "%",
        "%zz",
        "%F0%9F%A6%80",
        "+1",
        "01",
        "0",
        "-1",
        "1e3",
        "",
        ".",
        "..",
        "9007199254740993",
        "%e2%80%ae",
        "'%20OR%201=1--",
        "a%0d%0ab",
    ];
    let mut parts: Vec<String> = request.path.split('/').map(str::to_owned).collect();
    let last = u64::try_from(parts.len() - 1).unwrap();
    // What is not below /v1/json is for people.
    let first = if request.path.starts_with("/v1/json/") { 3 } else { last };
    let places: Vec<usize> = (usize::try_from(first.min(last)).unwrap()..parts.len()).collect();
    let named: Vec<usize> = places.iter().copied().filter(|at| request.named.contains(at)).collect();
    let at = if named.is_empty() || generator.dice.chance(20) { &places } else { &named };
    let at = *generator.dice.pick(at);
    match generator.dice.up_to(4) {
        0 => parts.push(String::new()),
        1 if first == 3 => parts.push("more".to_owned()),
        2 if first == 3 && generator.dice.chance(50) => {
            parts[at] = "x".repeat(usize::try_from(generator.dice.up_to(5_000)).unwrap())
        }
        _ if first == 3 => parts[at] = (*generator.dice.pick(&junk)).to_owned(),
        _ => {}
    }
    request.path = parts.join("/");
}

fn change_query(request: &mut Request, generator: &mut Generator) {
    let junk = [
        "unknown=1",
        "limit=0",
        "limit=1000",
        "limit=1001",
        "limit=-1",
        "limit=%00",
        "offset=1&offset=2",
        "after=x",
        "after=9223372036854775808",
        "wait_version=-1",
        "wait_version=",
        "timeout=61",
        "%",
        "%ff=%fe",
        "=",
        "&&",
        "a[]=1",
        "api_key=",
        "api_key=wrong",
        "currency=%00",
        "group_cards=1",
        "wait=x",
        "wait=61",
    ];
    let more = (*generator.dice.pick(&junk)).to_owned();
    // The first of several counts, and waiting is for real.
    request.query.push(more);
}

fn change_headers(request: &mut Request, generator: &mut Generator) {
    let key = generator.key.clone();
    let mut add = |name: &str, value: &[u8]| request.headers.push((name.to_owned(), value.to_vec()));
    match generator.dice.up_to(11) {
        0 => add("Idempotency-Key", b""),
        1 => add("Idempotency-Key", &[b'k'; 256]),
        2 => add("Idempotency-Key", "é".as_bytes()),
        3 => add("X-HTTP-Method-Override", generator.dice.pick(&METHODS).as_bytes()),
        4 => add("Content-Type", b"text/plain; charset=utf-16"),
        5 => add("Authorization", format!("Bearer {key}").as_bytes()),
        6 => add("Authorization", b"Basic eDp4"),
        7 => add("api-key", b"another"),
        8 => add("Content-Encoding", b"gzip"),
        9 => add("Accept", b"text/html"),
        10 => add("api_key", &[0xff, 0xfe]),
        _ => request.headers.retain(|(name, _)| name != "api_key"),
    }
}
