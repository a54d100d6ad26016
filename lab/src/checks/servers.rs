//! Clients with an endpoint: nodes and pods reach them.

use anyhow::{Result, ensure};

use crate::checks::{LabCheck, none_failed};
use crate::client::LabClient;
use crate::pod;
use crate::probe::{answers_ping, eventually};
use crate::server::connect;
use crate::world::World;

/// Checks that need such a topology. That a server reaches its `reach` only is part of the checks of all clients.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "servers-open-to-nodes", run: open_to_nodes },
    LabCheck { name: "servers-open-to-pods", run: open_to_pods },
];

fn servers(world: &World) -> Result<Vec<&LabClient>> {
    let servers: Vec<_> = world.clients.iter().filter(|client| client.is_server).collect();
    ensure!(!servers.is_empty(), "the topology has no client with an endpoint");
    Ok(servers)
}

/// Every node, also one behind NAT, connects to every server.
fn open_to_nodes(world: &World) -> Result<()> {
    for server in servers(world)? {
        eventually(world.timeout, || {
            none_failed(world.nodes.iter().filter_map(|node| {
                let reached = connect(node.namespace(), server.address.into(), pod::PORT).is_ok();
                (!reached).then(|| format!("{} to {}", node.name(), server.machine.name))
            }))
        })?;
    }
    Ok(())
}

/// Every pod does, and pings it. The server sees the mesh address of the pod's node.
fn open_to_pods(world: &World) -> Result<()> {
    for server in servers(world)? {
        let target = server.address.into();
        eventually(world.timeout, || {
            none_failed(world.nodes.iter().filter_map(|node| {
                let from = &node.pod.namespace;
                let seen = connect(from, target, pod::PORT).map(|answer| answer.peer);
                let reached =
                    seen.is_ok_and(|peer| peer == node.address) && answers_ping(from, target);
                (!reached).then(|| format!("{} to {}", node.pod.name, server.machine.name))
            }))
        })?;
    }
    Ok(())
}
