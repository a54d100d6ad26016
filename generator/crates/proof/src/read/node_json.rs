//! `node.json`: the whole configuration of one node, from which NixOS machines are built.
//!
//! All keys are known, so that none of them is left out. Most values are also in other files of the
//! node, and [`super::tree`] compares them while the text is in memory: the peers of 1000 nodes would
//! fill it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::facts::PackageFacts;
use crate::read::ParseError;
use crate::span::LineSpanned;
use meshwright_value::{Endpoint, OpenPort, PublicKey, Reach, Text};

/// The fields of one node's HostPlan that are compared with the files of other machines.
#[derive(Debug, Clone)]
pub struct NodeJson {
    /// The port of sshd.
    pub ssh_port: u16,
    /// The sources that may reach it.
    pub ssh_from: Vec<IpNet>,
    /// Further public ports.
    pub open_ports: Vec<OpenPort>,
    /// Whether nodes may reach sshd through the mesh.
    pub ssh_from_nodes: bool,
    /// Further ports that pods may reach.
    pub pod_ports: Vec<OpenPort>,
    /// Whether only root reaches the volumes of the host over the network.
    pub volumes_for_root: bool,
    /// The address and prefix of the interface.
    pub address: Ipv4Net,
    /// The node's own public key.
    pub public_key: LineSpanned<PublicKey>,
    /// Its public endpoint, if it has one. The port is there if a router forwards another port than
    /// [`NodeJson::listen_port`].
    pub endpoint: Option<LineSpanned<Endpoint>>,
    /// Its IPv6 address in the same form, if it has one of each family.
    pub ipv6_endpoint: Option<LineSpanned<Endpoint>>,
    /// Its endpoint for nodes of its site, in the same form.
    pub lan_endpoint: Option<LineSpanned<Endpoint>>,
    /// Its site, if it is in one.
    pub site: Option<String>,
    /// The UDP port of WireGuard.
    pub listen_port: LineSpanned<u16>,
    /// The MTU of the interface, in bytes.
    pub mtu: LineSpanned<u16>,
    /// The MTU between the node and the Internet, in bytes.
    pub underlay_mtu: u16,
    /// The MTU of its site's network, in bytes; a node in a site has one.
    pub site_mtu: Option<LineSpanned<u16>>,
    /// The cluster's name.
    pub cluster: LineSpanned<String>,
    /// The version of Kubernetes.
    pub version: LineSpanned<String>,
    /// The mesh addresses of all control planes.
    pub control_planes: Vec<LineSpanned<Ipv4Addr>>,
    /// The line of their list.
    pub control_planes_line: u32,
    /// The API's name and port.
    pub api_endpoint: LineSpanned<String>,
    /// kube-proxy's mode.
    pub proxy_mode: LineSpanned<String>,
    /// IPVS's scheduler.
    pub scheduler: LineSpanned<String>,
    /// Whether this node initialises the cluster.
    pub initialises: LineSpanned<bool>,
    /// Its peers.
    pub peers: Vec<NamedPeer>,
    /// The networks behind machines of the mesh.
    pub networks: Vec<StatedNetwork>,
}

/// A network behind a machine of the mesh, as a node states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedNetwork {
    /// Its name in the topology.
    pub name: LineSpanned<String>,
    /// Its address range.
    pub subnet: Ipv4Net,
    /// The machine that forwards to it.
    pub via: String,
    /// The site whose LAN it is.
    pub site: Option<String>,
    /// Whether pods may open connections to it.
    pub pods: bool,
}

impl StatedNetwork {
    /// Whether two nodes state the same.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let Self { name, subnet, via, site, pods } = self;
        (&name.value, subnet, via, site, pods)
            == (&other.name.value, &other.subnet, &other.via, &other.site, &other.pods)
    }
}

impl NodeJson {
    /// Its public endpoints.
    pub fn public_endpoints(&self) -> impl Iterator<Item = &LineSpanned<Endpoint>> {
        self.endpoint.iter().chain(&self.ipv6_endpoint)
    }

    /// All of its endpoints.
    pub fn endpoints(&self) -> impl Iterator<Item = &LineSpanned<Endpoint>> {
        self.public_endpoints().chain(&self.lan_endpoint)
    }
}

/// A peer by its name.
#[derive(Debug, Clone)]
pub struct NamedPeer {
    /// The name in the topology.
    pub name: String,
    /// Its key.
    pub public_key: LineSpanned<PublicKey>,
    /// For a client that nodes and pods call.
    pub server: Option<Box<StatedServer>>,
}

