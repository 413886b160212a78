//! Pushes to workers, as the bus carries them.

use crate::v1;
use ukai_domain::scheduler::{Push, PushMessage};
use ukai_domain::{Timestamp, WorkerConfig};

/// `now` is told to the worker at its registration.
#[must_use]
pub fn push_to_proto(push: &Push, now: Timestamp) -> v1::Push {
    use v1::push::Message;
    let message = match &push.message {
        PushMessage::Registered { worker, heartbeat_interval, task_timeout, config } => {
            Message::Registered(v1::Registered {
                worker: worker.as_bytes().to_vec(),
                heartbeat_interval_ms: millis(*heartbeat_interval),
                task_timeout_ms: millis(*task_timeout),
                config: config_json(config),
                server_time: now.0,
            })
        }
        PushMessage::Assigned { body, run, attempt, assigned_at, deadline, crawl } => {
            Message::Assigned(v1::Assigned {
                task: body.id.as_bytes().to_vec(),
                run: run.0,
                attempt: u32::from(*attempt),
                url: body.url.clone(),
                priority: u32::from(body.priority),
                kind: body.lane.kind.to_string(),
                job: body.job.as_bytes().to_vec(),
                assigned_at: assigned_at.0,
                deadline: deadline.0,
                options: body.options.clone(),
                crawl: crawl.as_deref().map(crate::crawl_json),
                traceparent: body.trace.as_deref().map(str::to_owned),
            })
        }
        PushMessage::Cancelled { task, run, reason } => Message::Cancelled(v1::Cancelled {
            task: task.as_bytes().to_vec(),
            run: run.0,
            reason: reason.clone(),
        }),
        PushMessage::ConfigUpdate { config, reset } => {
            let config = config_json(config);
            Message::ConfigUpdate(v1::ConfigUpdate { config, reset: *reset, screenshot: None })
        }
        PushMessage::Screenshot { task, run } => Message::ConfigUpdate(v1::ConfigUpdate {
            config: "{}".to_owned(),
            reset: false,
            screenshot: Some(v1::LeaseRef { task: task.as_bytes().to_vec(), run: run.0 }),
        }),
        PushMessage::Drop { code, message } => {
            Message::Drop(v1::Drop { code: code.as_str().to_owned(), message: message.clone() })
        }
    };
    v1::Push { session: push.session.as_bytes().to_vec(), message: Some(message) }
}

fn config_json(config: &WorkerConfig) -> String {
    serde_json::to_string(config).unwrap_or_else(|_| "{}".to_owned())
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
