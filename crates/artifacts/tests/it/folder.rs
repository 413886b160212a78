//! A folder as the store.

use crate::kit::{config, files, keep, noise, png, read, receive};
use ukai_artifacts::{ArtifactError, ContentType, Kept, Sha256};

#[tokio::test]
async fn contents_lie_under_their_hash_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = config(&[]).open(Some(folder.path())).unwrap();
    let picture = png(1_000, 500, 1);
    let kept = keep(&artifacts, &picture, ContentType::Png).await.unwrap();
    let Kept { sha256, size, pixels, thumbnail, .. } = kept.clone();
    assert_eq!((sha256, size), (Sha256::of(&picture), picture.len() as u64));
    assert_eq!(pixels, Some((1_000, 500)));
    let text = sha256.to_string();
    let path = folder.path().join("artifacts/sha256").join(&text[..2]).join(&text[2..4]).join(&text);
    assert_eq!(std::fs::read(&path).unwrap(), picture);
    assert_eq!(read(&artifacts, &sha256, None).await.unwrap(), picture);
    assert_eq!(read(&artifacts, &sha256, Some(5..100)).await.unwrap(), picture[5..100]);
    let small = read(&artifacts, &thumbnail.unwrap(), None).await.unwrap();
    let small = image::load_from_memory_with_format(&small, image::ImageFormat::WebP).unwrap();
    assert_eq!((small.width(), small.height()), (320, 160));
    // The same again is the same, and isn't written again.
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(keep(&artifacts, &picture, ContentType::Png).await.unwrap().sha256, sha256);
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before);
    assert_eq!(files(folder.path()).len(), 2);
    let missing = artifacts.open(&Sha256::of(b"nothing"), None).await.err().unwrap();
    assert!(matches!(missing, ArtifactError::Missing), "{missing}");
}

#[tokio::test]
async fn pages_are_kept_without_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = config(&[]).open(Some(folder.path())).unwrap();
    let page = "<!doctype html><title>鵜飼</title><script>alert(1)</script>".repeat(1_000);
    let kept = keep(&artifacts, page.as_bytes(), ContentType::Html).await.unwrap();
    assert_eq!((kept.pixels, kept.thumbnail), (None, None));
    assert_eq!(read(&artifacts, &kept.sha256, None).await.unwrap(), page.as_bytes());
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = config(&["--artifact-max-bytes", "4000"]).open(Some(folder.path())).unwrap();
    let large = noise(64, 64);
    assert!(large.len() > 4_000);
    let error = keep(&artifacts, &large, ContentType::Png).await.unwrap_err();
    assert!(matches!(error, ArtifactError::TooLarge { limit: 4_000 }), "{error}");
    let mut incoming = artifacts.receive().await.unwrap();
    incoming.write(&[0; 4_000]).await.unwrap();
    assert!(matches!(incoming.write(&[0]).await, Err(ArtifactError::TooLarge { .. })));
    drop(incoming);
    let page = b"<html><script>alert(1)</script>";
    let wrong = keep(&artifacts, page, ContentType::Png).await.unwrap_err();
    assert!(matches!(wrong, ArtifactError::WrongType { said: "image/png" }), "{wrong}");
    let wrong = keep(&artifacts, &png(8, 8, 1), ContentType::Html).await.unwrap_err();
    assert!(matches!(wrong, ArtifactError::WrongType { .. }), "{wrong}");
    let broken = keep(&artifacts, &png(8, 8, 1)[..50], ContentType::Png).await.unwrap_err();
    assert!(matches!(broken, ArtifactError::Unreadable(_)), "{broken}");
    let empty = keep(&artifacts, b"", ContentType::Png).await.unwrap_err();
    assert!(matches!(empty, ArtifactError::Empty), "{empty}");
    let other = receive(&artifacts, page).await.unwrap();
    let other = artifacts.keep(other, ContentType::Html, Some(Sha256::of(b"other"))).await.unwrap_err();
    assert!(matches!(other, ArtifactError::WrongHash), "{other}");
    assert_eq!(files(folder.path()), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn only_so_many_files_arrive_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = config(&[]).open(Some(folder.path())).unwrap();
    let mut open = Vec::new();
    let error = loop {
        match artifacts.receive().await {
            Ok(incoming) => open.push(incoming),
            Err(error) => break error,
        }
        assert!(open.len() < 1_000, "no bound");
    };
    assert!(matches!(error, ArtifactError::Unavailable(_)), "{error}");
    open.pop();
    artifacts.receive().await.unwrap();
}

#[tokio::test]
async fn a_content_delivery_network_shows_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let hash = Sha256::of(b"abc");
    let plain = config(&[]).open(Some(folder.path())).unwrap();
    assert_eq!(plain.public_url(&hash), None);
    for base in ["https://cdn.example/ukai", "https://cdn.example/ukai/"] {
        let behind = config(&["--artifact-base-url", base]).open(Some(folder.path())).unwrap();
        let want = format!("https://cdn.example/ukai/sha256/ba/78/{hash}");
        assert_eq!(behind.public_url(&hash), Some(want));
    }
}
