//! While the bus is away nobody can be heard: no clock runs against a worker, and it goes on where it was.

use crate::kit::gateway::{Gateway, accepted};
use crate::kit::{Server, soon, until};
use std::time::{Duration, Instant};
use ukai_domain::{Run, Settings};
use ukai_rpc::v1;
use ukai_scheduler::SchedulerConfig;

#[tokio::test]
async fn an_outage_of_the_bus_ends_no_run() {
    let second = Duration::from_secs(1);
    let settings = Settings {
        heartbeat_timeout: second,
        deadline_slack: second,
        default_max_delay: Duration::ZERO,
        away_grace: second,
        ..Settings::default()
    };
    let server = Server::start_with(SchedulerConfig { settings, ..SchedulerConfig::default() }).await;
    let mut gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/held").await.unwrap();
    assert_eq!(gateway.handed_out(task).await, Run(1));
    server.bus.cut();
    let began = Instant::now();
    until(|| began.elapsed() > Duration::from_millis(2_500)).await;
    // A judge that could hear nobody either.
    let session = gateway.session.as_bytes().to_vec();
    let lost = v1::ReportLostRequest { session, silent_for_ms: 2_500 };
    soon(server.client.clone().report_lost(lost)).await.unwrap();
    let meanwhile = server.submit("https://shop.test/meanwhile").await.unwrap();
    server.bus.mend();
    assert_eq!(gateway.handed_out(meanwhile).await, Run(1));
    let reply = gateway.send(false, &[gateway.failed(task)]).await.unwrap();
    assert!(accepted(&reply), "{reply:?}");
}
