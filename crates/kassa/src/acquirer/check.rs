//! Trying a configured acquirer: dial, sign on, echo, sign off, each on its own and with its time.

use super::link::connection::Connection;
use super::link::{Dial, NetworkCodes, Settings};
use super::stamps::Stamps;
use crate::clock::Clock;
use anyhow::{Context as _, bail};
use iso8583::{Message, Mti, Profile};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

/// How long a call is waited for.
const CALLED_WITHIN: Duration = Duration::from_secs(60);

/// What was done, and how long it took.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) done: &'static str,
    pub(crate) took: Duration,
}

/// Does one step after the other, until one fails. `report` hears of each that succeeded.
pub(super) async fn check(
    dialer: &dyn Dial,
    profile: &Profile,
    settings: &Settings,
    clock: &Clock,
    mut report: impl FnMut(&Step),
) -> anyhow::Result<()> {
    let began = Instant::now();
    let (within, why) = if dialer.is_called() {
        (CALLED_WITHIN, "nobody called")
    } else {
        (settings.connect_within, "connecting took too long")
    };
    let stream = timeout(within, dialer.dial()).await.context(why)?.context("connecting")?;
    report(&Step { done: "connected", took: began.elapsed() });
    let mut connection = Connection::new(stream, profile.framing());
    let NetworkCodes { sign_on, sign_off, echo, cutover: _ } = &settings.codes;
    let steps = [
        ("signed on", "the sign-on", sign_on, settings.sign_on_within),
        ("echo answered", "the echo", echo, settings.echo_within),
        ("signed off", "the sign-off", sign_off, settings.sign_on_within),
    ];
    for (stan, (done, what, code, within)) in (1..).zip(steps) {
        let began = Instant::now();
        let transmission = Stamps::utc(clock.now()).transmission;
        let mut message = Message::new(Mti::NETWORK_MANAGEMENT_REQUEST).with(7, transmission).with(70, code);
        message.set_stan(stan);
        let asked = ask(&mut connection, profile, settings, &message);
        let answer = timeout(within, asked).await.with_context(|| format!("{what} was not answered"))?;
        let answer = answer.with_context(|| what.to_owned())?;
        match answer.response_code() {
            Some("00") => report(&Step { done, took: began.elapsed() }),
            code => bail!("{what} was refused: response code {}", code.unwrap_or("missing")),
        }
    }
    Ok(())
}

async fn ask(
    connection: &mut Connection,
    profile: &Profile,
    settings: &Settings,
    message: &Message,
) -> anyhow::Result<Message> {
    let bytes = match &settings.mac {
        Some(key) => profile.encode_with_mac(message, |bytes| key(bytes)),
        None => profile.encode(message),
    };
    let bytes = Zeroizing::new(bytes.context("writing it")?);
    connection.send(profile.framing().frame(&bytes).context("framing it")?);
    let key = profile.match_key(message);
    loop {
        while let Some(frame) = connection.next_frame() {
            let answer = profile.decode(frame.message()).context("reading the answer")?;
            if answer.mti().is_response() && profile.match_key(&answer) == key {
                return Ok(answer);
            }
        }
        connection.turn().await.map_err(|why| anyhow::anyhow!("{why}"))?;
    }
}
