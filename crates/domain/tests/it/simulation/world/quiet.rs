//! After the faults everything comes to its end.

use super::leader::Fate;
use super::{Asked, World};
use crate::simulation::site;
use std::time::Duration;
use ukai_domain::scheduler::{HostPolicy, Input, JobAction};
use ukai_domain::{CRAWL_KIND, DoneStatus, JobId, Judged, PageUrl, Place};

impl World {
    /// The faults end: every task of a job that isn't paused comes to its end in bounded time.
    pub(crate) fn quiesce(&mut self) {
        self.calm = true;
        let paused: Vec<JobId> = self.store.jobs.keys().copied().collect();
        for job in paused {
            self.inbox.push_back((
                Input::ControlJob { job, action: JobAction::Resume, idempotency: None },
                Asked::Other,
            ));
        }
        let policy = HostPolicy { host: "a.example".into(), min_interval_ms: 0, max_concurrency: 0 };
        self.inbox.push_back((Input::SetHost(policy), Asked::Other));
        for round in 0..3_000 {
            self.deliver();
            for at in 0..self.workers.len() {
                let worker = self.workers[at].id;
                if self.store.workers.get(&worker).is_some_and(|w| w.blocked) {
                    self.inbox.push_back((Input::ResetWorker { worker, idempotency: None }, Asked::Other));
                }
                match self.workers[at].session {
                    None => self.connect(at),
                    Some(session) if round % 40 == 39 => {
                        // Draining sessions take nothing any more; a worker that drained starts again.
                        self.workers[at].session = None;
                        let reason = "restart".to_owned();
                        self.inbox.push_back((Input::Disconnect { session, reason }, Asked::Other));
                    }
                    Some(session) => {
                        if let Some(report) = self.workers[at].unacked.front().cloned() {
                            self.say(at, session, report);
                        } else if !self.workers[at].held.is_empty() {
                            self.start_or_end(at, session);
                        }
                        self.beat(at, session);
                    }
                }
            }
            self.now = self.now + Duration::from_millis(500);
            while !self.inbox.is_empty() {
                self.lead(Fate::Well);
            }
            self.lead(Fate::Well);
            let open = self.store.places.values().filter(|p| !matches!(p, Place::Done(_))).count();
            if open == 0 && self.store.expansions.is_empty() {
                return self.check_crawled();
            }
        }
        let open: Vec<_> = self.store.places.values().filter(|p| !matches!(p, Place::Done(_))).collect();
        let state = &self.leaders.last().expect("a leader").state;
        let readings: Vec<_> = state.readings().collect();
        panic!(
            "tasks never end, {} pages with links: {:?}\n{readings:?}\n{:?}",
            self.store.expansions.len(),
            open.first(),
            state.needs(&[])
        );
    }

    /// Every link that the rules let through has become a page of its crawl, as long as there was room.
    fn check_crawled(&self) {
        for place in self.store.places.values() {
            let Place::Done(done) = place else { continue };
            let body = &done.body;
            if &*body.lane.kind != CRAWL_KIND || done.status != DoneStatus::Completed {
                continue;
            }
            let job = &self.store.jobs[&body.job];
            let crawl = job.crawl.as_ref().expect("a crawl");
            let full = crawl.progress.pages >= u64::from(crawl.rules.max_pages);
            if full || crawl.progress.skipped.cancelled > 0 || body.depth >= crawl.rules.max_depth {
                continue;
            }
            let page = PageUrl::parse(&body.url).expect("a page");
            for link in site::links(&body.url).iter().filter_map(|link| PageUrl::parse(link)) {
                let taken = self.store.urls.contains(&(job.id, link.hash()));
                let wanted = crawl.rules.judge(&page, &link) == Judged::Followed;
                // A worker that lied told of no links.
                let runs = self.store.runs.get(&body.id).into_iter().flatten();
                let told = runs.filter_map(|run| run.result.as_ref()).any(|result| result.extra.is_some());
                assert!(taken || !wanted || !told, "{} on {} was not followed", link.as_str(), body.url);
            }
        }
    }
}
