//! Reads a page as far as a customer needs it: its forms by the meaning of their fields, never by their looks.

use scraper::{ElementRef, Html, Selector};

/// What a page offers. Owned, because the parsed document cannot be kept across a request.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The value of `data-outcome`: this is a result.
    pub(super) outcome: Option<String>,
    /// The form with an input for a card number.
    pub(super) card: Option<Form>,
    /// The form with `select[name=transStatus]`.
    pub(super) challenge: Option<Form>,
    /// A form that a script would submit: it only carries a 3-D Secure message onwards, or tells how much room there
    /// is for one.
    pub(super) relay: Option<Form>,
    /// Seconds and target of `meta[http-equiv=refresh]`.
    pub(super) refresh: Option<(u64, String)>,
    /// The target of `a#continue`.
    pub(super) onward: Option<String>,
    /// Texts that say what is wrong.
    pub(super) messages: Vec<String>,
    /// Whether a field is marked as invalid.
    pub(super) field_is_invalid: bool,
}

/// A form as a browser would submit it with its first button.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) action: String,
    pub(super) is_post: bool,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    value: String,
    autocomplete: Vec<String>,
    options: Vec<String>,
}

impl Page {
    pub(super) fn read(html: &str) -> Page {
        let document = Html::parse_document(html);
        let root = document.root_element();
        let mut page = Page {
            outcome: first(root, "[data-outcome]:not([data-outcome=''])")
                .and_then(|found| attribute(found, "data-outcome")),
            refresh: select(root, "meta[http-equiv]")
                .into_iter()
                .filter(|meta| {
                    meta.attr("http-equiv").is_some_and(|kind| kind.eq_ignore_ascii_case("refresh"))
                })
                .find_map(|meta| parse_refresh(meta.attr("content")?)),
            onward: first(root, "a#continue[href]").and_then(|link| attribute(link, "href")),
            ..Page::default()
        };
        for form in select(root, "form") {
            let kind = if first(form, "select[name=transStatus]").is_some() {
                &mut page.challenge
            } else if first(form, "input[autocomplete~=cc-number]").is_some() {
                &mut page.card
            } else if select(form, "input[type=hidden]").iter().any(|input| is_for_3ds(*input)) {
                &mut page.relay
            } else {
                continue;
            };
            kind.get_or_insert_with(|| Form::read(form));
        }
        for complaint in select(root, "[role=alert], [aria-invalid=true]") {
            page.field_is_invalid |= complaint.attr("aria-invalid") == Some("true");
            for text in complaint_texts(root, complaint) {
                if !text.is_empty() && !page.messages.contains(&text) {
                    page.messages.push(text);
                }
            }
        }
        page
    }
}

impl Form {
    /// Enters a value wherever the autocomplete token stands.
    pub(super) fn fill(&mut self, token: &str, value: &str) {
        for field in &mut self.fields {
            if field.autocomplete.iter().any(|has| has.eq_ignore_ascii_case(token)) {
                value.clone_into(&mut field.value);
            }
        }
    }

    /// Chooses an option of a select; false when it does not have it.
    #[must_use]
    pub(super) fn choose(&mut self, name: &str, value: &str) -> bool {
        for field in &mut self.fields {
            if field.name == name && field.options.iter().any(|option| option == value) {
                value.clone_into(&mut field.value);
                return true;
            }
        }
        false
    }

    pub(super) fn urlencoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.fields.iter().map(|field| (&field.name, &field.value)))
            .finish()
    }

    fn read(form: ElementRef<'_>) -> Form {
        let button = select(form, "button, input[type=submit], input[type=image]")
            .into_iter()
            .find(|button| !matches!(button.attr("type"), Some("button" | "reset")));
        let of_button = |name: &str| button.and_then(|button| attribute(button, name));
        let action = of_button("formaction").or_else(|| attribute(form, "action")).unwrap_or_default();
        let method = of_button("formmethod").or_else(|| attribute(form, "method")).unwrap_or_default();
        let fields = select(form, "input, select, textarea, button")
            .into_iter()
            .filter(|control| is_submitted(*control, button))
            .filter_map(Field::read)
            .collect();
        Form { action, is_post: method.eq_ignore_ascii_case("post"), fields }
    }
}

impl Field {
    fn read(control: ElementRef<'_>) -> Option<Field> {
        let name = attribute(control, "name").filter(|name| !name.is_empty())?;
        let kind = control.attr("type").unwrap_or_default();
        let mut options = Vec::new();
        let value = match control.value().name() {
            "select" => {
                options = select(control, "option").into_iter().map(option_value).collect();
                let chosen = first(control, "option[selected]").map(option_value);
                chosen.or_else(|| options.first().cloned())?
            }
            "textarea" => control.text().collect(),
            _ if matches!(kind, "checkbox" | "radio") => {
                attribute(control, "value").unwrap_or("on".to_owned())
            }
            _ => attribute(control, "value").unwrap_or_default(),
        };
        let autocomplete = control.attr("autocomplete").unwrap_or_default();
        let autocomplete = autocomplete.split_whitespace().map(str::to_owned).collect();
        Some(Field { name, value, autocomplete, options })
    }
}

/// Whether a control takes part when `button` submits its form.
fn is_submitted(control: ElementRef<'_>, button: Option<ElementRef<'_>>) -> bool {
    if control.attr("disabled").is_some() {
        return false;
    }
    match (control.value().name(), control.attr("type").unwrap_or_default()) {
        ("button", _) | ("input", "submit" | "image") => {
            button.is_some_and(|pressed| pressed.id() == control.id())
        }
        ("input", "button" | "reset" | "file") => false,
        ("input", "checkbox" | "radio") => control.attr("checked").is_some(),
        _ => true,
    }
}

