//! A leader without a queue: it records what gateways tell and answers as the test says.

use super::until;
use bytes::Bytes;
use prost::Message;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use ukai_bus::{Bus, LocalBus, Request, SCHEDULER_IN, gateway_subject};
use ukai_domain::scheduler::{Connect, Input};
use ukai_domain::{GatewayId, SessionId};
use ukai_gateway::Gateway;
use ukai_rpc::v1::{self, input_reply::Reply, push::Message as Word};

/// The answer to one input; `None` takes the default.
type Answer = Box<dyn FnMut(&Input) -> Option<Reply> + Send>;

/// One batch as it came.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) announce: bool,
    pub(crate) inputs: Vec<Input>,
    pub(crate) bytes: Bytes,
}

struct Inner {
    epoch: u64,
    known: HashSet<Vec<u8>>,
    batches: Vec<Batch>,
    answer: Answer,
    /// Requests that are taken and never answered.
    to_drop: usize,
    /// Config sent with the registration.
    config: String,
    push_seq: u64,
}

/// Clones share it.
#[derive(Clone)]
pub(crate) struct Leader {
    bus: LocalBus,
    inner: Arc<Mutex<Inner>>,
}

impl Leader {
    /// Leads from now on; it knows no gateway.
    pub(crate) async fn start(bus: &LocalBus, epoch: u64) -> Self {
        let inner = Inner {
            epoch,
            known: HashSet::new(),
            batches: Vec::new(),
            answer: Box::new(|_| None),
            to_drop: 0,
            config: "{}".to_owned(),
            push_seq: 0,
        };
        let leader = Self { bus: bus.clone(), inner: Arc::new(Mutex::new(inner)) };
        let requests = bus.serve(SCHEDULER_IN).await.unwrap();
        tokio::spawn(leader.clone().run(requests));
        leader
    }

    pub(crate) fn answer(&self, answer: impl FnMut(&Input) -> Option<Reply> + Send + 'static) {
        self.inner.lock().unwrap().answer = Box::new(answer);
    }

    pub(crate) fn drop_next(&self, requests: usize) {
        self.inner.lock().unwrap().to_drop = requests;
    }

    pub(crate) fn config(&self, config: &str) {
        self.inner.lock().unwrap().config = config.to_owned();
    }

    /// As after a restart: no gateway is known.
    pub(crate) fn forget_gateways(&self) {
        self.inner.lock().unwrap().known.clear();
    }

    /// Every batch so far.
    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.inner.lock().unwrap().batches.clone()
    }

    /// Every input so far, announcements apart.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        let inner = self.inner.lock().unwrap();
        inner.batches.iter().filter(|b| !b.announce).flat_map(|b| b.inputs.clone()).collect()
    }

    pub(crate) fn connects(&self) -> Vec<Connect> {
        let connects = self.inputs().into_iter();
        connects
            .filter_map(|input| if let Input::Connect(connect) = input { Some(connect) } else { None })
            .collect()
    }

    pub(crate) async fn until_connects(&self, n: usize) -> Vec<Connect> {
        until(|| self.connects().len() >= n).await;
        self.connects()
    }

    /// The next leader, with all that this one knows.
    pub(crate) fn lead_as(&self, epoch: u64) {
        self.inner.lock().unwrap().epoch = epoch;
    }

    pub(crate) async fn until_input(&self, matches: impl Fn(&Input) -> bool) {
        until(|| self.inputs().iter().any(&matches)).await;
    }

    /// Sends words to a session under the next number.
    pub(crate) async fn push(
        &self,
        gateway: &Gateway,
        session: SessionId,
        words: Vec<Word>,
    ) -> v1::PushReply {
        let (epoch, seq) = {
            let mut inner = self.inner.lock().unwrap();
            inner.push_seq += 1;
            (inner.epoch, inner.push_seq)
        };
        self.push_as(gateway.id(), epoch, seq, session, words).await
    }

    pub(crate) async fn push_as(
        &self,
        gateway: GatewayId,
        epoch: u64,
        seq: u64,
        session: SessionId,
        words: Vec<Word>,
    ) -> v1::PushReply {
        let session = session.as_bytes().to_vec();
        let pushes =
            words.into_iter().map(|m| v1::Push { session: session.clone(), message: Some(m) }).collect();
        let batch = v1::PushBatch { epoch, seq, pushes };
        let subject = gateway_subject(&gateway.to_string());
        let payload = Bytes::from(batch.encode_to_vec());
        let reply = self.bus.request(&subject, payload, Duration::from_secs(10)).await.unwrap();
        v1::PushReply::decode(reply).unwrap()
    }

    async fn run(self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.recv().await {
            let batch = v1::GatewayBatch::decode(request.payload.clone()).unwrap();
            let registrations = {
                let mut inner = self.inner.lock().unwrap();
                if inner.to_drop > 0 {
                    inner.to_drop -= 1;
                    inner.record(&batch, request.payload.clone());
                    continue;
                }
                let (reply, registrations) = inner.handle(&batch, request.payload.clone());
                request.respond(Bytes::from(reply.encode_to_vec()));
                registrations
            };
            for (session, word) in registrations {
                let gateway = GatewayId::from_slice(&batch.gateway).unwrap();
                let (epoch, seq) = {
                    let mut inner = self.inner.lock().unwrap();
                    inner.push_seq += 1;
                    (inner.epoch, inner.push_seq)
                };
                // A gateway may want to be heard before it confirms.
                let leader = self.clone();
                tokio::spawn(async move { leader.push_as(gateway, epoch, seq, session, vec![word]).await });
            }
        }
    }
}

