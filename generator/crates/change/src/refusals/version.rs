//! Kubernetes is upgraded by one minor version at a time, and never downgraded (Kubernetes, "Version Skew Policy";
//! kubeadm upgrade).

use super::{Refusal, RefusedValue};
use crate::tree::ComparedTree;

pub(super) fn find(old: &ComparedTree, new: &ComparedTree) -> Vec<Refusal> {
    let (before, after) = (old.facts.kubernetes_version, new.facts.kubernetes_version);
    let subject = RefusedValue::Single { name: "cluster", key: "kubernetes_version" };
    let message = format!("`kubernetes_version` changes from {before} to {after}");
    if after < before {
        return vec![Refusal {
            code: "version-downgraded",
            subject,
            message,
            effect: "`kubeadm upgrade` refuses it, and etcd may have objects that the older API server cannot read",
            help: "keep the version, or restore a backup of etcd on new machines",
        }];
    }
    let is_next = after.major() == before.major() && after.minor() <= before.minor() + 1;
    if is_next {
        return Vec::new();
    }
    vec![Refusal {
        code: "version-skips-minor",
        subject,
        message,
        effect: "`kubeadm upgrade` refuses it, and kubelets of the old version may not talk to the new API server",
        help: "upgrade to the next minor version first, on every node, and then to this one",
    }]
}
