//! The lanes of the queue: policies, cool-downs and running runs open and close them.

use super::{Lane, Queue};
use crate::scheduler::{HostPolicy, LaneRow, WindowKey};
use crate::{LaneKey, Timestamp};
use std::sync::Arc;

impl Queue {
    pub(crate) fn lane(&self, key: &LaneKey) -> Option<&Lane> {
        self.lanes.get(key)
    }

    pub(crate) fn lanes_of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = (&'a LaneKey, &'a Lane)> {
        self.lanes.iter().filter(move |(key, _)| &*key.host == host)
    }

    pub(crate) fn load_lane(&mut self, row: &LaneRow) {
        self.make_lane(&row.key).load(row);
    }

    pub(crate) fn policy(&self, host: &str) -> Option<&HostPolicy> {
        self.hosts.get(host)
    }

    /// Sets a host's policy and applies it to its lanes.
    pub(crate) fn set_policy(&mut self, policy: HostPolicy, now: Timestamp) {
        for key in self.recent.of_host(&policy.host) {
            self.make_lane(&key);
        }
        let keys: Vec<_> = self.lanes_of(&policy.host).map(|(key, _)| key.clone()).collect();
        self.hosts.insert(Arc::clone(&policy.host), policy.clone());
        for key in keys {
            self.apply_policy(&key, Some(&policy), now);
        }
    }

    /// A lease of the lane exists from before (takeover).
    pub(crate) fn load_running(&mut self, key: &LaneKey, handed_out: Timestamp) {
        self.make_lane(key).load_running(handed_out);
    }

    /// A run of the lane ended.
    pub(crate) fn run_ended(&mut self, key: &LaneKey, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.run_ended();
        }
        self.reconsider(key, now);
    }

    /// `THROTTLED`: the lane cools down, longer each time in a row. The row to persist.
    pub(crate) fn cool(&mut self, key: &LaneKey, now: Timestamp) -> LaneRow {
        let lane = self.make_lane(key);
        lane.cool(now);
        let row = lane.row(key);
        self.reconsider(key, now);
        row
    }

    /// A page came through: the next cool-down is short again. The row to persist where that is news.
    pub(crate) fn warm(&mut self, key: &LaneKey) -> Option<LaneRow> {
        let lane = self.lanes.get_mut(key)?;
        lane.warm().then(|| lane.row(key))
    }

    /// No free worker may take this host now: out of the bands until [`Queue::unpark`].
    pub(crate) fn park(&mut self, key: &LaneKey) {
        self.parked.insert(key.clone());
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.set_parked(true);
        }
        self.apply_openness(key);
    }

    pub(crate) fn parked(&self) -> Vec<LaneKey> {
        self.parked.iter().cloned().collect()
    }

    pub(crate) fn unpark(&mut self, key: &LaneKey) {
        self.parked.remove(key);
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.set_parked(false);
        }
        self.apply_openness(key);
    }

    /// Opens or closes a lane by its policy and its clock.
    pub(crate) fn reconsider(&mut self, key: &LaneKey, now: Timestamp) {
        let policy = self.hosts.get(&key.host).cloned();
        self.apply_policy(key, policy.as_ref(), now);
    }

    pub(super) fn apply_policy(&mut self, key: &LaneKey, policy: Option<&HostPolicy>, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.decide(policy, now) {
            self.apply_openness(key);
        }
        self.forget_idle_lane(key);
    }

    fn apply_openness(&mut self, key: &LaneKey) {
        let Some(lane) = self.lanes.get(key) else { return };
        for (priority, job) in lane.members() {
            self.settle(&WindowKey { lane: key.clone(), priority, job });
        }
    }

    pub(super) fn make_lane(&mut self, key: &LaneKey) -> &mut Lane {
        let recent = &mut self.recent;
        self.lanes.entry(key.clone()).or_insert_with_key(|key| Lane::left(recent.recall(key)))
    }

    pub(super) fn forget_idle_lane(&mut self, key: &LaneKey) {
        if self.lanes.get(key).is_some_and(Lane::is_idle) {
            let lane = self.lanes.remove(key);
            self.recent.remember(key, lane.map(|lane| lane.last_handout()).unwrap_or_default());
            self.parked.remove(key);
        }
    }
}
