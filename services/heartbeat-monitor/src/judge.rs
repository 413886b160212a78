//! Who is silent for too long: a pure judgement over what was heard, by a monotonic clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use ukai_domain::{GatewayId, SessionId};

/// A sweep that comes this much late was our own stall: all clocks move by it.
const STALL: Duration = Duration::from_secs(2);
/// A sweep that would lose more than one in this many of the watched sessions waits once more.
const MASS_SHARE: usize = 5;
/// Below this many lost sessions a sweep is no mass loss.
const MASS_FLOOR: usize = 5;

/// How long a loss is reported again after the leader took it: it may have heard the session later than we did.
const LINGER: Duration = Duration::from_secs(5);

/// What was heard of whom.
#[derive(Debug)]
pub struct Judge {
    timeout: Duration,
    sessions: BTreeMap<SessionId, Watched>,
    /// When each gateway was heard last.
    gateways: BTreeMap<GatewayId, Instant>,
    last_sweep: Instant,
    /// A mass loss waits until then.
    held_until: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    gateway: GatewayId,
    last_heard: Instant,
    /// When the leader took the loss first.
    reported: Option<Instant>,
}

/// A session that was silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub session: SessionId,
    /// By this judge's clock.
    pub silent_for: Duration,
    /// The leader took it before.
    pub is_repeat: bool,
}

/// What a sweep found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// To be reported.
    pub lost: Vec<Verdict>,
    /// Those that would be lost but wait once more, by gateway; told in the sweep that begins the wait.
    pub held_back: Vec<HeldBack>,
}

/// Sessions of a gateway that fell silent with many others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// Which gateway.
    pub gateway: GatewayId,
    /// How many of its sessions.
    pub sessions: usize,
    /// How long the gateway itself wasn't heard: where that is as long, it is the gateway that fell silent.
    pub gateway_silent_for: Duration,
}

impl Judge {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(timeout: Duration, now: Instant) -> Self {
        Self {
            timeout,
            sessions: BTreeMap::new(),
            gateways: BTreeMap::new(),
            last_sweep: now,
            held_until: None,
        }
    }

    /// A digest. A session that is new here is watched for the full time before it is judged.
    pub fn hear(&mut self, gateway: GatewayId, heard: &[(SessionId, Duration)], now: Instant) {
        self.gateways.insert(gateway, now);
        for (session, ago) in heard {
            let at = now.checked_sub(*ago).unwrap_or(now);
            self.sessions
                .entry(*session)
                .and_modify(|watched| {
                    watched.gateway = gateway;
                    if at > watched.last_heard {
                        watched.last_heard = at;
                        watched.reported = None;
                    }
                })
                .or_insert(Watched { gateway, last_heard: now, reported: None });
        }
    }

    /// The gateway stalled for so long before its digest: nobody of it was silent in that time.
    pub fn stalled(&mut self, gateway: GatewayId, late: Duration, now: Instant) {
        if late <= STALL {
            return;
        }
        for watched in self.sessions.values_mut().filter(|watched| watched.gateway == gateway) {
            // Not beyond now: we may have stalled in the same time.
            watched.last_heard = (watched.last_heard + late).min(now);
        }
    }

    /// Who is silent for too long, unless that says more about us than about them.
    pub fn sweep(&mut self, now: Instant) -> Sweep {
        self.pass(now, Duration::ZERO);
        let watched: BTreeSet<GatewayId> = self.sessions.values().map(|watched| watched.gateway).collect();
        self.gateways.retain(|gateway, _| watched.contains(gateway));
        let lost: Vec<Verdict> = self
            .sessions
            .iter()
            .map(|(id, watched)| Verdict {
                session: *id,
                silent_for: now.saturating_duration_since(watched.last_heard),
                is_repeat: watched.reported.is_some(),
            })
            .filter(|verdict| verdict.silent_for >= self.timeout)
            .collect();
        let fresh: BTreeSet<SessionId> = lost.iter().filter(|v| !v.is_repeat).map(|v| v.session).collect();
        if fresh.is_empty() {
            self.held_until = None;
            return Sweep { lost, held_back: Vec::new() };
        }
        if !self.is_mass_loss(&fresh) || self.held_until.is_some_and(|until| now >= until) {
            return Sweep { lost, held_back: Vec::new() };
        }
        let held_back = if self.held_until.is_none() { self.by_gateway(&fresh, now) } else { Vec::new() };
        self.held_until.get_or_insert(now + self.timeout);
        Sweep { lost: lost.into_iter().filter(|v| v.is_repeat).collect(), held_back }
    }

