//! Which cold rows the next step needs.

use super::state::State;
use super::{ExpansionNeed, Input, Needs, Prefetched, Query, SweepNeed, Token};
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
            let after = self.swept.as_ref().filter(|(of, _)| of == job).map(|(_, place)| place.clone());
            needs.sweeps.push(SweepNeed { job: *job, after, ended_too, limit: self.settings.sweep_slice });
        }
        let links = self.settings.expansion_links;
        needs.expansion = self.next_to_expand().map(|(job, after)| ExpansionNeed { job, after, links });
        for (_, input) in inputs {
            self.name_rows(input, &mut needs);
        }
        needs.tasks.sort_unstable();
        needs.tasks.dedup();
        needs.jobs.sort_unstable();
        needs.jobs.dedup();
        needs.urls.sort_unstable();
        needs.urls.dedup();
        needs
    }

    fn name_rows(&self, input: &Input, needs: &mut Needs) {
        match input {
            Input::Submit(submit) => {
                needs.idempotency.extend(submit.idempotency.clone());
                if let super::JobRef::Existing(id) = submit.job {
                    let pages = submit.tasks.iter().filter_map(super::crawl::start_page);
                    needs.urls.extend(pages.map(|page| (id, page.hash())));
                }
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
            | Input::ScreenshotWorker { .. }
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
            | Input::Stalled
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

    /// What a second reading must bring ([`Prefetched::add`]): jobs of the tasks that were read, where memory doesn't
    /// have them, and whether crawls have the pages that are to be expanded.
    #[must_use]
    pub fn needs_after(&self, read: &Prefetched) -> Needs {
        let mut jobs: Vec<JobId> = read
            .tasks
            .values()
            .map(|cold| cold.place.body().job)
            .filter(|job| !self.jobs.contains_key(job) && !read.jobs.contains_key(job))
            .collect();
        jobs.sort_unstable();
        jobs.dedup();
        let expansions = read.expansion.iter().flat_map(|(_, expansions)| expansions);
        let mut urls: Vec<_> = expansions
            .flat_map(|e| e.links.iter().map(|link| (e.job, link)))
            .filter_map(|(job, link)| Some((job, crate::PageUrl::parse(link)?.hash())))
            .collect();
        urls.sort_unstable();
        urls.dedup();
        Needs { jobs, urls, ..Needs::default() }
    }

    /// Whether another step should follow at once, without waiting for inputs.
    #[must_use]
    pub fn has_background_work(&self) -> bool {
        !self.sweeping.is_empty()
            || !self.expanding.is_empty()
            || self.cut_short
            || !self.free.is_empty() && self.queue.is_starved()
    }
}
