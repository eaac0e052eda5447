//! The link, with a host at the other end that does as the test says. Time is the runtime's and stands still while
//! anything can go on.

mod connections;
mod peer;
mod sockets;
mod suspensions;

use super::*;
use crate::clock::Clock;
use iso8583::Mti;
use payments::time::Timestamp;
use peer::{Hosts, Peer, answer_to, approval, request, settings};
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How long each message waits for its answer here.
const WITHIN: Duration = Duration::from_secs(20);

/// Sends in the background.
fn exchange(link: &Link, message: Message) -> JoinHandle<Result<Message, Lost>> {
    let link = link.clone();
    tokio::spawn(async move { link.exchange(message, Instant::now() + WITHIN).await })
}

#[tokio::test(start_paused = true)]
async fn answers_come_in_any_order() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    let waiting: Vec<_> = (1..=3).map(|stan| exchange(&link, request(stan))).collect();
    let mut received = Vec::new();
    for _ in 0..3 {
        received.push(host.receive().await);
    }
    for message in received.iter().rev() {
        host.send(&approval(message)).await;
    }
    for (answer, message) in waiting.into_iter().zip(&received) {
        assert_eq!(answer.await.unwrap().unwrap().stan(), message.stan());
    }
    assert!(link.is_up());
    assert_eq!(link.counters().unmatched.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_handed_on_and_a_very_late_one_only_counted() {
    let mut hosts = Hosts::new();
    let (link, mut late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    let first = exchange(&link, request(1));
    let received = host.receive().await;
    assert_eq!(first.await.unwrap(), Err(Lost::NoAnswer));
    host.send(&approval(&received)).await;
    assert_eq!(late.next().await.unwrap().stan(), Some(1));
    // Once more, for good measure: it is known, and nobody wants it again.
    host.send(&approval(&received)).await;

    let second = exchange(&link, request(2));
    let received = host.receive().await;
    assert_eq!(second.await.unwrap(), Err(Lost::NoAnswer));
    host.answer_echoes(Duration::from_secs(121)).await;
    host.send(&approval(&received)).await;
    let third = exchange(&link, request(3));
    let received = host.receive().await;
    host.send(&approval(&received)).await;
    assert_eq!(third.await.unwrap().unwrap().stan(), Some(3));
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!((count(&link.counters().late), count(&link.counters().unmatched)), (1, 1));
    assert_eq!((count(&link.counters().duplicates), count(&link.counters().requests)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_changes_nothing() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    let waiting = exchange(&link, request(1));
    let received = host.receive().await;
    host.send(&approval(&received)).await;
    host.send(&answer_to(&received, "05")).await;
    assert_eq!(waiting.await.unwrap().unwrap().response_code(), Some("00"));
    // What comes behind it is there: it was read.
    let next = exchange(&link, request(2));
    let received = host.receive().await;
    host.send(&approval(&received)).await;
    next.await.unwrap().unwrap();
    assert_eq!(link.counters().duplicates.load(Ordering::Relaxed), 1);
    assert_eq!(link.counters().unmatched.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_something_else_is_none() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    let waiting = exchange(&link, request(1));
    let received = host.receive().await;
    host.send(&approval(&received).with(37, "000000000000")).await;
    host.send(&approval(&received).with(11, "000009")).await;
    host.send(&approval(&received).with(41, "OTHER   ")).await;
    host.send(&answer_to(&received, "51")).await;
    assert_eq!(waiting.await.unwrap().unwrap().response_code(), Some("51"));
    assert_eq!(link.counters().unmatched.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_dropped_and_the_answer_still_counts() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    let waiting = exchange(&link, request(1));
    let received = host.receive().await;
    host.send_bytes(&[&[0, 30][..], &[b'x'; 30]].concat()).await;
    host.send_bytes(&[0, 0]).await;
    host.send(&approval(&received)).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(link.counters().unreadable.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_link_refuses_before_it_sends() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(Settings { in_flight: 2, ..settings() });
    let mut host = hosts.signed_on().await;
    let waiting: Vec<_> = (1..=2).map(|stan| exchange(&link, request(stan))).collect();
    let received = [host.receive().await, host.receive().await];
    let third = exchange(&link, request(3)).await.unwrap();
    assert_eq!(third, Err(Lost::NotSent(Unsent::QueueFull)));
    assert_eq!((link.standing().in_flight, link.standing().signed_on), (2, 1));
    assert_eq!(link.counters().queue_full.load(Ordering::Relaxed), 1);
    for message in &received {
        host.send(&approval(message)).await;
    }
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    let fourth = exchange(&link, request(4));
    assert_eq!(host.receive().await.stan(), Some(4), "the third one never left");
    drop(fourth);
}

#[tokio::test(start_paused = true)]
async fn the_same_message_is_not_in_flight_twice() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    let first = exchange(&link, request(1));
    let received = host.receive().await;
    let repeat = exchange(&link, {
        let mut message = request(1);
        message.set_mti(message.mti().repeat());
        message
    });
    assert_eq!(repeat.await.unwrap(), Err(Lost::NotSent(Unsent::InFlight)));
    host.send(&approval(&received)).await;
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_host_may_ask_whether_we_are_there_and_begin_a_new_day() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    for (stan, code) in [(1, "301"), (2, "201"), (3, "202")] {
        let mut asked = Message::new(Mti::NETWORK_MANAGEMENT_REQUEST).with(7, "1122233015").with(70, code);
        asked.set_stan(stan);
        host.send(&asked).await;
        let answer = host.receive().await;
        assert_eq!(answer.mti().to_string(), "0810");
        assert_eq!(
            (answer.text(70), answer.stan(), answer.response_code()),
            (Some(code), Some(stan), Some("00"))
        );
    }
    assert!(link.is_up());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_authentication_code_makes_an_answer_worthless() {
    fn code(bytes: &[u8]) -> Mac {
        let mut mac = Mac::default();
        for (at, byte) in bytes.iter().enumerate() {
            mac[at % 8] ^= byte.wrapping_add(u8::try_from(at % 251).unwrap());
        }
        mac
    }
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(Settings { mac: Some(Arc::new(code)), ..settings() });
    let mut host = hosts.connected().await;
    host.mac = Some(code);
    host.sign_on().await;
    let waiting = exchange(&link, request(1));
    let received = host.receive().await;
    assert!(received.has(64), "every message has one");
    host.mac = Some(|_| [1; 8]);
    host.send(&approval(&received)).await;
    host.mac = None;
    host.send(&approval(&received)).await;
    host.mac = Some(code);
    host.send(&answer_to(&received, "05")).await;
    assert_eq!(waiting.await.unwrap().unwrap().response_code(), Some("05"));
    assert_eq!(link.counters().unreadable.load(Ordering::Relaxed), 2);
}
