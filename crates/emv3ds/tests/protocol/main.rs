//! The protocol from outside: bytes in, types or faults out, and back.
//!
//! [`samples`] makes values out of the field tables; [`rows`] breaks every row of them. [`conversations`] plays whole
//! authentications from files, [`faults`] lists what is refused and why, [`hostile`] sends anything, [`ranges`] keeps
//! card ranges, [`forms`] carries what a browser carries, and [`secrets`] looks for what must not be seen.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at its first surprise")]

mod conversations;
mod faults;
mod forms;
mod hostile;
mod ranges;
mod rows;
mod samples;
mod secrets;
mod tidy;

use emv3ds::fault::Fault;
use emv3ds::message::{Body, Endpoint, Message, MessageType};
use emv3ds::values::Component;
use emv3ds::version::Version;
use serde_json::Value;

const VERSIONS: [Version; 2] = [Version::V220, Version::V231];

/// Somebody who is sent messages of this type.
fn receiver(message: MessageType) -> Endpoint {
    let everybody = [Component::Server, Component::Acs, Component::DirectoryServer];
    Endpoint::new(everybody.into_iter().find(|component| message.is_for(*component)).unwrap())
}

fn parse(message: &Value, endpoint: &Endpoint) -> Result<Message, Fault> {
    Message::parse(message.to_string().as_bytes(), endpoint)
}

/// The message as it would be written again.
fn write(message: &Message, endpoint: &Endpoint) -> Result<Value, Fault> {
    let text = match message {
        Message::PReq(body) => body.to_json(endpoint),
        Message::PRes(body) => body.to_json(endpoint),
        Message::AReq(body) => body.to_json(endpoint),
        Message::ARes(body) => body.to_json(endpoint),
        Message::CReq(body) => body.to_json(endpoint),
        Message::CRes(body) => body.to_json(endpoint),
        Message::RReq(body) => body.to_json(endpoint),
        Message::RRes(body) => body.to_json(endpoint),
        Message::Erro(body) => body.to_json(endpoint),
    }?;
    Ok(serde_json::from_str(&text).unwrap())
}
