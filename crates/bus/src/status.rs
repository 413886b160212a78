//! Whether the bus is there, as its users see it: clocks stand still while it is away.

use tokio::time::Instant;

/// The connection to the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusStatus {
    /// Whether it stands.
    pub is_connected: bool,
    /// Since when it stands, or doesn't.
    pub since: Instant,
    /// How often it was made. A number that grew says that it was away meanwhile, however short.
    pub connects: u64,
}

impl BusStatus {
    /// Not connected yet.
    #[must_use]
    pub fn away() -> Self {
        Self { is_connected: false, since: Instant::now(), connects: 0 }
    }

    /// The same after a look; whether anything is new.
    pub(crate) fn update(&mut self, is_connected: bool, connects: u64) -> bool {
        if (self.is_connected, self.connects) == (is_connected, connects) {
            return false;
        }
        *self = Self { is_connected, since: Instant::now(), connects };
        true
    }
}
