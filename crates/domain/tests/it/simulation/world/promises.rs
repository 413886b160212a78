//! What was answered must be so.

use super::{Asked, World};
use crate::simulation::worker::Unacked;
use std::collections::BTreeSet;
use ukai_domain::scheduler::{Effects, IdempotencyKey, Input, Query, Refusal, Reply, Step, Token, Word};
use ukai_domain::{Code, DoneStatus, JobStatus, Place, Rejection, Run, TaskId, WorkerId};

impl World {
    pub(super) fn release(&mut self, effects: Effects, asked: Vec<Asked>, pushes: bool) {
        for (token, reply) in effects.replies {
            let Some(who) = asked.get(usize::try_from(token).expect("small")) else { continue };
            match who {
                Asked::Report { worker, report } => self.answer_report(*worker, report, &reply),
                Asked::Submit { key, n } if pushes => self.answer_submit(key.as_ref(), *n, &reply),
                Asked::Submit { .. } | Asked::Other => {}
            }
        }
        if pushes {
            self.wire.extend(effects.pushes);
        }
    }

    pub(super) fn answer_report(
        &mut self,
        worker: usize,
        report: &Unacked,
        reply: &Result<Reply, Rejection>,
    ) {
        let ended = report.word != Word::Started;
        match reply {
            Ok(Reply::Accepted { .. }) => {
                if matches!(report.word, Word::Completed(_)) && !self.workers[worker].contract_only {
                    self.acked.insert(report.task, report.run);
                }
            }
            // The session is gone: the report stays and is sent again through the next one.
            Ok(Reply::Refused(Refusal::UnknownSession)) => return,
            Ok(Reply::Refused(Refusal::Stale | Refusal::NotAssigned)) => self.check_refusal(worker, report),
            other => panic!("a report was answered {other:?}"),
        }
        if ended {
            self.workers[worker].unacked.retain(|u| !(u.task == report.task && u.run == report.run));
        }
    }

    /// A live run of this worker is never told that it is over.
    pub(super) fn check_refusal(&self, worker: usize, report: &Unacked) {
        let id = self.workers[worker].id;
        let run = (report.task, id, report.run);
        let live = self.live_before.contains(&run) && self.live_runs().contains(&run);
        assert!(!live || report.word == Word::Started, "a live run of {} was refused", report.task);
    }

    pub(super) fn live_runs(&self) -> BTreeSet<(TaskId, WorkerId, Run)> {
        let leases =
            self.store.places.values().filter_map(|p| if let Place::Leased(l) = p { Some(l) } else { None });
        leases.map(|l| (l.body.id, l.worker, l.progress.run)).collect()
    }

    pub(super) fn answer_submit(
        &mut self,
        key: Option<&IdempotencyKey>,
        n: usize,
        reply: &Result<Reply, Rejection>,
    ) {
        match reply {
            Ok(Reply::Submitted { job, tasks, .. }) => {
                if let Some(key) = key {
                    let first = self.idempotent.entry(key.key.clone()).or_insert_with(|| tasks.clone());
                    assert_eq!(first, tasks, "the same key, other tasks");
                } else {
                    assert_eq!(tasks.len(), n);
                }
                if !self.jobs.contains(job) && self.jobs.len() < 12 {
                    self.jobs.push(*job);
                }
                self.accepted.extend(tasks);
                self.tasks.extend(tasks);
                if self.tasks.len() > 200 {
                    self.tasks.drain(..100);
                }
            }
            Err(rejection) => {
                assert!(
                    matches!(rejection.code, Code::Conflict | Code::JobNotFound | Code::InvalidPayload),
                    "{rejection:?}"
                );
                self.jobs.retain(|j| self.store.jobs.contains_key(j));
            }
            other => panic!("a submission was answered {other:?}"),
        }
    }

    /// What was answered is there.
    pub(super) fn check_promises(&self) {
        for task in &self.accepted {
            let there = self.store.places.contains_key(task) || self.store.purged.contains(task);
            assert!(there, "accepted task {task} is nowhere");
        }
        for (task, run) in &self.acked {
            if self.store.purged.contains(task) {
                continue;
            }
            let done = matches!(self.store.places.get(task), Some(Place::Done(d)) if d.status == DoneStatus::Completed && d.progress.run == *run);
            assert!(done, "the acknowledged result of {task} run {run} is not stored");
            assert_eq!(self.store.completed_runs(*task), 1, "{task} has not exactly one accepted result");
        }
    }

    pub(super) fn count_links(&mut self, done: &Step) {
        let open = self.store.jobs.values().filter(|job| job.open_expansions() > 0);
        let paused = open.filter(|job| job.status == JobStatus::Paused).count();
        for (name, n) in [
            ("kept", done.commit.expansions.len()),
            ("expanded", done.commit.expanded.len()),
            ("dropped", done.commit.dropped_expansions.len()),
            ("paused", paused),
        ] {
            *self.hits.entry(("links", name)).or_default() += n as u64;
        }
    }

    pub(super) fn count_hits(&mut self, inputs: &[(Token, Input)]) {
        for (_, input) in inputs {
            let (task, name) = match input {
                Input::Report(r) => match r.word {
                    Word::Started => (r.task, "started"),
                    Word::Completed(_) => (r.task, "completed"),
                    Word::Failed { .. } => (r.task, "failed"),
                },
                Input::CancelTask { task } => (*task, "cancel"),
                Input::RetryTask { task, .. } => (*task, "retry"),
                Input::PurgeTask { task } => (*task, "purge"),
                Input::Query(Query::Why(task)) => (*task, "why"),
                _ => continue,
            };
            let state = match self.store.places.get(&task) {
                None => "nowhere",
                Some(Place::Ready(_)) => "ready",
                Some(Place::Delayed(..)) => "delayed",
                Some(Place::Leased(l)) if l.started_at.is_some() => "running",
                Some(Place::Leased(_)) => "assigned",
                Some(Place::Done(d)) => d.status.as_str(),
            };
            *self.hits.entry((state, name)).or_default() += 1;
        }
    }
}
