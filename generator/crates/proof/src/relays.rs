//! Each relay of a pair with several: the flows hold at each of them, and while one end is at one and the other end is at
//! another, only the pair itself loses flows.

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::finding::{FindingCode, ProofFinding};
use crate::matrix::{self, FlowMatrix, LostFlows, flows_of};
use crate::model::{MachineId, Model, RelayedPair};

/// Which ends of all pairs have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MovedEnds {
    Both,
    /// The end whose machine is first.
    First,
    /// The other end.
    Second,
}

/// Checks the lists, and then walks all flows for each position of a relay. Pairs do not affect each other: a packet
/// between two nodes passes only the relay of these two, so all pairs move together.
pub(crate) fn check(model: &Model) -> Vec<ProofFinding> {
    let pairs: Vec<_> = model.nodes().flat_map(|id| model.relayed_pairs(id)).collect();
    let faults = |fault: fn(&Model, &RelayedPair<'_>) -> Option<ProofFinding>| -> Vec<_> {
        pairs.iter().filter_map(|pair| fault(model, pair)).collect()
    };
    // A list that differs from the other files often differs from that of the other end too.
    let findings = Some(faults(fault)).filter(|findings| !findings.is_empty());
    let findings = findings.unwrap_or_else(|| faults(other_end));
    if !findings.is_empty() || pairs.is_empty() {
        return findings;
    }
    let most = pairs.iter().map(|pair| pair.relays.len()).max().unwrap_or_default();
    let ends = [MovedEnds::Both, MovedEnds::First, MovedEnds::Second];
    let states = (1..most).flat_map(|position| ends.map(|ends| (position, ends)));
    let before = FlowMatrix::of(model);
    let states: Vec<_> = states.collect();
    let lost = states
        .into_par_iter()
        .flat_map_iter(|(position, ends)| in_state(model, &before, position, ends));
    lost.collect()
}

/// A line of a list that is not as in the other files.
fn fault(model: &Model, pair: &RelayedPair<'_>) -> Option<ProofFinding> {
    let finding = |line, message| {
        let place = model.place_of_relay(pair.near, line);
        Some(ProofFinding::new(FindingCode::RelaysDisagree, place, message))
    };
    let first = &pair.relays[0];
    let Some(far) = model.find(&first.other).filter(|far| !model.is_client(*far)) else {
        return finding(first.line, format!("no node has the name {}", first.other));
    };
    let expected = prefixes(model, far);
    for listed in pair.relays {
        let line = listed.line;
        if listed.address != model.classes.address(model.machine(far).address) {
            return finding(line, format!("{} has another address", listed.other));
        }
        let moved: BTreeSet<_> = listed.moved.iter().copied().collect();
        if moved != expected {
            let addresses = expected.iter().map(ToString::to_string).collect::<Vec<_>>();
            let message = format!("the addresses of {} are {}", listed.other, addresses.join(", "));
            return finding(line, message);
        }
        let relay = model.find(&listed.relay);
        let Some(relay) = relay.filter(|relay| model.key(*relay) == Some(listed.relay_key)) else {
            return finding(line, format!("this is not the key of {}", listed.relay));
        };
        if listed.relay_address != model.classes.address(model.machine(relay).address) {
            return finding(line, format!("{} has another address", listed.relay));
        }
        if relay == pair.near || relay == far {
            return finding(line, format!("{} is an end of this pair", listed.relay));
        }
    }
    let conf = model.conf(pair.near);
    let stays = conf.allowed.iter().find(|allowed| {
        let key = conf.peers[allowed.peer as usize].public_key.value;
        expected.contains(&allowed.net) && key != first.relay_key
    });
    if let Some(stays) = stays {
        let message = format!("the peer of {} does not have {}", first.relay, stays.net);
        return finding(first.line, message);
    }
    None
}

/// A pair whose other end does not list the same relays in the same order.
fn other_end(model: &Model, pair: &RelayedPair<'_>) -> Option<ProofFinding> {
    let far = model.find(pair.other())?;
    let listed = model.relayed_pair(far, pair.near);
    if listed.is_some_and(|other| other.names().eq(pair.names())) {
        return None;
    }
    let own = &model.machine(pair.near).name;
    let order = pair.names().collect::<Vec<_>>().join(", ");
    let message = format!("{own} uses {order} to {}, which lists other relays", pair.other());
    let place = model.place_of_relay(pair.near, pair.relays[0].line);
    Some(ProofFinding::new(FindingCode::RelaysDisagree, place, message))
}

/// The addresses of a node, its pods, and the networks behind it.
fn prefixes(model: &Model, id: MachineId) -> BTreeSet<ipnet::Ipv4Net> {
    let machine = model.machine(id);
    let pools = machine.node.iter().flat_map(|node| &node.pools).map(|(pool, _)| *pool);
    let networks = model.networks_behind(id).map(|network| network.net);
    let own = model.classes.address(machine.address).into();
    std::iter::once(own).chain(pools).chain(networks).collect()
}

/// The flows that are lost in a state, and must not be.
fn in_state(
    model: &Model,
    before: &FlowMatrix,
    position: usize,
    ends: MovedEnds,
) -> Vec<ProofFinding> {
    let moved = model.with_relays(|pair| {
        let is_first = model.find(pair.other()).is_some_and(|far| pair.near < far);
        let moves = match ends {
            MovedEnds::Both => true,
            MovedEnds::First => is_first,
            MovedEnds::Second => !is_first,
        };
        moves.then_some(position)
    });
    let mut lost = FlowMatrix::of(&moved).lost_since(before);
    if ends != MovedEnds::Both {
        matrix::attribute_node_ports(&mut lost);
        lost.retain(|pair| pair.flows != 0 && relay_between(model, pair, position).is_none());
    }
    lost.iter().filter_map(|pair| finding(model, &moved, pair, position, ends)).collect()
}

fn finding(
    model: &Model,
    moved: &Model,
    lost: &LostFlows,
    position: usize,
    ends: MovedEnds,
) -> Option<ProofFinding> {
    let flow = flows_of(lost.flows).next()?;
    let cause = matrix::cause_of(moved, flow, &lost.from, &lost.to)?;
    let relay = relay_between(model, lost, position);
    let relay = relay.map_or_else(|| format!("relay number {}", position + 1), str::to_owned);
    let state = match ends {
        MovedEnds::Both => format!("by way of {relay}"),
        MovedEnds::First | MovedEnds::Second => format!("while one end has moved to {relay}"),
    };
    let message =
        format!("{} from {} to {} {state}: {}", flow.name, lost.from, lost.to, cause.message);
    Some(ProofFinding { message, ..cause })
}

/// The relay of two nodes at a position of their list.
fn relay_between<'model>(
    model: &'model Model,
    pair: &LostFlows,
    position: usize,
) -> Option<&'model str> {
    let (from, to) = (model.find(&pair.from)?, model.find(&pair.to)?);
    let listed = model.relayed_pair(from, to)?.relays.get(position)?;
    Some(&listed.relay)
}
