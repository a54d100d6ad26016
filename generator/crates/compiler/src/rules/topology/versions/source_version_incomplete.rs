//! Refuses a declared version of a chart or of Helm without all that belongs to it.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::package_source::{CALICO_CRDS, CALICO_OPERATOR, helm};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{PackageSource, Topology};
use meshwright_value::{Arch, Version};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "source-version-incomplete",
    severity: Severity::Error,
    theme: Theme::Versions,
    summary: "the version of a download is declared without all that belongs to it",
    explain: "\
The digests that Meshwright knows are those of its own versions. For another version of a chart or of Helm, `apply.sh` \
would compare the file with the digest of a different one and refuse it, or compare it with nothing. The two archives of \
Helm are one program for two architectures: with different versions, the result would depend on the machine where \
`apply.sh` runs. The manifests of Calico follow `version` of `[calico]`.

Declare version, address and digest together, and for Helm for both architectures:

    [packages.sources.traefik]
    url = \"https://traefik.github.io/charts/traefik/traefik-42.4.3.tgz\"
    version = \"42.4.3\"
    sha256 = \"…\"

`curl -L URL | sha256sum` prints a digest of a file that you have looked at.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for (name, source) in &topology.packages.sources {
        let Some(version) = source.version else { continue };
        let at = source.origin.key("version");
        let is_calico = [CALICO_CRDS, CALICO_OPERATOR].contains(&name.as_str());
        if is_calico {
            let message = format!("`{name}` has no version of its own");
            let finding = Finding::new(message, &at, format!("{version} has no effect"));
            findings.push(finding.help("set `version` of [calico]"));
        } else if source.sha256.is_none() {
            let message = format!("`{name}` {version} has no digest");
            let finding = Finding::new(message, &at, "another version is another file");
            findings.push(finding.help(format!("add `sha256` to [packages.sources.{name}]")));
        }
    }
    check_helm(topology, findings);
}

/// Both archives have the same version.
fn check_helm(topology: &Topology, findings: &mut Findings) {
    let declared = |arch: Arch| {
        let mut sources = topology.packages.sources.iter();
        let found = sources.find(|(name, _)| name.as_str() == helm(arch));
        found.map(|(_, source)| source)
    };
    let version = |source: Option<&PackageSource>| source.and_then(|source| source.version);
    for (arch, other) in [(Arch::Amd64, Arch::Arm64), (Arch::Arm64, Arch::Amd64)] {
        let source = declared(arch);
        let Some((source, wanted)) = source.zip(version(source)) else { continue };
        let found: Option<Version> = version(declared(other));
        let is_reported_already = found.is_some() && arch == Arch::Arm64;
        if found == Some(wanted) || is_reported_already {
            continue;
        }
        let message = format!("Helm is {wanted} for {arch} only");
        let finding = Finding::new(message, &source.origin.key("version"), "of one architecture");
        let help = format!("set `version = \"{wanted}\"` in [packages.sources.{}]", helm(other));
        findings.push(finding.help(help));
    }
}
