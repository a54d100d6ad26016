//! The policy that denies pods what clouds answer their hosts, such as the metadata service.

use serde::Serialize;

use crate::encode::yaml::YamlFile;
use crate::render::calico::{PROJECT_CALICO, object};
use meshwright_value::Subnet;

/// The tier; a policy's name starts with that of its tier.
const TIER: &str = "meshwright";
const POLICY: &str = "meshwright.metadata";

/// In its own tier, before that of NetworkPolicies (1,000,000). There the same rule would either
/// isolate each pod that it selects, or, with an Allow at its end, overrule the NetworkPolicies
/// behind it. From here, packets that are not denied pass to the next tier.
const ORDER: u32 = 100;

const ABOUT: &str = "\
pods cannot reach the services of a cloud for its hosts, such as the metadata service, which returns user-data and
credentials of the host. The firewall of each node has the same rule; this policy counts by pod. It does not apply to
pods on the host's network";

pub(super) fn file(services: &[Subnet]) -> Vec<u8> {
    let tier = TierSpec { order: ORDER, default_action: "Pass" };
    YamlFile::new(ABOUT)
        .document(&object(PROJECT_CALICO, "Tier", TIER, tier))
        .document(&object(PROJECT_CALICO, "GlobalNetworkPolicy", POLICY, policy(services)))
        .finish()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TierSpec {
    order: u32,
    /// The action for a packet of a selected pod that no rule matches.
    default_action: &'static str,
}

#[derive(Serialize)]
struct GlobalNetworkPolicySpec {
    tier: &'static str,
    order: u32,
    /// Only pods are in a namespace: host endpoints are not, and must not be selected.
    selector: &'static str,
    types: [&'static str; 1],
    egress: Vec<CalicoRule>,
}

#[derive(Serialize)]
struct CalicoRule {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    destination: CalicoRuleDestination,
}

#[derive(Serialize)]
struct CalicoRuleDestination {
    nets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<&'static [u16]>,
}

/// The resolvers of some clouds are at these addresses, and so those that cluster DNS asks (RFC 1035).
const DNS: u16 = 53;
/// So are their clocks (RFC 5905).
const TIME: u16 = 123;

fn policy(services: &[Subnet]) -> GlobalNetworkPolicySpec {
    let nets: Vec<_> = services.iter().map(ToString::to_string).collect();
    let pass = |protocol, ports| CalicoRule {
        action: "Pass",
        protocol: Some(protocol),
        destination: CalicoRuleDestination { nets: nets.clone(), ports: Some(ports) },
    };
    let deny = CalicoRule {
        action: "Deny",
        protocol: None,
        destination: CalicoRuleDestination { nets: nets.clone(), ports: None },
    };
    GlobalNetworkPolicySpec {
        tier: TIER,
        order: ORDER,
        selector: "has(projectcalico.org/namespace)",
        types: ["Egress"],
        egress: vec![pass("UDP", &[DNS, TIME]), pass("TCP", &[DNS]), deny],
    }
}
