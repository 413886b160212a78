//! Where spans go, if anywhere.

use crate::process::Usage;
use clap::Args;
use std::fmt;

/// The export of spans by OTLP over gRPC.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Traces")]
pub struct Otlp {
    /// An OpenTelemetry collector that takes OTLP over gRPC: http://host:4317 or https://… (also
    /// OTEL_EXPORTER_OTLP_ENDPOINT). Without one nothing is traced.
    #[arg(long, env = "UKAI_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// The usual name of `otlp_endpoint`: read through [`Otlp::endpoint`].
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide = true)]
    pub otel_exporter_otlp_endpoint: Option<String>,

    /// The part of requests without a trace of their own that begins one, from 0 to 1. A request that comes with a
    /// traceparent is traced as that says.
    #[arg(long, env = "UKAI_OTLP_SAMPLE", value_name = "RATIO")]
    pub otlp_sample: Option<f64>,

    /// How this process is called among others of its service (service.instance.id) [default: the machine's name and
    /// the process's number].
    #[arg(long, env = "UKAI_OTLP_INSTANCE", value_name = "NAME")]
    pub otlp_instance: Option<String>,
}

impl Otlp {
    /// The endpoint under either of its names; an empty one is none.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        let names = [self.otlp_endpoint.as_deref(), self.otel_exporter_otlp_endpoint.as_deref()];
        names.into_iter().flatten().find(|endpoint| !endpoint.is_empty())
    }

    /// The part of requests that begin a trace: all, where nothing else is said.
    #[must_use]
    pub fn sample(&self) -> f64 {
        self.otlp_sample.unwrap_or(1.0)
    }

    /// Errors: one sentence that names the setting. The address may hold a password, so it isn't repeated.
    pub fn check(&self) -> Result<(), Usage> {
        if !(0.0..=1.0).contains(&self.sample()) {
            return Err(Usage(format!("--otlp-sample must lie between 0 and 1, not {}", self.sample())));
        }
        let Some(endpoint) = self.endpoint() else { return Ok(()) };
        let is_address = endpoint.parse::<http::Uri>().is_ok_and(|uri| {
            uri.host().is_some_and(|host| !host.is_empty())
                && matches!(uri.scheme_str(), Some("http" | "https"))
        });
        if is_address {
            return Ok(());
        }
        Err(Usage("--otlp-endpoint must be an address like http://collector:4317".to_owned()))
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp")
            .field("is_on", &self.endpoint().is_some())
            .field("sample", &self.sample())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Otlp;

    #[test]
    fn the_newer_name_counts_and_wrong_values_are_refused_by_name() {
        let endpoint = |ours: Option<&str>, usual: Option<&str>| Otlp {
            otlp_endpoint: ours.map(str::to_owned),
            otel_exporter_otlp_endpoint: usual.map(str::to_owned),
            ..Otlp::default()
        };
        assert_eq!(endpoint(None, None).endpoint(), None);
        assert_eq!(endpoint(Some(""), None).endpoint(), None);
        assert_eq!(endpoint(Some(""), Some("http://b:4317")).endpoint(), Some("http://b:4317"));
        assert_eq!(endpoint(None, Some("http://b:4317")).endpoint(), Some("http://b:4317"));
        assert_eq!(endpoint(Some("http://a:4317"), Some("http://b:4317")).endpoint(), Some("http://a:4317"));
        for good in ["http://[::1]:4317", "https://u:secret@collector.example"] {
            assert!(endpoint(Some(good), None).check().is_ok(), "{good}");
        }
        for bad in ["collector:4317", "secret", "grpc://secret:4317", "http://"] {
            let refusal = endpoint(Some(bad), None).check().unwrap_err().to_string();
            assert!(refusal.contains("--otlp-endpoint") && !refusal.contains("secret"), "{refusal}");
        }
        for bad in [-0.1, 1.1, f64::NAN] {
            let refusal = Otlp { otlp_sample: Some(bad), ..Otlp::default() }.check().unwrap_err();
            assert!(refusal.to_string().contains("--otlp-sample"), "{refusal}");
        }
        assert!(!format!("{:?}", endpoint(Some("http://u:secret@a"), None)).contains("secret"));
    }
}
