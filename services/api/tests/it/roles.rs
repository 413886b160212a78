//! Who may do what: every action of the document by every role.

use crate::kit::{TestApp, request};
use axum::body::Body;
use ukai_api::openapi::check::actions;
use ukai_api::{AuthMode, Limits};
use ukai_store::KeyRole;

fn secured() -> TestApp {
    TestApp::new(AuthMode::On, Limits::default())
}

fn call(method: &str, template: &str, authorization: Option<&str>) -> axum::http::Request<Body> {
    let path =
        template.replace("{id}", "01900000-0000-7000-8000-00000000ffff").replace("{host}", "shop.example");
    let mut builder = request(method, &path).header("content-type", "application/json");
    if let Some(value) = authorization {
        builder = builder.header("authorization", value);
    }
    builder.body(Body::from("{}")).expect("a request")
}

#[tokio::test]
async fn every_action_by_every_role() {
    let app = secured();
    let roles = [KeyRole::Viewer, KeyRole::Operator, KeyRole::Admin];
    let keys = roles.map(|role| (role, format!("Bearer {}", app.key(role))));
    let mut walked = 0;
    for (method, path, needed) in actions() {
        let anonymous = app.send(call(&method, &path, None)).await;
        let Some(needed) = needed else {
            assert!(!matches!(anonymous.status.as_u16(), 401 | 403), "{method} {path} is open");
            continue;
        };
        anonymous.expect_error(401, "AUTH_FAILED");
        if needed == "worker" {
            for (_, key) in &keys {
                app.send(call(&method, &path, Some(key))).await.expect_error(401, "AUTH_FAILED");
            }
            continue;
        }
        let needed = KeyRole::parse(&needed).expect("a role");
        for (role, key) in &keys {
            let before = app.world().writes;
            let answer = app.send(call(&method, &path, Some(key))).await;
            let status = answer.status.as_u16();
            if *role < needed {
                answer.expect_error(403, "FORBIDDEN");
                assert_eq!(app.world().writes, before, "{method} {path}");
            } else {
                assert!(!matches!(status, 401 | 403), "{method} {path} as {}: {status}", role.as_str());
            }
            walked += 1;
        }
    }
    assert!(walked >= 3 * 24, "{walked} walked");
}

#[tokio::test]
async fn bad_credentials_are_all_refused_alike() {
    let app = secured();
    let key = app.key(KeyRole::Admin);
    let other_tail = format!("{}x", &key[..key.len() - 1]);
    let unknown = ukai_api::secret::mint("uka_", [99; 32]);
    let long = "k".repeat(10_000);
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {key}"),
        key.clone(),
        format!("Bearer {}", &key[..16]),
        format!("Bearer {other_tail}"),
        format!("Bearer {key}{key}"),
        format!("Bearer {unknown}"),
        format!("Bearer {long}"),
    ];
    for value in wrong {
        let answer = app.send(call("GET", "/api/queue", Some(&value))).await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        answer.expect_error(401, "AUTH_FAILED");
    }
    let twice = request("GET", "/api/queue")
        .header("authorization", format!("Bearer {key}"))
        .header("authorization", format!("Bearer {key}"));
    app.send(twice.body(Body::empty()).expect("a request")).await.expect_error(401, "AUTH_FAILED");
    app.send(call("GET", "/api/queue", Some(&format!("bearer  {key}")))).await.expect(200);
}

#[tokio::test]
async fn an_accepted_key_is_remembered_for_at_most_a_second() {
    assert!(Limits::default().remember_key <= std::time::Duration::from_secs(1));
    let app = TestApp::new(
        AuthMode::On,
        Limits { remember_key: std::time::Duration::from_secs(3_600), ..Limits::default() },
    );
    let key = format!("Bearer {}", app.key(KeyRole::Viewer));
    for _ in 0..5 {
        app.send(call("GET", "/api/queue", Some(&key))).await.expect(200);
    }
    assert_eq!(app.world().key_reads, 1);
}

#[tokio::test]
async fn a_key_that_is_no_longer_remembered_is_looked_up_again() {
    let app =
        TestApp::new(AuthMode::On, Limits { remember_key: std::time::Duration::ZERO, ..Limits::default() });
    let key = format!("Bearer {}", app.key(KeyRole::Viewer));
    app.send(call("GET", "/api/queue", Some(&key))).await.expect(200);
    app.world().keys[0].revoked_at = Some(crate::fake::NOW);
    app.send(call("GET", "/api/queue", Some(&key))).await.expect_error(401, "AUTH_FAILED");
    assert_eq!(app.world().key_reads, 2);
}

#[tokio::test]
async fn each_key_has_its_own_implicit_job() {
    let app = secured();
    let body = serde_json::json!({ "productUrl": "https://shop.example/" });
    let mut jobs = std::collections::BTreeSet::new();
    for role in [KeyRole::Operator, KeyRole::Admin, KeyRole::Operator] {
        let key = format!("Bearer {}", app.key(role));
        let request = request("POST", "/api/tasks").header("authorization", key);
        let task = app.send(crate::kit::with_json(request, &body)).await.expect(201);
        jobs.insert(task["jobId"].to_string());
    }
    assert_eq!(jobs.len(), 3);
    let names: Vec<String> = app.world().jobs.values().map(|(job, _)| job.name.clone()).collect();
    assert!(names.contains(&"default (admin)".to_owned()), "{names:?}");
}
