//! The tracing of one process, from its settings to its last span.

use super::export::{EXPORT_LIMIT, Export, LAST_EXPORTS};
use super::queue::{CAPACITY, Counters, Queue};
use super::tracer::Tracer;
use crate::config::Otlp;
use crate::process::Usage;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanExporter as _, SpanLimits};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Bounds of one span.
const LIMITS: SpanLimits = SpanLimits {
    max_events_per_span: 8,
    max_attributes_per_span: 32,
    max_links_per_span: 32,
    max_attributes_per_event: 8,
    max_attributes_per_link: 8,
};

/// The tracer of a process and what exports its spans.
#[derive(Debug, Default)]
pub struct Telemetry {
    tracer: Tracer,
    exporter: Option<Exporter>,
}

#[derive(Debug)]
struct Exporter {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Telemetry {
    /// Begins to export where the settings name a collector; it need not be there.
    ///
    /// # Errors
    /// A setting that can't be used, by its name.
    pub fn start(service: &'static str, otlp: &Otlp) -> Result<Self, Usage> {
        otlp.check()?;
        let Some(endpoint) = otlp.endpoint() else { return Ok(Self::default()) };
        crate::init_tls();
        let unusable = |error: &dyn std::fmt::Display| Usage(format!("--otlp-endpoint: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unusable(&error))?;
        let built = {
            let _of_the_exporter = runtime.enter();
            SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .with_timeout(EXPORT_LIMIT)
                .with_retry_policy(RetryPolicy::recommended().with_max_retries(1))
                .build()
        };
        let mut exporter = match built {
            Ok(exporter) => exporter,
            Err(error) => {
                runtime.shutdown_background();
                return Err(unusable(&error));
            }
        };
        let resource = resource(service, otlp);
        exporter.set_resource(&resource);
        let (spans, ended) = mpsc::channel(CAPACITY);
        let (stop, stopping) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        let counters = Counters::default();
        let export = Export { exporter, spans: ended, counters: counters.clone(), is_away: false };
        let thread = std::thread::Builder::new().name("otlp".to_owned()).spawn(move || {
            runtime.block_on(export.run(stopping));
            runtime.shutdown_background();
            let _nobody_waits = done.send(());
        });
        thread.map_err(|error| unusable(&error))?;
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Queue { spans, counters: counters.clone() })
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(otlp.sample()))))
            .with_span_limits(LIMITS)
            .with_resource(resource)
            .build();
        let tracer = Tracer::new(provider, counters);
        Ok(Self { tracer, exporter: Some(Exporter { stop, stopped }) })
    }

    /// What begins spans; off where there is no collector.
    #[must_use]
    pub fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// Exports what waits, within less than five seconds, whatever the collector does.
    pub async fn stop(self) {
        let Some(Exporter { stop, stopped }) = self.exporter else { return };
        let _has_ended = stop.send(());
        let _given_up = tokio::time::timeout(LAST_EXPORTS + Duration::from_millis(500), stopped).await;
    }
}

fn resource(service: &'static str, otlp: &Otlp) -> Resource {
    let instance = otlp
        .otlp_instance
        .clone()
        .unwrap_or_else(|| format!("{}-{}", crate::machine_name().unwrap_or_default(), std::process::id()));
    Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.namespace", "ukai"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", instance))
        .build()
}
