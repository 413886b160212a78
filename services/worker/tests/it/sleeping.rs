//! A machine that slept asks before it reports.

use std::{path::Path, time::Duration};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use ukai_testkit::shop::Shop;

use crate::{
    program::Program,
    server::{Answers, Server},
};

#[tokio::test]
async fn after_a_sleep_a_result_waits_for_the_servers_word() {
    let (base, _shop) = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    server.answer(Answers::Nothing);
    let more = ["--allow-private-targets", "--asleep-after-ms", "1000"];
    let program = Program::start(Path::new(env!("CARGO_BIN_EXE_ukai-worker")), &server.address, &more);
    server.connected().await;
    for task in ["over", "counts"] {
        server.assign(task, Some(1), &format!("{base}/jsonld/1"), Value::Null).await;
        server.expect("task:started").await;
        if task == "over" {
            // Unanswered, it is kept; the next report waits behind it.
            server.expect("task:completed").await;
        }
    }
    server.heartbeat(|beat| beat["stats"]["tasksCompleted"] == 2).await;
    program.signal(Signal::SIGSTOP);
    // The time away is the fault itself.
    tokio::time::sleep(Duration::from_secs(4)).await;
    server.answer(Answers::Accept);
    program.signal(Signal::SIGCONT);
    // A loaded machine may have looked like one that slept before.
    let both = json!([{"taskId": "over", "run": 1}, {"taskId": "counts", "run": 1}]);
    while server.connected().await["inFlight"] != both {}
    server.cancel("over", 1).await;
    let done = server.expect("task:completed").await;
    assert_eq!(done["taskId"], "counts", "the other one is over");
    assert!(server.quiet().await);
    drop(program);
}
