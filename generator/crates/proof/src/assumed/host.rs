//! The machines: secrets, programs, and other networks.

use crate::assumption::Assumption;
use crate::model::routed_network::RoutedNetwork;
use crate::model::{MachineId, Model};
use crate::read::tree::EmittedNode;
use meshwright_value::provider::HOST_SERVICES;
use meshwright_value::{ProviderName, Text as _};

pub(super) fn all(model: &Model) -> Vec<Assumption> {
    let mut assumptions: Vec<_> = model.ids().flat_map(|id| keys(model, id)).collect();
    for node in model.nodes().filter_map(|id| model.files(id)) {
        assumptions.extend(of_node(node));
    }
    assumptions.extend(model.clients().filter_map(|id| of_server(model, id)));
    assumptions.extend(model.networks.iter().flat_map(|network| of_network(model, network)));
    let script = model.emitted.script_keeps_key.file.whole();
    assumptions.push(Assumption::new(
        script,
        "each machine has the files of this tree in the places that the program of this file gives them",
    ));
    let (cluster, file) = model.cluster();
    assumptions.push(Assumption::new(
        file.line(cluster.pod_subnet.line),
        "no network of a machine or its provider has an address in the node, pod or service subnet",
    ));
    assumptions
}

fn keys(model: &Model, id: MachineId) -> Vec<Assumption> {
    let conf = model.conf(id);
    let file = model.machine(id).file;
    let private = conf.private_key.as_ref().map(|key| {
        Assumption::new(
            file.line(key.line),
            "the file on this line has the private key of the public key that other files state",
        )
    });
    let preshared = conf.preshared.first().map(|key| {
        Assumption::new(
            file.line(key.line),
            "the preshared key files of this machine have the same content at the other ends",
        )
    });
    private.into_iter().chain(preshared).collect()
}

/// No file has the firewall of a client.
fn of_server(model: &Model, id: MachineId) -> Option<Assumption> {
    let listen_port = model.conf(id).listen_port.filter(|_| model.is_server(id))?;
    Some(Assumption::new(
        model.machine(id).file.line(listen_port.line),
        "this machine accepts UDP to the port on this line, and, from the mesh, what nodes and pods send to it",
    ))
}

/// No file has the machines of a network.
fn of_network(model: &Model, network: &RoutedNetwork) -> Vec<Assumption> {
    let via = model.machine(network.via);
    let file = via.firewall().map_or(via.file, |(_, file)| file);
    let mut assumptions = vec![Assumption::new(
        file.whole(),
        format!(
            "the route of this host to {} leads to the network {}, whose machines answer to its address there, and no \
             other network of a machine that reaches it through the mesh has an address in it",
            network.net, network.name
        ),
    )];
    if model.is_client(network.via) {
        let text = "no other rule of this host drops what it forwards to the networks behind it";
        assumptions.push(Assumption::new(file.whole(), text));
    }
    assumptions.extend(network.site.as_ref().map(|site| {
        let text = format!("every node of the site {site} has an address in {}", network.net);
        Assumption::new(file.whole(), text)
    }));
    assumptions
}

fn of_node(node: &EmittedNode) -> Vec<Assumption> {
    let ssh = node.json.content.ssh_port;
    let mut assumptions = vec![
        Assumption::new(
            node.firewall.file.whole(),
            "no other program changes the firewall or the routes of this host, and its default route is \
             through an interface of its provider",
        ),
        Assumption::new(node.json.file.whole(), format!("sshd listens on port {ssh}")),
    ];
    assumptions.extend(node.relays.as_ref().map(|relays| {
        let text = "the clocks of the two ends of each pair in this list agree, so that both look for a relay in the same turn";
        Assumption::new(relays.file.whole(), text)
    }));
    if !has_known_cloud(node) {
        assumptions.push(Assumption::new(
            node.kubeadm.file.whole(),
            format!(
                "this host's cloud, if it is in one, answers its hosts at no other addresses than {}",
                HOST_SERVICES.map(|service| service.to_string()).join(", ")
            ),
        ));
    }
    assumptions
}

/// Whether the zone is a provider whose services for hosts are known.
fn has_known_cloud(node: &EmittedNode) -> bool {
    let mut labels = node.kubeadm.content.labels.iter();
    let zone = labels.find_map(|label| label.strip_prefix("topology.kubernetes.io/zone="));
    zone.is_some_and(|zone| ProviderName::parse(zone).is_ok())
}
