//! Counting requests by route, method and status.
//!
//! Looking a series up in the shared table takes a lock and hashes every label. So each thread remembers the ones it has
//! used: there are as many as there are routes and statuses, and finding one takes a hash of the route.

use super::METRICS;
use axum::http::{Method, StatusCode};
use prometheus::{Histogram, IntCounter};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

thread_local! {
    static USED: RefCell<HashMap<Box<str>, Vec<Series>>> = RefCell::default();
}

/// What is counted of one route and method.
struct Series {
    method: &'static str,
    duration: Histogram,
    statuses: Vec<(StatusCode, IntCounter)>,
}

/// That a request was answered. `route` is its template, or the same word for all that have none.
pub(crate) fn answered(method: &Method, route: &str, status: StatusCode, after: Duration) {
    let method = word(method);
    USED.with_borrow_mut(|used| {
        if !used.contains_key(route) {
            used.insert(route.into(), Vec::new());
        }
        let Some(of_route) = used.get_mut(route) else { return };
        let at = of_route.iter().position(|series| series.method == method).unwrap_or_else(|| {
            let duration = METRICS.requests.with_label_values(&[method, route]);
            of_route.push(Series { method, duration, statuses: Vec::new() });
            of_route.len() - 1
        });
        let Some(series) = of_route.get_mut(at) else { return };
        series.duration.observe(after.as_secs_f64());
        if let Some((_, counter)) = series.statuses.iter().find(|(known, _)| *known == status) {
            return counter.inc();
        }
        let counter = METRICS.responses.with_label_values(&[method, route, status.as_str()]);
        counter.inc();
        series.statuses.push((status, counter));
    });
}

/// A method by its name; all that nobody has heard of by one.
fn word(method: &Method) -> &'static str {
    let known = [
        Method::GET,
        Method::POST,
        Method::PATCH,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    const WORDS: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
    known.iter().zip(WORDS).find(|(known, _)| *known == method).map_or("other", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_request_costs_next_to_nothing() {
        let count = |times: u32| {
            let began = Instant::now();
            for _ in 0..times {
                let route = std::hint::black_box("/v1/json/orders/{order_id}/refunds");
                answered(&Method::POST, route, StatusCode::OK, Duration::from_micros(50));
            }
            began.elapsed() / times
        };
        // The best of several, for others use this machine too; and this is no optimised build.
        let best = (0..20).map(|_| count(1_000)).min().unwrap();
        println!("counting a request takes {best:?}");
        assert!(best < Duration::from_micros(20), "{best:?}");
    }

    #[test]
    fn methods_nobody_has_heard_of_are_one() {
        assert_eq!(word(&Method::GET), "GET");
        assert_eq!(word(&Method::from_bytes(b"BREW").unwrap()), "other");
        assert_eq!(word(&Method::TRACE), "other");
    }
}
