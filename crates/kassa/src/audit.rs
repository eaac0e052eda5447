//! The audit: recomputes every balance and every order's status from the rows, and compares them with what the
//! ledger, the simulated acquirer's book and the shop's last acknowledged notification say.

use crate::acquirer::terminal::test_site_at;
use crate::store::Store;
use crate::store::book::Entry;
use crate::store::open_to_buy::Crooked;
use crate::store::trace::Operation;
use payments::ids::{SiteId, TransactionId};
use payments::ledger::{self, Account};
use payments::movement::{Kind, Movement, RefundState};
use payments::order::Order;
use payments::status;
use payments::transaction::State;
use std::collections::BTreeMap;

/// Balances in minor units, by site, account and currency.
type Balances = BTreeMap<(SiteId, String, String), i64>;

/// What an audit found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many orders were looked at.
    pub orders: u64,
    /// How many transfers were added up.
    pub transfers: u64,
    /// What every account holds according to the transfers.
    balances: Balances,
    /// Every difference, in words.
    pub differences: Vec<String>,
}

impl Report {
    /// One line per account: site, account, currency and minor units.
    pub fn balances(&self) -> impl Iterator<Item = String> + '_ {
        self.balances
            .iter()
            .map(|((site, account, currency), minor)| format!("site {site} {account} {currency} {minor}"))
    }

    fn differ(&mut self, order: &Order, what: &str) {
        self.differences.push(format!("site {} order {}: {what}", order.site, order.id));
    }
}

/// Looks at every order of every site. Nothing is changed; orders that change meanwhile may be reported.
///
/// # Errors
/// When the store cannot be read, or holds what no version of Kassa writes.
pub async fn audit(store: &Store) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut expected = Balances::new();
    for site in store.sites().await? {
        let strays = store.stray_transfers(site.id).await?;
        if strays > 0 {
            report.differences.push(format!("site {}: {strays} transfers belong to no transaction", site.id));
        }
        let misfiled = store.misfiled_payments(site.id).await?;
        if misfiled > 0 {
            let what = "payments are listed as given back and were not, or the other way round";
            report.differences.push(format!("site {}: {misfiled} {what}", site.id));
        }
        audit_acquirer(store, site.id, &mut report).await?;
        let mut after = String::new();
        loop {
            let ids = store.order_ids(site.id, &after).await?;
            let Some(last) = ids.last() else { break };
            after = last.as_str().to_owned();
            for id in &ids {
                let Some(order) = store.load_anew(site.id, id).await? else {
                    continue;
                };
                report.orders += 1;
                audit_order(store, &order, &mut report, &mut expected).await?;
            }
        }
    }
    compare_balances(&mut report, &expected);
    Ok(report)
}

/// The simulated host's book holds nothing that is not ours, and its cards have left what it says.
async fn audit_acquirer(store: &Store, site: SiteId, report: &mut Report) -> anyhow::Result<()> {
    let strays = store.stray_approvals(site).await?;
    if strays > 0 {
        let what = format!("site {}: {strays} approvals at the acquirer are not ours", site);
        report.differences.push(what);
    }
    let strays = store.stray_movements(site).await?;
    if strays > 0 {
        let what = format!("site {}: {strays} movements at the acquirer are not ours", site);
        report.differences.push(what);
    }
    let Crooked { cards, authorisations } = store.crooked_cards(site).await?;
    if cards > 0 {
        let what = format!("site {}: {cards} cards have not left what the acquirer holds of them", site);
        report.differences.push(what);
    }
    if authorisations > 0 {
        let what = format!(
            "site {}: {authorisations} authorisations hold what the acquirer's book does not say",
            site
        );
        report.differences.push(what);
    }
    Ok(())
}

async fn audit_order(
    store: &Store,
    order: &Order,
    report: &mut Report,
    expected: &mut Balances,
) -> anyhow::Result<()> {
    audit_ledger(store, order, report, expected).await?;
    let book = store.book_of_order(order.site, &order.id).await?;
    audit_book(order, &book, report);
    audit_movements(store, order, report).await?;
    audit_jobs(store, order, report).await?;
    // A captured part begins with what the shop asked for itself.
    let announced = !order.transactions.is_empty() && order.captured_from.is_none();
    if announced && !store.has_outbox_row(order.site, &order.id).await? {
        report.differ(order, "nothing is going to tell the shop of its transactions");
    }
    let (settled, told) = store.told(order.site, &order.id).await?;
    let status = status::of_order(order).order;
    // A cancelled order that is asked for again is initialized without any news.
    let reopened = status == "initialized" && order.open().is_none();
    if let Some(told) = told.filter(|told| settled && told != status && !reopened) {
        report.differ(order, &format!("the shop was last told {told}, the rows say {status}"));
    }
    Ok(())
}

