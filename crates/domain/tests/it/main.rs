//! The scheduler core from outside: rules as properties, and the simulation.

mod fairness;
mod kit;
mod rules;
mod simulation;
