//! While the store is away nobody can be heard: that says nothing of the workers.

use crate::kit::gateway::Gateway;
use crate::kit::{Server, commits, soon, until};
use std::time::{Duration, Instant};
use ukai_domain::{Run, Settings};
use ukai_rpc::v1;
use ukai_scheduler::SchedulerConfig;

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