/// A client with an endpoint, as a node states it.
#[derive(Debug, Clone)]
pub struct StatedServer {
    /// Where it is called.
    pub endpoint: LineSpanned<Endpoint>,
    /// What it may reach, in the order of [`Reach::ALL`].
    pub reach: Vec<Reach>,
}

/// The whole file, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeJsonDocument<'text> {
    schema_version: u32,
    pub(super) cluster: &'text str,
    pub(super) name: &'text str,
    pub(super) role: &'text str,
    pub(super) os: &'text str,
    pub(super) arch: &'text str,
    #[serde(borrow)]
    pub(super) wireguard: WireGuardJson<'text>,
    #[serde(borrow)]
    pub(super) pod_routes: RoutesJson<'text>,
    #[serde(borrow)]
    pub(super) route_guards: RoutesJson<'text>,
    #[serde(borrow, default)]
    pub(super) networks: Vec<NetworkJson<'text>>,
    #[serde(borrow)]
    pub(super) firewall: FirewallJson<'text>,
    #[serde(borrow)]
    pub(super) kernel_modules: Vec<&'text str>,
    #[serde(borrow)]
    pub(super) sysctl: BTreeMap<&'text str, &'text str>,
    #[serde(borrow)]
    pub(super) hosts: Vec<HostsJson<'text>>,
    #[serde(borrow)]
    pub(super) containerd: ContainerdJson<'text>,
    #[serde(borrow)]
    pub(super) load_balancer: Option<LoadBalancerJson<'text>>,
    #[serde(borrow)]
    pub(super) kubernetes: KubernetesJson<'text>,
    pub(super) packages: Option<PackageFacts>,
}

/// `wireguard`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireGuardJson<'text> {
    pub(super) interface: &'text str,
    pub(super) address: &'text str,
    pub(super) public_key: &'text str,
    pub(super) endpoint: Option<&'text str>,
    pub(super) ipv6_endpoint: Option<&'text str>,
    pub(super) lan_endpoint: Option<&'text str>,
    pub(super) site: Option<&'text str>,
    #[serde(borrow)]
    pub(super) listen_port: &'text RawValue,
    #[serde(borrow)]
    pub(super) mtu: &'text RawValue,
    underlay_mtu: u16,
    #[serde(borrow)]
    site_mtu: Option<&'text RawValue>,
    pub(super) private_key_file: &'text str,
    #[serde(borrow)]
    pub(super) peers: Vec<PeerJson<'text>>,
}

/// One of `wireguard.peers`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeerJson<'text> {
    pub(super) name: &'text str,
    pub(super) public_key: &'text str,
    pub(super) preshared_key_file: Option<&'text str>,
    #[serde(borrow)]
    pub(super) allowed_ips: Vec<&'text str>,
    pub(super) endpoint: Option<&'text str>,
    #[serde(borrow)]
    pub(super) persistent_keepalive: Option<&'text RawValue>,
    #[serde(borrow)]
    reach: Option<Vec<&'text str>>,
}

/// `pod_routes` and `route_guards`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoutesJson<'text> {
    pub(super) protocol: &'text str,
    #[serde(borrow)]
    pub(super) metric: &'text RawValue,
    #[serde(borrow)]
    pub(super) subnets: Vec<&'text str>,
}

/// One of `networks`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkJson<'text> {
    name: &'text str,
    pub(super) subnet: &'text str,
    via: &'text str,
    site: Option<&'text str>,
    pods: bool,
}

/// `firewall`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirewallJson<'text> {
    pub(super) ssh_port: u16,
    pub(super) ssh_host: Option<&'text str>,
    #[serde(borrow)]
    pub(super) ssh_from: Vec<&'text str>,
    #[serde(borrow)]
    pub(super) open_ports: Vec<&'text str>,
    pub(super) ssh_from_nodes: bool,
    #[serde(borrow)]
    pod_ports: Vec<&'text str>,
    pub(super) volumes_for_root: bool,
}

/// One of `hosts`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HostsJson<'text> {
    pub(super) address: &'text str,
    #[serde(borrow)]
    pub(super) names: Vec<&'text str>,
}

/// `containerd`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContainerdJson<'text> {
    pub(super) sandbox_image: &'text str,
    #[serde(borrow)]
    pub(super) mirrors: BTreeMap<&'text str, Vec<Cow<'text, str>>>,
}

/// `load_balancer`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoadBalancerJson<'text> {
    pub(super) address: &'text str,
    #[serde(borrow)]
    pub(super) port: &'text RawValue,
    #[serde(borrow)]
    pub(super) servers: Vec<ServerJson<'text>>,
}

