//! A host that stopped answering is sent nothing before it answers an echo, and then one message.

use super::*;

const SUSPENDED: Result<Message, Lost> = Err(Lost::NotSent(Unsent::Suspended));

/// No echo comes by itself.
const HOUR: Duration = Duration::from_secs(3_600);

async fn answer_echo(host: &mut Peer) {
    let echo = host.receive().await;
    assert_eq!((echo.mti(), echo.text(70)), (Mti::NETWORK_MANAGEMENT_REQUEST, Some("301")));
    host.send(&answer_to(&echo, "00")).await;
    // Until it is taken.
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_is_sent_nothing_until_it_answers_an_echo() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(Settings { suspend_after: 3, echo_after: HOUR, ..settings() });
    let mut host = hosts.signed_on().await;
    for stan in 1..=3 {
        assert_eq!(exchange(&link, request(stan)).await.unwrap(), Err(Lost::NoAnswer));
        host.receive().await;
    }
    let began = Instant::now();
    for stan in 4..=9 {
        assert_eq!(exchange(&link, request(stan)).await.unwrap(), SUSPENDED);
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "nobody waits for anything");
    assert!(link.standing().is_suspended);
    assert_eq!(link.counters().suspended.load(Ordering::Relaxed), 6);

    // One message tries the host; without its answer it begins anew.
    answer_echo(&mut host).await;
    let trial = exchange(&link, request(10));
    assert_eq!(host.receive().await.stan(), Some(10), "not one of those that were refused was sent");
    assert_eq!(exchange(&link, request(11)).await.unwrap(), SUSPENDED);
    assert_eq!(trial.await.unwrap(), Err(Lost::NoAnswer));
    assert_eq!(exchange(&link, request(12)).await.unwrap(), SUSPENDED);

    answer_echo(&mut host).await;
    let trial = exchange(&link, request(13));
    let received = host.receive().await;
    host.send(&answer_to(&received, "51")).await;
    assert_eq!(trial.await.unwrap().unwrap().response_code(), Some("51"), "an answer is an answer");
    assert!(!link.standing().is_suspended);
    let both = [exchange(&link, request(14)), exchange(&link, request(15))];
    for _ in &both {
        let received = host.receive().await;
        host.send(&approval(&received)).await;
    }
    for answer in both {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_cannot_be_reached_keeps_nobody_waiting_and_is_tried_once_it_signs_on() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(Settings { suspend_after: 2, ..settings() });
    let deaf = hosts.connected().await;
    for stan in 1..=2 {
        assert_eq!(exchange(&link, request(stan)).await.unwrap(), Err(Lost::NotSent(Unsent::NotConnected)));
    }
    assert_eq!(exchange(&link, request(3)).await.unwrap(), SUSPENDED);
    drop(deaf);
    let mut host = hosts.signed_on().await;
    sleep(Duration::from_millis(1)).await;
    let trial = exchange(&link, request(4));
    let received = host.receive().await;
    host.send(&approval(&received)).await;
    trial.await.unwrap().unwrap();
    assert!(!link.standing().is_suspended);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_waits_for_any_more_leaves_room_for_another_trial() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(Settings { suspend_after: 1, echo_after: HOUR, ..settings() });
    let mut host = hosts.signed_on().await;
    assert_eq!(exchange(&link, request(1)).await.unwrap(), Err(Lost::NoAnswer));
    host.receive().await;
    answer_echo(&mut host).await;
    let trial = exchange(&link, request(2));
    host.receive().await;
    trial.abort();
    trial.await.unwrap_err();
    let trial = exchange(&link, request(3));
    let received = host.receive().await;
    host.send(&approval(&received)).await;
    trial.await.unwrap().unwrap();
}
