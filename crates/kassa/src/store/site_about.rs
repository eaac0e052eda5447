//! What a site says about itself, and changes through the API. Not part of [`Site`](super::Site): that is read with
//! every call.

use super::Store;
use super::db::{Columns, Corrupt, ReadError, Statement, Write, WriteError, statement};
use payments::ids::SiteId;

/// What a site says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) name: String,
    /// The shop's own address.
    pub(crate) url: Option<String>,
    /// Where notifications go when the order names no URL.
    pub(crate) notification_url: Option<String>,
    pub(crate) support_email: Option<String>,
    pub(crate) support_phone: Option<String>,
}

/// One thing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SiteField {
    Name,
    Url,
    NotificationUrl,
    SupportEmail,
    SupportPhone,
}

impl About {
    /// The same with one thing changed. A name stays when there is no other.
    pub(crate) fn set(&mut self, field: SiteField, text: Option<String>) {
        match field {
            SiteField::Name => self.name = text.unwrap_or_else(|| std::mem::take(&mut self.name)),
            SiteField::Url => self.url = text,
            SiteField::NotificationUrl => self.notification_url = text,
            SiteField::SupportEmail => self.support_email = text,
            SiteField::SupportPhone => self.support_phone = text,
        }
    }
}

impl SiteField {
    fn update(self, site: SiteId, text: Option<String>) -> Statement {
        let sql = match self {
            // Always there.
            Self::Name => "UPDATE site SET name = COALESCE($1, name) WHERE id = $2",
            Self::Url => "UPDATE site SET url = $1 WHERE id = $2",
            Self::NotificationUrl => "UPDATE site SET notification_url = $1 WHERE id = $2",
            Self::SupportEmail => "UPDATE site SET support_email = $1 WHERE id = $2",
            Self::SupportPhone => "UPDATE site SET support_phone = $1 WHERE id = $2",
        };
        statement(sql, [text.into(), site.0.into()])
    }
}

impl Store {
    /// What the site says about itself.
    pub(crate) async fn about_site(&self, site: SiteId) -> Result<Option<About>, ReadError> {
        let sql = "SELECT name, url, notification_url, support_email, support_phone FROM site WHERE id = $1";
        let rows = self.db.read(statement(sql, [site.0.into()])).await?;
        Ok(rows.into_iter().next().map(|row| parse(&mut row.columns())).transpose()?)
    }

    /// Changes these things and no others, and does what has to happen with it.
    ///
    /// # Errors
    /// [`WriteError::Stale`] when there is no such site, or `rest` is about a request that has its answer already.
    pub(crate) async fn change_site(
        &self,
        site: SiteId,
        changes: Vec<(SiteField, Option<String>)>,
        rest: Vec<Statement>,
    ) -> Result<(), WriteError> {
        let first = statement("UPDATE site SET name = name WHERE id = $1", [site.0.into()]);
        let changes = changes.into_iter().map(|(field, text)| field.update(site, text));
        let rest = changes.chain(rest).collect();
        let changed = self.db.write(Write { key: "sites".into(), first, rest, guarded: true }).await;
        self.forget_sites();
        changed.map(|_| ())
    }
}

fn parse(columns: &mut Columns) -> Result<About, Corrupt> {
    Ok(About {
        name: columns.text()?,
        url: columns.optional_text()?,
        notification_url: columns.optional_text()?,
        support_email: columns.optional_text()?,
        support_phone: columns.optional_text()?,
    })
}
