//! A trace told as a story.

use std::fmt::Write as _;

use crate::hop::{HopStep, PacketHop, Party};
use crate::model::Model;
use crate::model::routing::{RouteOrigin, RouteTarget, TakenRoute};
use crate::read::nftables::Hook;
use crate::span::TreePaths;
use crate::trace::PacketTrace;

/// The whole story: there, and back.
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
    if let Some(finding) = &trace.stopped {
        let place = paths.show(finding.place);
        let _ =
            writeln!(text, "\nHere it ends ({}): {}\n  --> {place}", finding.code, finding.message);
    }
    text
}

/// What happens at one step, in a sentence.
#[must_use]
pub fn step(model: &Model, hop: &PacketHop) -> String {
    // What the tree does not say: the address of a host outside, and of the own public side.
    let address = |class| match class == model.internet() {
        true => "a public address".to_owned(),
        false => model.classes.address(class).to_string(),
    };
    let packet = &hop.packet;
    let (source, destination) = (address(packet.source), address(packet.destination));
    match hop.step {
        HopStep::Sent(party) => format!(
            "{} sends {} from {source} to {destination}, {} bytes at the most",
            sender(party),
            packet.payload,
            packet.size
        ),
        HopStep::Translated => {
            format!(
                "kube-proxy chooses a pod of the Service: the destination becomes {destination}"
            )
        }
        HopStep::Masqueraded => {
            format!("the source becomes {source}, so that the answer comes back here")
        }
        HopStep::Restored => {
            format!("conntrack knows the connection: from {source} to {destination} again")
        }
        HopStep::Routed(taken) => route(model, taken),
        HopStep::Admitted(hook) => format!("the firewall lets it {}", passes(hook)),
        HopStep::Encrypted { to, size, .. } => format!(
            "WireGuard: {destination} is in the AllowedIPs of {}; encrypted for its key, {size} bytes on the underlay",
            model.machine(to).name
        ),
        HopStep::Decrypted { from } => format!(
            "WireGuard: decrypted with the key of {}, whose AllowedIPs hold {source}",
            model.machine(from).name
        ),
        HopStep::Delivered(Party::Pod) => format!("delivered to the pod {destination}"),
        HopStep::Delivered(Party::Host) => format!("delivered to the host, {}", packet.payload),
        HopStep::Delivered(Party::Internet) => "out to the Internet".to_owned(),
    }
}

fn sender(party: Party) -> &'static str {
    match party {
        Party::Host => "the host",
        Party::Pod => "the pod",
        Party::Internet => "somebody",
    }
}

fn passes(hook: Hook) -> &'static str {
    match hook {
        Hook::Prerouting => "in",
        Hook::Input => "in to the host",
        Hook::Forward => "through the host",
        Hook::Output => "out of the host",
        Hook::Postrouting => "leave by this interface",
    }
}

fn route(model: &Model, taken: TakenRoute) -> String {
    let interface = &model.emitted.interface;
    let made = match taken.origin {
        RouteOrigin::Address => "connected, from the interface's Address",
        RouteOrigin::Static => "a static pod route, which waits for nobody",
        RouteOrigin::Guard => "the route guard",
        RouteOrigin::Bird => "a route of BIRD's, from the pool of the node that advertised it",
        RouteOrigin::Calico => "Calico's own, from the pool of this node",
        RouteOrigin::WgQuick => "wg-quick's, from AllowedIPs",
        RouteOrigin::Default => "the default route",
    };
    match taken.target {
        RouteTarget::Mesh => format!("routed into {interface}: {made}"),
        RouteTarget::Pod => format!("routed to a pod here: {made}"),
        RouteTarget::Unreachable => format!("unreachable: {made}"),
        RouteTarget::Public => format!("routed out to the Internet: {made}"),
    }
}
