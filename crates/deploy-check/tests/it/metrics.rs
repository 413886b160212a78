//! Alerts, panels and scaling rules name metrics that docs/operations.md lists, and say what to do.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::compose::services;
use crate::files::{nothing_wrong, text, texts, yaml};
use crate::kubernetes::built;

/// Every metric in backquotes in the document.
fn listed() -> BTreeSet<String> {
    let document = text("docs/operations.md");
    let quoted = document.split('`').skip(1).step_by(2);
    let names: BTreeSet<_> = quoted.filter(|name| name.starts_with("ukai_")).map(str::to_owned).collect();
    assert!(names.len() > 20, "docs/operations.md lists {names:?}");
    names
}

/// The metrics in an expression, without what their kind adds to their names.
fn named(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("ukai_"));
    let bare = ours.map(|word| {
        ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word)
    });
    bare.map(str::to_owned).collect()
}

fn unlisted(what: &str, expression: &str, wrong: &mut Vec<String>) {
    let listed = listed();
    let names = named(expression);
    wrong.extend(
        names
            .iter()
            .filter(|name| !listed.contains(*name))
            .map(|name| format!("{what}: {name} is not listed")),
    );
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerts {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for", default)]
    lasting: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    runbook: String,
}

#[test]
fn alerts_name_listed_metrics_and_say_what_to_do() {
    let alerts: Alerts = serde_saphyr::from_str(&text("deploy/prometheus/alerts.yml")).unwrap();
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for group in alerts.groups {
        for rule in group.rules {
            unlisted(&rule.alert, &rule.expr, &mut wrong);
            let mut must = |holds: bool, what: &str| {
                if !holds {
                    wrong.push(format!("{}/{}: {what}", group.name, rule.alert));
                }
            };
            must(["page", "ticket"].contains(&rule.labels.severity.as_str()), "has another severity");
            must(rule.annotations.summary.len() > 20, "does not say what it is");
            must(rule.annotations.runbook.len() > 40, "does not say what to do");
            must(rule.lasting.is_empty() || rule.lasting.ends_with(['s', 'm']), "has no duration");
            must(rule.expr.matches('(').count() == rule.expr.matches(')').count(), "has open brackets");
            must(names.insert(rule.alert.clone()), "stands twice");
        }
    }
    assert!(names.len() >= 15, "{names:?}");
    nothing_wrong(&wrong);
}

#[test]
fn panels_name_listed_metrics_and_lie_side_by_side() {
    let board: Value = serde_json::from_str(&text("deploy/grafana/dashboards/ukai.json")).unwrap();
    let mut wrong = Vec::new();
    let (mut ids, mut places, mut queries) = (BTreeSet::new(), BTreeSet::new(), 0);
    for panel in board["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap_or_default();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its number is another's");
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(x < 24 && places.insert((x, y)), "{title} lies over another panel");
            }
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries += 1;
            let expression = target["expr"].as_str().unwrap_or_default();
            if named(expression).is_empty() {
                wrong.push(format!("{title} asks for nothing of ours"));
            }
            unlisted(title, expression, &mut wrong);
            if target["datasource"]["uid"] != "${datasource}" {
                wrong.push(format!("{title} asks another data source"));
            }
        }
    }
    assert!(queries > 30, "{queries} queries");
    let source = &board["templating"]["list"][0];
    let provided = yaml("deploy/grafana/provisioning/datasources/ukai.yaml").remove(0);
    assert_eq!(source["current"]["value"], provided["datasources"][0]["uid"]);
    nothing_wrong(&wrong);
}

#[test]
fn gateways_and_workers_are_scaled_by_listed_metrics() {
    let mut wrong = Vec::new();
    let mut found = 0;
    for object in built("production").objects {
        let spec = &object.value["spec"];
        let asked = match object.kind() {
            "HorizontalPodAutoscaler" => &spec["metrics"][0]["pods"]["metric"]["name"],
            "ScaledObject" => &spec["triggers"][0]["metadata"]["query"],
            _ => continue,
        };
        let asked = asked.as_str().unwrap_or_default();
        assert!(!named(asked).is_empty(), "{} is scaled by {asked}", object.name());
        unlisted(object.name(), asked, &mut wrong);
        found += 1;
    }
    assert_eq!(found, 2);
    nothing_wrong(&wrong);
}

#[test]
fn prometheus_asks_every_service_of_ours() {
    let config = yaml("deploy/prometheus/prometheus.yml").remove(0);
    let mut asked = BTreeSet::new();
    for job in config["scrape_configs"].as_array().unwrap() {
        for source in job["dns_sd_configs"].as_array().unwrap() {
            assert_eq!((&source["type"], &source["port"]), (&"A".into(), &9464.into()), "{job}");
            asked.extend(texts(&source["names"]));
        }
    }
    let services = services();
    let ours = services.iter().filter(|(_, service)| {
        service["command"][0].as_str().is_some_and(|command| command.starts_with("ukai-"))
    });
    assert_eq!(asked, ours.map(|(name, _)| name.clone()).collect());
    assert_eq!(texts(&config["rule_files"]), ["alerts.yml"]);
}

#[test]
fn the_collector_uses_what_it_defines() {
    let config = yaml("deploy/otel/collector.yaml").remove(0);
    let has = |part: &str, name: &str| config[part].as_object().unwrap().contains_key(name);
    let pipelines = config["service"]["pipelines"].as_object().unwrap();
    assert!(!pipelines.is_empty());
    for (name, pipeline) in pipelines {
        for part in ["receivers", "processors", "exporters"] {
            let used = texts(&pipeline[part]);
            assert!(!used.is_empty() && used.iter().all(|used| has(part, used)), "{name}: {part}: {used:?}");
            let defined = config[part].as_object().unwrap().len();
            assert_eq!(defined, used.len(), "{part} that no pipeline uses");
        }
    }
    // A task's spans come over minutes and hours: whoever decides on the first of them loses the errors of the rest.
    assert!(!has("processors", "tail_sampling"), "traces are chosen where they begin");
    assert!(texts(&config["service"]["extensions"]).iter().all(|name| has("extensions", name)));
    // What it sends to is a service, on a network that both are on.
    let target = config["exporters"]["otlp/tempo"]["endpoint"].as_str().unwrap();
    assert!(services().contains_key(target.split(':').next().unwrap()), "{target}");
}
