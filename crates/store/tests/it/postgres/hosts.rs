//! Several hosts in one address: a server and the standby that may take its place.

use super::{connect, options};
use crate::conformance::LEASE;
use crate::kit::{World, assert_same};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ukai_store::postgres::PostgresReads;
use ukai_store::{Applied, Reads, Store};
use ukai_testkit::postgres::{Cluster, Disk};

const MOVED: Duration = Duration::from_secs(60);

#[tokio::test]
async fn writes_and_reads_find_the_primary_behind_its_standby_and_follow_it() {
    let primary = Cluster::start(Disk::Ignored).unwrap();
    let standby = primary.standby().unwrap();
    let (first, second) = (standby.port(), primary.port());
    let hosts = format!("postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/postgres");
    let store = connect(&hosts).await;
    let mut world = World::new(7);
    world.epoch = store.take_over("one", LEASE).await.unwrap().unwrap().epoch;
    world.found();
    assert_eq!(store.commit(world.take()).await.unwrap(), Applied::Now);
    assert_same(&*store, &world).await;
    for attributes in ["", "?target_session_attrs=read-write"] {
        let url = format!("{hosts}{attributes}");
        let reads = PostgresReads::connect(&url, options()).await.unwrap();
        assert_eq!(reads.total_counts().await.unwrap(), world.total);
        assert_eq!(connect(&url).await.leader().await.unwrap().unwrap().epoch, world.epoch);
    }

    standby.promote(&primary).unwrap();
    primary.kill().unwrap();
    world.random(20);
    let commit = world.take();
    let begin = Instant::now();
    while let Err(error) = store.commit(Arc::clone(&commit)).await {
        assert!(begin.elapsed() < MOVED, "{error}");
    }
    assert_same(&*store, &world).await;
    assert_eq!(
        standby.psql("postgres", "SELECT max(n) FROM ukai.commit_log").unwrap(),
        commit.id.n.to_string()
    );
}
