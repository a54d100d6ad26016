//! A trace as text.

use std::fmt::Write as _;

use crate::hop::{FlowEnd, HopStep, PacketHop};
use crate::model::Model;
use crate::model::address_class::AddressClass;
use crate::model::routing::{RouteOrigin, RouteTarget, TakenRoute};
use crate::read::nftables::Hook;
use crate::span::TreePaths;
use crate::trace::PacketTrace;

/// All steps of the packet and of its answer, without its end.
#[must_use]
pub fn story(model: &Model, paths: &TreePaths, trace: &PacketTrace) -> String {
    let mut text = String::new();
    let mut machine = None;
    for hop in &trace.hops {
        if machine != Some(hop.machine) {
            let gap = if machine.is_some() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}", model.machine(hop.machine).name);
            machine = Some(hop.machine);
        }
        let place = hop.place.map(|place| paths.show(place));
        let what = step(model, hop);
        let _ = match place {
            Some(place) => writeln!(text, "  {what}\n      {place}"),
            None => writeln!(text, "  {what}"),
        };
    }
    text
}

/// Describes the end of a packet that stops, or that is not stopped.
#[must_use]
pub fn end(trace: &PacketTrace) -> &'static str {
    match (trace.stopped.is_some(), trace.is_to_arrive) {
        (true, true) => "It ends here",
        (true, false) => "It ends here, as expected",
        (false, false) => "It arrives, but it has to be stopped",
        (false, true) => "It arrives, as expected",
    }
}

/// Describes one step.
#[must_use]
pub fn step(model: &Model, hop: &PacketHop) -> String {
    // The tree does not contain the addresses of Internet hosts and of the host's public side.
    let address = |class| match class == model.internet() {
        true => "a public address".to_owned(),
        false => model.classes.address(class).to_string(),
    };
    let packet = &hop.packet;
    let (source, destination) = (address(packet.source), address(packet.destination));
    match hop.step {
        HopStep::Sent(party) => format!(
            "{} sends {} from {source} to {destination}, at most {} bytes",
            sender(party),
            packet.payload,
            packet.size
        ),
        HopStep::Translated => {
            format!(
                "kube-proxy chooses an endpoint of the Service: the destination becomes {destination}"
            )
        }
        HopStep::Masqueraded => {
            format!("the source becomes {source}, so that the answer comes back here")
        }
        HopStep::Restored => {
            format!("conntrack restores the addresses: from {source} to {destination}")
        }
        HopStep::Routed(taken) => {
            route(model, taken, model.network_of_class(packet.destination).is_some())
        }
        HopStep::Admitted(hook) => format!("the firewall accepts it {}", passes(hook)),
        HopStep::Encrypted { to, size, .. } => format!(
            "WireGuard: {destination} is in the AllowedIPs of {}; encrypted for its key, {size} bytes on the underlay",
            model.machine(to).name
        ),
        HopStep::Decrypted { from } => format!(
            "WireGuard: decrypted with the key of {}, whose AllowedIPs contain {source}",
            model.machine(from).name
        ),
        HopStep::Delivered(FlowEnd::Pod) => format!("delivered to the pod {destination}"),
        HopStep::Delivered(FlowEnd::Host) => format!("delivered to the host, {}", packet.payload),
        HopStep::Delivered(FlowEnd::Internet) => "out to the Internet".to_owned(),
        HopStep::Delivered(FlowEnd::Network) => {
            format!("out to {destination}, in {}", network_name(model, packet.destination))
        }
    }
}

fn sender(party: FlowEnd) -> &'static str {
    match party {
        FlowEnd::Host => "the host",
        FlowEnd::Pod => "the pod",
        FlowEnd::Internet => "an Internet host",
        FlowEnd::Network => "a machine of the network",
    }
}

fn network_name(model: &Model, class: AddressClass) -> String {
    let network = model.network_of_class(class);
    network.map_or_else(String::new, |network| format!("the network {}", network.name))
}

fn passes(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "at prerouting",
        Hook::Input => "at input",
        Hook::Forward => "at forward",
        Hook::Output => "at output",
        Hook::Postrouting => "at postrouting",
    }
}

fn route(model: &Model, taken: TakenRoute, is_network: bool) -> String {
    let interface = &model.emitted.interface;
    let made = match taken.origin {
        RouteOrigin::Address => "the connected route, from the interface's Address",
        RouteOrigin::Static if is_network => "a static route",
        RouteOrigin::Static => "a static pod route, which does not depend on BGP",
        RouteOrigin::Guard => "the route guard",
        RouteOrigin::Bird => "BIRD's route, from the pool of the node that advertised it",
        RouteOrigin::Calico => "Calico's route, from the pool of this node",
        RouteOrigin::WgQuick => "wg-quick's route, from AllowedIPs",
        RouteOrigin::Default => "the default route",
    };
    match taken.target {
        RouteTarget::Mesh => format!("routed into {interface}: {made}"),
        RouteTarget::Pod => format!("routed to a pod here: {made}"),
        RouteTarget::Unreachable => format!("unreachable: {made}"),
        RouteTarget::Public if is_network => format!("routed out of the mesh: {made}"),
        RouteTarget::Public => format!("routed out to the Internet: {made}"),
    }
}
