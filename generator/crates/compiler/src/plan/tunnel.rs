//! The tunnel: the target of each hostname, in the order in which cloudflared compares them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::derive::dns_zone::dns_zone;
use crate::plan::ingress::{self, IngressPlan, IngressWorkload};
use crate::topology::versions::Versions;
use crate::topology::{CloudflareTunnel, Topology};
use meshwright_value::{
    CpuMillis, DnsName, Hostname, ImageReference, MemoryMib, Replicas, TunnelId, TunnelMode,
    TunnelProtocol,
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
    /// Whether cloudflared sends this hostname to the origin, whatever the visitor sends: it then
    /// sets `X-Forwarded-Host`, which the Ingress controller trusts (origin_proxy.go). A wildcard
    /// is not one name, so it is not sent.
    pub sets_host: bool,
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
    let CloudflareTunnel { id, mode, hostnames, .. } = declared;
    let connectors = ConnectorPlan {
        replicas: declared.replicas,
        protocol: declared.protocol,
        memory_limit: declared.memory_limit_mib,
        cpu_request: declared.cpu_request_millis,
    };
    let domain = &topology.network.dns_domain;
    let image = versions.cloudflared.image.clone();
    Some(TunnelPlan::new(id.clone(), *mode, (image, connectors), hostnames, (controller, domain)))
}

impl TunnelPlan {
    /// A tunnel whose rules all lead to one controller.
    #[must_use]
    pub fn new(
        id: TunnelId,
        mode: TunnelMode,
        (image, connectors): (ImageReference, ConnectorPlan),
        hostnames: &[Hostname],
        (controller, domain): (IngressWorkload, &DnsName),
    ) -> Self {
        let service = ingress::service_url(domain, controller);
        let hostnames = ordered(hostnames);
        let zones = zones(&hostnames);
        let rules = hostnames.into_iter().map(|hostname| TunnelRule {
            sets_host: !hostname.is_wildcard(),
            hostname,
            service: service.clone(),
        });
        let rules = rules.collect();
        Self { address: address(&id), id, mode, image, connectors, controller, rules, zones }
    }
}

fn zones(hostnames: &[Hostname]) -> Vec<DnsZonePlan> {
    let mut zones: BTreeMap<&str, Vec<Hostname>> = BTreeMap::new();
    for hostname in hostnames {
        zones.entry(dns_zone(hostname)).or_default().push(hostname.clone());
    }
    let zones = zones.into_iter();
    zones.map(|(name, hostnames)| DnsZonePlan { name: name.to_owned(), hostnames }).collect()
}

/// Whole names before wildcards, deeper wildcards before those that contain them: cloudflared uses
/// the first match, so every rule must come before those that contain it.
fn ordered(hostnames: &[Hostname]) -> Vec<Hostname> {
    let depth = |name: &Hostname| name.as_str().split('.').count();
    let mut ordered = hostnames.to_vec();
    ordered.sort_by_key(|name| {
        let wildcard_depth = name.is_wildcard().then(|| Reverse(depth(name)));
        (wildcard_depth, name.clone())
    });
    ordered.dedup();
    ordered
}

#[cfg(test)]
mod tests {
    use super::ordered;
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
        let hostnames = written.map(|name| Hostname::parse(name).unwrap());
        let sorted = ordered(&hostnames);
        assert_eq!(
            sorted.iter().map(Hostname::as_str).collect::<Vec<_>>(),
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
