//! Warns when the number of control planes is even.

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
Each control plane is a member of etcd, and etcd works while more than half of its members do. Two \
members tolerate no failure, like one, and a failure of either stops the cluster. Four tolerate one \
failure, like three. The last member of an even number adds a possible failure and no tolerance.

Run one, three or five control planes. An even number is right while you replace one of them.

Source: etcd, \"Frequently Asked Questions\", \"Why an odd number of cluster members?\".",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let control_planes: Vec<_> =
        topology.nodes.iter().filter(|node| node.role == Role::ControlPlane).collect();
    let count = control_planes.len();
    let Some(last) = control_planes.last().filter(|_| count % 2 == 0) else { return };
    let fewer = count - 1;
    let tolerated = fewer / 2;
    let message = format!("{count} control planes tolerate the loss of {tolerated}, like {fewer}");
    let label = format!("one of {count}");
    let finding = Finding::new(message, &last.origin.key("role"), label);
    findings.push(finding.help(format!("run {fewer} or {} control planes", count + 1)));
}
