//! Announcements that come in parts: what is there of each, until its last part makes it one input.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use ukai_domain::GatewayId;
use ukai_domain::scheduler::Connect;

/// A gateway sends its next part at once. One that doesn't for so long is gone, or begins anew.
const PATIENCE: Duration = Duration::from_secs(60);
/// Parts of one announcement at most: a gateway's worth of 256 KiB each, of some two thousand sessions.
const MOST_PARTS: u32 = 512;

/// A part's place in its announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// From 1.
    number: u32,
    of: u32,
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Others are to come.
    Kept,
    /// It was the last: these are all sessions.
    Whole(Vec<Connect>),
    /// One before it isn't here: all are to come again.
    Missing,
}

/// What is there, by gateway.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    begun: BTreeMap<GatewayId, Begun>,
}

#[derive(Debug)]
struct Begun {
    /// The number of the batch that brought the newest part.
    seq: u64,
    newest: Part,
    sessions: Vec<Connect>,
    at: Instant,
}

impl Part {
    /// As a batch has it; both zero where the announcement is whole, from a gateway of a version without parts.
    pub(crate) fn new(number: u32, of: u32) -> Option<Self> {
        let is_one = (number, of) == (0, 0) || (1..=of).contains(&number);
        (is_one && of <= MOST_PARTS).then_some(Self { number, of })
    }

    /// Replies that the gateway waits for, to an announcement of so many sessions: one to all of them, or, where it knows
    /// no parts, one to each.
    pub(crate) fn replies(self, sessions: usize) -> usize {
        if self.of == 0 { sessions } else { 1 }
    }

    fn follows(self, before: Self) -> bool {
        self.of == before.of && self.number == before.number + 1
    }
}

impl Announcements {
    /// The next part; the first one begins a new announcement, whatever there was. A repeat of the newest changes nothing.
    pub(crate) fn take(
        &mut self,
        gateway: GatewayId,
        seq: u64,
        part: Part,
        sessions: Vec<Connect>,
        now: Instant,
    ) -> Taken {
        let before = self.begun.remove(&gateway);
        let begun = match before {
            Some(before) if before.seq == seq && before.newest == part => before,
            _ if part.number <= 1 => Begun { seq, newest: part, sessions, at: now },
            Some(mut before) if before.seq + 1 == seq && part.follows(before.newest) => {
                before.sessions.extend(sessions);
                Begun { seq, newest: part, at: now, ..before }
            }
            Some(_) | None => return Taken::Missing,
        };
        if part.number == part.of {
            return Taken::Whole(begun.sessions);
        }
        self.begun.insert(gateway, begun);
        Taken::Kept
    }

    /// The number of the batch that brought the newest part, where more are to come.
    pub(crate) fn newest(&self, gateway: GatewayId) -> Option<u64> {
        self.begun.get(&gateway).map(|begun| begun.seq)
    }

    /// Forgets those whose next part doesn't come.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.begun.retain(|_, begun| now.saturating_duration_since(begun.at) < PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ukai_domain::scheduler::Identity;
    use ukai_domain::{SessionId, WorkerId};

    const GATEWAY: GatewayId = GatewayId::NIL;

    fn sessions(of: std::ops::Range<u128>) -> Vec<Connect> {
        let connect = |n| Connect {
            session: SessionId(uuid::Uuid::from_u128(n)),
            gateway: GATEWAY,
            identity: Identity::Worker(WorkerId::NIL),
            capacity: 1,
            capabilities: Vec::new(),
            in_flight: None,
        };
        of.map(connect).collect()
    }

    fn part(number: u32, of: u32) -> Part {
        Part::new(number, of).unwrap()
    }

    #[test]
    fn a_part_stands_between_one_and_the_last() {
        for (number, of) in [(0, 0), (1, 1), (2, 3), (MOST_PARTS, MOST_PARTS)] {
            assert!(Part::new(number, of).is_some(), "{number} of {of}");
        }
        for (number, of) in [(0, 2), (3, 2), (1, 0), (1, MOST_PARTS + 1)] {
            assert_eq!(Part::new(number, of), None, "{number} of {of}");
        }
    }

    #[test]
    fn the_last_part_makes_them_one() {
        let (mut all, now) = (Announcements::default(), Instant::now());
        assert_eq!(all.take(GATEWAY, 7, part(1, 3), sessions(0..2), now), Taken::Kept);
        assert_eq!(all.take(GATEWAY, 8, part(2, 3), sessions(2..4), now), Taken::Kept);
        // It comes again, and its sessions are there once.
        assert_eq!(all.take(GATEWAY, 8, part(2, 3), sessions(2..4), now), Taken::Kept);
        assert_eq!(all.newest(GATEWAY), Some(8));
        let other = GatewayId(uuid::Uuid::from_u128(1));
        assert_eq!(all.take(other, 1, part(1, 1), sessions(8..9), now), Taken::Whole(sessions(8..9)));
        assert_eq!(all.take(GATEWAY, 9, part(3, 3), sessions(4..5), now), Taken::Whole(sessions(0..5)));
        assert_eq!(all.newest(GATEWAY), None);
        // One without a number is whole.
        assert_eq!(all.take(GATEWAY, 10, part(0, 0), sessions(0..2), now), Taken::Whole(sessions(0..2)));
    }

    #[test]
    fn without_those_before_it_a_part_is_nothing() {
        let (mut all, now) = (Announcements::default(), Instant::now());
        assert_eq!(all.take(GATEWAY, 2, part(2, 3), sessions(2..4), now), Taken::Missing);
        assert_eq!(all.take(GATEWAY, 3, part(1, 3), sessions(0..2), now), Taken::Kept);
        // Between them a batch was lost with its leader, or the parts are another announcement's.
        assert_eq!(all.take(GATEWAY, 5, part(2, 3), sessions(2..4), now), Taken::Missing);
        assert_eq!(all.take(GATEWAY, 6, part(3, 3), sessions(4..5), now), Taken::Missing);
        assert_eq!(all.take(GATEWAY, 7, part(1, 2), sessions(0..2), now), Taken::Kept);
        assert_eq!(all.take(GATEWAY, 8, part(2, 3), sessions(2..4), now), Taken::Missing);
    }

    #[test]
    fn a_new_announcement_takes_the_place_of_what_was_begun() {
        let (mut all, now) = (Announcements::default(), Instant::now());
        assert_eq!(all.take(GATEWAY, 1, part(1, 2), sessions(0..2), now), Taken::Kept);
        assert_eq!(all.take(GATEWAY, 2, part(1, 2), sessions(5..7), now), Taken::Kept);
        assert_eq!(all.take(GATEWAY, 3, part(2, 2), sessions(7..8), now), Taken::Whole(sessions(5..8)));
    }

    #[test]
    fn what_is_not_finished_is_forgotten() {
        let (mut all, now) = (Announcements::default(), Instant::now());
        assert_eq!(all.take(GATEWAY, 1, part(1, 2), sessions(0..2), now), Taken::Kept);
        all.expire(now + PATIENCE / 2);
        assert_eq!(all.newest(GATEWAY), Some(1));
        all.expire(now + PATIENCE);
        assert_eq!(all.take(GATEWAY, 2, part(2, 2), sessions(2..4), now), Taken::Missing);
    }
}
