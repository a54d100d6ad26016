//! One node, or the local network or the uplink of one site, fails: the pairs that lose pings are those that
//! `meshwright prove --failures 1` names, and no other.
//!
//! What this tier cannot see: the control plane. It has no API server and no etcd.

use std::collections::BTreeSet;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use meshwright_proof::failure::{self, Failure};
use meshwright_proof::judge;
use meshwright_proof::model::Model;

use crate::planned::{HOMES, LabPair, STATE, is_pinged, losing_pairs, pair, streams};
use crate::sandbox;
use crate::scenario::repository;
use crate::tree::LabTree;
use crate::world::World;

/// What fails in [`HOMES`].
#[derive(Clone, Copy)]
enum LabFailure {
    /// The link of a node to its network.
    Node(&'static str),
    /// The local network of a site. Its machines still reach their router.
    SiteNetwork(&'static str),
    /// The connection of that router to the Internet.
    Uplink(&'static str),
}

/// A failure, and whether other nodes lose flows: an empty list is not the same as pings that were not sent. Through
/// vienna only clients reach others, and clients are not pinged.
const FAILURES: &[(LabFailure, bool)] = &[
    (LabFailure::Node("paris"), true),
    (LabFailure::Node("vienna"), false),
    (LabFailure::Node("silo"), false),
    (LabFailure::SiteNetwork("barn"), true),
    (LabFailure::Uplink("barn"), true),
];

/// One trial for each failure.
pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    FAILURES.iter().map(|(failure, loses)| {
        let (failure, loses) = (*failure, *loses);
        let name = match failure {
            LabFailure::Node(name) | LabFailure::SiteNetwork(name) => name.to_owned(),
            LabFailure::Uplink(site) => format!("{site}-uplink"),
        };
        sandbox::trial(format!("failing::{name}"), move || run(&name, failure, loses))
    })
}

fn run(name: &str, failure: LabFailure, loses: bool) -> Result<()> {
    let tree = LabTree::compile_with_new_keys(&repository().join(HOMES))?;
    let read = judge::read_model(&tree.files, None)?;
    let model = read.model.map_err(|faults| anyhow::anyhow!("no network: {faults:?}"))?;
    let expected = expected_pairs(&model, failure)?;
    ensure!(expected.is_empty() != loses, "the proof names {expected:?}");
    let mut world = World::bring_up(name, tree)?;
    world.await_steady_state();
    let mut streams = streams(&world)?;
    thread::sleep(STATE);
    fail(&mut world, failure)?;
    thread::sleep(STATE);
    if let LabFailure::Node(off) = failure {
        streams.retain(|(pair, _)| pair.iter().all(|end| end != off));
    }
    let found = losing_pairs(streams)?;
    ensure!(found == expected, "{found:?} lost pings, and the proof names {expected:?}");
    Ok(())
}

/// The pairs of nodes whose pings the proof expects to be lost.
fn expected_pairs(model: &Model, failure: LabFailure) -> Result<BTreeSet<LabPair>> {
    let effects = failure::effects(model, &[]);
    let is_meant = |one: &Failure| match (one, failure) {
        (Failure::Machine(id), LabFailure::Node(name)) => model.machine(*id).name == name,
        (Failure::SiteNetwork(site), LabFailure::SiteNetwork(name))
        | (Failure::Uplink(site), LabFailure::Uplink(name)) => site == name,
        _ => false,
    };
    let effect = effects.iter().find(|effect| is_meant(&effect.failure));
    let effect = effect.context("the proof does not know this failure")?;
    let pinged = effect.lost.iter().filter(|lost| is_pinged(lost));
    Ok(pinged.map(|lost| pair(&lost.from, &lost.to)).collect())
}

fn fail(world: &mut World, failure: LabFailure) -> Result<()> {
    match failure {
        LabFailure::Node(name) => {
            let namespace = world.node(name)?.namespace();
            // Behind NAT, a node is not on the bridge of the Internet.
            namespace.ip("link set eth0 down").map(drop)
        }
        LabFailure::SiteNetwork(site) => world.underlay.isolate_hosts(site),
        LabFailure::Uplink(site) => world.underlay.disconnect(site),
    }
}
