//! Nodes: hosts on the underlay that have the emitted files, and run the units' commands in order.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use ipnet::Ipv4Net;
use meshwright_compiler::plan::{self, Location};
use meshwright_value::{Endpoint, Host, Os};

use crate::calico::CalicoSettings;
use crate::machine::LabMachine;
use crate::namespace::Namespace;
use crate::pod::LabPod;
use crate::server::{UdpInbox, serve, serve_udp};
use crate::tree::LabTree;
use crate::underlay::{self, Underlay};

/// TCP ports on which a server listens on all addresses of a node, so that only the firewall protects
/// them: etcd, the API, Calico's metrics, kubelet, kube-proxy, a NodePort. SSH has its own, and BIRD has 179.
pub const PRIVATE_PORTS: [u16; 8] = [2379, 2380, 6443, 9091, 9099, 10250, 10256, 30_081];

/// UDP ports on which a server listens: DNS, NTP, VXLAN (both), a NodePort.
pub const UDP_PORTS: [u16; 5] = [53, 123, 4789, 8472, 30_082];

/// The UDP port on which a node answers at its mesh address.
pub const UDP_SERVICE: u16 = 5005;

/// A node.
pub struct LabNode {
    /// Its host.
    pub machine: LabMachine,
    /// Its `id`.
    pub id: u32,
    /// Its mesh address.
    pub address: Ipv4Addr,
    /// Its public addresses; none behind NAT.
    pub public: Option<PublicAddresses>,
    /// The names of its relays.
    pub relays: Vec<String>,
    /// The name of its site.
    pub site: Option<String>,
    /// Its address in the LAN of its site.
    pub lan: Option<Ipv4Addr>,
    /// The addresses of its pods.
    pub block: Ipv4Net,
    /// Its pod.
    pub pod: LabPod,
    /// The servers on [`UDP_PORTS`].
    pub inboxes: Vec<UdpInbox>,
}

/// The public addresses of a node.
#[derive(Debug, Clone, Copy)]
pub struct PublicAddresses {
    /// Its IPv4 address; none if its only endpoint is an IPv6 address.
    pub v4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
}

/// A host with its network, before the emitted files are on it.
pub(crate) fn boot(
    prefix: &str,
    node: &plan::NodePlan,
    underlay: &mut Underlay,
) -> Result<LabMachine> {
    let name = node.name.as_str();
    let namespace = Namespace::create(format!("{prefix}-{name}"))?;
    // The kernel's default. A new namespace inherits the value of this machine (ip-sysctl,
    // `devconf_inherit_init_net`), and only the emitted files may change it.
    namespace.sysctl("net.ipv4.ip_forward", "0")?;
    let site = node.location.site.as_ref().map(ToString::to_string);
    let lan = node.location.lan_endpoint.as_ref().map(lan_address).transpose()?;
    if let (Some(site), Some(mtu)) = (&site, node.site_mtu) {
        underlay.create_site(site, mtu)?;
    }
    match public_address(&node.location, node.id.get())? {
        Some(public) => underlay.attach(&namespace, public.v4, Some(public.v6))?,
        None => {
            let home = site.clone().unwrap_or_else(|| name.to_owned());
            underlay.attach_at_home(&namespace, &home, "eth0", lan)?;
        }
    }
    if let (Some(site), true, Some(lan)) = (site, node.is_public(), lan) {
        underlay.attach_at_home(&namespace, &site, "eth1", Some(lan))?;
    }
    LabMachine::boot(name, namespace)
}

/// The public addresses of a machine. One whose endpoint is a name gets one of 192.0.2.0/24.
pub(crate) fn public_address(location: &Location, id: u32) -> Result<Option<PublicAddresses>> {
    let Some(endpoints) = &location.endpoints else { return Ok(None) };
    let v4 = match endpoints.preferred().host() {
        Host::V4(address) => Some(*address),
        Host::Name(_) => {
            let last = u8::try_from(id).ok().and_then(|id| id.checked_add(200));
            let last =
                last.context("the lab supports endpoints that are names for ids up to 55")?;
            Some(Ipv4Addr::new(192, 0, 2, last))
        }
        Host::V6(_) => None,
    };
    let written_v6 = endpoints.iter().find_map(|endpoint| match endpoint.host() {
        Host::V6(address) => Some(*address),
        Host::V4(_) | Host::Name(_) => None,
    });
    Ok(Some(PublicAddresses { v4, v6: written_v6.unwrap_or_else(|| underlay::address_v6(id)) }))
}

