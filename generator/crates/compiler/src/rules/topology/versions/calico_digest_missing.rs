//! Refuses a release of Calico whose manifests would not be compared with a digest.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::package_source::{CALICO_CRDS, CALICO_OPERATOR};
use crate::diagnostic::wording::list;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "calico-digest-missing",
    severity: Severity::Error,
    theme: Theme::Versions,
    summary: "the manifests of this release of Calico have no known digest",
    explain: "\
`apply.sh` downloads two manifests of Calico's operator and applies them with all permissions: they run a \
program as root on every node. Upstream publishes no checksum of these files. Meshwright has the digests of \
the releases that it knows, and refuses a file that differs. Of another release, whatever the server sends \
would be applied.

Choose a known release, or give the digests of files that you have looked at, both for `calico-crds` and \
for `calico-operator`:

    [packages.sources.calico-operator]
    url = \"https://raw.githubusercontent.com/projectcalico/calico/v3.32.9/manifests/tigera-operator.yaml\"
    sha256 = \"…\"

`curl -L URL | sha256sum` prints a digest. The file of the other one is `operator-crds.yaml`. A path instead \
of a URL is a file of your own, and is not compared.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.calico_version();
    if topology.versions.calico_manifests(version).is_some() {
        return;
    }
    let is_compared = |name: &str| {
        let mut sources = topology.packages.sources.iter();
        let declared = sources.find(|(declared, _)| declared.as_str() == name);
        declared.is_some_and(|(_, one)| one.sha256.is_some() || one.url.remote().is_none())
    };
    let missing: Vec<_> =
        [CALICO_CRDS, CALICO_OPERATOR].into_iter().filter(|name| !is_compared(name)).collect();
    if missing.is_empty() {
        return;
    }
    let message =
        format!("the digest of {} of Calico {version} is not known", list(&missing, "and"));
    let label = format!("`calico.version` is {version}");
    let finding = Finding::new(message, &topology.calico.origin.key("version"), label);
    findings.push(
        finding.help(
            "choose a known release, or set `url` and `sha256` of both in [packages.sources]",
        ),
    );
}
