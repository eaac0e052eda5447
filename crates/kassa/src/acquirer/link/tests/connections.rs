//! Connections that are refused, silent, or lost.

use super::*;

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_the_sign_on_is_refused() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.connected().await;
    let asked = host.receive().await;
    let waiting = exchange(&link, request(1));
    host.send(&answer_to(&asked, "91")).await;
    host.try_receive().await.unwrap_err();
    let refused_at = Instant::now();
    let mut host = hosts.connected().await;
    let pause = refused_at.elapsed();
    assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&pause), "{pause:?}");
    // Silence is no better.
    host.receive().await;
    assert_eq!(waiting.await.unwrap(), Err(Lost::NotSent(Unsent::NotConnected)));
    host.try_receive().await.unwrap_err();
    assert!(!link.is_up());

    let mut host = hosts.signed_on().await;
    let next = exchange(&link, request(2));
    assert_eq!(host.receive().await.stan(), Some(2));
    drop(next);
}

#[tokio::test(start_paused = true)]
async fn the_waits_between_connections_grow_to_a_minute() {
    let mut hosts = Hosts::new();
    let (_link, _late) = hosts.link(settings());
    let mut waits = Vec::new();
    drop(hosts.connected().await);
    for _ in 0..9 {
        let lost_at = Instant::now();
        drop(hosts.connected().await);
        waits.push(lost_at.elapsed().as_millis());
    }
    for (wait, full) in waits.iter().zip([1u128, 2, 4, 8, 16, 32, 60, 60, 60]) {
        assert!((full * 500..=full * 1_000).contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_answers_no_echo_is_left() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    host.answer_echoes(Duration::from_secs(100)).await;
    let asked_at = Instant::now();
    assert_eq!(host.receive().await.text(70), Some("301"));
    assert_eq!(host.receive().await.text(70), Some("301"));
    let waiting = exchange(&link, request(1));
    assert_eq!(host.receive().await.stan(), Some(1));
    host.try_receive().await.unwrap_err();
    assert!(asked_at.elapsed() < Duration::from_secs(70), "{:?}", asked_at.elapsed());
    assert_eq!(waiting.await.unwrap(), Err(Lost::NoAnswer));
    hosts.signed_on().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_the_connection_after_sending_leaves_the_outcome_open() {
    // Closed, closed within a message, a length that no frame has, a sign-off.
    let sign_off = {
        let mut message = Message::new(Mti::NETWORK_MANAGEMENT_REQUEST).with(7, "1122233015").with(70, "002");
        message.set_stan(1);
        message
    };
    let profile = Profile::built_in("B").unwrap();
    let sign_off = profile.framing().frame(&profile.encode(&sign_off).unwrap()).unwrap();
    let half = profile.framing().frame(&profile.encode(&approval(&request(1))).unwrap()).unwrap();
    for end in [&[][..], &half[..20], &[0xff, 0xff, 1], &sign_off[..]] {
        let mut hosts = Hosts::new();
        let (link, mut late) = hosts.link(settings());
        let mut host = hosts.signed_on().await;
        let waiting = exchange(&link, request(1));
        let received = host.receive().await;
        if !end.is_empty() {
            host.send_bytes(end).await;
        }
        drop(host);
        let lost = waiting.await.unwrap();
        assert_eq!(lost, Err(Lost::NoAnswer), "{end:?}");
        // The answer may still come, over another connection.
        let mut host = hosts.signed_on().await;
        host.send(&approval(&received)).await;
        assert_eq!(late.next().await.unwrap().stan(), Some(1));
        let nothing = tokio::time::timeout(Duration::from_secs(30), host.receive()).await;
        assert!(nothing.is_err(), "and nothing is sent again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_lost_before_costs_nothing() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    drop(hosts.signed_on().await);
    // The loss is noticed before, or as, the message is taken: it waits for the next connection.
    let waiting = exchange(&link, request(1));
    let mut host = hosts.signed_on().await;
    let received = host.receive().await;
    host.send(&approval(&received)).await;
    assert_eq!(waiting.await.unwrap().unwrap().stan(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_a_message_is_soon_known_not_to_be_sent() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(settings());
    let host = hosts.connected().await;
    let began = Instant::now();
    assert_eq!(exchange(&link, request(1)).await.unwrap(), Err(Lost::NotSent(Unsent::NotConnected)));
    assert_eq!(began.elapsed().as_secs(), 5);
    drop(host);
}

#[tokio::test(start_paused = true)]
async fn messages_go_over_all_sessions_and_over_those_that_are_left() {
    let mut hosts = Hosts::new();
    let (link, _late) = hosts.link(Settings { sessions: 2, in_flight: 1, ..settings() });
    let (mut one, mut other) = (hosts.signed_on().await, hosts.signed_on().await);
    sleep(Duration::from_millis(1)).await;
    let waiting = [exchange(&link, request(1)), exchange(&link, request(2))];
    for host in [&mut one, &mut other] {
        let received = host.receive().await;
        host.send(&approval(&received)).await;
    }
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    drop(one);
    sleep(Duration::from_millis(1)).await;
    for stan in 3..=5 {
        let waiting = exchange(&link, request(stan));
        let received = other.receive().await;
        host_approves(&mut other, &received).await;
        waiting.await.unwrap().unwrap();
    }
}

async fn host_approves(host: &mut Peer, received: &Message) {
    host.send(&approval(received)).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_nobody_has_any_more_signs_off() {
    let mut hosts = Hosts::new();
    let (link, late) = hosts.link(settings());
    let mut host = hosts.signed_on().await;
    sleep(Duration::from_millis(1)).await;
    drop((link, late));
    assert_eq!(host.receive().await.text(70), Some("002"));
    host.try_receive().await.unwrap_err();
    sleep(Duration::from_secs(100)).await;
    assert!(!hosts.is_dialled());
}
