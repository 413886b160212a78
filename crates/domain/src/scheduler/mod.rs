//! The scheduler core: a pure step over the leader's memory.

mod commit;
mod effect;
mod input;
mod prefetch;

pub use commit::{Commit, CommitId, IdempotencyRow, LaneRow, Move, PlaceName};
pub use effect::{
    Effects, HostView, Push, PushMessage, QueueView, Refusal, Reply, WhyView, WorkerView,
};
pub use input::{
    Connect, Heartbeat, HostPolicy, IdempotencyKey, Identity, Input, JobAction, JobRef, NewTask, Query, Report, Submit,
    Token, Word,
};
pub use prefetch::{
    ColdTask, DelayedNeed, DelayedRows, EndedRun, Needs, Prefetched, Snapshot, SweepNeed, WindowKey, WindowNeed,
    WindowRows,
};
