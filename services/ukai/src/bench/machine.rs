//! What the machine did meanwhile: processor time of ours and of others, and the server's own account by stage.

use std::collections::BTreeMap;
use std::fs;

use crate::client::Client;
use crate::exit::Failure;

/// The kernel's `USER_HZ`, 100 on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// Processor time in the kernel's ticks, up to a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    busy: u64,
    total: u64,
    server: u64,
    clients: u64,
    database: u64,
}

/// Shares of the whole machine between two moments, 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shares {
    pub(crate) server: f64,
    pub(crate) clients: f64,
    pub(crate) database: f64,
    pub(crate) others: f64,
    /// Seconds of one processor that the server used: what a busy machine can't distort much.
    pub(crate) server_seconds: f64,
    /// The same of PostgreSQL, where it runs on this machine.
    pub(crate) database_seconds: f64,
}

impl Cpu {
    /// Now; `database` is the process that started all of PostgreSQL's. All zero where there is no /proc.
    pub(crate) fn now(server: u32, clients: &[u32], database: Option<u32>) -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let numbers: Vec<u64> = stat
            .lines()
            .next()
            .unwrap_or("")
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|word| word.parse().ok())
            .collect();
        let idle = numbers.get(3).copied().unwrap_or(0) + numbers.get(4).copied().unwrap_or(0);
        let total: u64 = numbers.iter().sum();
        let own = process(std::process::id());
        Self {
            busy: total.saturating_sub(idle),
            total,
            server: process(server),
            clients: own + clients.iter().map(|id| process(*id)).sum::<u64>(),
            database: database.map_or(0, family),
        }
    }

    /// What happened since `earlier`.
    #[allow(clippy::cast_precision_loss)] // ticks of minutes, far below 2^52
    pub(crate) fn since(self, earlier: Self) -> Shares {
        let total = (self.total - earlier.total).max(1) as f64;
        let server = (self.server - earlier.server) as f64 / total;
        let clients = (self.clients - earlier.clients) as f64 / total;
        let in_database = self.database.saturating_sub(earlier.database) as f64;
        let database = in_database / total;
        let busy = (self.busy - earlier.busy) as f64 / total;
        let others = (busy - server - clients - database).max(0.0);
        Shares {
            server,
            clients,
            database,
            others,
            database_seconds: in_database / TICKS_A_SECOND,
            server_seconds: (self.server - earlier.server) as f64 / TICKS_A_SECOND,
        }
    }
}

/// The process that started `id`, if both are PostgreSQL's: its number may be one of another machine.
pub(crate) fn postmaster(id: u32) -> Option<u32> {
    let is_postgres = |id: u32| {
        fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim().starts_with("postgres"))
    };
    let parent = u32::try_from(parent(id)).ok()?;
    (is_postgres(id) && is_postgres(parent)).then_some(parent)
}

/// Ticks of a process, of those that it started, and of those of them that have ended.
fn family(id: u32) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let others = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let children = others.filter(|other| parent(*other) == u64::from(id));
    ticks(id, 11..15) + children.map(process).sum::<u64>()
}

fn parent(id: u32) -> u64 {
    ticks(id, 1..2)
}

/// Bytes of memory that a process has; 0 where there is no /proc.
pub(crate) fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let kilobytes = |line: &str| line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    status.lines().find(|line| line.starts_with("VmRSS:")).and_then(kilobytes).unwrap_or(0) * 1_024
}

/// User and system ticks of a process.
fn process(id: u32) -> u64 {
    ticks(id, 11..13)
}

/// The sum of fields of a process's `stat`, counted behind the name.
fn ticks(id: u32, fields: std::ops::Range<usize>) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name in brackets may hold spaces; the fields after it don't.
    let all = stat.rsplit(')').next().unwrap_or("").split_whitespace();
    all.skip(fields.start).take(fields.len()).filter_map(|word| word.parse::<u64>().ok()).sum()
}

/// The server's seconds by stage: every metric that ends in `stage_seconds_sum` or `stage_seconds_total`, by its
/// `stage` label.
pub(crate) async fn stages(client: &Client) -> Result<BTreeMap<String, f64>, Failure> {
    Ok(parse_stages(&client.text("metrics").await?))
}

/// [`stages`] of a text of metrics.
pub(crate) fn parse_stages(text: &str) -> BTreeMap<String, f64> {
    let mut stages = BTreeMap::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('{') else { continue };
        if !name.ends_with("stage_seconds_sum") && !name.ends_with("stage_seconds_total") {
            continue;
        }
        let stage =
            rest.split_once("stage=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(stage, _)| stage);
        let value = rest.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        if let (Some(stage), Some(value)) = (stage, value) {
            *stages.entry(stage.to_owned()).or_insert(0.0) += value;
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_stages_from_metrics() {
        let text = "# TYPE ukai_scheduler_stage_seconds histogram\n\
            ukai_scheduler_stage_seconds_sum{stage=\"step\"} 1.5\n\
            ukai_scheduler_stage_seconds_count{stage=\"step\"} 3\n\
            ukai_other_total{stage=\"step\"} 9\n";
        let stages = super::parse_stages(text);
        assert_eq!(stages.into_iter().collect::<Vec<_>>(), [("step".to_owned(), 1.5)]);
    }
}
