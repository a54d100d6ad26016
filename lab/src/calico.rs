//! The configuration of calico-node, read from the emitted Calico objects.

use anyhow::{Context as _, Result, bail};
use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tree::LabTree;

/// The settings that BIRD and the pods use.
#[derive(Debug, Clone)]
pub struct CalicoSettings {
    /// The AS of all nodes.
    pub as_number: u32,
    /// The MTU of pods.
    pub mtu: u16,
    /// All pools.
    pub pools: Vec<CalicoPool>,
}

/// An IP pool, which is the block of one node.
#[derive(Debug, Clone)]
pub struct CalicoPool {
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The node that it selects.
    pub node: String,
    /// Whether packets of pods to the Internet get the address of their node.
    pub nat_outgoing: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CalicoNetworkSpec {
    mtu: u16,
    ip_pools: Vec<CalicoPoolSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CalicoPoolSpec {
    cidr: Ipv4Net,
    node_selector: String,
    nat_outgoing: Value,
}

impl CalicoSettings {
    /// Reads the emitted objects.
    ///
    /// # Errors
    ///
    /// When an object is missing or has unexpected fields.
    pub fn read(tree: &LabTree) -> Result<Self> {
        let installation = spec(tree, "cluster/calico/installation.yaml", "Installation")?;
        let bgp = spec(tree, "cluster/calico/bgp.yaml", "BGPConfiguration")?;
        Self::from_specs(&installation, &bgp)
    }

    /// Reads the `spec` of an Installation and of a BGPConfiguration.
    ///
    /// # Errors
    ///
    /// When a field is missing or unexpected.
    pub fn from_specs(installation: &Value, bgp: &Value) -> Result<Self> {
        let network: CalicoNetworkSpec = field(installation, "calicoNetwork")?;
        let mesh: bool = field(bgp, "nodeToNodeMeshEnabled")?;
        if !mesh {
            bail!("the lab does not support route reflectors");
        }
        let pools = network.ip_pools.into_iter().map(CalicoPool::read).collect::<Result<_>>()?;
        Ok(Self { as_number: field(bgp, "asNumber")?, mtu: network.mtu, pools })
    }

    /// The block of a node.
    ///
    /// # Errors
    ///
    /// When no pool selects it.
    pub fn block(&self, node: &str) -> Result<Ipv4Net> {
        let pool = self.pools.iter().find(|pool| pool.node == node);
        Ok(pool.with_context(|| format!("no pool selects {node}"))?.cidr)
    }
}

impl CalicoPool {
    fn read(spec: CalicoPoolSpec) -> Result<Self> {
        let selector = spec.node_selector;
        let node = selector
            .strip_prefix("kubernetes.io/hostname == '")
            .and_then(|rest| rest.strip_suffix('\''))
            .with_context(|| format!("{selector} does not select exactly one node"))?;
        let nat_outgoing = [Value::from("Enabled"), Value::from(true)].contains(&spec.nat_outgoing);
        Ok(Self { cidr: spec.cidr, node: node.to_owned(), nat_outgoing })
    }
}

fn spec(tree: &LabTree, path: &str, kind: &str) -> Result<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(tree.file(path)?).context("YAML")?;
    let object = objects.into_iter().find(|object| object["kind"] == kind);
    Ok(object.with_context(|| format!("{path} has no {kind}"))?["spec"].take())
}

fn field<T: DeserializeOwned>(object: &Value, name: &str) -> Result<T> {
    serde_json::from_value(object[name].clone()).with_context(|| name.to_owned())
}
