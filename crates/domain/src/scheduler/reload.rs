//! After a commit that failed for good, memory is loaded again; the connections are not the store's and are kept.

use super::state::State;
use super::{Connect, Identity, Input};
use crate::{GatewayId, Run, TaskId};
use std::collections::BTreeMap;

impl State {
    /// Open connections, to be given to [`State::readopt`] of the memory that replaces this one.
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

    /// Inputs that connect them again, each holding what the store says that its worker holds.
    #[must_use]
    pub fn readopt(&self, connections: Vec<Connect>) -> Vec<Input> {
        let mut by_gateway: BTreeMap<GatewayId, Vec<Connect>> = BTreeMap::new();
        for mut connect in connections {
            let Identity::Worker(id) = connect.identity else { continue };
            // Registered by a step that was never stored: it will connect again.
            let Some(worker) = self.workers.get(&id) else { continue };
            let held: Vec<(TaskId, Run)> = worker
                .leases
                .iter()
                .filter_map(|task| self.leases.get(task).map(|lease| (*task, lease.progress.run)))
                .collect();
            connect.in_flight = Some(held);
            by_gateway.entry(connect.gateway).or_default().push(connect);
        }
        by_gateway.into_iter().map(|(gateway, sessions)| Input::Announce { gateway, sessions }).collect()
    }

    /// Numbers of commits go on where the broken memory stood: a number is never used for two commits.
    pub fn continue_commits(&mut self, broken: &Self) {
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
            Self::Query(_) => "query",
        }
    }
}
