//! The promises of the seam, the same for both.

use crate::world::{Local, Nats, World, answer, answered, soon, until};
use bytes::Bytes;
use std::time::{Duration, Instant};
use ukai_bus::{Bus, BusError, HEARTBEATS, SCHEDULER_IN};

const QUICK: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Local::new().await).await;
            })*
            use super::World as _;
        }
        mod nats {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Nats::new().await).await;
            })*
            use super::World as _;
        }
    };
}

suite!(
    a_publishers_messages_come_in_order,
    patterns_choose,
    nobody_is_told_at_once,
    silence_is_a_timeout,
    answers_find_their_requests,
    a_place_in_a_trace_comes_with_its_request_alone,
    a_server_that_left_gets_nothing,
    the_newest_server_of_a_process_gets_the_requests,
    a_slow_subscriber_loses_and_knows_it,
    nothing_waits_for_a_bus_that_is_away,
    requests_under_way_end_when_the_bus_goes_away,
    all_goes_on_when_the_bus_is_back,
    the_status_tells,
);

#[tokio::test]
async fn systems_of_other_prefixes_on_one_server_hear_nothing_of_each_other() {
    let world = Nats::new().await;
    let (ours, theirs) = (world.connect("test").await, world.connect_as("test", "staging").await);
    let other = world.connect_as("test", "staging").await;
    let _leading = answer(ours.serve(SCHEDULER_IN).await.unwrap(), "ours");
    assert_eq!(theirs.request(SCHEDULER_IN, Bytes::new(), LONG).await, Err(BusError::NoResponders));
    let _also_leading = answer(theirs.serve(SCHEDULER_IN).await.unwrap(), "theirs");
    assert_eq!(ours.request(SCHEDULER_IN, Bytes::new(), LONG).await.unwrap(), "ours");
    assert_eq!(other.request(SCHEDULER_IN, Bytes::new(), LONG).await.unwrap(), "theirs");
    let mut heard = other.subscribe(HEARTBEATS).await.unwrap();
    ours.publish(HEARTBEATS, Bytes::from_static(b"ours")).await.unwrap();
    // Behind what the server had from us before.
    assert_eq!(ours.request(SCHEDULER_IN, Bytes::new(), LONG).await.unwrap(), "ours");
    theirs.publish(HEARTBEATS, Bytes::from_static(b"theirs")).await.unwrap();
    let message = soon(heard.next()).await.unwrap();
    assert_eq!((message.subject.as_str(), &message.payload[..]), (HEARTBEATS, &b"theirs"[..]));
}

async fn a_publishers_messages_come_in_order(world: impl World) {
    let (publisher, other) = (world.user().await, world.user().await);
    let mut near = publisher.subscribe("ukai.order").await.unwrap();
    let mut far = other.subscribe("ukai.order").await.unwrap();
    for n in 0..2_000_u32 {
        publisher.publish("ukai.order", Bytes::copy_from_slice(&n.to_be_bytes())).await.unwrap();
    }
    for subscription in [&mut near, &mut far] {
        for n in 0..2_000_u32 {
            let message = soon(subscription.next()).await.unwrap();
            assert_eq!(
                (message.subject.as_str(), &message.payload[..]),
                ("ukai.order", &n.to_be_bytes()[..])
            );
        }
    }
}

async fn patterns_choose(world: impl World) {
    let (publisher, user) = (world.user().await, world.user().await);
    let mut of_kind = user.subscribe("ukai.v1.event.job.*").await.unwrap();
    let mut all = user.subscribe("ukai.v1.event.>").await.unwrap();
    for subject in ["ukai.v1.event.worker.1", "ukai.v1.event.job.1", "ukai.v1.event", "ukai.v1.event.job.1.x"]
    {
        publisher.publish(subject, Bytes::new()).await.unwrap();
    }
    publisher.publish("ukai.v1.event.job.last", Bytes::new()).await.unwrap();
    for want in ["ukai.v1.event.job.1", "ukai.v1.event.job.last"] {
        assert_eq!(soon(of_kind.next()).await.unwrap().subject, want);
    }
    for want in ["worker.1", "job.1", "job.1.x", "job.last"] {
        assert_eq!(soon(all.next()).await.unwrap().subject, format!("ukai.v1.event.{want}"));
    }
}

async fn nobody_is_told_at_once(world: impl World) {
    let user = world.user().await;
    let begun = Instant::now();
    assert_eq!(user.request("ukai.nobody", Bytes::new(), LONG).await, Err(BusError::NoResponders));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

async fn silence_is_a_timeout(world: impl World) {
    let (asking, serving) = (world.user().await, world.user().await);
    let mut requests = serving.serve("ukai.silence").await.unwrap();
    let silent = tokio::spawn(async move {
        // One is dropped, one is held.
        drop(requests.recv().await);
        let held = requests.recv().await;
        std::future::pending::<()>().await;
        drop(held);
    });
    for _ in 0..2 {
        assert_eq!(asking.request("ukai.silence", Bytes::new(), QUICK).await, Err(BusError::Timeout));
    }
    silent.abort();
}

async fn answers_find_their_requests(world: impl World) {
    let (asking, serving) = (world.user().await, world.user().await);
    let mut requests = serving.serve("ukai.echo").await.unwrap();
    tokio::spawn(async move {
        // The later is answered first.
        loop {
            let Some(first) = requests.recv().await else { return };
            let Some(second) = requests.recv().await else { return };
            for request in [second, first] {
                let payload = request.payload.clone();
                request.respond(payload);
            }
        }
    });
    let ask = |n: u32| {
        let asking = asking.clone();
        async move { asking.request("ukai.echo", Bytes::copy_from_slice(&n.to_be_bytes()), LONG).await.unwrap() }
    };
    let answers = futures::future::join_all((0..100).map(ask)).await;
    for (n, answer) in (0_u32..).zip(answers) {
        assert_eq!(answer[..], n.to_be_bytes());
    }
}

async fn a_place_in_a_trace_comes_with_its_request_alone(world: impl World) {
    const PLACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (asking, serving) = (world.user().await, world.user().await);
    let mut requests = serving.serve("ukai.traced").await.unwrap();
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let place = request.traceparent.clone().unwrap_or_default();
            request.respond(Bytes::from(place));
        }
    });
    let with = asking.request_within(Some(PLACE), "ukai.traced", Bytes::from_static(b"x"), LONG).await;
    assert_eq!(&with.unwrap()[..], PLACE.as_bytes());
    let without = asking.request("ukai.traced", Bytes::from_static(b"x"), LONG).await.unwrap();
    assert!(without.is_empty());
}