/// The /etc/hosts of every machine: it resolves the endpoints that are names.
pub(crate) fn etc_hosts(tree: &LabTree) -> Result<String> {
    let mut hosts = String::from("127.0.0.1 localhost\n");
    for node in &tree.plan.nodes {
        let host = node.location.common_endpoint().map(Endpoint::host);
        let v4 = public_address(&node.location, node.id.get())?.and_then(|public| public.v4);
        if let (Some(Host::Name(name)), Some(v4)) = (host, v4) {
            hosts += &format!("{v4} {name}\n");
        }
    }
    Ok(hosts)
}

fn lan_address(endpoint: &Endpoint) -> Result<Ipv4Addr> {
    match endpoint.host() {
        Host::V4(address) => Ok(*address),
        other => bail!("the lab's sites are IPv4, and {other:?} is not an IPv4 address"),
    }
}

impl LabNode {
    /// Starts the services of a host that [`boot`] returned, in the order of its units.
    ///
    /// # Errors
    ///
    /// When a step fails.
    pub(crate) fn start(
        machine: LabMachine,
        node: &plan::NodePlan,
        tree: &LabTree,
        calico: &CalicoSettings,
    ) -> Result<Self> {
        let name = node.name.as_str();
        let block = calico.block(name)?;
        let pod = LabPod::start(&machine, block.network(), calico.mtu)?;
        let started = Self {
            id: node.id.get(),
            address: node.address,
            public: public_address(&node.location, node.id.get())?,
            relays: node
                .relays
                .iter()
                .map(|relay| tree.plan.nodes[*relay].name.to_string())
                .collect(),
            site: node.location.site.as_ref().map(ToString::to_string),
            lan: node.location.lan_endpoint.as_ref().map(lan_address).transpose()?,
            inboxes: listen(&machine, tree.plan.firewall.ssh_port.get())?,
            machine,
            block,
            pod,
        };
        started.machine.write("/etc/hosts", &etc_hosts(tree)?)?;
        started.install(tree)?;
        started.set_sysctls(tree, node)?;
        started.run_unit(tree, "meshwright-firewall.service", "ExecStart")?;
        started.run_unit(tree, "meshwright-guards.service", "ExecStart")?;
        started.wireguard_up(tree)?;
        let address = SocketAddr::from((started.address, UDP_SERVICE));
        serve_udp(started.namespace(), name, address)?;
        Ok(started)
    }

    /// Writes the emitted files and the keys to their paths on the host.
    ///
    /// # Errors
    ///
    /// When one is missing.
    pub fn install(&self, tree: &LabTree) -> Result<()> {
        let name = &self.machine.name;
        let interface = tree.plan.wireguard.interface.as_str();
        let mut files = BTreeMap::from([
            (format!("/etc/wireguard/{interface}.conf"), format!("nodes/{name}/{interface}.conf")),
            (
                format!("/etc/wireguard/{interface}.peers"),
                format!("nodes/{name}/{interface}.peers"),
            ),
            (
                format!("/etc/wireguard/{interface}.routes"),
                format!("nodes/{name}/{interface}.routes"),
            ),
            ("/etc/meshwright/nftables.conf".to_owned(), format!("nodes/{name}/nftables.conf")),
            ("/etc/meshwright/node.env".to_owned(), format!("nodes/{name}/node.env")),
            ("/etc/meshwright/guards.routes".to_owned(), "host/guards.routes".to_owned()),
            ("/usr/local/sbin/meshwright-node".to_owned(), "host/meshwright-node".to_owned()),
        ]);
        for list in ["endpoints", "relays"] {
            let emitted = format!("nodes/{name}/{interface}.{list}");
            if tree.files.contains_key(&emitted) {
                files.insert(format!("/etc/wireguard/{interface}.{list}"), emitted);
            }
        }
        for (on_host, emitted) in &files {
            self.machine.write(on_host, tree.file(emitted)?)?;
        }
        self.machine.run(&["chmod", "755", "/usr/local/sbin/meshwright-node"])?;
        install_keys(&self.machine, tree)
    }

