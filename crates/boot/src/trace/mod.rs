//! Traces: spans that follow a task from the request through all processes, exported by OTLP.
//!
//! A place in a trace travels as the text of a W3C `traceparent`: in metadata of calls, in headers of the bus, in the
//! queue. Only sampled traces travel, so a text that is there means that spans are wanted, and where there is none
//! nothing is done.

mod current;
mod export;
mod grpc;
mod parent;
mod queue;
mod telemetry;
mod tracer;

pub use current::{current, within};
pub use grpc::{CallSpans, Parent, ServedSpans, ServedSpansLayer};
pub use opentelemetry::Value;
pub use opentelemetry::trace::SpanKind;
pub use parent::{HEADER, Traceparent, is_sampled};
pub use telemetry::Telemetry;
pub use tracer::{Span, Tracer};
