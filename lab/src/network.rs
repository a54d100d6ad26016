//! Networks behind machines of the mesh, each with one machine that answers.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use ipnet::Ipv4Net;
use meshwright_compiler::plan::network::RoutedNetworkPlan;

use crate::client::LabClient;
use crate::namespace::Namespace;
use crate::node::LabNode;
use crate::pod;
use crate::server::serve;
use crate::underlay::Underlay;

/// A machine in such a network. Its router is the default gateway, and knows no route to the mesh.
pub struct LabNetwork {
    /// The name of the network.
    pub name: String,
    /// Its address range.
    pub subnet: Ipv4Net,
    /// The name of the machine that forwards to it.
    pub via: String,
    /// The site whose LAN it is.
    pub site: Option<String>,
    /// Whether pods may open connections to it.
    pub pods: bool,
    /// The address of `via` in it.
    pub gateway: Ipv4Addr,
    /// The address of its machine.
    pub address: Ipv4Addr,
    /// Its machine.
    pub namespace: Namespace,
}

impl LabNetwork {
    /// Adds the machine to the LAN of the site, or to a network of its own that `via` is in.
    ///
    /// # Errors
    ///
    /// When an interface is refused.
    pub(crate) fn start(
        prefix: &str,
        number: usize,
        network: &RoutedNetworkPlan,
        (nodes, clients): (&[LabNode], &[LabClient]),
        underlay: &mut Underlay,
    ) -> Result<Self> {
        let name = network.name.as_str();
        let namespace = Namespace::create(format!("{prefix}-net-{name}"))?;
        let nth = |host: u32| Ipv4Addr::from(u32::from(network.subnet.network()) + host);
        let via = network.via.as_str();
        let node = nodes.iter().find(|node| node.name() == via);
        let client = clients.iter().find(|client| client.machine.name == via);
        let of_client = client.map(|client| &client.machine.namespace);
        let forwarding = node.map(LabNode::namespace).or(of_client);
        let forwarding = forwarding.with_context(|| format!("no machine {via}"))?;
        let (lan, gateway) = match (&network.site, node.and_then(|node| node.lan)) {
            (Some(site), Some(lan)) => (site.to_string(), lan),
            _ => {
                let lan = format!("net-{name}");
                underlay.attach_at_home(forwarding, &lan, &format!("net{number}"), Some(nth(2)))?;
                (lan, nth(2))
            }
        };
        let address = nth(50);
        underlay.attach_at_home(&namespace, &lan, "eth0", Some(address))?;
        serve(&namespace, name, pod::PORT)?;
        Ok(Self {
            name: name.to_owned(),
            subnet: network.subnet.net(),
            via: via.to_owned(),
            site: network.site.as_ref().map(ToString::to_string),
            pods: network.pods,
            gateway,
            address,
            namespace,
        })
    }

    /// Whether a node reaches it without the mesh.
    #[must_use]
    pub fn is_beside(&self, node: &LabNode) -> bool {
        self.via == node.name() || (self.site.is_some() && self.site == node.site)
    }
}
