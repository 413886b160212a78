//! An input that breaks every commit: it alone is refused, and it is found in few tries.

use crate::kit::gateway::{Gateway, accepted};
use crate::kit::{Server, commits};
use futures::future::join_all;
use ukai_domain::Code;
use ukai_store::Reads;

#[tokio::test]
async fn one_poison_input_among_many_is_refused_alone() {
    const TASKS: usize = 256;
    let server = Server::start().await;
    let mut gateway = Gateway::start(&server).await;
    let held = server.submit("https://shop.test/held").await.unwrap();
    gateway.handed_out(held).await;
    let before = commits(&server);
    let urls: Vec<String> = (0..TASKS)
        .map(|n| format!("https://shop.test/{}", if n == 77 { "poison".to_owned() } else { n.to_string() }))
        .collect();
    let report = [gateway.failed(held)];
    let submits = join_all(urls.iter().map(|url| server.submit(url)));
    let (replies, reported) = tokio::join!(submits, gateway.send(false, &report));
    let refused: Vec<usize> = (0..TASKS).filter(|n| replies[*n].is_err()).collect();
    assert_eq!(refused, [77]);
    assert_eq!(replies[77], Err(Code::InternalError));
    assert!(accepted(&reported.unwrap()));
    let tries = commits(&server) - before;
    assert!(tries < 80, "{tries} commits");
    assert_eq!(server.store.total_counts().await.unwrap().submitted, TASKS as i64);
    // What goes on is whole: the next free slots are filled.
    let task = server.submit("https://shop.test/last").await.unwrap();
    assert!(server.store.task(task).await.unwrap().is_some());
}
