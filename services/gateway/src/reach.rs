//! Whether the bus reaches this gateway, by the echo of its own digests: also a connection that stands and carries
//! nothing is none. Back on the bus, the leader hears of all sessions anew.

use crate::shared::Shared;
use prost::Message;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use ukai_boot::Shutdown;
use ukai_bus::{BusError, HEARTBEATS};
use ukai_domain::GatewayId;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Another gateway is there if its digest came within this time before our last echo.
const NEIGHBOUR: Duration = Duration::from_secs(10);
/// Digests come each second. What is heard later than this after the last echo says that the bus is coming back.
const LATE: Duration = Duration::from_secs(2);

/// What the bus is to this gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It carries.
    #[default]
    OnBus,
    /// It is away, and no other gateway was heard before: waiting is all that can be done.
    Alone,
    /// It is away from here; other gateways were heard before.
    CutOff,
}

/// Follows the bus until the stop signal.
pub(crate) async fn run(shared: Arc<Shared>, shutdown: Shutdown) -> Result<(), BusError> {
    let mut digests = shared.bus.subscribe(HEARTBEATS).await?;
    let mut status = shared.bus.status();
    let mut connects = status.borrow_and_update().connects;
    let mut ear = Ear::new(Instant::now());
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.stopping() => break,
            digest = digests.next() => match digest {
                Some(digest) => if let Some(author) = author(&digest.payload) {
                    ear.hear(author, author == shared.id, Instant::now());
                },
                None => break,
            },
            Ok(()) = status.changed() => {
                let now = *status.borrow_and_update();
                if now.is_connected && now.connects > std::mem::replace(&mut connects, now.connects) {
                    ear.reconnected(Instant::now());
                    shared.epoch.forget();
                    shared.inbox.wake();
                }
            }
            _ = ticks.tick() => ear.tick(Instant::now()),
        }
        let may_miss = ear.is_late(Instant::now());
        shared.may_miss_words.send_if_modified(|before| std::mem::replace(before, may_miss) != may_miss);
        let reach = ear.reach(Instant::now(), shared.config.limits.cut_after);
        if shared.reach.send_if_modified(|before| std::mem::replace(before, reach) != reach) {
            match reach {
                Reach::OnBus => tracing::info!("back on the bus"),
                Reach::Alone => {
                    tracing::warn!("cut off from the bus, and no other gateway is known: waiting")
                }
                Reach::CutOff => {
                    tracing::warn!("cut off from the bus: sending the workers to other gateways")
                }
            }
        }
        shared.has_neighbours.store(!ear.others.is_empty(), Ordering::Relaxed);
        shared.set_ready(ear.has_echo && reach == Reach::OnBus);
    }
    shared.set_ready(false);
    Ok(())
}

/// The gateway that wrote a digest; the rest is not even read.
fn author(digest: &[u8]) -> Option<GatewayId> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Head {
        #[prost(bytes = "vec", tag = "1")]
        gateway: Vec<u8>,
    }
    GatewayId::from_slice(&Head::decode(digest).ok()?.gateway)
}

/// What was heard when.
#[derive(Debug)]
struct Ear {
    echo: Instant,
    has_echo: bool,
    ticked: Instant,
    others: HashMap<GatewayId, Instant>,
}

impl Ear {
    fn new(now: Instant) -> Self {
        Self { echo: now, has_echo: false, ticked: now, others: HashMap::new() }
    }

    fn hear(&mut self, author: GatewayId, is_own: bool, now: Instant) {
        if is_own {
            (self.echo, self.has_echo) = (now, true);
        } else if now.saturating_duration_since(self.echo) <= LATE {
            self.others.insert(author, now);
        }
    }

    /// The server has answered: as good as an echo.
    fn reconnected(&mut self, now: Instant) {
        self.echo = now;
    }

    /// Time passes. A tick that comes late was our own stall: the bus was not silent in it.
    fn tick(&mut self, now: Instant) {
        let late = now.saturating_duration_since(self.ticked).saturating_sub(LOOK_EVERY * 2);
        self.ticked = now;
        self.echo += late;
        let echo = self.echo;
        self.others.retain(|_, heard| *heard + NEIGHBOUR >= echo);
    }

    /// An echo is overdue.
    fn is_late(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.echo) > LATE
    }

    fn reach(&self, now: Instant, cut_after: Duration) -> Reach {
        if now.saturating_duration_since(self.echo) < cut_after {
            Reach::OnBus
        } else if self.others.is_empty() {
            Reach::Alone
        } else {
            Reach::CutOff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ukai_rpc::v1;

    const AFTER: Duration = Duration::from_secs(5);

    fn other() -> GatewayId {
        GatewayId(uuid::Uuid::from_u128(7))
    }

    /// An ear that ticks on time for `seconds`.
    fn silence(ear: &mut Ear, mut now: Instant, seconds: u32) -> Instant {
        for _ in 0..seconds * 4 {
            now += LOOK_EVERY;
            ear.tick(now);
        }
        now
    }

    #[test]
    fn a_silent_bus_is_a_cut_and_an_echo_ends_it() {
        let start = Instant::now();
        let mut ear = Ear::new(start);
        ear.hear(other(), false, start);
        assert_eq!(ear.reach(start + AFTER / 2, AFTER), Reach::OnBus);
        let now = silence(&mut ear, start, 5);
        assert_eq!(ear.reach(now, AFTER), Reach::CutOff);
        let now = silence(&mut ear, now, 600);
        assert_eq!(ear.reach(now, AFTER), Reach::CutOff);
        ear.hear(other(), true, now);
        assert_eq!(ear.reach(now, AFTER), Reach::OnBus);
    }

    #[test]
    fn without_another_gateway_it_is_alone() {
        let start = Instant::now();
        let mut ear = Ear::new(start);
        let now = silence(&mut ear, start, 5);
        assert_eq!(ear.reach(now, AFTER), Reach::Alone);
        // One that fell silent long before the cut is none to send workers to.
        ear.hear(other(), false, now);
        assert_eq!(ear.reach(now, AFTER), Reach::Alone);
        ear.reconnected(now);
        ear.hear(other(), false, now);
        let now = silence(&mut ear, now, 60);
        ear.hear(other(), true, now);
        let now = silence(&mut ear, now, 6);
        assert_eq!(ear.reach(now, AFTER), Reach::Alone);
    }

    #[test]
    fn our_own_stall_is_no_cut() {
        let start = Instant::now();
        let mut ear = Ear::new(start);
        let now = start + Duration::from_secs(60);
        ear.tick(now);
        assert_eq!(ear.reach(now, AFTER), Reach::OnBus);
    }

    #[test]
    fn the_author_of_a_digest() {
        let heard = vec![v1::HeardSession { session: vec![1; 16], ago_ms: 3 }; 5];
        let gateway = other().as_bytes().to_vec();
        let ended = vec![vec![2; 16]];
        let digest =
            v1::HeartbeatDigest { gateway, heard, late_ms: 9, ended, whole: true, ..Default::default() };
        assert_eq!(author(&digest.encode_to_vec()), Some(other()));
        assert_eq!(author(b"\xff"), None);
    }
}
