//! Who is refused, how, and that repeating it is cheap.

use crate::kit::raw::{Raw, get, http};
use crate::kit::reads::TOKEN;
use crate::kit::worker::Worker;
use crate::kit::{ENROLL_QUERY, Server, until};
use ukai_domain::scheduler::Input;
use ukai_rpc::v1::{self, input_reply::Reply};
use ukai_socketio::Disconnect;

#[tokio::test]
async fn bad_tokens_and_bad_words_are_refused_by_an_error() {
    let (server, leader) = Server::start().await;
    let almost = format!("token={}x", TOKEN);
    let cases = [
        ("", "", "AUTH_FAILED", "a worker token is missing"),
        ("token=", "{}", "AUTH_FAILED", "a worker token is missing"),
        ("token=wrong", "", "AUTH_FAILED", "the worker token is not valid"),
        (&almost, "", "AUTH_FAILED", "the worker token is not valid"),
        ("token=ukw_0123456789ab", "", "AUTH_FAILED", "the worker token is not valid"),
        ("", r#"{"token":"wrong"}"#, "AUTH_FAILED", "the worker token is not valid"),
        ("token=%00%ff", "", "AUTH_FAILED", "a worker token is missing"),
        (
            TOKEN_QUERY,
            r#"{"capacity":0}"#,
            "INVALID_PAYLOAD",
            "connect: auth.capacity: must be a whole number from 1",
        ),
        (TOKEN_QUERY, r#"{"capacity":65}"#, "INVALID_PAYLOAD", "connect: auth.capacity: must be 1 to 64"),
        ("token=ukw_unavailable!", "", "UNAVAILABLE", "tokens can't be checked at the moment"),
    ];
    for (query, auth, code, message) in cases {
        let mut worker = Worker::connect_as(&server, query, auth).await;
        let got = worker.error().await;
        assert_eq!((got.0.as_str(), got.1.as_str()), (code, message), "{query} {auth}");
        let end = worker.end().await;
        // A refused token leaves the namespace, so that the official client stops; a store that is away doesn't.
        assert_eq!(matches!(end, Disconnect::Server), code != "UNAVAILABLE", "{query} {auth} {end:?}");
    }
    assert_eq!(leader.inputs(), []);
    assert_eq!(server.gateway.sessions(), 0);
    assert_eq!(server.metric("ukai_gateway_auth_failures_total"), 7.0);
    let others = |code: &str| format!("ukai_gateway_refused_connects_total{{code=\"{code}\"}}");
    assert_eq!(server.metric(&others("INVALID_PAYLOAD")), 2.0);
    assert_eq!(server.metric(&others("UNAVAILABLE")), 1.0, "an outage is no stranger");
}

const TOKEN_QUERY: &str = "token=ukw_0123456789ab_secretsecretsecret";

#[tokio::test]
async fn answers_about_tokens_are_remembered() {
    let (server, leader) = Server::start().await;
    for query in [TOKEN_QUERY, "token=wrong", "token=other"] {
        for _ in 0..5 {
            let mut worker = Worker::connect_as(&server, query, "").await;
            let event = if query == TOKEN_QUERY { "worker:registered" } else { "error" };
            worker.event(event).await;
        }
    }
    assert_eq!(server.reads.0.load(std::sync::atomic::Ordering::Relaxed), 3);
    // The leader is asked each time: it alone knows of a revocation.
    assert_eq!(leader.connects().len(), 5);
}

#[tokio::test]
async fn a_name_from_the_query_is_checked() {
    let (server, _leader) = Server::start().await;
    let mut worker = Worker::connect_as(&server, &format!("token={ENROLL_QUERY}&name=a%0Ab"), "").await;
    assert_eq!(worker.error().await.0, "INVALID_PAYLOAD");
}

#[tokio::test]
async fn a_refused_transport_is_closed_even_if_its_client_asks_again() {
    let (server, leader) = Server::start_with(|config| {
        config.limits.close_grace = std::time::Duration::from_secs(60);
    })
    .await;
    let mut raw = Raw::open(&server, "wrong").await;
    let mut errors = 0;
    raw.send("40/workers,").await;
    while let Some(text) = raw.text().await {
        assert!(!text.contains("worker:registered"), "{text}");
        errors += u32::from(text.contains("AUTH_FAILED"));
        if text.starts_with("41/workers") {
            raw.send("40/workers,").await;
        }
    }
    assert!((1..=4).contains(&errors), "{errors} refusals on one transport");
    assert_eq!(leader.inputs(), []);
}

#[tokio::test]
async fn a_worker_that_the_leader_refuses_is_closed() {
    let (server, leader) = Server::start().await;
    leader.answer(|input| match input {
        Input::Connect(_) => Some(Reply::Rejected(v1::Rejected {
            code: "AUTH_FAILED".to_owned(),
            message: "the worker token was revoked".to_owned(),
        })),
        _ => None,
    });
    let mut worker = Worker::connect_as(&server, TOKEN_QUERY, "").await;
    assert_eq!(worker.error().await, ("AUTH_FAILED".to_owned(), "the worker token was revoked".to_owned()));
    assert!(matches!(worker.end().await, Disconnect::Server));
    until(|| server.gateway.sessions() == 0).await;
}

#[tokio::test]
async fn foreign_origins_are_refused_by_the_setting_s_name() {
    let (server, _leader) = Server::start().await;
    let path = format!("/socket.io/?EIO=4&transport=polling&token={ENROLL_QUERY}");
    let refused = http(&server, &get(&path, "Origin: http://evil.example\r\n")).await;
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("UKAI_CORS_ORIGINS"), "{refused}");
    for origin in ["http://localhost:5173", "http://gateway.test"] {
        let allowed = http(&server, &get(&path, &format!("Origin: {origin}\r\n"))).await;
        assert!(allowed.starts_with("HTTP/1.1 200"), "{allowed}");
        let names_it = allowed.contains("access-control-allow-origin: http://localhost:5173");
        assert_eq!(names_it, origin == "http://localhost:5173", "{allowed}");
        assert_eq!(allowed.contains("access-control-allow-credentials: true"), names_it, "{allowed}");
    }
    let ask = get(&path, "Origin: http://localhost:5173\r\nAccess-Control-Request-Method: POST\r\n");
    let allowed = http(&server, &ask.replacen("GET", "OPTIONS", 1)).await;
    assert!(allowed.starts_with("HTTP/1.1 204"), "{allowed}");
    for header in ["origin: http://localhost:5173", "credentials: true", "methods: GET, POST"] {
        assert!(allowed.contains(&format!("access-control-allow-{header}")), "{allowed}");
    }
    let refused = get(&path, "Origin: http://evil.example\r\n").replacen("GET", "OPTIONS", 1);
    assert!(http(&server, &refused).await.starts_with("HTTP/1.1 403"));
}
