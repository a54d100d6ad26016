//! Isolation: with the tunnel's credential only the Ingress controller can be reached, only cloudflared
//! reaches the controller, and no pod reaches a metadata service.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::IngressPath;
use super::policy::{self, CalledPort, OtherEnd, PodGroup, PolicyQuestion, differing};
use crate::finding::{FindingCode, ProofFinding};
use crate::model::Model;
use crate::read::objects::{
    EmittedPolicy, EmittedWorkload, NAMESPACE_NAME, PolicyDirection, PolicyPeer,
};
use crate::span::{FileLine, FileSpanned};
use meshwright_value::OriginService;

/// Subnets that are not the Internet (IANA: private use, shared address space, link local).
const PRIVATE: [(Ipv4Addr, u8); 5] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
];

pub(super) fn policies(path: &IngressPath<'_>) -> Vec<ProofFinding> {
    let mut findings = connectors(path);
    findings.extend(metrics(path));
    findings.extend(controller(path));
    findings
}

/// cloudflared connects to the edge, to cluster DNS and to selected pods only.
fn connectors(path: &IngressPath<'_>) -> Vec<ProofFinding> {
    let (pods, direction) = (PodGroup::new(path.connectors), PolicyDirection::Egress);
    let policies: Vec<_> = policy::selecting(path.files, pods, direction).collect();
    if policies.is_empty() {
        return vec![unguarded(
            path,
            path.connectors,
            direction,
            "cloudflared may connect to every address",
        )];
    }
    let mut findings = Vec::new();
    for policy in policies {
        for admission in &policy.egress {
            if admission.peers.is_empty() || admission.ports.is_empty() {
                let message = "a rule accepts all peers or all ports";
                findings.push(ProofFinding::new(FindingCode::PolicyAdmits, policy.place, message));
            }
            findings.extend(admission.peers.iter().filter_map(|peer| wide(policy, peer)));
            findings.extend(admission.peers.iter().filter_map(|peer| unused(path, policy, peer)));
        }
    }
    findings
}

/// cloudflared's metrics port shows its configuration and its memory (`/config`, `/debug/pprof`), so a
/// policy must select its clients.
fn metrics(path: &IngressPath<'_>) -> Option<ProofFinding> {
    let (pods, direction) = (PodGroup::new(path.connectors), PolicyDirection::Ingress);
    let guarded = policy::selecting(path.files, pods, direction).next().is_some();
    let message = "every pod may connect to cloudflared";
    (!guarded).then(|| unguarded(path, path.connectors, direction, message))
}

/// Reports a peer that contains more than the Internet, or more than the pods of one app.
fn wide(policy: &EmittedPolicy, peer: &PolicyPeer) -> Option<ProofFinding> {
    match peer {
        PolicyPeer::Block { net, except } => {
            let mut private_nets = PRIVATE
                .into_iter()
                .filter_map(|(address, length)| Ipv4Net::new(address, length).ok());
            let private = private_nets.find(|private| {
                let overlaps = net.value.contains(private) || private.contains(&net.value);
                overlaps && !except.iter().any(|except| except.value.contains(private))
            })?;
            let message =
                format!("cloudflared may connect to {private}, which is not the Internet");
            Some(ProofFinding::new(FindingCode::PolicyAdmits, net.place, message))
        }
        PolicyPeer::Pods { namespaces, pods } => {
            let named =
                namespaces.as_ref().is_none_or(|labels| labels.contains_key(NAMESPACE_NAME));
            let message = "cloudflared may connect to more pods than those of one app";
            let place = pods.values().next().map_or(policy.place, |label| label.place);
            (!named || pods.is_empty())
                .then(|| ProofFinding::new(FindingCode::PolicyAdmits, place, message))
        }
    }
}

/// Reports pods outside of the tree to which no rule of cloudflared leads.
fn unused(
    path: &IngressPath<'_>,
    policy: &EmittedPolicy,
    peer: &PolicyPeer,
) -> Option<ProofFinding> {
    let (namespace, pods) = peer.pods_of_namespace()?;
    let (_, rules) = path.tunnel.rules();
    let leads_there = rules.iter().any(|rule| {
        let service = OriginService::from_url(&rule.service.value, path.domain);
        service.is_some_and(|service| service.namespace().as_str() == namespace)
    });
    let message = format!(
        "cloudflared may connect to pods of {namespace}, and none of its rules leads to a Service there"
    );
    let place = pods.values().next().map_or(policy.place, |label| label.place);
    (!leads_there && !path.files.has_namespace(namespace))
        .then(|| ProofFinding::new(FindingCode::PolicyAdmits, place, message))
}

