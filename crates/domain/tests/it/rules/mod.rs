//! The rules, one test each: what a leader does with every word, command and passing of time.

mod blocked;
mod cancel;
mod connections;
mod crawl;
mod delayed;
mod events;
mod idempotency;
mod jobs;
mod lanes;
mod liveness;
mod placement;
mod poison;
mod reports;
mod retry;
mod searches;
mod slots;
mod takeover;
mod views;
mod why;
mod workers;