async fn a_server_that_left_gets_nothing(world: impl World) {
    let (asking, old, new) = (world.user().await, world.user().await, world.user().await);
    let requests = old.serve("ukai.leader").await.unwrap();
    drop(requests);
    let new_server = answer(new.serve("ukai.leader").await.unwrap(), "new");
    assert_eq!(asking.request("ukai.leader", Bytes::new(), LONG).await.unwrap(), "new");
    new_server.abort();
    soon(async {
        while asking.request("ukai.leader", Bytes::new(), QUICK).await != Err(BusError::NoResponders) {}
    })
    .await;
}

async fn the_newest_server_of_a_process_gets_the_requests(world: impl World) {
    let (asking, serving) = (world.user().await, world.user().await);
    let mut old = serving.serve("ukai.replaced").await.unwrap();
    let _new = answer(serving.serve("ukai.replaced").await.unwrap(), "new");
    assert!(soon(old.recv()).await.is_none());
    for _ in 0..10 {
        assert_eq!(asking.request("ukai.replaced", Bytes::new(), LONG).await.unwrap(), "new");
    }
}

async fn a_slow_subscriber_loses_and_knows_it(world: impl World) {
    let (publisher, user) = (world.user().await, world.user().await);
    let mut slow = user.subscribe("ukai.flood").await.unwrap();
    let mut quick = user.subscribe("ukai.last").await.unwrap();
    for _ in 0..65_536 + 100 {
        publisher.publish("ukai.flood", Bytes::new()).await.unwrap();
        tokio::task::yield_now().await;
    }
    publisher.publish("ukai.last", Bytes::new()).await.unwrap();
    soon(quick.next()).await.unwrap();
    until(|| slow.lost() >= 100).await;
    assert!(soon(slow.next()).await.is_some());
}

async fn nothing_waits_for_a_bus_that_is_away(world: impl World) {
    let user = world.user().await;
    world.cut().await;
    let begun = Instant::now();
    assert_eq!(user.request("ukai.x", Bytes::new(), LONG).await, Err(BusError::Unavailable));
    for _ in 0..5_000 {
        assert_eq!(user.publish("ukai.x", Bytes::new()).await, Err(BusError::Unavailable));
    }
    let _served = soon(user.serve("ukai.x")).await.unwrap();
    let _subscribed = soon(user.subscribe("ukai.y")).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

async fn requests_under_way_end_when_the_bus_goes_away(world: impl World) {
    let (asking, serving) = (world.user().await, world.user().await);
    let mut requests = serving.serve("ukai.slow").await.unwrap();
    let under_way =
        tokio::spawn(async move { asking.request("ukai.slow", Bytes::new(), Duration::from_secs(60)).await });
    let _held = soon(requests.recv()).await.unwrap();
    let begun = Instant::now();
    world.cut().await;
    assert_eq!(soon(under_way).await.unwrap(), Err(BusError::Unavailable));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

async fn all_goes_on_when_the_bus_is_back(world: impl World) {
    let (asking, serving) = (world.user().await, world.user().await);
    let mut before = serving.subscribe("ukai.news").await.unwrap();
    let _served = answer(serving.serve("ukai.before").await.unwrap(), "before");
    world.cut().await;
    let mut meanwhile = serving.subscribe("ukai.news").await.unwrap();
    let _served_meanwhile = answer(serving.serve("ukai.meanwhile").await.unwrap(), "meanwhile");
    world.mend().await;
    assert_eq!(answered(&*asking, "ukai.before").await, "before");
    assert_eq!(answered(&*asking, "ukai.meanwhile").await, "meanwhile");
    asking.publish("ukai.news", Bytes::from_static(b"back")).await.unwrap();
    for subscription in [&mut before, &mut meanwhile] {
        assert_eq!(soon(subscription.next()).await.unwrap().payload, "back");
    }
}

async fn the_status_tells(world: impl World) {
    let user = world.user().await;
    let mut status = user.status();
    let first = *status.borrow_and_update();
    assert!(first.is_connected);
    world.cut().await;
    let cut = *soon(status.wait_for(|now| !now.is_connected)).await.unwrap();
    assert!(cut.since >= first.since);
    world.mend().await;
    let back = *soon(status.wait_for(|now| now.is_connected)).await.unwrap();
    assert!(back.connects > first.connects && back.since >= cut.since);
}
