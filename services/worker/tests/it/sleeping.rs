//! A machine that slept asks before it reports.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use ukai_testkit::shop::Shop;

use crate::{
    program::Program,
    server::{Answers, Server},
};

/// Longer than a loaded machine stands still by itself.
const ASLEEP: Duration = Duration::from_secs(5);

/// What the worker leaves the server for its word.
const WORD: Duration = Duration::from_secs(1);

#[tokio::test]
async fn after_a_sleep_a_result_waits_for_the_servers_word() {
    let (base, _shop) = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    server.answer(Answers::Nothing);
    let asleep = ASLEEP.as_millis().to_string();
    let more = ["--allow-private-targets", "--asleep-after-ms", &asleep];
    let program = Program::start(Path::new(env!("CARGO_BIN_EXE_ukai-worker")), &server.address, &more);
    server.connected().await;
    for (task, completed) in [("over", 1), ("counts", 2)] {
        server.assign(task, Some(1), &format!("{base}/jsonld/1"), Value::Null).await;
        // Unanswered, its report is kept.
        server.heartbeat(|beat| beat["stats"]["tasksCompleted"] == completed).await;
    }
    program.signal(Signal::SIGSTOP);
    // The time away is the fault itself.
    tokio::time::sleep(ASLEEP + Duration::from_secs(3)).await;
    server.forget();
    server.answer(Answers::Accept);
    server.is_over("over", 1);
    let awake = Instant::now();
    program.signal(Signal::SIGCONT);
    let both = json!([{"taskId": "over", "run": 1}, {"taskId": "counts", "run": 1}]);
    assert_eq!(server.connected().await["inFlight"], both);
    let done = server.expect("task:completed").await;
    assert_eq!(done["taskId"], "counts", "the other one is over");
    assert!(awake.elapsed() >= WORD, "it left the server no time to say so");
    assert!(server.quiet().await);
    drop(program);
}
