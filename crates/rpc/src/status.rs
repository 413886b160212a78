//! Refusals as gRPC statuses and back, by the domain's one list of codes.

use tonic::metadata::MetadataValue;
use tonic::{Code as Grpc, Status};
use ukai_domain::{Code, Rejection};

/// Metadata key that carries the domain's code.
pub const CODE_METADATA: &str = "ukai-code";
/// Metadata key with which a standby names the leader's address.
pub const LEADER_METADATA: &str = "ukai-leader";
/// Metadata key of a standby's refusal: who was asked doesn't lead and did nothing, so another may be asked.
pub const STANDBY_METADATA: &str = "ukai-standby";

/// The status of a refusal.
#[must_use]
pub fn status_from_rejection(rejection: &Rejection) -> Status {
    let grpc = match rejection.code {
        Code::InvalidPayload
        | Code::MethodNotAllowed
        | Code::PayloadTooLarge
        | Code::UnsupportedMediaType => Grpc::InvalidArgument,
        Code::AuthFailed => Grpc::Unauthenticated,
        Code::Forbidden => Grpc::PermissionDenied,
        Code::TaskNotFound | Code::WorkerNotFound | Code::JobNotFound | Code::NotFound => Grpc::NotFound,
        Code::Conflict | Code::StaleRun => Grpc::FailedPrecondition,
        Code::RateLimited | Code::StorageFull => Grpc::ResourceExhausted,
        Code::InternalError => Grpc::Internal,
        Code::Unavailable => Grpc::Unavailable,
    };
    let mut status = Status::new(grpc, rejection.message.clone());
    if let Ok(value) = rejection.code.as_str().parse() {
        status.metadata_mut().insert(CODE_METADATA, value);
    }
    status
}

/// Nobody answers this call now; its outcome is unknown.
#[must_use]
pub fn unavailable(message: &str) -> Status {
    status_from_rejection(&Rejection::new(Code::Unavailable, message))
}

/// A standby's answer: nothing was done, ask `leader`, where it is known.
#[must_use]
pub fn standing_by(leader: Option<&str>) -> Status {
    let mut status = unavailable("this scheduler stands by, another one leads or will");
    status.metadata_mut().insert(STANDBY_METADATA, MetadataValue::from_static("1"));
    if let Some(value) = leader.filter(|leader| !leader.is_empty()).and_then(|leader| leader.parse().ok()) {
        status.metadata_mut().insert(LEADER_METADATA, value);
    }
    status
}

/// The refusal in a status. A status without our code is a transport's: unavailable or internal.
#[must_use]
pub fn rejection_from_status(status: &Status) -> Rejection {
    let ours = status.metadata().get(CODE_METADATA).and_then(|v| v.to_str().ok()).and_then(Code::parse);
    let code = ours.unwrap_or(match status.code() {
        Grpc::Unavailable | Grpc::Cancelled | Grpc::DeadlineExceeded => Code::Unavailable,
        _ => Code::InternalError,
    });
    let message = if ours.is_some() {
        status.message().to_owned()
    } else if code == Code::Unavailable {
        "no scheduler leads right now, try again".to_owned()
    } else {
        "internal error".to_owned()
    };
    Rejection::new(code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_way() {
        for code in Code::ALL {
            let rejection = Rejection::new(code, "why");
            assert_eq!(rejection_from_status(&status_from_rejection(&rejection)), rejection);
        }
    }

    #[test]
    fn foreign_statuses_leak_nothing() {
        let rejection = rejection_from_status(&Status::internal("secret path"));
        assert_eq!(rejection, Rejection::new(Code::InternalError, "internal error"));
    }
}
