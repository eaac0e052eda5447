//! Everything a request or a job needs, in one place: settings, clock, randomness, keys, store and links.

use crate::acquirer::live::Prepared;
use crate::acquirer::{Acquirer, Patience};
use crate::admission::Admission;
use crate::api::callers::KnownCallers;
use crate::api::idempotency::InFlight;
use crate::api::rate_limit::RateLimits;
use crate::cards_in_hand::CardsInHand;
use crate::clock::Clock;
use crate::config;
use crate::keys::KeyRing;
use crate::node::{Node, Roles};
use crate::outbound::{self, Network};
use crate::random::Random;
use crate::ranges;
use crate::store::Store;
use crate::store::db::ReadError;
use crate::threeds::{self, ThreeDs};
use crate::worker::slots::Slots;
use payments::ids::{OrderId, SESSION_RANDOM, SessionId, SiteId, TransactionId};
use payments::order::Order;
use payments::ranges::Ranges;
use payments::time::{Millis, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an operator decides about a running gateway.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where customers and shops reach it, without a slash at the end.
    pub public_url: String,
    /// How long the acquirer may take to answer an authorisation, where its own settings say nothing else.
    pub answer_within: Millis,
    /// How long it may take to answer anything else: an inquiry, a reversal, a capture, a refund.
    pub advice_within: Millis,
    /// How long the page waits for an outcome before it says that the payment is being checked.
    pub page_wait: Duration,
    /// How long a paid customer is held until the shop has acknowledged the notification.
    pub notify_hold: Duration,
    /// Private networks that live sites' notifications may go to all the same.
    pub notify_allow: Vec<Network>,
    /// What a card is, by its number.
    pub ranges: Arc<Ranges>,
    /// What this process does.
    pub roles: Roles,
    /// Requests per second that a key of a live site may make; 0 is no limit.
    pub rate_limit_live: u32,
    /// The same for a key of a test site.
    pub rate_limit_test: u32,
    /// How long history is kept; 0 is for ever.
    pub history: Millis,
    /// Requests that are worked on at the same time.
    pub requests_max: usize,
}

/// A gateway. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(pub(crate) Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) store: Store,
    pub(crate) acquirer: Acquirer,
    pub(crate) threeds: ThreeDs,
    pub(crate) outbound: outbound::Client,
    pub(crate) cards: CardsInHand,
    /// Who this process is to others on the same database.
    pub(crate) node: Node,
    /// What the card field's script knows of the card ranges.
    pub(crate) ranges_for_script: String,
    /// How much is worked on at once.
    pub(crate) admission: Admission,
    /// What has to come to its end before the process may.
    pub(crate) underway: TaskTracker,
    /// Cancelled when the process is asked to end: whoever waits for news is answered without.
    pub(crate) stopping: CancellationToken,
    /// Whose requests with an `Idempotency-Key` are being answered.
    pub(crate) in_flight: InFlight,
    /// How many requests each key may still make.
    pub(crate) rate_limits: RateLimits,
    /// Whose keys were seen lately.
    pub(crate) callers: KnownCallers,
    /// Which sites are being told something.
    pub(crate) slots: Slots,
    /// Rung when work may have become due.
    pub(crate) work: Notify,
    /// Says which order changed or was acknowledged, to whoever waits for it.
    changed: broadcast::Sender<(SiteId, OrderId)>,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// How often somebody who waits looks again by himself: the change may be made by another node.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Who else takes part in payments: nobody but the built-in simulators, unless an operator says so.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    pub(crate) threeds: threeds::Setup,
    /// Hosts that charge the cards of the sites they name.
    pub(crate) acquirers: Vec<Prepared>,
}

impl From<threeds::Setup> for Peers {
    fn from(threeds: threeds::Setup) -> Self {
        Self { threeds, ..Self::default() }
    }
}

impl Peers {
    /// Reads what these settings name, certificates, keys, profiles, and takes the ports that hosts call.
    ///
    /// # Errors
    /// What cannot be read, or makes no sense.
    pub fn prepare(threeds: threeds::Setup, acquirers: &[config::Acquirer]) -> anyhow::Result<Self> {
        let prepared = acquirers.iter().map(Prepared::new).collect::<anyhow::Result<Vec<_>>>();
        let mut acquirers = prepared?;
        acquirers.iter_mut().try_for_each(Prepared::bind)?;
        Ok(Self { threeds, acquirers })
    }
}

impl App {
    /// A gateway on an open store. Needs a runtime: its link to the acquirer is opened at once.
    #[must_use]
    pub fn new(
        settings: Settings,
        clock: Clock,
        random: Random,
        keys: Arc<KeyRing>,
        store: Store,
        outbound: outbound::Client,
    ) -> Self {
        Self::with_peers(settings, clock, random, keys, store, outbound, Peers::default())
    }

