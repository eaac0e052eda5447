//! What those meet who keep a gateway running: its numbers, its packages, its backups, and bad days.

mod backup;
mod exposition;
mod metrics;
