//! The core set of rows, one seed each; the whole table is `make test-faults`.

use ukai_faults::row;

/// Whoever runs the tests may do other things meanwhile; the table is measured without.
const SLACK: std::time::Duration = std::time::Duration::from_secs(4);

/// Runs one row; its bounds and the checker's word are its own.
async fn holds(name: &str) -> anyhow::Result<()> {
    let row = row(name).ok_or_else(|| anyhow::anyhow!("there is no row {name}"))?;
    row.run(1, SLACK).await.map(|_| ())
}

macro_rules! core {
    ($($test:ident $name:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() -> anyhow::Result<()> {
                holds($name).await
            }
        )*
    };
}

core! {
    f01_api_killed_before_the_commit "F01",
    f02_api_killed_before_the_reply "F02",
    f03_leader_killed_before_a_commit "F03",
    f04_leader_killed_before_its_effects "F04",
    f06_leader_killed_before_reports_are_answered "F06",
    f08_gateway_killed "F08",
    f09_gateway_killed_before_the_bus "F09",
    f11_worker_killed "F11",
    f12_worker_killed_before_the_answer "F12",
    f10_monitors_killed "F10",
    f15_bus_restarted "F15",
    f17_database_killed "F17",
    f19_standby_takes_its_place "F19",
    f23_slow_and_late_workers "F23",
    f24_late_result "F24",
    f25_one_result_many_times "F25",
    f28_rolling_restart "F28b",
    f29_gateway_cut_from_the_bus "F29",
    f33_words_of_others "F33",
    f34_revoked "F34",
    f35_asked_to_end "F35",
    f37_poison "F37",
    f38_cancel_races "F38",
    f41_migrations "F41",
    f43_deposed_with_a_commit_under_way "F43",
    f44_unstorable_reports "F44",
    f45_beats_and_never_answers "F45",
    f46_monitor_stalled "F46",
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = ukai_faults::rows().iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ukai_faults::rows().len());
}
