//! One operation: its route and what the OpenAPI document says about it, said in one place.
//!
//! The router and the document are both made from lists of these, so that nothing is served without being
//! documented, and nothing is documented without being served. [`super::openapi`] says how to add one.

use crate::app::App;
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

/// What operations are about; the document's tags, in the order of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Placing, reading and changing orders.
    Orders,
    /// What happens to the money of an order that was paid.
    Money,
    /// Cards that customers left for later.
    Tokens,
    /// What happened, for shops that were away.
    Events,
    /// What a site can be paid with.
    Gateways,
    /// Who a key belongs to, and lists that belong to nobody.
    Account,
    /// What only test sites have.
    Simulator,
    /// Health and documentation, without a key.
    Service,
}

impl Tag {
    /// Every tag.
    pub(crate) const ALL: [Self; 8] = [
        Self::Orders,
        Self::Money,
        Self::Tokens,
        Self::Events,
        Self::Gateways,
        Self::Account,
        Self::Simulator,
        Self::Service,
    ];

    /// Its name in the document.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orders => "Orders",
            Self::Money => "Money",
            Self::Tokens => "Tokens",
            Self::Events => "Events",
            Self::Gateways => "Gateways",
            Self::Account => "Account",
            Self::Simulator => "Simulator",
            Self::Service => "Service",
        }
    }

    /// What it is about, in a sentence.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Orders => "Place an order, send its customer to the `payment_url`, and ask how it went.",
            Self::Money => "Capture what was authorised, pay money back, and answer chargebacks.",
            Self::Tokens => {
                "The cards that a customer left for later payments, by the shop's `customer.reference`."
            }
            Self::Events => "What happened while the shop was away, and notifications once more.",
            Self::Gateways => "What a site can be paid with, for settings pages and checkouts.",
            Self::Account => "Who a key belongs to, and what kinds of shops there are.",
            Self::Simulator => "What customers, issuers and reviewers do elsewhere. Test sites only.",
            Self::Service => "Whether the gateway is well, and what it serves. No key is needed.",
        }
    }
}

/// Where a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the path; always there.
    Path,
    /// In the query; optional.
    Query,
    /// In a header; optional.
    Header,
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) place: Place,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// A value that works on a fresh test site, as far as one can.
    pub(crate) example: &'static str,
    pub(crate) schema: fn() -> Value,
}

/// A request body: a JSON object.
#[derive(Clone, Debug)]
pub(crate) struct RequestBody {
    /// Its name in the document.
    pub(crate) name: &'static str,
    pub(crate) schema: fn() -> Value,
    pub(crate) example: fn() -> Value,
}

/// What comes back when all went well, or as well as it could.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) about: &'static str,
    pub(crate) content: Content,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// The success envelope around this `data`.
    Envelope(fn(&mut SchemaGenerator) -> Schema),
    /// JSON that brings an envelope of its own, with members beside its `data`.
    Whole(fn(&mut SchemaGenerator) -> Schema),
    /// JSON without the envelope.
    Json(fn() -> Value),
    /// Text of this content type.
    Text(&'static str),
}

/// An answer's field that another operation takes as a path parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The other operation's id.
    pub(crate) to: &'static str,
    /// The other operation's parameter.
    pub(crate) parameter: &'static str,
    /// Where the value is: a JSON pointer into `data`.
    pub(crate) from: &'static str,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) tag: Tag,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    /// Whether an API key is asked for.
    pub(crate) keyed: bool,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<RequestBody>,
    pub(crate) answers: Vec<Answer>,
    /// HTTP status and the `error_code`s that come with it.
    pub(crate) refusals: Vec<(u16, &'static [u32])>,
    pub(crate) links: Vec<Link>,
    /// Whether its answer is about an order as it is now, and says in a header which version that is.
    pub(crate) versioned: bool,
    route: MethodRouter<App>,
}

