//! What one object says of another is true: selectors, ports, mounted and read things, targets of scaling.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Probe, Service};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::custom::{ScaledObject, ServiceMonitor};
use super::kustomize::Built;
use super::typed::all;
use super::workloads::{Workload, meant, workloads};
use super::{OVERLAYS, built};
use crate::files::{nothing_wrong, text};

fn selector(labels: Option<BTreeMap<String, String>>) -> LabelSelector {
    LabelSelector { match_labels: labels, match_expressions: None }
}

#[test]
fn selectors_find_pods_and_services_find_ports() {
    let mut wrong = Vec::new();
    for overlay in OVERLAYS {
        let built = built(overlay);
        let workloads = workloads(&built);
        for workload in &workloads {
            if !meant(&workload.selector, &workload.labels) {
                wrong.push(format!("{overlay}: {} does not select its own pods", workload.name));
            }
            let others = workloads.iter().filter(|other| meant(&workload.selector, &other.labels)).count();
            if others != 1 {
                wrong.push(format!("{overlay}: {} selects others' pods", workload.name));
            }
            wrong.extend(probes(workload).map(|what| format!("{overlay}: {what}")));
        }
        for service in all::<Service>(&built.objects, "Service") {
            let name = service.metadata.name.unwrap_or_default();
            let spec = service.spec.unwrap_or_default();
            let pods = selector(spec.selector);
            let mut behind = workloads.iter().filter(|workload| meant(&pods, &workload.labels));
            let (Some(workload), None) = (behind.next(), behind.next()) else {
                wrong.push(format!("{overlay}: service {name} finds no or several kinds of pods"));
                continue;
            };
            for port in spec.ports.into_iter().flatten() {
                match port.target_port {
                    Some(IntOrString::String(target)) => {
                        let number = workload.port(&target);
                        let headless = spec.cluster_ip.as_deref() == Some("None");
                        if number.is_none() || (headless && number != Some(port.port)) {
                            wrong.push(format!("{overlay}: service {name}: port {target} is {number:?}"));
                        }
                    }
                    other => wrong.push(format!("{overlay}: service {name}: {other:?} is no port's name")),
                }
            }
        }
        for budget in all::<PodDisruptionBudget>(&built.objects, "PodDisruptionBudget") {
            let pods = budget.spec.and_then(|spec| spec.selector).unwrap_or_default();
            if workloads.iter().filter(|workload| meant(&pods, &workload.labels)).count() != 1 {
                wrong.push(format!("{overlay}: budget {:?} finds no pods", budget.metadata.name));
            }
        }
        for workload in workloads.iter().filter(|workload| workload.is_ours()) {
            let budgets = all::<PodDisruptionBudget>(&built.objects, "PodDisruptionBudget");
            let selectors = budgets.into_iter().filter_map(|budget| budget.spec?.selector);
            if selectors.filter(|pods| meant(pods, &workload.labels)).count() != 1 {
                wrong.push(format!("{overlay}: {} has no disruption budget", workload.name));
            }
        }
    }
    nothing_wrong(&wrong);
}

fn probes(workload: &Workload) -> impl Iterator<Item = String> {
    workload.pod.containers.iter().flat_map(|container| {
        let all = [&container.startup_probe, &container.liveness_probe, &container.readiness_probe];
        let ports = all.into_iter().flatten().filter_map(|probe: &Probe| probe.http_get.as_ref());
        ports.filter_map(|get| match &get.port {
            IntOrString::String(name) if workload.port(name).is_some() => None,
            other => Some(format!("{}: a probe asks {other:?}", workload.name)),
        })
    })
}

/// Keys of secrets that an overlay doesn't make: the document lists them for those who do.
fn documented() -> BTreeMap<(&'static str, String), BTreeSet<String>> {
    let operations = text("docs/operations.md");
    let rows = operations.lines().filter_map(|line| line.strip_prefix("| secret `")?.split_once("` | "));
    let rows = rows.map(|(name, rest)| {
        let keys = rest.split(" |").next().unwrap_or_default().split(", ");
        (("Secret", name.to_owned()), keys.map(|key| key.trim_matches('`').to_owned()).collect())
    });
    rows.collect()
}

