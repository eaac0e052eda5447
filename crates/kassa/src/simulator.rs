//! The simulator: an acquirer host, a directory server and an access control server for test sites.
//!
//! It stands behind the same seams as a real acquirer and a real directory server, keeps its own book, and
//! is never asked for a live site.

pub(crate) mod acquirer_host;
pub(crate) mod acs;
pub(crate) mod cards;
pub(crate) mod cavv;
pub(crate) mod directory_server;
pub(crate) mod issuer;
pub(crate) mod peer;
mod ranges;
mod scheme;

use crate::app::App;
use crate::pages;
use axum::Router;

/// The simulator's own pages.
pub(crate) fn router(app: &App) -> Router<App> {
    pages::for_people(acs::router().merge(peer::Peer::of(app).pages()))
}
