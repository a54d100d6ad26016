//! The public names that can fail with one machine. Where pods run is decided by Kubernetes' scheduler, and no file
//! shows it.

use std::collections::BTreeSet;

use crate::flows::FlowTarget;
use crate::ingress::request::{IngressRequest, RequestEvent, RequestStation};
use crate::matrix::{LostFlows, flows_of};
use crate::model::{MachineId, Model};

/// A public name that can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameEffect {
    /// The name.
    pub hostname: String,
    /// Programs on its path of which all pods can have run on the machine that is off.
    pub gone: Vec<String>,
    /// Whether requests fail that pass from a pod on one node to a pod on another that it no longer reaches.
    pub is_between_lost_pairs: bool,
}

/// The names that can fail. `lost` has the flows that other machines lose, and `strands_pods` is whether no other node takes
/// the pods of the machine that is off.
pub(super) fn effects(
    model: &Model,
    requests: &[IngressRequest],
    off: Option<MachineId>,
    lost: &[LostFlows],
    strands_pods: bool,
) -> Vec<NameEffect> {
    let took_pods = off.is_some_and(|off| takes_pods(model, off));
    let loses_pods = lost.iter().any(|pair| is_between_pods(model, pair));
    let effects = requests.iter().filter(|request| request.stopped.is_none()).map(|request| {
        let programs = programs(request);
        let can_be_gone =
            |program: &&String| took_pods && (strands_pods || has_one_pod(model, program));
        NameEffect {
            hostname: request.hostname.clone(),
            gone: programs.iter().filter(can_be_gone).cloned().collect(),
            // The first program is called from the Internet, and calls the next.
            is_between_lost_pairs: loses_pods && programs.len() > 1,
        }
    });
    effects.filter(|name| !name.gone.is_empty() || name.is_between_lost_pairs).collect()
}

/// Whether a node takes pods, and no other one does.
pub(super) fn strands_pods(model: &Model, off: MachineId) -> bool {
    takes_pods(model, off) && !model.nodes().any(|id| id != off && takes_pods(model, id))
}

/// Whether pods without tolerations start on a node.
fn takes_pods(model: &Model, id: MachineId) -> bool {
    let Some(files) = model.files(id) else { return false };
    let keeps_out =
        |taint: &String| taint.ends_with(":NoSchedule") || taint.ends_with(":NoExecute");
    match &files.kubeadm.content.taints {
        Some(taints) => !taints.iter().any(keeps_out),
        // kubeadm gives a control plane its taint (v1beta4, `nodeRegistration.taints`).
        None => model.machine(id).node.as_ref().is_some_and(|node| !node.control_plane),
    }
}

/// The programs in pods that a request passes, each once.
fn programs(request: &IngressRequest) -> Vec<String> {
    let mut known = BTreeSet::new();
    let stations = request.events.iter().flat_map(|event| match event {
        RequestEvent::Connected { by, called, .. } => vec![by, called],
        RequestEvent::Lookup { by, .. } => vec![by],
    });
    let programs = stations.filter_map(|station| match station {
        RequestStation::Pod(program) => Some(program.clone()),
        RequestStation::Visitor | RequestStation::Edge | RequestStation::Outside => None,
    });
    programs.filter(|program| known.insert(program.clone())).collect()
}

fn has_one_pod(model: &Model, program: &str) -> bool {
    let mut workloads = model.emitted.ingress.workloads();
    workloads.any(|workload| workload.name.value == program && workload.replicas.value == 1)
}

/// Whether pods on one node no longer reach pods on another, and both nodes take pods.
fn is_between_pods(model: &Model, pair: &LostFlows) -> bool {
    let mut flows = flows_of(pair.flows);
    let loses_pods =
        flows.any(|flow| matches!(flow.target, FlowTarget::Pod(_) | FlowTarget::Service(_)));
    let takes = |name: &str| model.find(name).is_some_and(|id| takes_pods(model, id));
    loses_pods && takes(&pair.from) && takes(&pair.to)
}
