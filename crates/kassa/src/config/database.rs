//! The URL of a PostgreSQL database, which usually carries a password.

use std::fmt;
use std::path::Path;

use crate::store::Address;
use tokio_postgres::config::Host;
use zeroize::Zeroizing;

/// A `postgres://` or `postgresql://` URL. It prints as host and database, without user name and password.
#[derive(Clone, PartialEq)]
pub struct DatabaseUrl {
    text: Zeroizing<String>,
    place: String,
}

impl DatabaseUrl {
    /// Reads a URL; the reason why it is none tells nothing about the password in it.
    ///
    /// # Errors
    /// When PostgreSQL's client would not understand it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err("must start with postgres:// (leave it out for the embedded database)".to_owned());
        }
        let parsed = Address::parse(text)?.config;
        let hosts: Vec<String> = parsed.get_hosts().iter().map(host).collect();
        let name = parsed.get_dbname().or(parsed.get_user()).unwrap_or("");
        Ok(DatabaseUrl {
            text: Zeroizing::new(text.to_owned()),
            place: format!("postgres://{}/{name}", hosts.join(",")),
        })
    }

    /// The whole URL, for the client.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => Path::display(folder).to_string(),
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.place)
    }
}
