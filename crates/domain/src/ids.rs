//! Identities as newtypes, so that two ids can't be swapped.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The all-zero id, used as «before every other».
            pub const NIL: Self = Self(Uuid::nil());

            /// The 16 bytes as the stores and the bus keep them.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From exactly 16 bytes; `None` for any other length.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }

            /// From the text form that clients send.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// One unit of work for one worker.
    TaskId
);
impl TaskId {
    /// The id just below.
    pub(crate) fn before(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }
}

id!(
    /// A named group of tasks.
    JobId
);
id!(
    /// A registered machine with a token.
    WorkerId
);
id!(
    /// One connection of a worker.
    SessionId
);
id!(
    /// One file that a worker brought. Derived from what it is, so that a repeated upload is the same artifact.
    ArtifactId
);
id!(
    /// One start of one gateway process: its pushes and its stream are numbered within it.
    GatewayId
);

/// The number of a hand-out of a task: 1, 2, 3 … per task, never reset. With the task's id it is the fence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Run(pub u32);

impl Run {
    /// The number of the hand-out after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes UUIDv7 ids that strictly increase, from the leader's clock and a seeded generator.
#[derive(Debug)]
pub struct IdGenerator {
    last: u128,
    random: rand::rngs::StdRng,
}

impl IdGenerator {
    /// `after` is the largest id already given out (or nil): every new one is larger.
    #[must_use]
    pub fn new(seed: u64, after: Uuid) -> Self {
        Self { last: after.as_u128(), random: rand::SeedableRng::seed_from_u64(seed) }
    }

    /// The next id, with the time `now` in its upper 48 bits where the clock did not step back.
    pub fn next(&mut self, now: crate::Timestamp) -> Uuid {
        use rand::RngExt;
        let millis = u64::try_from(now.0).unwrap_or(0);
        let mut random = [0_u8; 10];
        self.random.fill(&mut random);
        let fresh = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_u128();
        let next = if fresh > self.last { fresh } else { self.after_last() };
        self.last = next;
        Uuid::from_u128(next)
    }

    /// Within one millisecond (or behind a clock that stepped back) ids count up in the random part.
    fn after_last(&self) -> u128 {
        const VARIANT_TAIL: u128 = (1 << 62) - 1;
        let tail = self.last & VARIANT_TAIL;
        if tail < VARIANT_TAIL - (1 << 20) {
            self.last + 1
        } else {
            // The tail is full: one more in the 12 bits above the variant keeps the order.
            let upper = (self.last >> 64) + 1;
            (upper << 64) | (0b10 << 62)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn ids_increase_even_when_the_clock_steps_back() {
        let mut ids = IdGenerator::new(7, Uuid::nil());
        let mut last = Uuid::nil();
        for n in 0..20_000_i64 {
            let now = Timestamp(1_700_000_000_000 - (n % 7) * 1000 + n / 100);
            let id = ids.next(now);
            assert!(id > last, "{id} after {last}");
            assert_eq!(id.get_version_num(), 7);
            last = id;
        }
    }
}
