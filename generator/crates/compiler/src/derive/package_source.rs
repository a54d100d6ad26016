//! Package sources: the names of the files that a cluster downloads.

use meshwright_value::{Arch, IngressController};

/// The CRDs of the operator and of Calico.
pub(crate) const CALICO_CRDS: &str = "calico-crds";
/// The operator.
pub(crate) const CALICO_OPERATOR: &str = "calico-operator";

/// The chart of ingress-nginx.
pub(crate) const INGRESS_NGINX: &str = "ingress-nginx";
/// The chart of Traefik.
pub(crate) const TRAEFIK: &str = "traefik";

/// The name of a controller's chart, which is also that of the Helm release and of the namespace here.
#[must_use]
pub(crate) const fn chart(controller: IngressController) -> Option<&'static str> {
    match controller {
        IngressController::IngressNginx => Some(INGRESS_NGINX),
        IngressController::Traefik => Some(TRAEFIK),
        IngressController::Absent => None,
    }
}

/// Every name in `[packages.sources]`. A cluster has one of the charts.
pub(crate) const NAMES: [&str; 6] =
    [CALICO_CRDS, CALICO_OPERATOR, INGRESS_NGINX, TRAEFIK, helm(Arch::Amd64), helm(Arch::Arm64)];

/// The name of Helm's archive for an architecture. The machine that runs Helm need not be a node.
#[must_use]
pub(crate) const fn helm(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "helm-amd64",
        Arch::Arm64 => "helm-arm64",
    }
}
