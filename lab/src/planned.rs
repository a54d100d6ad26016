//! Changes of a running mesh, one delivery at a time: the pairs that lose pings are those that `meshwright plan` names,
//! and no other.
//!
//! What this tier cannot see: an endpoint or a listen port that changes. WireGuard learns the new address of a peer
//! from its next packet (whitepaper, section 2.1, "roaming"), so the pair that `plan` names may lose nothing. And a
//! preshared key: it takes part in the next handshake, up to two minutes later.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Arguments, Trial};
use meshwright_change::order;
use meshwright_change::part::{ChangedPart, Part, PartChange, changed_parts};
use meshwright_change::state::{ChangeStates, TakenParts};
use meshwright_change::tree::ComparedTree;
use meshwright_proof::matrix::{LostFlows, flows_of};

use crate::calico::CalicoSettings;
use crate::failing;
use crate::node::{self, LabNode};
use crate::probe::PingStream;
use crate::relaying;
use crate::sandbox::{self, SandboxUse};
use crate::scenario::repository;
use crate::tree::LabTree;
use crate::world::World;

/// A change of a topology.
struct PlannedChange {
    name: &'static str,
    topology: &'static str,
    /// Texts of the topology, and what replaces them.
    edits: &'static [(&'static str, &'static str)],
    /// The machine that gets another key.
    rotated: Option<&'static str>,
    /// The nodes in another order than the plan's.
    order: Option<&'static [&'static str]>,
    /// Whether flows are lost: a plan that names nobody is not the same as pings that were not sent.
    loses: bool,
}

const ATLAS: &str = "topology.toml";
pub(crate) const HOMES: &str = "examples/relay-and-site/topology.toml";

const ADD_OSAKA: (&str, &str) = (
    "[[clients]]\nname = \"laptop\"",
    "[[nodes]]\nname = \"osaka\"\nid = 5\nrole = \"worker\"\nendpoint = \"198.51.100.50\"\n\n\
     [[clients]]\nname = \"laptop\"",
);
const ADD_PHONE: (&str, &str) = (
    "[[clients]]\nname = \"laptop\"",
    "[[clients]]\nname = \"phone\"\nid = 201\n\n[[clients]]\nname = \"laptop\"",
);
const SMALLER_MTU: (&str, &str) =
    ("endpoint = \"203.0.113.10\"", "endpoint = \"203.0.113.10\"\nunderlay_mtu = 1450");
const CLOSE_SSH: (&str, &str) = ("[\"0.0.0.0/0\", \"::/0\"]", "[\"198.51.100.0/24\"]");
const MOVE_RELAY: (&str, &str) = ("relay = \"paris\"", "relay = \"vienna\"");

const CHANGES: &[PlannedChange] = &[
    PlannedChange { name: "node-added", edits: &[ADD_OSAKA], ..ON_ATLAS },
    PlannedChange { name: "client-added", edits: &[ADD_PHONE], ..ON_ATLAS },
    PlannedChange { name: "mtu-smaller", edits: &[SMALLER_MTU], ..ON_ATLAS },
    PlannedChange { name: "ssh-closed", edits: &[CLOSE_SSH], ..ON_ATLAS },
    PlannedChange { name: "key-rotated", rotated: Some("tokyo"), loses: true, ..ON_ATLAS },
    PlannedChange {
        name: "key-rotated-node-first",
        rotated: Some("tokyo"),
        order: Some(&["tokyo", "hongkong", "frankfurt", "home"]),
        loses: true,
        ..ON_ATLAS
    },
    PlannedChange {
        name: "key-rotated-node-last",
        rotated: Some("tokyo"),
        order: Some(&["home", "frankfurt", "hongkong", "tokyo"]),
        loses: true,
        ..ON_ATLAS
    },
    PlannedChange {
        name: "relay-moved",
        topology: HOMES,
        edits: &[MOVE_RELAY],
        loses: true,
        ..ON_ATLAS
    },
    PlannedChange {
        name: "relay-moved-node-last",
        topology: HOMES,
        edits: &[MOVE_RELAY],
        order: Some(&["silo", "mill", "attic"]),
        loses: true,
        ..ON_ATLAS
    },
];

const ON_ATLAS: PlannedChange = PlannedChange {
    name: "",
    topology: ATLAS,
    edits: &[],
    rotated: None,
    order: None,
    loses: false,
};

/// How long a state lasts. WireGuard keeps 128 packets for a peer until the handshake succeeds (`MAX_STAGED_PACKETS` of
/// Linux, `QueueStagedSize` of wireguard-go), and sends them then: a shorter cut delays pings and loses none. Each peer
/// gets 40 answers a second.
pub(crate) const STATE: Duration = Duration::from_secs(5);

/// Two machines, in the order of their names.
pub(crate) type LabPair = [String; 2];

impl PlannedChange {
    fn trial(&'static self) -> Trial {
        sandbox::trial(format!("planned::{}", self.name), || self.run())
    }

