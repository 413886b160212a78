//! Every variable that a service is given is one that its command line knows, and has a value that it takes.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Command};
use serde_json::Value;
use ukai_gateway::Proxies;

use crate::compose::services;
use crate::files::{keys, nothing_wrong, text, yaml};
use crate::kubernetes::{OVERLAYS, built};

/// What each program reads.
fn programs() -> BTreeMap<&'static str, Command> {
    use ukai_boot::config::{Database, Log, Otlp};
    let with_log = |command| Otlp::augment_args(Log::augment_args(command));
    let new = Command::new;
    BTreeMap::from([
        ("ukai-api", with_log(ukai_api::process::ProcessConfig::augment_args(new("ukai-api")))),
        ("ukai-gateway", with_log(ukai_gateway::process::ProcessConfig::augment_args(new("ukai-gateway")))),
        (
            "ukai-scheduler",
            with_log(ukai_scheduler::process::ProcessConfig::augment_args(new("ukai-scheduler"))),
        ),
        (
            "ukai-heartbeat-monitor",
            with_log(ukai_heartbeat_monitor::process::ProcessConfig::augment_args(new(
                "ukai-heartbeat-monitor",
            ))),
        ),
        ("ukai-worker", with_log(ukai_worker::WorkerConfig::augment_args(new("ukai-worker")))),
        // `ukai migrate`, which also takes the settings of the log.
        ("ukai", Log::augment_args(Database::augment_args(new("ukai")))),
    ])
}

/// Program to the variables that it reads.
fn known() -> BTreeMap<&'static str, BTreeSet<String>> {
    let variables = |command: Command| -> BTreeSet<String> {
        let arguments = command.get_arguments().filter_map(clap::Arg::get_env);
        arguments.map(|name| name.to_string_lossy().into_owned()).collect()
    };
    programs().into_iter().map(|(name, command)| (name, variables(command))).collect()
}

/// Why a program would not start with these variables; those that it doesn't read are nothing to it.
fn refused(program: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    // They are given as flags: the environment is all tests' own.
    let command = programs().remove(program)?.mut_args(|argument| argument.required(false));
    let given = command.get_arguments().filter_map(|argument| {
        let value = variables.get(argument.get_env()?.to_str()?)?;
        let flag = argument.get_long()?;
        match (argument.get_action().takes_values(), value.as_str()) {
            (true, value) => Some(format!("--{flag}={value}")),
            (false, "true") => Some(format!("--{flag}")),
            (false, "false") => None,
            (false, other) => Some(format!("--{flag}={other}")),
        }
    });
    let line: Vec<_> = std::iter::once(program.to_owned()).chain(given).collect();
    command.try_get_matches_from(line).err().map(|error| error.to_string())
}

/// Whoever is told to forget must be who does.
#[test]
fn the_scheduler_alone_is_told_how_long_things_are_kept() {
    for name in ["UKAI_ARTIFACT_DAYS", "UKAI_EVENT_DAYS"] {
        let read: Vec<_> = known().into_iter().filter(|(_, reads)| reads.contains(name)).collect();
        let programs: Vec<_> = read.iter().map(|(program, _)| *program).collect();
        assert_eq!(programs, ["ukai-scheduler"], "{name}");
    }
}

/// Set by the image for all, or by the cluster's own means for a later variable.
fn is_foreign(name: &str) -> bool {
    !name.starts_with("UKAI_")
}

#[test]
fn compose_gives_what_is_read() {
    let known = known();
    let mut checked = 0;
    for (name, service) in services() {
        let Some(program) = service["command"][0].as_str().and_then(|command| known.get(command)) else {
            continue;
        };
        checked += 1;
        let given: BTreeSet<_> = merged(&service["environment"]).filter(|name| !is_foreign(name)).collect();
        let unread: Vec<_> = given.difference(program).collect();
        assert!(unread.is_empty(), "{name} does not read {unread:?}");
    }
    assert_eq!(checked, 6, "services of ours in docker-compose.yml");
}

