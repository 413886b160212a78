//! What a worker is started with.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use ukai_boot::{Usage, trace::Tracer};
use ukai_extract::Recipes;
use url::{Host, Url};

/// A worker's settings. Each flag has an environment variable.
#[derive(Args, Debug, Clone)]
pub struct WorkerConfig {
    /// The server, `https://ukai.example`; a path is the prefix of its socket.
    #[arg(long, env = "UKAI_SERVER", value_name = "URL")]
    pub server: Url,

    /// The worker's token.
    #[arg(long, env = "UKAI_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: String,

    /// The name under which the server shows this worker; the machine's name if not given.
    #[arg(long, env = "UKAI_NAME", value_name = "NAME")]
    pub name: Option<String>,

    /// How many pages this worker fetches side by side.
    #[arg(long, env = "UKAI_CAPACITY", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub capacity: u32,

    /// The kinds of tasks that it takes.
    #[arg(
        long,
        env = "UKAI_CAPABILITIES",
        default_value = "scrape,crawl",
        value_delimiter = ',',
        value_name = "KINDS"
    )]
    pub capabilities: Vec<String>,

    /// Shows the browser's window; needs full Chromium and a display.
    #[arg(long, env = "UKAI_HEADFUL")]
    pub headful: bool,

    /// The X display of that window.
    #[arg(long, env = "UKAI_DISPLAY", value_name = "DISPLAY")]
    pub display: Option<String>,

    /// Lets pages reach private and loopback addresses.
    #[arg(long, env = "UKAI_ALLOW_PRIVATE_TARGETS")]
    pub allow_private_targets: bool,

    /// Single private targets that pages may reach all the same.
    #[arg(
        long = "allow-target",
        alias = "allow-targets",
        env = "UKAI_ALLOW_TARGETS",
        value_delimiter = ',',
        value_name = "HOST:PORT"
    )]
    pub allow_targets: Vec<String>,

    /// The shortest pause between two pages.
    #[arg(long, env = "UKAI_MIN_DELAY_MS", default_value_t = 10_000, value_name = "MS")]
    pub min_delay_ms: u64,

    /// The longest pause between two pages.
    #[arg(long, env = "UKAI_MAX_DELAY_MS", default_value_t = 15_000, value_name = "MS")]
    pub max_delay_ms: u64,

    /// Recipes of your own, a TOML file each, tried before those that come with Ukai.
    #[arg(long, env = "UKAI_RECIPES", value_name = "FOLDER")]
    pub recipes: Option<PathBuf>,

    /// Where results wait until the server has them, and where screenshots lie
    /// [default: ~/.local/state/ukai-worker/NAME].
    #[arg(long, env = "UKAI_STATE_DIR", value_name = "FOLDER")]
    pub state_dir: Option<PathBuf>,

    /// The browser's binary; searched for if not given.
    #[arg(long, env = "UKAI_BROWSER", value_name = "PATH")]
    pub browser: Option<PathBuf>,

    /// The account that the browser runs as when the worker is started as root.
    #[arg(long, env = "UKAI_BROWSER_USER", default_value = "nobody", value_name = "ACCOUNT")]
    pub browser_user: String,

    /// Where the browser's profile folders are made; that account must reach it [default: the system's temporary folder].
    #[arg(long, env = "UKAI_BROWSER_PROFILES", value_name = "FOLDER")]
    pub browser_profiles: Option<PathBuf>,

    /// Another user agent than the browser's own.
    #[arg(long, env = "UKAI_BROWSER_AGENT", value_name = "TEXT")]
    pub browser_agent: Option<String>,

    /// The language that pages see, `de-DE`.
    #[arg(long, env = "UKAI_LOCALE", value_name = "TAG")]
    pub locale: Option<String>,

    /// The time zone that pages see, `Europe/Berlin`.
    #[arg(long, env = "UKAI_TIMEZONE", value_name = "ZONE")]
    pub timezone: Option<String>,

    /// The size of the browser's window.
    #[arg(long, env = "UKAI_VIEWPORT", default_value = "1366x900", value_name = "WIDTHxHEIGHT", value_parser = viewport)]
    pub viewport: (u32, u32),

    /// Leaves out images, fonts and media, where no screenshot is wanted.
    #[arg(long, env = "UKAI_BLOCK_IMAGES")]
    pub block_images: bool,

    /// Another proxy for all pages, `http://user:password@host:port`.
    #[arg(long, env = "UKAI_PROXY", value_name = "URL", hide_env_values = true)]
    pub proxy: Option<String>,

    /// A browser profile that is kept, with its cookies; without it every page starts with nothing.
    #[arg(long, env = "UKAI_PROFILE", value_name = "FOLDER")]
    pub profile: Option<PathBuf>,

    /// A new browser when this one holds more memory; at twice as much it is killed at once. 0 for never
    /// [default: 600 and 200 for each page side by side].
    #[arg(long, env = "UKAI_BROWSER_MAX_MB", value_name = "MIB")]
    pub browser_max_mb: Option<u64>,

    /// A new browser after so many pages.
    #[arg(long, env = "UKAI_BROWSER_MAX_PAGES", default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub browser_max_pages: u32,

    /// A new browser after so long.
    #[arg(long, env = "UKAI_BROWSER_MAX_AGE_S", default_value_t = 3_600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub browser_max_age_s: u64,

    /// Starts the browser without its sandbox: a hostile page then has this account's rights.
    #[arg(long = "i-accept-no-sandbox", env = "UKAI_I_ACCEPT_NO_SANDBOX")]
    pub accept_no_sandbox: bool,

    /// Answers `{"ip":…,"org":…}` with this machine's public address; `off` for never asking.
    #[arg(long, env = "UKAI_IPINFO_URL", default_value = "https://ipinfo.io/json", value_name = "URL")]
    pub ipinfo_url: String,

    /// The token for that service, if it wants one.
    #[arg(long, env = "UKAI_IPINFO_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub ipinfo_token: Option<String>,

    /// How often it is asked for.
    #[arg(long, env = "UKAI_IPINFO_EVERY_S", default_value_t = 1_800, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub ipinfo_every_s: u64,

    /// Different tasks in a row that were refused before the worker calls itself blocked; 0 for never.
    #[arg(long, env = "UKAI_BLOCK_AFTER", default_value_t = 3, value_name = "N")]
    pub block_after: u32,

    /// How long running pages may take to end after SIGTERM.
    #[arg(long, env = "UKAI_DRAIN_MS", default_value_t = 25_000, value_name = "MS")]
    pub drain_ms: u64,

    /// Serves `/metrics` and `/healthz` here; nothing is served if not given.
    #[arg(long, env = "UKAI_WORKER_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<std::net::SocketAddr>,

    /// A pause of this process that is longer is taken for a sleep: the server is asked what still counts.
    #[arg(long, env = "UKAI_ASLEEP_AFTER_MS", default_value_t = 10_000, value_name = "MS", hide = true)]
    pub asleep_after_ms: u64,

    /// Where the default state folder lies.
    #[arg(long, env = "HOME", hide = true)]
    pub home: Option<PathBuf>,

    /// Begins spans.
    #[arg(skip)]
    pub tracer: Tracer,
}

