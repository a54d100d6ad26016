//! Package sources: the names of the files that a cluster downloads.

use meshwright_value::Arch;

use crate::release;

/// The CRDs of the operator and of Calico.
pub(crate) const CALICO_CRDS: &str = "calico-crds";
/// The operator.
pub(crate) const CALICO_OPERATOR: &str = "calico-operator";

/// Every name in `[packages.sources]`. A cluster has one of the charts.
pub(crate) const NAMES: [&str; 6] = [
    CALICO_CRDS,
    CALICO_OPERATOR,
    release::INGRESS_NGINX.name,
    release::TRAEFIK.name,
    helm(Arch::Amd64),
    helm(Arch::Arm64),
];

/// The name of Helm's archive for an architecture. The machine that runs Helm need not be a node.
#[must_use]
pub(crate) const fn helm(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "helm-amd64",
        Arch::Arm64 => "helm-arm64",
    }
}