/// With a file of settings that has secrets alone: all that can be left empty is.
#[test]
fn compose_gives_values_that_are_taken() {
    let mut wrong = Vec::new();
    for (name, service) in services() {
        let Some(program) = service["command"][0].as_str().filter(|command| command.starts_with("ukai"))
        else {
            continue;
        };
        let variables = service["environment"].as_object().unwrap();
        assert!(!variables.contains_key("<<"), "{name}: anchors are not merged");
        let given =
            variables.iter().filter_map(|(name, value)| Some((name.clone(), filled(value.as_str()?))));
        wrong.extend(refused(program, &given.collect()).map(|why| format!("{name}: {why}")));
    }
    nothing_wrong(&wrong);
}

/// A value with the defaults of the variables in it; a secret's is made up.
fn filled(value: &str) -> String {
    let mut parts = value.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once('}').unwrap();
        let default = inner.split_once(":-").map_or("a-secret-of-some-length", |(_, default)| default);
        text.push_str(default);
        text.push_str(rest);
    }
    text
}

/// An empty address of the storage ends the start, an empty key hides the machine's role.
#[test]
fn the_storage_s_settings_reach_the_api_where_they_are_given() {
    let services = services();
    let environment = services["api"]["environment"].as_object().unwrap();
    let example = text("deploy/compose/ukai.env.example");
    let known = known();
    let of_storage: Vec<_> = known["ukai-api"].iter().filter(|name| name.starts_with("UKAI_S3_")).collect();
    assert_eq!(of_storage.len(), 4, "{of_storage:?}");
    for name in of_storage {
        assert_eq!(environment.get(name), Some(&Value::Null), "{name}");
        assert!(example.contains(&format!("\n#{name}=")), "the example does not name {name}");
    }
    assert!(example.contains("\n#UKAI_ARTIFACT_STORE="));
    let empty = BTreeMap::from([("UKAI_S3_ENDPOINT".to_owned(), String::new())]);
    assert!(refused("ukai-api", &empty).is_some(), "an empty one is none: it may be given");
}

/// The variables, those of anchors included where the reader left them apart.
fn merged(environment: &Value) -> impl Iterator<Item = String> {
    let mut all = keys(environment);
    if all.remove("<<") {
        for part in environment["<<"].as_array().into_iter().flatten().chain(Some(&environment["<<"])) {
            all.extend(keys(part));
        }
    }
    all.into_iter()
}

#[test]
fn kubernetes_gives_what_is_read() {
    let known = known();
    let settings = yaml("deploy/kubernetes/base/settings.yaml").remove(0);
    let shared = keys(&settings["data"]);
    // What is shared is for all, so each name must mean something to somebody.
    let unread: Vec<_> =
        shared.iter().filter(|name| !known.values().any(|reads| reads.contains(*name))).collect();
    assert!(unread.is_empty(), "no service reads {unread:?}");
    for overlay in OVERLAYS {
        let mut checked = BTreeSet::new();
        for object in built(overlay).objects {
            let pod = &object.value["spec"]["template"]["spec"];
            for container in
                [&pod["initContainers"], &pod["containers"]].into_iter().flat_map(Value::as_array).flatten()
            {
                let Some(program) = container["command"][0].as_str().filter(|name| known.contains_key(name))
                else {
                    continue;
                };
                checked.insert(program.to_owned());
                for variable in container["env"].as_array().into_iter().flatten() {
                    let name = variable["name"].as_str().unwrap_or_default();
                    assert!(
                        is_foreign(name) || known[program].contains(name),
                        "{program} does not read {name}"
                    );
                }
            }
        }
        assert_eq!(checked.len(), known.len(), "{overlay}: programs of ours: {checked:?}");
    }
}

#[test]
fn every_container_of_ours_has_the_shared_settings() {
    let mut wrong = Vec::new();
    for overlay in OVERLAYS {
        let objects = built(overlay).objects;
        let shared = objects.iter().find(|object| object.name() == "ukai-settings").unwrap();
        let shared = shared.value["data"].as_object().unwrap().iter();
        let shared = shared.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let mut found = 0;
        for object in &objects {
            let pod = &object.value["spec"]["template"]["spec"];
            let containers = [&pod["initContainers"], &pod["containers"]].into_iter();
            for container in containers.flat_map(Value::as_array).flatten() {
                let image = container["image"].as_str().unwrap_or_default().rsplit('/').next();
                if !image
                    .is_some_and(|image| ["ukai", "ukai-worker"].contains(&image.split(':').next().unwrap()))
                {
                    continue;
                }
                found += 1;
                let mut sources = container["envFrom"].as_array().into_iter().flatten();
                if !sources.any(|source| source["configMapRef"]["name"] == "ukai-settings") {
                    wrong.push(format!("{overlay}: {} has not the settings", container["name"]));
                }
                let program = container["command"][0].as_str().unwrap();
                wrong.extend(refused(program, &shared).map(|why| format!("{overlay}: {program}: {why}")));
            }
        }
        assert_eq!(found, 6, "{overlay}: containers of ours");
    }
    nothing_wrong(&wrong);
}

