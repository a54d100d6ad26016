//! Subnets and names that are in every certificate, node and object of a cluster.

use super::{Refusal, RefusedValue};
use crate::tree::ComparedTree;

const NEW_CLUSTER: &str = "restore the old value; a cluster with other values is a new cluster: other machines, \
                           `meshwright init`, and the apps deployed there";

pub(super) fn find(old: &ComparedTree, new: &ComparedTree) -> Vec<Refusal> {
    let values = |tree: &ComparedTree| {
        let (cluster, _) = tree.model.cluster();
        let facts = &tree.facts;
        [
            facts.cluster.clone(),
            facts.objects.pod_subnet.to_string(),
            cluster.service_subnet.value.to_string(),
            facts.objects.node_subnet.to_string(),
            facts.objects.dns_domain.clone(),
            facts.endpoint.clone(),
            facts.interface.clone(),
        ]
    };
    let pairs = values(old).into_iter().zip(values(new));
    let changed = KEPT.iter().zip(pairs).filter(|(_, (before, after))| before != after);
    let mut refusals: Vec<_> = changed
        .map(|(kept, (before, after))| Refusal {
            code: kept.code,
            subject: RefusedValue::Single { name: kept.table, key: kept.key },
            message: format!("`{}` changes from {before} to {after}", kept.key),
            effect: kept.effect,
            help: NEW_CLUSTER,
        })
        .collect();
    // The API's name contains the cluster's name, unless it is written.
    if old.facts.cluster != new.facts.cluster {
        refusals.retain(|refusal| refusal.code != "api-endpoint-changed");
    }
    // Blocks of another size are a consequence of another subnet.
    if refusals.is_empty() {
        refusals.extend(block_size(old, new));
    }
    refusals
}

/// A value that is kept for the life of a cluster.
struct KeptValue {
    code: &'static str,
    table: &'static str,
    key: &'static str,
    effect: &'static str,
}

const KEPT: [KeptValue; 7] = [
    KeptValue {
        code: "cluster-renamed",
        table: "cluster",
        key: "name",
        effect: "hosts refuse the delivery (code 32): it is for another cluster",
    },
    KeptValue {
        code: "subnet-changed",
        table: "network",
        key: "pod_subnet",
        effect: "running pods keep addresses that no firewall and no route knows, and kube-controller-manager keeps \
                 the old `--cluster-cidr`",
    },
    KeptValue {
        code: "subnet-changed",
        table: "network",
        key: "service_subnet",
        effect: "every Service keeps its old address, and the certificates of the API have the old one",
    },
    KeptValue {
        code: "subnet-changed",
        table: "network",
        key: "node_subnet",
        effect: "etcd, the API's certificates and every kubelet keep the old addresses",
    },
    KeptValue {
        code: "dns-domain-changed",
        table: "network",
        key: "dns_domain",
        effect: "pods that run keep the old search domains, and the API's certificates have the old names",
    },
    KeptValue {
        code: "api-endpoint-changed",
        table: "control_plane",
        key: "endpoint",
        effect: "the kubeconfigs that kubeadm wrote on each host keep the old name, and the API's certificates do not \
                 have the new one",
    },
    KeptValue {
        code: "interface-renamed",
        table: "wireguard",
        key: "interface",
        effect: "the old interface keeps the port and the address, so the new one does not start",
    },
];

fn block_size(old: &ComparedTree, new: &ComparedTree) -> Option<Refusal> {
    let sizes = |tree: &ComparedTree| {
        let pools = tree.facts.objects.pools.iter().chain(&tree.facts.objects.further_pools);
        pools.map(|pool| pool.net.prefix_len()).max()
    };
    let (before, after) = (sizes(old)?, sizes(new)?);
    (before != after).then(|| Refusal {
        code: "pod-prefix-len-changed",
        subject: RefusedValue::Single { name: "network", key: "pod_prefix_len" },
        message: format!("`pod_prefix_len` changes from {before} to {after}"),
        effect: "Calico refuses another block size of an existing pool, and running pods keep addresses of the old \
                 blocks",
        help: NEW_CLUSTER,
    })
}
