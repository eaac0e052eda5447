//! An acquirer's host of the test's own, over real sockets: it approves everything, remembers what it was sent, and
//! is silent when the test says so. It stays when the gateway is restarted.

use iso8583::{Deframer, Frame, Message, Profile};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host. Its connections end when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Host(Arc<Memory>);

#[derive(Debug)]
struct Memory {
    address: String,
    profile: Profile,
    /// What arrived, oldest first; network management is not among it.
    heard: watch::Sender<Vec<Message>>,
    /// Message types that the next of which is not answered, each as often as it is here.
    silences: Mutex<Vec<String>>,
    /// Whether answers wait.
    held: watch::Sender<bool>,
    /// How often a gateway has signed on.
    signed_on: watch::Sender<usize>,
}

impl Host {
    /// A host that can be called.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self(Arc::new(Memory {
            address: listener.local_addr().unwrap().to_string(),
            profile: Profile::built_in("B").unwrap(),
            heard: watch::Sender::default(),
            silences: Mutex::default(),
            held: watch::Sender::default(),
            signed_on: watch::Sender::default(),
        }));
        let memory = Arc::downgrade(&host.0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(memory) = memory.upgrade() else { return };
                tokio::spawn(async move { memory.serve(stream).await });
            }
        });
        host
    }

    /// `[[acquirer]]` of this host for the test site, with some lines of its own.
    pub(crate) fn settings(&self, lines: &str) -> String {
        let address = &self.0.address;
        format!(
            r#"
            [[acquirer]]
            name = "example"
            address = "{address}"
            acquirer_id = "525000"
            country = "528"
            merchant_category = "5732"
            city = "Utrecht"
            country_letters = "NLD"
            currencies = ["EUR"]
            site = [{{ id = 1, terminal_id = "TERM0001", merchant_id = "MERCHANT0000001" }}]
            {lines}
            "#
        )
    }

    /// The next message of this type is not answered.
    pub(crate) fn ignore_next(&self, mti: &str) {
        self.0.silences.lock().unwrap().push(mti.to_owned());
    }

    /// Answers wait until the hold is dropped.
    pub(crate) fn hold(&self) -> Hold {
        self.0.held.send_replace(true);
        Hold(self.clone())
    }

    /// The types of what arrived, oldest first.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.0.heard.borrow().iter().map(|message| message.mti().to_string()).collect()
    }

    /// What arrived of this type, oldest first.
    pub(crate) fn heard_of(&self, mti: &str) -> Vec<Message> {
        let heard = self.0.heard.borrow();
        heard.iter().filter(|message| message.mti().to_string() == mti).cloned().collect()
    }

    /// Waits until so many messages of this type have arrived.
    pub(crate) async fn hears(&self, mti: &str, times: usize) {
        let enough = |heard: &Vec<Message>| {
            heard.iter().filter(|message| message.mti().to_string() == mti).count() >= times
        };
        let mut heard = self.0.heard.subscribe();
        let waited = timeout(PATIENCE, heard.wait_for(enough)).await;
        assert!(waited.is_ok(), "no {times} of {mti} in {:?}", self.heard());
    }
}

/// A host that keeps its answers to itself for now.
#[derive(Debug)]
pub(crate) struct Hold(Host);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.0.held.send_replace(false);
    }
}

impl Memory {
    async fn serve(&self, mut stream: TcpStream) {
        let mut deframer = Deframer::new(self.profile.framing());
        let mut buffer = [0; 4_096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            let mut received = &buffer[..length];
            while let Some(frame) = deframer.feed(&mut received).unwrap() {
                let Some(answer) = self.answer(&frame) else { continue };
                let _ = self.held.subscribe().wait_for(|held| !held).await;
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    }

    fn answer(&self, frame: &Frame) -> Option<Vec<u8>> {
        let asked = self.profile.decode(frame.message()).unwrap();
        let mti = asked.mti().to_string();
        let mut answer = Message::new(asked.mti().response()?);
        answer.echo(&asked, &[3, 4, 7, 11, 32, 37, 41, 49, 70]).set(39, "00");
        match mti.as_str() {
            "0100" => {
                answer.set(38, "123456");
            }
            "0800" if asked.text(70) == Some("001") => self.signed_on.send_modify(|times| *times += 1),
            _ => {}
        }
        if mti != "0800" {
            self.heard.send_modify(|heard| heard.push(asked));
        }
        let mut silences = self.silences.lock().unwrap();
        if let Some(at) = silences.iter().position(|silent| *silent == mti) {
            silences.remove(at);
            return None;
        }
        let bytes = self.profile.encode(&answer).unwrap();
        Some(self.profile.framing().frame_answer(frame, &bytes).unwrap())
    }
}
