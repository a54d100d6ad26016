//! Warns about versions with known vulnerabilities.

use std::cmp::Reverse;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::package_source;
use crate::derive::versions::{is_same_image, versions};
use crate::diagnostic::wording::list;
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::Topology;
use crate::topology::versions::{Advisory, Versions};
use meshwright_value::{ImageReference, IngressController, PinnedProgram, Text as _, Version};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "version-vulnerable",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "a version in use has a known vulnerability",
    explain: "\
The versions file contains security advisories of the programs that Meshwright installs, with the versions that have the \
vulnerability (`meshwright versions --toml`, `[[advisories]]`). It contains those that were known on the day on which it \
was last compared with its sources, not later ones: no warning does not mean that there is no vulnerability. Programs of \
the host's distribution and images of forks are not judged.

Use the version in the help or a later one. docs/versions.md describes how to use a version that this Meshwright does not \
know yet. If the advisory does not concern your cluster, accept the warning with the reason.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let versions = versions(topology);
    for (program, version, at) in used(topology, &versions) {
        let mut found: Vec<_> = versions.advisories_of(program, version).collect();
        found.sort_by_key(|advisory| (Reverse(advisory.severity), advisory.id.clone()));
        if found.is_empty() {
            continue;
        }
        let names: Vec<_> =
            found.iter().map(|one| format!("{} ({})", one.id, one.severity)).collect();
        let message = format!("{program} {version} has {}", list(&names, "and"));
        let finding = Finding::new(message, &at, found[0].summary.to_string());
        findings.push(finding.help(remedy(&found)));
    }
}

/// The version that fixes all of them.
fn remedy(advisories: &[&Advisory]) -> String {
    let unfixed: Vec<_> = advisories
        .iter()
        .filter(|advisory| advisory.fixed.is_none())
        .map(|advisory| advisory.id.to_string())
        .collect();
    match advisories.iter().filter_map(|advisory| advisory.fixed).max() {
        _ if !unfixed.is_empty() => {
            format!("no release without {} is known", list(&unfixed, "and"))
        }
        Some(fixed) => format!("use {fixed} or later"),
        None => "no release without it is known".to_owned(),
    }
}

/// The programs whose versions are known, each with the place of its version.
fn used(topology: &Topology, versions: &Versions) -> Vec<(PinnedProgram, Version, Route)> {
    let (cluster, calico, ingress) = (&topology.cluster, &topology.calico, &topology.ingress);
    let mut used = vec![
        (
            PinnedProgram::Kubernetes,
            cluster.kubernetes_version,
            cluster.origin.key("kubernetes_version"),
        ),
        (PinnedProgram::Calico, topology.calico_version(), calico.origin.key("version")),
    ];
    let pinned = &topology.versions;
    let controller = match ingress.controller {
        IngressController::IngressNginx => Some((
            PinnedProgram::IngressNginx,
            &versions.ingress_nginx.image,
            &pinned.ingress_nginx.image,
        )),
        IngressController::Traefik => {
            Some((PinnedProgram::Traefik, &versions.traefik.image, &pinned.traefik.image))
        }
        IngressController::Absent => None,
    };
    let tunnel = topology.cloudflare_tunnel.as_ref();
    let connector = tunnel.map(|tunnel| {
        let images =
            (PinnedProgram::Cloudflared, &versions.cloudflared.image, &pinned.cloudflared.image);
        (images, tunnel.origin.key("image"))
    });
    let images =
        controller.map(|images| (images, ingress.origin.key("image"))).into_iter().chain(connector);
    used.extend(images.filter_map(|((program, image, upstream), at)| {
        Some((program, released(image, upstream)?, at))
    }));
    if package_source::chart(ingress.controller).is_some() {
        used.push((
            PinnedProgram::Helm,
            versions.helm.version,
            topology.packages.origin.key("sources"),
        ));
    }
    // A pattern such as `2.*` is not a version.
    let containerd = versions.containerd.version.as_str().split('-').next().unwrap_or_default();
    if let Ok(containerd) = Version::parse(containerd) {
        used.push((
            PinnedProgram::Containerd,
            containerd,
            topology.packages.origin.key("containerd_version"),
        ));
    }
    used
}

/// The release of an image by its tag, if it is upstream's image, perhaps from another registry.
fn released(image: &ImageReference, upstream: &ImageReference) -> Option<Version> {
    let tag = image.tag();
    let version = Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()?;
    is_same_image(image, upstream).then_some(version)
}
