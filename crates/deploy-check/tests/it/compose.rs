//! docker-compose.yml: who is on which network, what is confined, what is read from where.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::files::{keys, nothing_wrong, root, text, texts, yaml};

const FILE: &str = "docker-compose.yml";
/// Those with a picture of the database, the bus or the leader.
const INSIDE: [&str; 7] = ["postgres", "nats", "migrate", "scheduler", "api", "gateway", "heartbeat-monitor"];

/// Each service.
pub(crate) fn services() -> BTreeMap<String, Value> {
    let document = yaml(FILE).remove(0);
    let services: BTreeMap<_, _> = document["services"].as_object().unwrap().clone().into_iter().collect();
    assert!(services.len() >= 13, "only {} services were read", services.len());
    services
}

fn networks(service: &Value) -> BTreeSet<String> {
    match &service["networks"] {
        list @ Value::Array(_) => texts(list).into_iter().collect(),
        map => keys(map),
    }
}

#[test]
fn workers_reach_neither_database_nor_bus() {
    let services = services();
    let document = yaml(FILE).remove(0);
    assert_eq!(document["networks"]["back"]["internal"], true, "the inner network leads outside");
    let worker = networks(&services["worker"]);
    for name in INSIDE {
        let common: Vec<_> = networks(&services[name]).intersection(&worker).cloned().collect();
        assert!(common.is_empty(), "a worker meets {name} in {common:?}");
        assert!(networks(&services[name]).contains("back"), "{name} is not on the inner network");
    }
    for (a, b) in [
        ("worker", "proxy"),
        ("proxy", "api"),
        ("proxy", "gateway"),
        ("prometheus", "worker"),
        ("prometheus", "scheduler"),
    ] {
        assert!(!networks(&services[a]).is_disjoint(&networks(&services[b])), "{a} does not reach {b}");
    }
    let known = keys(&document["networks"]);
    for (name, service) in services {
        assert!(!networks(&service).is_empty() && networks(&service).is_subset(&known), "{name}");
    }
}

#[test]
fn services_are_confined_bounded_and_looked_after() {
    let mut wrong = Vec::new();
    for (name, service) in services() {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("{name}: {what}"));
            }
        };
        let watched = service["profiles"] == serde_json::json!(["observability"]);
        let once = name == "migrate";
        let ours = service["command"][0].as_str().is_some_and(|command| command.starts_with("ukai"));
        must(service["restart"] == if once { "no" } else { "unless-stopped" }, "is not started again");
        must(watched || service["healthcheck"].is_object() || ours, "is never asked how it is");
        must(service["deploy"]["resources"]["limits"]["memory"].is_string(), "has no limit of memory");
        must(service["logging"].is_object(), "may fill the disk with logs");
        must(service["privileged"].is_null(), "says something about being privileged");
        if ours {
            must(service["read_only"] == true, "may write to its image");
            must(texts(&service["cap_drop"]) == ["ALL"], "has capabilities");
            let options = texts(&service["security_opt"]);
            must(options.contains(&"no-new-privileges:true".to_owned()), "may gain rights");
            must(service["user"].is_null(), "runs as another account than the image's");
        }
        for port in texts(&service["ports"]) {
            must(port.starts_with("${UKAI_PUBLISH:-127.0.0.1}:"), "is published beyond this machine");
        }
        must(!service.to_string().contains("no-sandbox"), "switches the sandbox off");
    }
    let services = services();
    for (name, replicas) in [("scheduler", 2), ("gateway", 2)] {
        assert_eq!(services[name]["deploy"]["replicas"], replicas, "{name}");
    }
    let profile = "seccomp:deploy/chromium/seccomp.json";
    let has = texts(&services["worker"]["security_opt"]).contains(&profile.to_owned());
    assert!(has, "the worker has no profile for Chromium's sandbox");
    nothing_wrong(&wrong);
}

/// `up -d` ends all containers of a service together.
#[test]
fn the_manual_replaces_one_of_several_at_a_time() {
    let manual = text("docs/operations.md");
    let lines: Vec<_> = manual.lines().filter(|line| line.starts_with("    docker compose up ")).collect();
    let mut several = 0;
    for (name, service) in services() {
        let Some(count) = service["deploy"]["replicas"].as_u64() else { continue };
        several += 1;
        let one_more = format!("    docker compose up -d --no-recreate --scale {name}={} {name}", count + 1);
        assert!(lines.iter().any(|line| line.starts_with(&one_more)), "{one_more}");
    }
    assert_eq!(several, 2, "services of which there are several");
    // Compose 2 takes what was made with it for outdated.
    assert!(lines.iter().all(|line| !line.contains("--no-deps")), "{lines:?}");
}

#[test]
fn what_is_mounted_built_and_waited_for_is_there() {
    let document = yaml(FILE).remove(0);
    let volumes = keys(&document["volumes"]);
    let services = services();
    let mut wrong = Vec::new();
    let mut mounted = BTreeSet::new();
    for (name, service) in &services {
        for volume in texts(&service["volumes"]) {
            let source = volume.split(':').next().unwrap_or_default().to_owned();
            match source.strip_prefix("./") {
                Some(path) if !root().join(path).exists() => wrong.push(format!("{name} mounts {path}")),
                Some(_) => {}
                None => _ = mounted.insert(source),
            }
        }
        let waits = &service["depends_on"];
        for (other, how) in waits.as_object().into_iter().flatten() {
            let condition = how["condition"].as_str().unwrap_or_default();
            let ends = if other == "migrate" { "service_completed_successfully" } else { "service_healthy" };
            if !services.contains_key(other) || condition != ends {
                wrong.push(format!("{name} waits for {other} to be {condition}"));
            }
        }
        let target = service["build"]["target"].as_str();
        if let Some(target) = target
            && !text("deploy/Dockerfile").contains(&format!(" AS {target}\n"))
        {
            wrong.push(format!("{name} is built from {target}, which is no stage"));
        }
    }
    assert_eq!(volumes, mounted, "volumes that are named, and those that are mounted");
    nothing_wrong(&wrong);
}

