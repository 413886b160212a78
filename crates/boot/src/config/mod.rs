//! Groups of settings that several processes have. Each setting has a flag and a variable `UKAI_…`.

mod access;
mod otlp;
mod places;
mod retention;
mod times;

pub use access::{Auth, Enrolment, InternalToken, Origins, TrustedProxies, check_admin_key, check_auth};
pub use otlp::Otlp;
pub use places::{Database, Log, MetricsListen};
pub use retention::Retention;
pub use times::Times;
