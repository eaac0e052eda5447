//! What those meet who keep a gateway running: its numbers, its packages, its backups, and bad days.

#![expect(clippy::float_arithmetic, reason = "shares of what was measured, nothing that is owed")]

mod backup;
mod disk;
mod exposition;
mod load;
mod logging;
mod metrics;
mod overload;
mod packaging;
mod traces;
