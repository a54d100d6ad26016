//! A fault of a tree: a stable code, the line that causes it, and a message.

use std::fmt;

use crate::span::FileLine;

/// A fault: a packet does not arrive, or an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProofFinding {
    /// The kind of fault.
    pub code: FindingCode,
    /// The line that causes it.
    pub place: FileLine,
    /// A description of the fault.
    pub message: String,
}

/// The most characters of a message.
const LONGEST_MESSAGE: usize = 1000;

impl ProofFinding {
    /// A finding. A message that quotes a very long line ends in `…`.
    pub fn new(code: FindingCode, place: FileLine, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        Self { code, place, message }
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

            /// The stable name.
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
    /// No program reads a file of this path, or no file of the tree requires it.
    FileUnknown = "file-unknown",
    /// A file differs from the text that belongs to the facts of the other files.
    FileDiffers = "file-differs",
    /// A key or value differs from the one that belongs to the facts of the other files.
    ObjectDiffers = "object-differs",
    /// A reader does not know a construct.
    NotUnderstood = "not-understood",
    /// Two files have different values for one machine.
    FilesDisagree = "files-disagree",
    /// A host has no private key.
    PrivateKeyMissing = "private-key-missing",
    /// A peer's key belongs to no machine, or to another machine.
    KeysDisagree = "keys-disagree",
    /// One end has the other as a peer, but not the other way round.
    PeerMissing = "peer-missing",
    /// The two ends load different preshared keys.
    PresharedKeysDisagree = "preshared-keys-disagree",
    /// Neither end can call the other.
    PeerUnreachable = "peer-unreachable",
    /// An end that can call sends no keepalives.
    KeepaliveMissing = "keepalive-missing",
    /// The two ends of a pair list other relays, or a list differs from the other files.
    RelaysDisagree = "relays-disagree",
    /// No peer's `AllowedIPs` contain a destination.
    NoPeerForAddress = "no-peer-for-address",
    /// The peer's `AllowedIPs` do not contain a source.
    SourceRefused = "source-refused",
    /// Two peers of one interface claim one address.
    AddressClaimedTwice = "address-claimed-twice",
    /// A peer's `AllowedIPs` contain addresses that it does not have.
    AddressUnowned = "address-unowned",
    /// There is no address to send from.
    AddressMissing = "address-missing",
    /// A route ends at a guard.
    NoRoute = "no-route",
    /// A packet of the mesh takes the default route.
    LeavesInClear = "leaves-in-clear",
    /// A machine does not give packets for the network behind it its own address there.
    NetworkNotForwarded = "network-not-forwarded",
    /// A packet arrives at another machine than its destination.
    ArrivesElsewhere = "arrives-elsewhere",
    /// A packet is forwarded in a circle.
    RoutingLoop = "routing-loop",
    /// wg-quick adds routes that BIRD advertises.
    RoutesAdvertised = "routes-advertised",
    /// A packet is larger than the MTU of its path.
    PacketTooLarge = "packet-too-large",
    /// A firewall drops a packet that it must accept.
    FirewallDrops = "firewall-drops",
    /// A firewall accepts a packet that it must drop.
    FirewallAdmits = "firewall-admits",
    /// The public side accepts more packets than it should.
    PublicSideOpen = "public-side-open",
    /// The public side drops packets that it must accept.
    PublicSideClosed = "public-side-closed",
    /// A client reaches addresses that are not in its `AllowedIPs`.
    ReachExceeded = "reach-exceeded",
    /// A pool does not belong to exactly one node, or a node does not have exactly one pool.
    PoolMismatch = "pool-mismatch",
    /// A pool is encapsulated, or is split into blocks.
    PoolShape = "pool-shape",
    /// Packets of the mesh can leave unencrypted when wg0 is down.
    GuardMissing = "guard-missing",
    /// Pods of two nodes cannot reach each other before BGP is up.
    PodsWaitForBgp = "pods-wait-for-bgp",
    /// BGP does not come up.
    BgpMisconfigured = "bgp-misconfigured",
    /// The dataplanes of Calico and kube-proxy do not work together.
    DataplaneMismatch = "dataplane-mismatch",
    /// A service of the host listens on the public side.
    ListensEverywhere = "listens-everywhere",
    /// NodePorts are not served at a node's address in the mesh.
    NodePortUnserved = "node-port-unserved",
    /// A unit starts too late, or removes rules when it stops.
    UnitMisbehaves = "unit-misbehaves",
    /// Two files name two tunnels.
    TunnelsDiffer = "tunnels-differ",
    /// cloudflared refuses its configuration, or does not find it.
    TunnelRefused = "tunnel-refused",
    /// A cloudflared rule that no request reaches.
    RuleShadowed = "rule-shadowed",
    /// A public name has no destination.
    HostnameUnserved = "hostname-unserved",
    /// A Service, or a port of a Service, that does not exist.
    ServiceUnknown = "service-unknown",
    /// A Service that selects no pod.
    ServiceWithoutPods = "service-without-pods",
    /// Pods that never become ready, or a workload without pods.
    PodsNotReady = "pods-not-ready",
    /// An Ingress of a class that no controller serves.
    ClassUnserved = "class-unserved",
    /// A NetworkPolicy drops a packet that it must accept.
    PolicyDrops = "policy-drops",
    /// A NetworkPolicy accepts more than the tunnel needs.
    PolicyAdmits = "policy-admits",
    /// A Service, or its pods, can be reached without the tunnel.
    ServiceExposed = "service-exposed",
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