    fn run(&self) -> Result<()> {
        let old = LabTree::compile_with_new_keys(&repository().join(self.topology))?;
        let new = old.changed(self.edits, self.rotated)?;
        let after = compared(&new, None)?;
        let before = compared(&old, Some(&after))?;
        let states = ChangeStates::new(&before, &after, changed_parts(&before, &after));
        let order = self.order(&states)?;
        let expected = expected_pairs(&states, &order)?;
        ensure!(expected.is_empty() != self.loses, "the plan names {expected:?}");
        let mut world = World::bring_up(self.name, old)?;
        world.await_steady_state();
        let streams = streams(&world)?;
        thread::sleep(STATE);
        for part in order {
            deliver(&mut world, &new, &states.parts[part])?;
            thread::sleep(STATE);
        }
        let found = losing_pairs(streams)?;
        ensure!(found == expected, "{found:?} lost pings, and the plan names {expected:?}");
        Ok(())
    }

    /// The parts in the order of the plan, or in the other one: then the parts that are not nodes come first.
    fn order(&self, states: &ChangeStates<'_>) -> Result<Vec<usize>> {
        let Some(nodes) = self.order else {
            let found = order::find(states);
            let found = found.map_err(|faults| anyhow::anyhow!("no network: {faults:?}"))?;
            return Ok(found.parts.into_iter().map(|ordered| ordered.part).collect());
        };
        let others = (0..states.parts.len())
            .filter(|part| !nodes.iter().any(|name| states.parts[*part].is_node(name)));
        let mut order: Vec<_> = others.collect();
        for name in nodes {
            let part = states.parts.iter().position(|part| part.is_node(name));
            order.push(part.with_context(|| format!("{name} does not change"))?);
        }
        Ok(order)
    }
}

fn compared(tree: &LabTree, beside: Option<&ComparedTree>) -> Result<ComparedTree> {
    let read = ComparedTree::read(&tree.files, beside);
    read.map_err(|fault| anyhow::anyhow!("the tree is not understood: {fault:?}"))
}

/// The pairs of nodes whose pings the states of an order lose.
fn expected_pairs(states: &ChangeStates<'_>, order: &[usize]) -> Result<BTreeSet<LabPair>> {
    let mut pairs = BTreeSet::new();
    let mut state = TakenParts::none(states.parts.len());
    for part in order {
        state = state.with(&[*part]);
        let losses = states.losses(&state);
        for lost in losses.map_err(|faults| anyhow::anyhow!("no network: {faults:?}"))? {
            if is_pinged(&lost) {
                pairs.insert(pair(&lost.from, &lost.to));
            }
        }
    }
    Ok(pairs)
}

/// Whether pings between the hosts or the pods of a pair are among its lost flows.
pub(crate) fn is_pinged(lost: &LostFlows) -> bool {
    flows_of(lost.flows).any(|flow| ["node-node", "pod-pod"].contains(&flow.name))
}

pub(crate) fn pair(one: &str, other: &str) -> LabPair {
    let mut names = [one.to_owned(), other.to_owned()];
    names.sort_unstable();
    names
}

/// Pings between the pods of all pairs, and between their hosts.
pub(crate) fn streams(world: &World) -> Result<Vec<(LabPair, PingStream)>> {
    let mut streams = Vec::new();
    for (one, other) in world.pairs() {
        let names = pair(one.name(), other.name());
        let pods = PingStream::start(&one.pod.namespace, other.pod.address.into())?;
        let hosts = PingStream::start(one.namespace(), other.address.into())?;
        streams.extend([(names.clone(), pods), (names, hosts)]);
    }
    Ok(streams)
}

pub(crate) fn losing_pairs(streams: Vec<(LabPair, PingStream)>) -> Result<BTreeSet<LabPair>> {
    let mut losing = BTreeSet::new();
    for (names, stream) in streams {
        let loss = stream.finish()?;
        ensure!(loss.sent >= 40, "{names:?}: only {} pings were sent", loss.sent);
        if loss.lost > 0 {
            losing.insert(names);
        }
    }
    Ok(losing)
}

/// Puts the new files of one part into place, as `apply` does. The lab has no API server, so the objects of the
/// cluster and the pods change nothing here.
fn deliver(world: &mut World, new: &LabTree, changed: &ChangedPart) -> Result<()> {
    let Part::Node(name) = &changed.part else { return Ok(()) };
    match changed.change {
        PartChange::Changed => {
            let node = world.node(name)?;
            node.install(new)?;
            node.run_unit(new, "meshwright-firewall.service", "ExecReload")?;
            node.wireguard_reload(new)
        }
        PartChange::Removed => world.node(name)?.wireguard_down(&world.tree),
        PartChange::Added => {
            let planned = new.plan.nodes.iter().find(|node| node.name.as_str() == name);
            let planned = planned.with_context(|| format!("{name} is not planned"))?;
            let host = node::boot("added", planned, &mut world.underlay)?;
            let calico = CalicoSettings::read(new)?;
            let node: LabNode = LabNode::start(host, planned, new, &calico)?;
            world.nodes.push(node);
            Ok(())
        }
    }
}

/// Runs several changes in parallel: they mostly wait.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(5));
    let trials = || {
        let changes = CHANGES.iter().map(PlannedChange::trial);
        changes.chain(failing::trials()).chain(relaying::trials()).collect()
    };
    sandbox::main(&arguments, SandboxUse::PerTrial, trials)
}
