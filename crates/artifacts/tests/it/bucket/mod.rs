//! A bucket as the store, over HTTP to a server that checks every signature.

mod server;
mod signature;

use crate::kit::{config, keep, png, read};
use server::{BUCKET, KEY, REGION, SECRET, Server};
use std::convert::Infallible;
use ukai_artifacts::{ArtifactError, Artifacts, ContentType, Sha256};

fn artifacts(server: &Server, secret: &str, folder: &tempfile::TempDir) -> Artifacts {
    let store = format!("s3://{BUCKET}/pre/fix");
    config(&[
        "--artifact-store",
        &store,
        "--s3-endpoint",
        &server.url,
        "--s3-region",
        REGION,
        "--s3-access-key-id",
        KEY,
        "--s3-secret-access-key",
        secret,
        "--artifact-base-url",
        "https://cdn.example",
    ])
    .open(Some(folder.path()))
    .unwrap()
}

#[tokio::test]
async fn contents_are_signed_typed_and_come_back() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let artifacts = artifacts(&server, SECRET, &folder);
    let picture = png(700, 400, 9);
    let kept = keep(&artifacts, &picture, ContentType::Png).await.unwrap();
    let page = b"<p>page</p>";
    let html = keep(&artifacts, page, ContentType::Html).await.unwrap();
    let key = |hash: &Sha256| {
        let text = hash.to_string();
        format!("pre/fix/sha256/{}/{}/{text}", &text[..2], &text[2..4])
    };
    let typed = |hash: &Sha256| server.object(&key(hash)).unwrap().headers;
    assert_eq!(typed(&kept.sha256)["content-type"], "image/png");
    assert_eq!(typed(&kept.thumbnail.unwrap())["content-type"], "image/webp");
    assert_eq!(typed(&html.sha256)["content-type"], "text/html; charset=utf-8");
    assert_eq!(typed(&html.sha256)["content-disposition"], "attachment");
    assert!(typed(&kept.sha256).get("content-disposition").is_none());
    assert_eq!(read(&artifacts, &kept.sha256, None).await.unwrap(), picture);
    assert_eq!(read(&artifacts, &kept.sha256, Some(10..20)).await.unwrap(), picture[10..20]);
    assert!(matches!(artifacts.open(&Sha256::of(b""), None).await.err(), Some(ArtifactError::Missing)));
    // Once is enough.
    let puts = server.count("PUT");
    keep(&artifacts, &picture, ContentType::Png).await.unwrap();
    assert_eq!(server.count("PUT"), puts);
    let text = kept.sha256.to_string();
    let shown = format!("https://cdn.example/sha256/{}/{}/{text}", &text[..2], &text[2..4]);
    assert_eq!(artifacts.public_url(&kept.sha256), Some(shown));
    assert_eq!(server.count("refused"), 0);
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_its_signature() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let wrong = artifacts(&server, "another secret", &folder);
    let error = keep(&wrong, b"<p>x</p>", ContentType::Html).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Unavailable(_)), "{error}");
    assert!(!error.to_string().contains("another secret"), "{error}");
    assert!(server.count("refused") > 0 && server.count("PUT") == 0);
}

#[tokio::test]
async fn a_full_bucket_says_so_and_resumes() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let artifacts = artifacts(&server, SECRET, &folder);
    server.set_full(true);
    let error = keep(&artifacts, b"<p>x</p>", ContentType::Html).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Full(_)), "{error}");
    server.set_full(false);
    keep(&artifacts, b"<p>x</p>", ContentType::Html).await.unwrap();
}

#[tokio::test]
async fn a_bucket_is_swept() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let artifacts = artifacts(&server, SECRET, &folder);
    let mut kept = Vec::new();
    for n in 0..5 {
        kept.push(keep(&artifacts, format!("<p>{n}").as_bytes(), ContentType::Html).await.unwrap());
    }
    server.make_old();
    let stays = kept[2].sha256.to_string();
    let swept = artifacts.sweep(|_| std::future::ready(Ok::<_, Infallible>(vec![stays.clone()])));
    assert_eq!(swept.await.unwrap().removed, 4);
    assert!(read(&artifacts, &kept[2].sha256, None).await.is_ok());
    assert!(read(&artifacts, &kept[0].sha256, None).await.is_err());
    assert_eq!(server.count("refused"), 0);
}
