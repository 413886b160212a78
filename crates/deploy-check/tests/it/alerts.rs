//! Alerts come when they must: also when those who would tell are gone, and never for what a former leader remembers.

use std::collections::{BTreeMap, BTreeSet};

use crate::files::{nothing_wrong, text, texts, yaml};
use crate::kubernetes::built;

/// What a scheduler that stepped down goes on showing as it last was.
const OF_THE_LEADER: [&str; 5] =
    ["queue_depth", "oldest_ready_age_seconds", "tasks", "leases", "connected_sessions"];

/// Alert to expression.
fn alerts() -> BTreeMap<String, String> {
    let document = yaml("deploy/prometheus/alerts.yml").remove(0);
    let groups = document["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let alerts: BTreeMap<_, _> = rules.map(|rule| (word(&rule["alert"]), word(&rule["expr"]))).collect();
    assert!(alerts.len() >= 20, "only {} alerts were read", alerts.len());
    alerts
}

#[test]
fn every_job_has_an_alert_for_none_of_it() {
    let prometheus = yaml("deploy/prometheus/prometheus.yml").remove(0);
    let jobs = prometheus["scrape_configs"].as_array().unwrap().iter();
    let jobs: BTreeSet<_> = jobs.map(|job| job["job_name"].as_str().unwrap().to_owned()).collect();
    // Its operator calls a job like the service.
    let objects = built("production").objects;
    let monitors: Vec<_> = objects.iter().filter(|object| object.kind() == "ServiceMonitor").collect();
    let [monitor] = monitors[..] else { panic!("{} service monitors", monitors.len()) };
    assert!(monitor.value["spec"]["jobLabel"].is_null());
    let watched = texts(&monitor.value["spec"]["selector"]["matchExpressions"][0]["values"]);
    let services = objects.iter().filter(|object| object.kind() == "Service");
    let services = services.filter(|service| {
        let label = service.value["metadata"]["labels"]["app.kubernetes.io/name"].as_str();
        label.is_some_and(|label| watched.iter().any(|name| name == label))
    });
    let services: BTreeSet<_> = services.map(|service| service.name().to_owned()).collect();
    assert_eq!(jobs, services, "jobs of prometheus.yml, and services that are watched on Kubernetes");
    let alerts = alerts();
    for job in jobs {
        let none = format!("(count(up{{job=\"{job}\"}} == 1) or vector(0)) == 0");
        assert!(alerts.values().any(|expression| *expression == none), "none of {job} is no alert");
    }
}

#[test]
fn a_sum_over_nobody_is_zero() {
    let mut wrong = Vec::new();
    for (name, expression) in alerts() {
        let compared = expression.match_indices("== 0").map(|(at, _)| expression[..at].trim_end());
        for before in compared.filter(|before| before.ends_with(')')) {
            if !before.ends_with("or vector(0))") {
                wrong.push(format!("{name} is silent where nobody tells: {before}"));
            }
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn what_the_queue_holds_is_asked_of_the_leader() {
    let board: serde_json::Value =
        serde_json::from_str(&text("deploy/grafana/dashboards/ukai.json")).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let panels = targets.map(|target| ("a panel".to_owned(), target["expr"].as_str().unwrap().to_owned()));
    let objects = built("production").objects;
    let scalers = objects.iter().filter_map(|object| {
        let query = object.value["spec"]["triggers"][0]["metadata"]["query"].as_str()?;
        Some((object.name().to_owned(), query.to_owned()))
    });
    let (mut wrong, mut found) = (Vec::new(), 0);
    for (what, expression) in alerts().into_iter().chain(panels).chain(scalers) {
        for name in OF_THE_LEADER.map(|name| format!("ukai_scheduler_{name}")) {
            for (at, _) in expression.match_indices(&name) {
                let rest = &expression[at + name.len()..];
                if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                    continue;
                }
                found += 1;
                let rest = if rest.starts_with('{') { rest.split_once('}').unwrap().1 } else { rest };
                let by_process = ["instance", "pod"].iter().any(|label| {
                    let rest = rest.strip_prefix(&format!(" and on ({label}) "));
                    rest.is_some_and(|rest| {
                        rest.trim_start_matches('(').starts_with("ukai_scheduler_leading == 1")
                    })
                });
                if !by_process {
                    wrong.push(format!("{what} asks whoever shows it: {expression}"));
                }
            }
        }
    }
    assert!(found >= 10, "{found} questions");
    nothing_wrong(&wrong);
}
