//! `ukai doctor`: looks for what could be wrong on this machine and says what to do about each.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::{Value, json};
use url::Url;

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::output::{Output, cell, table};

/// Where to look.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Also asks this server.
    #[arg(long, env = "UKAI_URL", value_name = "URL")]
    url: Option<Url>,
    /// The key for it.
    #[arg(long, env = "UKAI_KEY", value_name = "KEY", hide_env_values = true)]
    key: Option<String>,
    /// The address that `ukai up` is to serve.
    #[arg(long, env = "UKAI_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The folder that `ukai up` is to use.
    #[arg(long, env = "UKAI_DATA_DIR", default_value = "./ukai-data", value_name = "FOLDER")]
    data_dir: PathBuf,
}

struct Finding {
    what: &'static str,
    ok: bool,
    found: String,
    todo: &'static str,
}

impl Doctor {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let mut findings =
            vec![browser().await, sandbox(), clock(), self.port(), self.folder(), space(&self.data_dir)];
        if let Some(url) = &self.url {
            findings.extend(ask(&Server { url: url.clone(), key: self.key.clone() }).await?);
        }
        let items: Vec<_> = findings.iter().map(Finding::document).collect();
        let wrong = findings.iter().filter(|finding| !finding.ok).count();
        output.answer(&json!({ "ok": wrong == 0, "checks": items }), |document| {
            let rows = document["checks"].as_array().into_iter().flatten();
            let rows = rows.map(|check| {
                let mark = if check["ok"] == true { "ok" } else { "WRONG" };
                [mark.to_owned(), cell(&check["check"]), cell(&check["found"]), cell(&check["todo"])]
            });
            table(["", "check", "found", "what to do"], rows)
        });
        if wrong == 0 {
            Ok(())
        } else {
            Err(Failure::failed(format!("{wrong} of {} checks failed", findings.len())))
        }
    }

    fn port(&self) -> Finding {
        let bound = TcpListener::bind(self.listen);
        Finding {
            what: "port",
            ok: bound.is_ok(),
            found: bound.map_or_else(
                |error| format!("{}: {error}", self.listen),
                |_| format!("{} is free", self.listen),
            ),
            todo: "end what listens there (is it ukai up itself?), or choose another with --listen",
        }
    }

    fn folder(&self) -> Finding {
        let parent = nearest(&self.data_dir);
        let probe = tempfile::Builder::new().prefix(".ukai-doctor-").tempfile_in(&parent);
        Finding {
            what: "data folder",
            ok: probe.is_ok(),
            found: match probe {
                Ok(_) => format!("{} can be written", self.data_dir.display()),
                Err(error) => format!("{}: {error}", self.data_dir.display()),
            },
            todo: "give this account the right to write there, or choose another folder with --data-dir",
        }
    }
}

impl Finding {
    fn document(&self) -> Value {
        let todo = if self.ok { Value::Null } else { json!(self.todo) };
        json!({ "check": self.what, "ok": self.ok, "found": self.found, "todo": todo })
    }
}

/// Found and able to run: a browser whose libraries are missing can't even say its version.
async fn browser() -> Finding {
    let path = ukai_worker::find_browser();
    let version = match &path {
        Some(path) => version(path).await,
        None => None,
    };
    Finding {
        what: "Chromium",
        ok: version.is_some(),
        found: match (&path, version) {
            (Some(path), Some(version)) => format!("{version} ({})", path.display()),
            (Some(path), None) => format!("{} doesn't run", path.display()),
            (None, _) => "none".to_owned(),
        },
        todo: "apt-get install --no-install-recommends chromium-headless-shell chromium-sandbox fonts-dejavu-core \
               (macOS: install Google Chrome), or name a binary with UKAI_BROWSER",
    }
}

async fn version(path: &Path) -> Option<String> {
    let asked = tokio::process::Command::new(path).arg("--version").kill_on_drop(true).output();
    let answer = tokio::time::timeout(Duration::from_secs(10), asked).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    (answer.status.success() && !text.is_empty()).then_some(text)
}

/// Chromium locks its pages in by user namespaces, or by its own set-uid program.
fn sandbox() -> Finding {
    let number =
        |path: &str| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let off = number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0)
        || number("/proc/sys/user/max_user_namespaces") == Some(0)
        || number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1);
    let program = Path::new("/usr/lib/chromium/chrome-sandbox").is_file();
    let found = match (cfg!(target_os = "linux"), off, program) {
        (false, _, _) => "the system's own",
        (true, false, _) => "user namespaces",
        (true, true, true) => "chrome-sandbox",
        (true, true, false) => "none: user namespaces are off and chrome-sandbox is missing",
    };
    Finding {
        what: "sandbox",
        ok: !(cfg!(target_os = "linux") && off && !program),
        found: found.to_owned(),
        todo: "apt-get install chromium-sandbox, or sysctl -w kernel.unprivileged_userns_clone=1",
    }
}

/// Leases don't trust the wall clock, but people read its times.
fn clock() -> Finding {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let year = 1970 + now.as_secs() / 31_556_952;
    Finding {
        what: "clock",
        ok: (2025..2100).contains(&year),
        found: format!("the year {year}"),
        todo: "set the clock (systemctl enable --now systemd-timesyncd)",
    }
}

fn space(folder: &Path) -> Finding {
    let free = nix::sys::statvfs::statvfs(&nearest(folder)).ok();
    // Their widths differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    let free = free.map_or(0, |disk| disk.blocks_available() as u64 * disk.fragment_size() as u64);
    Finding {
        what: "disk",
        ok: free > 1_000_000_000,
        found: format!("{:.1} GB free", free as f64 / 1e9),
        todo: "make room: below 1 GB the queue soon refuses new tasks",
    }
}

/// The folder itself, or the next one above that exists.
fn nearest(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

async fn ask(server: &Server) -> Result<Vec<Finding>, Failure> {
    let client = Client::new(server)?;
    let ready = client.get("readyz").await;
    let mut findings = vec![Finding {
        what: "server",
        ok: ready.is_ok(),
        found: match &ready {
            Ok(answer) => format!("{} is ready, version {}", server.url, cell(&answer["version"])),
            Err(error) => error.to_string(),
        },
        todo: "start it with `ukai up`, or correct --url",
    }];
    if ready.is_ok() {
        let workers = client.get("api/workers?limit=100").await;
        let connected = |list: &Value| {
            let items = list["items"].as_array().into_iter().flatten();
            items.filter(|worker| worker["connected"] == true).count()
        };
        findings.push(Finding {
            what: "key and workers",
            ok: workers.as_ref().is_ok_and(|list| connected(list) > 0),
            found: match &workers {
                Ok(list) => format!("{} workers connected", connected(list)),
                Err(error) => error.to_string(),
            },
            todo: "a refused key: give --key; no workers: `ukai worker-token create NAME` prints the command to start one",
        });
    }
    Ok(findings)
}
