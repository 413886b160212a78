//! Bytes of a peer that make no sense.

/// Names the field that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0}")]
pub struct Malformed(pub &'static str);

macro_rules! id_from {
    ($fn_name:ident, $type:ident) => {
        pub(crate) fn $fn_name(bytes: &[u8]) -> Result<ukai_domain::$type, Malformed> {
            ukai_domain::$type::from_slice(bytes).ok_or(Malformed(stringify!($type)))
        }
    };
}

id_from!(task_id, TaskId);
id_from!(worker_id, WorkerId);
id_from!(session_id, SessionId);
id_from!(gateway_id, GatewayId);
