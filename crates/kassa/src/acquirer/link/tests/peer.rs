//! The host at the other end.

use super::*;
use crate::acquirer::link::connection::{Broken, Connection, Stream};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::io;
use tokio::io::DuplexStream;

/// Where the link's connections arrive.
pub(super) struct Hosts {
    arriving: mpsc::UnboundedReceiver<DuplexStream>,
    dialer: Arc<Dialer>,
}

#[derive(Debug)]
struct Dialer(mpsc::UnboundedSender<DuplexStream>);

impl Dial for Dialer {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let sent = self.0.send(theirs).map_err(|_| io::ErrorKind::ConnectionRefused.into());
        async move { sent.map(|()| Box::new(ours) as Box<dyn Stream>) }.boxed()
    }

    fn address(&self) -> Option<&str> {
        None
    }
}

pub(super) fn settings() -> Settings {
    Settings::new(Clock::manual(Timestamp(1_795_348_800_000)), Random::seeded(1))
}

impl Hosts {
    pub(super) fn new() -> Self {
        let (dialled, arriving) = mpsc::unbounded_channel();
        Self { arriving, dialer: Arc::new(Dialer(dialled)) }
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write them down on the spot")]
    pub(super) fn link(&self, settings: Settings) -> (Link, LateAnswers) {
        let dialer: Arc<dyn Dial> = Arc::<Dialer>::clone(&self.dialer);
        let (sender, late) = LateAnswers::channel();
        (Link::over(&dialer, &Arc::new(Profile::built_in("B").unwrap()), &settings, &sender), late)
    }

    /// The next connection.
    pub(super) async fn connected(&mut self) -> Peer {
        let profile = Profile::built_in("B").unwrap();
        let stream = self.arriving.recv().await.unwrap();
        Peer { connection: Connection::new(Box::new(stream), profile.framing()), profile, mac: None }
    }

    /// The next connection, signed on.
    pub(super) async fn signed_on(&mut self) -> Peer {
        let mut peer = self.connected().await;
        peer.sign_on().await;
        peer
    }

    /// Whether there is another connection already.
    pub(super) fn is_dialled(&mut self) -> bool {
        !self.arriving.is_empty()
    }
}

/// One connection.
pub(super) struct Peer {
    connection: Connection,
    profile: Profile,
    pub(super) mac: Option<fn(&[u8]) -> Mac>,
}

impl Peer {
    pub(super) async fn sign_on(&mut self) {
        let asked = self.receive().await;
        assert_eq!((asked.mti(), asked.text(70)), (Mti::NETWORK_MANAGEMENT_REQUEST, Some("001")));
        self.send(&answer_to(&asked, "00")).await;
    }

    pub(super) async fn receive(&mut self) -> Message {
        self.try_receive().await.unwrap()
    }

    pub(super) async fn try_receive(&mut self) -> Result<Message, Broken> {
        loop {
            if let Some(frame) = self.connection.next_frame() {
                return Ok(self.profile.decode(frame.message()).unwrap());
            }
            self.connection.turn().await?;
        }
    }

    pub(super) async fn send(&mut self, message: &Message) {
        let bytes = match self.mac {
            Some(code) => self.profile.encode_with_mac(message, code).unwrap(),
            None => self.profile.encode(message).unwrap(),
        };
        let frame = self.profile.framing().frame(&bytes).unwrap();
        self.send_bytes(&frame).await;
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.connection.send(bytes.to_vec());
        while !self.connection.is_drained() {
            self.connection.turn().await.unwrap();
        }
    }

    /// Answers nothing but echoes for so long.
    pub(super) async fn answer_echoes(&mut self, length: Duration) {
        let over = Instant::now() + length;
        while let Ok(asked) = timeout_at(over, self.receive()).await {
            assert_eq!(asked.text(70), Some("301"));
            self.send(&answer_to(&asked, "00")).await;
        }
    }
}

/// An authorisation with this STAN.
pub(super) fn request(stan: u32) -> Message {
    let mut message = Message::new(Mti::AUTHORISATION_REQUEST)
        .with(3, "000000")
        .with(7, "1122233015")
        .with(32, "525000")
        .with(37, format!("632623{stan:06}"))
        .with(41, "T       ")
        .with(49, "978");
    message.set_stan(stan).set_amount_minor(1_000);
    message
}

pub(super) fn approval(asked: &Message) -> Message {
    answer_to(asked, "00").with(38, "123456")
}

pub(super) fn answer_to(asked: &Message, code: &str) -> Message {
    let mut answer = Message::new(asked.mti().response().unwrap());
    answer.echo(asked, &[3, 4, 7, 11, 32, 37, 41, 49, 70]).set(39, code);
    answer
}
