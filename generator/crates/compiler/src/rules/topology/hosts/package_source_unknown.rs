//! What is declared in `[packages.sources]` is something that is taken from elsewhere.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::package_source::NAMES;
use crate::diagnostic::wording::suggestion;
use crate::diagnostic::{Finding, Place, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "package-source-unknown",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "`packages.sources` names nothing that is taken from elsewhere",
    explain: "\
`apply.sh` takes a few files from elsewhere: `calico-crds` and `calico-operator` (the manifests of Calico's \
operator), `ingress-nginx` or `traefik` (the chart of the Ingress controller), `helm-amd64` and `helm-arm64` \
(the archive of the program that installs it, where none is there). An entry of `[packages.sources]` with one \
of these names replaces upstream's address; one with any other name would change nothing, and the file that \
was to come from the mirror would be fetched from the Internet, or not be had at all.

Take one of these names. Repositories of packages and registries of images have keys of their own: \
`packages.kubernetes_apt`, `packages.containerd_apt`, `images.repository`, `images.mirrors`.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let at = topology.packages.origin.key("sources");
    for name in topology.packages.sources.keys() {
        if !NAMES.contains(&name.as_str()) {
            let message = format!("`packages.sources` names `{name}`, which is taken from nowhere");
            let place = Place::Key(at.key(name.to_string()));
            let finding = Finding::at(message, place, "nothing has this name");
            findings.push(finding.help(suggestion(name.as_str(), &NAMES)));
        }
    }
}
