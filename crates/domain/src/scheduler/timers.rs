//! What time alone brings: delayed tasks ripen, deadlines pass, lanes open, graces end.

use super::draft::Draft;
use super::ending::End;
use super::state::{State, Timer};
use super::{PlaceName, PushMessage};
use crate::{Code, TaskId};
use std::time::Duration;

/// Timers of one sort that one step fires at most; the rest follows in the next.
const MOST: usize = 1_000;

/// How long after its end a cool-down makes the next one longer.
const COOLING_KEPT: Duration = Duration::from_secs(60);

impl State {
    pub(super) fn fire_timers(&mut self, draft: &mut Draft) {
        self.ripen(draft);
        if !self.bus_away {
            self.pass_deadlines(draft);
        }
        for _ in 0..MOST {
            let Some((at, timer)) = self.timers.pop_first() else { break };
            if at > draft.now {
                self.timers.insert((at, timer));
                break;
            }
            self.fire(draft, timer);
        }
    }

    fn ripen(&mut self, draft: &mut Draft) {
        for _ in 0..MOST {
            let Some((&(at, task), _)) = self.delayed.rows.first_key_value() else { break };
            if at > draft.now {
                break;
            }
            if let Some(waiting) = self.delayed.rows.remove(&(at, task)) {
                self.leave_delayed(draft, &waiting, at);
                self.make_ready(draft, Some(PlaceName::Delayed), waiting);
            }
        }
    }

    fn pass_deadlines(&mut self, draft: &mut Draft) {
        for _ in 0..MOST {
            let Some(&(at, task)) = self.deadlines.first() else { break };
            if at > draft.now {
                break;
            }
            self.pass_deadline(draft, task);
        }
    }

    fn pass_deadline(&mut self, draft: &mut Draft, task: TaskId) {
        let Some(lease) = self.leases.get(&task) else { return };
        let present = self.sessions.get(&lease.session).is_some_and(|s| s.away_until.is_none());
        // Time ran out on the worker only if it got the task and is still there.
        let end = match present {
            _ if self.unconfirmed.contains_key(&task) => End::HandedBack,
            true => End::TimedOut,
            false => End::Lost,
        };
        let Some(lease) = self.end_run(draft, task, end) else { return };
        let run = lease.progress.run;
        if let Some(session) = self.sessions.get(&lease.session).filter(|s| s.away_until.is_none()) {
            let reason = "the deadline passed".to_owned();
            draft.push(session.gateway, lease.session, PushMessage::Cancelled { task, run, reason });
        }
        self.outlive_slot(lease.session, task, run, draft.now);
    }

    fn fire(&mut self, draft: &mut Draft, timer: Timer) {
        match timer {
            Timer::LaneOpens(key) => self.lane_changed(&key, draft.now),
            Timer::AwayOver(session) => {
                let until = self.sessions.get(&session).and_then(|s| s.away_until);
                if until.is_some() && self.bus_away {
                    self.timers.insert((draft.now + Duration::from_secs(1), Timer::AwayOver(session)));
                } else if until.is_some_and(|until| until <= draft.now) {
                    self.lose_session(draft, session, "away for too long");
                }
            }
            Timer::Stuck(session, task, run) => {
                let Some(known) = self.sessions.get(&session) else { return };
                let over =
                    known.slots.get(&task).filter(|slot| slot.run == run).and_then(|slot| slot.over_since);
                let stuck =
                    over.is_some_and(|since| draft.now.since(since) >= self.settings.heartbeat_timeout);
                // While the bus is away it can't say that it is through; the return of the bus begins afresh.
                if !stuck || self.bus_away {
                    return;
                }
                let (worker, gateway, open) = (known.worker, known.gateway, known.away_until.is_none());
                if let Some(worker) = self.workers.get_mut(&worker) {
                    worker.stuck = true;
                }
                if open {
                    let message = format!("task {task} is over but its slot was never given back");
                    draft.push(gateway, session, PushMessage::Drop { code: Code::Unavailable, message });
                }
                self.lose_session(draft, session, "stuck");
            }
            // The dispatch that follows looks at cool-downs itself. Old ones no longer count in a row.
            Timer::HostCooled(worker) => {
                if let Some(worker) = self.workers.get_mut(&worker) {
                    worker.cooling.retain(|_, (until, _)| *until + COOLING_KEPT > draft.now);
                }
            }
        }
    }
}
