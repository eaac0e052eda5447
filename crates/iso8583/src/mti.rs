//! The message type identifier (MTI): four digits for version, class, function and origin.

use std::fmt;

/// The message type identifier, such as `0100`.
///
/// ```
/// use iso8583::{Class, Mti};
///
/// let reversal = Mti::parse("0400").unwrap();
/// assert_eq!(reversal.class(), Class::Reversal);
/// assert_eq!(reversal.repeat().to_string(), "0401");
/// assert_eq!(reversal.repeat().response(), Mti::parse("0410"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mti {
    class: Class,
    function: Function,
    origin: Origin,
}

/// What a message is about: the second digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 1: an authorisation, which moves no money yet.
    Authorisation,
    /// 2: a financial transaction, or the completion of an authorisation.
    Financial,
    /// 3: a file action.
    FileAction,
    /// 4: a reversal.
    Reversal,
    /// 5: a reconciliation.
    Reconciliation,
    /// 6: administrative.
    Administrative,
    /// 7: a fee collection.
    FeeCollection,
    /// 8: network management: sign-on, echo, cutover.
    NetworkManagement,
}

/// What a message does in its exchange: the third digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// 0: asks, and may be refused.
    Request,
    /// 1: answers a request.
    Response,
    /// 2: tells what has happened. It cannot be refused, and is repeated until it is answered.
    Advice,
    /// 3: acknowledges an advice.
    AdviceResponse,
    /// 4: tells and wants no answer.
    Notification,
}

/// Who sent a message first, and whether this is the first time: the fourth digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// 0.
    Acquirer,
    /// 1.
    AcquirerRepeat,
    /// 2.
    Issuer,
    /// 3.
    IssuerRepeat,
    /// 4.
    Other,
    /// 5.
    OtherRepeat,
}

/// The version: the first digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// 0: ISO 8583:1987, the only one that is spoken here.
    Iso1987,
}

impl Mti {
    /// 0100.
    pub const AUTHORISATION_REQUEST: Self = Self::new(Class::Authorisation, Function::Request);
    /// 0200: a sale in a single message, or a refund.
    pub const FINANCIAL_REQUEST: Self = Self::new(Class::Financial, Function::Request);
    /// 0220: the completion of an authorisation.
    pub const FINANCIAL_ADVICE: Self = Self::new(Class::Financial, Function::Advice);
    /// 0400.
    pub const REVERSAL_REQUEST: Self = Self::new(Class::Reversal, Function::Request);
    /// 0420.
    pub const REVERSAL_ADVICE: Self = Self::new(Class::Reversal, Function::Advice);
    /// 0800.
    pub const NETWORK_MANAGEMENT_REQUEST: Self = Self::new(Class::NetworkManagement, Function::Request);

    /// The type of a message that an acquirer sends for the first time, and of the answers to it.
    #[must_use]
    pub const fn new(class: Class, function: Function) -> Self {
        Self { class, function, origin: Origin::Acquirer }
    }

