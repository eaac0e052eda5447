//! The simulator: an acquirer host, a directory server and an access control server for test sites.
//!
//! It stands behind the same seams as a real acquirer and a real directory server, keeps its own book, and
//! is never asked for a live site.

pub(crate) mod acquirer_host;
pub(crate) mod acs;
pub(crate) mod cards;
pub(crate) mod directory_server;

use crate::app::App;
use crate::pages;
use axum::Router;

/// The simulator's own pages.
pub(crate) fn router() -> Router<App> {
    pages::for_people(acs::router())
}
