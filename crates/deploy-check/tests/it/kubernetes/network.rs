//! Who reaches whom: every policy means somebody, and workers reach the origin, names and the internet alone.

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::typed::all;
use super::workloads::{Workload, meant, workloads};
use super::{OVERLAYS, built};
use crate::files::nothing_wrong;

fn policies(overlay: &str) -> Vec<(String, NetworkPolicySpec)> {
    let all = all::<NetworkPolicy>(&built(overlay).objects, "NetworkPolicy").into_iter();
    all.map(|policy| (policy.metadata.name.unwrap_or_default(), policy.spec.unwrap_or_default())).collect()
}

fn is_meant(spec: &NetworkPolicySpec, workload: &Workload) -> bool {
    spec.pod_selector.as_ref().is_none_or(|pods| meant(pods, &workload.labels))
}

#[test]
fn every_policy_means_somebody() {
    let mut wrong = Vec::new();
    for overlay in OVERLAYS {
        let workloads = workloads(&built(overlay));
        for (name, spec) in policies(overlay) {
            if !workloads.iter().any(|workload| is_meant(&spec, workload)) {
                wrong.push(format!("{overlay}: {name} means nobody"));
            }
            let from = spec.ingress.iter().flatten().flat_map(|rule| rule.from.iter().flatten());
            let to = spec.egress.iter().flatten().flat_map(|rule| rule.to.iter().flatten());
            for peer in from.chain(to) {
                let inside = peer.namespace_selector.is_none();
                if let (Some(pods), true) = (&peer.pod_selector, inside)
                    && !workloads.iter().any(|workload| meant(pods, &workload.labels))
                {
                    wrong.push(format!("{overlay}: {name} names pods that are not there"));
                }
            }
        }
        let (_, closed) = policies(overlay).into_iter().find(|(name, _)| name == "deny-by-default").unwrap();
        let kinds: BTreeSet<_> = closed.policy_types.into_iter().flatten().collect();
        assert_eq!(kinds, BTreeSet::from(["Egress".to_owned(), "Ingress".to_owned()]));
        assert!(closed.ingress.is_none() && closed.egress.is_none());
    }
    nothing_wrong(&wrong);
}

/// Every conversation that the services have is allowed on both sides, and what workers must not reach is not.
#[test]
fn conversations_are_allowed_on_both_sides_and_workers_have_one() {
    for overlay in OVERLAYS {
        let workloads = workloads(&built(overlay));
        let policies = policies(overlay);
        let named = |name: &str| workloads.iter().find(|workload| workload.name == name).unwrap();
        let talks = |from: &str, to: &str, port: i32| may(&policies, named(from), named(to), port);
        for (from, to, port) in [
            ("ukai-proxy", "ukai-api", 8080),
            ("ukai-proxy", "ukai-gateway", 8080),
            ("ukai-api", "ukai-scheduler", 7070),
            ("ukai-heartbeat-monitor", "ukai-scheduler", 7070),
            ("ukai-worker", "ukai-proxy", 8081),
        ] {
            assert!(talks(from, to, port), "{overlay}: {from} does not reach {to}:{port}");
        }
        for workload in workloads.iter().filter(|workload| workload.name != "ukai-proxy") {
            let ports = workload.pod.containers.iter().flat_map(|container| container.ports.iter().flatten());
            for port in ports {
                assert!(
                    !may(&policies, named("ukai-worker"), workload, port.container_port),
                    "{overlay}: a worker reaches {}:{}",
                    workload.name,
                    port.container_port
                );
            }
        }
        if overlay == "dev" {
            for service in ["ukai-api", "ukai-gateway", "ukai-scheduler", "ukai-heartbeat-monitor"] {
                assert!(talks(service, "postgres", 5432) && talks(service, "nats", 4222), "{service}");
            }
            assert!(!talks("ukai-proxy", "postgres", 5432) && !talks("ukai-proxy", "nats", 4222));
        }
    }
}

fn may(policies: &[(String, NetworkPolicySpec)], from: &Workload, to: &Workload, port: i32) -> bool {
    let out = policies.iter().filter(|(_, spec)| is_meant(spec, from)).any(|(_, spec)| {
        spec.egress.iter().flatten().any(|rule| {
            let open =
                port_is_open(rule.ports.as_deref().map(|ports| ports.iter().map(|p| p.port.as_ref())), port);
            open && rule.to.as_ref().is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, to)))
        })
    });
    let into = policies.iter().filter(|(_, spec)| is_meant(spec, to)).any(|(_, spec)| {
        spec.ingress.iter().flatten().any(|rule| {
            let open =
                port_is_open(rule.ports.as_deref().map(|ports| ports.iter().map(|p| p.port.as_ref())), port);
            open && rule.from.as_ref().is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, from)))
        })
    });
    out && into
}

fn port_is_open<'a>(ports: Option<impl Iterator<Item = Option<&'a IntOrString>>>, port: i32) -> bool {
    ports.is_none_or(|mut ports| ports.any(|open| open.is_none_or(|open| *open == IntOrString::Int(port))))
}

/// Pods of the same namespace; addresses outside of the cluster are nobody of ours.
fn is_peer(peer: &NetworkPolicyPeer, workload: &Workload) -> bool {
    let inside = peer.namespace_selector.is_none() && peer.ip_block.is_none();
    inside && peer.pod_selector.as_ref().is_none_or(|pods| meant(pods, &workload.labels))
}

#[test]
fn the_api_alone_of_the_services_reaches_a_bucket() {
    for overlay in OVERLAYS {
        let policies = policies(overlay);
        for workload in workloads(&built(overlay)).iter().filter(|workload| workload.name != "ukai-worker") {
            let meant = policies.iter().filter(|(_, spec)| is_meant(spec, workload));
            let mut rules = meant.flat_map(|(_, spec)| spec.egress.iter().flatten());
            let anywhere = rules.any(|rule| {
                let ports = rule.ports.as_deref().map(|ports| ports.iter().map(|p| p.port.as_ref()));
                rule.to.is_none() && port_is_open(ports, 443)
            });
            assert_eq!(anywhere, workload.name == "ukai-api", "{overlay}: {}", workload.name);
        }
    }
}

#[test]
fn workers_reach_no_private_network() {
    let private =
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "100.64.0.0/10"];
    for overlay in OVERLAYS {
        let workloads = workloads(&built(overlay));
        let worker = workloads.iter().find(|workload| workload.name == "ukai-worker").unwrap();
        let policies = policies(overlay);
        let rules = policies.iter().filter(|(_, spec)| is_meant(spec, worker));
        let peers = rules
            .flat_map(|(_, spec)| spec.egress.iter().flatten())
            .flat_map(|rule| rule.to.iter().flatten());
        let blocks: Vec<_> = peers.filter_map(|peer| peer.ip_block.as_ref()).collect();
        assert_eq!(blocks.len(), 2, "{overlay}: the internet, once for each family");
        for block in blocks {
            let except: BTreeSet<_> = block.except.iter().flatten().map(String::as_str).collect();
            let all = match block.cidr.as_str() {
                "0.0.0.0/0" => private.iter().all(|network| except.contains(network)),
                "::/0" => except.contains("fc00::/7") && except.contains("fe80::/10"),
                other => panic!("{overlay}: a worker reaches {other}"),
            };
            assert!(all, "{overlay}: a worker reaches private networks of {}", block.cidr);
        }
    }
}
