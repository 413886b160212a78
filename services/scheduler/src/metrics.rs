//! What the scheduler measures.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use ukai_domain::Counts;

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) leading: Gauge,
    pub(crate) tasks: Family<State, Gauge>,
    pub(crate) depth: Family<Kind, Gauge>,
    pub(crate) oldest_ready: Family<Kind, Gauge<f64, AtomicU64>>,
    pub(crate) leases: Gauge,
    pub(crate) connected: Gauge,
    pub(crate) window_rows: Gauge,
    pub(crate) commits: Counter,
    pub(crate) commit_rows: Histogram,
    pub(crate) inputs: Counter,
    pub(crate) handed_out: Counter,
    pub(crate) dispatch_seconds: Histogram,
    pub(crate) run_ends: Family<Outcome, Counter>,
    pub(crate) refused_reports: Family<Reason, Counter>,
    pub(crate) stage_seconds: Family<Stage, Counter<f64, AtomicU64>>,
    pub(crate) commit_seconds: Histogram,
    pub(crate) poison_inputs: Counter,
    pub(crate) reloads: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct State {
    pub(crate) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Kind {
    pub(crate) kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub(crate) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Stage {
    pub(crate) stage: &'static str,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let m = Self {
            leading: Gauge::default(),
            tasks: Family::default(),
            depth: Family::default(),
            oldest_ready: Family::default(),
            leases: Gauge::default(),
            connected: Gauge::default(),
            window_rows: Gauge::default(),
            commits: Counter::default(),
            commit_rows: Histogram::new([1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0]),
            inputs: Counter::default(),
            handed_out: Counter::default(),
            dispatch_seconds: Histogram::new([
                0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0,
            ]),
            run_ends: Family::default(),
            refused_reports: Family::default(),
            stage_seconds: Family::default(),
            commit_seconds: Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0]),
            poison_inputs: Counter::default(),
            reloads: Counter::default(),
        };
        let r = registry.sub_registry_with_prefix("ukai_scheduler");
        r.register("leading", "1 while this process leads", m.leading.clone());
        r.register("tasks", "Tasks by state: the balance", m.tasks.clone());
        r.register("queue_depth", "Ready tasks by kind", m.depth.clone());
        r.register_with_unit(
            "oldest_ready_age",
            "Age of the oldest ready task in memory, by kind",
            Unit::Seconds,
            m.oldest_ready.clone(),
        );
        r.register("leases", "Live leases", m.leases.clone());
        r.register("connected_sessions", "Connected worker sessions", m.connected.clone());
        r.register("window_rows", "Ready tasks kept in memory", m.window_rows.clone());
        r.register("commits", "Commits applied", m.commits.clone());
        r.register("commit_rows", "Row changes of a commit", m.commit_rows.clone());
        r.register("inputs", "Inputs taken", m.inputs.clone());
        r.register("handed_out", "Runs handed out", m.handed_out.clone());
        r.register_with_unit(
            "dispatch",
            "From a task's creation to its first hand-out, wished delays included",
            Unit::Seconds,
            m.dispatch_seconds.clone(),
        );
        r.register("run_ends", "Ended runs by outcome", m.run_ends.clone());
        r.register("refused_reports", "Reports that changed nothing", m.refused_reports.clone());
        r.register("stage_seconds", "Time spent by stage of the loop", m.stage_seconds.clone());
        r.register_with_unit("commit", "Time of a commit", Unit::Seconds, m.commit_seconds.clone());
        r.register(
            "poison_inputs",
            "Inputs refused because they broke a step or a commit",
            m.poison_inputs.clone(),
        );
        r.register("reloads", "Times that memory was loaded again after a failed commit", m.reloads.clone());
        m
    }

    /// Adds the time of one stage.
    pub(crate) fn spent(&self, stage: &'static str, time: Duration) {
        self.stage_seconds.get_or_create(&Stage { stage }).inc_by(time.as_secs_f64());
    }

    pub(crate) fn counts(&self, counts: &Counts) {
        let all = [
            ("submitted", counts.submitted),
            ("ready", counts.ready),
            ("delayed", counts.delayed),
            ("leased", counts.leased),
            ("completed", counts.completed),
            ("failed", counts.failed),
            ("cancelled", counts.cancelled),
            ("purged", counts.purged),
        ];
        for (state, n) in all {
            self.tasks.get_or_create(&State { state }).set(n);
        }
    }
}
