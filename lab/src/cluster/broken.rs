//! Emitted files that are damaged on purpose, and the check that must fail for each.

use anyhow::Result;

use super::delivery_archive;

/// One emitted text that is replaced.
#[derive(Debug)]
pub struct ClusterDamage {
    /// Its name.
    pub name: &'static str,
    /// The node whose delivery it is in.
    pub node: &'static str,
    /// The path on the host, without the leading slash.
    pub path: &'static str,
    /// The emitted text.
    pub original: &'static str,
    /// What the host gets instead.
    pub replacement: &'static str,
    /// The check that must fail.
    pub check: &'static str,
    /// A part of its message.
    pub reason: &'static str,
}

impl ClusterDamage {
    /// The damaged delivery.
    ///
    /// # Errors
    ///
    /// When the emitted file does not contain the text exactly once.
    pub fn apply(&self, delivery: &[u8]) -> Result<Vec<u8>> {
        delivery_archive::replace(delivery, self.path, self.original, self.replacement)
    }
}

/// All damages, each of one emitted text. The checks run until the named one has failed.
pub const ALL: &[ClusterDamage] = &[
    ClusterDamage {
        name: "api-server-listens-on-loopback",
        node: "cp1",
        path: "etc/kubernetes/patches/kube-apiserver0+json.yaml",
        original: "--bind-address=10.66.66.1",
        replacement: "--bind-address=127.0.0.1",
        check: "nodes-ready",
        reason: "",
    },
    ClusterDamage {
        name: "kubelet-listens-on-loopback",
        node: "w1",
        path: "etc/kubernetes/patches/kubeletconfiguration0+merge.yaml",
        original: "address: \"10.66.66.2\"",
        replacement: "address: \"127.0.0.1\"",
        check: "logs-and-exec",
        reason: "connection refused",
    },
    ClusterDamage {
        name: "join-file-elsewhere",
        node: "w1",
        path: "etc/kubernetes/kubeadm.yaml",
        original: "kubeConfigPath: /etc/kubernetes/discovery.conf",
        replacement: "kubeConfigPath: /etc/kubernetes/admin.conf",
        check: "nodes-ready",
        reason: "not Ready: [\"w1\"]",
    },
    ClusterDamage {
        name: "node-ip-of-another-node",
        node: "w1",
        path: "etc/kubernetes/kubeadm.yaml",
        original: "value: \"10.66.66.2\"",
        replacement: "value: \"203.0.113.20\"",
        check: "nodes-have-mesh-addresses",
        reason: "203.0.113.20",
    },
    ClusterDamage {
        name: "missing-static-route",
        node: "w1",
        path: "etc/wireguard/wg0.routes",
        original: "route replace 10.244.1.0/24 dev wg0 proto kernel metric 512\n",
        replacement: "",
        check: "static-pod-routes",
        reason: "w1",
    },
    ClusterDamage {
        name: "pool-of-no-node",
        node: "cp1",
        path: "etc/meshwright/cluster/calico/installation.yaml",
        original: "    - name: pods-w1\n      cidr: 10.244.2.0/24",
        replacement: "    - name: pods-w1\n      cidr: 10.244.9.0/24",
        check: "pod-pairs",
        reason: "10.244.9.",
    },
    ClusterDamage {
        name: "kube-proxy-takes-pods-for-strangers",
        node: "cp1",
        path: "etc/meshwright/cluster/kube-proxy/kube-proxy.patch.yaml",
        original: "clusterCIDR: 10.244.0.0/16",
        replacement: "clusterCIDR: 10.245.0.0/16",
        check: "service-sees-pod-address",
        reason: "",
    },
    ClusterDamage {
        name: "node-ports-at-no-address",
        node: "cp1",
        path: "etc/meshwright/cluster/kube-proxy/kube-proxy.patch.yaml",
        original: "    - 10.66.66.0/24",
        replacement: "    - 10.66.67.0/24",
        check: "node-ports-in-mesh",
        reason: "error",
    },
    ClusterDamage {
        name: "mesh-not-accepted",
        node: "cp1",
        path: "etc/meshwright/nftables.conf",
        original: "    iifname \"wg0\" accept\n    # With IPVS, a pod's",
        replacement: "    # With IPVS, a pod's",
        check: "nodes-ready",
        reason: "not Ready: [\"w1\"]",
    },
    ClusterDamage {
        name: "bgp-password-of-another-secret",
        node: "cp1",
        path: "etc/meshwright/cluster/calico/bgp.yaml",
        original: "      key: password",
        replacement: "      key: passwords",
        check: "manifests-applied",
        reason: "applying Calico's objects",
    },
];
