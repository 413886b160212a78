//! What workers and the wire between them and the leader do, and what goes wrong there.

use super::{Asked, World};
use crate::kit::completed;
use crate::simulation::site;
use crate::simulation::worker::Unacked;
use rand::RngExt;
use rand::seq::IndexedRandom;
use std::time::Duration;
use ukai_domain::scheduler::{Heartbeat, Input, PushMessage, Report, Word};
use ukai_domain::{
    CRAWL_KIND, ErrorType, NetworkInfo, Place, ReportedStatus, Run, SessionId, TaskId, WorkerStats,
};
use uuid::Uuid;

impl World {
    /// One worker does something.
    pub(super) fn work(&mut self) {
        let at = self.random.random_range(0..self.workers.len());
        let Some(session) = self.workers[at].session else { return self.connect(at) };
        if !self.workers[at].unacked.is_empty() && self.chance(40) {
            let report = self.workers[at].unacked[0].clone();
            return self.say(at, session, report);
        }
        match self.random.random_range(0..100) {
            0..35 if !self.workers[at].held.is_empty() => self.start_or_end(at, session),
            35..75 => self.beat(at, session),
            75..82 => {
                if let Some(old) = self.workers[at].said.choose(&mut self.random).cloned() {
                    self.say(at, session, old);
                }
            }
            82..86 if !self.tasks.is_empty() => self.lie(at, session),
            86..89 => {
                let input = Input::BlockDetected {
                    session,
                    reason: "captcha".to_owned(),
                    suggested_action: "wait".to_owned(),
                };
                self.inbox.push_back((input, Asked::Other));
            }
            89..90 => self.inbox.push_back((Input::Draining { session }, Asked::Other)),
            _ => {}
        }
    }

    pub(super) fn connect(&mut self, at: usize) {
        self.sessions += 1;
        let session = SessionId(Uuid::from_u128(self.sessions));
        self.workers[at].session = Some(session);
        let mut connect = self.workers[at].connect(session);
        connect.capacity = if at == 0 { 2 } else { 1 };
        self.inbox.push_back((Input::Connect(connect), Asked::Other));
    }

    pub(super) fn start_or_end(&mut self, at: usize, session: SessionId) {
        let index = self.random.random_range(0..self.workers[at].held.len());
        let held = self.workers[at].held[index];
        let word = if !held.started {
            self.workers[at].held[index].started = true;
            Word::Started
        } else {
            self.workers[at].held.remove(index);
            if self.chance(60) {
                self.result_of(held.task)
            } else {
                Word::failed(*ErrorType::ALL.choose(&mut self.random).expect("types"))
            }
        };
        let report = Unacked { task: held.task, run: held.run, word };
        if report.word != Word::Started {
            self.workers[at].unacked.push_back(report.clone());
        }
        self.workers[at].said(report.clone());
        self.say(at, session, report);
    }

    /// What the page of a crawl has for links, or no more than a result.
    fn result_of(&self, task: TaskId) -> Word {
        match self.store.places.get(&task).map(Place::body) {
            Some(body) if &*body.lane.kind == CRAWL_KIND => site::read(&body.url),
            _ => completed(),
        }
    }

    /// Sends a report; it may be lost, late or doubled.
    pub(super) fn say(&mut self, at: usize, session: SessionId, report: Unacked) {
        let run = if self.workers[at].contract_only && self.chance(90) { None } else { Some(report.run) };
        let input = Input::Report(Report { session, task: report.task, run, word: report.word.clone() });
        let times = if self.calm || self.chance(80) { 1 } else { self.random.random_range(0..3) };
        for _ in 0..times {
            let asked = Asked::Report { worker: at, report: report.clone() };
            let here = if self.calm || self.chance(85) {
                self.inbox.len()
            } else {
                self.random.random_range(0..=self.inbox.len())
            };
            self.inbox.insert(here, (input.clone(), asked));
        }
    }

    pub(super) fn beat(&mut self, at: usize, session: SessionId) {
        let worker = &self.workers[at];
        let current = worker.held.first().map(|h| h.task);
        let blocked = self.random.random_range(0..100) < 2 && !self.calm;
        let status = match current {
            _ if blocked => ReportedStatus::Blocked,
            Some(_) => ReportedStatus::Busy,
            None => ReportedStatus::Idle,
        };
        let beat = Heartbeat {
            session,
            status,
            current_task: current,
            network: NetworkInfo::default(),
            stats: WorkerStats::default(),
        };
        self.inbox.push_back((Input::Heartbeat(beat), Asked::Other));
    }

