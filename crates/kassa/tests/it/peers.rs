//! The real binary against what others wrote for the other side of its links: acquirers' hosts on PyPI's pyiso8583 and
//! npm's iso_8583, and a directory server with ACS in Python. They are strict, and their complaints fail a test.

mod acquirer;
mod browser;
mod live;
mod peer;

use live::Live;
use peer::{Peer, Program};
use serde_json::{Value, json};
