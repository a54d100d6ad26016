//! The API of Kubernetes while something fails: etcd's majority, and who reaches it.

use crate::matrix::{FlowMatrix, bit_of};
use crate::model::{MachineId, Model};

/// The API after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiEffect {
    /// How many control planes there are.
    pub all: usize,
    /// How many of them still work together: those that one of them reaches, itself included.
    pub left: usize,
    /// How many members of etcd must run: more than half of all (etcd 3.7, "Frequently Asked Questions", "What is
    /// failure tolerance?").
    pub quorum: usize,
    /// The running nodes that no longer reach an API server that answers, if one does.
    pub cut_off: Vec<String>,
    /// The clients whose kubeconfig calls an API server that does not answer them: that of the init node.
    pub misdirected: Vec<String>,
}

impl ApiEffect {
    /// Whether the API still answers.
    #[must_use]
    pub const fn has_quorum(&self) -> bool {
        self.left >= self.quorum
    }
}

/// The effect of a failure; none if all control planes work together and everybody reaches them. The flows are those
/// before and after it.
pub(super) fn effect(
    model: &Model,
    [before, after]: [&FlowMatrix; 2],
    off: Option<MachineId>,
) -> Option<ApiEffect> {
    let name = |id: MachineId| model.machine(id).name.as_str();
    let passes = |flows: &FlowMatrix, flow: &str, from: MachineId, to: MachineId| {
        from == to || flows.pair(name(from), name(to)).arriving & bit_of(flow) != 0
    };
    let controls = |id: &MachineId| {
        let node = model.machine(*id).node.as_ref();
        node.is_some_and(|node| node.control_plane)
    };
    let all: Vec<_> = model.nodes().filter(controls).collect();
    let running: Vec<_> = all.iter().copied().filter(|id| Some(*id) != off).collect();
    let joined = |leader: MachineId| -> Vec<MachineId> {
        let meets = |other: &MachineId| {
            passes(after, "node-node", leader, *other) && passes(after, "node-node", *other, leader)
        };
        running.iter().copied().filter(meets).collect()
    };
    let majority =
        running.iter().map(|leader| joined(*leader)).max_by_key(Vec::len).unwrap_or_default();
    let mut effect = ApiEffect {
        all: all.len(),
        left: majority.len(),
        quorum: all.len() / 2 + 1,
        cut_off: Vec::new(),
        misdirected: Vec::new(),
    };
    if effect.has_quorum() {
        let reaches = |flows, from, servers: &[MachineId]| {
            servers.iter().any(|server| passes(flows, "node-api", from, *server))
        };
        let nodes = model.nodes().filter(|id| Some(*id) != off);
        let cut = nodes.filter(|id| reaches(before, *id, &all) && !reaches(after, *id, &majority));
        effect.cut_off = cut.map(|id| name(id).to_owned()).collect();
        effect.misdirected = init_of(model).map_or_else(Vec::new, |init| {
            let is_lost = |id: &MachineId| {
                passes(before, "client-api", *id, init)
                    && !(majority.contains(&init) && passes(after, "client-api", *id, init))
            };
            model.clients().filter(is_lost).map(|id| name(id).to_owned()).collect()
        });
    }
    let works =
        effect.left == effect.all && effect.cut_off.is_empty() && effect.misdirected.is_empty();
    (!works).then_some(effect)
}

/// The node that initialises the cluster.
fn init_of(model: &Model) -> Option<MachineId> {
    let initialises = |id: &MachineId| {
        model.files(*id).is_some_and(|files| files.kubeadm.content.cluster.is_some())
    };
    model.nodes().find(initialises)
}