/// Names in `${…}`, or of a service's variables without a value, and whether they must have one.
fn variables() -> BTreeMap<String, bool> {
    let text = text(FILE);
    let mut found = BTreeMap::new();
    for part in text.split("${").skip(1) {
        let inner = part.split('}').next().unwrap_or_default();
        let name: String = inner.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        let must = inner[name.len()..].starts_with(":?");
        *found.entry(name).or_insert(false) |= must;
    }
    for service in services().values() {
        let variables = service["environment"].as_object().into_iter().flatten();
        for (name, _) in variables.filter(|(_, value)| value.is_null()) {
            found.entry(name.clone()).or_insert(false);
        }
    }
    found
}

#[test]
fn the_example_has_each_secret_and_setting_and_none_that_nothing_reads() {
    let example = text("deploy/compose/ukai.env.example");
    let lines = example.lines().filter_map(|line| line.split_once('='));
    let (mut secrets, mut settings) = (BTreeSet::new(), BTreeSet::new());
    for (name, value) in lines.filter(|(name, _)| name.trim_start_matches('#').starts_with("UKAI_")) {
        match name.strip_prefix('#') {
            Some(name) => _ = settings.insert(name.to_owned()),
            None => {
                assert!(value.is_empty(), "{name} has a value that everybody knows");
                secrets.insert(name.to_owned());
            }
        }
    }
    let variables = variables();
    let must = variables.iter().filter(|(_, must)| **must).map(|(name, _)| name.clone());
    assert_eq!(secrets, must.collect(), "secrets of the example, and those without which nothing starts");
    let can = variables.iter().filter(|(_, must)| !**must).map(|(name, _)| name.clone());
    assert_eq!(settings, can.collect(), "settings of the example, and those that docker-compose.yml takes");
}

/// A setting of one machine is one of the whole stack: what `ukai up` can be told, its services can.
#[test]
fn clocks_and_ages_are_taken_from_the_settings() {
    let services = services();
    let takes = |service: &str, name: &str| {
        let value = services[service]["environment"].get(name);
        value.is_some_and(|value| value.is_null() || value.as_str().is_some_and(|text| text.contains(name)))
    };
    for (name, by) in [
        ("UKAI_HEARTBEAT_INTERVAL_MS", &["scheduler", "heartbeat-monitor"][..]),
        ("UKAI_HEARTBEAT_TIMEOUT_MS", &["scheduler", "heartbeat-monitor"]),
        ("UKAI_AWAY_GRACE_MS", &["scheduler"]),
        ("UKAI_DEADLINE_SLACK_MS", &["scheduler"]),
        ("UKAI_ARTIFACT_DAYS", &["scheduler"]),
        ("UKAI_EVENT_DAYS", &["scheduler"]),
        ("UKAI_ARTIFACT_BASE_URL", &["api"]),
        ("UKAI_ARTIFACT_MAX_BYTES", &["api"]),
        ("UKAI_DRAIN_SPREAD_MS", &["gateway"]),
        ("UKAI_ALLOW_PRIVATE_TARGETS", &["api", "worker"]),
    ] {
        for service in by {
            assert!(takes(service, name), "{service} is not given {name}");
        }
    }
}

#[test]
fn no_secret_stands_in_the_file() {
    for (name, service) in services() {
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            // One without a value is taken from .env, or left out.
            let Some(value) = value.as_str() else { continue };
            let is_secret = ["PASSWORD", "TOKEN", "KEY"].iter().any(|end| variable.ends_with(end));
            assert!(!is_secret || value.starts_with("${"), "{name}: {variable}");
            if let Some((_, rest)) = value.split_once("://").filter(|(_, rest)| rest.contains('@')) {
                let password = rest.split('@').next().and_then(|user| user.split_once(':'));
                assert!(
                    password.is_some_and(|(_, password)| password.starts_with("${")),
                    "{name}: {variable}"
                );
            }
        }
    }
}

#[test]
fn the_seccomp_profile_lets_chromium_confine_itself_and_little_more() {
    let profile: Value = serde_json::from_str(&text("deploy/chromium/seccomp.json")).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let groups = profile["syscalls"].as_array().unwrap();
    let names: Vec<_> = groups.iter().flat_map(|group| texts(&group["names"])).collect();
    let allowed: BTreeSet<_> = names.iter().map(String::as_str).collect();
    assert_eq!(allowed.len(), names.len(), "a call stands twice");
    for needed in ["clone", "clone3", "unshare", "chroot", "seccomp", "prctl", "execve", "futex", "openat"] {
        assert!(allowed.contains(needed), "{needed}");
    }
    for never in [
        "mount",
        "umount2",
        "pivot_root",
        "bpf",
        "init_module",
        "finit_module",
        "kexec_load",
        "keyctl",
        "add_key",
        "perf_event_open",
        "process_vm_readv",
        "process_vm_writev",
        "userfaultfd",
        "io_uring_setup",
        "reboot",
        "settimeofday",
        "clock_settime",
        "swapon",
        "open_by_handle_at",
        "ioperm",
        "iopl",
        "fsopen",
        "move_mount",
    ] {
        assert!(!allowed.contains(never), "{never}");
    }
}
