//! The pairs of machines between which flows are proven.

use crate::model::{MachineId, Model};

fn is_node(model: &Model, id: MachineId) -> bool {
    model.machine(id).node.is_some()
}

pub(super) fn nodes(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, from) && is_node(model, to)
}

pub(super) fn other_nodes(model: &Model, from: MachineId, to: MachineId) -> bool {
    from != to && nodes(model, from, to)
}

pub(super) fn same(model: &Model, from: MachineId, to: MachineId) -> bool {
    from == to && is_node(model, from)
}

pub(super) fn from_client(model: &Model, from: MachineId, to: MachineId) -> bool {
    !is_node(model, from) && is_node(model, to)
}

/// To a client that is not called.
pub(super) fn to_client(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, from) && !is_node(model, to) && !model.is_server(to)
}

/// To a client that is called.
pub(super) fn to_server(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, from) && model.is_server(to)
}

/// To the machine that forwards to a network, from another one.
fn to_network(model: &Model, from: MachineId, to: MachineId) -> bool {
    from != to && model.networks_behind(to).next().is_some()
}

pub(super) fn node_to_network(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, from) && to_network(model, from, to)
}

pub(super) fn client_to_network(model: &Model, from: MachineId, to: MachineId) -> bool {
    !is_node(model, from) && to_network(model, from, to)
}

/// From the pods of a node, also the one that forwards.
pub(super) fn pods_to_network(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, from) && model.networks_behind(to).any(|network| network.pods)
}

pub(super) fn pods_to_closed_network(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, from) && model.networks_behind(to).any(|network| !network.pods)
}

/// From a network to another node than the one that forwards.
pub(super) fn from_network(model: &Model, from: MachineId, to: MachineId) -> bool {
    from != to && from_network_to_pods(model, from, to)
}

/// From a network to pods, also those of the node that forwards.
pub(super) fn from_network_to_pods(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, to) && model.networks_behind(from).next().is_some()
}

pub(super) fn controls(model: &Model, id: MachineId) -> bool {
    model.machine(id).node.as_ref().is_some_and(|host| host.control_plane)
}

/// All nodes in a full mesh, otherwise each node with the route reflectors.
pub(super) fn speak_bgp(model: &Model, from: MachineId, to: MachineId) -> bool {
    let reflects = |id| model.machine(id).node.as_ref().is_some_and(|host| host.reflector);
    model.emitted.bgp.content.full_mesh.value || reflects(from) || reflects(to)
}