impl WorkerConfig {
    /// The name, made up from the machine's where none is given.
    #[must_use]
    pub fn name(&self) -> String {
        let given = self.name.clone().filter(|name| !name.trim().is_empty());
        let name = given.or_else(ukai_boot::machine_name).unwrap_or_else(|| "worker".to_owned());
        name.trim().chars().filter(|c| !c.is_control()).take(100).collect()
    }

    /// The state folder.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        if let Some(folder) = &self.state_dir {
            return folder.clone();
        }
        let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
        let name: String = self.name().chars().map(safe).collect();
        let base = self.home.as_ref().map(|home| home.join(".local/state")).unwrap_or_default();
        base.join("ukai-worker").join(name)
    }

    /// The recipes that come with Ukai, and those of the folder in front of them.
    ///
    /// # Errors
    /// A folder that can't be read, or a recipe that can't be used.
    pub(crate) fn recipes(&self) -> anyhow::Result<Recipes> {
        let mut recipes = Recipes::embedded();
        let Some(folder) = &self.recipes else { return Ok(recipes) };
        let unreadable = || format!("--recipes {}", folder.display());
        let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).with_context(unreadable)?.collect();
        let mut files: Vec<_> =
            entries.with_context(unreadable)?.into_iter().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        // The first by name is tried first.
        files.sort_unstable_by(|one, other| other.cmp(one));
        for file in files {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).with_context(|| format!("--recipes: {name}"))?;
            recipes.add(&name, &text).map_err(|error| anyhow::anyhow!("--recipes: {error}"))?;
        }
        Ok(recipes)
    }

    /// Where the public address is asked for; `None` if switched off.
    ///
    /// # Errors
    /// A text that is neither an address nor `off`.
    pub fn ipinfo(&self) -> anyhow::Result<Option<Url>> {
        if matches!(self.ipinfo_url.as_str(), "" | "off" | "none") {
            return Ok(None);
        }
        Url::parse(&self.ipinfo_url).map(Some).map_err(|error| anyhow::anyhow!("--ipinfo-url: {error}"))
    }

    /// The browser that these settings describe.
    ///
    /// # Errors
    /// A proxy that is no `http://` address.
    pub(crate) fn browser(&self) -> anyhow::Result<ukai_browser::Config> {
        let upstream = self.proxy.as_deref().map(ukai_browser::Upstream::parse).transpose();
        Ok(ukai_browser::Config {
            executable: self.browser.clone(),
            headful: self.headful,
            display: self.display.clone(),
            user: self.browser_user.clone(),
            accept_no_sandbox: self.accept_no_sandbox,
            allow_private_targets: self.allow_private_targets,
            allowed_targets: self.allow_targets.clone(),
            upstream: upstream.map_err(|why| anyhow::anyhow!("--proxy: {why}"))?,
            max_pages: self.browser_max_pages,
            max_mb: self.browser_max_mb.unwrap_or_else(|| 600 + 200 * u64::from(self.capacity)),
            max_age: Duration::from_secs(self.browser_max_age_s),
            profile: self.profile.clone(),
            profiles: self.browser_profiles.clone(),
            user_agent: self.browser_agent.clone(),
            locale: self.locale.clone(),
            timezone: self.timezone.clone(),
            viewport: self.viewport,
            ..ukai_browser::Config::default()
        })
    }

    /// The pause between two pages, shortest and longest.
    ///
    /// # Errors
    /// The shortest is longer than the longest.
    pub fn pause(&self) -> Result<(Duration, Duration), Usage> {
        if self.min_delay_ms > self.max_delay_ms {
            return Err(Usage("--min-delay-ms must not be longer than --max-delay-ms".to_owned()));
        }
        Ok((Duration::from_millis(self.min_delay_ms), Duration::from_millis(self.max_delay_ms)))
    }

    /// Whether the server is on this machine.
    #[must_use]
    pub(crate) fn is_local(&self) -> bool {
        match self.server.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            None => false,
        }
    }
}

