//! What a browser is started with, what a page is asked with and what comes back.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ukai_egress::{Network, Upstream};
use url::Url;

use crate::{Peephole, Steps};

/// How Chromium is started.
#[derive(Debug, Clone)]
pub struct Config {
    /// The binary; searched for if absent.
    pub executable: Option<PathBuf>,
    /// A visible window: needs full Chromium and a display.
    pub headful: bool,
    /// The X display of a visible window, `:0`.
    pub display: Option<String>,
    /// The account that Chromium runs as when this process is root.
    pub user: String,
    /// Starts Chromium without its sandbox. Hostile pages then run with this account's rights.
    pub accept_no_sandbox: bool,
    /// Lets pages reach private and loopback addresses.
    pub allow_private_targets: bool,
    /// Single private targets that pages may reach all the same: `host:port`.
    pub allowed_targets: Vec<String>,
    /// Another proxy that everything goes through, behind the guard.
    pub upstream: Option<Upstream>,
    /// Names and connections, where a test wants its own.
    pub network: Option<Arc<dyn Network>>,
    /// A new process after so many pages.
    pub max_pages: u32,
    /// A new process for the next page when this one holds more, in MiB; at twice as much it is killed at once.
    pub max_mb: u64,
    /// A new process when this one is older.
    pub max_age: Duration,
    /// A profile folder that stays: its cookies and storage are there for every page, also after a restart. Without it
    /// each page starts with nothing.
    pub profile: Option<PathBuf>,
    /// Where profile folders are made; the system's temporary folder if absent. The account above must reach it.
    pub profiles: Option<PathBuf>,
    /// Another user agent than Chromium's own.
    pub user_agent: Option<String>,
    /// The language that pages see, `de-DE`.
    pub locale: Option<String>,
    /// The time zone that pages see, `Europe/Berlin`.
    pub timezone: Option<String>,
    /// The window's width and height.
    pub viewport: (u32, u32),
    /// From the start of the process to its first answer.
    pub launch_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            executable: None,
            headful: false,
            display: None,
            user: "nobody".to_owned(),
            accept_no_sandbox: false,
            allow_private_targets: false,
            allowed_targets: Vec::new(),
            upstream: None,
            network: None,
            max_pages: 100,
            max_mb: 800,
            max_age: Duration::from_secs(3_600),
            profile: None,
            profiles: None,
            user_agent: None,
            locale: None,
            timezone: None,
            viewport: (1366, 900),
            launch_timeout: Duration::from_secs(20),
        }
    }
}

/// One page to fetch.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// `http` or `https`.
    pub url: Url,
    /// The whole visit, screenshot included.
    pub timeout: Duration,
    /// DOM and network must rest so long before the page counts as complete.
    pub quiet: Duration,
    /// The longest wait for that rest, after the DOM was parsed.
    pub settle: Duration,
    /// The largest document, in bytes as served and in characters as rendered.
    pub max_html: usize,
    /// The most that the page and everything it loads may weigh, in decoded bytes.
    pub max_total: u64,
    /// A picture of the page.
    pub screenshot: Option<Screenshot>,
    /// Leaves out images, media and fonts.
    pub block_images: bool,
    /// Shows the page while it is open.
    pub peephole: Option<Peephole>,
    /// Is told what the visit does.
    pub steps: Option<Steps>,
}

impl PageRequest {
    /// A request with the default bounds: 45 s in all, 500 ms of quiet within 8 s, 8 MiB, 64 MiB with all it loads.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            timeout: Duration::from_secs(45),
            quiet: Duration::from_millis(500),
            settle: Duration::from_secs(8),
            max_html: 8 << 20,
            max_total: 64 << 20,
            screenshot: None,
            block_images: false,
            peephole: None,
            steps: None,
        }
    }
}

/// A picture of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screenshot {
    /// How it is written.
    pub format: PictureFormat,
    /// The tallest picture, in CSS pixels; a longer page is cut there. 0 is the window alone.
    pub max_height: u32,
    /// The first element that this CSS selector finds, instead of the page; cut where `max_height`, or else the window,
    /// is less tall.
    pub selector: Option<String>,
}

impl Default for Screenshot {
    fn default() -> Self {
        Self { format: PictureFormat::Png, max_height: 8_000, selector: None }
    }
}

impl Screenshot {
    /// The window alone.
    #[must_use]
    pub fn window() -> Self {
        Self { max_height: 0, ..Self::default() }
    }
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// Without loss.
    Png,
    /// Smaller, with little loss.
    Webp,
}

/// A page as it was when it had come to rest.
#[derive(Debug, Clone)]
pub struct PageOutcome {
    /// The rendered document, doctype included.
    pub html: String,
    /// The address after redirects and script navigation.
    pub final_url: String,
    /// The HTTP status of the document.
    pub status: u16,
    /// The response's headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// From the start of the navigation to the parsed DOM.
    pub load: Duration,
    /// From the start of the navigation to rest.
    pub settled: Duration,
    /// Whether it really came to rest; if not, the bound cut the wait.
    pub at_rest: bool,
    /// The picture, if one was asked for and could be taken.
    pub screenshot: Option<Vec<u8>>,
    /// The product name and version of the browser, `HeadlessChrome/156.0.…`.
    pub browser: String,
}

/// How the browser is, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Processes that should be there.
    pub expected: u32,
    /// Processes that are there and answer for themselves.
    pub alive: u32,
    /// Processes started so far.
    pub started: u64,
    /// Processes that ended without being told to.
    pub crashed: u64,
    /// Memory of the process group, in bytes; 0 where it can't be read.
    pub memory: u64,
    /// Pages under way.
    pub pages: u32,
}

/// A page under way, as it looks now.
#[derive(Debug, Clone)]
pub struct LiveView {
    /// What was asked for.
    pub url: Url,
    /// A PNG of the window.
    pub picture: Vec<u8>,
}
