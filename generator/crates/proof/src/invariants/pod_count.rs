//! kubelet starts no more pods than its node has addresses for.

use crate::finding::{FindingCode, ProofFinding};
use crate::model::{MachineId, Model};

/// kubelet's default (KubeletConfiguration v1beta1, `maxPods`).
const MAX_PODS: u32 = 110;

/// Calico gives each pod an address of its node's pool, and every address of a pool is used.
pub(super) fn check(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let (node, host) = (model.files(id)?, model.machine(id).node.as_ref()?);
    let stated = node.kubelet.content.max_pods;
    let most = stated.map_or(MAX_PODS, |stated| stated.value);
    let [(pool, _)] = host.pools[..] else { return None };
    let addresses = 1_u64 << (pool.max_prefix_len() - pool.prefix_len());
    if u64::from(most) <= addresses {
        return None;
    }
    let message =
        format!("kubelet starts up to {most} pods, and the pool {pool} has {addresses} addresses");
    let place = node.kubelet.file.line(stated.map_or(0, |stated| stated.line));
    Some(ProofFinding::new(FindingCode::PodsNotReady, place, message))
}
