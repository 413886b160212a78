//! `worker:registered`, and the stored config after it where there is one.

use crate::session::Session;
use crate::shared::Shared;
use std::sync::Arc;
use ukai_domain::{Timestamp, WorkerId};
use ukai_rpc::v1;
use ukai_wire::workers::{ConfigUpdate, RegisteredConfig, WorkerRegistered, event};

/// Once a session: a new leader that registers it again changes nothing for the worker.
pub(super) fn emit(shared: &Arc<Shared>, session: &Session, registered: &v1::Registered) {
    let Some(worker_id) = WorkerId::from_slice(&registered.worker) else { return };
    {
        let mut state = session.lock();
        state.worker = Some(worker_id);
        if std::mem::replace(&mut state.is_registered, true) {
            return;
        }
    }
    tracing::info!(session.id = %session.id, worker.id = %worker_id, "worker registered");
    let message = WorkerRegistered {
        worker_id,
        server_time: Timestamp(registered.server_time),
        config: RegisteredConfig {
            heartbeat_interval: registered.heartbeat_interval_ms,
            task_timeout: registered.task_timeout_ms,
        },
    };
    if super::emit(shared, session, event::REGISTERED, &message)
        && let Some(config) = ConfigUpdate::new(&registered.config, false)
    {
        super::emit(shared, session, event::CONFIG_UPDATE, &config);
    }
}