    /// The same, with what an operator decided about who else takes part.
    #[must_use]
    pub fn with_peers(
        settings: Settings,
        clock: Clock,
        random: Random,
        keys: Arc<KeyRing>,
        store: Store,
        outbound: outbound::Client,
        peers: Peers,
    ) -> Self {
        let threeds = ThreeDs::new(peers.threeds, &settings.public_url, &store, &clock, &random);
        let patience = Patience { authorisation: settings.answer_within, advice: settings.advice_within };
        let (others, known) = (peers.acquirers, Arc::clone(&keys));
        let (acquirer, late) = Acquirer::open(store.clone(), &clock, &random, patience, known, others);
        let (changed, _) = broadcast::channel(1_024);
        let cards = CardsInHand::default();
        let node = Node::new(random.alphanumeric(16));
        let (underway, work) = (TaskTracker::new(), Notify::new());
        let admission = Admission::new(settings.requests_max);
        let ranges_for_script = ranges::for_script(&settings.ranges);
        let parts = Parts {
            settings,
            clock,
            random,
            keys,
            store,
            acquirer,
            threeds,
            outbound,
            cards,
            node,
            ranges_for_script,
            in_flight: InFlight::default(),
            rate_limits: RateLimits::default(),
            callers: KnownCallers::default(),
            slots: Slots::default(),
            admission,
            underway,
            stopping: CancellationToken::new(),
            work,
            changed,
        };
        let app = Self(Arc::new(parts));
        app.take_late_answers(late);
        app
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The store, for whoever looks at what was kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps no request waiting for news any longer: the process is about to end.
    pub fn stop_waiting(&self) {
        self.stopping.cancel();
    }

    /// A new session's name.
    pub(crate) fn draw_session(&self, site: SiteId) -> SessionId {
        loop {
            let mut random = [0; SESSION_RANDOM * 2];
            self.random.fill(&mut random);
            if let Some(id) = SessionId::draw(site, self.now(), &random) {
                return id;
            }
        }
    }

    /// A new attempt's PSP id, one that the site has not used in this second.
    pub(crate) async fn draw_transaction(&self, site: SiteId) -> Result<TransactionId, ReadError> {
        loop {
            let mut random = [0; 4];
            self.random.fill(&mut random);
            let id = TransactionId::new(self.now().unix_seconds(), u32::from_le_bytes(random));
            if !self.store.is_drawn(site, id).await? {
                return Ok(id);
            }
        }
    }

    /// Tells whoever waits that something about an order changed.
    pub(crate) fn announce(&self, site: SiteId, order: &OrderId) {
        // Nobody waiting is fine.
        let _ = self.changed.send((site, order.clone()));
    }

    /// The order once `enough` says so, or as it stands when the time is over.
    pub(crate) async fn wait_for<F>(
        &self,
        site: SiteId,
        id: &OrderId,
        patience: Duration,
        enough: F,
    ) -> anyhow::Result<Option<Order>>
    where
        F: Fn(&Order) -> bool,
    {
        let deadline = Instant::now() + patience;
        let mut changes = self.listen();
        loop {
            let order = self.store.load(site, id).await?;
            if order.as_ref().is_none_or(&enough) || Instant::now() >= deadline {
                return Ok(order);
            }
            let away = self.admission.step_out();
            changes.next(deadline, |at, order| at == site && order == id).await;
            drop(away);
        }
    }

    /// Waits until the shop has acknowledged `version`, will not do so in time, or the time is over.
    pub(crate) async fn wait_until_told(
        &self,
        site: SiteId,
        id: &OrderId,
        version: i64,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        let by = self.now().plus(Millis(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX)));
        let mut changes = self.listen();
        while self.store.may_be_told_by(site, id, version, self.now(), by).await? {
            if Instant::now() >= deadline {
                break;
            }
            let away = self.admission.step_out();
            changes.next(deadline, |at, order| at == site && order == id).await;
            drop(away);
        }
        Ok(())
    }

    /// Hears of every change from now on.
    pub(crate) fn listen(&self) -> Changes {
        Changes(self.changed.subscribe())
    }
}

/// The changes that somebody waits for. Those of other nodes are not heard: after a while, whoever waits looks
/// for himself.
#[derive(Debug)]
pub(crate) struct Changes(broadcast::Receiver<(SiteId, OrderId)>);

impl Changes {
    /// Waits for a change of an order of the site, or until it is time to look.
    pub(crate) async fn next_of(&mut self, site: SiteId, deadline: Instant) {
        self.next(deadline, |at, _| at == site).await;
    }

    async fn next(&mut self, deadline: Instant, wanted: impl Fn(SiteId, &OrderId) -> bool) {
        let look_again = deadline.min(Instant::now() + LOOK_AGAIN);
        let changed = async {
            while let Ok((site, order)) = self.0.recv().await {
                if wanted(site, &order) {
                    break;
                }
            }
        };
        // Whether it was rung or the time passed, the caller looks.
        let _ = tokio::time::timeout_at(look_again, changed).await;
    }
}
