#![doc = include_str!("../README.md")]

mod client;
mod command;
mod follow;
mod gateway_input;
mod malformed;
mod push;
mod status;
mod token;

pub use client::{MAX_MESSAGE, Scheduler, Transport, TransportError, scheduler_over};
pub use command::{NewJob, crawl_json, from_submit, idempotency, to_new_job, to_submit};
pub use follow::{Lookup, Patience, scheduler_of_leader, way_to_leader};
pub use gateway_input::{input_from_proto, input_to_proto, reply_to_proto};
pub use malformed::Malformed;
pub use push::push_to_proto;
pub use status::{
    CODE_METADATA, LEADER_METADATA, STANDBY_METADATA, rejection_from_status, standing_by,
    status_from_rejection, unavailable,
};
pub use token::Guard;

/// The generated code.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    unreachable_pub,
    reason = "generated; documented in proto/"
)]
pub mod v1 {
    tonic::include_proto!("ukai.v1");
}

pub use tonic::codegen::http;
