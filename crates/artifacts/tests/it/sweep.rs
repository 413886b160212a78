//! What no row names goes, once it is old.

use crate::kit::{config, files, keep, read};
use std::convert::Infallible;
use std::time::{Duration, SystemTime};
use ukai_artifacts::{ContentType, Swept};

#[tokio::test]
async fn old_contents_without_a_row_go() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = config(&[]).open(Some(folder.path())).unwrap();
    let mut kept = Vec::new();
    for n in 0..203 {
        let page = format!("<p>{n:05}</p>");
        kept.push(keep(&artifacts, page.as_bytes(), ContentType::Html).await.unwrap());
    }
    let foreign = folder.path().join("artifacts/sha256/notes.txt");
    std::fs::write(&foreign, "mine").unwrap();
    // All but three are of the day before yesterday, and every fourth has a row.
    let old = SystemTime::now() - Duration::from_secs(2 * 86_400);
    let paths = files(&folder.path().join("artifacts"));
    let path_of = |hash: &str| paths.iter().find(|path| path.ends_with(hash)).unwrap();
    for content in &kept[3..] {
        let file = std::fs::File::options().append(true).open(path_of(&content.sha256.to_string())).unwrap();
        file.set_modified(old).unwrap();
    }
    std::fs::File::options().append(true).open(&foreign).unwrap().set_modified(old).unwrap();
    let named: Vec<_> = kept.iter().step_by(4).map(|content| content.sha256.to_string()).collect();
    let mut largest = 0;
    let swept = artifacts.sweep(|hashes: Vec<String>| {
        largest = largest.max(hashes.len());
        let stay: Vec<_> = hashes.into_iter().filter(|hash| named.contains(hash)).collect();
        std::future::ready(Ok::<_, Infallible>(stay))
    });
    let swept = swept.await.unwrap();
    // 200 old ones, of which 50 have a row.
    assert_eq!(swept, Swept { seen: 204, removed: 150, bytes: 150 * 12 });
    assert!((1..=100).contains(&largest), "{largest} asked about at once");
    for (n, content) in kept.iter().enumerate() {
        let stays = n < 3 || n % 4 == 0;
        assert_eq!(read(&artifacts, &content.sha256, None).await.is_ok(), stays, "{n}");
    }
    assert!(foreign.is_file());
    // What is old is written again when it comes again, so that the next sweep leaves it.
    let content = &kept[4];
    keep(&artifacts, b"<p>00004</p>", ContentType::Html).await.unwrap();
    let written = std::fs::metadata(path_of(&content.sha256.to_string())).unwrap().modified().unwrap();
    assert!(written > old + Duration::from_secs(86_400));
}
