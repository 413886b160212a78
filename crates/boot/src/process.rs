//! A service as a process: logs, runtime, stop signal, exit code.

use crate::config::{Log, Otlp};
use crate::trace::{Telemetry, Tracer};
use crate::{Shutdown, init_log, init_tls};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// What `--help` of a service says about exit codes.
pub const EXIT_CODES: &str =
    "Exit codes: 0 stopped in order, 1 failed, 2 wrong usage, 130 told twice to stop.";

/// Between two tries to reach what a process can't start without.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// Between two log lines about it.
const SAY_EVERY: u32 = 10;

/// It can't be started like this: one sentence that names the setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Runs `service` until it ends, by itself or by SIGTERM or Ctrl-C, and says with which code the process ends:
/// 0 in order, 2 for [`Usage`], else 1. A failure stands on standard error, in one line. The last spans leave after the
/// service's end.
pub fn run<F>(
    name: &'static str,
    log: &Log,
    otlp: &Otlp,
    service: impl FnOnce(Shutdown, Tracer) -> F,
) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>>,
{
    init_tls();
    if let Err(usage) = init_log(&log.log, log.log_json) {
        return failed(name, &usage.into());
    }
    let telemetry = match Telemetry::start(name, otlp) {
        Ok(telemetry) => telemetry,
        Err(usage) => return failed(name, &usage.into()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(name, &error.into()),
    };
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.listen()?;
        let ended = Box::pin(service(shutdown, telemetry.tracer())).await;
        telemetry.stop().await;
        ended
    });
    // Whatever still hangs in a blocking call doesn't hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(name, &error),
    }
}

/// Tries `reach` until it works, a failure isn't one `that_passes`, `limit` is over, or the process is to stop
/// (`None`).
///
/// # Errors
/// The last failure.
pub async fn persist<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    what: &str,
    limit: Duration,
    shutdown: &Shutdown,
    that_passes: impl Fn(&E) -> bool,
    mut reach: impl FnMut() -> F,
) -> Result<Option<T>, E> {
    let until = tokio::time::Instant::now() + limit;
    for n in 0.. {
        let error = tokio::select! {
            () = shutdown.stopping() => return Ok(None),
            reached = reach() => match reached {
                Ok(reached) => return Ok(Some(reached)),
                Err(error) => error,
            },
        };
        if !that_passes(&error) || tokio::time::Instant::now() > until {
            return Err(error);
        }
        if n % SAY_EVERY == 0 {
            tracing::warn!(%error, "{what} can't be reached yet");
        }
        tokio::select! {
            () = shutdown.stopping() => return Ok(None),
            () = tokio::time::sleep(RETRY_EVERY) => {}
        }
    }
    Ok(None)
}

fn failed(name: &str, error: &anyhow::Error) -> ExitCode {
    let _nowhere_to_write = writeln!(std::io::stderr().lock(), "{name}: {error:#}");
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_passes_is_tried_again_and_what_does_not_is_not() {
        let stop = Shutdown::new();
        let mut tries = 0;
        let reached = persist(
            "it",
            Duration::from_secs(60),
            &stop,
            |_: &&str| true,
            || {
                tries += 1;
                let now = tries;
                async move { if now < 2 { Err("away") } else { Ok(now) } }
            },
        );
        assert_eq!(reached.await, Ok(Some(2)));
        let limit = Duration::from_secs(60);
        let wrong = persist("it", limit, &stop, |_| false, || async { Err::<(), _>("wrong") });
        assert_eq!(wrong.await, Err("wrong"));
        let limit = Duration::from_millis(100);
        let begun = tokio::time::Instant::now();
        let away = persist("it", limit, &stop, |_| true, || async { Err::<(), _>("away") });
        assert_eq!(away.await, Err("away"));
        assert!(begun.elapsed() >= limit && begun.elapsed() < limit * 50);
        stop.stop();
        let stopped = persist("it", limit, &stop, |_| true, || async { Err::<(), _>("away") });
        assert_eq!(stopped.await, Ok(None));
    }
}
