//! What a gateway can be told.

use crate::address::Proxies;
use std::time::Duration;
use ukai_boot::trace::Tracer;

/// Settings of one gateway.
#[derive(Clone, Debug)]
pub struct Config {
    /// The pre-shared token with which workers register themselves; `None`: they can't.
    pub enroll_token: Option<String>,
    /// Browser origins that may connect, besides the server's own.
    pub origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Proxies,
    /// Bounds and times.
    pub limits: Limits,
    /// Begins spans.
    pub tracer: Tracer,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enroll_token: None,
            origins: ukai_boot::config::Origins::default().list(),
            trusted_proxies: Proxies::default(),
            limits: Limits::default(),
            tracer: Tracer::default(),
        }
    }
}

/// Bounds and times, each with the value that ships.
#[derive(Clone, Debug)]
pub struct Limits {
    /// New transports a second of the whole gateway; beyond it 503.
    pub handshakes_per_second: u32,
    /// Connects a second of one address that show no valid token; beyond it 429.
    pub strangers_per_second: u32,
    /// Events a second of one worker, reports of handed-out runs apart.
    pub events_per_second: u32,
    /// Events of one worker at once.
    pub event_burst: u32,
    /// Events beyond that until the worker is disconnected.
    pub strikes: u32,
    /// Inputs that wait for the leader.
    pub queued_inputs: usize,
    /// Bytes of them.
    pub queued_bytes: usize,
    /// Packets that may wait for one socket.
    pub socket_buffer: usize,
    /// Engine.IO.
    pub ping_interval: Duration,
    /// Engine.IO.
    pub ping_timeout: Duration,
    /// A transport that connects to no namespace is closed.
    pub connect_timeout: Duration,
    /// One try of a request to the leader. The same batch may reach it many times; one that went to a leader that stands
    /// still costs this long.
    pub request_timeout: Duration,
    /// Unanswered for longer than this, nobody is known to lead: a leader that was killed is replaced within its lease of
    /// five seconds and the time that the next one takes to load.
    pub leader_silence: Duration,
    /// Between the last word to a refused or dropped client and the close of its transport.
    pub close_grace: Duration,
    /// The workers of a gateway that is about to end leave it within this time, each at its own turn.
    pub drain_spread: Duration,
    /// Nobody waits for few workers as long as for many: this many leave in a second, unless that takes too long.
    pub departures_per_second: u32,
    /// Without an echo from the bus for this long the gateway is cut off.
    pub cut_after: Duration,
    /// Then its sockets are closed, spread over this time, if there are other gateways.
    pub cut_spread: Duration,
    /// New ones are refused for this long after that.
    pub cut_refusal: Duration,
    /// Who comes then may stay for this long, until all are turned away once more.
    pub cut_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshakes_per_second: 500,
            strangers_per_second: 50,
            events_per_second: 500,
            event_burst: 1_000,
            strikes: 200,
            queued_inputs: 100_000,
            queued_bytes: 64 << 20,
            socket_buffer: 512,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(2),
            leader_silence: Duration::from_secs(10),
            close_grace: Duration::from_millis(250),
            drain_spread: Duration::from_secs(20),
            departures_per_second: 100,
            cut_after: Duration::from_secs(5),
            cut_spread: Duration::from_secs(10),
            cut_refusal: Duration::from_secs(15),
            cut_patience: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_that_ship() {
        let limits = Limits::default();
        assert_eq!((limits.events_per_second, limits.event_burst), (500, 1_000));
        assert_eq!((limits.handshakes_per_second, limits.strangers_per_second), (500, 50));
        assert_eq!((limits.ping_interval.as_secs(), limits.ping_timeout.as_secs()), (25, 60));
        assert_eq!(limits.connect_timeout.as_secs(), 5);
        assert!(limits.socket_buffer >= 256);
        assert_eq!(limits.drain_spread.as_secs(), 20);
        assert_eq!((limits.cut_after.as_secs(), limits.cut_spread.as_secs()), (5, 10));
    }
}
