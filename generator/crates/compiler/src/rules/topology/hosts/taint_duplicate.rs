//! Refuses two taints of a node with the same key and effect.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::member::duplicates;
use crate::topology::{Node, Topology};
use meshwright_value::Taint;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "taint-duplicate",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "a node has two taints with the same key and effect",
    explain: "\
A taint is identified by its key and effect. The API server refuses a Node with two such taints \
(`taints must be unique by key and effect pair`), whatever their values. kubelet cannot register, logs \
this error again and again, and `kubectl get nodes` never shows the node.

Keep one of the two.

Source: `validateNodeTaints` in pkg/apis/core/validation/validation.go of Kubernetes.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let taints = node.taints.iter().flatten().enumerate();
        let owners = taints.map(|taint| ((taint.1.key(), taint.1.effect()), taint));
        for (later, first) in duplicates(owners) {
            findings.push(finding(node, later, first));
        }
    }
}

fn finding(node: &Node, later: (usize, &Taint), first: (usize, &Taint)) -> Finding {
    let (key, effect) = (later.1.key(), later.1.effect());
    let message = format!("`{}` has two taints `{key}` with the effect `{effect}`", node.name);
    let at = |index: usize| node.origin.key("taints").index(index);
    let finding = Finding::new(message, &at(later.0), "the same key and effect again")
        .and(&at(first.0), "first written here");
    match later.1 == first.1 {
        true => finding.fix(Fix::remove(&at(later.0), "one of the two", "")),
        false => finding.help("keep the one with the right value"),
    }
}
