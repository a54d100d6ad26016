//! The versions file with which the tree was generated, byte for byte, if it is not the one that is compiled in: `prove`
//! compares the tree with these versions.

use crate::artifact::ArtifactSet;
use crate::plan::Plan;
use crate::render::{ClusterRenderer, Output};

/// The registration.
pub(super) const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "versions", outputs: &[FILE], render };

const FILE: Output = Output { path: "versions.toml", consumer: "meshwright prove" };

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    if let Some(text) = &plan.versions.replacement {
        artifacts.add(FILE.path, text.as_bytes().to_vec());
    }
}
