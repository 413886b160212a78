//! Gateways in this process whose workers answer each hand-out at once: with a result, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use ukai_bus::{Bus, Request, SCHEDULER_IN, gateway_subject};
use ukai_rpc::v1::{self, gateway_input::Input, input_reply::Reply, push};
use uuid::Uuid;

use crate::exit::Failure;

/// Several, as in a fleet: what one says while another waits for its answer goes into the same commit.
const GATEWAYS: u32 = 2;
/// Inputs of one request at most, as a gateway has it.
const MAX_INPUTS: usize = 2_000;
/// A request that isn't answered by then makes the measurement worthless.
const PATIENCE: Duration = Duration::from_secs(20);

/// All gateways; gone with it.
pub(super) struct Workers {
    tasks: u64,
    accepted: Arc<AtomicU64>,
    gateways: JoinSet<Result<Vec<Uuid>, Failure>>,
}

impl Workers {
    /// Connects `workers` that hold `capacity` runs each, until `tasks` results are accepted.
    pub(super) async fn start(
        bus: &Arc<dyn Bus>,
        workers: u32,
        capacity: u32,
        tasks: u32,
    ) -> Result<Self, Failure> {
        let accepted = Arc::new(AtomicU64::new(0));
        let mut gateways = JoinSet::new();
        for n in 0..GATEWAYS {
            let share = workers * (n + 1) / GATEWAYS - workers * n / GATEWAYS;
            let gateway = Gateway::announced(Arc::clone(bus), share, capacity).await?;
            let (accepted, tasks) = (Arc::clone(&accepted), u64::from(tasks));
            gateways.spawn(gateway.run(accepted, tasks));
        }
        Ok(Self { tasks: u64::from(tasks), accepted, gateways })
    }

    /// The tasks of all accepted results, each as often as it was accepted.
    pub(super) async fn done(mut self, show: impl Fn(u64)) -> Result<Vec<Uuid>, Failure> {
        let mut last = (0, Instant::now());
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        while self.accepted.load(Ordering::Acquire) < self.tasks {
            tokio::select! {
                ended = self.gateways.join_next() => if let Some(ended) = ended {
                    ended.map_err(|error| Failure::failed(error.to_string()))??;
                },
                _ = tick.tick() => {}
            }
            let now = self.accepted.load(Ordering::Acquire);
            show(now);
            if now != last.0 {
                last = (now, Instant::now());
            }
            if last.1.elapsed() > PATIENCE {
                return Err(Failure::failed(format!("stuck at {now} of {} results", self.tasks)));
            }
        }
        let mut done = Vec::new();
        while let Some(ended) = self.gateways.join_next().await {
            done.extend(ended.map_err(|error| Failure::failed(error.to_string()))??);
        }
        Ok(done)
    }
}

struct Gateway {
    id: Uuid,
    bus: Arc<dyn Bus>,
    pushes: mpsc::Receiver<Request>,
    seq: u64,
}

impl Gateway {
    /// Known to the leader, with its workers connected.
    async fn announced(bus: Arc<dyn Bus>, workers: u32, capacity: u32) -> Result<Self, Failure> {
        let id = Uuid::now_v7();
        let served = bus.serve(&gateway_subject(&id.to_string())).await;
        let pushes = served.map_err(|error| Failure::failed(error.to_string()))?;
        let mut gateway = Self { id, bus, pushes, seq: 0 };
        gateway.send(true, Vec::new()).await?;
        let connects = (0..workers).map(|_| {
            Input::Connect(v1::Connect {
                session: Uuid::now_v7().as_bytes().to_vec(),
                gateway: id.as_bytes().to_vec(),
                identity: Some(v1::connect::Identity::Enrolled(v1::Enrolled { name: None })),
                capacity,
                capabilities: Vec::new(),
                announces_in_flight: true,
                in_flight: Vec::new(),
            })
        });
        let connects: Vec<_> = connects.collect();
        gateway.send(false, connects).await?;
        Ok(gateway)
    }

    /// Takes hand-outs and reports them completed; what comes while one request is under way is the next.
    async fn run(mut self, accepted: Arc<AtomicU64>, wanted: u64) -> Result<Vec<Uuid>, Failure> {
        let mut done = Vec::new();
        let mut reports: Vec<Input> = Vec::new();
        loop {
            if reports.is_empty() {
                tokio::select! {
                    request = self.pushes.recv() => match request {
                        Some(request) => take(request, &mut reports)?,
                        None => return Err(Failure::failed("the bus is gone")),
                    },
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
            while let Ok(request) = self.pushes.try_recv() {
                take(request, &mut reports)?;
            }
            if accepted.load(Ordering::Acquire) >= wanted {
                return Ok(done);
            }
            if reports.is_empty() {
                continue;
            }
            let rest = reports.split_off(reports.len().min(MAX_INPUTS));
            let batch = std::mem::replace(&mut reports, rest);
            let tasks: Vec<_> = batch.iter().filter_map(task_of).collect();
            let before = done.len();
            for (reply, task) in self.send(false, batch).await?.replies.into_iter().zip(tasks) {
                match reply.reply {
                    Some(Reply::Accepted(v1::Accepted { duplicate: false })) => done.push(task),
                    other => return Err(Failure::failed(format!("a result was not accepted: {other:?}"))),
                }
            }
            accepted.fetch_add((done.len() - before) as u64, Ordering::AcqRel);
        }
    }

    async fn send(&mut self, announce: bool, inputs: Vec<Input>) -> Result<v1::GatewayReply, Failure> {
        self.seq += 1;
        let inputs = inputs
            .into_iter()
            .map(|input| v1::GatewayInput { input: Some(input), traceparent: None })
            .collect();
        let gateway = self.id.as_bytes().to_vec();
        let batch = v1::GatewayBatch { gateway, seq: self.seq, announce, inputs, ..Default::default() };
        let payload = Bytes::from(batch.encode_to_vec());
        let reply = self.bus.request(SCHEDULER_IN, payload, PATIENCE).await;
        let reply = reply.map_err(|error| Failure::failed(format!("the leader doesn't answer: {error}")))?;
        let reply = v1::GatewayReply::decode(reply).map_err(|error| Failure::failed(error.to_string()))?;
        if reply.announce_first { Err(Failure::failed("the leader forgot a gateway")) } else { Ok(reply) }
    }
}

/// Confirms the hand-outs of one request, and has a result for each.
fn take(request: Request, reports: &mut Vec<Input>) -> Result<(), Failure> {
    let batch = v1::PushBatch::decode(request.payload.clone())
        .map_err(|error| Failure::failed(format!("a hand-out can't be read: {error}")))?;
    let reply = v1::PushReply { epoch: batch.epoch, refused: Vec::new() };
    request.respond(reply.encode_to_vec().into());
    for push in batch.pushes {
        let Some(push::Message::Assigned(assigned)) = push.message else { continue };
        let completed = v1::Completed { result: "{}".to_owned(), metrics: None, extra: None, items: 0 };
        reports.push(Input::Report(v1::Report {
            session: push.session,
            task: assigned.task,
            run: Some(assigned.run),
            word: Some(v1::report::Word::Completed(completed)),
        }));
    }
    Ok(())
}

fn task_of(input: &Input) -> Option<Uuid> {
    let Input::Report(report) = input else { return None };
    Uuid::from_slice(&report.task).ok()
}
