//! What runs: pods with their labels, ports and containers, whatever makes them.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::kustomize::Built;
use super::typed::all;

/// The pods of one Deployment or StatefulSet.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Its kind.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// Which pods it takes for its own.
    pub(crate) selector: LabelSelector,
    /// Its pods' labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its pods.
    pub(crate) pod: PodSpec,
    /// Names of the volumes that come with each pod.
    pub(crate) claims: Vec<String>,
}

impl Workload {
    fn new(
        kind: &'static str,
        name: Option<String>,
        selector: LabelSelector,
        template: PodTemplateSpec,
    ) -> Self {
        let labels = template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
        let pod = template.spec.unwrap_or_default();
        Self { kind, name: name.unwrap_or_default(), selector, labels, pod, claims: Vec::new() }
    }

    /// Those that start it, then those that stay.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &Container> {
        self.pod.init_containers.iter().flatten().chain(&self.pod.containers)
    }

    /// The number behind a port's name.
    pub(crate) fn port(&self, name: &str) -> Option<i32> {
        let ports = self.pod.containers.iter().flat_map(|container| container.ports.iter().flatten());
        ports.filter(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port).next()
    }

    /// Whether it is of Ukai's own making.
    pub(crate) fn is_ours(&self) -> bool {
        self.containers()
            .all(|container| container.command.as_ref().is_some_and(|command| command[0].starts_with("ukai")))
    }
}

/// Everything that runs in an overlay.
pub(crate) fn workloads(built: &Built) -> Vec<Workload> {
    let deployments = all::<Deployment>(&built.objects, "Deployment").into_iter().filter_map(|deployment| {
        let spec = deployment.spec?;
        Some(Workload::new("Deployment", deployment.metadata.name, spec.selector, spec.template))
    });
    let sets = all::<StatefulSet>(&built.objects, "StatefulSet").into_iter().filter_map(|set| {
        let spec = set.spec?;
        let claims =
            spec.volume_claim_templates.into_iter().flatten().filter_map(|claim| claim.metadata.name);
        let claims = claims.collect();
        let workload = Workload::new("StatefulSet", set.metadata.name, spec.selector, spec.template);
        Some(Workload { claims, ..workload })
    });
    deployments.chain(sets).collect()
}

/// Whether `labels` are meant by `selector`; an empty one means all.
pub(crate) fn meant(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let by_labels = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let mut by_expressions = selector.match_expressions.iter().flatten().map(|expression| {
        let have = labels.get(&expression.key);
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" => have.is_some_and(|have| values.contains(have)),
            "NotIn" => have.is_none_or(|have| !values.contains(have)),
            "Exists" => have.is_some(),
            "DoesNotExist" => have.is_none(),
            other => panic!("{other} is no operator of a selector"),
        }
    });
    by_labels && by_expressions.all(|holds| holds)
}
