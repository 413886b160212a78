//! The overlays of deploy/kubernetes.

mod confined;
mod custom;
mod kustomize;
mod network;
mod references;
mod typed;
mod workloads;

use super::files::{names, nothing_wrong, text};
use kustomize::Built;

/// What is checked: both ends of what the base is made for.
pub(crate) const OVERLAYS: [&str; 2] = ["dev", "production"];

/// An overlay as a whole.
pub(crate) fn built(overlay: &str) -> Built {
    kustomize::build(&format!("deploy/kubernetes/overlays/{overlay}"))
}

#[test]
fn every_overlay_is_checked() {
    let found: Vec<_> = names("deploy/kubernetes/overlays").into_iter().collect();
    assert_eq!(found, OVERLAYS);
}

#[test]
fn every_object_is_what_the_api_takes() {
    let mut wrong = Vec::new();
    for overlay in OVERLAYS {
        let built = built(overlay);
        assert!(built.objects.len() > 20, "{overlay}: only {} objects were read", built.objects.len());
        wrong.extend(built.objects.iter().flat_map(typed::faults));
        wrong.extend(built.wrong);
    }
    nothing_wrong(&wrong);
}

/// kustomize reads no file outside of its folder, so these are copies.
#[test]
fn copies_are_copies() {
    for (copy, original) in [
        ("deploy/kubernetes/base/Caddyfile", "deploy/proxy/Caddyfile"),
        ("deploy/kubernetes/overlays/dev/roles.sh", "deploy/postgres/roles.sh"),
        ("deploy/kubernetes/overlays/dev/nats.conf", "deploy/nats/nats.conf"),
    ] {
        assert_eq!(text(copy), text(original), "{copy} is no copy of {original} any more");
    }
}
