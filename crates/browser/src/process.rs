//! The Chromium process: started in a group of its own, kept by a thread that lives as long as it does.
//!
//! The thread matters: the kernel's parent-death signal is bound to the thread that started the process, and a
//! runtime's worker thread may end long before the program does.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, LaunchError, executable,
    profile::{self, Folder},
};

/// A running Chromium. Dropping it kills the whole group and removes the profile folder, in the keeper's thread.
#[derive(Debug)]
pub(crate) struct Process {
    /// Where DevTools listens.
    pub(crate) devtools: String,
    /// Cancelled when the process has ended and its folder is gone.
    pub(crate) gone: CancellationToken,
    pub(crate) pid: u32,
    kill: mpsc::SyncSender<()>,
}

impl Process {
    /// Ends it now, whoever still uses it.
    pub(crate) fn kill(&self) {
        let _ = self.kill.try_send(());
    }

    /// Starts Chromium and waits for its DevTools address.
    pub(crate) async fn start(config: &Config, proxy: Option<SocketAddr>) -> Result<Self, LaunchError> {
        let binary = match &config.executable {
            Some(path) => path.clone(),
            None => executable::find(config.headful).ok_or(LaunchError::NotFound)?,
        };
        if config.headful && executable::is_headless_shell(&binary) {
            return Err(LaunchError::NoWindow("it needs full Chromium, not the headless shell"));
        }
        if config.headful && config.display.is_none() && !cfg!(target_os = "macos") {
            return Err(LaunchError::NoWindow("there is no display"));
        }
        let account = profile::account(config)?;
        let folder = match &config.profile {
            Some(path) => profile::keep(path, account)?,
            None => profile::create(&profile::base(config), account)?,
        };
        let mut command = Command::new(&binary);
        command
            .args(arguments(config, executable::is_headless_shell(&binary), folder.path(), proxy))
            .current_dir("/")
            // Nothing of this process's environment, which may hold a token, is for a browser.
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(display) = &config.display {
            command.env("DISPLAY", display);
        }
        if let Some(account) = account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        die_with_parent(&mut command);
        let (address, devtools) = oneshot::channel();
        let (kill, killed) = mpsc::sync_channel(1);
        let gone = CancellationToken::new();
        let ended = gone.clone().drop_guard();
        thread::Builder::new()
            .name("chromium-keeper".to_owned())
            .spawn(move || {
                let _ended = ended;
                keep(command, &folder, address, &killed);
                drop(folder);
            })
            .map_err(|error| LaunchError::Io("no thread for Chromium", error))?;
        match tokio::time::timeout(config.launch_timeout, devtools).await {
            Ok(Ok(started)) => started.map(|(pid, devtools)| Self { devtools, gone, pid, kill }),
            Ok(Err(_)) => Err(LaunchError::Exited("its keeper ended".to_owned())),
            Err(_) => Err(LaunchError::Timeout(config.launch_timeout)),
        }
    }
}

fn arguments(config: &Config, shell: bool, profile: &Path, proxy: Option<SocketAddr>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = [
        "--remote-debugging-port=0",
        "--no-first-run",
        "--no-default-browser-check",
        "--no-pings",
        "--disable-background-networking",
        "--disable-breakpad",
        "--disable-client-side-phishing-detection",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-dev-shm-usage",
        "--disable-domain-reliability",
        "--disable-extensions",
        "--disable-hang-monitor",
        "--disable-popup-blocking",
        "--disable-sync",
        "--disable-features=Translate,MediaRouter,OptimizationHints,DialMediaRouteProvider",
        "--dns-prefetch-disable",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--hide-scrollbars",
        "--js-flags=--max-old-space-size=512",
        "--metrics-recording-only",
        "--mute-audio",
        "--password-store=basic",
        "--use-mock-keychain",
    ]
    .map(OsString::from)
    .into();
    let (width, height) = config.viewport;
    arguments.push(format!("--window-size={width},{height}").into());
    if let Some(proxy) = proxy {
        arguments.push(format!("--proxy-server=http://{proxy}").into());
        // Without this, loopback and link-local go out directly.
        arguments.push("--proxy-bypass-list=<-loopback>".into());
        // The proxy resolves names; what tries to on its own finds none.
        arguments.push(format!("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {}", proxy.ip()).into());
    }
    let mut folder = OsString::from("--user-data-dir=");
    folder.push(profile);
    arguments.push(folder);
    if !config.headful && !shell {
        arguments.push("--headless=new".into());
    }
    if let Some(agent) = &config.user_agent {
        arguments.push(format!("--user-agent={agent}").into());
    }
    if config.accept_no_sandbox {
        arguments.push("--no-sandbox".into());
    }
    arguments.push("about:blank".into());
    arguments
}

