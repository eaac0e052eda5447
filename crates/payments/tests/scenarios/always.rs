//! What must hold after every step, whatever happened.

use crate::play::{Book, Kept, Scenario};
use payments::card::Brand;
use payments::change::{Change, Job};
use payments::ids::{TokenId, TransactionId};
use payments::ledger::{self, Account};
use payments::movement::{Kind, Movement, REFUND_WINDOW, RefundState, Stage};
use payments::order::Order;
use payments::status::{self, Status};
use payments::time::Timestamp;
use payments::token::TokenUse;
use payments::transaction::{Capturing, Settlement, State, Transaction};
use std::collections::BTreeMap;

/// The pairs of lifecycle §1.4. An own American Express contract is collected elsewhere, so its financial status
/// stays `initialized` whatever follows.
const PAIRS: [(&str, Option<&str>); 16] = [
    ("initialized", Some("initialized")),
    ("completed", Some("completed")),
    ("completed", Some("initialized")),
    ("uncleared", Some("uncleared")),
    ("void", Some("void")),
    ("void", Some("cancelled")),
    ("declined", Some("declined")),
    ("expired", Some("expired")),
    ("cancelled", None),
    ("shipped", Some("completed")),
    ("refunded", Some("completed")),
    ("partial_refunded", Some("completed")),
    ("chargedback", Some("completed")),
    // Movements only.
    ("reserved", Some("reserved")),
    // An own contract only.
    ("uncleared", Some("initialized")),
    ("shipped", Some("initialized")),
];
const OWN_CONTRACT: [&str; 6] =
    ["uncleared", "completed", "shipped", "refunded", "partial_refunded", "chargedback"];

/// The order `id` was as `before` and is as it is now, because of `changes` that `text` led to.
pub(crate) fn check(scenario: &Scenario, id: &str, before: Option<&Order>, text: &str, changes: &[Change]) {
    let book = &scenario.books[id];
    check_applied(&book.order, before, changes, scenario.now);
    check_attempts(&book.order);
    check_second_tries(&book.order);
    check_pairs(&book.order);
    check_work(&book.order, &scenario.jobs);
    check_tokens(&book.order, &scenario.tokens);
    check_told(&book.order, before, text, changes, scenario.now);
    if let Some(before) = before {
        check_nothing_is_undone(before, &book.order);
        check_allowed(before, changes, scenario.now);
    }
    for book in scenario.books.values() {
        check_money(book);
    }
    check_sums(scenario);
}

/// Made one by one, the changes give what all of them give at once.
fn check_applied(after: &Order, before: Option<&Order>, changes: &[Change], now: Timestamp) {
    let mut order = before.unwrap_or(after).clone();
    let version = before.map_or(0, |before| before.version);
    order.modified_at = order.modified_by(changes, now);
    changes.iter().for_each(|change| order.apply(change));
    order.version = version + 1;
    assert_eq!(&order, after, "one by one is the same as at once");
}

fn check_attempts(order: &Order) {
    let count = |test: fn(&Transaction) -> bool| order.transactions.iter().filter(|t| test(t)).count();
    let (open, paid) = (count(Transaction::is_open), count(Transaction::is_paid));
    assert!(open + paid <= 1, "at most one attempt is open or paid, not {open} and {paid}");
}

/// An attempt is tried again at most once, because its issuer wanted that, and a second try never.
fn check_second_tries(order: &Order) {
    for first in &order.transactions {
        let Some(second) = order.second_try_of(first.id) else { continue };
        let State::Declined(decline) = &first.state else { panic!("{first:?} is tried again") };
        assert_eq!((decline.reason_code, first.card.brand == Brand::Maestro), (4004, false), "{first:?}");
        assert_eq!((second.second_try, second.amount, &second.card), (None, first.amount, &first.card));
        let of_it = order.transactions.iter().filter(|other| other.second_try == Some(second.id));
        assert_eq!(of_it.count(), 1, "a try of its own");
    }
}