    fn by_gateway(&self, silent: &BTreeSet<SessionId>, now: Instant) -> Vec<HeldBack> {
        let mut counts = BTreeMap::<GatewayId, usize>::new();
        for watched in silent.iter().filter_map(|session| self.sessions.get(session)) {
            *counts.entry(watched.gateway).or_default() += 1;
        }
        let held = counts.into_iter().map(|(gateway, sessions)| {
            let heard = self.gateways.get(&gateway).copied().unwrap_or(now);
            HeldBack { gateway, sessions, gateway_silent_for: now.saturating_duration_since(heard) }
        });
        held.collect()
    }

    /// Nobody could be heard until now: silence before this moment says nothing.
    pub fn start_anew(&mut self, now: Instant) {
        for watched in self.sessions.values_mut() {
            watched.last_heard = now;
        }
        self.held_until = None;
        self.last_sweep = now;
    }

    /// A sweep's losses are reported; that took at most `limit`, unless we stalled meanwhile.
    pub fn reported(&mut self, now: Instant, limit: Duration) {
        self.pass(now, limit);
    }

    /// Time passes. What is more than a moment beyond `busy` was our own stall: nobody was silent in it.
    fn pass(&mut self, now: Instant, busy: Duration) {
        let since = now.saturating_duration_since(self.last_sweep);
        self.last_sweep = now;
        if since <= STALL + busy {
            return;
        }
        for watched in self.sessions.values_mut() {
            watched.last_heard = (watched.last_heard + since).min(now);
        }
        self.held_until = self.held_until.map(|until| until + since);
    }

    /// Many at once, or all of a gateway with several; those that were reported before are none of them.
    fn is_mass_loss(&self, lost: &BTreeSet<SessionId>) -> bool {
        if lost.len() < MASS_FLOOR {
            return false;
        }
        let mut all = 0;
        let mut live = BTreeMap::<GatewayId, (usize, usize)>::new();
        for (id, watched) in self.sessions.iter().filter(|(_, watched)| watched.reported.is_none()) {
            let (sessions, gone) = live.entry(watched.gateway).or_default();
            *sessions += 1;
            *gone += usize::from(lost.contains(id));
            all += 1;
        }
        lost.len() * MASS_SHARE > all
            || live.values().any(|(sessions, gone)| sessions == gone && *gone >= MASS_FLOOR)
    }

    /// The leader has taken the loss, or passed it over because it heard the session later than we did: so it is
    /// reported for a while longer, then forgotten.
    pub fn taken(&mut self, session: SessionId, now: Instant) {
        let Some(watched) = self.sessions.get_mut(&session) else { return };
        let first = *watched.reported.get_or_insert(now);
        if now.saturating_duration_since(first) > LINGER {
            self.sessions.remove(&session);
        }
    }

