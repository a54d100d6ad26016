//! Clients: a person's machine or a server outside the cluster, brought up from `out/clients/`.

use std::net::Ipv4Addr;

use anyhow::Result;
use meshwright_compiler::plan;
use meshwright_value::Reach;

use crate::machine::LabMachine;
use crate::namespace::Namespace;
use crate::node::{etc_hosts, install_keys, public_address};
use crate::pod;
use crate::server::{UdpInbox, serve};
use crate::tree::LabTree;
use crate::underlay::Underlay;

/// A client.
pub struct LabClient {
    /// Its machine.
    pub machine: LabMachine,
    /// Its mesh address.
    pub address: Ipv4Addr,
    /// What it may reach.
    pub reach: Vec<Reach>,
    /// Whether nodes and pods call it.
    pub is_server: bool,
    /// The UDP port on which it counts datagrams. It serves the same TCP port, and has no firewall.
    pub inbox: UdpInbox,
    /// The public key of the node that forwards its packets to members that it has no tunnel to.
    pub via: String,
}

impl LabClient {
    /// Brings its machine up: a server at its public address, any other in a home network, behind NAT.
    ///
    /// # Errors
    ///
    /// When a step fails.
    pub(crate) fn start(
        prefix: &str,
        client: &plan::ClientPlan,
        tree: &LabTree,
        underlay: &mut Underlay,
    ) -> Result<Self> {
        let name = client.name.as_str();
        let namespace = Namespace::create(format!("{prefix}-{name}"))?;
        match public_address(&client.location, client.id.get())? {
            Some(public) => underlay.attach(&namespace, public.v4, Some(public.v6))?,
            None => underlay.attach_at_home(&namespace, name, "eth0", None)?,
        }
        let machine = LabMachine::boot(name, namespace)?;
        let interface = tree.plan.wireguard.interface.as_str();
        let conf = tree.file(&format!("clients/{name}/{interface}.conf"))?;
        machine.write(&format!("/etc/wireguard/{interface}.conf"), conf)?;
        machine.write("/etc/hosts", &etc_hosts(tree)?)?;
        install_keys(&machine, tree)?;
        machine.run(&["wg-quick", "up", interface])?;
        let via = tree.plan.nodes[client.via].public_key.to_string();
        serve(&machine.namespace, name, pod::PORT)?;
        let inbox = UdpInbox::open(&machine.namespace, pod::PORT)?;
        let (reach, is_server) = (client.reach.clone(), client.is_server());
        Ok(Self { machine, address: client.address, reach, is_server, inbox, via })
    }
}