/// Without that the gateway takes all clients for one: the proxy.
#[test]
fn gateways_believe_the_proxy_and_what_stands_before_it() {
    for overlay in OVERLAYS {
        let objects = built(overlay).objects;
        let named = |kind: &str, name: &str| {
            let mut found = objects.iter().filter(|object| (object.kind(), object.name()) == (kind, name));
            &found.next().unwrap_or_else(|| panic!("{overlay}: no {kind} {name}")).value
        };
        let believed = &named("ConfigMap", "ukai-settings")["data"]["UKAI_TRUSTED_PROXIES"];
        let believed = believed.as_str().unwrap_or_default();
        let proxy = &named("Deployment", "ukai-proxy")["spec"]["template"]["spec"]["containers"][0];
        let mut variables = proxy["env"].as_array().into_iter().flatten();
        let trusts = variables.find(|variable| variable["name"] == "UKAI_PROXY_TRUSTS");
        let trusts = trusts.and_then(|variable| variable["value"].as_str()).unwrap_or_default();
        let (gateway, proxy) =
            (believed.split(',').collect::<BTreeSet<_>>(), trusts.split(' ').collect::<BTreeSet<_>>());
        assert_eq!(gateway, proxy, "{overlay}: what gateways believe, and what the proxy believes");
        let networks = Proxies::parse(believed).unwrap();
        // Pods of kind and minikube, of Calico, of EKS and of GKE outside of 10.0.0.0/8.
        for pod in ["10.244.0.7", "192.168.3.4", "172.31.5.6", "100.64.1.2", "fd00::7"] {
            assert!(networks.contains(pod.parse().unwrap()), "{overlay}: a proxy at {pod} is not believed");
        }
        for stranger in ["203.0.113.1", "100.128.0.1", "2001:db8::1"] {
            assert!(!networks.contains(stranger.parse().unwrap()), "{overlay}: {stranger} is believed");
        }
    }
    let compose = yaml("docker-compose.yml").remove(0);
    let front = &compose["networks"]["front"]["ipam"]["config"][0]["subnet"];
    assert!(front.is_string(), "{front}");
    assert_eq!(&services()["gateway"]["environment"]["UKAI_TRUSTED_PROXIES"], front);
}

#[test]
fn the_image_sets_what_is_read() {
    let known = known();
    let dockerfile = text("deploy/Dockerfile");
    let lines = dockerfile.lines().filter_map(|line| line.strip_prefix("ENV "));
    let names: Vec<_> =
        lines.flat_map(|line| line.split(' ')).filter_map(|pair| pair.split('=').next()).collect();
    let ours: Vec<_> = names.into_iter().filter(|name| !is_foreign(name)).collect();
    assert!(ours.len() >= 3, "{ours:?}");
    for name in ours {
        assert!(known.values().any(|reads| reads.contains(name)), "no service reads {name}");
    }
    for program in known.keys() {
        assert!(dockerfile.contains(program), "the image does not hold {program}");
    }
}

#[test]
fn secrets_begin_as_every_service_wants_them() {
    // nats-server takes a password that begins with a digit for a number.
    let maker = text("deploy/compose/env.sh");
    assert!(
        maker.contains("${line}u$(head -c 32 /dev/urandom"),
        "secrets are made in another way: adapt this test"
    );
    for file in ["access", "database", "nats"] {
        for (name, value) in text(&format!("deploy/kubernetes/overlays/dev/{file}.env"))
            .lines()
            .filter_map(|l| l.split_once('='))
        {
            assert!(value.starts_with(|c: char| c.is_ascii_lowercase()) && value.len() >= 16, "{name}");
        }
    }
}
