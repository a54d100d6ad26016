//! Emitted files that are damaged on purpose, and the check that must fail for each.

use anyhow::Result;

use super::delivery_archive;

/// When a damaged file reaches a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageMoment {
    /// With the first delivery of the first control plane. No other machine is on.
    Initialisation,
    /// Before the worker is built again, or with its first delivery.
    Join,
    /// With one more delivery to a node of a cluster in which everything works.
    Update,
}

use DamageMoment::{Initialisation, Join, Update};

/// One emitted text that is replaced.
#[derive(Debug)]
pub struct ClusterDamage {
    /// Its name.
    pub name: &'static str,
    /// When the file reaches its machine.
    pub moment: DamageMoment,
    /// The node whose delivery it is in.
    pub node: &'static str,
    /// The path on the host, without the leading slash.
    pub path: &'static str,
    /// The emitted text.
    pub original: &'static str,
    /// What the host gets instead.
    pub replacement: &'static str,
    /// The check that must fail. Those before it must pass.
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

/// The nodes of the damaged clusters.
pub const NODES: [&str; 4] = ["cp1", "cp2", "cp3", WORKER];

/// The worker that is built again.
pub const WORKER: &str = "w1";

/// All damages, each of one emitted text.
pub const ALL: &[ClusterDamage] = &[
    ClusterDamage {
        name: "api-server-listens-on-loopback",
        moment: Initialisation,
        node: "cp1",
        path: "etc/kubernetes/patches/kube-apiserver0+json.yaml",
        original: "--bind-address=10.66.66.1",
        replacement: "--bind-address=127.0.0.1",
        check: "nodes-ready",
        // haproxy has this address.
        reason: "listen tcp 127.0.0.1:6443: bind: address already in use",
    },
    ClusterDamage {
        name: "pool-of-no-node",
        moment: Join,
        node: "cp1",
        path: "etc/meshwright/cluster/calico/installation.yaml",
        original: "    - name: pods-w1\n      cidr: 10.244.4.0/24",
        replacement: "    - name: pods-w1\n      cidr: 10.244.9.0/24",
        check: "pod-pairs",
        reason: "to 10.244.9.",
    },
    ClusterDamage {
        name: "kubelet-listens-on-loopback",
        moment: Join,
        node: WORKER,
        path: "etc/kubernetes/patches/kubeletconfiguration0+merge.yaml",
        original: "address: \"10.66.66.4\"",
        replacement: "address: \"127.0.0.1\"",
        check: "logs-and-exec",
        reason: "dial tcp 10.66.66.4:10250: connect: connection refused",
    },
    ClusterDamage {
        name: "node-ip-is-public",
        moment: Join,
        node: WORKER,
        path: "etc/kubernetes/kubeadm.yaml",
        original: "value: \"10.66.66.4\"",
        replacement: "value: \"203.0.113.20\"",
        check: "nodes-have-mesh-addresses",
        reason: "w1 203.0.113.20\\n",
    },
    ClusterDamage {
        name: "mesh-not-accepted",
        moment: Join,
        node: WORKER,
        path: "etc/meshwright/nftables.conf",
        original: "    iifname \"wg0\" accept\n    # Weak host model",
        replacement: "    # Weak host model",
        check: "nodes-ready",
        // Not even answers of the control planes are accepted.
        reason: "no control plane answers on port 6443 through wg0: 10.66.66.1 10.66.66.2 10.66.66.3.",
    },
    ClusterDamage {
        name: "join-file-elsewhere",
        moment: Join,
        node: WORKER,
        path: "etc/kubernetes/kubeadm.yaml",
        original: "kubeConfigPath: /etc/kubernetes/discovery.conf",
        replacement: "kubeConfigPath: /etc/kubernetes/admin.conf",
        check: "nodes-ready",
        reason: "\"/etc/kubernetes/admin.conf\": not a valid HTTPS URL or a file on disk",
    },
    ClusterDamage {
        name: "no-load-balancer",
        moment: Update,
        node: WORKER,
        path: "etc/haproxy/haproxy.cfg",
        original: "bind 127.0.0.1:6443",
        replacement: "bind 127.0.0.1:6444",
        check: "api-answers-every-node",
        reason: "was refused",
    },
    ClusterDamage {
        name: "missing-static-route",
        moment: Update,
        node: WORKER,
        path: "etc/wireguard/wg0.routes",
        original: "route replace 10.244.1.0/24 dev wg0 proto kernel metric 512\n",
        replacement: "",
        check: "static-pod-routes",
        reason: "1 failed: w1 has no route to 10.244.1.0/24",
    },
    ClusterDamage {
        name: "kube-proxy-takes-pods-for-strangers",
        moment: Update,
        node: "cp1",
        path: "etc/meshwright/cluster/kube-proxy/kube-proxy.patch.yaml",
        original: "clusterCIDR: 10.244.0.0/16",
        replacement: "clusterCIDR: 10.245.0.0/16",
        check: "service-sees-pod-address",
        reason: " sees 10.66.66.",
    },
    ClusterDamage {
        name: "node-ports-at-no-address",
        moment: Update,
        node: "cp1",
        path: "etc/meshwright/cluster/kube-proxy/kube-proxy.patch.yaml",
        original: "    - 10.66.66.0/24",
        replacement: "    - 10.66.67.0/24",
        check: "node-ports-in-mesh",
        reason: "w1 to 10.66.66.1:30080: error: ",
    },
    ClusterDamage {
        name: "bgp-password-of-another-key",
        moment: Update,
        node: "cp1",
        path: "etc/meshwright/cluster/calico/bgp.yaml",
        original: "      key: password",
        replacement: "      key: passwords",
        check: "manifests-applied",
        reason: "awaiting every node's own pods",
    },
];

/// The damages and their checks, as `lab/README.md` has them.
#[must_use]
pub fn table() -> String {
    let row = |damage: &ClusterDamage| format!("| `{}` | `{}` |\n", damage.name, damage.check);
    let rows: String = ALL.iter().map(row).collect();
    format!("| damage | detected by |\n|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::founding;
    use crate::cluster::workspace::Workspace;

    /// The test with the clusters is not a part of CI: a text that is emitted differently must be noticed here.
    #[test]
    fn damages_are_of_emitted_texts() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let workspace = Workspace::initialise(folder.path(), &NODES.map(founding::declaration))?;
        workspace.compile()?;
        for damage in ALL {
            damage.apply(&workspace.export(damage.node)?)?;
        }
        Ok(())
    }
}