/// The transfers of an order leave its money where its state says it is, and nowhere else.
async fn audit_ledger(
    store: &Store,
    order: &Order,
    report: &mut Report,
    expected: &mut Balances,
) -> anyhow::Result<()> {
    let transfers = store.transfers(order.site, &order.id).await?;
    report.transfers += u64::try_from(transfers.len()).unwrap_or(0);
    let mut posted: BTreeMap<String, i64> = BTreeMap::new();
    for transfer in &transfers {
        let amount = transfer.amount_minor;
        if amount <= 0 {
            report.differ(order, &format!("a transfer of {amount} minor units"));
        }
        for (account, minor) in [(&transfer.debit, -amount), (&transfer.credit, amount)] {
            *posted.entry(account.clone()).or_default() += minor;
            let key = (order.site, account.clone(), transfer.currency.clone());
            *report.balances.entry(key).or_default() += minor;
        }
    }
    let home = ledger::expected(order);
    for account in Account::ALL {
        let should = home.get(&account).copied().unwrap_or_default();
        let is = posted.get(account.word()).copied().unwrap_or_default();
        if is != should {
            let word = account.word();
            report.differ(order, &format!("the ledger has {is} in {word}, its state says {should}"));
        }
        if should != 0 {
            let currency = order.terms.amount.currency.code().to_owned();
            *expected.entry((order.site, account.word().to_owned(), currency)).or_default() += should;
        }
    }
    if order.refunded() > order.collected() || order.captured() > authorised(order) {
        report.differ(order, "more was refunded or captured than there was");
    }
    Ok(())
}

/// What may be captured in all.
fn authorised(order: &Order) -> i64 {
    let captured = order.movements.iter().filter(|movement| movement.is_capture());
    let of = captured.filter_map(|capture| order.transaction(capture.of)).next();
    of.map_or(0, |payment| payment.amount.minor)
}

/// At most one approval of an order stands at the host, and it is the one that pays or settles the order.
fn audit_book(order: &Order, book: &[(TransactionId, Entry)], report: &mut Report) {
    let charged: Vec<TransactionId> =
        book.iter().filter(|(_, entry)| entry.is_charged()).map(|(reference, _)| *reference).collect();
    if charged.len() > 1 {
        report.differ(order, &format!("{} approvals stand at the acquirer", charged.len()));
    }
    for reference in &charged {
        let transaction = order.transaction(*reference);
        let owned = transaction.is_some_and(|transaction| match transaction.state {
            State::Completed { .. } | State::Authorised { .. } | State::Uncleared { .. } => true,
            // Settled by a job that is waiting, see below.
            State::Authorising | State::Unknown { .. } | State::Reversing { .. } => true,
            State::Void { released_at, .. } => released_at.is_none(),
            State::Authenticating | State::Declined(_) | State::Expired | State::Cancelled => false,
        });
        if !owned {
            report.differ(order, &format!("approval {reference} stands at the acquirer for nothing"));
        }
    }
    let simulated = !book.is_empty();
    for paid in order.transactions.iter().filter(|transaction| transaction.is_paid() && simulated) {
        let whole = |(reference, entry): &(TransactionId, Entry)| {
            *reference == paid.id && entry.is_charged() && !entry.is_in_part()
        };
        if !book.iter().any(whole) {
            report.differ(
                order,
                &format!("transaction {} is paid without an approval at the acquirer", paid.id),
            );
        }
    }
}