/// One of `load_balancer.servers`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerJson<'text> {
    pub(super) name: &'text str,
    pub(super) address: &'text str,
}

/// `kubernetes`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KubernetesJson<'text> {
    pub(super) version: &'text str,
    pub(super) bootstrap: &'text str,
    #[serde(borrow)]
    pub(super) applies_manifests: &'text RawValue,
    #[serde(borrow)]
    pub(super) control_planes: Vec<&'text str>,
    pub(super) api_endpoint: &'text str,
    pub(super) kubeadm_config: &'text str,
    pub(super) patches_directory: &'text str,
    #[serde(borrow)]
    pub(super) node_labels: BTreeMap<Cow<'text, str>, Cow<'text, str>>,
    pub(super) proxy_mode: &'text str,
    pub(super) scheduler: &'text str,
    #[serde(default)]
    pub(super) kept_snapshots: Option<u16>,
}

/// Finds the lines of parts of a text. Parts that follow each other cost one pass over the text.
#[derive(Debug, Clone)]
pub(super) struct TextLines<'text> {
    text: &'text str,
    /// The last part that was found, and its line.
    last: Cell<(usize, u32)>,
}

impl<'text> TextLines<'text> {
    const fn new(text: &'text str) -> Self {
        Self { text, last: Cell::new((0, 1)) }
    }

    /// The line of a part that borrows from the text.
    pub(super) fn line_of(&self, part: &str) -> u32 {
        let offset = part.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        let (known, line) = self.last.get();
        let (from, before) = if offset >= known { (known, line) } else { (0, 1) };
        let between = self.text.as_bytes().get(from..offset).unwrap_or_default();
        let breaks = between.iter().filter(|byte| **byte == b'\n').count();
        let found = before + u32::try_from(breaks).unwrap_or(u32::MAX - before);
        self.last.set((offset, found));
        found
    }

    /// The line of the last string with this text; 0 if there is none.
    pub(super) fn line_of_last(&self, string: &str) -> u32 {
        let found = self.text.rfind(&format!("\"{string}\""));
        found.map_or(0, |offset| self.line_of(&self.text[offset..]))
    }

    /// A text with its line.
    pub(super) fn text(&self, part: &str) -> LineSpanned<String> {
        LineSpanned { value: part.to_owned(), line: self.line_of(part) }
    }

    /// A value in the form of the topology.
    pub(super) fn value<T: Text>(&self, part: &str) -> Result<LineSpanned<T>, ParseError> {
        let line = self.line_of(part);
        T::parse(part).map(|value| LineSpanned { value, line }).map_err(|_| malformed(part, line))
    }

    /// A value in Rust's own form, such as an address.
    pub(super) fn parse<T: std::str::FromStr>(
        &self,
        part: &str,
    ) -> Result<LineSpanned<T>, ParseError> {
        let line = self.line_of(part);
        part.parse().map(|value| LineSpanned { value, line }).map_err(|_| malformed(part, line))
    }
}

/// The MTU of a site's network: a node in a site has one, and no other.
fn site_mtu(
    wireguard: &WireGuardJson<'_>,
    lines: &TextLines<'_>,
) -> Result<Option<LineSpanned<u16>>, ParseError> {
    let stated = wireguard.site_mtu.map(|mtu| lines.parse::<u16>(mtu.get())).transpose()?;
    match (wireguard.site, stated) {
        (Some(site), None) => {
            let message = format!("the site {site} needs a `site_mtu`");
            Err(ParseError { line: lines.line_of(site), message })
        }
        (None, Some(stated)) => {
            let message = "there is a `site_mtu`, and no `site`".to_owned();
            Err(ParseError { line: stated.line, message })
        }
        (_, stated) => Ok(stated),
    }
}

/// A peer with a `reach`.
fn server(peer: &PeerJson<'_>, lines: &TextLines<'_>) -> Result<Option<StatedServer>, ParseError> {
    let Some(stated) = &peer.reach else { return Ok(None) };
    let Some(endpoint) = peer.endpoint else {
        let message = "there is a `reach`, and no `endpoint`".to_owned();
        return Err(ParseError { line: lines.line_of(peer.name), message });
    };
    let known: Result<Vec<_>, _> =
        stated.iter().map(|word| Ok(lines.value::<Reach>(word)?.value)).collect();
    let known = known?;
    let reach = Reach::ALL.iter().copied().filter(|one| known.contains(one)).collect();
    Ok(Some(StatedServer { endpoint: lines.value(endpoint)?, reach }))
}

fn malformed(text: &str, line: u32) -> ParseError {
    ParseError { line, message: format!("`{text}` is not understood") }
}

