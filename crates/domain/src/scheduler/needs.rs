//! Which cold rows the next step needs.

use super::state::State;
use super::{Input, Needs, Prefetched, Query, SweepNeed, Token};
use crate::JobId;

/// Jobs, and windows, that are read on between two steps at most.
const MOST_READINGS: usize = 256;

impl State {
    /// What to read before a step with these inputs.
    #[must_use]
    pub fn needs(&self, inputs: &[(Token, Input)]) -> Needs {
        let mut needs = Needs {
            ranges: self.queue.range_needs(MOST_READINGS),
            windows: self.queue.window_needs(MOST_READINGS),
            delayed: self.delayed.needs(),
            ..Needs::default()
        };
        if let Some(job) = self.sweeping.first() {
            let ended_too = self.jobs.get(job).is_some_and(|s| s.job.deleting);
            needs.sweeps.push(SweepNeed { job: *job, ended_too, limit: self.settings.sweep_slice });
        }
        for (_, input) in inputs {
            self.name_rows(input, &mut needs);
        }
        needs.tasks.sort_unstable();
        needs.tasks.dedup();
        needs.jobs.sort_unstable();
        needs.jobs.dedup();
        needs
    }

    fn name_rows(&self, input: &Input, needs: &mut Needs) {
        match input {
            Input::Submit(submit) => {
                needs.idempotency.extend(submit.idempotency.clone());
                match submit.job {
                    super::JobRef::Existing(id) | super::JobRef::Implicit { id, .. } => {
                        self.name_job(id, needs)
                    }
                    super::JobRef::New { .. } => {}
                }
            }
            Input::CreateJob { idempotency, .. }
            | Input::CreateWorker { idempotency, .. }
            | Input::ResetWorker { idempotency, .. } => needs.idempotency.extend(idempotency.clone()),
            Input::ControlJob { job, idempotency, .. } => {
                needs.idempotency.extend(idempotency.clone());
                self.name_job(*job, needs);
            }
            Input::RetryTask { task, idempotency } => {
                needs.idempotency.extend(idempotency.clone());
                needs.tasks.push(*task);
            }
            Input::CancelTask { task } | Input::PurgeTask { task } => needs.tasks.push(*task),
            Input::Report(report) => {
                let live = self
                    .leases
                    .get(&report.task)
                    .is_some_and(|l| report.run.is_none_or(|run| run == l.progress.run));
                let mine = live
                    && self
                        .sessions
                        .get(&report.session)
                        .is_some_and(|s| self.leases.get(&report.task).is_some_and(|l| l.worker == s.worker));
                if !mine {
                    needs.tasks.push(report.task);
                }
            }
            Input::Query(Query::Why(task)) => {
                needs.tasks.push(*task);
                needs.ahead.push(*task);
            }
            Input::DeleteWorker { .. }
            | Input::ConfigureWorker { .. }
            | Input::SetHost(_)
            | Input::Connect(_)
            | Input::Disconnect { .. }
            | Input::Heartbeat(_)
            | Input::BlockDetected { .. }
            | Input::NetworkChanged { .. }
            | Input::WorkerError { .. }
            | Input::Draining { .. }
            | Input::PushConfirmed { .. }
            | Input::PushRefused { .. }
            | Input::Announce { .. }
            | Input::GatewayLost { .. }
            | Input::ReportLost { .. }
            | Input::Heard { .. }
            | Input::Tick
            | Input::BusLost
            | Input::Resync
            | Input::Query(
                Query::Queue
                | Query::Worker(_)
                | Query::Workers { .. }
                | Query::Host(_)
                | Query::Holds { .. },
            ) => {}
        }
    }

    fn name_job(&self, id: JobId, needs: &mut Needs) {
        if !self.jobs.contains_key(&id) {
            needs.jobs.push(id);
        }
    }

    /// Jobs of the tasks that were read, where memory doesn't have them: a second reading.
    #[must_use]
    pub fn missing_jobs(&self, read: &Prefetched) -> Vec<JobId> {
        let mut jobs: Vec<JobId> = read
            .tasks
            .values()
            .map(|cold| cold.place.body().job)
            .filter(|job| !self.jobs.contains_key(job) && !read.jobs.contains_key(job))
            .collect();
        jobs.sort_unstable();
        jobs.dedup();
        jobs
    }

    /// Whether another step should follow at once, without waiting for inputs.
    #[must_use]
    pub fn has_background_work(&self) -> bool {
        !self.sweeping.is_empty() || self.cut_short || !self.free.is_empty() && self.queue.is_starved()
    }
}
