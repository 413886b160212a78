//! The configuration that ships: each service's user can do what it needs, and is refused the rest.

use crate::world::{answer, connected, soon, until};
use bytes::Bytes;
use prometheus_client::registry::Registry;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ukai_bus::{Bus, BusError, ConnectError, HEARTBEATS, NatsBus, NatsOptions, SCHEDULER_IN};
use ukai_testkit::nats::NatsServer;

const PASSWORDS: [(&str, &str); 4] = [
    ("UKAI_NATS_SCHEDULER_PASSWORD", "of-scheduler"),
    ("UKAI_NATS_GATEWAY_PASSWORD", "of-gateway"),
    ("UKAI_NATS_MONITOR_PASSWORD", "of-monitor"),
    ("UKAI_NATS_API_PASSWORD", "of-api"),
];
const LONG: Duration = Duration::from_secs(10);

fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nats/nats.conf")
}

struct Service {
    bus: Arc<NatsBus>,
    registry: Registry,
}

impl Service {
    async fn connect(server: &NatsServer, user: &str) -> Self {
        let mut registry = Registry::default();
        let url = format!("nats://{user}:of-{user}@{}", server.address());
        // Whatever a process calls itself: its inbox goes by the user.
        let options = NatsOptions::new(&url, "process").unwrap();
        let bus = NatsBus::connect(options, &mut registry).await.unwrap();
        connected(&*bus).await;
        Self { bus, registry }
    }

    fn refused(&self) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix("ukai_bus_refused_total "));
        found.unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn each_service_can_do_what_it_needs() {
    let server = NatsServer::with_config(&shipped(), &PASSWORDS).unwrap();
    let scheduler = Service::connect(&server, "scheduler").await;
    let gateway = Service::connect(&server, "gateway").await;
    let monitor = Service::connect(&server, "monitor").await;
    let api = Service::connect(&server, "api").await;
    let _leading = answer(scheduler.bus.serve(SCHEDULER_IN).await.unwrap(), "leader");
    let _pushed = answer(gateway.bus.serve("ukai.v1.gateway.1").await.unwrap(), "gateway");
    for _ in 0..3 {
        let reply = gateway.bus.request(SCHEDULER_IN, Bytes::new(), LONG).await;
        assert_eq!(reply.unwrap(), "leader");
        let reply = scheduler.bus.request("ukai.v1.gateway.1", Bytes::new(), LONG).await;
        assert_eq!(reply.unwrap(), "gateway");
    }
    assert_eq!(
        scheduler.bus.request("ukai.v1.gateway.2", Bytes::new(), LONG).await,
        Err(BusError::NoResponders)
    );
    let mut digests = Vec::new();
    for service in [&scheduler, &gateway, &monitor] {
        digests.push(service.bus.subscribe(HEARTBEATS).await.unwrap());
    }
    gateway.bus.publish(HEARTBEATS, Bytes::from_static(b"heard")).await.unwrap();
    for digest in &mut digests {
        assert_eq!(soon(digest.next()).await.unwrap().payload, "heard");
    }
    let mut events = Vec::new();
    for service in [&gateway, &api] {
        events.push(service.bus.subscribe(ukai_bus::EVENTS).await.unwrap());
    }
    for subject in [ukai_bus::EVENT_HEAD.to_owned(), ukai_bus::event_subject("job", "1")] {
        scheduler.bus.publish(&subject, Bytes::new()).await.unwrap();
        for event in &mut events {
            assert_eq!(soon(event.next()).await.unwrap().subject, subject);
        }
    }
    // An announcement of many sessions is one message.
    let large = Bytes::from(vec![0; 7 << 20]);
    assert_eq!(gateway.bus.request(SCHEDULER_IN, large, LONG).await.unwrap(), "leader");
    for service in [&scheduler, &gateway, &monitor, &api] {
        assert_eq!(service.refused(), 0, "{}", server.log());
    }
}

