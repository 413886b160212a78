//! Politeness: lanes' cool-downs and hosts' policies.

use super::Group;
use crate::sqlite::failure::Failure;
use rusqlite::{Connection, params};
use ukai_domain::scheduler::{HostPolicy, LaneRow};

pub(super) fn put(conn: &Connection, lanes: &[LaneRow]) -> Result<(), Failure> {
    let mut upsert = Group::new(
        conn,
        "put into lane_state",
        "INSERT INTO lane_state (kind, host, cool_until, cool_level, last_handout) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (kind, host) DO UPDATE SET cool_until = ?3, cool_level = ?4, last_handout = ?5",
    )?;
    for lane in lanes {
        let key = &lane.key;
        let row = params![&*key.kind, &*key.host, lane.cool_until.0, lane.cool_level, lane.last_handout.0];
        upsert.one(row, format_args!("{} {}", key.kind, key.host))?;
    }
    Ok(())
}

pub(super) fn put_hosts(conn: &Connection, hosts: &[HostPolicy]) -> Result<(), Failure> {
    let mut upsert = Group::new(
        conn,
        "put into host",
        "INSERT INTO host (host, min_interval_ms, max_concurrency) VALUES (?1, ?2, ?3)
         ON CONFLICT (host) DO UPDATE SET min_interval_ms = ?2, max_concurrency = ?3",
    )?;
    for host in hosts {
        upsert.one(params![&*host.host, host.min_interval_ms, host.max_concurrency], &host.host)?;
    }
    Ok(())
}