    /// Reports a task that it may never have held, with a guessed run.
    pub(super) fn lie(&mut self, at: usize, session: SessionId) {
        let task = *self.tasks.choose(&mut self.random).expect("tasks");
        let word = if self.chance(50) { completed() } else { Word::failed(ErrorType::Network) };
        let run = Run(self.random.random_range(1..4));
        // A guess that is right is no lie.
        let held = self.workers[at].held.iter().any(|h| h.task == task);
        let owes = self.workers[at].unacked.iter().any(|u| u.task == task);
        let leased_here =
            matches!(self.store.places.get(&task), Some(Place::Leased(l)) if l.worker == self.workers[at].id);
        if !held && !owes && !leased_here {
            self.say(at, session, Unacked { task, run, word });
        }
    }

    /// Pushes arrive: in order a session, now and then twice, now and then never.
    pub(super) fn deliver(&mut self) {
        let mut rest = Vec::new();
        let mut confirmed = Vec::new();
        for push in std::mem::take(&mut self.wire) {
            if !self.calm && self.chance(20) {
                rest.push(push);
                continue;
            }
            let Some(worker) = self.workers.iter_mut().find(|w| w.session == Some(push.session)) else {
                if let PushMessage::Assigned { body, run, .. } = &push.message {
                    let refused = Input::PushRefused { session: push.session, task: body.id, run: *run };
                    self.inbox.push_back((refused, Asked::Other));
                }
                continue;
            };
            match &push.message {
                PushMessage::Assigned { body, run, .. } => {
                    worker.assigned(body.id, *run);
                    confirmed.push((body.id, *run));
                }
                PushMessage::Cancelled { task, run, .. } => worker.cancelled(*task, *run),
                PushMessage::Drop { .. } => worker.session = None,
                PushMessage::Registered { .. }
                | PushMessage::ConfigUpdate { .. }
                | PushMessage::Screenshot { .. } => {}
            }
        }
        // Later pushes of a session never overtake earlier ones: what waits stays in front.
        rest.append(&mut self.wire);
        self.wire = rest;
        if !confirmed.is_empty() && (self.calm || self.chance(90)) {
            self.inbox.push_back((Input::PushConfirmed { leases: confirmed }, Asked::Other));
        }
    }

    pub(super) fn trouble(&mut self) {
        let at = self.random.random_range(0..self.workers.len());
        match self.random.random_range(0..6) {
            // The socket closes and its gateway sees it.
            0 | 1 => {
                if let Some(session) = self.workers[at].session.take() {
                    let input = Input::Disconnect { session, reason: "transport close".to_owned() };
                    self.inbox.push_back((input, Asked::Other));
                }
            }
            // The worker dies with all that it held; a contract-only one forgets its reports too.
            2 => {
                let worker = &mut self.workers[at];
                worker.held.clear();
                if worker.contract_only {
                    worker.unacked.clear();
                }
                if let Some(session) = worker.session.take()
                    && self.random.random_range(0..2) == 0
                {
                    let input = Input::Disconnect { session, reason: "transport close".to_owned() };
                    self.inbox.push_back((input, Asked::Other));
                }
            }
            // Silence, judged by a monitor.
            3 => {
                if let Some(session) = self.workers[at].session {
                    self.now = self.now + Duration::from_secs(31);
                    let silent_for = Duration::from_secs(self.random.random_range(5..60));
                    self.inbox.push_back((Input::ReportLost { session, silent_for }, Asked::Other));
                }
            }
            4 => {
                self.inbox.push_back((Input::GatewayLost { gateway: crate::kit::GATEWAY }, Asked::Other));
                for worker in &mut self.workers {
                    worker.session = None;
                }
                self.wire.clear();
            }
            // A message is lost.
            _ => {
                if !self.wire.is_empty() {
                    let at = self.random.random_range(0..self.wire.len());
                    let push = self.wire.remove(at);
                    if let PushMessage::Assigned { body, run, .. } = push.message {
                        let refused = Input::PushRefused { session: push.session, task: body.id, run };
                        self.inbox.push_back((refused, Asked::Other));
                    }
                    // A gateway that lost pushes of a session closes its socket.
                    if let Some(worker) = self.workers.iter_mut().find(|w| w.session == Some(push.session)) {
                        worker.session = None;
                        let reason = "lost pushes".to_owned();
                        self.inbox
                            .push_back((Input::Disconnect { session: push.session, reason }, Asked::Other));
                    }
                }
            }
        }
    }
}
