//! Pictures and pages to keep.

use futures::TryStreamExt;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use ukai_artifacts::{ArtifactConfig, ArtifactError, Artifacts, ContentType, Kept, Received, Sha256};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    config: ArtifactConfig,
}

/// Settings as the command line gives them.
pub(crate) fn config(arguments: &[&str]) -> ArtifactConfig {
    clap::Parser::try_parse_from(std::iter::once(&"test").chain(arguments))
        .map(|line: Line| line.config)
        .unwrap()
}

/// A chequered picture; `seed` makes it another.
pub(crate) fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        if (x / 8 + y / 8) % 2 == 0 { Rgb([seed, 40, 40]) } else { Rgb([250, 250, 250]) }
    });
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// A picture that no compression makes small.
pub(crate) fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let picture = RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, a, b, c] = state.to_le_bytes();
        Rgb([a, b, c])
    });
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

pub(crate) async fn receive(artifacts: &Artifacts, bytes: &[u8]) -> Result<Received, ArtifactError> {
    let mut incoming = artifacts.receive().await?;
    for part in bytes.chunks(10_000) {
        incoming.write(part).await?;
    }
    incoming.finish().await
}

pub(crate) async fn keep(
    artifacts: &Artifacts,
    bytes: &[u8],
    kind: ContentType,
) -> Result<Kept, ArtifactError> {
    let received = receive(artifacts, bytes).await?;
    artifacts.keep(received, kind, Some(Sha256::of(bytes))).await
}

pub(crate) async fn read(
    artifacts: &Artifacts,
    sha256: &Sha256,
    range: Option<Range<u64>>,
) -> Result<Vec<u8>, ArtifactError> {
    let content = artifacts.open(sha256, range).await?;
    let parts: Vec<_> = content.bytes.try_collect().await?;
    Ok(parts.concat())
}

/// All files below a folder, named by their way.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