    /// The type of four digits, if the version is 1987 and each of the others has a meaning.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        Self::of_digits(digits.as_bytes().try_into().ok()?)
    }

    /// As [`parse`](Self::parse), of ASCII digits.
    #[must_use]
    pub fn of_digits([version, class, function, origin]: [u8; 4]) -> Option<Self> {
        if version != b'0' {
            return None;
        }
        let class = match class {
            b'1' => Class::Authorisation,
            b'2' => Class::Financial,
            b'3' => Class::FileAction,
            b'4' => Class::Reversal,
            b'5' => Class::Reconciliation,
            b'6' => Class::Administrative,
            b'7' => Class::FeeCollection,
            b'8' => Class::NetworkManagement,
            _ => return None,
        };
        let function = match function {
            b'0' => Function::Request,
            b'1' => Function::Response,
            b'2' => Function::Advice,
            b'3' => Function::AdviceResponse,
            b'4' => Function::Notification,
            _ => return None,
        };
        let origin = match origin {
            b'0' => Origin::Acquirer,
            b'1' => Origin::AcquirerRepeat,
            b'2' => Origin::Issuer,
            b'3' => Origin::IssuerRepeat,
            b'4' => Origin::Other,
            b'5' => Origin::OtherRepeat,
            _ => return None,
        };
        Some(Self { class, function, origin })
    }

    /// The four digits in ASCII.
    #[must_use]
    pub fn digits(self) -> [u8; 4] {
        let class = match self.class {
            Class::Authorisation => b'1',
            Class::Financial => b'2',
            Class::FileAction => b'3',
            Class::Reversal => b'4',
            Class::Reconciliation => b'5',
            Class::Administrative => b'6',
            Class::FeeCollection => b'7',
            Class::NetworkManagement => b'8',
        };
        let function = match self.function {
            Function::Request => b'0',
            Function::Response => b'1',
            Function::Advice => b'2',
            Function::AdviceResponse => b'3',
            Function::Notification => b'4',
        };
        let origin = match self.origin {
            Origin::Acquirer => b'0',
            Origin::AcquirerRepeat => b'1',
            Origin::Issuer => b'2',
            Origin::IssuerRepeat => b'3',
            Origin::Other => b'4',
            Origin::OtherRepeat => b'5',
        };
        let version = match self.version() {
            Version::Iso1987 => b'0',
        };
        [version, class, function, origin]
    }

    /// The version of the standard.
    #[must_use]
    pub fn version(self) -> Version {
        Version::Iso1987
    }

    /// What the message is about.
    #[must_use]
    pub fn class(self) -> Class {
        self.class
    }

    /// What it does in its exchange.
    #[must_use]
    pub fn function(self) -> Function {
        self.function
    }

    /// Who sent it first.
    #[must_use]
    pub fn origin(self) -> Origin {
        self.origin
    }

    /// Whether an answer is due: a request or an advice.
    #[must_use]
    pub fn is_request(self) -> bool {
        match self.function {
            Function::Request | Function::Advice => true,
            Function::Response | Function::AdviceResponse | Function::Notification => false,
        }
    }

    /// Whether it answers a request or an advice.
    #[must_use]
    pub fn is_response(self) -> bool {
        match self.function {
            Function::Response | Function::AdviceResponse => true,
            Function::Request | Function::Advice | Function::Notification => false,
        }
    }

    /// Whether it was sent before.
    #[must_use]
    pub fn is_repeat(self) -> bool {
        self != self.first()
    }

    /// The same message sent again: 0401 for 0400.
    #[must_use]
    pub fn repeat(self) -> Self {
        let origin = match self.origin {
            Origin::Acquirer | Origin::AcquirerRepeat => Origin::AcquirerRepeat,
            Origin::Issuer | Origin::IssuerRepeat => Origin::IssuerRepeat,
            Origin::Other | Origin::OtherRepeat => Origin::OtherRepeat,
        };
        Self { origin, ..self }
    }

    /// The same message sent for the first time: 0400 for 0401.
    #[must_use]
    pub fn first(self) -> Self {
        let origin = match self.origin {
            Origin::Acquirer | Origin::AcquirerRepeat => Origin::Acquirer,
            Origin::Issuer | Origin::IssuerRepeat => Origin::Issuer,
            Origin::Other | Origin::OtherRepeat => Origin::Other,
        };
        Self { origin, ..self }
    }

    /// What answers this request or advice: 0110 for 0100, 0430 for 0420 and for 0421. `None` where nothing does.
    #[must_use]
    pub fn response(self) -> Option<Self> {
        let function = match self.function {
            Function::Request => Function::Response,
            Function::Advice => Function::AdviceResponse,
            Function::Response | Function::AdviceResponse | Function::Notification => return None,
        };
        Some(Self { function, ..self.first() })
    }

    /// What this response answers: 0100 for 0110. `None` where it answers nothing.
    #[must_use]
    pub fn request(self) -> Option<Self> {
        let function = match self.function {
            Function::Response => Function::Request,
            Function::AdviceResponse => Function::Advice,
            Function::Request | Function::Advice | Function::Notification => return None,
        };
        Some(Self { function, ..self.first() })
    }

    /// Whether this is the response to `request`. Some hosts answer a repeat with 0411 instead of 0410: both are.
    #[must_use]
    pub fn is_response_to(self, request: Self) -> bool {
        request.response() == Some(self.first())
    }

    /// In words, such as `reversal advice, repeated`.
    #[must_use]
    pub fn meaning(self) -> String {
        let class = match self.class {
            Class::Authorisation => "authorisation",
            Class::Financial => "financial",
            Class::FileAction => "file action",
            Class::Reversal => "reversal",
            Class::Reconciliation => "reconciliation",
            Class::Administrative => "administrative",
            Class::FeeCollection => "fee collection",
            Class::NetworkManagement => "network management",
        };
        let function = match self.function {
            Function::Request => "request",
            Function::Response => "response",
            Function::Advice => "advice",
            Function::AdviceResponse => "advice response",
            Function::Notification => "notification",
        };
        let repeated = if self.is_repeat() { ", repeated" } else { "" };
        format!("{class} {function}{repeated}")
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits().into_iter().try_for_each(|digit| write!(f, "{}", char::from(digit)))
    }
}