#[test]
fn what_pods_read_and_mount_is_there() {
    let documented = documented();
    assert_eq!(documented.len(), 3, "the table of secrets in docs/operations.md was not found");
    let mut wrong = Vec::new();
    for overlay in OVERLAYS {
        let built = built(overlay);
        let mut there = there(&built);
        for (name, keys) in &documented {
            match there.get(name) {
                Some(made) if !made.is_superset(keys) => {
                    wrong.push(format!("{overlay}: {name:?} lacks keys"))
                }
                Some(_) => {}
                None => _ = there.insert(name.clone(), keys.clone()),
            }
        }
        for workload in workloads(&built) {
            for (kind, name, key) in needs(&workload) {
                let known = there.get(&(kind, name.clone()));
                if !known.is_some_and(|keys| key.as_ref().is_none_or(|key| keys.contains(key))) {
                    wrong.push(format!("{overlay}: {} needs {kind} {name} {key:?}", workload.name));
                }
            }
            let volumes = workload.pod.volumes.iter().flatten().map(|volume| &volume.name);
            let volumes: BTreeSet<_> = volumes.chain(&workload.claims).collect();
            let mounts = workload.containers().flat_map(|container| container.volume_mounts.iter().flatten());
            let mounted: BTreeSet<_> = mounts.map(|mount| &mount.name).collect();
            if volumes != mounted {
                wrong.push(format!("{overlay}: {} has {volumes:?} and mounts {mounted:?}", workload.name));
            }
        }
    }
    nothing_wrong(&wrong);
}

fn there(built: &Built) -> BTreeMap<(&'static str, String), BTreeSet<String>> {
    let written = all::<ConfigMap>(&built.objects, "ConfigMap").into_iter();
    let written = written.map(|map| {
        let keys = map.data.into_iter().flatten().map(|(key, _)| key).collect();
        (("ConfigMap", map.metadata.name.unwrap_or_default()), keys)
    });
    let claims = all::<PersistentVolumeClaim>(&built.objects, "PersistentVolumeClaim").into_iter();
    let claims = claims.map(|claim| (("Claim", claim.metadata.name.unwrap_or_default()), BTreeSet::new()));
    written.chain(claims).chain(built.generated.clone()).collect()
}

/// Kind, name and, where one is named, key.
fn needs(workload: &Workload) -> Vec<(&'static str, String, Option<String>)> {
    let mut needs = Vec::new();
    for container in workload.containers() {
        for source in container.env_from.iter().flatten() {
            needs.extend(source.config_map_ref.iter().map(|map| ("ConfigMap", map.name.clone(), None)));
            needs.extend(source.secret_ref.iter().map(|secret| ("Secret", secret.name.clone(), None)));
        }
        for from in container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
            let maps = from.config_map_key_ref.iter();
            needs.extend(maps.map(|map| ("ConfigMap", map.name.clone(), Some(map.key.clone()))));
            let secrets = from.secret_key_ref.iter();
            needs.extend(secrets.map(|secret| ("Secret", secret.name.clone(), Some(secret.key.clone()))));
        }
    }
    for volume in workload.pod.volumes.iter().flatten() {
        needs.extend(volume.config_map.iter().map(|map| ("ConfigMap", map.name.clone(), None)));
        let claims = volume.persistent_volume_claim.iter();
        needs.extend(claims.map(|claim| ("Claim", claim.claim_name.clone(), None)));
        let secrets = volume.secret.iter().filter_map(|secret| secret.secret_name.clone());
        needs.extend(secrets.map(|name| ("Secret", name, None)));
    }
    needs
}