    /// The session ended, as its gateway says.
    pub fn forget(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// These are all sessions of the gateway that are `told` of: others of it ended while nobody could be told.
    pub fn keep(
        &mut self,
        gateway: GatewayId,
        told: impl Fn(SessionId) -> bool,
        sessions: &BTreeSet<SessionId>,
    ) {
        self.sessions.retain(|id, watched| watched.gateway != gateway || !told(*id) || sessions.contains(id));
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
        assert_eq!(lost, vec![Verdict { session: session(0), silent_for: TIMEOUT, is_repeat: false }]);
    }

    #[test]
    fn a_new_judge_watches_for_the_full_time_first() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::from_secs(29))], start);
        assert_eq!(first_loss(&mut judge, start, &[], 29), None);
    }

    #[test]
    fn what_a_gateway_leaves_out_of_all_its_sessions_has_ended() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        let other = GatewayId(Uuid::from_u128(8));
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO), (session(2), Duration::ZERO)], start);
        judge.hear(other, &[(session(3), Duration::ZERO)], start);
        judge.keep(GATEWAY, |id| id > session(1), &BTreeSet::from([session(2)]));
        assert_eq!(judge.watched(), 3, "of the first one nothing is told");
        judge.keep(GATEWAY, |_| true, &BTreeSet::from([session(2)]));
        assert_eq!(judge.watched(), 2, "the other gateway's stays");
        judge.hear(GATEWAY, &[(session(2), Duration::from_secs(29))], start + Duration::from_secs(29));
        let (second, lost) = first_loss(&mut judge, start, &[session(3)], 60).unwrap();
        assert_eq!((second, lost[0].session), (30, session(2)), "told of again is not heard again");
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
    fn what_waited_in_our_own_stall_is_not_heard_in_the_future() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], start);
        let woken = start + Duration::from_secs(600);
        // Digests are read before the first sweep.
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], woken);
        assert_eq!(judge.sweep(woken), Sweep::default());
        let (second, lost) = first_loss(&mut judge, woken, &[], 60).unwrap();
        assert_eq!((second, lost.len()), (30, 1));
    }

    #[test]
    fn a_bus_that_was_away_is_nobodys_silence() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], start);
        for second in 1..=600 {
            judge.start_anew(start + Duration::from_secs(second));
        }
        let (second, lost) = first_loss(&mut judge, start + Duration::from_secs(600), &[], 60).unwrap();
        assert_eq!((second, lost.len()), (30, 1));
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

    #[test]
    fn a_mass_loss_tells_whether_the_gateway_is_silent_too() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut judge = Judge::new(TIMEOUT, start);
        let other = GatewayId(Uuid::from_u128(8));
        for (gateway, first) in [(GATEWAY, 0), (other, 10)] {
            let all: Vec<_> = (first..first + 6).map(|n| (session(n), Duration::ZERO)).collect();
            judge.hear(gateway, &all, start);
        }
        let mut told = Vec::new();
        for second in 1..=30 {
            judge.hear(other, &[], after(second));
            told.extend(judge.sweep(after(second)).held_back);
        }
        let held = |gateway, silent| HeldBack {
            gateway,
            sessions: 6,
            gateway_silent_for: Duration::from_secs(silent),
        };
        assert_eq!(told, [held(GATEWAY, 30), held(other, 0)]);
    }

    #[test]
    fn a_stall_of_the_gateway_is_nobodys_silence() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], start);
        judge.hear(GatewayId(Uuid::from_u128(8)), &[(session(2), Duration::ZERO)], start);
        (1..29).for_each(|second| assert_eq!(judge.sweep(after(second)), Sweep::default()));
        judge.stalled(GATEWAY, Duration::from_secs(28), after(29));
        let lost = judge.sweep(after(30)).lost;
        assert_eq!(lost.iter().map(|v| v.session).collect::<Vec<_>>(), [session(2)], "another's goes on");
        let (second, _) = first_loss(&mut judge, after(30), &[], 60).unwrap();
        assert_eq!(second, 1, "the other again");
        judge.forget(session(2));
        let (second, lost) = first_loss(&mut judge, after(31), &[], 60).unwrap();
        assert_eq!((second, lost[0].session), (27, session(1)));
    }

    #[test]
    fn a_loss_is_repeated_for_a_while_after_it_was_taken() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], start);
        let mut reports = Vec::new();
        for second in 1..=60 {
            let now = start + Duration::from_secs(second);
            for verdict in judge.sweep(now).lost {
                reports.push((second, verdict.is_repeat));
                judge.taken(verdict.session, now);
            }
        }
        let seconds: Vec<u64> = reports.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, (30..=36).collect::<Vec<_>>());
        assert!(!reports[0].1 && reports[1..].iter().all(|(_, is_repeat)| *is_repeat));
        assert_eq!(judge.watched(), 0);
    }

    #[test]
    fn a_report_that_nobody_took_is_repeated_until_somebody_does() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], start);
        let losses = (1..=90u64).filter(|s| !judge.sweep(start + Duration::from_secs(*s)).lost.is_empty());
        assert_eq!(losses.count(), 61);
    }

    #[test]
    fn losses_that_were_taken_make_no_mass_of_one_more() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        let all: Vec<_> = (0..25).map(session).collect();
        for second in 1..=60 {
            let now = start + Duration::from_secs(second);
            // Four fall silent, a second later one more.
            let silent = if second <= 1 { 0 } else { 4 + usize::from(second > 2) };
            let heard: Vec<_> = all[silent..].iter().map(|id| (*id, Duration::ZERO)).collect();
            judge.hear(GATEWAY, &heard, now);
            let sweep = judge.sweep(now);
            assert_eq!(sweep.held_back, []);
            sweep.lost.iter().for_each(|verdict| judge.taken(verdict.session, now));
        }
        assert_eq!(judge.watched(), 20);
    }

    #[test]
    fn sessions_that_ended_are_no_losses() {
        let start = Instant::now();
        let mut judge = Judge::new(TIMEOUT, start);
        let all: Vec<_> = (0..10).map(|n| (session(n), Duration::ZERO)).collect();
        judge.hear(GATEWAY, &all, start);
        all.iter().for_each(|(id, _)| judge.forget(*id));
        assert_eq!(first_loss(&mut judge, start, &[], 90), None);
    }

    #[test]
    fn time_spent_on_reports_is_no_stall_but_a_stall_in_them_is() {
        let start = Instant::now();
        let limit = Duration::from_secs(4);
        let mut judge = Judge::new(TIMEOUT, start);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], start);
        let mut now = start;
        // Each round a sweep, and reports that take all of their time.
        let rounds = (0..20).take_while(|_| {
            now += Duration::from_secs(1);
            let silent = judge.sweep(now).lost.is_empty();
            now += limit;
            judge.reported(now, limit);
            silent
        });
        assert_eq!(rounds.count(), 6);
        judge.hear(GATEWAY, &[(session(1), Duration::ZERO)], now);
        judge.reported(now + Duration::from_secs(600), limit);
        assert_eq!(judge.sweep(now + Duration::from_secs(601)).lost.len(), 0);
    }
}
