//! Warns when the URL of a mirror or source does not start with `https://`.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::Topology;
use meshwright_value::Url;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "url-not-https",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "a mirror or source is used without encryption",
    explain: "\
With `http://`, every host on the path can read the download and answer instead of the mirror. Packages \
are signed, and an image that is pinned by digest is compared with it, so a changed one is refused. An \
image that is named by a tag, a chart without `sha256`, and the answer \"there is nothing newer\" are \
not protected.

Write `https://`. If the mirror is in your own LAN or on loopback, accept the warning.

Sources: apt-secure(8); containerd, docs/hosts.md.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for (at, url) in urls(topology).into_iter().filter(|(_, url)| !url.is_https()) {
        let finding = Finding::new(format!("`{url}` is not encrypted"), &at, "not `https://`");
        findings.push(finding.help("write `https://`, if the server supports it"));
    }
}

/// Every URL of the topology, with its place.
fn urls(topology: &Topology) -> Vec<(Route, &Url)> {
    let packages = &topology.packages;
    let repositories = [
        ("kubernetes_apt", &packages.kubernetes_apt),
        ("containerd_apt", &packages.containerd_apt),
    ]
    .into_iter()
    .filter_map(|(key, url)| Some((packages.origin.key(key), url.as_ref()?)));
    let sources = packages
        .sources
        .values()
        .filter_map(|source| Some((source.origin.key("url"), source.url.remote()?)));
    let mirrors = topology.images.mirrors.iter().flat_map(|(registry, mirrors)| {
        let at = topology.images.origin.key("mirrors").key(registry.to_string());
        mirrors.iter().enumerate().map(move |(index, mirror)| (at.index(index), mirror))
    });
    repositories.chain(sources).chain(mirrors).collect()
}
