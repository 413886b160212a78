//! The process: whose it is, that it is replaced, that nothing of it stays.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};
use ukai_browser::{Browser, Config, LaunchError, PageRequest};

use crate::server::{Server, browser, config, profiles};

fn is_gone(pid: u32) -> bool {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), None).is_err()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < patience, "{what} within ten seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Every live process of the group: its id, command line and status.
fn processes(group: u32) -> Vec<(u32, String, String)> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?.replace('\0', " ");
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name in brackets: state, parent, group.
        let of: u32 = stat.rsplit(')').next()?.split_whitespace().nth(2)?.parse().ok()?;
        (of == group).then_some((pid, line, status))
    })
    .collect()
}

#[tokio::test]
async fn runs_unprivileged_with_its_sandbox_and_leaves_nothing() {
    let server = Server::start().await;
    let (browser, folder) = browser().await;
    let pid = browser.pid().await.unwrap();
    let request = server.request("/restless");
    let (page, running) = tokio::join!(browser.fetch(&request), async {
        let patience = Instant::now() + Duration::from_secs(5);
        loop {
            let running = processes(pid);
            let confined = |(_, line, status): &(u32, String, String)| {
                line.contains("--type=renderer") && status.contains("Seccomp:\t2")
            };
            if running.iter().any(confined) {
                break running;
            }
            assert!(Instant::now() < patience, "no confined renderer among {running:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    page.unwrap();
    let main = &running.iter().find(|process| process.0 == pid).unwrap();
    assert!(running.iter().all(|(_, line, _)| !line.contains("--no-sandbox")));
    if geteuid().is_root() {
        let nobody = User::from_name("nobody").unwrap().unwrap().uid;
        assert!(main.2.contains(&format!("Uid:\t{nobody}\t{nobody}\t{nobody}")), "{}", main.2);
    }
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("CARGO"), "our environment is not for a browser");
    browser.close().await;
    assert!(is_gone(pid));
    assert_eq!(entries(folder.path()), 0, "the profile is gone");
    wait_until("no helper is left", || processes(pid).is_empty());
}

#[tokio::test]
async fn a_killed_browser_is_replaced() {
    let server = Server::start().await;
    let (browser, folder) = browser().await;
    let pid = browser.pid().await.unwrap();
    let request = PageRequest { settle: Duration::from_secs(8), ..server.request("/restless") };
    let (error, ()) = tokio::join!(browser.fetch(&request), async {
        let patience = Instant::now() + Duration::from_secs(5);
        while browser.vitals().pages == 0 && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    });
    assert_eq!(error.unwrap_err().kind(), ukai_browser::ErrorKind::Crashed);
    assert_eq!((browser.vitals().expected, browser.vitals().alive), (1, 0));
    let back = Instant::now();
    browser.fetch(&server.request("/plain")).await.unwrap();
    assert!(back.elapsed() < Duration::from_secs(10), "the next page took {:?}", back.elapsed());
    let vitals = browser.vitals();
    assert_eq!((vitals.alive, vitals.started, vitals.crashed), (1, 2, 1));
    assert!(vitals.memory > 20 << 20 && vitals.memory < 2 << 30, "{vitals:?}");
    assert_ne!(browser.pid().await.unwrap(), pid);
    wait_until("the old profile is gone", || entries(folder.path()) == 1);
    assert!(is_gone(pid));
    wait_until("no corpse of it is left", || !corpses().contains(&pid));
}

/// The groups of this process's children that have ended and were not reaped.
fn corpses() -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut fields = stat.rsplit(')').next()?.split_whitespace();
        let (state, parent, group) = (fields.next()?, fields.next()?, fields.next()?);
        (state == "Z" && parent == std::process::id().to_string()).then(|| group.parse().unwrap())
    })
    .collect()
}

#[tokio::test]
async fn a_new_process_serves_after_max_pages() {
    let server = Server::start().await;
    let folder = profiles();
    let browser = Browser::launch(Config { max_pages: 2, ..config(folder.path()) }).await.unwrap();
    let mut pids = Vec::new();
    for _ in 0..4 {
        browser.fetch(&server.request("/plain")).await.unwrap();
        pids.push(browser.pid().await.unwrap());
    }
    assert!(pids[0] == pids[1] && pids[2] == pids[3] && pids[1] != pids[2], "{pids:?}");
    wait_until("the old process is gone", || is_gone(pids[0]));
}

#[tokio::test]
async fn dies_with_a_killed_owner_and_is_swept_by_the_next() {
    let folder = profiles();
    let example = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/hold");
    let mut owner = Command::new(example).arg(folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    assert!(!is_gone(pid));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until("the browser and its helpers are gone", || processes(pid).is_empty());
    assert_eq!(entries(folder.path()), 1, "a killed owner can't tidy up");
    let next = Browser::launch(config(folder.path())).await.unwrap();
    assert_eq!(entries(folder.path()), 1, "only the profile of the new one");
    next.close().await;
    assert_eq!(entries(folder.path()), 0);
}

#[tokio::test]
async fn what_can_not_start_says_why_and_leaves_nothing() {
    let folder = profiles();
    let missing = Config { executable: Some("/nonexistent/chromium".into()), ..config(folder.path()) };
    assert!(matches!(Browser::launch(missing).await, Err(LaunchError::Io(..))));
    let other = Config { executable: Some("/bin/false".into()), ..config(folder.path()) };
    assert!(matches!(Browser::launch(other).await, Err(LaunchError::Exited(_))));
    let window = Config {
        headful: true,
        executable: Some("/x/chromium-headless-shell".into()),
        ..config(folder.path())
    };
    assert!(matches!(Browser::launch(window).await, Err(LaunchError::NoWindow(_))));
    if geteuid().is_root() {
        for user in ["root", "no-such-account"] {
            let wrong = Config { user: user.to_owned(), ..config(folder.path()) };
            assert!(matches!(Browser::launch(wrong).await, Err(LaunchError::User(_))), "{user}");
        }
    }
    wait_until("no profile is left", || entries(folder.path()) == 0);
}