/// Asks the kernel to kill Chromium when the keeper's thread ends, however this process ends.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "the one way to run prctl between fork and exec; both calls are async-signal-safe"
)]
fn die_with_parent(command: &mut Command) {
    let parent = nix::unistd::getpid();
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(signal::Signal::SIGKILL)?;
            // The parent may have died before the call above.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

type Address = oneshot::Sender<Result<(u32, String), LaunchError>>;

/// The keeper: starts the process, hands out its address, and ends when it has ended.
fn keep(mut command: Command, folder: &Folder, address: Address, killed: &mpsc::Receiver<()>) {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = address.send(Err(LaunchError::Io("Chromium can't be started", error)));
            return;
        }
    };
    let pid = child.id();
    if let Some(stderr) = child.stderr.take() {
        // Ends with the process; detached because a grandchild may hold the pipe open for a moment longer.
        let _ = thread::Builder::new()
            .name("chromium-stderr".to_owned())
            .spawn(move || read_stderr(stderr, pid, address));
    }
    loop {
        match killed.recv_timeout(Duration::from_millis(200)) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if !matches!(child.try_wait(), Ok(None)) {
                    break;
                }
            }
        }
    }
    end_group(&mut child, pid);
    folder.remove();
    tracing::debug!(pid, "chromium has ended");
}

/// Kills the group, reaps its leader and waits until nobody is left in it.
fn end_group(child: &mut Child, pid: u32) {
    let Ok(group) = i32::try_from(pid).map(Pid::from_raw) else { return };
    let _ = signal::killpg(group, signal::Signal::SIGKILL);
    let _ = child.wait();
    let patience = Instant::now() + Duration::from_secs(2);
    while signal::killpg(group, signal::Signal::SIGKILL).is_ok() && Instant::now() < patience {
        // Where this process is a container's first, helpers whose parent died are its children, and nobody else
        // reaps them.
        let corpses = Pid::from_raw(-group.as_raw());
        while waitpid(corpses, Some(WaitPidFlag::WNOHANG))
            .is_ok_and(|status| status != WaitStatus::StillAlive)
        {}
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends the address when Chromium prints it, then reads on so that the pipe never fills.
fn read_stderr(stderr: ChildStderr, pid: u32, address: Address) {
    let mut address = Some(address);
    let mut last = VecDeque::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if address.is_none() {
            continue;
        }
        if let Some(url) = line.strip_prefix("DevTools listening on ") {
            if let Some(address) = address.take() {
                let _ = address.send(Ok((pid, url.trim().to_owned())));
            }
            continue;
        }
        if last.len() == 5 {
            last.pop_front();
        }
        last.push_back(line);
    }
    if let Some(address) = address {
        let said = Vec::from(last).join(" | ");
        let no_sandbox = ["No usable sandbox", "SUID sandbox helper", "Failed to move to new namespace"];
        let error = if no_sandbox.iter().any(|sign| said.contains(sign)) {
            LaunchError::NoSandbox
        } else {
            LaunchError::Exited(said)
        };
        let _ = address.send(Err(error));
    }
}
