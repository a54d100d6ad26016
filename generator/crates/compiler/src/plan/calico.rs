//! The pod network: one pool a node, BGP over the mesh, no encapsulation.

use crate::derive;
use crate::plan::{NodePlan, Plan, WireGuardPlan};
use crate::topology::Topology;
use meshwright_value::{AsNumber, Dataplane, Name, Version};

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
        version: topology.calico_version(),
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
    /// Distributes the pools by [`derive::pool::is_in_installation`].
    #[must_use]
    pub fn pools(&self) -> Pools<'_> {
        let nodes = self.nodes.iter();
        let (installation, further) =
            nodes.partition(|node| derive::pool::is_in_installation(node.id, node.role));
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
    /// further pods would stay in `ContainerCreating`. The user's own number is among the node's settings.
    #[must_use]
    pub fn max_pods(&self) -> Option<u32> {
        let addresses = derive::pool::addresses(self.pod_subnet)?;
        let is_small = addresses < KUBELET_MAX_PODS;
        (is_small && !self.kubelet.entries().contains_key("maxPods")).then_some(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::anchored;
    use crate::derive::pool::INSTALLATION_POOLS;
    use crate::pipeline;
    use crate::source::Source;

    /// Nodes with these ids, the last of which are control planes; the first of those initialises the cluster. The
    /// keys are made up.
    fn topology(ids: &[u32], control_planes: usize) -> Source {
        let (workers, control_planes) = ids.split_at(ids.len() - control_planes);
        let nodes = ids.iter().map(|id| {
            let role = if workers.contains(id) { "worker" } else { "control-plane" };
            let key = format!("{id:A>42}A=");
            format!(
                "[[nodes]]\nname = \"n{id}\"\nid = {id}\nrole = \"{role}\"\n\
                 provider = \"gcp\"\nendpoint = \"203.0.113.{id}\"\npublic_key = \"{key}\"\n"
            )
        });
        let cluster = format!(
            "[cluster]\nname = \"atlas\"\nkubernetes_version = \"1.37.2\"\n\
             [control_plane]\ninit = \"n{}\"\n",
            control_planes[0]
        );
        Source { name: "topology.toml".to_owned(), text: cluster + &nodes.collect::<String>() }
    }

    fn names(nodes: &[&super::NodePlan]) -> String {
        nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn no_pool_moves_when_nodes_come_and_go() {
        let table = [
            (&[1, 24, 25, 30][..], 1, "n1 n24 n30", "n25"),
            (&[24, 25, 30][..], 1, "n24 n30", "n25"),
            (&[1, 2, 3, 24, 25, 26, 30][..], 1, "n1 n2 n3 n24 n30", "n25 n26"),
            // Whichever of the three control planes initialises the cluster.
            (&[20, 100, 101, 102, 103][..], 3, "n20 n101 n102 n103", "n100"),
            (&[20, 100, 103, 101, 102][..], 3, "n20 n101 n102 n103", "n100"),
        ];
        for (ids, control_planes, installation, further) in table {
            let plan = pipeline::compile(topology(ids, control_planes)).unwrap().plan.unwrap();
            let pools = plan.pools();
            assert_eq!(names(&pools.installation), installation, "{ids:?}");
            assert_eq!(names(&pools.further), further, "{ids:?}");
        }
    }

    #[test]
    fn the_installation_never_holds_too_many() {
        let ids: Vec<_> = (1..=200).collect();
        let plan = pipeline::compile(topology(&ids, 1)).unwrap().plan.unwrap();
        assert_eq!(plan.pools().installation.len(), INSTALLATION_POOLS);
    }

    #[test]
    fn a_pattern_matches_one_interface() {
        let table = [("wg0", "^wg0$"), ("wg.0", "^wg\\.0$"), ("a+b-c=d_e", "^a\\+b-c=d_e$")];
        for (name, expected) in table {
            assert_eq!(anchored(name), expected);
        }
    }
}
