//! The log goes by age, from the front, and goes on.

use crate::kit::{Server, soon, until};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use ukai_scheduler::SchedulerConfig;
use ukai_store::{EventFilter, EventPage, Reads};

const DAY: Duration = Duration::from_secs(86_400);

async fn log(server: &Server) -> EventPage {
    server.store.events(EventFilter { job: None, since: 0, limit: 1_000 }).await.unwrap()
}

#[tokio::test]
async fn old_events_are_forgotten_and_the_log_goes_on() {
    let server = Server::start_with(SchedulerConfig {
        maintain_every: Duration::from_millis(20),
        renew_every: Duration::from_millis(100),
        events_kept: Some(DAY),
        ..SchedulerConfig::default()
    })
    .await;
    for number in 0..3 {
        server.submit(&format!("https://shop.test/{number}")).await.unwrap();
    }
    // The second one from here on begins once the first is through.
    let sweeps = || server.store.sweeps.load(Ordering::Relaxed);
    let before = sweeps();
    until(|| sweeps() > before + 1).await;
    let young = log(&server).await;
    assert_eq!(young.oldest, 1, "what is young stays");
    assert!(young.rows.len() >= 3);

    let two_days = u64::try_from((DAY * 2).as_millis()).unwrap();
    server.store.ahead_ms.store(two_days, Ordering::Relaxed);
    let newest = young.rows.last().unwrap();
    soon(async {
        while log(&server).await.oldest != newest.first {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let old = log(&server).await;
    assert_eq!((old.rows.as_slice(), old.last), (std::slice::from_ref(newest), young.last));

    soon(async { while server.submit("https://shop.test/next").await.is_err() {} }).await;
    soon(async {
        while log(&server).await.oldest != newest.last() + 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(
        log(&server).await.rows.iter().all(|row| row.at.since(newest.at) > DAY),
        "the next one has taken over"
    );
}

#[tokio::test]
async fn a_sweep_through_the_log_does_not_hold_up_the_end() {
    let server = Server::start_with(SchedulerConfig {
        maintain_every: Duration::from_millis(20),
        events_kept: Some(DAY),
        ..SchedulerConfig::default()
    })
    .await;
    let sweeps = || server.store.sweeps.load(Ordering::Relaxed);
    server.store.forgets_for_ever.store(true, Ordering::Relaxed);
    let before = sweeps();
    until(|| sweeps() > before).await;
    let asked = Instant::now();
    server.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
}
