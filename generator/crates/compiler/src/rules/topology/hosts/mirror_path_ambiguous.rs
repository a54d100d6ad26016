//! Warns when a mirror's path does not name the root of its API.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::mirror::names_api_root;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "mirror-path-ambiguous",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "a mirror has a path without `/v2`",
    explain: "\
A registry's API begins at `/v2`. containerd appends it to the URL of a mirror: from \
`https://mirror.example.cn/docker.io` it pulls `https://mirror.example.cn/docker.io/v2/library/nginx/…`. \
Few mirrors have their API there. Harbor, Nexus and Artifactory have `/v2` before the name of the project: \
`https://harbor.example.cn/v2/dockerhub-proxy`. A wrong path is not visible: containerd tries the next mirror \
and then the registry itself.

Write the URL with `/v2` in its path, at the place where the mirror has it. Meshwright then sets \
`override_path`, and containerd appends only the name of the image. If the mirror really has `/v2` behind its \
path, accept the warning.

Sources: containerd, docs/hosts.md, `override_path`; OCI Distribution Specification, \"API\"; containerd#6634.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let images = &topology.images;
    for (registry, mirrors) in &images.mirrors {
        let at = images.origin.key("mirrors").key(registry.to_string());
        for (index, mirror) in mirrors.iter().enumerate() {
            if mirror.path().is_empty() || names_api_root(mirror.as_str()) {
                continue;
            }
            let message = format!("the path of the mirror `{mirror}` has no `/v2`");
            let label = format!("containerd pulls from `{mirror}/v2/…`");
            let finding = Finding::new(message, &at.index(index), label);
            findings.push(finding.help("write the path with `/v2`, where the mirror has its API"));
        }
    }
}
