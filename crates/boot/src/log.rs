//! Logs: to standard error, one line an event, levels by `UKAI_LOG`.

use crate::process::Usage;
use std::io::IsTerminal;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

/// The most that libraries tell, whatever is asked for: below it the socket libraries print tokens, and the bus's tells
/// what our own log tells.
const AT_MOST: [(&str, LevelFilter); 6] = [
    ("socketioxide", LevelFilter::INFO),
    ("engineioxide", LevelFilter::INFO),
    ("chromiumoxide", LevelFilter::ERROR),
    ("tungstenite", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("async_nats", LevelFilter::WARN),
];

/// Logs what `filter` lets through, as in `info,ukai_scheduler=debug`. Harmless when called again.
///
/// # Errors
/// The filter can't be read.
pub fn init(filter: &str, json: bool) -> Result<(), Usage> {
    let (asked, at_most) = filters(filter)?;
    let registry = tracing_subscriber::registry().with(at_most).with(asked);
    let _already = if json {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
    Ok(())
}

/// What is asked for, and what bounds it: an event must pass both.
fn filters(text: &str) -> Result<(EnvFilter, Targets), Usage> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    for word in parts.filter(|part| !part.contains(['=', '[', ']', '{', '}'])) {
        // Alone it would be a target, and everything else silent.
        if word.parse::<LevelFilter>().is_err() {
            return Err(Usage(format!(
                "--log: {word} is no level: error, warn, info, debug, trace or off, or TARGET=LEVEL"
            )));
        }
    }
    let asked =
        EnvFilter::try_new(text).map_err(|error| Usage(format!("--log: {text} can't be read: {error}")))?;
    let most = asked.max_level_hint().unwrap_or(LevelFilter::TRACE);
    let at_most = AT_MOST.map(|(target, level)| (target, level.min(most)));
    Ok((asked, Targets::new().with_default(most).with_targets(at_most)))
}

#[cfg(test)]
mod tests {
    use super::{SubscriberExt, filters};
    use tracing::Level;

    /// Whether these are let through: ours, and of two libraries, each at this level.
    fn passes(filter: &str, level: Level) -> [bool; 3] {
        let (asked, at_most) = filters(filter).unwrap();
        let registry = tracing_subscriber::registry().with(at_most).with(asked);
        tracing::subscriber::with_default(registry, || match level {
            Level::ERROR => [
                tracing::enabled!(target: "ukai_scheduler", Level::ERROR),
                tracing::enabled!(target: "hyper::server", Level::ERROR),
                tracing::enabled!(target: "async_nats", Level::ERROR),
            ],
            Level::INFO => [
                tracing::enabled!(target: "ukai_scheduler", Level::INFO),
                tracing::enabled!(target: "hyper::server", Level::INFO),
                tracing::enabled!(target: "async_nats", Level::INFO),
            ],
            _ => [
                tracing::enabled!(target: "ukai_scheduler", Level::DEBUG),
                tracing::enabled!(target: "hyper::server", Level::DEBUG),
                tracing::enabled!(target: "async_nats", Level::DEBUG),
            ],
        })
    }

    #[test]
    fn libraries_tell_no_more_than_they_are_asked_and_no_more_than_they_may() {
        assert_eq!(passes("error", Level::ERROR), [true, true, true]);
        assert_eq!(passes("error", Level::INFO), [false, false, false]);
        assert_eq!(passes("info", Level::INFO), [true, true, false]);
        assert_eq!(passes("trace", Level::DEBUG), [true, false, false]);
        assert_eq!(passes("warn,hyper=debug", Level::DEBUG), [false, false, false]);
        assert_eq!(passes("warn,hyper=debug", Level::INFO), [false, true, false]);
        assert_eq!(passes("warn,ukai_scheduler=debug", Level::DEBUG), [true, false, false]);
        assert_eq!(passes("off", Level::ERROR), [false, false, false]);
    }

    #[test]
    fn a_filter_that_can_not_be_read_is_refused_by_name() {
        for wrong in ["inof", "info,ukai_scheduler", "ukai_scheduler=loud", "info,=,=", "[", "verbose,info"] {
            let refusal = filters(wrong).unwrap_err().to_string();
            assert!(refusal.starts_with("--log: "), "{wrong}: {refusal}");
        }
        for good in ["", "INFO", "off", "3", "info,ukai_scheduler=debug", "warn,[commit]=debug"] {
            assert!(filters(good).is_ok(), "{good}");
        }
    }
}
