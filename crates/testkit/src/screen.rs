//! A private X display without a monitor, whose picture can be read: what a visible window really shows.

use std::io::{BufRead, BufReader, Error, Result};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const XVFB: &str = "/usr/bin/Xvfb";

/// A running display; it ends with this.
#[derive(Debug)]
pub struct Screen {
    server: Child,
    name: String,
    picture: PathBuf,
    _folder: tempfile::TempDir,
}

impl Screen {
    /// Starts one of 1280 by 800 pixels on a free number. Any local program may show its windows there.
    ///
    /// # Errors
    /// `Xvfb` isn't installed or doesn't start.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut server = Command::new(XVFB)
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-ac", "-fbdir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Error::other(format!("{XVFB} can't be started: {error}")))?;
        let mut number = String::new();
        let said = server.stdout.take().ok_or_else(|| Error::other("no pipe"))?;
        // It says its number when clients can connect.
        let read = BufReader::new(said).read_line(&mut number);
        let screen = Self {
            server,
            name: format!(":{}", number.trim()),
            picture: folder.path().join("Xvfb_screen0"),
            _folder: folder,
        };
        if read? == 0 {
            return Err(Error::other(format!("{XVFB} ended at its start")));
        }
        Ok(screen)
    }

    /// `:7`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much of the screen has exactly that colour (`0xRRGGBB`) now, from 0 to 1.
    ///
    /// # Errors
    /// The picture isn't one of 32 bits a pixel.
    pub fn share_of(&self, colour: u32) -> Result<f64> {
        let file = std::fs::read(&self.picture)?;
        // The format is X Window Dump: a header of big-endian words, colours of twelve bytes each, lines of pixels.
        let word = |index: usize| {
            let bytes = file.get(index * 4..index * 4 + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(|bytes| u32::from_be_bytes(bytes) as usize).ok_or_else(|| Error::other("a cut header"))
        };
        let (header, width, height) = (word(0)?, word(4)?, word(5)?);
        let (big_endian, bits, line, colours) = (word(7)? == 1, word(11)?, word(12)?, word(19)?);
        if bits != 32 || width == 0 || height == 0 {
            return Err(Error::other(format!("{bits} bits a pixel, {width} by {height}")));
        }
        let pixels = file.get(header + colours * 12..).ok_or_else(|| Error::other("no pixels"))?;
        let lines = pixels.chunks_exact(line).take(height);
        let is_it = |pixel: &&[u8]| {
            let pixel: [u8; 4] = (*pixel).try_into().unwrap_or_default();
            let value = if big_endian { u32::from_be_bytes(pixel) } else { u32::from_le_bytes(pixel) };
            value & 0x00ff_ffff == colour
        };
        let found: usize = lines.map(|line| line.chunks_exact(4).take(width).filter(is_it).count()).sum();
        #[allow(clippy::cast_precision_loss, reason = "a screen has few pixels")]
        Ok(found as f64 / (width * height) as f64)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // One that has ended already is reaped all the same.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
