//! What a worker's browser shows right now.

use super::{Held, png};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ukai_api::Limits;
use ukai_artifacts::ArtifactConfig;

fn path(held: &Held) -> String {
    format!("/api/workers/{}/screenshot", held.worker)
}

/// Waits until a picture was asked for, then brings it.
async fn show(held: &Held, asked: u64, picture: &[u8], name: &str) -> Value {
    let begun = Instant::now();
    while held.app.world().looks < asked {
        assert!(begun.elapsed() < Duration::from_secs(8), "nobody asked for a picture");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    held.bring("image/png", picture, &format!("kind=live&name={name}")).await.expect(201)
}

#[tokio::test]
async fn the_picture_that_comes_is_the_answer() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(64, 48);
    let nothing = json!({});
    held.bring("image/png", &png(9, 9), "").await.expect(201);
    let asking = path(&held);
    let (first, made) = tokio::join!(held.app.post(&asking, &nothing), show(&held, 1, &picture, "1.png"));
    assert_eq!(first.expect(200), made);
    assert_eq!(
        (&made["kind"], &made["taskId"], &made["run"]),
        (&json!("live"), &json!(held.task), &json!(1))
    );
    // A page that stands still gives the same pixels again, and that is another picture.
    let (second, made) = tokio::join!(held.app.post(&asking, &nothing), show(&held, 2, &picture, "2.png"));
    let second = second.expect(200);
    assert_eq!((&second["name"], &second), (&json!("2.png"), &made));
    let list = held.app.get(&format!("/api/tasks/{}/artifacts", held.task)).await.expect(200);
    assert_eq!((&list["total"], &list["items"][0]), (&json!(3), &second));
}

#[tokio::test]
async fn a_worker_that_shows_nothing_is_not_waited_for_for_ever() {
    assert_eq!(Limits::default().picture, Duration::from_secs(10));
    let limits = Limits { picture: Duration::from_millis(300), ..Limits::default() };
    let held = Held::with(&ArtifactConfig::default(), limits);
    held.bring("image/png", &png(9, 9), "kind=live").await.expect(201);
    let silent = held.app.post(&path(&held), &json!({})).await;
    assert_eq!(silent.headers["retry-after"], "1");
    silent.expect_error(503, "UNAVAILABLE");
    assert_eq!(held.app.world().looks, 1);
}

#[tokio::test]
async fn there_must_be_a_page_and_a_way_to_it() {
    let held = Held::new(&ArtifactConfig::default());
    held.app.world().workers.get_mut(&held.worker).expect("there").current_tasks.clear();
    let idle = held.app.post(&path(&held), &json!({})).await.expect_error(409, "CONFLICT");
    assert!(idle["message"].as_str().expect("text").contains("no page open"), "{idle}");
    held.app.world().workers.get_mut(&held.worker).expect("there").connected = false;
    let away = held.app.post(&path(&held), &json!({})).await.expect_error(409, "CONFLICT");
    assert!(away["message"].as_str().expect("text").contains("disconnected"), "{away}");
    assert_eq!(held.app.world().looks, 0);
}

#[tokio::test]
async fn live_pictures_leave_room_for_the_runs_own_files() {
    let held = Held::new(&ArtifactConfig::default());
    let picture = png(9, 9);
    for n in 0..12 {
        held.bring("image/png", &picture, &format!("kind=live&name={n}.png")).await.expect(201);
    }
    held.bring("image/png", &picture, "kind=live&name=13.png").await.expect_error(409, "CONFLICT");
    held.app.post(&path(&held), &json!({})).await.expect_error(409, "CONFLICT");
    held.bring("image/png", &picture, "").await.expect(201);
}
