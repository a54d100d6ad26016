//! The pod network: one pool a node, BGP over the mesh, no encapsulation.

use crate::derive;
use crate::plan::{NodePlan, Plan, WireGuardPlan};
use crate::topology::Topology;
use meshwright_value::{AsNumber, Dataplane, Name, Version};

/// How many pools fit into `Installation.spec.calicoNetwork.ipPools` (`maxItems` in the operator's
/// CRD); further pools are separate IPPools.
pub const INSTALLATION_POOLS: u32 = 25;

/// The namespace that the operator puts calico-node into.
pub const NAMESPACE: &str = "calico-system";

/// The Secret with the password of the BGP sessions, in [`NAMESPACE`]: calico-node reads only this
/// one.
pub const BGP_SECRET: &str = "bgp-password";

/// The key of the password in [`BGP_SECRET`].
pub const BGP_SECRET_KEY: &str = "password";

/// The manifest of [`BGP_SECRET`], among those that `export` writes.
pub const BGP_SECRET_FILE: &str = "bgp-password.yaml";

/// How many pods kubelet runs by default (`maxPods` in KubeletConfiguration).
const KUBELET_MAX_PODS: u32 = 110;

/// The pod network as a whole. The pools are the nodes' pod blocks.
#[derive(Debug, Clone)]
pub struct CalicoPlan {
    /// The release.
    pub version: Version,
    /// The dataplane that Felix programs.
    pub dataplane: Dataplane,
    /// The AS of all nodes.
    pub as_number: AsNumber,
    /// Whether BGP sessions carry a password.
    pub bgp_password: bool,
    /// The nodes that reflect routes; a full BGP mesh when empty.
    pub route_reflectors: Vec<Name>,
}

pub(super) fn derive(topology: &Topology) -> CalicoPlan {
    let mut route_reflectors = topology.calico.route_reflectors.clone();
    route_reflectors.sort();
    CalicoPlan {
        version: topology.calico.version,
        dataplane: derive::dataplane::dataplane(topology),
        as_number: topology.calico.as_number,
        bgp_password: topology.calico.bgp_password,
        route_reflectors,
    }
}

/// The pools by where they are declared.
#[derive(Debug)]
pub struct Pools<'plan> {
    /// The nodes whose pools are in the Installation: the operator makes these before anything
    /// can serve `projectcalico.org/v3`.
    pub installation: Vec<&'plan NodePlan>,
    /// The nodes whose pools are separate IPPools, applied when the API is available.
    pub further: Vec<&'plan NodePlan>,
}

impl Plan {
    /// Distributes the pools. The Installation has the pool of the init node, where Calico's API
    /// starts that accepts the further pools, and those of the lowest ids.
    ///
    /// A function of the node alone, so that no pool moves when other nodes are added or removed:
    /// the operator deletes a pool that leaves its Installation, with the addresses in use.
    #[must_use]
    pub fn pools(&self) -> Pools<'_> {
        let init = self.init_node().id;
        let nodes = self.nodes.iter();
        let (installation, further) =
            nodes.partition(|node| node.id == init || node.id.get() < INSTALLATION_POOLS);
        Pools { installation, further }
    }
}

impl WireGuardPlan {
    /// The regular expression (RE2) that the interface alone matches; Calico's own are unanchored.
    #[must_use]
    pub fn interface_pattern(&self) -> String {
        anchored(self.interface.as_str())
    }
}

/// The regular expression (RE2) that this name of an interface alone matches. Of the characters of such
/// names, RE2 interprets `.` and `+`.
pub(crate) fn anchored(name: &str) -> String {
    format!("^{}$", name.replace('.', "\\.").replace('+', "\\+"))
}

impl NodePlan {
    /// kubelet's `maxPods`, where the block has fewer addresses than kubelet would run pods:
    /// further pods would stay in `ContainerCreating`. All addresses of a block are used.
    #[must_use]
    pub fn max_pods(&self) -> Option<u32> {
        let addresses = 1_u32.checked_shl(32 - u32::from(self.pod_subnet.prefix_len()))?;
        (addresses < KUBELET_MAX_PODS).then_some(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::{INSTALLATION_POOLS, anchored};
    use crate::pipeline;
    use crate::source::Source;

    /// Nodes with these ids, the last of which is the control plane. The keys are made up.
    fn topology(ids: &[u32]) -> Source {
        let nodes = ids.iter().map(|id| {
            let role = if ids.last() == Some(id) { "control-plane" } else { "worker" };
            let key = format!("{id:A>42}A=");
            format!(
                "[[nodes]]\nname = \"n{id}\"\nid = {id}\nrole = \"{role}\"\n\
                 provider = \"gcp\"\nendpoint = \"203.0.113.{id}\"\npublic_key = \"{key}\"\n"
            )
        });
        let cluster = "[cluster]\nname = \"atlas\"\nkubernetes_version = \"1.37.2\"\n";
        Source {
            name: "topology.toml".to_owned(),
            text: cluster.to_owned() + &nodes.collect::<String>(),
        }
    }

    fn names(nodes: &[&super::NodePlan]) -> String {
        nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn no_pool_moves_when_nodes_come_and_go() {
        let table = [
            (&[1, 24, 25, 30][..], "n1 n24 n30", "n25"),
            (&[24, 25, 30][..], "n24 n30", "n25"),
            (&[1, 2, 3, 24, 25, 26, 30][..], "n1 n2 n3 n24 n30", "n25 n26"),
        ];
        for (ids, installation, further) in table {
            let plan = pipeline::compile(topology(ids)).unwrap().plan.unwrap();
            let pools = plan.pools();
            assert_eq!(names(&pools.installation), installation, "{ids:?}");
            assert_eq!(names(&pools.further), further, "{ids:?}");
        }
    }

    #[test]
    fn the_installation_never_holds_too_many() {
        let plan =
            pipeline::compile(topology(&(1..=200).collect::<Vec<_>>())).unwrap().plan.unwrap();
        assert_eq!(plan.pools().installation.len(), INSTALLATION_POOLS as usize);
    }

    #[test]
    fn a_pattern_matches_one_interface() {
        let table = [("wg0", "^wg0$"), ("wg.0", "^wg\\.0$"), ("a+b-c=d_e", "^a\\+b-c=d_e$")];
        for (name, expected) in table {
            assert_eq!(anchored(name), expected);
        }
    }
}
