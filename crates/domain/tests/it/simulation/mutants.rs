//! The checker's self-test: each deliberate mistake must be caught within a few hundred seeds.

use super::STEPS;
use super::world::{Mutant, World};
use std::panic::AssertUnwindSafe;

fn is_caught(mutant: Mutant) -> Option<u64> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let caught = (0..400).find(|seed| {
        std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(*seed, mutant);
            for _ in 0..STEPS {
                world.act();
            }
        }))
        .is_err()
    });
    std::panic::set_hook(hook);
    caught
}

macro_rules! mutants {
    ($($name:ident: $mutant:ident;)*) => {
        $(#[test]
        fn $name() {
            let seed = is_caught(Mutant::$mutant);
            assert!(seed.is_some(), "{:?} was not caught", Mutant::$mutant);
            println!("{:?} caught by seed {}", Mutant::$mutant, seed.unwrap_or_default());
        })*
    };
}

mutants! {
    fence_dropped: FenceDropped;
    ack_before_commit: AckBeforeCommit;
    effects_before_commit: EffectsBeforeCommit;
    answer_without_epoch_check: AnswerWithoutEpochCheck;
    no_requeue: NoRequeue;
    event_number_reused: EventNumberReused;
    commit_looked_up: CommitLookedUp;
    links_lost: LinksLost;
    pages_forgotten: PagesForgotten;
}
