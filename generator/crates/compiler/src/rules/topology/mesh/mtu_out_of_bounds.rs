//! Refuses an MTU of the mesh that is too large for an underlay or too small for IPv6.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::mtu::{self, MeshMtu, Reason};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::route::Route;
use crate::topology::{Node, Site, Topology};
use meshwright_value::WIREGUARD_OVERHEAD;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "mtu-out-of-bounds",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "the MTU of the mesh is too large or too small",
    explain: "\
WireGuard adds 80 bytes to a packet: 40 for IPv6, 8 for UDP, 32 for itself. The underlay is the network \
that carries these packets. If a packet is larger than the MTU of the smallest underlay, it is \
fragmented or lost: SSH and ping work, but TLS handshakes and image pulls hang. So `wireguard.mtu` is \
at most the MTU of the smallest underlay − 80. Between nodes that call each other in a site, the underlay is \
the network of that site. The report names the node or site with the smallest underlay.

Below 1280 bytes, Linux disables IPv6 on the interface (RFC 8200 §5 requires 1280). An MTU of 1280 also \
carries the 1200 bytes that the QUIC of cloudflared always needs (RFC 9000 §14), with all headers.

Leave `wireguard.mtu` out: it is then derived. If a node's connection to the Internet has a smaller \
MTU, set its `underlay_mtu`; if the network of a site has a smaller one, set `mtu` of the site. To measure it, run `ping -M do -s <size − 28>`.",
    scope: Scope::Tables(&["nodes", "sites", "wireguard"]),
    check,
};

/// The smallest MTU for IPv6, in bytes (RFC 8200 §5).
const SMALLEST: u16 = 1280;

fn check(topology: &Topology, findings: &mut Findings) {
    let Some((largest, narrowest)) = largest_mtu(topology) else { return };
    let declared = topology.wireguard.mtu.map(|mtu| mtu.get());
    match declared {
        _ if largest < SMALLEST => findings.push(too_narrow(narrowest, largest, topology)),
        Some(declared) if declared < SMALLEST => {
            findings.push(too_small(declared, largest, topology));
        }
        Some(declared) if declared > largest => {
            findings.push(too_large(declared, largest, narrowest, topology));
        }
        _ => {}
    }
}

/// The network with the smallest MTU below the mesh.
#[derive(Clone, Copy)]
enum Narrowest<'topology> {
    /// Between this node and the Internet.
    Underlay(&'topology Node),
    /// Between the nodes of this site.
    Site(&'topology Site),
}

impl Narrowest<'_> {
    fn described(self) -> String {
        match self {
            Self::Underlay(node) => format!("the underlay of `{}`", node.name),
            Self::Site(site) => format!("the network of the site `{}`", site.name),
        }
    }

    fn mtu(self, topology: &Topology) -> u16 {
        match self {
            Self::Underlay(node) => mtu::underlay(node),
            Self::Site(site) => mtu::of_site(topology, site),
        }
    }

    /// The place that determines its MTU, and why.
    fn cause(self) -> (Route, &'static str) {
        match self {
            Self::Underlay(node) => match (node.underlay_mtu, &node.endpoint) {
                (Some(_), _) => (node.origin.key("underlay_mtu"), "declared"),
                (None, None) => (node.origin.key("name"), "usual behind NAT"),
                (None, Some(_)) => (node.origin.key("name"), "usual for its provider"),
            },
            Self::Site(site) => match site.mtu {
                Some(_) => (site.origin.key("mtu"), "declared"),
                None => (site.origin.key("name"), "usual for its provider"),
            },
        }
    }
}

/// The largest MTU with which no node fragments, and the network that determines it.
fn largest_mtu(topology: &Topology) -> Option<(u16, Narrowest<'_>)> {
    let MeshMtu { value, reason } = mtu::largest(topology)?;
    let narrowest = match reason {
        Reason::SmallestUnderlay { node, .. } => Narrowest::Underlay(topology.node(&node)?),
        Reason::SmallestSite { site, .. } => {
            Narrowest::Site(topology.sites.iter().find(|known| known.name == site)?)
        }
        Reason::Declared => return None,
    };
    Some((value, narrowest))
}

fn too_narrow(narrowest: Narrowest<'_>, largest: u16, topology: &Topology) -> Finding {
    let underlay = narrowest.mtu(topology);
    let least = SMALLEST + WIREGUARD_OVERHEAD;
    let message = format!("{} leaves an MTU of {largest} for the mesh", narrowest.described());
    let label = format!("{underlay} − {WIREGUARD_OVERHEAD} = {largest}, less than {SMALLEST}");
    let (at, _) = narrowest.cause();
    let help = match narrowest {
        Narrowest::Underlay(_) => {
            format!("the mesh needs an underlay of {least} bytes or more on every node")
        }
        Narrowest::Site(_) => format!(
            "the mesh needs {least} bytes or more: leave the `lan_endpoint`s out if this network has fewer"
        ),
    };
    Finding::new(message, &at, label).help(help)
}

fn too_small(declared: u16, largest: u16, topology: &Topology) -> Finding {
    let message = format!("the MTU {declared} is below {SMALLEST}, the minimum for IPv6");
    let at = topology.wireguard.origin.key("mtu");
    let finding = Finding::new(message, &at, "too small");
    finding.fix(Fix::default(&at, &format!("the default is then {largest}")))
}

fn too_large(
    declared: u16,
    largest: u16,
    narrowest: Narrowest<'_>,
    topology: &Topology,
) -> Finding {
    let message = format!("the MTU {declared} does not fit into {}", narrowest.described());
    let (cause, assumed) = narrowest.cause();
    let underlay = narrowest.mtu(topology);
    let label = format!("an underlay of {underlay} bytes ({assumed}): at most {largest}");
    let at = topology.wireguard.origin.key("mtu");
    Finding::new(message, &at, "too large")
        .and(&cause, label)
        .fix(Fix::default(&at, &format!("the default is then {largest}")))
}
