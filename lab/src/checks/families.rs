//! Nodes with one address family and with both.

use anyhow::{Context as _, Result, ensure};

use crate::checks::{LabCheck, mesh, relay};
use crate::world::World;

/// Checks that need such a topology. `helsinki` has no IPv4 address.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "node-pairs", run: mesh::node_pairs },
    LabCheck { name: "pod-pairs", run: mesh::pod_pairs },
    LabCheck { name: "full-size-packets", run: mesh::full_size_packets },
    LabCheck { name: "pair-uses-common-family", run: pair_uses_common_family },
];

/// Each pair uses IPv4 if both ends have it, else IPv6, and both ends use the same.
fn pair_uses_common_family(world: &World) -> Result<()> {
    let mut in_ipv6 = 0;
    for (one, other) in world.pairs() {
        let key = relay::planned(world, other)?.public_key.to_string();
        let port = relay::planned(world, other)?.listen_port;
        let public = other.public.context("each node is public")?;
        let expected = match (one.public_v4(), public.v4) {
            (Some(_), Some(v4)) => format!("{v4}:{port}"),
            _ => format!("[{}]:{port}", public.v6),
        };
        let used = relay::peer_line(world, one, &key, "endpoints")?;
        let (from, to) = (one.name(), other.name());
        ensure!(used == expected, "{from} calls {to} at {used}, not {expected}");
        in_ipv6 += usize::from(used.starts_with('['));
    }
    ensure!(in_ipv6 > 0, "no pair uses IPv6");
    Ok(())
}
