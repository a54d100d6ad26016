//! The tunnel: which hostname goes where, in the order in which cloudflared looks.

use std::cmp::Reverse;

use crate::plan::ingress::{self, IngressPlan};
use crate::topology::{CloudflareTunnel, Topology};
use meshwright_value::{Hostname, Replicas, TunnelId, TunnelMode};

/// The namespace of cloudflared.
pub const NAMESPACE: &str = "cloudflared";

/// The label by which NetworkPolicies know cloudflared's pods, in [`NAMESPACE`].
pub const POD_LABEL: (&str, &str) = ("app.kubernetes.io/name", "cloudflared");

/// The Secret that lets cloudflared serve the tunnel, in [`NAMESPACE`]; never in `out/`.
pub const SECRET: &str = "cloudflared-credentials";

/// The manifest of [`SECRET`], among those that `export` writes.
pub const SECRET_FILE: &str = "cloudflared.yaml";

/// The tunnel.
#[derive(Debug, Clone)]
pub struct TunnelPlan {
    /// Its UUID.
    pub id: TunnelId,
    /// Who holds the rules.
    pub mode: TunnelMode,
    /// How many connectors.
    pub replicas: Replicas,
    /// What public names point to.
    pub address: String,
    /// The rules; the first that matches is taken, and the last answers 404.
    pub rules: Vec<TunnelRule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelRule {
    /// The names it matches.
    pub hostname: Hostname,
    /// The URL that requests go to.
    pub service: String,
    /// Whether the origin is told this hostname whatever the visitor says: cloudflared then sets
    /// `X-Forwarded-Host`, which the Ingress controller trusts (origin_proxy.go). A wildcard has no
    /// one name to tell.
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

/// What public names of this tunnel point to.
pub(super) fn address(tunnel: &CloudflareTunnel) -> String {
    format!("{}.cfargotunnel.com", tunnel.id)
}

pub(super) fn derive(topology: &Topology, ingress: &IngressPlan) -> Option<TunnelPlan> {
    let tunnel = topology.cloudflare_tunnel.as_ref()?;
    let service = ingress::service_url(topology, ingress);
    let rules = ordered(&tunnel.hostnames).into_iter().map(|hostname| TunnelRule {
        sets_host: !hostname.is_wildcard(),
        hostname,
        service: service.clone(),
    });
    Some(TunnelPlan {
        id: tunnel.id.clone(),
        mode: tunnel.mode,
        replicas: tunnel.replicas,
        address: address(tunnel),
        rules: rules.collect(),
    })
}

/// Whole names before wildcards, deeper wildcards before those that cover them: cloudflared takes
/// the first match, so no rule is in the shadow of another.
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
        let written = written.map(|name| Hostname::parse(name).unwrap());
        let ordered = ordered(&written);
        let ordered: Vec<_> = ordered.iter().map(Hostname::as_str).collect();
        assert_eq!(
            ordered,
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
