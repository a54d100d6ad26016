//! Settings of Kubernetes' programs: those that a user has written, and stricter ones than the programs' defaults.

use serde_json::Value;

use super::hardening;
use crate::topology::settings::Settings;
use crate::topology::{Hardening, Kubeadm, Node, Topology};
use meshwright_value::component::Component;

/// One argument of a program, without dashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The arguments that the programs of the control plane get in addition to kubeadm's and to those on which flows depend,
/// by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComponentArguments {
    /// Those of kube-apiserver.
    pub api_server: Vec<Argument>,
    /// Those of kube-controller-manager.
    pub controller_manager: Vec<Argument>,
    /// Those of kube-scheduler.
    pub scheduler: Vec<Argument>,
    /// Those of etcd.
    pub etcd: Vec<Argument>,
}

impl ComponentArguments {
    pub(super) fn derive(hardening: &Hardening, kubeadm: &Kubeadm) -> Self {
        let of = |component| arguments(hardening, kubeadm, component);
        Self {
            api_server: of(Component::ApiServer),
            controller_manager: of(Component::ControllerManager),
            scheduler: of(Component::Scheduler),
            etcd: of(Component::Etcd),
        }
    }
}

/// etcd has feature gates of its own.
fn arguments(hardening: &Hardening, kubeadm: &Kubeadm, component: Component) -> Vec<Argument> {
    let written = kubeadm.arguments(component).iter().flat_map(|(name, value)| {
        let argument = |value: &str| Argument { name: name.to_string(), value: value.to_owned() };
        value.texts().map(argument)
    });
    let gates = kubeadm.feature_gates.iter().map(|(gate, is_on)| format!("{gate}={is_on}"));
    let gates = gates.collect::<Vec<_>>().join(",");
    let has_gates = component != Component::Etcd && !gates.is_empty();
    let gates = has_gates.then(|| Argument { name: "feature-gates".to_owned(), value: gates });
    let stricter = hardening::arguments(hardening, kubeadm, component);
    let mut arguments: Vec<_> = written.chain(gates).chain(stricter).collect();
    arguments.sort_by(|one, other| one.name.cmp(&other.name));
    arguments
}

/// The fields of `KubeletConfiguration` of one node. All of them are in the node's own patch: kubeadm reads the
/// patches of a node again with each upgrade, and the shared configuration only when the cluster is initialised.
pub(super) fn kubelet(topology: &Topology, node: &Node) -> Settings {
    let kubeadm = &topology.kubeadm;
    let settings = node.kubelet.above(&kubeadm.kubelet).above(&hardening::kubelet());
    if kubeadm.feature_gates.is_empty() {
        return settings;
    }
    let gates = kubeadm.feature_gates.iter();
    let gates = gates.map(|(gate, is_on)| (gate.to_string(), Value::from(*is_on)));
    settings.with("featureGates", gates.collect())
}
