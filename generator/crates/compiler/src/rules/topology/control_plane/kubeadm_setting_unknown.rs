//! Warns about a setting that the programs of the newest known release do not have.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, LabelPlace, Severity};
use crate::route::Route;
use crate::topology::{KubeletSetting, Topology};
use meshwright_value::closest_in_any_case;
use meshwright_value::component::{Component, feature_gates, kubelet_fields};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubeadm-setting-unknown",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "a setting of Kubernetes that its program does not know",
    explain: "\
A program of the control plane ends at start if it gets an argument or a feature gate that it does not know \
(`unknown flag`, `unrecognized feature gate`): kubelet starts it again for ever, and the node never initialises the \
cluster. kubelet itself ignores an unknown field of its configuration, so that the setting has no effect.

The names are those of Kubernetes 1.37.2 and etcd 3.7.3. Correct the name, or accept the warning if another release \
has it. `prove` lists such a setting as not judged.

Sources: `--help` of each program; `KubeletConfiguration` in k8s.io/kubelet, config/v1beta1/types.go.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let kubeadm = &topology.kubeadm;
    let newest = topology.versions.kubernetes.newest.line;
    let unknown = |name: &str, known: &[&str], what: &str, at: Route| {
        finding(name, known, &format!("{what} `{name}` in Kubernetes {newest}"), at)
    };
    for component in Component::ALL {
        let known: Vec<_> = component.arguments().collect();
        for name in kubeadm.arguments(component).keys() {
            let at = kubeadm.place_of(component, name);
            let what = format!("{} has no argument", component.program());
            findings.extend(unknown(name.as_str(), &known, &what, at));
        }
    }
    let gates: Vec<_> = feature_gates().collect();
    for gate in kubeadm.feature_gates.keys() {
        let at = kubeadm.origin.key("feature_gates").key(gate.to_string());
        findings.extend(unknown(gate.as_str(), &gates, "there is no feature gate", at));
    }
    // Ours, and the head of the document: another rule refuses it.
    let fields: Vec<_> =
        kubelet_fields().map(|(field, _)| field).chain(["kind", "apiVersion"]).collect();
    for KubeletSetting { field, at, .. } in topology.kubelet_settings() {
        findings.extend(unknown(field, &fields, "kubelet has no setting", at));
    }
}

fn finding(name: &str, known: &[&str], message: &str, at: Route) -> Option<Finding> {
    if known.contains(&name) {
        return None;
    }
    let finding = Finding::at_place(message, LabelPlace::Key(at), "unknown name");
    Some(match closest_in_any_case(name, known) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
        None => finding.help("compare it with the documentation of your release"),
    })
}
