//! Codes of changes that a running cluster does not take. The comparison with the output directory on disk reports
//! them: `plan` as errors, `generate` as warnings, because it does not know whether that directory was delivered.

use super::Entry;
use crate::check::Theme;
use crate::diagnostic::Severity;

const fn entry(code: &'static str, summary: &'static str, explain: &'static str) -> Entry {
    Entry { code, severity: Severity::Warning, theme: Theme::Changes, summary, explain }
}

/// All codes of changes.
pub const ENTRIES: [Entry; 13] = [
    entry(
        "api-endpoint-changed",
        "the name or port of the API changes",
        "\
kubeadm wrote the old name into the kubeconfigs of every host, and into the certificates of the API. With another \
name, kubelets do not find the API, and refuse its certificate.

Restore the old value. A cluster with another name of the API is a new cluster.

Source: kubeadm, `controlPlaneEndpoint` (\"this can not be changed after the cluster is created\").",
    ),
    entry(
        "cluster-renamed",
        "the cluster gets another name",
        "\
Each host knows the cluster that it belongs to, and refuses a delivery of another one with code 32.

Restore the old name. A cluster with another name is a new cluster.",
    ),
    entry(
        "dns-domain-changed",
        "the domain of cluster DNS changes",
        "\
The certificates of the API contain the old domain, and pods that run keep the old search domains in their \
/etc/resolv.conf.

Restore the old domain. A cluster with another domain is a new cluster.",
    ),
    entry(
        "interface-renamed",
        "WireGuard's interface gets another name",
        "\
The old interface keeps the UDP port and the address until it is removed by hand on every host, so the new one \
does not start.

Restore the old name.",
    ),
    entry(
        "node-number-reused",
        "a new node gets the id of a node that is gone",
        "\
Calico assigns the block of an id to a node by its name, and releases it some time after the node is deleted. Until \
then, pods of the new node get no address.

Give the new node an id that was never used, and add the old one to `retired_ids`.",
    ),
    entry(
        "node-renamed",
        "a node gets another name, with the same key",
        "\
The machine refuses a delivery for another node with code 32. In the cluster, the Node object, its certificate and \
the assignment of its block have the old name.

Remove the node under its old name, and add it with a new id.",
    ),
    entry(
        "node-renumbered",
        "a node gets another address in the mesh",
        "\
kubelet and etcd have the old address, and the pods of the node keep addresses of the old block, to which no \
AllowedIPs and no route lead any more.

Remove the node, and add it with a new name and id.",
    ),
    entry(
        "pod-block-moved",
        "a node gets another block of pod addresses, or the block of another node",
        "\
Calico keeps the assignment of a block. Pods that run keep their addresses, to which no AllowedIPs and no route lead \
any more.

Keep the block. Or remove the node, and add it with a new name and id.",
    ),
    entry(
        "pod-prefix-len-changed",
        "the blocks of pod addresses get another size",
        "\
Calico refuses another `blockSize` of a pool that exists, and pods that run keep addresses of the old blocks.

Restore the old value. A cluster with blocks of another size is a new cluster.

Source: Calico's reference of IPPool, `blockSize` (\"cannot be changed\").",
    ),
    entry(
        "role-changed",
        "a node that has joined gets another role",
        "\
kubeadm gives a node its role when it joins, and `meshwright-node bootstrap` runs kubeadm once: a worker is never \
promoted, and a control plane keeps its member of etcd.

Remove the node (drain, `kubeadm reset`, `kubectl delete node`), and add it with a new name and id.",
    ),
    entry(
        "subnet-changed",
        "a subnet of the cluster changes",
        "\
Pods and Services that exist keep their addresses; etcd, the certificates of the API and every kubelet have \
addresses of the old node subnet.

Restore the old subnet. A cluster with another subnet is a new cluster.",
    ),
    entry(
        "version-downgraded",
        "Kubernetes gets an older version",
        "\
`kubeadm upgrade` refuses it. etcd may contain objects that an older API server cannot read.

Keep the version, or restore a backup of etcd on new machines.

Source: Kubernetes' Version Skew Policy.",
    ),
    entry(
        "version-skips-minor",
        "Kubernetes skips a minor version",
        "\
`kubeadm upgrade` refuses to skip a minor version, and the new API server may not support the old kubelets.

Upgrade every node to the next minor version first, and then to this one.

Source: Kubernetes' Version Skew Policy; kubeadm's documentation of upgrades.",
    ),
];