fn check_pairs(order: &Order) {
    let known = |seen: Status| {
        let own = order.paid().is_some_and(|paid| paid.settlement == Settlement::Scheme);
        let own = own && seen.financial == Some("initialized") && OWN_CONTRACT.contains(&seen.order);
        own || PAIRS[..14].contains(&(seen.order, seen.financial))
    };
    let of_order = status::of_order(order);
    assert!(known(of_order) && of_order.order != "reserved", "{of_order:?} is documented");
    for movement in &order.movements {
        let seen = status::of_movement(movement);
        let documented: &[&str] = match movement.kind {
            Kind::Capture { .. } | Kind::Cancellation | Kind::ReverseChargeback { .. } => &["completed"],
            Kind::Refund(_) => &["reserved", "completed", "declined", "void"],
            Kind::Chargeback(_) => &["reserved", "completed"],
        };
        let twice = seen.financial == Some(seen.order);
        assert!(twice && documented.contains(&seen.order), "{seen:?} of {:?} is documented", movement.kind);
    }
}

/// Whatever waits for somebody else has work due that ends the wait, and what is over has none.
fn check_work(order: &Order, jobs: &BTreeMap<Job, (String, Timestamp)>) {
    let mut wanted = BTreeMap::new();
    let is_running = order.session.ended.is_none();
    wanted.insert(Job::ExpireSession(order.session.id.clone()), is_running.then_some(order.session.ends_at));
    for transaction in &order.transactions {
        let (id, state) = (transaction.id, &transaction.state);
        let asked_for = matches!(state, State::Authorising | State::Unknown { .. } | State::Reversing { .. });
        wanted.insert(Job::ResolveUnknown(id), asked_for.then_some(Timestamp(i64::MAX)));
        let to_release = matches!(state, State::Void { released_at: None, .. });
        wanted.insert(Job::ReleaseApproval(id), to_release.then_some(Timestamp(i64::MAX)));
        let expires_at = transaction.is_authenticating().then(|| transaction.expires_at());
        wanted.insert(Job::ExpireTransaction(id), expires_at);
        let held = if let State::Uncleared { review, .. } = state { Some(review.ends_at) } else { None };
        wanted.insert(Job::EndReview(id), held);
        let until = if let State::Authorised { expires_at, .. } = state { Some(*expires_at) } else { None };
        wanted.insert(Job::ExpireAuthorisation(id), until);
        let to_complete = transaction.is_completion_due().then_some(Timestamp(i64::MAX));
        wanted.insert(Job::SendCompletion(id), to_complete);
    }
    for Movement { id, kind, .. } in &order.movements {
        let untold = matches!(kind, Kind::Capture { told_at: None });
        wanted.insert(Job::SendCapture(*id), untold.then_some(Timestamp(i64::MAX)));
        let (mut unsent, mut unanswered) = (false, None);
        match kind {
            Kind::Refund(state) => unsent = is_underway(state),
            Kind::Chargeback(dispute) if dispute.stage == Stage::Submitted => continue,
            Kind::Chargeback(dispute) => {
                unanswered = dispute.stage.waits_for_shop().then_some(dispute.respond_by);
            }
            Kind::Capture { .. } | Kind::Cancellation | Kind::ReverseChargeback { .. } => {}
        }
        wanted.insert(Job::SendRefund(*id), unsent.then_some(Timestamp(i64::MAX)));
        wanted.insert(Job::EndDispute(*id), unanswered);
    }
    for (job, at) in wanted {
        match (at, jobs.get(&job)) {
            (Some(Timestamp(i64::MAX)), Some(_)) | (None, None) => {}
            (Some(wanted), Some((_, due))) => assert_eq!(wanted, *due, "{job:?} is due in time"),
            (wanted, due) => panic!("{job:?} should be due at {wanted:?} and is at {due:?}"),
        }
    }
}

fn is_underway(refund: &RefundState) -> bool {
    matches!(refund, RefundState::Reserved | RefundState::Sending | RefundState::Unknown { .. })
}

