//! Who is silent for too long: a pure judgement over what was heard, by a monotonic clock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use ukai_domain::{GatewayId, SessionId};

/// A sweep that comes this much late was our own stall: all clocks move by it.
const STALL: Duration = Duration::from_secs(2);
/// A sweep that would lose more than one in this many of the watched sessions waits once more.
const MASS_SHARE: usize = 5;
/// Below this many lost sessions a sweep is no mass loss.
const MASS_FLOOR: usize = 5;

/// What was heard of whom.
#[derive(Debug)]
pub struct Judge {
    timeout: Duration,
    sessions: BTreeMap<SessionId, Watched>,
    last_sweep: Instant,
    /// A mass loss waits until then.
    held_until: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    gateway: GatewayId,
    last_heard: Instant,
}

/// A session that was silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub session: SessionId,
    /// By this judge's clock.
    pub silent_for: Duration,
}

/// What a sweep found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// To be reported.
    pub lost: Vec<Verdict>,
    /// Sessions that would be lost but wait once more; counted in the sweep that begins the wait.
    pub held_back: usize,
}

impl Judge {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(timeout: Duration, now: Instant) -> Self {
        Self { timeout, sessions: BTreeMap::new(), last_sweep: now, held_until: None }
    }

    /// A digest. A session that is new here is watched for the full time before it is judged.
    pub fn hear(&mut self, gateway: GatewayId, heard: &[(SessionId, Duration)], now: Instant) {
        for (session, ago) in heard {
            let at = now.checked_sub(*ago).unwrap_or(now);
            self.sessions
                .entry(*session)
                .and_modify(|watched| {
                    watched.gateway = gateway;
                    watched.last_heard = watched.last_heard.max(at);
                })
                .or_insert(Watched { gateway, last_heard: now });
        }
    }

    /// Who is silent for too long, unless that says more about us than about them.
    pub fn sweep(&mut self, now: Instant) -> Sweep {
        let since = now.duration_since(self.last_sweep);
        self.last_sweep = now;
        if since > STALL {
            for watched in self.sessions.values_mut() {
                watched.last_heard += since;
            }
            self.held_until = self.held_until.map(|until| until + since);
        }
        let lost: Vec<Verdict> = self
            .sessions
            .iter()
            .map(|(id, watched)| Verdict {
                session: *id,
                silent_for: now.saturating_duration_since(watched.last_heard),
            })
            .filter(|verdict| verdict.silent_for >= self.timeout)
            .collect();
        if lost.is_empty() {
            self.held_until = None;
            return Sweep::default();
        }
        if !self.is_mass_loss(&lost) {
            return Sweep { lost, held_back: 0 };
        }
        match self.held_until {
            None => {
                self.held_until = Some(now + self.timeout);
                Sweep { lost: Vec::new(), held_back: lost.len() }
            }
            Some(until) if now < until => Sweep::default(),
            Some(_) => Sweep { lost, held_back: 0 },
        }
    }

    /// Many at once, or all of a gateway with several.
    fn is_mass_loss(&self, lost: &[Verdict]) -> bool {
        if lost.len() < MASS_FLOOR {
            return false;
        }
        if lost.len() * MASS_SHARE > self.sessions.len() {
            return true;
        }
        let mut live = BTreeMap::<GatewayId, (usize, usize)>::new();
        for (id, watched) in &self.sessions {
            let (all, gone) = live.entry(watched.gateway).or_default();
            *all += 1;
            *gone += usize::from(lost.iter().any(|v| v.session == *id));
        }
        live.values().any(|(all, gone)| all == gone && *gone >= MASS_FLOOR)
    }

    /// The leader has taken the loss, or the session is gone.
    pub fn forget(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// How many sessions are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.sessions.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const TIMEOUT: Duration = Duration::from_secs(30);
    const GATEWAY: GatewayId = GatewayId::NIL;

    fn session(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    /// Sweeps each second, hearing `alive` at each; the second in which `lost` first comes.
    fn first_loss(
        judge: &mut Judge,
        start: Instant,
        alive: &[SessionId],
        seconds: u64,
    ) -> Option<(u64, Vec<Verdict>)> {
        for second in 1..=seconds {
            let now = start + Duration::from_secs(second);
            let heard: Vec<_> = alive.iter().map(|id| (*id, Duration::ZERO)).collect();
            judge.hear(GATEWAY, &heard, now);
            let sweep = judge.sweep(now);
            if !sweep.lost.is_empty() {
                return Some((second, sweep.lost));
            }
        }
        None
    }

    #[test]
    fn a_silent_session_is_lost_after_the_full_time() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        let all: Vec<_> = (0..10).map(session).collect();
        judge.hear(GATEWAY, &all.iter().map(|id| (*id, Duration::ZERO)).collect::<Vec<_>>(), start);
        let (second, lost) = first_loss(&mut judge, start, &all[1..], 60).unwrap();
        assert_eq!(second, 30);
        assert_eq!(lost, vec![Verdict { session: session(0), silent_for: TIMEOUT }]);
    }

    #[test]
    fn a_new_judge_watches_for_the_full_time_first() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::from_secs(29))], start);
        assert_eq!(first_loss(&mut judge, start, &[], 29), None);
    }

    #[test]
    fn our_own_stall_is_nobodys_silence() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], start);
        assert_eq!(judge.sweep(start + Duration::from_secs(600)), Sweep::default());
        assert_eq!(judge.sweep(start + Duration::from_secs(601)), Sweep::default());
    }

    #[test]
    fn a_mass_loss_waits_once_more() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        let all: Vec<_> = (0..10).map(|n| (session(n), Duration::ZERO)).collect();
        judge.hear(GATEWAY, &all, start);
        let (second, lost) = first_loss(&mut judge, start, &[], 120).unwrap();
        assert_eq!((second, lost.len()), (60, 10));
    }
}
