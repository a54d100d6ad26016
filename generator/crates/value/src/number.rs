//! Integers with bounds.

use super::{Malformed, Number};

/// Defines an integer type by its bounds, its noun, and why the bounds are these.
macro_rules! number {
    (
        $(#[$about:meta])*
        pub struct $name:ident($integer:ty) in $lowest:literal..=$highest:literal;
        noun: $article:literal $noun:literal;
        help: $help:literal;
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
        pub struct $name($integer);

        impl $name {
            /// The number, for constants: one that is out of bounds does not compile there.
            ///
            /// # Panics
            ///
            /// When it is out of bounds outside of a constant.
            #[must_use]
            pub const fn new(number: $integer) -> Self {
                let wide = number as i64;
                assert!(wide >= $lowest && wide <= $highest, "out of bounds");
                Self(number)
            }

            /// The integer.
            #[must_use]
            pub const fn get(self) -> $integer {
                self.0
            }
        }

        impl Number for $name {
            const EXPECTED: &'static str =
                concat!($article, " ", $noun, " from ", $lowest, " to ", $highest);
            const BOUNDS: [i64; 2] = [$lowest, $highest];

            fn from_integer(integer: i64) -> Result<Self, Malformed> {
                let in_bounds = <$integer>::try_from(integer)
                    .ok()
                    .filter(|number| ($lowest..=$highest).contains(number));
                in_bounds.map(Self).ok_or_else(|| {
                    let message = format!(concat!("`{}` is not a valid ", $noun), integer);
                    let label = concat!("expected ", $lowest, " to ", $highest);
                    Malformed::new(message, label).help($help)
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// The number of a node or client, from which its address and its pod block are derived.
    ///
    /// At most the number of hosts in a /8, the largest private network (RFC 1918).
    pub struct NodeId(u32) in 1..=16_777_214;
    noun: "an" "id";
    help: "ids count from 1: the id is added to the first address of `node_subnet`";
}

number! {
    /// The prefix length of one node's pod block.
    ///
    /// Calico accepts block sizes of 20 to 32 (`validateAndSetDefaults` in its
    /// libcalico-go/lib/clientv3/ippool.go); beyond 28 a node has fewer than 16 pod addresses.
    pub struct PodPrefixLen(u8) in 20..=28;
    noun: "a" "prefix length of a pod block";
    help: "24 gives each node 256 pod addresses, 20 gives 4096, 28 gives 16";
}

number! {
    /// A TCP or UDP port.
    pub struct Port(u16) in 1..=65_535;
    noun: "a" "port";
    help: "ports are from 1 to 65535";
}

number! {
    /// The largest packet of an interface, in bytes.
    ///
    /// Every IPv4 host must accept 576 (RFC 791 §3.1); 65535 is the maximum of IPv4.
    pub struct Mtu(u16) in 576..=65_535;
    noun: "an" "MTU";
    help: "most networks carry 1500, some clouds 1460 or 8950";
}

number! {
    /// Seconds between two keepalives of a `WireGuard` peer; 0 is off (wg(8),
    /// `PersistentKeepalive`). wg(8) permits 65535, but a NAT may close the mapping after two minutes
    /// (RFC 4787 §4.3).
    pub struct Keepalive(u16) in 0..=120;
    noun: "a" "keepalive interval";
    help: "25 seconds keeps most NATs open, 0 turns it off";
}

number! {
    /// The longest round trip between two control planes, in milliseconds.
    ///
    /// etcd accepts an election timeout of at most 50 s (`maxElectionMs` in its embed/config.go),
    /// which is ten heartbeats of 1.5 round trips (etcd, "Tuning").
    pub struct RoundTripMs(u16) in 1..=3_333;
    noun: "a" "round trip in milliseconds";
    help: "measure it with `ping` between the two control planes that are farthest apart";
}

number! {
    /// The AS number that all nodes share in BGP.
    ///
    /// Calico's CRDs hold it as an int32, so the upper half of the 32-bit numbers does not fit.
    pub struct AsNumber(u32) in 1..=2_147_483_647;
    noun: "an" "AS number";
    help: "take one of 64512 to 65534, which are for private use (RFC 6996)";
}

number! {
    /// The number of pods of one kind.
    pub struct Replicas(u8) in 1..=25;
    noun: "a" "number of replicas";
    help: "2 survives the loss of one node";
}

number! {
    /// Memory of a container, in MiB.
    ///
    /// The lowest holds what our containers request; kubelet would refuse a limit below the request.
    pub struct MemoryMib(u32) in 64..=1_048_576;
    noun: "a" "number of MiB";
    help: "256 is enough for a few hundred requests at a time";
}

number! {
    /// A share of a processor, in thousandths.
    ///
    /// The kernel's smallest weight is that of 2 thousandths (`MinShares` in kubelet's pkg/kubelet/cm/helpers_linux.go).
    pub struct CpuMillis(u32) in 2..=256_000;
    noun: "a" "number of thousandths of a processor";
    help: "1000 is one processor";
}

number! {
    /// Seconds after which an idle TCP connection is forgotten.
    ///
    /// The kernel refuses timeouts of IPVS that do not fit into its ticks, of which there are at most 1000 in a second
    /// (`ip_vs_set_timeout` in net/netfilter/ipvs/ip_vs_ctl.c).
    pub struct TcpTimeout(u32) in 1..=2_147_483;
    noun: "a" "timeout in seconds";
    help: "86400 is one day, as in the other modes";
}

number! {
    /// How many snapshots of etcd a control plane keeps.
    pub struct SnapshotCount(u16) in 1..=1_000;
    noun: "a" "number of snapshots";
    help: "12 are three days, with one snapshot every six hours";
}

number! {
    /// Seconds that cloudflared waits for an origin.
    ///
    /// Cloudflare's edge ends a request without an answer after 100 s (Cloudflare, "Error 524"); idle connections may
    /// live longer.
    pub struct OriginTimeout(u32) in 1..=86_400;
    noun: "a" "timeout in seconds";
    help: "cloudflared's default is 30 for a connection, 10 for TLS, 90 for an idle connection";
}

number! {
    /// The most idle connections to an origin.
    pub struct ConnectionCount(u16) in 0..=10_000;
    noun: "a" "number of connections";
    help: "cloudflared's default is 100";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{bounded, refuses_number};

    const DEFAULT: Port = Port::new(51_820);

    #[test]
    fn takes_its_bounds() {
        bounded::<NodeId>(1, 16_777_214);
        bounded::<PodPrefixLen>(20, 28);
        bounded::<Port>(1, 65_535);
        bounded::<Mtu>(576, 65_535);
        bounded::<Keepalive>(0, 120);
        bounded::<RoundTripMs>(1, 3_333);
        bounded::<AsNumber>(1, 2_147_483_647);
        bounded::<Replicas>(1, 25);
        bounded::<MemoryMib>(64, 1_048_576);
        bounded::<CpuMillis>(2, 256_000);
        bounded::<TcpTimeout>(1, 2_147_483);
        bounded::<SnapshotCount>(1, 1_000);
        bounded::<OriginTimeout>(1, 86_400);
        bounded::<ConnectionCount>(0, 10_000);
    }

    #[test]
    fn refuses_beyond() {
        refuses_number::<NodeId>(
            0,
            (
                "`0` is not a valid id",
                "expected 1 to 16777214",
                "ids count from 1: the id is added to the first address of `node_subnet`",
            ),
        );
        refuses_number::<PodPrefixLen>(
            29,
            (
                "`29` is not a valid prefix length of a pod block",
                "expected 20 to 28",
                "24 gives each node 256 pod addresses, 20 gives 4096, 28 gives 16",
            ),
        );
        refuses_number::<Port>(
            65_536,
            ("`65536` is not a valid port", "expected 1 to 65535", "ports are from 1 to 65535"),
        );
        refuses_number::<Mtu>(
            575,
            (
                "`575` is not a valid MTU",
                "expected 576 to 65535",
                "most networks carry 1500, some clouds 1460 or 8950",
            ),
        );
        refuses_number::<Keepalive>(
            -1,
            (
                "`-1` is not a valid keepalive interval",
                "expected 0 to 120",
                "25 seconds keeps most NATs open, 0 turns it off",
            ),
        );
        refuses_number::<RoundTripMs>(
            3_334,
            (
                "`3334` is not a valid round trip in milliseconds",
                "expected 1 to 3333",
                "measure it with `ping` between the two control planes that are farthest apart",
            ),
        );
        refuses_number::<AsNumber>(
            4_200_000_000,
            (
                "`4200000000` is not a valid AS number",
                "expected 1 to 2147483647",
                "take one of 64512 to 65534, which are for private use (RFC 6996)",
            ),
        );
        refuses_number::<Replicas>(
            i64::MAX,
            (
                "`9223372036854775807` is not a valid number of replicas",
                "expected 1 to 25",
                "2 survives the loss of one node",
            ),
        );
        refuses_number::<MemoryMib>(
            63,
            (
                "`63` is not a valid number of MiB",
                "expected 64 to 1048576",
                "256 is enough for a few hundred requests at a time",
            ),
        );
        refuses_number::<CpuMillis>(
            1,
            (
                "`1` is not a valid number of thousandths of a processor",
                "expected 2 to 256000",
                "1000 is one processor",
            ),
        );
        refuses_number::<TcpTimeout>(
            0,
            (
                "`0` is not a valid timeout in seconds",
                "expected 1 to 2147483",
                "86400 is one day, as in the other modes",
            ),
        );
        refuses_number::<SnapshotCount>(
            0,
            (
                "`0` is not a valid number of snapshots",
                "expected 1 to 1000",
                "12 are three days, with one snapshot every six hours",
            ),
        );
    }

    #[test]
    fn names_its_bounds() {
        assert_eq!(NodeId::EXPECTED, "an id from 1 to 16777214");
        assert_eq!(DEFAULT.get(), 51_820);
    }
}
