//! Control planes do not share one fate.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::NAMED;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-planes-one-site",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "all control planes stand in one site",
    explain: "\
Several control planes are there so that one may be lost. Those of one site share its power, its line and \
its router: one fuse or one excavator stops them all, the API is gone and nothing that fails elsewhere is \
repaired, though the workers in other places go on.

Put them into places that fail apart and are still within 100 ms, such as three data centres of one \
region. Where the whole cluster stands in that site, nothing is gained: accept the warning.

Source: Kubernetes, \"Running in multiple zones\"; etcd, \"Failure modes\".",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let control_planes = topology.nodes.iter().filter(|node| node.role == Role::ControlPlane);
    let control_planes: Vec<_> = control_planes.collect();
    let [first, _, ..] = control_planes.as_slice() else { return };
    let Some(site) = &first.site else { return };
    if control_planes.iter().any(|node| node.site.as_ref() != Some(site)) {
        return;
    }
    let count = control_planes.len();
    let message = format!("all {count} control planes stand in the site `{site}`");
    let mut finding = Finding::new(message, &first.origin.key("site"), "shares its power and line");
    for node in &control_planes[1..count.min(NAMED)] {
        finding = finding.and(&node.origin.key("site"), "the same site");
    }
    findings.push(finding.help("put them into places that fail apart, within 100 ms"));
}
