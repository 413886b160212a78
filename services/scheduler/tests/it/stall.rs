//! While the store is away nobody can be heard, while the machine sleeps no time passes: neither says anything of the
//! workers.

use crate::kit::gateway::Gateway;
use crate::kit::{Server, commits, soon, until};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use ukai_domain::{Run, Settings};
use ukai_rpc::v1;
use ukai_scheduler::SchedulerConfig;
use ukai_store::Reads;

#[tokio::test]
async fn a_stall_of_the_store_loses_no_worker() {
    let settings = Settings { heartbeat_timeout: Duration::from_secs(1), ..Settings::default() };
    let server = Server::start_with(SchedulerConfig { settings, ..SchedulerConfig::default() }).await;
    let gateway = Gateway::start(&server).await;
    server.set_away(true);
    let began = Instant::now();
    let stuck = async { server.submit("https://shop.test/stuck").await.err() };
    let report = async {
        until(|| began.elapsed() > Duration::from_millis(3_500)).await;
        let session = gateway.session.as_bytes().to_vec();
        let mut client = server.client.clone();
        let lost = client.report_lost(v1::ReportLostRequest { session, silent_for_ms: 3_500 });
        let back = async {
            // By then the report waits for the next step.
            let before = commits(&server);
            until(|| commits(&server) > before + 2).await;
            server.set_away(false);
        };
        tokio::join!(lost, back).0
    };
    let (_gave_up, reported) = soon(Box::pin(async { tokio::join!(stuck, report) })).await;
    reported.unwrap();
    let task = server.submit("https://shop.test/next").await.unwrap();
    assert_eq!(gateway.handed_out(task).await, Run(1));
}

#[tokio::test]
async fn a_leader_whose_time_stood_still_begins_anew_by_the_stores() {
    let settings = Settings { heartbeat_timeout: Duration::from_secs(5), ..Settings::default() };
    let config =
        SchedulerConfig { settings, renew_every: Duration::from_millis(100), ..SchedulerConfig::default() };
    let server = Server::start_with(config).await;
    let epoch = async || server.store.leader().await.unwrap().unwrap().epoch;
    let before = epoch().await;
    let gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/held").await.unwrap();
    assert_eq!(gateway.handed_out(task).await, Run(1));
    // A little is no sleep. The first renewal from here on may have read the time before; the second begins once the first
    // is judged, so after the third it was heard twice.
    server.store.ahead_ms.store(1_500, Ordering::Relaxed);
    let renewals = || server.store.renewals.load(Ordering::Relaxed);
    let renewed = renewals();
    until(|| renewals() > renewed + 2).await;
    assert_eq!(epoch().await, before);
    let hour = Duration::from_secs(3_600);
    server.store.ahead_ms.fetch_add(u64::try_from(hour.as_millis()).unwrap(), Ordering::Relaxed);
    soon(async {
        while epoch().await == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // Nobody is lost by the hour, and what happens now is an hour later.
    let next = soon(async {
        loop {
            if let Ok(task) = server.submit("https://shop.test/next").await {
                break task;
            }
        }
    })
    .await;
    let (first, second) = (server.store.task(task).await.unwrap(), server.store.task(next).await.unwrap());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(second.body.created_at.since(first.body.created_at) >= hour, "{second:?}");
    assert!(first.runs.is_empty(), "its run is lost: {first:?}");
    assert_eq!(epoch().await, before + 1, "once is enough");
}
