//! What the simulated acquirer lets each card spend.
//!
//! Every authorisation holds an amount that follows from the book: all of it while it stands, what was captured of it
//! once the rest is given back, less what was refunded. Whatever changes the book moves the card's money by the
//! difference to what was held before, in the same write: a message that comes twice moves nothing the second time.

use super::Store;
use super::book::Entry;
use super::db::{ReadError, Row, Statement, Write, WriteError, statement};
use super::trace::{Mark, by_mark};
use payments::ids::SiteId;
use payments::money::Currency;

/// A card as the host knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// A keyed digest of its number in hexadecimal.
    pub(crate) card: String,
    pub(crate) last4: String,
    /// What it may spend in all, in minor units of whatever currency.
    pub(crate) line_minor: i64,
}

/// What is left to a card in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenToBuy {
    pub(crate) last4: String,
    pub(crate) currency: String,
    pub(crate) line_minor: i64,
    pub(crate) open_minor: i64,
}

/// Where cards and book disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Crooked {
    /// Cards that have not what their authorisations leave them.
    pub(crate) cards: i64,
    /// Authorisations that hold something else than the book says, or nothing.
    pub(crate) authorisations: i64,
}

/// The sum of what moved after authorisation `b`, of one kind.
macro_rules! moved {
    ($kind:literal) => {
        concat!(
            "CAST((SELECT COALESCE(SUM(m.amount_minor), 0) FROM simulator_movement m WHERE m.site_id = b.site_id \
             AND m.terminal = b.terminal AND m.original_transmission = b.transmission \
             AND m.original_stan = b.stan AND m.rrn = b.rrn AND m.response_code = '00' AND m.kind = '",
            $kind,
            "') AS BIGINT)"
        )
    };
}

/// What authorisation `b` holds by the book. Half of it where a part is approved, see `Entry::approved_minor`.
macro_rules! held {
    () => {
        concat!(
            "CASE WHEN b.reversed_at IS NOT NULL THEN ",
            moved!("capture"),
            " WHEN b.response_code = '00' THEN b.amount_minor \
             WHEN b.response_code = '10' THEN b.amount_minor / 2 ELSE 0 END - ",
            moved!("refund")
        )
    };
}

/// The card that the authorisation of a mark was of.
macro_rules! of_mark {
    () => {
        "(site_id, card, currency) IN (SELECT h.site_id, h.card, h.currency FROM simulator_hold h \
         WHERE h.site_id = $1 AND h.terminal = $2 AND h.transmission = $3 AND h.stan = $4 AND h.rrn = $5)"
    };
}

/// Takes an amount from a card that has it. It is the guard, and writes share a commit whose guards come first: the
/// next one has to find it gone.
const TAKE: &str = "INSERT INTO simulator_card (site_id, card, currency, last4, line_minor, open_minor) \
                    VALUES ($1, $2, $3, $4, CAST($5 AS BIGINT), CAST($5 AS BIGINT) - CAST($6 AS BIGINT)) \
                    ON CONFLICT (site_id, card, currency) DO UPDATE SET \
                    open_minor = simulator_card.open_minor - CAST($6 AS BIGINT) \
                    WHERE simulator_card.open_minor >= CAST($6 AS BIGINT)";
/// Notes what was taken, once more where the authorisation comes twice: `MOVE` gives it back.
const HOLD: &str = "INSERT INTO simulator_hold (site_id, terminal, transmission, stan, rrn, card, currency, held_minor) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                    ON CONFLICT (site_id, terminal, transmission, stan, rrn) DO UPDATE SET \
                    held_minor = simulator_hold.held_minor + excluded.held_minor \
                    WHERE simulator_hold.card = excluded.card AND simulator_hold.currency = excluded.currency";
/// Gives back what was taken from a card for numbers that another card came with before.
const MISTAKEN: &str = "UPDATE simulator_card SET open_minor = open_minor + CAST($8 AS BIGINT) \
                        WHERE site_id = $1 AND card = $6 AND currency = $7 AND NOT EXISTS \
                        (SELECT 1 FROM simulator_hold h WHERE h.site_id = $1 AND h.terminal = $2 \
                        AND h.transmission = $3 AND h.stan = $4 AND h.rrn = $5 AND h.card = $6 AND h.currency = $7)";
