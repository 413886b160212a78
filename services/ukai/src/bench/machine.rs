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
}

/// Shares of the whole machine between two moments, 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shares {
    pub(crate) server: f64,
    pub(crate) clients: f64,
    pub(crate) others: f64,
    /// Seconds of one processor that the server used: what a busy machine can't distort much.
    pub(crate) server_seconds: f64,
}

impl Cpu {
    /// Now. All zero where there is no /proc.
    pub(crate) fn now(server: u32, clients: &[u32]) -> Self {
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
        }
    }

    /// What happened since `earlier`.
    #[allow(clippy::cast_precision_loss)] // ticks of minutes, far below 2^52
    pub(crate) fn since(self, earlier: Self) -> Shares {
        let total = (self.total - earlier.total).max(1) as f64;
        let server = (self.server - earlier.server) as f64 / total;
        let clients = (self.clients - earlier.clients) as f64 / total;
        let busy = (self.busy - earlier.busy) as f64 / total;
        let others = (busy - server - clients).max(0.0);
        Shares {
            server,
            clients,
            others,
            server_seconds: (self.server - earlier.server) as f64 / TICKS_A_SECOND,
        }
    }
}

/// User and system ticks of a process.
fn process(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name in brackets may hold spaces; the fields after it don't.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let field = |n: usize| fields.get(n).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    field(11) + field(12)
}

/// The server's seconds by stage: every metric that ends in `stage_seconds_sum` or `stage_seconds_total`, by its
/// `stage` label.
pub(crate) async fn stages(client: &Client) -> Result<BTreeMap<String, f64>, Failure> {
    Ok(parse_stages(&client.text("metrics").await?))
}

fn parse_stages(text: &str) -> BTreeMap<String, f64> {
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