impl Operation {
    /// `GET path`, answered by `handler`; HEAD comes with it. `id` names it in generated clients.
    pub(crate) fn get<H, T>(path: &'static str, id: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self::new(Method::GET, MethodFilter::GET, path, id, handler)
    }

    /// `POST path`.
    pub(crate) fn post<H, T>(path: &'static str, id: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self::new(Method::POST, MethodFilter::POST, path, id, handler)
    }

    /// `PATCH path`.
    pub(crate) fn patch<H, T>(path: &'static str, id: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self::new(Method::PATCH, MethodFilter::PATCH, path, id, handler)
    }

    /// `DELETE path`.
    pub(crate) fn delete<H, T>(path: &'static str, id: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self::new(Method::DELETE, MethodFilter::DELETE, path, id, handler)
    }

    fn new<H, T>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        id: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self {
            method,
            path,
            id,
            tag: Tag::Service,
            title: "",
            about: "",
            keyed: true,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            links: Vec::new(),
            versioned: false,
            route: on(filter, handler),
        }
    }

    /// What it does: its tag, a title of a few words, and what else there is to know (Markdown, or nothing).
    pub(crate) fn doc(self, tag: Tag, title: &'static str, about: &'static str) -> Self {
        Self { tag, title, about, ..self }
    }

    /// Without an API key.
    pub(crate) fn open(self) -> Self {
        Self { keyed: false, ..self }
    }

    /// The parameter `{name}` of the path.
    pub(crate) fn path(
        self,
        name: &'static str,
        schema: fn() -> Value,
        example: &'static str,
        about: &'static str,
    ) -> Self {
        self.parameter(Parameter { place: Place::Path, name, about, example, schema })
    }

    /// A parameter of the query.
    pub(crate) fn query(
        self,
        name: &'static str,
        schema: fn() -> Value,
        example: &'static str,
        about: &'static str,
    ) -> Self {
        self.parameter(Parameter { place: Place::Query, name, about, example, schema })
    }

    /// A parameter of any place.
    pub(crate) fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The JSON object it takes.
    pub(crate) fn body(self, name: &'static str, schema: fn() -> Value, example: fn() -> Value) -> Self {
        Self { body: Some(RequestBody { name, schema, example }), ..self }
    }

    /// 200 with this `data` in the envelope.
    pub(crate) fn answers<T: JsonSchema>(self, about: &'static str) -> Self {
        let content = Content::Envelope(|generator| generator.subschema_for::<T>());
        self.answer(Answer { status: 200, about, content })
    }

    /// 200 with this envelope and all.
    pub(crate) fn answers_whole<T: JsonSchema>(self, about: &'static str) -> Self {
        let content = Content::Whole(|generator| generator.subschema_for::<T>());
        self.answer(Answer { status: 200, about, content })
    }

    /// Its answer is about an order as it is now.
    pub(crate) fn versioned(self) -> Self {
        Self { versioned: true, ..self }
    }

    /// Whether it takes an `Idempotency-Key`: every request of a site that is sent with a body does.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.keyed && matches!(self.method, Method::POST | Method::PATCH)
    }

    /// Any other answer that is no refusal.
    pub(crate) fn answer(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// A status that a mistake is answered with, and the codes that say which.
    ///
    /// 500 and 429 come with every operation, 401 with every key, and 400 ([`super::error::MISSING_DATA`]), 409, 413
    /// and 422 with whatever takes an `Idempotency-Key`.
    pub(crate) fn refuses(mut self, status: u16, codes: &'static [u32]) -> Self {
        self.refusals.push((status, codes));
        self
    }

    /// `data{from}` of the answer is `parameter` of the operation `to`.
    pub(crate) fn link(mut self, to: &'static str, parameter: &'static str, from: &'static str) -> Self {
        self.links.push(Link { to, parameter, from });
        self
    }
}

/// The routes of these operations.
pub(crate) fn router(operations: Vec<Operation>) -> Router<App> {
    operations
        .into_iter()
        .fold(Router::new(), |router, operation| router.route(operation.path, operation.route))
}
