//! The loop of a leader: gather, read, step, commit, release. Nothing batches by a timer: what gathers while
//! one commit is under way is the next batch. Where that is much, its step doesn't wait for the commit's end; its own
//! commit does, and where the first one fails, that step never was.

#[cfg(feature = "failpoints")]
mod failing;
mod flight;
mod gathering;
mod recovery;
mod turn;

use crate::clock::Clock;
use crate::config::SchedulerConfig;
use crate::events::Publisher;
use crate::inbox::{Inbox, Work};
use crate::metrics::Metrics;
use crate::pusher::{Origin, Pushers};
use crate::release::Gateways;
use crate::traced::Traced;
use flight::Flight;
use gathering::{Gathered, Gathering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use ukai_boot::Shutdown;
use ukai_bus::Bus;
use ukai_domain::scheduler::{State, faults};
use ukai_domain::{Code, Rejection};
use ukai_store::{Store, StoreError};

/// Between two sendings of a commit whose outcome is unknown.
const RESEND_EVERY: Duration = Duration::from_millis(100);
/// Between two looks at the gauges.
const MEASURE_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at those that cost a walk.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Leader {
    pub(crate) config: SchedulerConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) metrics: Metrics,
    pub(crate) inbox: Inbox,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    pub(crate) leading: Shutdown,
    pub(crate) events: Publisher,
    /// The last step's time.
    pub(crate) stepped: Instant,
    pub(crate) measured: Option<Instant>,
    pub(crate) looked: Option<Instant>,
    /// What the next commit is a part of.
    pub(crate) traced: Traced,
}

/// Why a leader stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was asked to.
    Stopped,
    /// Another leads.
    Deposed,
}

/// What a leader has in memory, as long as it leads.
struct Memory {
    state: State,
    gateways: Gateways,
    pushers: Pushers,
}

impl Leader {
    pub(crate) async fn run(
        mut self,
        state: State,
        works: &mut mpsc::Receiver<Work>,
    ) -> anyhow::Result<Ended> {
        let origin = Origin {
            bus: Arc::clone(&self.bus),
            inbox: self.inbox.clone(),
            epoch: state.epoch(),
            clock: self.clock,
            tracer: self.config.tracer.clone(),
        };
        let pushers = Pushers::new(origin, self.leading.clone());
        let mut memory = Memory { state, gateways: Gateways::default(), pushers };
        let mut gathering = Gathering::new(works, self.config.max_inputs);
        let ended = self.lead(&mut memory, &mut gathering).await;
        gathering.give_back();
        match ended {
            Ok(()) | Err(TurnError::Stopped) => Ok(Ended::Stopped),
            Err(TurnError::Deposed) => Ok(Ended::Deposed),
            Err(TurnError::Store(error)) => Err(error.into()),
            Err(TurnError::Broken(error)) => anyhow::bail!("a step without inputs breaks: {error}"),
        }
    }

    /// Turn by turn, until it is time to stop.
    async fn lead(&mut self, memory: &mut Memory, gathering: &mut Gathering<'_>) -> Result<(), TurnError> {
        let mut flight: Option<Flight> = None;
        loop {
            let gathered = match &mut flight {
                None => self.gather(&memory.state, gathering).await,
                Some(flight) => self.gather_beside(flight, gathering).await,
            };
            match gathered {
                Gathered::Works(works) => self.turn(memory, works, &mut flight).await?,
                Gathered::Landed => drop(self.land(memory, &mut flight).await?),
                Gathered::Stop => return Ok(()),
            }
            self.measure(&memory.state);
        }
    }

    async fn pause(&self, time: Duration) -> Result<(), TurnError> {
        pause(&self.leading, time).await
    }

    /// Gauges follow a few times a second: some cost a walk over memory.
    fn measure(&mut self, state: &State) {
        if self.measured.is_some_and(|at| at.elapsed() < MEASURE_EVERY) {
            return;
        }
        self.measured = Some(Instant::now());
        if self.looked.is_none_or(|at| at.elapsed() > LOOK_EVERY) {
            self.looked = Some(Instant::now());
            self.look(state);
        }
        self.metrics.counts(&state.total());
        self.metrics.leases.set(i64::try_from(state.lease_count()).unwrap_or(i64::MAX));
        self.metrics.window_rows.set(i64::try_from(state.window_rows()).unwrap_or(i64::MAX));
        for (kind, depth) in state.depth() {
            self.metrics.depth.get_or_create(&crate::metrics::Kind { kind: kind.to_string() }).set(depth);
        }
    }

    /// Gauges that cost a walk over sessions and windows; in debug builds also whether memory is sound.
    fn look(&self, state: &State) {
        if cfg!(debug_assertions) {
            for broken in faults(state) {
                tracing::error!(broken, "the leader's memory isn't sound");
            }
        }
        let (oldest, now) = (state.oldest_ready(), self.clock.now());
        for (kind, _) in state.depth() {
            let age = oldest.get(&kind).map_or(0.0, |at| now.since(*at).as_secs_f64());
            self.metrics
                .oldest_ready
                .get_or_create(&crate::metrics::Kind { kind: kind.to_string() })
                .set(age);
        }
        self.metrics.connected.set(i64::try_from(state.connected()).unwrap_or(i64::MAX));
    }
}

/// Why a turn can't go on.
pub(crate) enum TurnError {
    Deposed,
    Stopped,
    Store(StoreError),
    /// What broke is not any input's fault.
    Broken(String),
}

fn storage_full() -> Rejection {
    Rejection::new(Code::StorageFull, "the server's storage is full")
}

async fn pause(leading: &Shutdown, time: Duration) -> Result<(), TurnError> {
    tokio::select! {
        () = leading.stopping() => Err(TurnError::Stopped),
        () = tokio::time::sleep(time) => Ok(()),
    }
}
