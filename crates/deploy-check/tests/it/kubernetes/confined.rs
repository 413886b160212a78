//! Pods are confined, bounded, looked after, and given the time that they need to end.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Container;

use super::workloads::{Workload, workloads};
use super::{OVERLAYS, built};
use crate::files::nothing_wrong;

/// What a service may take to end, in seconds; the worker's running pages have 25 of them.
const LONGEST_END: i64 = 40;

#[test]
fn pods_are_confined() {
    let mut wrong = Vec::new();
    for overlay in OVERLAYS {
        for workload in workloads(&built(overlay)) {
            let faults = pod(&workload).into_iter().chain(workload.containers().flat_map(container));
            wrong.extend(faults.map(|what| format!("{overlay}: {}: {what}", workload.name)));
        }
    }
    nothing_wrong(&wrong);
}

fn pod(workload: &Workload) -> Vec<&'static str> {
    let pod = &workload.pod;
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &'static str| {
        if !holds {
            wrong.push(what);
        }
    };
    let context = pod.security_context.clone().unwrap_or_default();
    must(context.run_as_non_root == Some(true), "may run as root");
    must(context.run_as_user.is_some_and(|user| user > 0), "names no account");
    let seccomp = context.seccomp_profile.unwrap_or_default();
    let is_worker = workload.name == "ukai-worker";
    must(
        seccomp.type_ == if is_worker { "Localhost" } else { "RuntimeDefault" },
        "has another seccomp profile",
    );
    must(
        !is_worker || seccomp.localhost_profile.as_deref() == Some("ukai/chromium.json"),
        "has no profile for Chromium",
    );
    must(pod.automount_service_account_token == Some(false), "is given the cluster's token");
    must(pod.enable_service_links == Some(false), "is given variables that name services");
    must(pod.host_network.is_none() && pod.host_pid.is_none() && pod.host_ipc.is_none(), "shares the node's");
    must(pod.volumes.iter().flatten().all(|volume| volume.host_path.is_none()), "mounts a path of the node");
    let grace = pod.termination_grace_period_seconds.unwrap_or(30);
    must(!workload.is_ours() || grace > LONGEST_END, "is killed before it may have ended");
    must(
        pod.containers.iter().all(|container| container.readiness_probe.is_some()),
        "is never asked whether it is ready",
    );
    must(
        !workload.is_ours()
            || pod.containers.iter().all(|c| c.liveness_probe.is_some() && c.startup_probe.is_some()),
        "is never asked whether it lives",
    );
    wrong
}

fn container(container: &Container) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &'static str| {
        if !holds {
            wrong.push(what);
        }
    };
    let context = container.security_context.clone().unwrap_or_default();
    must(context.allow_privilege_escalation == Some(false), "may gain rights");
    must(context.privileged.is_none(), "says something about being privileged");
    must(context.read_only_root_filesystem == Some(true), "may write to its image");
    let capabilities = context.capabilities.unwrap_or_default();
    must(
        capabilities.drop.as_deref() == Some(&["ALL".to_owned()]) && capabilities.add.is_none(),
        "has capabilities",
    );
    let resources = container.resources.clone().unwrap_or_default();
    let named = |map: Option<std::collections::BTreeMap<String, _>>| {
        map.into_iter().flatten().map(|(name, _)| name).collect::<BTreeSet<_>>()
    };
    must(named(resources.requests).len() == 2, "asks for no memory or no CPU");
    must(named(resources.limits).contains("memory"), "has no limit of memory");
    let words = container.command.iter().chain(&container.args).flatten();
    let values = container.env.iter().flatten().filter_map(|variable| variable.value.as_ref());
    must(words.chain(values).all(|word| !word.contains("no-sandbox")), "switches the sandbox off");
    let secret = |name: &str| {
        ["PASSWORD", "TOKEN", "KEY", "DATABASE_URL", "NATS_URL"].iter().any(|end| name.ends_with(end))
    };
    must(
        container.env.iter().flatten().all(|variable| !secret(&variable.name) || variable.value.is_none()),
        "has a secret in plain sight",
    );
    wrong
}