    /// Sets the emitted parameters that belong to a network namespace, as systemd-sysctl would: those of
    /// `sysctl.conf`, or of `node.json` on NixOS.
    fn set_sysctls(&self, tree: &LabTree, node: &plan::NodePlan) -> Result<()> {
        let parameters = if node.os == Os::Nixos {
            nixos_parameters(tree, self.name())?
        } else {
            parse_parameters(tree.file("host/sysctl.conf")?)
        };
        let namespaced = parameters
            .iter()
            .filter(|(name, _)| name.starts_with("net.ipv4.") || name.starts_with("net.ipv6."));
        for (name, value) in namespaced {
            self.machine.namespace.sysctl(name, value)?;
        }
        Ok(())
    }

    /// Runs a command of an emitted unit, as systemd would.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn run_unit(&self, tree: &LabTree, unit: &str, setting: &str) -> Result<String> {
        let command = tree.unit_command(unit, setting)?;
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        self.machine.run(&words)
    }

    /// Starts `wg-quick@`, with the commands of the emitted drop-in.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn wireguard_up(&self, tree: &LabTree) -> Result<()> {
        let interface = tree.plan.wireguard.interface.as_str();
        self.machine.run(&["wg-quick", "up", interface])?;
        self.run_unit(tree, &drop_in(tree), "ExecStartPost")?;
        self.resolve_endpoints(tree)
    }

    /// Runs the unit that resolves endpoints: the drop-in starts it after wg0, and the timer repeats it.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn resolve_endpoints(&self, tree: &LabTree) -> Result<()> {
        self.run_unit(tree, "meshwright-resolve.service", "ExecStart").map(drop)
    }

    /// Stops `wg-quick@`.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn wireguard_down(&self, tree: &LabTree) -> Result<()> {
        let interface = tree.plan.wireguard.interface.as_str();
        self.machine.run(&["wg-quick", "down", interface]).map(drop)
    }

    /// Reloads `wg-quick@`, which applies changed files.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn wireguard_reload(&self, tree: &LabTree) -> Result<()> {
        self.run_unit(tree, &drop_in(tree), "ExecReload").map(drop)
    }

    /// Its public addresses; none behind NAT.
    #[must_use]
    pub fn public_addresses(&self) -> Vec<IpAddr> {
        let all = |public: PublicAddresses| {
            public.v4.map(IpAddr::from).into_iter().chain([IpAddr::from(public.v6)])
        };
        self.public.into_iter().flat_map(all).collect()
    }

    /// Its public IPv4 address.
    #[must_use]
    pub fn public_v4(&self) -> Option<Ipv4Addr> {
        self.public?.v4
    }

    /// Its network.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.machine.namespace
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.machine.name
    }
}

fn nixos_parameters(tree: &LabTree, name: &str) -> Result<BTreeMap<String, String>> {
    let json = tree.file(&format!("nodes/{name}/node.json"))?;
    let plan: serde_json::Value = serde_json::from_str(json)?;
    serde_json::from_value(plan["sysctl"].clone()).context("sysctl of node.json")
}

/// Parameters of a file of sysctl.d(5).
fn parse_parameters(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with(['#', ';']));
    let assignments = lines.filter_map(|line| line.split_once('='));
    assignments.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

fn drop_in(tree: &LabTree) -> String {
    format!("wg-quick@{}.service.d/meshwright.conf", tree.plan.wireguard.interface)
}

/// Writes the keys as `apply` delivers them.
pub(crate) fn install_keys(machine: &LabMachine, tree: &LabTree) -> Result<()> {
    let interface = tree.plan.wireguard.interface.as_str();
    let key = tree.secrets.private_key(&machine.name)?;
    machine.write(&format!("/etc/wireguard/{interface}.key"), &format!("{key}\n"))?;
    if !tree.plan.wireguard.preshared_keys {
        return Ok(());
    }
    let nodes = tree.plan.nodes.iter().map(|node| node.name.as_str());
    let peers = nodes.chain(tree.plan.clients.iter().map(|client| client.name.as_str()));
    for peer in peers.filter(|peer| *peer != machine.name) {
        let key = tree.secrets.preshared_key(&machine.name, peer)?;
        machine.write(&format!("/etc/wireguard/{interface}.psk/{peer}"), &format!("{key}\n"))?;
    }
    Ok(())
}

fn listen(machine: &LabMachine, ssh_port: u16) -> Result<Vec<UdpInbox>> {
    for port in [&PRIVATE_PORTS[..], &[ssh_port]].concat() {
        serve(&machine.namespace, &machine.name, port)?;
    }
    UDP_PORTS.iter().map(|port| UdpInbox::open(&machine.namespace, *port)).collect()
}
