//! Kubernetes is upgraded by one minor version at a time, and never downgraded (Kubernetes, "Version Skew Policy";
//! kubeadm upgrade).

use meshwright_value::Version;

use super::{Refusal, RefusedValue};
use crate::tree::ComparedTree;

pub(super) fn find(old: &ComparedTree, new: &ComparedTree) -> Vec<Refusal> {
    refusal(old.facts.kubernetes_version, new.facts.kubernetes_version).into_iter().collect()
}

/// Why a cluster cannot go from one version of Kubernetes to another.
#[must_use]
pub fn refusal(before: Version, after: Version) -> Option<Refusal> {
    let subject = RefusedValue::Single { name: "cluster", key: "kubernetes_version" };
    let message = format!("`kubernetes_version` changes from {before} to {after}");
    if after < before {
        return Some(Refusal {
            code: "version-downgraded",
            subject,
            message,
            effect: "`kubeadm upgrade` refuses it, and etcd may have objects that the older API server cannot read",
            help: "keep the version, or restore a backup of etcd on new machines",
        });
    }
    let is_next = after.major() == before.major() && after.minor() <= before.minor() + 1;
    (!is_next).then_some(Refusal {
        code: "version-skips-minor",
        subject,
        message,
        effect: "`kubeadm upgrade` refuses it, and kubelets of the old version may not talk to the new API server",
        help: "upgrade to the next minor version first, on every node, and then to this one",
    })
}
