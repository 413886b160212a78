//! Reads a picture within bounds and draws a small one of it.

use crate::{ArtifactError, ContentType};
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Pixels of a thumbnail's width; a narrower picture keeps its own.
pub const THUMBNAIL_WIDTH: u32 = 320;
/// Of a longer page the upper part is drawn.
const THUMBNAIL_HEIGHT: u32 = 640;
/// The longest side of a picture.
const MOST_PIXELS: u32 = 8_192;
/// Bytes of a picture in memory, at most.
const MOST_MEMORY: u64 = 128 << 20;
/// What a picture takes a pixel, at least: eight bits of red, green, blue and opacity.
const PIXEL: u64 = 4;

/// What is known of a picture.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// A lossless WebP.
    pub(crate) thumbnail: Vec<u8>,
}

/// Decodes all of it: a file that only begins like a picture is none.
pub(crate) fn read(bytes: &[u8], kind: ContentType) -> Result<Picture, ArtifactError> {
    let format = match kind {
        ContentType::Png => ImageFormat::Png,
        ContentType::Webp => ImageFormat::WebP,
        ContentType::Jpeg => ImageFormat::Jpeg,
        ContentType::Html => return Err(ArtifactError::WrongType { said: "a picture" }),
    };
    let unreadable = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => ArtifactError::TooManyPixels,
        other => ArtifactError::Unreadable(other.to_string()),
    };
    // The size stands in the first bytes: nothing is unpacked for it.
    let (width, height) =
        ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().map_err(unreadable)?;
    let memory = u64::from(width) * u64::from(height) * PIXEL;
    if width > MOST_PIXELS || height > MOST_PIXELS || memory > MOST_MEMORY {
        return Err(ArtifactError::TooManyPixels);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let picture = reader.decode().map_err(unreadable)?;
    Ok(Picture { width, height, thumbnail: thumbnail(picture).map_err(unreadable)? })
}

/// `THUMBNAIL_WIDTH` pixels wide, of the upper part where the picture is long.
fn thumbnail(picture: DynamicImage) -> Result<Vec<u8>, image::ImageError> {
    let (width, height) = (picture.width(), picture.height());
    let small_width = width.min(THUMBNAIL_WIDTH);
    let shown = height.min(width.saturating_mul(THUMBNAIL_HEIGHT) / small_width.max(1)).max(1);
    let small_height = (u64::from(shown) * u64::from(small_width) / u64::from(width.max(1))).max(1);
    let small_height = u32::try_from(small_height).unwrap_or(THUMBNAIL_HEIGHT);
    let upper = if shown < height { picture.crop_imm(0, 0, width, shown) } else { picture };
    let small = upper.resize_exact(small_width, small_height, image::imageops::FilterType::Triangle);
    // Eight bits a channel: the encoder takes nothing else.
    let small = if small.color().has_alpha() {
        DynamicImage::ImageRgba8(small.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(small.into_rgb8())
    };
    let mut out = Cursor::new(Vec::new());
    small.write_to(&mut out, ImageFormat::WebP)?;
    Ok(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::{ArtifactError, read};
    use crate::ContentType;
    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
    use std::io::Cursor;

    fn drawn(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| {
            if (x / 16 + y / 16) % 2 == 0 { Rgb([200, 40, 40]) } else { Rgb([250, 250, 250]) }
        });
        let mut out = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(picture).write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    fn size(webp: &[u8]) -> (u32, u32) {
        let picture = image::load_from_memory_with_format(webp, ImageFormat::WebP).unwrap();
        (picture.width(), picture.height())
    }

    #[test]
    fn thumbnails_are_320_wide_and_not_too_long() {
        for (width, height, want) in [
            (1_366, 900, (320, 210)),
            (1_366, 8_000, (320, 640)),
            (640, 640, (320, 320)),
            (200, 100, (200, 100)),
            (200, 4_000, (200, 640)),
            (8_000, 1, (320, 1)),
            (1, 8_000, (1, 640)),
            (1, 1, (1, 1)),
        ] {
            let picture = read(&drawn(width, height, ImageFormat::Png), ContentType::Png).unwrap();
            assert_eq!((picture.width, picture.height), (width, height));
            assert_eq!(size(&picture.thumbnail), want, "{width} x {height}");
        }
    }

    #[test]
    fn every_kind_of_picture_is_read() {
        for (kind, format) in [
            (ContentType::Png, ImageFormat::Png),
            (ContentType::Webp, ImageFormat::WebP),
            (ContentType::Jpeg, ImageFormat::Jpeg),
        ] {
            let picture = read(&drawn(400, 300, format), kind).unwrap();
            assert_eq!(size(&picture.thumbnail), (320, 240), "{kind:?}");
        }
    }

    #[test]
    fn a_picture_that_breaks_off_is_none() {
        for (kind, format) in [(ContentType::Png, ImageFormat::Png), (ContentType::Webp, ImageFormat::WebP)] {
            let whole = drawn(400, 300, format);
            for part in [9, 40, whole.len() / 2] {
                let error = read(&whole[..part], kind).unwrap_err();
                assert!(matches!(error, ArtifactError::Unreadable(_)), "{kind:?} {part}: {error}");
            }
        }
    }

    /// A few bytes that say that they are a very large picture.
    #[test]
    fn a_picture_that_would_not_fit_is_refused_by_its_head() {
        for (width, height) in
            [(60_000_i32, 60_000_i32), (8_193, 1), (1, 8_193), (8_192, 8_192), (i32::MAX, 2)]
        {
            let mut png = drawn(8, 8, ImageFormat::Png);
            png[16..20].copy_from_slice(&width.to_be_bytes());
            png[20..24].copy_from_slice(&height.to_be_bytes());
            let crc = crc(&png[12..29]);
            png[29..33].copy_from_slice(&crc.to_be_bytes());
            let error = read(&png, ContentType::Png).unwrap_err();
            assert!(matches!(error, ArtifactError::TooManyPixels), "{width} x {height}: {error}");
        }
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
