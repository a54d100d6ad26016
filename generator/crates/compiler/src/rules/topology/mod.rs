//! Rules about the values of the topology, one folder per theme.

mod addresses;
mod called;
mod control_plane;
mod file;
mod hosts;
mod ingress;
mod mesh;
mod node_names;
mod pod_network;
mod propose_ids;
mod propose_patches;
mod public_nodes;
mod versions;

use crate::check::Rule;
use crate::topology::Topology;

pub use propose_ids::propose_ids;
pub use propose_patches::propose_patches;

/// All rules about a topology.
pub fn rules() -> impl Iterator<Item = &'static Rule<Topology>> {
    const THEMES: [&[Rule<Topology>]; 8] = [
        addresses::RULES,
        control_plane::RULES,
        file::RULES,
        hosts::RULES,
        ingress::RULES,
        mesh::RULES,
        pod_network::RULES,
        versions::RULES,
    ];
    THEMES.into_iter().flatten()
}