/// A card that this order keeps can be used once it has paid, and is gone once it cannot any more.
fn check_tokens(order: &Order, tokens: &BTreeMap<TokenId, Kept>) {
    for transaction in &order.transactions {
        let (id, expected): (_, &[Kept]) = match (&transaction.token, &transaction.state) {
            (None, _) => continue,
            (Some(TokenUse::Known(id)), _) => (id, &[Kept::Usable]),
            (Some(TokenUse::Keeps(id)), State::Completed { .. } | State::Authorised { .. }) => {
                (id, &[Kept::Usable])
            }
            // The second try decides.
            (Some(TokenUse::Keeps(_)), State::Declined(_))
                if order.second_try_of(transaction.id).is_some() =>
            {
                continue;
            }
            // Rejected after review, or authorised and then given back.
            (Some(TokenUse::Keeps(id)), State::Void { .. }) => (id, &[Kept::Dropped, Kept::Usable]),
            (Some(TokenUse::Keeps(id)), State::Declined(_) | State::Expired | State::Cancelled) => {
                (id, &[Kept::Dropped])
            }
            (
                Some(TokenUse::Keeps(id)),
                State::Authenticating
                | State::Authorising
                | State::Unknown { .. }
                | State::Reversing { .. }
                | State::Uncleared { .. },
            ) => (id, &[Kept::Waiting]),
        };
        let kept = tokens.get(id);
        assert!(kept.is_some_and(|kept| expected.contains(kept)), "{kept:?}: {:?}", transaction.state);
    }
}

/// What the shop can see of an order, apart from when it changed.
fn visible(order: &Order) -> (Order, Status) {
    let mut seen = order.clone();
    (seen.version, seen.modified_at) = (0, Timestamp(0));
    (seen.session.attempts, seen.session.ended) = (0, None);
    for transaction in &mut seen.transactions {
        transaction.modified_at = Timestamp(0);
        transaction.completion = None;
        match &mut transaction.state {
            state @ (State::Authorising | State::Unknown { .. } | State::Reversing { .. }) => {
                *state = State::Authenticating;
            }
            State::Void { released_at, .. } => *released_at = None,
            State::Authenticating
            | State::Uncleared { .. }
            | State::Authorised { .. }
            | State::Completed { .. }
            | State::Declined(_)
            | State::Expired
            | State::Cancelled => {}
        }
    }
    for movement in &mut seen.movements {
        movement.modified_at = Timestamp(0);
        match &mut movement.kind {
            Kind::Capture { told_at } => *told_at = None,
            Kind::Refund(state) if is_underway(state) => *state = RefundState::Reserved,
            Kind::Refund(_) | Kind::Cancellation | Kind::Chargeback(_) | Kind::ReverseChargeback { .. } => {}
        }
    }
    (seen, status::of_order(order))
}

/// The shop is told of whatever it did not do itself, and a time of change means that there is something to see.
fn check_told(after: &Order, before: Option<&Order>, text: &str, changes: &[Change], now: Timestamp) {
    let is_told = changes.contains(&Change::NotificationDue);
    let Some(before) = before else {
        assert!(!is_told && after.modified_at == now, "whoever placed an order knows");
        return;
    };
    let is_seen = visible(before) != visible(after);
    // Another piece of evidence is news, though the dispute stands where it stood.
    let is_news = is_seen || text.starts_with("evidence");
    let expected = if is_news { now } else { before.modified_at };
    assert_eq!(after.modified_at, expected, "modified when there is something to see: {is_news}");
    assert!(is_news || !is_told, "there is something to tell");
    let statuses = |order: &Order| -> Vec<_> { order.movements.iter().map(status::of_movement).collect() };
    let differs = status::of_order(before) != status::of_order(after)
        || before.refunded() != after.refunded()
        || statuses(before) != statuses(after);
    // Whoever places an order anew has its state in the answer.
    assert!(is_told || !differs || text.starts_with("place"), "the shop is told");
    for (old, new) in before.movements.iter().zip(&after.movements) {
        let changed = status::of_movement(old) != status::of_movement(new) || old.dispute() != new.dispute();
        let expected = if changed || new.modified_at == now { now } else { old.modified_at };
        assert_eq!(new.modified_at, expected);
        assert!(changed || new.modified_at == old.modified_at || text.starts_with("evidence"), "{new:?}");
    }
}

