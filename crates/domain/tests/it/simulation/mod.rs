//! Thousands of seeded runs of a leader, its store, workers and operators, with everything going wrong that can:
//! crashes before and after commits, lost commit replies, leader changes, lost, late, repeated and reordered
//! messages, dead and half-dead workers. After every step the predicates of `scheduler::faults`, of the store
//! and of the world are checked.

mod mutants;
pub(crate) mod site;
pub(crate) mod store;
mod worker;
mod world;

use std::collections::BTreeMap;
use world::{Mutant, World};

const STEPS: usize = 500;

/// How often a task in a state met an input: every reachable pair must occur.
pub(crate) type Hits = BTreeMap<(&'static str, &'static str), u64>;

fn run(seeds: std::ops::Range<u64>) {
    let mut hits = Hits::new();
    for seed in seeds {
        let mut world = World::new(seed, Mutant::None);
        for _ in 0..STEPS {
            world.act();
        }
        world.quiesce();
        for (pair, n) in world.hits {
            *hits.entry(pair).or_default() += n;
        }
    }
    for (pair, n) in &hits {
        println!("{:>12} {:<14} {n:>9}", pair.0, pair.1);
    }
    for input in ["kept", "expanded", "dropped", "takeover", "paused"] {
        assert!(hits.get(&("links", input)).is_some_and(|n| *n > 0), "no hit of {input} on links");
    }
    let states = ["ready", "delayed", "assigned", "running", "completed", "failed", "cancelled"];
    let inputs = ["started", "completed", "failed", "cancel", "retry", "purge", "why"];
    for state in states {
        for input in inputs {
            assert!(hits.get(&(state, input)).is_some_and(|n| *n > 0), "no hit of {input} on {state}");
        }
    }
}

/// Split so that the test runner uses every core.
macro_rules! simulations {
    ($($name:ident: $seeds:expr;)*) => {
        $(#[test]
        fn $name() {
            run($seeds);
        })*
    };
}

simulations! {
    seeds_0_to_500: 0..500;
    seeds_500_to_1000: 500..1_000;
    seeds_1000_to_1500: 1_000..1_500;
    seeds_1500_to_2000: 1_500..2_000;
}