#[tokio::test]
async fn each_service_is_refused_the_rest() {
    let subjects = [
        SCHEDULER_IN,
        "ukai.v1.gateway.1",
        HEARTBEATS,
        "ukai.v1.event.job.1",
        "ukai.v1.event.head",
        "_INBOX.scheduler.x.1",
        "_INBOX.gateway.x.1",
        "_INBOX.monitor.x.1",
        "_INBOX.api.x.1",
        "_INBOX.x.1",
        "ukai.v1.x",
        "$SYS.REQ.SERVER.PING",
        ">",
    ];
    // By subject: may publish, may subscribe.
    let allowed: [(&str, [(u8, u8); 13]); 4] = [
        (
            "scheduler",
            [
                (0, 1),
                (1, 0),
                (0, 1),
                (1, 0),
                (1, 0),
                (1, 1),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
            ],
        ),
        (
            "gateway",
            [
                (1, 0),
                (0, 1),
                (1, 1),
                (0, 1),
                (0, 1),
                (0, 0),
                (1, 1),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
            ],
        ),
        (
            "monitor",
            [
                (0, 0),
                (0, 0),
                (0, 1),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
                (1, 1),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
            ],
        ),
        (
            "api",
            [
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 1),
                (0, 1),
                (0, 0),
                (0, 0),
                (0, 0),
                (1, 1),
                (0, 0),
                (0, 0),
                (0, 0),
                (0, 0),
            ],
        ),
    ];
    let server = NatsServer::with_config(&shipped(), &PASSWORDS).unwrap();
    for (user, allowed) in allowed {
        let service = Service::connect(&server, user).await;
        let mut refused = 0;
        let mut held = Vec::new();
        for (subject, (may_publish, may_subscribe)) in subjects.into_iter().zip(allowed) {
            // The library itself knows that nothing can be published to a pattern; the server is asked all the same.
            service.bus.publish(subject, Bytes::new()).await.unwrap();
            refused += u64::from(may_publish == 0);
            held.push(service.bus.subscribe(subject).await.unwrap());
            refused += u64::from(may_subscribe == 0);
            // Also those that were refused wrongly before are counted here.
            until(|| service.refused() >= refused).await;
            assert_eq!(service.refused(), refused, "{user} {subject}\n{}", server.log());
        }
    }
}

#[tokio::test]
async fn nobody_comes_without_a_password() {
    let server = NatsServer::with_config(&shipped(), &PASSWORDS).unwrap();
    for url in [server.url(), format!("nats://gateway:of-scheduler@{}", server.address())] {
        let options = NatsOptions::new(&url, "gateway").unwrap();
        let error = soon(NatsBus::connect(options, &mut Registry::default())).await.unwrap_err();
        assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    }
}

/// An authority and a certificate of it for `127.0.0.1`, as files: authority, certificate, key.
fn certificates(folder: &std::path::Path) -> [PathBuf; 3] {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    let files = ["ca.pem", "server.pem", "server-key.pem"].map(|name| folder.join(name));
    for (file, text) in files.iter().zip([authority.pem(), server.pem(), key.serialize_pem()]) {
        fs::write(file, text).unwrap();
    }
    files
}

#[tokio::test]
async fn tls_is_there_once_its_lines_are_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let [ca, ..] = certificates(folder.path());
    let text = fs::read_to_string(shipped()).unwrap();
    let mut is_inside = false;
    let lines = text.lines().map(|line| {
        is_inside |= line == "# tls {";
        let line = if is_inside { line.strip_prefix("# ").unwrap() } else { line };
        is_inside &= line != "}";
        line.replace("/etc/nats/tls", folder.path().to_str().unwrap())
    });
    let config = folder.path().join("nats.conf");
    fs::write(&config, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let server = NatsServer::with_config(&config, &PASSWORDS).unwrap();
    let url = format!("tls://api:of-api@{}", server.address());
    let trusting = NatsOptions::new(&url, "api").unwrap().tls(true, Some(ca));
    let bus = soon(NatsBus::connect(trusting, &mut Registry::default())).await.unwrap();
    connected(&*bus).await;
    bus.publish("_INBOX.api.x", Bytes::new()).await.unwrap();
    // By the authorities of the system this certificate is worth nothing.
    let strict = NatsOptions::new(&url, "api").unwrap();
    let error = soon(NatsBus::connect(strict, &mut Registry::default())).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
}
