//! The number of control planes is odd.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-plane-even",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "the number of control planes is even",
    explain: "\
Each control plane is a member of etcd, which works while more than half of its members do. Two survive \
the loss of none, as one does, and either of them stops the cluster; four survive one, as three do. The \
last one of an even number costs a vote and gains nothing.

Run one, three or five. An even number is right while one is being replaced.

Source: etcd, \"Frequently Asked Questions\", \"Why an odd number of cluster members?\".",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let control_planes = topology.nodes.iter().filter(|node| node.role == Role::ControlPlane);
    let control_planes: Vec<_> = control_planes.collect();
    let count = control_planes.len();
    let Some(last) = control_planes.last().filter(|_| count % 2 == 0) else { return };
    let fewer = count - 1;
    let survived = fewer / 2;
    let message =
        format!("{count} control planes survive the loss of {survived}, as {fewer} would");
    let label = format!("one of {count}");
    let finding = Finding::new(message, &last.origin.key("role"), label);
    findings.push(finding.help(format!("run {fewer} or {} control planes", count + 1)));
}