/// `kubectl apply` sets a count that stands in a file, whatever a scaler has made of it.
#[test]
fn what_is_scaled_has_no_count_and_all_else_has_one() {
    let mut wrong = Vec::new();
    for overlay in OVERLAYS {
        let objects = built(overlay).objects;
        let targets = objects.iter().map(|object| &object.value["spec"]["scaleTargetRef"]);
        let scaled: Vec<_> =
            targets.map(|target| (target["kind"].as_str(), target["name"].as_str())).collect();
        for object in objects.iter().filter(|object| ["Deployment", "StatefulSet"].contains(&object.kind())) {
            let is_scaled = scaled.contains(&(Some(object.kind()), Some(object.name())));
            let count = &object.value["spec"]["replicas"];
            if is_scaled == count.is_u64() {
                wrong.push(format!("{overlay}: {} is scaled: {is_scaled}, count: {count}", object.name()));
            }
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn what_is_scaled_watched_and_published_is_there() {
    let mut wrong = Vec::new();
    let built = built("production");
    let workloads = workloads(&built);
    let is_there = |kind: &str, name: &str| workloads.iter().any(|w| w.kind == kind && w.name == name);
    let scalers = all::<HorizontalPodAutoscaler>(&built.objects, "HorizontalPodAutoscaler");
    let targets = scalers.into_iter().filter_map(|scaler| scaler.spec).map(|spec| {
        (
            spec.scale_target_ref.kind,
            spec.scale_target_ref.name,
            spec.min_replicas.unwrap_or(1),
            spec.max_replicas,
        )
    });
    let scaled = all::<ScaledObject>(&built.objects, "ScaledObject").into_iter().map(|object| {
        let spec = object.spec;
        assert!(spec.triggers.iter().all(|trigger| trigger.kind == "prometheus"), "{:?}", spec.triggers);
        let down = spec.advanced.horizontal_pod_autoscaler_config.behavior.scale_down;
        let patience = down.and_then(|rules| rules.stabilization_window_seconds).unwrap_or_default();
        assert!(spec.polling_interval.cast_signed() < patience && spec.fallback.replicas > 0);
        let (least, most) = (spec.min_replica_count.cast_signed(), spec.max_replica_count.cast_signed());
        (spec.scale_target_ref.kind, spec.scale_target_ref.name, least, most)
    });
    let targets: Vec<_> = targets.chain(scaled).collect();
    assert_eq!(targets.len(), 2, "gateways and workers are scaled");
    for (kind, name, least, most) in targets {
        if !is_there(&kind, &name) || least < 1 || most <= least {
            wrong.push(format!("{kind} {name} is scaled from {least} to {most}"));
        }
    }
    let services = all::<Service>(&built.objects, "Service");
    for monitor in all::<ServiceMonitor>(&built.objects, "ServiceMonitor") {
        let labelled = services.iter().filter(|service| {
            meant(&monitor.spec.selector, service.metadata.labels.as_ref().unwrap_or(&BTreeMap::new()))
        });
        let ports = labelled.filter_map(|service| service.spec.as_ref()?.ports.as_ref());
        let named = ports.filter(|ports| ports.iter().any(|port| port.name.as_deref() == Some("metrics")));
        let watched = named.count();
        let ours = workloads.iter().filter(|workload| workload.is_ours()).count();
        if watched != ours || monitor.spec.endpoints.iter().any(|endpoint| endpoint.port != "metrics") {
            wrong.push(format!("{watched} of {ours} services are asked for metrics"));
        }
    }
    for ingress in all::<Ingress>(&built.objects, "Ingress") {
        let rules = ingress.spec.and_then(|spec| spec.rules).unwrap_or_default();
        let paths = rules.into_iter().filter_map(|rule| rule.http).flat_map(|http| http.paths);
        for backend in paths.filter_map(|path| path.backend.service) {
            let port = backend.port.and_then(|port| port.name);
            let found =
                services.iter().filter(|service| service.metadata.name.as_ref() == Some(&backend.name));
            let mut ports = found.filter_map(|service| service.spec.as_ref()?.ports.as_ref()).flatten();
            if port.is_none() || !ports.any(|have| have.name == port) {
                wrong.push(format!("the ingress leads to {} {port:?}", backend.name));
            }
        }
    }
    nothing_wrong(&wrong);
}
