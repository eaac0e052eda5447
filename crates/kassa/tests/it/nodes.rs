//! Several processes on one database: whichever of them is asked, a customer pays and a shop is told, once.

mod balancer;
mod holders;
mod killed;
mod readiness;
mod roles;
mod round_robin;

use crate::harness::{Binary, Database, Home, free_address};

/// Three nodes on one database, behind a balancer.
struct Three {
    home: Home,
    addresses: Vec<String>,
    /// The balancer's.
    url: String,
}

impl Three {
    async fn new(key: &str) -> Self {
        let addresses: Vec<String> = (0..3).map(|_| free_address()).collect();
        let url = balancer::open(addresses.clone()).await;
        let home = Home::new(Database::Postgres)
            .await
            .with("KASSA_PUBLIC_URL", &url)
            .with("KASSA_TEST_API_KEY", key)
            .with("KASSA_ACQUIRER_ANSWER_MS", "1000")
            .with("KASSA_PAGE_WAIT_MS", "600")
            .with("KASSA_NOTIFY_HOLD_MS", "200");
        Self { home, addresses, url }
    }

    /// Starts one of them.
    async fn serve(&self, number: usize) -> Binary {
        let mut node = self.home.spawn_within(|mut command| {
            command.env("KASSA_LISTEN", &self.addresses[number]);
            command
        });
        node.wait_until_serving().await;
        node
    }
}
