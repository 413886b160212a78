//! Objects into types and back: a field that gets lost on the way is one that the API doesn't know.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::built;
use super::custom::{ScaledObject, ServiceMonitor};
use super::kustomize::Object;

/// The object as its type.
pub(crate) fn typed<T: DeserializeOwned>(object: &Object) -> T {
    serde_json::from_value(object.value.clone())
        .unwrap_or_else(|error| panic!("{} {}: {error}", object.file, object.name()))
}

/// All objects of a kind.
pub(crate) fn all<T: DeserializeOwned>(objects: &[Object], kind: &str) -> Vec<T> {
    objects.iter().filter(|object| object.kind() == kind).map(typed).collect()
}

/// What the API would refuse or overlook.
pub(crate) fn faults(object: &Object) -> Vec<String> {
    let version = object.value["apiVersion"].as_str().unwrap_or_default();
    let lost = match (version, object.kind()) {
        ("apps/v1", "Deployment") => lost::<Deployment>(&object.value),
        ("apps/v1", "StatefulSet") => lost::<StatefulSet>(&object.value),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => lost::<HorizontalPodAutoscaler>(&object.value),
        ("keda.sh/v1alpha1", "ScaledObject") => lost::<ScaledObject>(&object.value),
        ("monitoring.coreos.com/v1", "ServiceMonitor") => lost::<ServiceMonitor>(&object.value),
        ("networking.k8s.io/v1", "Ingress") => lost::<Ingress>(&object.value),
        ("networking.k8s.io/v1", "NetworkPolicy") => lost::<NetworkPolicy>(&object.value),
        ("policy/v1", "PodDisruptionBudget") => lost::<PodDisruptionBudget>(&object.value),
        ("v1", "ConfigMap") => lost::<ConfigMap>(&object.value),
        ("v1", "Namespace") => lost::<Namespace>(&object.value),
        ("v1", "PersistentVolumeClaim") => lost::<PersistentVolumeClaim>(&object.value),
        ("v1", "Service") => lost::<Service>(&object.value),
        (version, kind) => vec![format!("{version} {kind} is not known here")],
    };
    lost.into_iter().map(|what| format!("{} {}: {what}", object.file, object.name())).collect()
}

fn lost<T: DeserializeOwned + Serialize>(source: &Value) -> Vec<String> {
    match serde_json::from_value::<T>(source.clone()).and_then(serde_json::to_value) {
        Ok(back) => {
            let mut found = Vec::new();
            differences(source, &back, "", &mut found);
            found
        }
        Err(error) => vec![error.to_string()],
    }
}

/// What of `source` isn't in `back`.
fn differences(source: &Value, back: &Value, path: &str, found: &mut Vec<String>) {
    match (source, back) {
        (Value::Object(source), Value::Object(back)) => {
            for (key, value) in source {
                let path = format!("{path}.{key}");
                match back.get(key) {
                    Some(back) => differences(value, back, &path, found),
                    None => found.push(format!("{path} is no field")),
                }
            }
        }
        (Value::Array(source), Value::Array(back)) if source.len() == back.len() => {
            for (n, (source, back)) in source.iter().zip(back).enumerate() {
                differences(source, back, &format!("{path}[{n}]"), found);
            }
        }
        (source, back) if source == back => {}
        (source, back) => found.push(format!("{path}: {source} was read as {back}")),
    }
}

#[test]
fn a_misspelt_field_is_found() {
    let object = |spec: Value| {
        let value = serde_json::json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "x" }, "spec": spec });
        Object { file: "f".to_owned(), value }
    };
    assert!(faults(&object(serde_json::json!({ "clusterIP": "None" }))).is_empty());
    assert_eq!(
        faults(&object(serde_json::json!({ "clusterIp": "None" }))),
        ["f x: .spec.clusterIp is no field"]
    );
    assert!(!faults(&object(serde_json::json!({ "ports": [{ "port": "many" }] }))).is_empty());
    let mut scaled = built("production").objects.into_iter().find(|o| o.kind() == "ScaledObject").unwrap();
    assert!(faults(&scaled).is_empty());
    let behavior = &mut scaled.value["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
    assert_eq!(behavior["scaleDown"]["stabilizationWindowSeconds"], 600);
    behavior["scaleDown"] = serde_json::json!({ "stabilisationWindowSeconds": 600 });
    assert!(!faults(&scaled).is_empty());
}
