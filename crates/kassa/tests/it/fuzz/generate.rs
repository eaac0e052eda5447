//! Requests made from the schemas of the document: mostly right, about things that are there.

use super::document::{Document, Operation};
use super::world::{CARDS, World, direct};
use crate::harness::Dice;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::string::{RegexGeneratorStrategy, string_regex};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// A request before it is written down.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) operation: String,
    pub(super) method: String,
    pub(super) path: String,
    /// Which parts of the path are parameters.
    pub(super) named: Vec<usize>,
    pub(super) query: Vec<String>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Option<Value>,
}

/// Draws requests.
pub(super) struct Generator {
    pub(super) dice: Dice,
    pub(super) key: String,
    notification_url: String,
    runner: TestRunner,
    patterns: HashMap<String, Option<RegexGeneratorStrategy<String>>>,
    names: u64,
}

impl Generator {
    pub(super) fn new(seed: u64, key: &str, notification_url: String) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self {
            dice: Dice::new(seed, 1),
            key: key.to_owned(),
            notification_url,
            runner: TestRunner::new_with_rng(Config::default(), rng),
            patterns: HashMap::new(),
            names: 0,
        }
    }

    pub(super) fn request(&mut self, document: &Document, world: &World) -> Request {
        let operation = self.dice.pick(&document.operations);
        // What is the same for everybody is soon tried out; everything else starts with an order.
        let is_open = operation.said.get("security").is_some();
        let operation =
            if is_open && self.dice.chance(90) { self.dice.pick(&document.operations) } else { operation };
        let create = document.operations.iter().find(|operation| operation.id == "createOrder").unwrap();
        let operation = if self.dice.chance(20) { create } else { operation };
        let mut headers = vec![self.key_header()];
        if self.dice.chance(15) && operation.method != "GET" {
            let name = format!("name-{}", self.dice.up_to(200));
            headers.push(("Idempotency-Key".to_owned(), name.into_bytes()));
        }
        let mut query = Vec::new();
        // Never wait: the first of several counts.
        if operation.id == "getOrder" {
            query.push("timeout=0".to_owned());
        } else if operation.id == "listEvents" {
            query.push("wait=0".to_owned());
        }
        let mut path = operation.path.clone();
        let named = self.names_of(operation, world);
        for parameter in operation.said["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "path" {
                let known = named.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
                let known = known.filter(|_| self.dice.chance(95));
                let value = known.unwrap_or_else(|| plain(&self.value(document, &parameter["schema"], 3)));
                path = path.replace(&format!("{{{name}}}"), &encoded(&value));
            } else if parameter["in"] == "query" && self.dice.chance(30) {
                let value = plain(&self.value(document, &parameter["schema"], 3));
                query.push(format!("{name}={}", encoded(&value)));
            }
        }
        let parts = operation.path.split('/').enumerate();
        Request {
            operation: operation.id.clone(),
            method: operation.method.clone(),
            path,
            named: parts.filter(|(_, part)| part.starts_with('{')).map(|(at, _)| at).collect(),
            query,
            headers,
            body: self.body(document, operation, world),
        }
    }

    fn key_header(&self) -> (String, Vec<u8>) {
        ("api_key".to_owned(), self.key.clone().into_bytes())
    }

    /// Values for the path that belong together.
    fn names_of(&mut self, operation: &Operation, world: &World) -> Vec<(&'static str, String)> {
        let of = |pair: (String, String), owner, name| vec![(owner, pair.0), (name, pair.1)];
        match operation.id.as_str() {
            "cancelRefund" => of(world.pick("refund", &mut self.dice), "id", "refund"),
            "acceptChargeback" => of(world.pick("chargeback", &mut self.dice), "id", "chargeback"),
            "getGateway" | "getPaymentMethod" => {
                vec![("id", (*self.dice.pick(&["VISA", "maestro"])).to_owned())]
            }
            "getTransaction" => vec![("id", world.pick("transaction", &mut self.dice).0)],
            "getSite" | "updateSite" => vec![("id", world.pick("site", &mut self.dice).0)],
            "listBalances" | "listClosingBalancesOfAccount" => {
                vec![("id", world.pick("account", &mut self.dice).0)]
            }
            _ if operation.path.contains("{reference}") => {
                of(world.pick("token", &mut self.dice), "reference", "token")
            }
            id => vec![("id", world.order_for(id, &mut self.dice))],
        }
    }

    fn body(&mut self, document: &Document, operation: &Operation, world: &World) -> Option<Value> {
        let content = operation.said.pointer("/requestBody/content/application~1json")?;
        let schema = document.resolve(&content["schema"]);
        let mut body = match self.dice.up_to(9) {
            0..=2 => content["example"].clone(),
            _ => self.value(document, schema, 6),
        };
        if operation.id == "createOrder" {
            if self.dice.chance(60) {
                let (known, drawn) = (self.shop_order(world), body.as_object().cloned().unwrap_or_default());
                // A few of the drawn members on an order that is right.
                body = known;
                for (key, value) in drawn {
                    let decisive = ["type", "order_id", "gateway_info", "currency", "amount", "gateway"];
                    if self.dice.chance(8) && !decisive.contains(&key.as_str()) {
                        body[key] = value;
                    }
                }
            }
            self.names += 1;
            if self.dice.chance(85) {
                body["order_id"] = json!(format!("f{}", self.names));
            }
        }
        // Nobody else is called.
        for place in ["/payment_options/notification_url", "/notification_url"] {
            if let Some(url) = body.pointer_mut(place) {
                *url = json!(self.notification_url);
            }
        }
        Some(body)
    }

    /// An order as shops place them.
    fn shop_order(&mut self, world: &World) -> Value {
        let mut with = match self.dice.up_to(7) {
            0 => json!({ "capture": "manual" }),
            1 => {
                let reference = format!("customer-{}", self.dice.up_to(100));
                json!({ "recurring_model": "cardOnFile", "customer": { "reference": reference } })
            }
            2 => {
                let (reference, token) = world.pick("token", &mut self.dice);
                json!({ "recurring_id": token, "customer": { "reference": reference }, "gateway_info": {} })
            }
            3 => json!({ "type": "redirect" }),
            4 => json!({
                "shopping_cart": { "items": [{ "name": "a", "unit_price": "5.00", "quantity": 2 }] },
                "checkout_options": { "validate_cart": true },
            }),
            5 => {
                let card = *self.dice.pick(&CARDS);
                let mut info = direct("", &json!({}))["gateway_info"].clone();
                info["card_number"] = json!(card);
                json!({ "gateway": "CREDITCARD", "gateway_info": info })
            }
            _ => json!({}),
        };
        if self.dice.chance(5) {
            with["payment_options"] = json!({ "notification_url": self.notification_url });
        }
        with["amount"] = json!(self.dice.up_to(5_000));
        direct("fuzzed", &with)
    }

    /// A value of a schema.
    pub(super) fn value(&mut self, document: &Document, schema: &Value, depth: usize) -> Value {
        let schema = document.resolve(schema);
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(words) = schema["enum"].as_array() {
            return self.dice.pick(words).clone();
        }
        if schema.get("properties").is_none()
            && let Some(ways) = schema["anyOf"].as_array()
        {
            let way = if self.dice.chance(60) { &ways[0] } else { self.dice.pick(ways) };
            return self.value(document, way, depth);
        }
        match schema["type"].as_str() {
            Some("object") => self.object(document, schema, depth),
            Some("array") if depth == 0 || schema["maxItems"] == 0 => json!([]),
            Some("array") => {
                (0..self.dice.up_to(2)).map(|_| self.value(document, &schema["items"], depth - 1)).collect()
            }
            Some("integer") => self.integer(schema),
            Some("number") => json!(self.dice.pick(&[0.0, 0.21, 1.0, 2.5, 12.34, 1000.0, 1e-7])),
            Some("string") => self.text(schema).into(),
            // Described only: anything.
            Some(_) | None => self.anything(),
        }
    }

    fn object(&mut self, document: &Document, schema: &Value, depth: usize) -> Value {
        let mut object = Map::new();
        let Some(depth) = depth.checked_sub(1) else { return json!({}) };
        let empty = Map::new();
        for (key, inner) in schema["properties"].as_object().unwrap_or(&empty) {
            let required =
                schema["required"].as_array().is_some_and(|keys| keys.iter().any(|other| other == key));
            if required || self.dice.chance(15) {
                object.insert(key.clone(), self.value(document, inner, depth));
            }
        }
        // What one of several ways asks for.
        if let Some(ways) = schema["anyOf"].as_array() {
            let way = self.dice.pick(ways).clone();
            let mut said = schema["properties"].as_object().unwrap_or(&empty).clone();
            said.extend(way["properties"].as_object().unwrap_or(&empty).clone());
            let drawn = way["properties"].as_object().unwrap_or(&empty).keys().cloned();
            let asked =
                way["required"].as_array().into_iter().flatten().map(|key| key.as_str().unwrap().to_owned());
            for key in drawn.chain(asked).collect::<Vec<_>>() {
                object.insert(key.clone(), self.value(document, &said[&key], depth));
            }
        }
        if self.dice.chance(3) {
            object.insert("unknown".to_owned(), self.anything());
        }
        Value::Object(object)
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let limits: Vec<Value> =
            ["minimum", "maximum"].iter().filter_map(|key| schema.get(key)).cloned().collect();
        if !limits.is_empty() && self.dice.chance(10) {
            return self.dice.pick(&limits).clone();
        }
        json!(self.dice.up_to(1_500))
    }

    fn text(&mut self, schema: &Value) -> String {
        match schema["format"].as_str() {
            Some("card-number") => return (*self.dice.pick(&CARDS)).to_owned(),
            Some("ipv6") => return "2001:db8::1".to_owned(),
            Some(_) | None => {}
        }
        let pattern = schema["pattern"].as_str().unwrap_or("^[a-z0-9 é]{0,12}$");
        // The generator makes whole texts by itself.
        let whole = pattern.trim_start_matches('^').trim_end_matches('$');
        let strategy = self.patterns.entry(pattern.to_owned()).or_insert_with(|| string_regex(whole).ok());
        let drawn = strategy.as_ref().and_then(|strategy| strategy.new_tree(&mut self.runner).ok());
        drawn.map(|tree| tree.current()).unwrap_or_default()
    }

    /// Any value at all.
    pub(super) fn anything(&mut self) -> Value {
        let texts =
            ["", " ", "x", "\u{0}", "é🦀\u{202e}", "null", "-1", "1e3", "<b>", "' OR 1=1 --", "\u{7f}\n"];
        match self.dice.up_to(11) {
            0 => Value::Null,
            1 => json!(self.dice.chance(50)),
            2 => json!(self.dice.pick(&[
                0,
                1,
                -1,
                i64::MAX,
                i64::MIN,
                99_999_999_999,
                100_000_000_000,
                1_i64 << 53
            ])),
            3 => json!(self.dice.pick(&[0.5, -0.0, 1e300, 1e-300, 10.5, 1000.0, 9_007_199_254_740_993.0])),
            4 => json!("x".repeat(usize::try_from(self.dice.up_to(3_000)).unwrap())),
            5 => json!([]),
            6 => json!({}),
            7 => json!([[[{}]], 1]),
            8 => json!(u64::MAX),
            _ => json!(self.dice.pick(&texts)),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
