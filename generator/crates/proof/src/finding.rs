//! What is wrong with a tree: a stable code, the line that causes it, and words.

use std::fmt;

use crate::span::FileLine;

/// Why a packet does not arrive, or what an invariant found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProofFinding {
    /// What kind of fault it is.
    pub code: FindingCode,
    /// The line that causes it.
    pub place: FileLine,
    /// What is wrong there.
    pub message: String,
}

impl ProofFinding {
    /// A finding.
    pub fn new(code: FindingCode, place: FileLine, message: impl Into<String>) -> Self {
        Self { code, place, message: message.into() }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal,)*) => {
        /// Kinds of faults.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FindingCode {
            $($(#[$doc])* $code,)*
        }

        impl FindingCode {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The name that stays the same.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }
        }
    };
}

codes! {
    /// A file that every tree has is missing.
    FileMissing = "file-missing",
    /// A reader does not know a construct.
    NotUnderstood = "not-understood",
    /// Two files say different things of one machine.
    FilesDisagree = "files-disagree",
    /// A host has no private key.
    PrivateKeyMissing = "private-key-missing",
    /// A peer's key is nobody's, or another's.
    KeysDisagree = "keys-disagree",
    /// One end knows the other, and not the other way round.
    PeerMissing = "peer-missing",
    /// The two ends load different preshared keys.
    PresharedKeysDisagree = "preshared-keys-disagree",
    /// Neither end can call the other.
    PeerUnreachable = "peer-unreachable",
    /// An end that can call does not keep doing so.
    KeepaliveMissing = "keepalive-missing",
    /// No peer takes packets for an address.
    NoPeerForAddress = "no-peer-for-address",
    /// The peer does not take packets from an address.
    SourceRefused = "source-refused",
    /// Two peers of one interface claim one address.
    AddressClaimedTwice = "address-claimed-twice",
    /// There is no address to send from.
    AddressMissing = "address-missing",
    /// A route ends at a guard.
    NoRoute = "no-route",
    /// A packet of ours takes the default route.
    LeavesInClear = "leaves-in-clear",
    /// A packet comes to another machine than the one that it is for.
    ArrivesElsewhere = "arrives-elsewhere",
    /// A packet goes round in circles.
    RoutingLoop = "routing-loop",
    /// wg-quick sets routes that BIRD advertises.
    RoutesAdvertised = "routes-advertised",
    /// A packet is larger than what carries it.
    PacketTooLarge = "packet-too-large",
    /// A firewall drops what it must let through.
    FirewallDrops = "firewall-drops",
    /// A firewall lets through what it must drop.
    FirewallAdmits = "firewall-admits",
    /// The public side is open to more than it may be.
    PublicSideOpen = "public-side-open",
    /// The public side is closed to what it must answer.
    PublicSideClosed = "public-side-closed",
    /// A client reaches more than its file asks for.
    ReachExceeded = "reach-exceeded",
    /// A pool is not one node's, or a node has not one pool.
    PoolMismatch = "pool-mismatch",
    /// A pool would be encapsulated, or cut into blocks.
    PoolShape = "pool-shape",
    /// Nothing holds back packets of ours when wg0 is away.
    GuardMissing = "guard-missing",
    /// Pods would wait for BGP.
    PodsWaitForBgp = "pods-wait-for-bgp",
    /// BGP would not come up.
    BgpMisconfigured = "bgp-misconfigured",
    /// The dataplanes of Calico and kube-proxy do not fit.
    DataplaneMismatch = "dataplane-mismatch",
    /// A service of the host listens on the public side too.
    ListensEverywhere = "listens-everywhere",
    /// NodePorts are not served at a node's address in the mesh.
    NodePortUnserved = "node-port-unserved",
    /// A unit starts too late, or does harm when it stops.
    UnitMisbehaves = "unit-misbehaves",
    /// Two files name two tunnels.
    TunnelsDiffer = "tunnels-differ",
    /// cloudflared refuses its configuration, or does not find it.
    TunnelRefused = "tunnel-refused",
    /// A rule of cloudflared's that nothing comes to.
    RuleShadowed = "rule-shadowed",
    /// A public name leads nowhere.
    HostnameUnserved = "hostname-unserved",
    /// A Service, or a port of one, that is not there.
    ServiceUnknown = "service-unknown",
    /// A Service that no pod stands behind.
    ServiceWithoutPods = "service-without-pods",
    /// Pods that never become ready, or that there are none of.
    PodsNotReady = "pods-not-ready",
    /// An Ingress of a class that no controller serves.
    ClassUnserved = "class-unserved",
    /// A NetworkPolicy keeps a packet back that must pass.
    PolicyDrops = "policy-drops",
    /// A NetworkPolicy admits more than the tunnel needs.
    PolicyAdmits = "policy-admits",
    /// A Service, or its pods, can be reached by another way than the tunnel.
    ServiceExposed = "service-exposed",
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