/// What is paid stays paid, what is final stays final, and no movement is rewritten.
fn check_nothing_is_undone(before: &Order, after: &Order) {
    assert!(after.collected() >= before.collected(), "collected money stays collected");
    assert!(after.captured() >= before.captured(), "captured money stays captured");
    for (old, new) in before.transactions.iter().zip(&after.transactions) {
        assert_eq!((old.id, old.amount, old.created_at), (new.id, new.amount, new.created_at));
        let stays_told =
            old.completion.is_none_or(|old| old.told_at.is_none()) || old.completion == new.completion;
        assert!(stays_told && old.completion.is_some() == new.completion.is_some(), "{new:?}");
        let stays = match (&old.state, &new.state) {
            (State::Completed { .. } | State::Declined(_) | State::Expired | State::Cancelled, new) => {
                *new == old.state
            }
            (State::Authorised { .. }, new) => {
                matches!(new, State::Authorised { .. } | State::Completed { .. } | State::Void { .. })
            }
            (State::Uncleared { .. }, new) => !new_is_open(new),
            (State::Void { .. }, new) => matches!(new, State::Void { .. }),
            (
                State::Authenticating | State::Authorising | State::Unknown { .. } | State::Reversing { .. },
                _,
            ) => true,
        };
        assert!(stays, "{:?} became {:?}", old.state, new.state);
    }
    assert!(before.movements.len() <= after.movements.len(), "no movement is lost");
    for (old, new) in before.movements.iter().zip(&after.movements) {
        assert_eq!((old.id, old.of, &old.order, old.amount), (new.id, new.of, &new.order, new.amount));
        let stays = match (&old.kind, &new.kind) {
            (Kind::Refund(old), Kind::Refund(new)) => match old {
                RefundState::Reserved => true,
                // On its way: it is never taken back, only answered.
                RefundState::Sending | RefundState::Unknown { .. } => {
                    !matches!(new, RefundState::Reserved | RefundState::Void)
                }
                RefundState::Completed { .. } | RefundState::Declined { .. } | RefundState::Void => {
                    new == old
                }
            },
            (Kind::Chargeback(old), Kind::Chargeback(new)) => old.stage.takes_evidence() || new == old,
            (Kind::Capture { told_at }, Kind::Capture { told_at: new }) => {
                told_at.is_none() || told_at == new
            }
            (old, new) => old == new,
        };
        assert!(stays, "{:?} became {:?}", old.kind, new.kind);
    }
}

/// What begins was still allowed to.
fn check_allowed(before: &Order, changes: &[Change], now: Timestamp) {
    for change in changes {
        if matches!(change, Change::TransactionOpened(_) | Change::SessionOpened(_)) {
            assert!(before.paid().is_none() && before.captured() == 0, "what is paid is not paid again");
        }
        let Change::MovementOpened(opened) = change else {
            continue;
        };
        let payment = before.paid().expect("only of what is paid");
        match (&opened.kind, &payment.state) {
            (Kind::Capture { .. } | Kind::Cancellation, State::Authorised { expires_at, .. }) => {
                let in_time = now < *expires_at || matches!(opened.kind, Kind::Cancellation);
                assert!(in_time && opened.amount.minor > 0, "captured in time");
            }
            (Kind::Refund(_), State::Completed { at, .. }) => {
                let kept = before.collected() - before.charged_back() - before.refunded();
                assert!(opened.amount.minor <= kept, "the customer has the money already");
                assert!(now.since(*at) <= REFUND_WINDOW, "refunded in time");
            }
            (Kind::Chargeback(_) | Kind::ReverseChargeback { .. }, State::Completed { .. }) => {}
            (kind, state) => panic!("{kind:?} of a payment that is {state:?}"),
        }
    }
}

fn new_is_open(state: &State) -> bool {
    matches!(
        state,
        State::Authenticating | State::Authorising | State::Unknown { .. } | State::Reversing { .. }
    )
}

