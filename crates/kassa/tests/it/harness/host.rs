//! An acquirer's host of the test's own, over real sockets: it approves everything, remembers what it was sent, and
//! is silent when the test says so. It stays when the gateway is restarted.

use iso8583::{Deframer, Frame, Message, Profile};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_AGAIN: Duration = Duration::from_millis(5);

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
    /// How many connections have ended.
    ended: watch::Sender<usize>,
    /// How often all connections were ended from here.
    hung_up: watch::Sender<usize>,
    /// DE 70 of network management that arrived.
    managed: Mutex<Vec<String>>,
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
            ended: watch::Sender::default(),
            hung_up: watch::Sender::default(),
            managed: Mutex::default(),
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

    /// Calls a gateway, once it can be called; whether that kept the connection until it was signed on.
    pub(crate) async fn call(&self, address: &str) -> bool {
        let mut signed_on = self.0.signed_on.subscribe();
        let before = *signed_on.borrow_and_update();
        let began = Instant::now();
        let stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        let memory = Arc::clone(&self.0);
        let serving = tokio::spawn(async move { memory.serve(stream).await });
        tokio::select! {
            waited = timeout(PATIENCE, signed_on.wait_for(|now| *now > before)) => waited.is_ok(),
            _ = serving => false,
        }
    }

    /// Waits until so many of its connections have ended.
    pub(crate) async fn loses(&self, connections: usize) {
        let mut ended = self.0.ended.subscribe();
        let waited = timeout(PATIENCE, ended.wait_for(|ended| *ended >= connections)).await;
        assert!(waited.is_ok(), "{:?} ended", *self.0.ended.borrow());
    }

    /// Ends every connection without a word.
    pub(crate) fn hang_up(&self) {
        self.0.hung_up.send_modify(|times| *times += 1);
    }

    /// DE 70 of what the gateway said about its connections.
    pub(crate) fn managed(&self) -> Vec<String> {
        self.0.managed.lock().unwrap().clone()
    }

    /// `[[acquirer]]` of this host for the test site, with some lines of its own.
    pub(crate) fn settings(&self, lines: &str) -> String {
        self.settings_of(&format!("address = \"{}\"", self.0.address), lines)
    }

    /// The same for a host that calls the gateway there.
    pub(crate) fn calling_settings(&self, listen: &str, lines: &str) -> String {
        self.settings_of(&format!("listen = \"{listen}\""), lines)
    }

    #[expect(clippy::unused_self, reason = "they are this host's")]
    fn settings_of(&self, way: &str, lines: &str) -> String {
        format!(
            r#"
            [[acquirer]]
            name = "example"
            {way}
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
    async fn serve(&self, stream: TcpStream) {
        let mut hung_up = self.hung_up.subscribe();
        tokio::select! {
            () = self.converse(stream) => {}
            _ = hung_up.changed() => {}
        }
        self.ended.send_modify(|ended| *ended += 1);
    }

    async fn converse(&self, mut stream: TcpStream) {
        let mut deframer = Deframer::new(self.profile.framing());
        let mut held = self.held.subscribe();
        let mut answers = Vec::new();
        let mut buffer = [0; 4_096];
        loop {
            tokio::select! {
                read = stream.read(&mut buffer) => {
                    let Ok(length @ 1..) = read else { return };
                    let mut received = &buffer[..length];
                    while let Some(frame) = deframer.feed(&mut received).unwrap() {
                        answers.extend(self.answer(&frame));
                    }
                }
                _ = held.changed() => {}
            }
            if *held.borrow_and_update() {
                continue;
            }
            for answer in answers.drain(..) {
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
            "0800" => self.managed.lock().unwrap().push(asked.text(70).unwrap().to_owned()),
            _ => {}
        }
        if asked.text(70) == Some("001") {
            self.signed_on.send_modify(|times| *times += 1);
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
