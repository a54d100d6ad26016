//! The API server and etcd: which nodes run them, where these nodes are, and the name of the API.

mod api_name_public;
mod api_name_taken;
mod control_plane_behind_nat;
mod control_plane_even;
mod control_plane_init_unknown;
mod control_plane_missing;
mod control_planes_far_apart;
mod control_planes_one_site;
mod kubeadm_setting_owned;
mod kubeadm_setting_unknown;
mod kubelet_setting_type;
mod max_pods_above_block;
mod round_trip_missing;
mod taint_drops_control_plane;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[
    api_name_public::RULE,
    api_name_taken::RULE,
    control_plane_behind_nat::RULE,
    control_plane_even::RULE,
    control_plane_init_unknown::RULE,
    control_plane_missing::RULE,
    control_planes_far_apart::RULE,
    control_planes_one_site::RULE,
    kubeadm_setting_owned::RULE,
    kubeadm_setting_unknown::RULE,
    kubelet_setting_type::RULE,
    max_pods_above_block::RULE,
    round_trip_missing::RULE,
    taint_drops_control_plane::RULE,
];