/// The controller trusts the visitor's address in a request's headers, so only cloudflared may connect
/// to it.
fn controller(path: &IngressPath<'_>) -> Vec<ProofFinding> {
    let Some(controller) = &path.files.controller else { return Vec::new() };
    let (pods, direction) = (PodGroup::new(&controller.workload), PolicyDirection::Ingress);
    let policies: Vec<_> = policy::selecting(path.files, pods, direction).collect();
    if policies.is_empty() {
        let message = "every pod may connect to the controller, and set the visitor's address";
        return vec![unguarded(path, &controller.workload, direction, message)];
    }
    let ports: Vec<_> = controller.workload.ports.iter().map(|port| port.number.value).collect();
    let mut findings = Vec::new();
    for policy in policies {
        for admission in &policy.ingress {
            let numbers = admission.ports.iter().map(|port| port.number.value);
            let concerns =
                admission.ports.is_empty() || numbers.into_iter().any(|port| ports.contains(&port));
            if !concerns {
                continue;
            }
            let stranger = admission.peers.iter().find_map(|peer| stranger(path, policy, peer));
            let all_peers = admission.peers.is_empty().then_some(policy.place);
            let message = "others than cloudflared may connect to the controller, and set the visitor's address";
            let place = stranger.or(all_peers);
            findings.extend(
                place.map(|place| ProofFinding::new(FindingCode::PolicyAdmits, place, message)),
            );
        }
    }
    findings
}

/// The controller reads its Ingresses from the API servers: it starts with none that it cannot call.
pub(super) fn calls_api_servers(path: &IngressPath<'_>, model: &Model) -> Option<ProofFinding> {
    let controller = path.files.controller.as_ref()?;
    let control_planes = model.nodes().map(|id| model.machine(id));
    let mut control_planes = control_planes
        .filter(|machine| machine.node.as_ref().is_some_and(|host| host.control_plane));
    control_planes.find_map(|machine| {
        let name = format!("the API server of {}", machine.name);
        let question = PolicyQuestion {
            pods: PodGroup::new(&controller.workload),
            direction: PolicyDirection::Egress,
            other: OtherEnd::Address(&name, model.classes.address(machine.address)),
            called: CalledPort { protocol: TCP, port: API },
        };
        policy::ask(path.files, &question).err()
    })
}

/// The line by which a peer is not only cloudflared's pods, which are selected by the name of their
/// namespace and by a label.
fn stranger(path: &IngressPath<'_>, policy: &EmittedPolicy, peer: &PolicyPeer) -> Option<FileLine> {
    let (namespaces, pods) = match peer {
        PolicyPeer::Block { net, .. } => return Some(net.place),
        PolicyPeer::Pods { namespaces, pods } => (namespaces.as_ref(), pods),
    };
    let own = namespaces.is_none() && policy.namespace == path.connectors.namespace;
    let named = namespaces.and_then(|labels| labels.get(NAMESPACE_NAME));
    let label = pods.values().next().map_or(policy.place, |label| label.place);
    match named {
        Some(named) if named.value != path.connectors.namespace => Some(named.place),
        None if !own => Some(label),
        _ if pods.is_empty() => Some(named.map_or(policy.place, |named| named.place)),
        _ => differing(pods, &path.connectors.labels).map(|(place, _)| place),
    }
}

/// No policy selects these pods. The line is that of a policy of their namespace that misses them, if
/// there is one.
fn unguarded(
    path: &IngressPath<'_>,
    pods: &EmittedWorkload,
    direction: PolicyDirection,
    message: &str,
) -> ProofFinding {
    let policies = path.files.objects.policies.iter();
    let mut near = policies.filter(|policy| policy.namespace == pods.namespace);
    let missed = near.next().map(|policy| match differing(&policy.pods, &pods.labels) {
        Some((place, _)) => place,
        None => policy.place,
    });
    let what = match direction {
        PolicyDirection::Ingress => "connections to",
        PolicyDirection::Egress => "connections from",
    };
    let name = &pods.name.value;
    let message = format!("no NetworkPolicy restricts {what} the pods of {name}: {message}");
    ProofFinding::new(FindingCode::PolicyAdmits, missed.unwrap_or(pods.place), message)
}

/// Calico's policy denies the services of clouds for their hosts, as the firewalls do: the first and the last
/// address of each range.
pub(super) fn metadata(model: &Model) -> Vec<ProofFinding> {
    let files = &model.emitted.ingress;
    let Some(first) = files.global_policies.first() else { return Vec::new() };
    let mut addresses: Vec<_> =
        model.host_services().flat_map(|net| [net.network(), net.broadcast()]).collect();
    addresses.dedup();
    let open = addresses.into_iter().filter(|address| {
        let policies = files.global_policies.iter();
        let mut rules = policies.filter_map(|policy| policy.rule_for(*address, TCP, HTTP));
        !rules.any(|rule| rule.denies)
    });
    let finding = |address: Ipv4Addr| {
        let message = format!(
            "no policy denies packets from pods to {address}, where clouds answer their hosts"
        );
        let nets = first.rules.iter().flat_map(|rule| &rule.nets);
        let near = nets.map(|net: &FileSpanned<Ipv4Net>| net.place).next_back();
        ProofFinding::new(FindingCode::PolicyAdmits, near.unwrap_or(first.place), message)
    };
    open.map(finding).collect()
}

const TCP: u8 = 6;
const HTTP: u16 = 80;
/// The API server's port (kubeadm's default).
const API: u16 = 6443;