/// Whatever is not settled has a job that settles it, and an open session one that ends it.
async fn audit_jobs(store: &Store, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    let session = &order.session;
    if session.ended.is_none() && !store.has_job(order.site, "expire_session", session.id.as_str()).await? {
        report.differ(order, "nothing is waiting to end its session");
    }
    for transaction in &order.transactions {
        let kind = match transaction.state {
            State::Authenticating => "expire_transaction",
            State::Authorising | State::Unknown { .. } | State::Reversing { .. } => "resolve_unknown",
            State::Uncleared { .. } => "end_review",
            State::Authorised { .. } => "expire_authorisation",
            State::Void { released_at: None, .. } => "release_approval",
            State::Completed { .. } if transaction.is_completion_due() => "send_completion",
            State::Void { .. }
            | State::Completed { .. }
            | State::Declined(_)
            | State::Expired
            | State::Cancelled => continue,
        };
        if !store.has_job(order.site, kind, &transaction.id.to_string()).await? {
            report.differ(order, &format!("nothing is waiting to settle transaction {}", transaction.id));
        }
    }
    for movement in &order.movements {
        let kind = match &movement.kind {
            Kind::Capture { told_at: None } => "send_capture",
            Kind::Refund(RefundState::Reserved | RefundState::Sending | RefundState::Unknown { .. }) => {
                "send_refund"
            }
            Kind::Chargeback(dispute) if dispute.stage.waits_for_shop() => "end_dispute",
            Kind::Capture { .. }
            | Kind::Cancellation
            | Kind::Refund(_)
            | Kind::Chargeback(_)
            | Kind::ReverseChargeback { .. } => continue,
        };
        if !store.has_job(order.site, kind, &movement.id.to_string()).await? {
            report.differ(order, &format!("nothing is waiting to settle movement {}", movement.id));
        }
    }
    Ok(())
}

/// What was captured and refunded stands in the simulated host's book as it stands in ours.
async fn audit_movements(store: &Store, order: &Order, report: &mut Report) -> anyhow::Result<()> {
    for movement in &order.movements {
        if is_elsewhere(store, order.site, movement).await? {
            continue;
        }
        let booked = store.booked_for(order.site, movement.id).await?;
        let done = booked.as_ref().map(|(code, _)| code == "00");
        let fits = match &movement.kind {
            Kind::Capture { told_at: Some(_) } | Kind::Refund(RefundState::Completed { .. }) => {
                done == Some(true)
            }
            Kind::Refund(RefundState::Reserved | RefundState::Void) => done.is_none(),
            Kind::Refund(RefundState::Declined { .. }) => done != Some(true),
            Kind::Capture { told_at: None }
            | Kind::Refund(RefundState::Sending | RefundState::Unknown { .. })
            | Kind::Cancellation
            | Kind::Chargeback(_)
            | Kind::ReverseChargeback { .. } => true,
        };
        if !fits {
            report.differ(order, &format!("movement {} is not what the acquirer's book says", movement.id));
        }
    }
    Ok(())
}

/// Whether it was sent to a host whose book is not here.
async fn is_elsewhere(store: &Store, site: SiteId, movement: &Movement) -> anyhow::Result<bool> {
    let operation = match movement.kind {
        Kind::Capture { .. } => Operation::Capture,
        Kind::Refund(_) => Operation::Refund,
        Kind::Cancellation | Kind::Chargeback(_) | Kind::ReverseChargeback { .. } => return Ok(false),
    };
    let trace = store.trace(site, movement.id, operation).await?;
    Ok(trace.is_some_and(|trace| test_site_at(&trace.mark.terminal) != Some(site)))
}

fn compare_balances(report: &mut Report, expected: &Balances) {
    let keys: std::collections::BTreeSet<_> =
        report.balances.keys().chain(expected.keys()).cloned().collect();
    for key in keys {
        let of = |balances: &Balances| balances.get(&key).copied().unwrap_or_default();
        let (is, should) = (of(&report.balances), of(expected));
        if is != should {
            let (site, account, currency) = &key;
            let what =
                format!("site {site} {account} {currency}: the ledger says {is}, the orders say {should}");
            report.differences.push(what);
        }
    }
    let mut sums: BTreeMap<(SiteId, &str), i64> = BTreeMap::new();
    for ((site, _, currency), minor) in &report.balances {
        *sums.entry((*site, currency.as_str())).or_default() += minor;
    }
    let unbalanced: Vec<String> = sums
        .iter()
        .filter(|(_, sum)| **sum != 0)
        .map(|((site, currency), sum)| format!("site {site} {currency}: the ledger sums to {sum}"))
        .collect();
    report.differences.extend(unbalanced);
}
