//! When lanes that nothing waits in were last handed out of: an interval that is set later counts from there.

use crate::{LaneKey, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// Lanes that are remembered; of more, those left longest ago are forgotten.
const LIMIT: usize = 16_384;

/// The last hand-outs of lanes that are no longer in memory.
#[derive(Debug, Default)]
pub(super) struct Recent {
    handed_out: BTreeMap<LaneKey, Timestamp>,
    /// In the order in which the lanes were left; an entry that the map doesn't confirm is old.
    order: VecDeque<(LaneKey, Timestamp)>,
}

impl Recent {
    pub(super) fn remember(&mut self, key: &LaneKey, handed_out: Timestamp) {
        if handed_out == Timestamp::default() {
            return;
        }
        self.handed_out.insert(key.clone(), handed_out);
        self.order.push_back((key.clone(), handed_out));
        while self.order.len() > LIMIT {
            let Some((key, at)) = self.order.pop_front() else { return };
            if self.handed_out.get(&key) == Some(&at) {
                self.handed_out.remove(&key);
            }
        }
    }

    pub(super) fn of_host(&self, host: &str) -> Vec<LaneKey> {
        self.handed_out.keys().filter(|key| &*key.host == host).cloned().collect()
    }

    pub(super) fn recall(&mut self, key: &LaneKey) -> Option<Timestamp> {
        self.handed_out.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Recent};
    use crate::{LaneKey, Timestamp};

    fn lane(n: usize) -> LaneKey {
        LaneKey { kind: "scrape".into(), host: format!("{n}.example").into() }
    }

    #[test]
    fn forgets_those_left_longest_ago() {
        let mut recent = Recent::default();
        for n in 0..=LIMIT {
            recent.remember(&lane(n), Timestamp(7));
        }
        assert_eq!(recent.recall(&lane(0)), None);
        assert_eq!(recent.of_host("1.example"), [lane(1)]);
        assert_eq!(recent.recall(&lane(1)), Some(Timestamp(7)));
        assert_eq!(recent.recall(&lane(1)), None, "recalled once: the lane knows it from now on");
        assert_eq!(recent.recall(&lane(LIMIT)), Some(Timestamp(7)));
    }

    #[test]
    fn a_lane_that_came_and_went_keeps_its_newest_time() {
        let mut recent = Recent::default();
        recent.remember(&lane(0), Timestamp(1));
        recent.remember(&lane(0), Timestamp(2));
        for n in 1..LIMIT {
            recent.remember(&lane(n), Timestamp(3));
        }
        assert_eq!(recent.recall(&lane(0)), Some(Timestamp(2)));
    }
}
