//! After a commit that failed for good, memory is loaded again; the connections are not the store's and are kept.

use super::state::State;
use super::{Connect, Identity, Input};
use crate::{GatewayId, Run, TaskId};
use std::collections::BTreeMap;

impl State {
    /// The open connections.
    #[must_use]
    pub fn connections(&self) -> Vec<Connect> {
        self.sessions
            .values()
            .filter(|s| s.away_until.is_none())
            .map(|s| Connect {
                session: s.id,
                gateway: s.gateway,
                identity: Identity::Worker(s.worker),
                capacity: u32::try_from(s.capacity).unwrap_or(1),
                capabilities: s.kinds.iter().cloned().collect(),
                in_flight: None,
            })
            .collect()
    }

    /// Inputs that connect the connections of the broken memory again, each holding what the store says that its worker
    /// holds. What no gateway has confirmed is not held: it is pushed again. Who was leaving still is.
    #[must_use]
    pub fn readopt(&self, broken: &Self) -> Vec<Input> {
        let mut by_gateway: BTreeMap<GatewayId, Vec<Connect>> = BTreeMap::new();
        let mut leaving = Vec::new();
        for mut connect in broken.connections() {
            let Identity::Worker(id) = connect.identity else { continue };
            // Registered by a step that was never stored: it will connect again.
            let Some(worker) = self.workers.get(&id) else { continue };
            let session = broken.sessions.get(&connect.session);
            if session.is_some_and(|session| session.draining) {
                leaving.push(Input::Draining { session: connect.session });
            }
            // What an unproven one holds it has yet to say.
            if session.is_some_and(|session| !session.unproven) {
                let held: Vec<(TaskId, Run)> = worker
                    .leases
                    .iter()
                    .filter_map(|task| self.leases.get(task).map(|lease| (*task, lease.progress.run)))
                    .filter(|(task, run)| broken.unconfirmed.get(task) != Some(run))
                    .collect();
                connect.in_flight = Some(held);
            }
            by_gateway.entry(connect.gateway).or_default().push(connect);
        }
        let announces =
            by_gateway.into_iter().map(|(gateway, sessions)| Input::Announce { gateway, sessions });
        announces.chain(leaving).collect()
    }

    /// Goes on where the broken memory stood: a number is never used for two commits, and a bus that is away still is.
    pub fn continue_from(&mut self, broken: &Self) {
        self.bus_away = broken.bus_away;
        self.last_commit.n = self.last_commit.n.max(broken.last_commit.n);
        self.last_now = self.last_now.max(broken.last_now);
    }
}

impl Input {
    /// Its name in logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Submit(_) => "submit",
            Self::CreateJob { .. } => "create_job",
            Self::ControlJob { .. } => "control_job",
            Self::CancelTask { .. } => "cancel_task",
            Self::RetryTask { .. } => "retry_task",
            Self::PurgeTask { .. } => "purge_task",
            Self::CreateWorker { .. } => "create_worker",
            Self::DeleteWorker { .. } => "delete_worker",
            Self::ResetWorker { .. } => "reset_worker",
            Self::ScreenshotWorker { .. } => "screenshot_worker",
            Self::ConfigureWorker { .. } => "configure_worker",
            Self::SetHost(_) => "set_host",
            Self::Connect(_) => "connect",
            Self::Disconnect { .. } => "disconnect",
            Self::Report(report) => match report.word {
                super::Word::Started => "report_started",
                super::Word::Completed(_) => "report_completed",
                super::Word::Failed { .. } => "report_failed",
            },
            Self::Heartbeat(_) => "heartbeat",
            Self::BlockDetected { .. } => "block_detected",
            Self::NetworkChanged { .. } => "network_changed",
            Self::WorkerError { .. } => "worker_error",
            Self::Draining { .. } => "draining",
            Self::PushConfirmed { .. } => "push_confirmed",
            Self::PushRefused { .. } => "push_refused",
            Self::Announce { .. } => "announce",
            Self::GatewayLost { .. } => "gateway_lost",
            Self::ReportLost { .. } => "report_lost",
            Self::Heard { .. } => "heard",
            Self::Tick => "tick",
            Self::BusLost => "bus_lost",
            Self::Resync => "resync",
            Self::Stalled => "stalled",
            Self::Query(_) => "query",
        }
    }
}
