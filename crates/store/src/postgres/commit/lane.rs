//! Politeness: lanes' cool-downs and hosts' policies.

use super::batch::{Batch, Rows, params};
use ukai_domain::scheduler::{HostPolicy, LaneRow};

const PUT: &str = "INSERT INTO lane_state (kind, host, cool_until, cool_level, last_handout)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[], $5::bigint[])
    ON CONFLICT (kind, host) DO UPDATE SET cool_until = excluded.cool_until, cool_level = excluded.cool_level,
        last_handout = excluded.last_handout";

const PUT_HOSTS: &str = "INSERT INTO host (host, min_interval_ms, max_concurrency)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
    ON CONFLICT (host) DO UPDATE SET min_interval_ms = excluded.min_interval_ms,
        max_concurrency = excluded.max_concurrency";

pub(super) fn put<'c>(batch: &mut Batch<'c>, lanes: &'c [LaneRow]) {
    if lanes.is_empty() {
        return;
    }
    let columns = params![
        lanes.iter().map(|l| &*l.key.kind).collect::<Vec<&str>>(),
        lanes.iter().map(|l| &*l.key.host).collect::<Vec<&str>>(),
        lanes.iter().map(|l| l.cool_until.0).collect::<Vec<_>>(),
        lanes.iter().map(|l| i16::from(l.cool_level)).collect::<Vec<_>>(),
        lanes.iter().map(|l| l.last_handout.0).collect::<Vec<_>>(),
    ];
    batch.add("put into lane_state", PUT, Rows::Exactly(lanes.len()), columns);
}

pub(super) fn put_hosts<'c>(batch: &mut Batch<'c>, hosts: &'c [HostPolicy]) {
    if hosts.is_empty() {
        return;
    }
    let columns = params![
        hosts.iter().map(|h| &*h.host).collect::<Vec<&str>>(),
        hosts.iter().map(|h| i64::from(h.min_interval_ms)).collect::<Vec<_>>(),
        hosts.iter().map(|h| i64::from(h.max_concurrency)).collect::<Vec<_>>(),
    ];
    batch.add("put into host", PUT_HOSTS, Rows::Exactly(hosts.len()), columns);
}
