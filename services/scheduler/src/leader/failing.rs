//! The step, and what it would be with a bug: an input that a test names makes it panic. No build that ships has this.

use ukai_domain::Timestamp;
use ukai_domain::scheduler::{Input, Prefetched, Report, State, Step, Token, Word, step as sound_step};

/// Steps, unless one of the inputs is bad: then those before it are in memory, and it panics.
pub(super) fn step(
    state: &mut State,
    mut inputs: Vec<(Token, Input)>,
    prefetched: Prefetched,
    now: Timestamp,
) -> Step {
    let bad = inputs.iter().position(|(_, input)| is_bad(input));
    let before = inputs.len().min(bad.unwrap_or(usize::MAX));
    inputs.truncate(before);
    let step = sound_step(state, inputs, prefetched, now);
    assert!(bad.is_none(), "an input that a test has named");
    step
}

/// With `FAILPOINTS=step-panics=return(WORD)`: a failure whose message has the word.
fn is_bad(input: &Input) -> bool {
    let Input::Report(Report { word: Word::Failed { error, .. }, .. }) = input else { return false };
    fail::fail_point!("step-panics", |word| word.is_some_and(|word| error.message.contains(&word)));
    false
}