fn viewport(text: &str) -> Result<(u32, u32), String> {
    let size =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    size.filter(|(width, height)| (100..=8_000).contains(width) && (100..=8_000).contains(height))
        .ok_or_else(|| "expected WIDTHxHEIGHT of 100 to 8000 each".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::WorkerConfig;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        worker: WorkerConfig,
    }

    fn parse(more: &[&str]) -> Result<WorkerConfig, clap::Error> {
        let base = ["worker", "--server", "http://127.0.0.1:1", "--token", "t", "--name", "a b/c"];
        Arguments::try_parse_from(base.iter().chain(more)).map(|arguments| arguments.worker)
    }

    #[test]
    fn the_state_folder_is_one_for_each_name() {
        let config = parse(&["--home", "/h"]).unwrap();
        assert_eq!(config.state_folder().to_str(), Some("/h/.local/state/ukai-worker/a_b_c"));
        assert_eq!(parse(&["--state-dir", "/s"]).unwrap().state_folder().to_str(), Some("/s"));
        assert!(config.is_local());
    }

    #[test]
    fn describes_the_browser() {
        let more = [
            "--capacity",
            "3",
            "--viewport",
            "800x600",
            "--allow-target",
            "a:1,b:2",
            "--allow-target",
            "c:3",
        ];
        let browser = parse(&more).unwrap().browser().unwrap();
        assert_eq!((browser.max_mb, browser.viewport), (1_200, (800, 600)));
        assert_eq!(browser.allowed_targets, ["a:1", "b:2", "c:3"]);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        assert!(parse(&["--capacity", "0"]).is_err());
        assert!(parse(&["--server", "no address"]).is_err());
        assert!(parse(&["--viewport", "wide"]).is_err() && parse(&["--viewport", "10x10"]).is_err());
        assert!(parse(&["--proxy", "socks5://x:1"]).unwrap().browser().is_err());
        assert!(parse(&["--ipinfo-url", "no address"]).unwrap().ipinfo().is_err());
        let refusal = parse(&["--min-delay-ms", "20000"]).unwrap().pause().unwrap_err();
        assert!(refusal.to_string().contains("--min-delay-ms"), "{refusal}");
        assert!(parse(&["--ipinfo-url", "off"]).unwrap().ipinfo().unwrap().is_none());
    }
}
