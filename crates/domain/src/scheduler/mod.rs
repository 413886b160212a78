//! The scheduler core: a pure step over the leader's memory.

mod commit;
mod connect;
mod crawl;
mod dispatch;
mod draft;
mod effect;
mod ending;
mod expand;
mod heartbeat;
mod input;
mod invariants;
mod job_control;
mod links;
mod needs;
mod prefetch;
mod query;
mod queue;
mod reload;
mod report;
mod session;
mod state;
mod step;
mod submit;
mod task_control;
mod timers;
mod worker_control;

pub use commit::{Commit, CommitId, IdempotencyRow, LaneRow, Move, PlaceName};
pub use effect::{Effects, HostView, Push, PushMessage, QueueView, Refusal, Reply, WhyView, WorkerView};
pub use input::{
    Connect, Heartbeat, HostPolicy, IdempotencyKey, Identity, Input, JobAction, JobRef, NewTask, Query,
    Report, Submit, Token, Word,
};
pub use invariants::faults;
pub use prefetch::{
    ColdTask, DelayedNeed, DelayedRows, EndedRun, ExpansionNeed, Needs, Prefetched, RangeKey, RangeNeed,
    RangeRows, Snapshot, SweepNeed, SweepPlace, WindowKey, WindowNeed, WindowRows,
};
pub use queue::Reading;
pub use state::State;
pub use step::{Step, step};
pub use submit::MAX_BATCH;