/// Σ refunded ≤ Σ collected, Σ captured ≤ authorised, and the ledger says the same as the order.
fn check_money(book: &Book) {
    let order = &book.order;
    assert_eq!(book.balances.values().sum::<i64>(), 0, "the ledger sums to zero");
    let elsewhere =
        |payment: &Transaction| payment.settlement == Settlement::Scheme || payment.amount.is_zero();
    let is_elsewhere = order.transactions.iter().all(elsewhere);
    assert!(
        !is_elsewhere || book.balances.is_empty(),
        "what is collected elsewhere, or nothing, is not in it"
    );
    let expected = ledger::expected(order);
    for account in Account::ALL {
        let of = |balances: &BTreeMap<Account, i64>| balances.get(&account).copied().unwrap_or_default();
        assert_eq!(of(&book.balances), of(&expected), "{account:?}");
        let may_owe = matches!(account, Account::Acquirer | Account::Balance);
        assert!(may_owe || of(&expected) >= 0, "{account:?} holds no less than nothing");
    }
    let with_status = |words: &[&str], kind: fn(&Movement) -> bool| -> i64 {
        let counted =
            order.movements.iter().filter(|m| kind(m) && words.contains(&status::of_movement(m).order));
        counted.map(|movement| movement.amount.minor).sum()
    };
    let refunded = with_status(&["reserved", "completed"], |movement| movement.refund().is_some());
    assert_eq!(order.refunded(), refunded, "reserved counts at once, and not once it is void or declined");
    assert!(refunded <= order.collected(), "Σ refunded {refunded} ≤ collected {}", order.collected());
    assert!(order.charged_back() <= order.collected(), "no more is taken back than was collected");
    for payment in &order.transactions {
        let of = |movement: &&Movement| movement.of == payment.id && movement.is_capture();
        let captured: i64 = order.movements.iter().filter(of).map(|movement| movement.amount.minor).sum();
        assert!(captured <= payment.amount.minor, "Σ captured {captured} ≤ authorised");
        let is_authorised = matches!(payment.state, State::Authorised { .. });
        assert!(!is_authorised || captured < payment.amount.minor, "something is left to capture");
        if captured > 0 {
            assert_eq!(payment.capturing, Capturing::Manual, "only what was authorised is captured");
        }
    }
    let expects = |word| if order.shipped_at.is_some() { "shipped" } else { word };
    let collected = order.collected();
    if collected > 0 {
        let paid_back = with_status(&["completed"], |movement| movement.refund().is_some());
        let word = match (order.charged_back(), paid_back) {
            (1.., _) => "chargedback",
            (_, 0) => expects("completed"),
            (_, paid_back) if paid_back < collected => "partial_refunded",
            _ => "refunded",
        };
        assert_eq!(status::of_order(order).order, word);
    }
}

/// Across all orders of one authorisation: what is refunded was collected, what is collected was authorised.
fn check_sums(scenario: &Scenario) {
    let orders = || scenario.books.values().map(|book| &book.order);
    let collected: i64 = orders().map(Order::collected).sum();
    let refunded: i64 = orders().map(Order::refunded).sum();
    let authorised = |order: &Order| -> Option<i64> {
        let approved = |t: &&Transaction| t.approval().is_some() && t.authorised_by.is_none();
        order.transactions.iter().filter(approved).map(|payment| payment.amount.minor).max()
    };
    let authorised = orders().filter_map(authorised).max().unwrap_or(0);
    assert!(refunded <= collected && collected <= authorised, "{refunded} ≤ {collected} ≤ {authorised}");
    let captured: i64 = orders().map(Order::captured).sum();
    assert!(captured == 0 || captured == collected, "every captured part is collected once");
    for part in orders().filter(|order| order.captured_from.is_some()) {
        let [payment] = part.transactions.as_slice() else { panic!("a part is paid once") };
        let from = orders().find(|order| Some(&order.id) == part.captured_from.as_ref());
        let capture = from.and_then(|order| order.movement(payment.id)).expect("captured from an order");
        assert_eq!((capture.amount, &capture.order), (payment.amount, &part.id));
        assert_eq!(payment.authorised_by, Some(capture.of), "the acquirer knows it by its authorisation");
        assert_ne!(payment.authorisation(), TransactionId(0));
    }
}
