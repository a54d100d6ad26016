//! The versions of a cluster: the pinned ones, with those that the topology declares instead.

use std::sync::Arc;

use crate::derive::package_source::{self, helm};
use crate::topology::versions::{ControllerRelease, Versions};
use crate::topology::{PackageSource, Topology};
use meshwright_value::{Arch, ImageReference, IngressController};

/// The versions of this cluster. A declared version has its digest (`source-digest-missing`, `image-digest-missing`).
#[must_use]
pub(crate) fn versions(topology: &Topology) -> Arc<Versions> {
    let mut versions = Versions::clone(&topology.versions);
    versions.calico.version = topology.calico_version();
    if let Some(version) = &topology.packages.containerd_version {
        versions.containerd.version = version.clone();
    }
    let tunnel = topology.cloudflare_tunnel.as_ref();
    if let Some(image) = tunnel.and_then(|tunnel| tunnel.image.as_ref()) {
        versions.cloudflared.image = image.clone();
    }
    if let Some(image) = topology.hello.as_ref().and_then(|hello| hello.image.as_ref()) {
        versions.whoami.image = image.clone();
    }
    declare_chart(topology, IngressController::IngressNginx, &mut versions.ingress_nginx);
    declare_chart(topology, IngressController::Traefik, &mut versions.traefik);
    for arch in [Arch::Amd64, Arch::Arm64] {
        let declared = source(topology, helm(arch));
        if let Some(version) = declared.and_then(|source| source.version) {
            versions.helm.version = version;
        }
    }
    Arc::new(versions)
}

/// Whether an image is the pinned one, perhaps of another release or from another registry. A fork has another path.
#[must_use]
pub(crate) fn is_same_image(image: &ImageReference, pinned: &ImageReference) -> bool {
    // Docker Hub's official images are also known as `library/NAME`.
    let name = |image: &ImageReference| {
        image.path().strip_prefix("library/").unwrap_or(image.path()).to_owned()
    };
    name(image) == name(pinned)
}

/// The image of the controller is a key of its own (`image` of `[ingress]`).
fn declare_chart(
    topology: &Topology,
    controller: IngressController,
    release: &mut ControllerRelease,
) {
    let declared = package_source::chart(controller).and_then(|chart| source(topology, chart));
    if let Some(version) = declared.and_then(|source| source.version) {
        release.version = version;
    }
    if topology.ingress.controller == controller
        && let Some(image) = &topology.ingress.image
    {
        release.image = image.clone();
    }
}

fn source<'topology>(
    topology: &'topology Topology,
    name: &str,
) -> Option<&'topology PackageSource> {
    let mut sources = topology.packages.sources.iter();
    sources.find(|(declared, _)| declared.as_str() == name).map(|(_, source)| source)
}
