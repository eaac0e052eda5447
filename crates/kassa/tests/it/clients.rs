//! Clients that others wrote, as they come from their registries, against the real binary.

mod private_hosts;
mod python_sdk;
