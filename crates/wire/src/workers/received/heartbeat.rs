//! `worker:heartbeat`: what a worker says of itself every ten seconds.

use super::typed;
use crate::workers::Invalid;
use crate::workers::atoms::{Amount, Id, Object, Text, Word, Words, is_time};
use crate::workers::shape::{Field, Shape, may, must};
use serde::Deserialize;
use ukai_domain::scheduler::{Heartbeat, Input};
use ukai_domain::{NetworkInfo, ReportedStatus, SessionId, TaskId, WorkerStats};

const EVENT: &str = "worker:heartbeat";

pub(crate) const SHAPE: &[Field] = &[
    must("status", Shape::OneOf(&["idle", "busy", "blocked"])),
    may("currentTaskId", Shape::Id),
    must(
        "networkInfo",
        Shape::Object(&[
            must("externalIp", Shape::Text),
            must("ispName", Shape::Text),
            must("lastCheckedAt", Shape::TimeOrEmpty),
        ]),
    ),
    must(
        "stats",
        Shape::Object(&[
            must("tasksCompleted", Shape::Amount),
            must("tasksFailed", Shape::Amount),
            must("uptime", Shape::Amount),
        ]),
    ),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Beat<'a> {
    status: Word<ReportedStatus>,
    current_task_id: Option<Id>,
    #[serde(borrow)]
    network_info: Object<Network<'a>>,
    stats: Object<Stats>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network<'a> {
    #[serde(borrow)]
    external_ip: Text<'a>,
    #[serde(borrow)]
    isp_name: Text<'a>,
    #[serde(borrow)]
    last_checked_at: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    tasks_completed: Amount,
    tasks_failed: Amount,
    uptime: Amount,
}

impl Words for ReportedStatus {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "idle" => Some(Self::Idle),
            "busy" => Some(Self::Busy),
            "blocked" => Some(Self::Blocked),
            _ => None,
        }
    }
}

pub(super) fn parse(session: SessionId, payload: &str) -> Result<Input, Invalid> {
    let beat: Beat<'_> = typed(EVENT, payload, SHAPE)?;
    let (Object(network), Object(stats)) = (beat.network_info, beat.stats);
    let checked = network.last_checked_at.0;
    if !checked.is_empty() && !is_time(&checked) {
        let message = "must be an ISO 8601 time or an empty string";
        return Err(Invalid::new(EVENT, "networkInfo.lastCheckedAt", message));
    }
    Ok(Input::Heartbeat(Heartbeat {
        session,
        status: beat.status.0,
        current_task: beat.current_task_id.map(|id| TaskId(id.0)),
        network: NetworkInfo {
            external_ip: network.external_ip.0.into_owned(),
            isp_name: network.isp_name.0.into_owned(),
            last_checked_at: checked.into_owned(),
        },
        stats: WorkerStats {
            tasks_completed: stats.tasks_completed.whole(),
            tasks_failed: stats.tasks_failed.whole(),
            uptime: stats.uptime.0,
        },
    }))
}
