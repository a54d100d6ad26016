//! The tunnel: the target of each hostname, in the order in which cloudflared compares them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::derive::dns_zone::dns_zone;
use crate::plan::ingress::{self, IngressPlan, IngressWorkload};
use crate::topology::versions::Versions;
use crate::topology::{CloudflareTunnel, HostnameRule, Topology};
use meshwright_value::{
    CpuMillis, DnsName, Hostname, ImageReference, MemoryMib, OriginAccess, OriginPods,
    OriginRequest, OriginService, Replicas, TunnelId, TunnelMode, TunnelProtocol,
};

/// The namespace of cloudflared.
pub const NAMESPACE: &str = "cloudflared";

/// The label by which NetworkPolicies select cloudflared's pods, in [`NAMESPACE`].
pub const POD_LABEL: (&str, &str) = ("app.kubernetes.io/name", "cloudflared");

/// The Secret with which cloudflared serves the tunnel, in [`NAMESPACE`]; never in `out/`.
pub const SECRET: &str = "cloudflared-credentials";

/// The manifest of [`SECRET`], among those that `export` writes.
pub const SECRET_FILE: &str = "cloudflared.yaml";

/// The tunnel.
#[derive(Debug, Clone)]
pub struct TunnelPlan {
    /// Its UUID.
    pub id: TunnelId,
    /// The place of the rules.
    pub mode: TunnelMode,
    /// The image of cloudflared.
    pub image: ImageReference,
    /// The connectors.
    pub connectors: ConnectorPlan,
    /// The target of its rules.
    pub controller: IngressWorkload,
    /// The target of public DNS names.
    pub address: String,
    /// The rules; the first that matches is taken, and the last answers 404.
    pub rules: Vec<TunnelRule>,
    /// The pods behind origins of the user's own, which cloudflared may connect to.
    pub origin_pods: BTreeSet<OriginPods>,
    /// The DNS zones of the names, sorted.
    pub zones: Vec<DnsZonePlan>,
}

/// A DNS zone with names of the tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsZonePlan {
    /// Its name.
    pub name: String,
    /// The names in it, in the order of the rules.
    pub hostnames: Vec<Hostname>,
}

/// The pods of cloudflared.
#[derive(Debug, Clone, Copy)]
pub struct ConnectorPlan {
    /// Their number.
    pub replicas: Replicas,
    /// How they connect to the edge.
    pub protocol: TunnelProtocol,
    /// The most memory of each, in MiB.
    pub memory_limit: MemoryMib,
    /// The CPU that each requests, in thousandths.
    pub cpu_request: CpuMillis,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelRule {
    /// The names it matches.
    pub hostname: Hostname,
    /// The URL to which requests are sent.
    pub service: String,
    /// How the origin is called.
    pub request: OriginRequest,
    /// Whether a browser can open the name.
    pub is_http: bool,
}

/// A hostname, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedName {
    /// The name.
    pub hostname: Hostname,
    /// The Service that receives its requests; none is the Ingress controller.
    pub service: Option<OriginService>,
    /// How it is called.
    pub request: OriginRequest,
}

impl From<Hostname> for ServedName {
    fn from(hostname: Hostname) -> Self {
        Self { hostname, service: None, request: OriginRequest::default() }
    }
}

impl From<&HostnameRule> for ServedName {
    fn from(rule: &HostnameRule) -> Self {
        let access = rule.access.as_ref().map(|access| OriginAccess {
            team_name: access.team_name.clone(),
            aud_tags: access.aud_tags.clone(),
        });
        Self {
            hostname: rule.hostname.clone(),
            service: rule.service.clone(),
            request: OriginRequest {
                connect_timeout: rule.connect_timeout,
                tls_timeout: rule.tls_timeout,
                keep_alive_timeout: rule.keep_alive_timeout,
                keep_alive_connections: rule.keep_alive_connections,
                http_host_header: rule.http_host_header.clone(),
                origin_server_name: rule.origin_server_name.clone(),
                no_tls_verify: rule.no_tls_verify,
                http2_origin: rule.http2_origin,
                disable_chunked_encoding: rule.disable_chunked_encoding,
                access,
            },
        }
    }
}

/// The pods behind a rule's own Service; a rule with one has both keys (rule `hostname-rule-incomplete`).
fn origin_pods(rule: &HostnameRule) -> Option<OriginPods> {
    let namespace = rule.service.as_ref()?.namespace().clone();
    Some(OriginPods { namespace, labels: rule.pod_labels.clone(), port: rule.pod_port? })
}

/// The key of [`SECRET`] that each mode reads: `credentials.json` as `cloudflared tunnel create`
/// writes it, or the token that the dashboard shows.
#[must_use]
pub const fn secret_key(mode: TunnelMode) -> &'static str {
    match mode {
        TunnelMode::Local => "credentials.json",
        TunnelMode::Remote => "token",
    }
}

