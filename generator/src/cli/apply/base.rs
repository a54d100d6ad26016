//! The tree that the machines have: each node's files from the revision that it has.

use std::collections::BTreeMap;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::git::CommittedFolder;
use meshwright_fleet::delivery::{DeliveredState, TreeRevision};
use meshwright_fleet::survey::MachineSurvey;
use meshwright_proof::files::{OutputDirectory, TreeFiles};
use meshwright_value::manifest::MANIFEST;

/// Files by their path below the output directory.
pub(super) type TreeBytes = BTreeMap<String, Vec<u8>>;

/// Where the machines are.
pub(super) enum FleetBase {
    /// No machine has anything.
    Nothing,
    /// They have this tree.
    Tree(TreeBytes),
}

/// Composes the tree of the machines. Parts that no machine has a copy of, such as the files of clients, are those of the
/// oldest revision that a machine has.
pub(super) fn of_machines(
    machines: &[MachineSurvey],
    revisions: &[TreeRevision],
    init: &str,
    session: &Session<'_>,
) -> Result<FleetBase, Failure> {
    let states = || machines.iter().filter_map(|one| Some((&one.name, one.delivered.as_ref()?)));
    let unknown: Vec<_> = states()
        .filter(|(_, state)| matches!(state, DeliveredState::Unknown { .. }))
        .map(|(name, _)| name.as_str())
        .collect();
    if !unknown.is_empty() {
        let message = format!(
            "{} {} files of no known revision of {}",
            unknown.join(", "),
            if unknown.len() == 1 { "has" } else { "have" },
            session.out_dir().display()
        );
        let help = "name the tree that the machines have with --from; `meshwright status` lists what differs";
        return Err(Failure::usage(message, help));
    }
    if states().all(|(_, state)| *state == DeliveredState::Nothing) {
        return Ok(FleetBase::Nothing);
    }
    let position = |name: &str| revisions.iter().position(|revision| revision.name == name);
    let oldest = |names: &mut dyn Iterator<Item = String>| names.max_by_key(|name| position(name));
    let by_files = oldest(&mut states().filter_map(|(_, state)| match state {
        DeliveredState::Revision { revision, .. } => Some(revision.clone()),
        _ => None,
    }));
    // A key that was rotated changes the files of the others only: they name the revision.
    let revision_of = |state: &DeliveredState| match state {
        DeliveredState::Revision { revision, .. } => Some(revision.clone()),
        DeliveredState::OtherSecret { revisions } => {
            let of_others = revisions.iter().find(|one| Some(*one) == by_files.as_ref());
            of_others.or(revisions.first()).cloned()
        }
        _ => None,
    };
    let current = bytes_of(&OutputDirectory(&session.out_dir()))?;
    let in_use = || states().filter_map(|(_, state)| revision_of(state));
    let Some(oldest) = oldest(&mut in_use()) else { return Ok(FleetBase::Tree(current)) };
    let mut trees = BTreeMap::new();
    for revision in in_use() {
        let folder = CommittedFolder::read(&revision, &session.out_dir())
            .map_err(|error| Failure::usage(error.to_string(), "name the tree with --from"))?;
        trees.insert(revision, bytes_of(&folder)?);
    }
    let mut tree = trees[&oldest].clone();
    for (name, state) in states() {
        let own = match revision_of(state) {
            Some(revision) => &trees[&revision],
            // A machine without a delivery has nothing that its peers could depend on.
            None if *state == DeliveredState::Nothing => continue,
            None => &current,
        };
        let folder = format!("nodes/{name}/");
        // The init node has the cluster's objects.
        let is_of_node = |path: &str| {
            path.starts_with(&folder) || (name == init && path.starts_with("cluster/"))
        };
        tree.retain(|path, _| !is_of_node(path));
        let files = own.iter().filter(|(path, _)| is_of_node(path));
        tree.extend(files.map(|(path, bytes)| (path.clone(), bytes.clone())));
    }
    Ok(FleetBase::Tree(tree))
}

/// All files but the manifest, whose checksums a composed tree does not have.
fn bytes_of(files: &dyn TreeFiles) -> Result<TreeBytes, Failure> {
    let mut bytes = TreeBytes::new();
    for path in files.paths()? {
        if path != MANIFEST {
            let content = files.read(&path)?;
            bytes.insert(path, content);
        }
    }
    Ok(bytes)
}