impl Inner {
    fn record(&mut self, batch: &v1::GatewayBatch, bytes: Bytes) -> Vec<Input> {
        let inputs = batch.inputs.iter().cloned().map(|i| ukai_rpc::input_from_proto(i).unwrap());
        let inputs: Vec<Input> = inputs.collect();
        let (seq, epoch, announce) = (batch.seq, batch.epoch, batch.announce);
        self.batches.push(Batch { seq, epoch, announce, inputs: inputs.clone(), bytes });
        inputs
    }

    fn handle(
        &mut self,
        batch: &v1::GatewayBatch,
        bytes: Bytes,
    ) -> (v1::GatewayReply, Vec<(SessionId, Word)>) {
        let mut reply = v1::GatewayReply { epoch: self.epoch, seq: batch.seq, ..Default::default() };
        if batch.announce {
            self.known.insert(batch.gateway.clone());
        } else if !self.known.contains(&batch.gateway) {
            reply.announce_first = true;
            return (reply, Vec::new());
        }
        let mut registrations = Vec::new();
        for input in self.record(batch, bytes) {
            let answer = (self.answer)(&input).unwrap_or_else(|| match &input {
                Input::Connect(connect) => {
                    registrations.push((connect.session, self.registered(connect.session)));
                    // A worker's id is its session's, for the tests to tell them apart.
                    Reply::Registered(connect.session.as_bytes().to_vec())
                }
                _ => Reply::Accepted(v1::Accepted { duplicate: false }),
            });
            reply.replies.push(v1::InputReply { reply: Some(answer) });
        }
        if batch.announce {
            let accepted = Reply::Accepted(v1::Accepted { duplicate: false });
            let is_last = batch.part == batch.parts;
            reply.replies = vec![v1::InputReply { reply: Some(accepted) }; usize::from(is_last)];
        }
        (reply, registrations)
    }

    fn registered(&self, session: SessionId) -> Word {
        Word::Registered(v1::Registered {
            worker: session.as_bytes().to_vec(),
            heartbeat_interval_ms: 10_000,
            task_timeout_ms: 60_000,
            config: self.config.clone(),
            server_time: 1_770_000_000_000,
        })
    }
}

/// A hand-out of the task with the number `n`.
pub(crate) fn assigned(n: u128, run: u32) -> Word {
    Word::Assigned(v1::Assigned {
        task: uuid::Uuid::from_u128(n).as_bytes().to_vec(),
        run,
        attempt: run,
        url: "https://example.com/kettle".to_owned(),
        priority: 50,
        kind: "scrape".to_owned(),
        job: uuid::Uuid::from_u128(1).as_bytes().to_vec(),
        assigned_at: 1_770_000_000_000,
        deadline: 1_770_000_030_000,
        options: None,
        crawl: None,
        traceparent: None,
    })
}