/// The target of the public DNS names of this tunnel.
pub(crate) fn address(id: &TunnelId) -> String {
    format!("{id}.cfargotunnel.com")
}

/// A tunnel has a controller (rule `tunnel-without-controller`).
pub(super) fn derive(
    topology: &Topology,
    versions: &Versions,
    ingress: Option<&IngressPlan>,
) -> Option<TunnelPlan> {
    let declared = topology.cloudflare_tunnel.as_ref()?;
    let controller = ingress?.workload;
    let CloudflareTunnel { id, mode, hostnames, rules, .. } = declared;
    let listed = hostnames.iter().cloned().map(ServedName::from);
    let names = listed.chain(rules.iter().map(ServedName::from)).collect();
    let pods = rules.iter().filter_map(origin_pods).collect();
    let connectors = ConnectorPlan {
        replicas: declared.replicas,
        protocol: declared.protocol,
        memory_limit: declared.memory_limit_mib,
        cpu_request: declared.cpu_request_millis,
    };
    let domain = &topology.network.dns_domain;
    let image = versions.cloudflared.image.clone();
    let served = (names, pods);
    Some(TunnelPlan::new(id.clone(), *mode, (image, connectors), served, (controller, domain)))
}

impl TunnelPlan {
    /// A tunnel whose rules lead to one controller, or to origins of their own: the names, and the pods behind these
    /// origins.
    #[must_use]
    pub fn new(
        id: TunnelId,
        mode: TunnelMode,
        (image, connectors): (ImageReference, ConnectorPlan),
        (names, origin_pods): (Vec<ServedName>, BTreeSet<OriginPods>),
        (controller, domain): (IngressWorkload, &DnsName),
    ) -> Self {
        let url = ingress::service_url(domain, controller);
        let names = ordered(names);
        let zones = zones(&names);
        let rules = names.into_iter().map(|name| rule(name, &url, domain)).collect();
        let address = address(&id);
        Self { address, id, mode, image, connectors, controller, rules, origin_pods, zones }
    }
}

/// For the Ingress controller, cloudflared sends the hostname to the origin, whatever the visitor sends: it then sets
/// `X-Forwarded-Host`, which the controller trusts (origin_proxy.go). A wildcard is not one name, so it is not sent.
fn rule(name: ServedName, controller: &str, domain: &DnsName) -> TunnelRule {
    let ServedName { hostname, service, mut request } = name;
    let is_http = service.as_ref().is_none_or(|service| service.scheme().is_http());
    let service = match service {
        Some(service) => service.url(domain),
        None => {
            request.http_host_header = (!hostname.is_wildcard()).then(|| hostname.clone());
            controller.to_owned()
        }
    };
    TunnelRule { hostname, service, request, is_http }
}

fn zones(names: &[ServedName]) -> Vec<DnsZonePlan> {
    let mut zones: BTreeMap<&str, Vec<Hostname>> = BTreeMap::new();
    for ServedName { hostname, .. } in names {
        zones.entry(dns_zone(hostname)).or_default().push(hostname.clone());
    }
    let zones = zones.into_iter();
    zones.map(|(name, hostnames)| DnsZonePlan { name: name.to_owned(), hostnames }).collect()
}

/// Whole names before wildcards, deeper wildcards before those that contain them: cloudflared uses
/// the first match, so every rule must come before those that contain it.
fn ordered(mut names: Vec<ServedName>) -> Vec<ServedName> {
    let depth = |name: &Hostname| name.as_str().split('.').count();
    names.sort_by_key(|ServedName { hostname, .. }| {
        let wildcard_depth = hostname.is_wildcard().then(|| Reverse(depth(hostname)));
        (wildcard_depth, hostname.clone())
    });
    names.dedup_by(|later, first| later.hostname == first.hostname);
    names
}

#[cfg(test)]
mod tests {
    use super::{ServedName, ordered};
    use meshwright_value::{Hostname, Text};

    #[test]
    fn no_rule_shadows_another() {
        let written = [
            "*.example.com",
            "b.example.com",
            "*.a.example.com",
            "example.com",
            "*.example.net",
            "x.a.example.com",
            "b.example.com",
        ];
        let names = written.map(|name| ServedName::from(Hostname::parse(name).unwrap()));
        let sorted = ordered(names.to_vec());
        assert_eq!(
            sorted.iter().map(|name| name.hostname.as_str()).collect::<Vec<_>>(),
            [
                "b.example.com",
                "example.com",
                "x.a.example.com",
                "*.a.example.com",
                "*.example.com",
                "*.example.net",
            ]
        );
    }
}
