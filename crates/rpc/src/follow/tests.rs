//! A client against peers that lead, stand by, break off, stay silent or aren't there.

use super::*;
use crate::status::{rejection_from_status, standing_by, status_from_rejection};
use crate::v1;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Mutex as Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use ukai_domain::{Code, Rejection};

/// What a peer does with a call.
#[derive(Clone)]
enum Manner {
    /// There is no such task: as good as any answer of a leader.
    Lead,
    StandBy {
        leader: Option<String>,
    },
    BreakOff,
    Silent,
}

struct Peer {
    address: String,
    calls: Arc<AtomicUsize>,
    manner: Arc<Cell<Manner>>,
}

impl Peer {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Self {
            address: listener.local_addr().unwrap().to_string(),
            calls: Arc::default(),
            manner: Arc::new(Cell::new(manner)),
        };
        let (calls, manner) = (Arc::clone(&peer.calls), Arc::clone(&peer.manner));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (calls, manner) = (Arc::clone(&calls), Arc::clone(&manner));
                let service = hyper::service::service_fn(move |_: Request<hyper::body::Incoming>| {
                    calls.fetch_add(1, Ordering::Relaxed);
                    let manner = manner.lock().unwrap().clone();
                    answer(manner)
                });
                let io = TokioIo::new(stream);
                tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service));
            }
        });
        peer
    }

    fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

async fn answer(manner: Manner) -> Result<Response<Body>, std::io::Error> {
    match manner {
        Manner::Lead => {
            Ok(status_from_rejection(&Rejection::new(Code::TaskNotFound, "no such task")).into_http())
        }
        Manner::StandBy { leader } => Ok(standing_by(leader.as_deref()).into_http()),
        Manner::BreakOff => Err(std::io::Error::other("cut")),
        Manner::Silent => std::future::pending().await,
    }
}

/// A client that looks up what `known` says, and how often it did.
fn client(known: &Arc<Cell<Option<String>>>) -> (Scheduler, Arc<AtomicUsize>) {
    let (known, looked) = (Arc::clone(known), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&looked);
    let lookup: Lookup = Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        let address = known.lock().unwrap().clone();
        Box::pin(async move { address })
    });
    let patience = Patience {
        leader: Duration::from_millis(600),
        answer: Duration::from_millis(600),
        whole: Duration::from_millis(800),
        connect: Duration::from_millis(200),
    };
    (scheduler_of_leader(lookup, None, patience), looked)
}

fn known(peer: &Peer) -> Arc<Cell<Option<String>>> {
    Arc::new(Cell::new(Some(peer.address.clone())))
}

async fn purge(scheduler: &Scheduler) -> Code {
    let refused = scheduler.clone().purge_task(v1::TaskRequest::default()).await.unwrap_err();
    rejection_from_status(&refused).code
}

async fn why(scheduler: &Scheduler) -> Code {
    let refused = scheduler.clone().why_task(v1::TaskRequest::default()).await.unwrap_err();
    rejection_from_status(&refused).code
}

#[tokio::test]
async fn one_look_up_serves_many_calls() {
    let leader = Peer::start(Manner::Lead).await;
    let (scheduler, looked) = client(&known(&leader));
    for _ in 0..10 {
        assert_eq!(purge(&scheduler).await, Code::TaskNotFound);
    }
    let many = (0..50).map(|_| {
        tokio::spawn({
            let scheduler = scheduler.clone();
            async move { purge(&scheduler).await }
        })
    });
    for call in many.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), Code::TaskNotFound);
    }
    assert_eq!((looked.load(Ordering::Relaxed), leader.calls()), (1, 60));
}

#[tokio::test]
async fn a_standby_sends_the_call_on() {
    let leader = Peer::start(Manner::Lead).await;
    let standby = Peer::start(Manner::StandBy { leader: Some(leader.address.clone()) }).await;
    let (scheduler, _) = client(&known(&standby));
    assert_eq!(purge(&scheduler).await, Code::TaskNotFound);
    assert_eq!((standby.calls(), leader.calls()), (1, 1));
    // It stays with the leader, and leaves it when it stands by itself.
    assert_eq!(purge(&scheduler).await, Code::TaskNotFound);
    assert_eq!((standby.calls(), leader.calls()), (1, 2));
    standby.be(Manner::Lead);
    leader.be(Manner::StandBy { leader: None });
    assert_eq!(purge(&scheduler).await, Code::TaskNotFound);
    assert_eq!((standby.calls(), leader.calls()), (2, 3));
}

#[tokio::test]
async fn who_leads_later_gets_the_call_that_waits() {
    let leader = Peer::start(Manner::Lead).await;
    let known = Arc::new(Cell::new(None));
    let (scheduler, looked) = client(&known);
    let waiting = tokio::spawn(async move { purge(&scheduler).await });
    while looked.load(Ordering::Relaxed) < 2 {
        assert!(!waiting.is_finished(), "it gave up without a second look");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    *known.lock().unwrap() = Some(leader.address.clone());
    assert_eq!(waiting.await.unwrap(), Code::TaskNotFound);
    assert_eq!(leader.calls(), 1);
}

#[tokio::test]
async fn without_a_leader_calls_end_in_time() {
    let standby = Peer::start(Manner::StandBy { leader: None }).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    for address in [None, Some(nobody), Some("not an address".to_owned()), Some(standby.address.clone())] {
        let (scheduler, looked) = client(&Arc::new(Cell::new(address.clone())));
        let begun = Instant::now();
        assert_eq!(purge(&scheduler).await, Code::Unavailable, "{address:?}");
        let took = begun.elapsed();
        assert!((550..1_000).contains(&took.as_millis()), "{address:?}: {took:?}");
        assert!(looked.load(Ordering::Relaxed) <= 20, "{address:?}: {looked:?}");
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_repeated_only_where_it_does_no_harm() {
    let peer = Peer::start(Manner::BreakOff).await;
    let (scheduler, _) = client(&known(&peer));
    assert_eq!(purge(&scheduler).await, Code::Unavailable);
    assert_eq!(peer.calls(), 1);
    assert_eq!(why(&scheduler).await, Code::Unavailable);
    assert!(peer.calls() > 2, "{}", peer.calls());
    peer.be(Manner::Silent);
    let (before, begun) = (peer.calls(), Instant::now());
    assert_eq!(purge(&scheduler).await, Code::Unavailable);
    assert!(begun.elapsed() < Duration::from_millis(1_000));
    assert_eq!(peer.calls(), before + 1);
    peer.be(Manner::Lead);
    assert_eq!(why(&scheduler).await, Code::TaskNotFound);
}
