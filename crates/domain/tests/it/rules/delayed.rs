//! Tasks that wait for a time.

use crate::kit::{Kit, seconds, task};
use std::time::Duration;
use ukai_domain::Settings;
use ukai_domain::scheduler::JobAction;

#[test]
fn not_before_is_kept_to_the_millisecond() {
    let mut kit = Kit::new();
    kit.connected();
    let mut new = task("a.example", 50);
    new.not_before = Some(kit.now + seconds(5));
    let id = kit.one(new);
    assert_eq!(kit.place_word(id), "delayed");
    assert_eq!(kit.state.next_timer(), Some(kit.now + seconds(5)));
    kit.pass(Duration::from_millis(4_999));
    assert_eq!(kit.place_word(id), "delayed");
    kit.pass(Duration::from_millis(1));
    assert_eq!(kit.place_word(id), "leased");
}

#[test]
fn a_time_in_the_past_is_no_delay() {
    let mut kit = Kit::new();
    let mut new = task("a.example", 50);
    new.not_before = Some(kit.now);
    assert!(kit.submit_fresh(vec![new]).iter().all(|id| kit.place_word(*id) == "ready"));
}

#[test]
fn more_of_them_than_memory_holds_ripen_in_time() {
    let mut kit = Kit::with(Settings { delayed_window: 3, ..Settings::default() });
    kit.connected();
    let new = (0..20_u64)
        .map(|n| {
            let mut new = task("a.example", 50);
            // Neither in the order of ids nor all different.
            new.not_before = Some(kit.now + seconds(1 + (n * 7) % 10));
            new
        })
        .collect();
    let ids = kit.submit_fresh(new);
    kit.take_over();
    for second in 1..=10 {
        kit.pass(seconds(1));
        for _ in 0..20 {
            kit.step(Vec::new());
        }
        let delayed = ids.iter().filter(|id| kit.place_word(**id) == "delayed").count();
        assert_eq!(delayed, 20 - 2 * second);
    }
}

#[test]
fn a_paused_job_ripens_without_being_handed_out() {
    let mut kit = Kit::new();
    kit.connected();
    let job = kit.job(1);
    let mut new = task("a.example", 50);
    new.not_before = Some(kit.now + seconds(5));
    let id = kit.submit(job, vec![new])[0];
    kit.control(job, JobAction::Pause).unwrap();
    kit.pass(seconds(6));
    assert_eq!(kit.place_word(id), "ready");
    kit.control(job, JobAction::Resume).unwrap();
    assert_eq!(kit.place_word(id), "leased");
}