fn option_value(option: ElementRef<'_>) -> String {
    attribute(option, "value").unwrap_or_else(|| text(option))
}

/// The messages of EMV 3-D Secure that travel through the browser in a hidden field, and the room for them.
fn is_for_3ds(input: ElementRef<'_>) -> bool {
    input.attr("name").is_some_and(|name| matches!(name, "creq" | "cres" | "threeDSMethodData" | "width"))
}

/// What an alert says, or for a field marked as invalid what the elements say that it names, or its own name.
fn complaint_texts(root: ElementRef<'_>, complaint: ElementRef<'_>) -> Vec<String> {
    let own = text(complaint);
    if complaint.value().name() != "select" && !own.is_empty() {
        return vec![own];
    }
    let ids = complaint
        .attr("aria-errormessage")
        .or_else(|| complaint.attr("aria-describedby"))
        .unwrap_or_default();
    let mut texts = Vec::new();
    for id in ids.split_whitespace() {
        let found = select(root, "[id]").into_iter().find(|element| element.attr("id") == Some(id));
        texts.extend(found.map(text));
    }
    if texts.is_empty() {
        texts.extend(attribute(complaint, "name").map(|name| format!("not accepted: {name}")));
    }
    texts
}

/// `5; url=/next`, `5;URL='/next'` or `5`, which means the page itself.
fn parse_refresh(content: &str) -> Option<(u64, String)> {
    let (seconds, target) = content.split_once([';', ',']).unwrap_or((content, ""));
    let whole = seconds.trim().split('.').next()?;
    let seconds = whole.parse().ok()?;
    let target = target.trim();
    let target = match target.get(..3) {
        Some(word) if word.eq_ignore_ascii_case("url") => target[3..].trim_start().strip_prefix('=')?.trim(),
        _ => target,
    };
    Some((seconds, target.trim_matches(['\'', '"']).to_owned()))
}

fn select<'d>(from: ElementRef<'d>, selector: &str) -> Vec<ElementRef<'d>> {
    // Only the constant selectors of this file come here.
    let selector = Selector::parse(selector).expect("a valid selector");
    from.select(&selector).collect()
}

fn first<'d>(from: ElementRef<'d>, selector: &str) -> Option<ElementRef<'d>> {
    select(from, selector).first().copied()
}

fn attribute(element: ElementRef<'_>, name: &str) -> Option<String> {
    element.attr(name).map(str::to_owned)
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_submitted_as_a_browser_would() {
        let mut page = Page::read(
            "<form action=other method=post><input name=q></form>
             <form action='/pay?x=1' method=POST>
               <input type=hidden name=csrf value='a&amp;b'>
               <input name=number autocomplete='section-card cc-number'>
               <input name=holder autocomplete=cc-name value=old>
               <input name=exp autocomplete=cc-exp><input name=csc autocomplete=cc-csc>
               <input name=off disabled value=1><input type=checkbox name=no><input type=checkbox name=yes checked>
               <input type=radio name=r value=1><input type=radio name=r value=2 checked>
               <select name=s><option value=1>one</option><option selected>two</option></select>
               <textarea name=t>é</textarea><input value=nameless>
               <button type=button name=help>?</button><button name=go value=now>Pay</button>
               <button name=cancel value=1>Cancel</button>
             </form>",
        );
        let form = page.card.as_mut().unwrap();
        form.fill("cc-number", "42");
        form.fill("cc-name", "A & B");
        form.fill("cc-exp", "12/35");
        form.fill("cc-csc", "123");
        assert_eq!((form.action.as_str(), form.is_post), ("/pay?x=1", true));
        assert_eq!(
            form.urlencoded(),
            "csrf=a%26b&number=42&holder=A+%26+B&exp=12%2F35&csc=123&yes=on&r=2&s=two&t=%C3%A9&go=now"
        );
        assert!(page.challenge.is_none() && page.relay.is_none() && page.outcome.is_none());
    }

    #[test]
    fn complaints_are_collected_once() {
        let page = Page::read(
            "<p role=alert> The card was\n <b>declined</b>. </p><p role=alert></p>
             <input name=number aria-invalid=true aria-describedby='e1 e2'><i id=e1>Too short</i><i id=e2>Too short</i>
             <input name=exp aria-invalid=true><input name=csc aria-invalid=false>",
        );
        assert_eq!(page.messages, ["The card was declined.", "Too short", "not accepted: exp"]);
        assert!(page.field_is_invalid);
    }

    #[test]
    fn a_refresh_is_read() {
        for (content, expected) in [
            ("5; url=/next", Some((5, "/next"))),
            ("0;URL='https://shop.example/?a=b;c'", Some((0, "https://shop.example/?a=b;c"))),
            (" 2.5 , /next", Some((2, "/next"))),
            ("3", Some((3, ""))),
            ("soon", None),
            ("", None),
        ] {
            let expected = expected.map(|(seconds, target): (u64, &str)| (seconds, target.to_owned()));
            assert_eq!(parse_refresh(content), expected, "{content}");
        }
        let page = Page::read("<meta charset=utf-8><meta http-equiv=Refresh content='1;url=/x'>");
        assert_eq!(page.refresh, Some((1, "/x".to_owned())));
    }
}
