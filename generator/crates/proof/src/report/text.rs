//! A trace told as a story.

use std::fmt::Write as _;

use crate::hop::{Hop, Party, Step};
use crate::model::Model;
use crate::model::routing::{Origin, Taken, Way};
use crate::read::nftables::Hook;
use crate::span::Paths;
use crate::trace::Trace;

/// The whole story: there, and back.
#[must_use]
pub fn story(model: &Model, paths: &Paths, trace: &Trace) -> String {
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
pub fn step(model: &Model, hop: &Hop) -> String {
    // What the tree does not say: the address of a host outside, and of the own public side.
    let address = |atom| match atom == model.internet() {
        true => "a public address".to_owned(),
        false => model.atoms.address(atom).to_string(),
    };
    let packet = &hop.packet;
    let (source, destination) = (address(packet.source), address(packet.destination));
    match hop.step {
        Step::Sent(party) => format!(
            "{} sends {} from {source} to {destination}, {} bytes at the most",
            sender(party),
            packet.payload,
            packet.size
        ),
        Step::Translated => {
            format!(
                "kube-proxy chooses a pod of the Service: the destination becomes {destination}"
            )
        }
        Step::Masqueraded => {
            format!("the source becomes {source}, so that the answer comes back here")
        }
        Step::Restored => {
            format!("conntrack knows the connection: from {source} to {destination} again")
        }
        Step::Routed(taken) => route(model, taken),
        Step::Admitted(hook) => format!("the firewall lets it {}", passes(hook)),
        Step::Encrypted { to, size, .. } => format!(
            "WireGuard: {destination} is in the AllowedIPs of {}; encrypted for its key, {size} bytes on the underlay",
            model.machine(to).name
        ),
        Step::Decrypted { from } => format!(
            "WireGuard: decrypted with the key of {}, whose AllowedIPs hold {source}",
            model.machine(from).name
        ),
        Step::Delivered(Party::Pod) => format!("delivered to the pod {destination}"),
        Step::Delivered(Party::Host) => format!("delivered to the host, {}", packet.payload),
        Step::Delivered(Party::Internet) => "out to the Internet".to_owned(),
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

fn route(model: &Model, taken: Taken) -> String {
    let interface = &model.emitted.interface;
    let made = match taken.origin {
        Origin::Address => "connected, from the interface's Address",
        Origin::Static => "a static pod route, which waits for nobody",
        Origin::Guard => "the route guard",
        Origin::Bird => "a route of BIRD's, from the pool of the node that advertised it",
        Origin::Calico => "Calico's own, from the pool of this node",
        Origin::WgQuick => "wg-quick's, from AllowedIPs",
        Origin::Default => "the default route",
    };
    match taken.way {
        Way::Mesh => format!("routed into {interface}: {made}"),
        Way::Pod => format!("routed to a pod here: {made}"),
        Way::Unreachable => format!("unreachable: {made}"),
        Way::Public => format!("routed out to the Internet: {made}"),
    }
}
