//! Refuses an image that is declared without a digest, where the pinned one has one.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::versions::is_same_image;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::{ImageReference, IngressController};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "image-digest-missing",
    severity: Severity::Error,
    theme: Theme::Versions,
    summary: "another release of a pinned image is declared without its digest",
    explain: "\
A tag can be moved: the registry, a mirror, or an attacker who controls one of them can send another image under the same \
name, to each node another one. The images that `meshwright versions` lists have digests, with which containerd compares \
what it receives. A declared image would replace one of them by whatever is sent.

Write the digest of the image's index behind the tag, which is the same for all architectures:

    image = \"docker.io/cloudflare/cloudflared:2026.10.0@sha256:…\"

An image of another name, such as that of a fork, has no pinned digest, so it may have none.

`docker buildx imagetools inspect IMAGE` and `crane digest IMAGE` print it.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let ingress = &topology.ingress;
    let tunnel = topology.cloudflare_tunnel.as_ref();
    let hello = topology.hello.as_ref();
    let pinned = &topology.versions;
    let controller = match ingress.controller {
        IngressController::IngressNginx => Some(&pinned.ingress_nginx.image),
        IngressController::Traefik => Some(&pinned.traefik.image),
        IngressController::Absent => None,
    };
    let declared = [
        controller.map(|image| (&ingress.origin, &ingress.image, image)),
        tunnel.map(|tunnel| (&tunnel.origin, &tunnel.image, &pinned.cloudflared.image)),
        hello.map(|hello| (&hello.origin, &hello.image, &pinned.whoami.image)),
    ];
    for (origin, image, pinned) in declared.into_iter().flatten() {
        let lacks_digest =
            |image: &&ImageReference| image.digest().is_none() && is_same_image(image, pinned);
        let Some(image) = image.as_ref().filter(lacks_digest) else { continue };
        let at = origin.key("image");
        let finding = Finding::new(format!("`{at}` has no digest"), &at, "a tag can be moved");
        let help = format!("write `{image}@sha256:` and the digest of the image's index");
        findings.push(finding.help(help));
    }
}
