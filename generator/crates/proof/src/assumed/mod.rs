//! What the proof relies on and no file shows, each with the line that relies on it. One file for each
//! subject.

mod cluster;
mod defaults;
mod forwarding;
mod host;
mod underlay;

use crate::assumption::Assumption;
use crate::model::Model;
use crate::span::TreePaths;

/// All assumptions of a tree, each once.
#[must_use]
pub(crate) fn by(model: &Model, paths: &TreePaths) -> Vec<Assumption> {
    let subjects = [
        underlay::all(model),
        forwarding::all(model),
        host::all(model),
        cluster::all(model),
        defaults::all(model, paths),
    ];
    let mut assumptions = Vec::new();
    for mut subject in subjects {
        // Equal sentences follow each other.
        subject.sort_by(|one, other| (&one.text, one.place).cmp(&(&other.text, other.place)));
        subject.dedup();
        assumptions.extend(subject);
    }
    assumptions
}
