//! The core set of rows, quick ones with three seeds; the whole table is `make test-faults`.

use anyhow::Context;
use ukai_faults::{Size, Trial, row};

/// Whoever runs the tests may do other things meanwhile; the table is measured without.
const SLACK: std::time::Duration = std::time::Duration::from_secs(4);

/// Runs one row with its first seeds; its bounds and the checker's word are its own.
async fn holds(name: &str, seeds: u64) -> anyhow::Result<()> {
    let row = row(name).ok_or_else(|| anyhow::anyhow!("there is no row {name}"))?;
    for seed in 1..=seeds {
        row.run(Trial { seed, size: Size::SMALL }, SLACK).await.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

macro_rules! core {
    ($($test:ident $name:literal $seeds:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() -> anyhow::Result<()> {
                holds($name, $seeds).await
            }
        )*
    };
}

core! {
    f01_api_killed_before_the_commit "F01" 3,
    f02_api_killed_before_the_reply "F02" 3,
    f03_leader_killed_before_a_commit "F03" 1,
    f04_leader_killed_before_its_effects "F04" 1,
    f06_leader_killed_before_reports_are_answered "F06" 1,
    f08_gateway_killed "F08" 1,
    f09_gateway_killed_before_the_bus "F09" 1,
    f11_worker_killed "F11" 1,
    f12_worker_killed_before_the_answer "F12" 3,
    f10_monitors_killed "F10" 1,
    f15_bus_restarted "F15" 1,
    f17_database_killed "F17" 1,
    f19_standby_takes_its_place "F19" 1,
    f23_slow_and_late_workers "F23" 1,
    f24_late_result "F24" 1,
    f25_one_result_many_times "F25" 3,
    f28_rolling_restart "F28b" 1,
    f29_gateway_cut_from_the_bus "F29" 1,
    f33_words_of_others "F33" 3,
    f34_revoked "F34" 3,
    f35_asked_to_end "F35" 1,
    f37_poison "F37" 3,
    f38_cancel_races "F38" 1,
    f38_job_cancelled "F38b" 1,
    f41_migrations "F41" 1,
    f43_deposed_with_a_commit_under_way "F43" 1,
    f44_unstorable_reports "F44" 1,
    f45_beats_and_never_answers "F45" 1,
    f46_monitor_stalled "F46" 1,
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = ukai_faults::rows().iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ukai_faults::rows().len());
}
