//! A gateway with one worker, played by a test: it says what it is told to and notes what is pushed.

use super::{Server, until};
use bytes::Bytes;
use prost::Message;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use ukai_bus::{Bus, LocalBus, SCHEDULER_IN, gateway_subject};
use ukai_domain::scheduler::{Connect, Identity, Input, Report, Word};
use ukai_domain::{ErrorType, GatewayId, Run, SessionId, TaskId, WorkerId};
use ukai_rpc::v1::{self, input_reply::Reply, push};

type Pushed = Arc<Mutex<Vec<push::Message>>>;

pub(crate) struct Gateway {
    id: GatewayId,
    pub(crate) session: SessionId,
    bus: LocalBus,
    pub(crate) seq: u64,
    /// How long it waits for an answer.
    pub(crate) patience: Duration,
    pushed: Pushed,
    pub(crate) worker: Option<WorkerId>,
}

impl Gateway {
    /// Announced, with a registered worker.
    pub(crate) async fn start(server: &Server) -> Self {
        let id = GatewayId(uuid::Uuid::now_v7());
        let mut requests = server.bus.serve(&gateway_subject(&id.to_string())).await.unwrap();
        let pushed = Pushed::default();
        let notes = Arc::clone(&pushed);
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                let batch = v1::PushBatch::decode(request.payload.clone()).unwrap();
                let reply = v1::PushReply { epoch: batch.epoch, refused: Vec::new() };
                notes.lock().unwrap().extend(batch.pushes.into_iter().filter_map(|push| push.message));
                request.respond(reply.encode_to_vec().into());
            }
        });
        let session = SessionId(uuid::Uuid::now_v7());
        let (bus, patience) = (server.bus.clone(), Duration::from_secs(10));
        let mut gateway = Self { id, session, bus, seq: 0, patience, pushed, worker: None };
        assert!(gateway.send(false, &[]).await.unwrap().announce_first);
        gateway.announce(None).await;
        let connect = Input::Connect(gateway.connect(Identity::Enrolled { name: None }, Vec::new()));
        let reply = gateway.send(false, &[connect]).await.unwrap();
        let Some(Reply::Registered(worker)) = reply.replies[0].reply.clone() else { panic!("{reply:?}") };
        gateway.worker = WorkerId::from_slice(&worker);
        gateway
    }

    fn connect(&self, identity: Identity, held: Vec<(TaskId, Run)>) -> Connect {
        Connect {
            session: self.session,
            gateway: self.id,
            identity,
            capacity: 4,
            capabilities: Vec::new(),
            in_flight: Some(held),
        }
    }

    /// Announces its worker, if `held` is given, with what it holds.
    pub(crate) async fn announce(&mut self, held: Option<Vec<(TaskId, Run)>>) {
        let reply = self.try_announce(held).await.unwrap();
        assert!(!reply.announce_first);
    }

    /// [`Gateway::announce`] to a leader that may not answer.
    pub(crate) async fn try_announce(
        &mut self,
        held: Option<Vec<(TaskId, Run)>>,
    ) -> Option<v1::GatewayReply> {
        let connect = |held| self.connect(Identity::Worker(self.worker.unwrap()), held);
        let inputs: Vec<Input> = held.map(|held| Input::Connect(connect(held))).into_iter().collect();
        self.send(true, &inputs).await
    }

    /// A failure of the task's first run.
    pub(crate) fn failed(&self, task: TaskId) -> Input {
        let word = Word::failed(ErrorType::Network);
        Input::Report(Report { session: self.session, task, run: Some(Run(1)), word })
    }

    /// Sends under the next number; `None` when nobody answers.
    pub(crate) async fn send(&mut self, announce: bool, inputs: &[Input]) -> Option<v1::GatewayReply> {
        self.seq += 1;
        self.repeat(announce, inputs).await
    }

    /// Sends under the number of before.
    pub(crate) async fn repeat(&self, announce: bool, inputs: &[Input]) -> Option<v1::GatewayReply> {
        let inputs = inputs.iter().map(|input| ukai_rpc::input_to_proto(input).unwrap()).collect();
        let gateway = self.id.as_bytes().to_vec();
        let batch = v1::GatewayBatch { gateway, seq: self.seq, announce, inputs, ..Default::default() };
        let payload = Bytes::from(batch.encode_to_vec());
        let reply = self.bus.request(SCHEDULER_IN, payload, self.patience).await.ok()?;
        Some(v1::GatewayReply::decode(reply).unwrap())
    }

    /// Waits for the hand-out of the task; its run.
    pub(crate) async fn handed_out(&self, task: TaskId) -> Run {
        until(|| self.run_of(task).is_some()).await;
        self.run_of(task).unwrap()
    }

    /// The newest run of the task that was pushed here.
    pub(crate) fn run_of(&self, task: TaskId) -> Option<Run> {
        self.pushed.lock().unwrap().iter().rev().find_map(|message| match message {
            push::Message::Assigned(assigned) if assigned.task == task.as_bytes() => Some(Run(assigned.run)),
            _ => None,
        })
    }
}

/// Whether the only input of a batch was accepted.
pub(crate) fn accepted(reply: &v1::GatewayReply) -> bool {
    matches!(&reply.replies[..], [v1::InputReply { reply: Some(Reply::Accepted(_)) }])
}
