//! Refuses an entry of `packages.sources` whose name no download has.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::package_source::NAMES;
use crate::diagnostic::wording::suggestion;
use crate::diagnostic::{Finding, LabelPlace, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "package-source-unknown",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "`packages.sources` names a file that is not downloaded",
    explain: "\
`apply.sh` downloads a few files: `calico-crds` and `calico-operator` (the manifests of Calico's \
operator), `ingress-nginx` or `traefik` (the chart of the Ingress controller), and `helm-amd64` or \
`helm-arm64` (the archive of Helm, which installs the chart, if the machine has no Helm). An entry of \
`[packages.sources]` with one of these names replaces the upstream address. An entry with another name \
has no effect: the file would be downloaded from the Internet instead of the mirror, or the download \
would fail.

Use one of these names. Package repositories and image registries have other keys: \
`packages.kubernetes_apt`, `packages.containerd_apt`, `images.repository`, `images.mirrors`.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let at = topology.packages.origin.key("sources");
    for name in topology.packages.sources.keys() {
        if !NAMES.contains(&name.as_str()) {
            let message = format!("`packages.sources` names `{name}`, which is not downloaded");
            let place = LabelPlace::Key(at.key(name.to_string()));
            let finding = Finding::at_place(message, place, "no download has this name");
            findings.push(finding.help(suggestion(name.as_str(), &NAMES)));
        }
    }
}
