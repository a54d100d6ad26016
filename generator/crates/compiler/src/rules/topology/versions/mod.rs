//! Releases of Kubernetes, kube-proxy, Calico and ingress-nginx: support, and which of them fit together.

mod calico_digest_missing;
mod calico_kubernetes_untested;
mod calico_version_unknown;
mod image_digest_missing;
mod ingress_nginx_retired;
mod kube_proxy_ipvs_deprecated;
mod kube_proxy_ipvs_removed;
mod kube_proxy_nftables_crash;
mod kubernetes_version_ended;
mod kubernetes_version_old;
mod kubernetes_version_unknown;
mod source_version_incomplete;
mod version_vulnerable;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[
    calico_digest_missing::RULE,
    calico_kubernetes_untested::RULE,
    calico_version_unknown::RULE,
    image_digest_missing::RULE,
    ingress_nginx_retired::RULE,
    kube_proxy_ipvs_deprecated::RULE,
    kube_proxy_ipvs_removed::RULE,
    kube_proxy_nftables_crash::RULE,
    kubernetes_version_ended::RULE,
    kubernetes_version_old::RULE,
    kubernetes_version_unknown::RULE,
    source_version_incomplete::RULE,
    version_vulnerable::RULE,
];
