//! Kept cards.

use super::Store;
use super::db::{Columns, Corrupt, ReadError, Row, Statement, Value, Write, WriteError, statement};
use payments::card::{Brand, CardSummary, Expiry};
use payments::ids::SiteId;
use payments::ids::TokenId;
use payments::ranges::Issued;
use payments::time::Timestamp;
use payments::token::{Model, Recurring, Token};

pub(super) fn insert(site: SiteId, token: &Token, now: Timestamp) -> Statement {
    statement(
        "INSERT INTO token (site_id, id, reference, model, brand, bin, last4, expiry, holder, fingerprint, \
         sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        [
            site.0.into(),
            token.id.to_string().into(),
            token.recurring.reference.as_str().into(),
            token.recurring.model.word().into(),
            token.card.brand.id().into(),
            token.card.bin.clone().into(),
            token.card.last4.as_str().into(),
            token.card.expiry.yymm().into(),
            token.card.holder.as_str().into(),
            Value::Blob(token.fingerprint.to_vec()),
            token.sealed.clone().into(),
            now.0.into(),
        ],
    )
}

pub(super) fn make_usable(site: SiteId, token: TokenId, at: Timestamp) -> Statement {
    statement(
        "UPDATE token SET usable_since = $1 WHERE site_id = $2 AND id = $3 AND usable_since IS NULL",
        [at.0.into(), site.0.into(), token.to_string().into()],
    )
}

pub(super) fn delete(site: SiteId, token: TokenId) -> Statement {
    let sql = "DELETE FROM token WHERE site_id = $1 AND id = $2";
    statement(sql, [site.0.into(), token.to_string().into()])
}

const COLUMNS_OF_TOKEN: &str = "id, reference, model, brand, bin, last4, expiry, holder, fingerprint, sealed";

impl Store {
    /// The usable tokens of a shop's customer, oldest first: `limit` of them after the first `offset`.
    pub(crate) async fn tokens(
        &self,
        site: SiteId,
        reference: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Token>, ReadError> {
        let sql = "SELECT id, reference, model, brand, bin, last4, expiry, holder, fingerprint, sealed \
                   FROM token WHERE site_id = $1 AND reference = $2 AND usable_since IS NOT NULL \
                   ORDER BY created_at, id LIMIT $3 OFFSET $4";
        let params = [site.0.into(), reference.into(), limit.into(), offset.into()];
        self.read_tokens(statement(sql, params)).await
    }

    /// A usable token.
    pub(crate) async fn token(&self, site: SiteId, id: TokenId) -> Result<Option<Token>, ReadError> {
        let sql = "SELECT id, reference, model, brand, bin, last4, expiry, holder, fingerprint, sealed \
                   FROM token WHERE site_id = $1 AND id = $2 AND usable_since IS NOT NULL";
        let found = self.read_tokens(statement(sql, [site.0.into(), id.to_string().into()])).await?;
        Ok(found.into_iter().next())
    }

    /// The usable token of a customer's card that was kept before, whichever key it was recognised under.
    pub(crate) async fn token_of_card(
        &self,
        site: SiteId,
        recurring: &Recurring,
        fingerprints: &[[u8; 32]],
    ) -> Result<Option<Token>, ReadError> {
        let known = self.tokens(site, &recurring.reference, 1_000, 0).await?;
        let same = |token: &Token| {
            fingerprints.contains(&token.fingerprint) && token.recurring.model == recurring.model
        };
        Ok(known.into_iter().find(same))
    }

    /// Gives a token another expiry date, together with `rest`.
    pub(crate) async fn renew_token(
        &self,
        site: SiteId,
        token: &Token,
        expiry: Expiry,
        rest: Vec<Statement>,
    ) -> Result<(), WriteError> {
        let sql = "UPDATE token SET expiry = $1 WHERE site_id = $2 AND id = $3";
        let first = statement(sql, [expiry.yymm().into(), site.0.into(), token.id.to_string().into()]);
        let write = Write { key: format!("{site} tokens").into(), first, rest, guarded: true };
        match self.db.write(write).await {
            // Deleted meanwhile, or answered by another node: either way there is nothing left to do.
            Ok(_) | Err(WriteError::Stale) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes a token for good.
    pub(crate) async fn remove_token(&self, site: SiteId, token: &Token) -> Result<(), WriteError> {
        self.db.execute(format!("{site} tokens"), delete(site, token.id)).await.map(|_| ())
    }

    async fn read_tokens(&self, query: Statement) -> Result<Vec<Token>, ReadError> {
        debug_assert!(query.sql.contains(COLUMNS_OF_TOKEN), "the columns that a token is read from");
        let rows = self.db.read(query).await?;
        rows.into_iter().map(|row: Row| Ok(parse(&mut row.columns())?)).collect()
    }
}

fn parse(columns: &mut Columns) -> Result<Token, Corrupt> {
    let wrong = |what: &str| Corrupt(format!("a token: {what}"));
    let id = TokenId::parse(&columns.text()?).ok_or_else(|| wrong("id"))?;
    let reference = columns.text()?;
    let model = Model::parse(&columns.text()?).ok_or_else(|| wrong("model"))?;
    let card = CardSummary {
        brand: Brand::parse(&columns.text()?).ok_or_else(|| wrong("brand"))?,
        bin: columns.optional_text()?,
        last4: columns.text()?,
        expiry: Expiry::parse_yymm(&columns.text()?).ok_or_else(|| wrong("expiry"))?,
        holder: columns.text()?,
        // Looked up again when it is paid with: an issuer's ranges change while a card lasts.
        issued: Issued::default(),
    };
    let fingerprint = columns.blob()?.try_into().map_err(|_| wrong("fingerprint"))?;
    let sealed = columns.blob()?;
    Ok(Token { id, recurring: Recurring { model, reference }, card, sealed, fingerprint })
}