/// The shape that this reader knows (`SCHEMA_VERSION` of the compiler's `plan/host.rs`).
const SCHEMA_VERSION: u32 = 1;

/// Reads a file.
///
/// # Errors
///
/// When it has another structure.
pub(super) fn read(text: &str) -> Result<(NodeJsonDocument<'_>, TextLines<'_>), ParseError> {
    let document: NodeJsonDocument<'_> = serde_json::from_str(text).map_err(|error| {
        ParseError { line: u32::try_from(error.line()).unwrap_or(0), message: reason(&error) }
    })?;
    if document.schema_version != SCHEMA_VERSION {
        let message = format!("its schema_version is {}, not 1", document.schema_version);
        return Err(ParseError { line: 2, message });
    }
    Ok((document, TextLines::new(text)))
}

impl NodeJsonDocument<'_> {
    /// The fields that are compared with the files of other machines.
    pub(super) fn facts(&self, lines: &TextLines<'_>) -> Result<NodeJson, ParseError> {
        let Self { wireguard, kubernetes, firewall, .. } = self;
        let endpoint = |text: Option<&str>| text.map(|text| lines.value(text)).transpose();
        let peers = wireguard.peers.iter().map(|peer| {
            let public_key = lines.value(peer.public_key)?;
            let server = server(peer, lines)?.map(Box::new);
            Ok(NamedPeer { name: peer.name.to_owned(), public_key, server })
        });
        let networks = self.networks.iter().map(|network| {
            Ok(StatedNetwork {
                name: lines.text(network.name),
                subnet: Self::nets(&[network.subnet], lines)?[0],
                via: network.via.to_owned(),
                site: network.site.map(str::to_owned),
                pods: network.pods,
            })
        });
        let initialises = LineSpanned {
            value: kubernetes.bootstrap == "init",
            line: lines.line_of(kubernetes.bootstrap),
        };
        let control_planes = kubernetes.control_planes.iter().map(|address| lines.parse(address));
        Ok(NodeJson {
            ssh_port: firewall.ssh_port,
            ssh_from: Self::nets(&firewall.ssh_from, lines)?,
            open_ports: Self::ports(&firewall.open_ports, lines)?,
            ssh_from_nodes: firewall.ssh_from_nodes,
            pod_ports: Self::ports(&firewall.pod_ports, lines)?,
            volumes_for_root: firewall.volumes_for_root,
            address: lines.parse(wireguard.address)?.value,
            public_key: lines.value(wireguard.public_key)?,
            endpoint: endpoint(wireguard.endpoint)?,
            ipv6_endpoint: endpoint(wireguard.ipv6_endpoint)?,
            lan_endpoint: endpoint(wireguard.lan_endpoint)?,
            site: wireguard.site.map(str::to_owned),
            listen_port: lines.parse(wireguard.listen_port.get())?,
            mtu: lines.parse(wireguard.mtu.get())?,
            underlay_mtu: wireguard.underlay_mtu,
            site_mtu: site_mtu(wireguard, lines)?,
            cluster: lines.text(self.cluster),
            version: lines.text(kubernetes.version),
            control_planes: control_planes.collect::<Result<_, _>>()?,
            control_planes_line: lines.line_of(kubernetes.applies_manifests.get()) + 1,
            api_endpoint: lines.text(kubernetes.api_endpoint),
            proxy_mode: lines.text(kubernetes.proxy_mode),
            scheduler: lines.text(kubernetes.scheduler),
            initialises,
            peers: peers.collect::<Result<_, _>>()?,
            networks: networks.collect::<Result<_, _>>()?,
        })
    }

    /// The ports of an entry such as `open_ports`.
    pub(super) fn ports(
        texts: &[&str],
        lines: &TextLines<'_>,
    ) -> Result<Vec<OpenPort>, ParseError> {
        texts.iter().map(|text| Ok(lines.value(text)?.value)).collect()
    }

    /// The networks of an entry such as `allowed_ips`, none with host bits.
    pub(super) fn nets<Net>(texts: &[&str], lines: &TextLines<'_>) -> Result<Vec<Net>, ParseError>
    where
        Net: std::str::FromStr + Into<IpNet> + Copy,
    {
        let net = |text: &&str| {
            let LineSpanned { value, line } = lines.parse::<Net>(text)?;
            let (stated, network) = (value.into(), value.into().trunc());
            let message = format!("`{text}` has bits behind its prefix: it is {network}");
            if stated == network { Ok(value) } else { Err(ParseError { line, message }) }
        };
        texts.iter().map(net).collect()
    }
}

/// The reason without its line and column: the finding has its own line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
