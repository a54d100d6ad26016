//! The `Address` of a machine is the one that the files of other programs and machines have for it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::finding::{FindingCode, ProofFinding};
use crate::model::{MachineId, Model};
use crate::read::tree::EmittedNode;

/// The address that other files have for a machine, and the `path:line` of one of them.
type StatedAddress = (Ipv4Addr, String);

/// The machines with an `Address` that no other file has for them.
pub(super) fn check(model: &Model) -> Vec<ProofFinding> {
    let nodes = model.emitted.nodes.iter().zip(model.nodes());
    let of_nodes = nodes.map(|(node, id)| (id, of_node(model, id, node)));
    let stated = of_nodes.chain(model.clients().map(|id| (id, of_client(model, id))));
    stated.filter_map(|(id, stated)| differs(model, id, stated?)).collect()
}

fn differs(model: &Model, id: MachineId, (right, shown): StatedAddress) -> Option<ProofFinding> {
    let machine = model.machine(id);
    let own = model.conf(id).address?;
    let message = format!(
        "the address of {} is {} here, and {right} in {shown}",
        machine.name,
        own.value.addr()
    );
    Some(ProofFinding::new(FindingCode::FilesDisagree, machine.file.line(own.line), message))
}

/// The address of kubelet, if it is in `hosts` too, and no peer carries the `Address` of the interface.
fn of_node(model: &Model, id: MachineId, node: &EmittedNode) -> Option<StatedAddress> {
    let own = model.conf(id).address?.value.addr();
    let kubelet = node.kubeadm.content.node_ip;
    if kubelet.value == own {
        return None;
    }
    let mut hosts = model.emitted.hosts.content.iter();
    let is_in_hosts = hosts.any(|host| host.name == node.name && host.address == kubelet.value);
    let is_carried = model.ids().any(|other| carried(model, other, id).any(|one| one.0 == own));
    let shown = format!("nodes/{}/kubeadm.yaml:{}", node.name, kubelet.line);
    (is_in_hosts && !is_carried).then_some((kubelet.value, shown))
}

/// The address that all nodes carry for a client, if its own is another one.
fn of_client(model: &Model, id: MachineId) -> Option<StatedAddress> {
    let own = model.conf(id).address?.value.addr();
    let carried = |node| carried(model, node, id).collect::<Vec<_>>();
    let mut nodes = model.nodes().map(|node| (node, carried(node)));
    // Almost always, the first node that has the client as a peer carries its address.
    let (first, found) = nodes.find(|(_, carried)| !carried.is_empty())?;
    if found.iter().any(|(address, _)| *address == own) {
        return None;
    }
    let others = nodes.flat_map(|(_, carried)| carried).map(|(address, _)| address);
    let addresses: BTreeSet<_> = found.iter().map(|(address, _)| *address).chain(others).collect();
    let only = addresses.first().filter(|_| addresses.len() == 1)?;
    let name = &model.machine(first).name;
    let shown = format!("nodes/{name}/{}.conf:{}", model.emitted.interface, found[0].1);
    Some((*only, shown))
}

/// The single addresses of the peer that is a machine, each with its line.
fn carried(model: &Model, at: MachineId, peer: MachineId) -> impl Iterator<Item = (Ipv4Addr, u32)> {
    let conf = model.conf(at);
    let is_of = move |position: u32| {
        let key = conf.peers[position as usize].public_key.value;
        model.owner_of_key(&key) == Some(peer)
    };
    let single = conf.allowed.iter().filter(|allowed| allowed.net.prefix_len() == 32);
    let of_peer = single.filter(move |allowed| is_of(allowed.peer));
    of_peer.map(|allowed| (allowed.net.addr(), conf.line_of(*allowed)))
}