/// Has the card to itself until the commit.
const LOCK: &str = concat!("UPDATE simulator_card SET open_minor = open_minor WHERE ", of_mark!());
const MOVE: &str = concat!(
    "UPDATE simulator_card SET open_minor = open_minor + (SELECT h.held_minor - (",
    held!(),
    ") FROM simulator_hold h JOIN simulator_authorisation b ON b.site_id = h.site_id AND b.terminal = h.terminal \
     AND b.transmission = h.transmission AND b.stan = h.stan AND b.rrn = h.rrn \
     WHERE h.site_id = $1 AND h.terminal = $2 AND h.transmission = $3 AND h.stan = $4 AND h.rrn = $5) WHERE ",
    of_mark!()
);
const HELD: &str = concat!(
    "UPDATE simulator_hold SET held_minor = (SELECT ",
    held!(),
    " FROM simulator_authorisation b WHERE b.site_id = $1 AND b.terminal = $2 AND b.transmission = $3 \
     AND b.stan = $4 AND b.rrn = $5) \
     WHERE site_id = $1 AND terminal = $2 AND transmission = $3 AND stan = $4 AND rrn = $5"
);

impl Store {
    /// Books an approval if its card has that much left; whether it has. `insert` is what puts it into the book.
    pub(super) async fn book_within_line(
        &self,
        account: &Account,
        entry: &Entry,
        currency: Currency,
        insert: Statement,
    ) -> Result<bool, WriteError> {
        let Account { card, last4, line_minor } = account;
        let (site, taken) = (entry.site, entry.approved_minor());
        if taken > *line_minor {
            return Ok(false);
        }
        let take = statement(
            TAKE,
            [
                site.0.into(),
                card.as_str().into(),
                currency.code().into(),
                last4.as_str().into(),
                (*line_minor).into(),
                taken.into(),
            ],
        );
        let [hold, mistaken] = [HOLD, MISTAKEN].map(|sql| {
            let mut noted = statement(sql, by_mark(site, &entry.mark));
            noted.params.extend([card.as_str().into(), currency.code().into(), taken.into()]);
            noted
        });
        let mut rest = vec![insert, hold, mistaken];
        rest.extend(settle(site, &entry.mark));
        let write = Write { key: format!("{site} simulator").into(), first: take, rest, guarded: true };
        match self.db.write(write).await {
            Ok(_) => Ok(true),
            Err(WriteError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Books what changes an authorisation, and moves its card's money.
    pub(super) async fn book_about(
        &self,
        site: SiteId,
        authorisation: &Mark,
        change: Statement,
    ) -> Result<(), WriteError> {
        let mut rest = vec![change];
        rest.extend(settle(site, authorisation));
        let lock = statement(LOCK, by_mark(site, authorisation));
        let write = Write { key: format!("{site} simulator").into(), first: lock, rest, guarded: false };
        self.db.write(write).await.map(|_| ())
    }

    /// What is left to the cards that a site's customers paid with, by their last digits.
    pub(crate) async fn open_to_buy(&self, site: SiteId) -> Result<Vec<OpenToBuy>, ReadError> {
        let sql = "SELECT last4, currency, line_minor, open_minor FROM simulator_card WHERE site_id = $1 \
                   ORDER BY last4, currency, card LIMIT 1000";
        let rows = self.db.read(statement(sql, [site.0.into()])).await?;
        let card = |row: Row| {
            let mut columns = row.columns();
            let (last4, currency) = (columns.text()?, columns.text()?);
            Ok(OpenToBuy { last4, currency, line_minor: columns.int()?, open_minor: columns.int()? })
        };
        rows.into_iter().map(card).collect()
    }

    /// Adds up again what is left to the cards. What was approved before anything was counted is left out.
    pub(crate) async fn crooked_cards(&self, site: SiteId) -> Result<Crooked, ReadError> {
        let cards = "SELECT COUNT(*) FROM simulator_card c WHERE c.site_id = $1 AND c.open_minor <> c.line_minor - \
                     CAST((SELECT COALESCE(SUM(h.held_minor), 0) FROM simulator_hold h WHERE h.site_id = c.site_id \
                     AND h.card = c.card AND h.currency = c.currency) AS BIGINT)";
        let authorisations = concat!(
            "SELECT COUNT(*) FROM simulator_authorisation b LEFT JOIN simulator_hold h ON h.site_id = b.site_id \
             AND h.terminal = b.terminal AND h.transmission = b.transmission AND h.stan = b.stan AND h.rrn = b.rrn \
             WHERE b.site_id = $1 AND b.created_at >= (SELECT MIN(f.created_at) FROM simulator_authorisation f \
             JOIN simulator_hold o ON o.site_id = f.site_id AND o.terminal = f.terminal \
             AND o.transmission = f.transmission AND o.stan = f.stan AND o.rrn = f.rrn WHERE f.site_id = $1) \
             AND COALESCE(h.held_minor, 0) <> (",
            held!(),
            ")"
        );
        Ok(Crooked {
            cards: self.one_number(cards, [site.0.into()]).await?,
            authorisations: self.one_number(authorisations, [site.0.into()]).await?,
        })
    }
}

/// What follows every change of the book about an authorisation.
fn settle(site: SiteId, authorisation: &Mark) -> [Statement; 2] {
    [MOVE, HELD].map(|sql| statement(sql, by_mark(site, authorisation)))
}
