//! Warns when all control planes are in one site.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::NAMED;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-planes-one-site",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "all control planes are in one site",
    explain: "\
Several control planes exist so that the cluster survives the loss of one. Those in one site share its \
power, its Internet connection and its router. One failure there stops all of them: the API is gone, \
and Kubernetes repairs nothing that fails elsewhere, although workers in other places continue to run.

Put the control planes into places that do not fail together, with at most 100 ms between them, such as \
three data centres of one region. If the whole cluster is in this site, nothing is gained: accept the \
warning.

Source: Kubernetes, \"Running in multiple zones\"; etcd, \"Failure modes\".",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let control_planes: Vec<_> =
        topology.nodes.iter().filter(|node| node.role == Role::ControlPlane).collect();
    let [first, _, ..] = control_planes.as_slice() else { return };
    let Some(site) = &first.site else { return };
    if control_planes.iter().any(|node| node.site.as_ref() != Some(site)) {
        return;
    }
    let count = control_planes.len();
    let message = format!("all {count} control planes are in the site `{site}`");
    let mut finding =
        Finding::new(message, &first.origin.key("site"), "power and connection are shared");
    for node in &control_planes[1..count.min(NAMED)] {
        finding = finding.and(&node.origin.key("site"), "the same site");
    }
    findings.push(finding.help("put them into places that do not fail together, within 100 ms"));
}
