//! Computes all packets that each node's public side accepts, from its rules.
//!
//! Two sets are compared: new packets that the input chain accepts from public interfaces (all
//! except wg0, lo and those of pods), and packets that it has to accept. Both differences must be
//! empty.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use crate::admission::{Admission, DecidedRegion, admit_through};
use crate::finding::{FindingCode, ProofFinding};
use crate::flows::NODE_PORTS;
use crate::model::packet::ConntrackState;
use crate::model::{MachineId, Model};
use crate::read::nftables::{Hook, ICMP_TYPES, ICMP6_TYPES, Interface, Ruleset};
use crate::read::tree::EmittedNode;
use crate::space::{Dimension, Ranges, Region, subtract_all};
use meshwright_value::{OpenPort, Protocol};

/// The packets that one node's public side accepts.
#[derive(Debug, Default)]
pub(crate) struct Exposure {
    /// Descriptions by [`describe`], with the lines that admit the packets.
    pub admitted: Vec<(String, Option<u32>)>,
    /// Differences from the expected packets.
    pub findings: Vec<ProofFinding>,
}

const TCP: u128 = 6;
const UDP: u128 = 17;
const SCTP: u128 = 132;

/// The states of packets that belong to no known connection.
fn unknown() -> Ranges {
    [ConntrackState::Invalid, ConntrackState::New, ConntrackState::Untracked]
        .map(|state| (state as u128, state as u128))
        .into_iter()
        .collect()
}

/// The packets that a node's public side accepts, besides answers to its own connections.
#[must_use]
pub fn admitted(model: &Model, id: MachineId) -> Vec<String> {
    public_side(model, id).admitted.into_iter().map(|(what, _)| what).collect()
}

/// Computes the packets that a node's public side accepts.
#[must_use]
pub(crate) fn public_side(model: &Model, id: MachineId) -> Exposure {
    let Some(node) = model.files(id) else { return Exposure::default() };
    let ruleset = &*node.firewall.content;
    let file = node.firewall.file;
    let start = Region::everything()
        .within(Dimension::InInterface, &ruleset.interfaces.of(Interface::Public))
        .within(Dimension::State, &unknown());
    let through = |hook| admit_through(ruleset, &[Hook::Prerouting, hook], vec![start.clone()]);
    let (received, forwarded) = (through(Hook::Input), through(Hook::Forward).admitted);
    let Admission { admitted: received, dropped } = received;
    let expected: Vec<_> =
        required(model, node).into_iter().map(|region| region.intersect(&start)).collect();
    let mut findings = Vec::new();
    for one in &received {
        for region in subtract_all(vec![one.region.clone()], &expected) {
            let message = format!("the public side is open to {}", describe(&region));
            findings.push(ProofFinding::new(
                FindingCode::PublicSideOpen,
                file.line(one.line.unwrap_or(0)),
                message,
            ));
        }
    }
    for one in &forwarded {
        let message = format!("the host forwards from its public side: {}", describe(&one.region));
        findings.push(ProofFinding::new(
            FindingCode::PublicSideOpen,
            file.line(one.line.unwrap_or(0)),
            message,
        ));
    }
    let open: Vec<_> = received.iter().map(|one| one.region.clone()).collect();
    let required = expected.iter().flat_map(begins_connection).collect();
    for region in subtract_all(required, &open) {
        let message = format!("the public side does not accept {}", describe(&region));
        let place = file.line(dropping_rule(ruleset, &dropped, &region).unwrap_or(0));
        findings.push(ProofFinding::new(FindingCode::PublicSideClosed, place, message));
    }
    findings.sort();
    findings.dedup_by(|one, other| one.place == other.place && one.code == other.code);
    let admitted = received.iter().map(|one| (describe(&one.region), one.line));
    Exposure { admitted: admitted.collect(), findings }
}

/// The packets of a region that must pass. A packet in the state `invalid` may be dropped.
fn begins_connection(region: &Region) -> Vec<Region> {
    let state = |state| Ranges::one(state as u128);
    let discovery = icmp(6, 58, &DISCOVERY);
    let untracked = discovery.within(Dimension::State, &state(ConntrackState::Untracked));
    let new = region.clone().within(Dimension::State, &state(ConntrackState::New));
    let kept =
        new.subtract(&icmp(6, 58, &DISCOVERY)).into_iter().chain([region.intersect(&untracked)]);
    kept.filter(|region| !region.is_empty()).collect()
}

/// The line of the rule that drops one of these packets; none for a policy.
fn dropping_rule(ruleset: &Ruleset, dropped: &[DecidedRegion], region: &Region) -> Option<u32> {
    let mut of_region = dropped.iter().filter(|one| !one.region.intersect(region).is_empty());
    let line = of_region.next()?.line?;
    let mut rules = ruleset.chains.iter().flat_map(|chain| &chain.rules);
    rules.any(|rule| rule.line == line).then_some(line)
}

/// The packets that it has to accept: WireGuard's port, SSH from its sources, `open_ports`, and the
/// packets that IP needs: errors and pings, neighbour discovery, multicast listeners, DHCP's answers.
fn required(model: &Model, node: &EmittedNode) -> Vec<Region> {
    let json = &node.json.content;
    let port = node.conf.content.listen_port.map_or(0, |port| port.value.into());
    let mut expected = vec![to_port(UDP, port, port)];
    for source in &json.ssh_from {
        let ssh = to_port(TCP, json.ssh_port.into(), json.ssh_port.into());
        expected.push(match source {
            IpNet::V4(net) => family(ssh, 4).within(Dimension::Source4, &Ranges::from(*net)),
            IpNet::V6(net) => family(ssh, 6).within(Dimension::Source6, &Ranges::from(*net)),
        });
    }
    expected.extend(json.open_ports.iter().map(open_port));
    expected.extend([icmp(4, 1, &ICMP), icmp(6, 58, &ICMP6), icmp(6, 58, &DISCOVERY)]);
    let from = |region: Region, port| region.within(Dimension::SourcePort, &Ranges::one(port));
    expected.push(from(to_port(UDP, 68, 68), 67));
    let link_local = Ranges::span(0xfe80 << 112, (0xfec0 << 112) - 1);
    expected
        .push(family(from(to_port(UDP, 546, 546), 547), 6).within(Dimension::Source6, &link_local));
    let outside = model.ours().complement(Dimension::Destination4.largest());
    let v4 = |region: &Region| family(region.clone(), 4).within(Dimension::Destination4, &outside);
    let v6 = |region: &Region| family(region.clone(), 6);
    let both = expected.iter().flat_map(|region| [v4(region), v6(region)]);
    both.filter(|region| !region.is_empty()).collect()
}

fn to_port(protocol: u128, first: u128, last: u128) -> Region {
    Region::everything()
        .within(Dimension::Protocol, &Ranges::one(protocol))
        .within(Dimension::DestinationPort, &Ranges::span(first, last))
}

fn family(region: Region, family: u128) -> Region {
    region.within(Dimension::Family, &Ranges::one(family))
}

fn icmp(version: u128, protocol: u128, types: &[u8]) -> Region {
    let ranges = types.iter().map(|number| (u128::from(*number), u128::from(*number))).collect();
    family(Region::everything(), version)
        .within(Dimension::Protocol, &Ranges::one(protocol))
        .within(Dimension::IcmpType, &ranges)
}

/// Destination unreachable, echo request, time exceeded, parameter problem (IANA, "ICMP Type
/// Numbers").
const ICMP: [u8; 4] = [3, 8, 11, 12];
/// Destination unreachable, packet too big, time exceeded, parameter problem, echo request (IANA,
/// "ICMPv6 Type Numbers").
const ICMP6: [u8; 5] = [1, 2, 3, 4, 128];
/// Multicast listeners and neighbour discovery: conntrack does not track them
/// (nf_conntrack_proto_icmpv6.c, `noct_valid_new`).
const DISCOVERY: [u8; 8] = [130, 131, 132, 133, 134, 135, 136, 143];

/// Packets that a node accepts from a client beyond the AllowedIPs of the client's file. A client can
/// change its own AllowedIPs, so only the node's firewall limits it.
#[must_use]
pub(crate) fn client_excess(model: &Model, client: MachineId, id: MachineId) -> Vec<ProofFinding> {
    let Some(node) = model.files(id) else { return Vec::new() };
    let address = u32::from(model.classes.address(model.machine(client).address));
    let start = family(Region::everything(), 4)
        .within(Dimension::InInterface, &node.firewall.content.interfaces.of(Interface::Mesh))
        .within(Dimension::Source4, &Ranges::one(address.into()))
        .within(Dimension::State, &Ranges::one(ConntrackState::New as u128));
    let (input, forward) = allowed(model, client, node);
    let mut findings = Vec::new();
    for (hook, allowed) in [(Hook::Input, input), (Hook::Forward, forward)] {
        let hooks = [Hook::Prerouting, hook];
        let through = admit_through(&node.firewall.content, &hooks, vec![start.clone()]);
        for one in through.admitted {
            for region in subtract_all(vec![one.region.clone()], &allowed) {
                let beyond = match model.is_server(client) {
                    true => "its `reach` does not allow",
                    false => "its AllowedIPs do not cover",
                };
                let message = format!(
                    "{} accepts packets from the client {} that {beyond}: {}",
                    node.name,
                    model.machine(client).name,
                    describe(&region)
                );
                let place = node.firewall.file.line(one.line.unwrap_or(0));
                findings.push(ProofFinding::new(FindingCode::ReachExceeded, place, message));
            }
        }
    }
    findings.dedup_by(|one, other| one.place == other.place);
    findings
}

/// The ports of hosts that pods need, and `pod_ports`: a node has to accept these packets from pods, and no others.
/// Pods of other nodes have passed the forward chain of their own node, which translates their source.
#[must_use]
pub(crate) fn from_pods(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let Some(node) = model.files(id) else { return Vec::new() };
    let (cluster, _) = model.cluster();
    let ruleset = &*node.firewall.content;
    let of = |interface| {
        Region::everything()
            .within(Dimension::InInterface, &ruleset.interfaces.of(interface))
            .within(Dimension::State, &unknown())
    };
    let pods = Ranges::from(cluster.pod_subnet.value);
    let to_nodes =
        |region: Region| region.within(Dimension::Destination4, &addresses_of_nodes(model));
    let starts = [
        (Hook::Input, of(Interface::Pod)),
        (Hook::Input, family(of(Interface::Mesh), 4).within(Dimension::Source4, &pods)),
        (Hook::Forward, to_nodes(family(of(Interface::Pod), 4))),
    ];
    let ports = ports_for_pods(&node.json.content.pod_ports);
    let services = Region::everything()
        .within(Dimension::Destination4, &Ranges::from(cluster.service_subnet.value));
    let allowed: Vec<_> = ports.iter().cloned().chain([family(services, 4)]).collect();
    let file = node.firewall.file;
    let mut findings = Vec::new();
    for (hook, start) in starts {
        let through = admit_through(ruleset, &[Hook::Prerouting, hook], vec![start.clone()]);
        for one in &through.admitted {
            for region in subtract_all(vec![one.region.clone()], &allowed) {
                let message = format!(
                    "{} is open to pods beyond the API, kubelet, DNS, NodePorts and `pod_ports`: {}",
                    node.name,
                    describe(&region)
                );
                let place = file.line(one.line.unwrap_or(0));
                findings.push(ProofFinding::new(FindingCode::FirewallAdmits, place, message));
            }
        }
        let open: Vec<_> = through.admitted.iter().map(|one| one.region.clone()).collect();
        let needed = to_nodes(family(start, 4)).within(Dimension::Source4, &pods);
        let needed = ports.iter().map(|region| region.intersect(&needed));
        let needed = needed.flat_map(|region| begins_connection(&region)).collect();
        for region in subtract_all(needed, &open) {
            let message = format!("{} does not accept from pods: {}", node.name, describe(&region));
            let place = file.line(dropping_rule(ruleset, &through.dropped, &region).unwrap_or(0));
            findings.push(ProofFinding::new(FindingCode::FirewallDrops, place, message));
        }
    }
    findings.sort();
    findings.dedup_by(|one, other| one.place == other.place && one.code == other.code);
    findings
}

fn addresses_of_nodes(model: &Model) -> Ranges {
    let addresses = model.nodes().map(|id| model.classes.address(model.machine(id).address));
    addresses.map(one).collect()
}

/// The API and kubelet, DNS, NodePorts, pings and errors, and further ports.
fn ports_for_pods(further: &[OpenPort]) -> Vec<Region> {
    let (first, last) = (NODE_PORTS.0.into(), NODE_PORTS.1.into());
    let mut ports: Vec<_> = [53, 6443, 10_250].map(|port| to_port(TCP, port, port)).into();
    ports.push(to_port(UDP, 53, 53));
    ports.extend([TCP, UDP, SCTP].map(|protocol| to_port(protocol, first, last)));
    ports.push(Region::everything().within(Dimension::Protocol, &Ranges::one(1)));
    ports.extend(further.iter().map(open_port));
    ports
}

fn open_port(port: &OpenPort) -> Region {
    let protocol = if port.protocol() == Protocol::Tcp { TCP } else { UDP };
    to_port(protocol, port.first().get().into(), port.last().get().into())
}

/// The packets that a node may accept from a client, and those that it may forward.
fn allowed(model: &Model, client: MachineId, node: &EmittedNode) -> (Vec<Region>, Vec<Region>) {
    let asks = |name| {
        let flow = crate::flows::Flow::find(name);
        flow.is_some_and(|flow| flow.is_asked_for(model, client))
    };
    let (cluster, _) = model.cluster();
    let untranslated = |region: Region| region.within(Dimension::Translated, &Ranges::one(0));
    let to = |ranges: &Ranges| Region::everything().within(Dimension::Destination4, ranges);
    let (mut input, mut forward) = (Vec::new(), Vec::new());
    if asks("client-api") {
        let nodes = addresses_of_nodes(model);
        let ssh = node.json.content.ssh_port.into();
        for port in [ssh, 6443] {
            input.push(to_port(TCP, port, port).within(Dimension::Destination4, &nodes));
        }
        input.push(to(&nodes).within(Dimension::Protocol, &Ranges::one(1)));
        forward.push(untranslated(to(&nodes)));
    }
    if asks("client-pod") {
        forward.push(untranslated(to(&Ranges::from(cluster.pod_subnet.value))));
    }
    if asks("client-network") {
        let networks = model.networks.iter().map(|network| Ranges::from(network.net));
        forward.extend(networks.map(|network| untranslated(to(&network))));
    }
    if asks("client-service") {
        let services = Ranges::from(cluster.service_subnet.value);
        let translated = Region::everything().within(Dimension::Original4, &services);
        input.push(translated.clone());
        forward.push(translated);
    }
    (input, forward)
}

fn one(address: Ipv4Addr) -> (u128, u128) {
    let number = u32::from(address).into();
    (number, number)
}

/// Describes packets: `tcp 22 from 198.51.100.0/24`.
#[must_use]
pub(crate) fn describe(region: &Region) -> String {
    let mut text =
        match region.get(Dimension::Protocol).map(|ranges| ranges.iter().collect::<Vec<_>>()) {
            Some(protocols) => match protocols[..] {
                [(1, 1)] => "icmp".to_owned(),
                [(6, 6)] => "tcp".to_owned(),
                [(17, 17)] => "udp".to_owned(),
                [(58, 58)] => "icmpv6".to_owned(),
                _ => "several protocols".to_owned(),
            },
            None => "every protocol".to_owned(),
        };
    if let Some(ports) = region.get(Dimension::DestinationPort) {
        let _ = write!(text, " {}", numbers(ports));
    }
    if let Some(types) = region.get(Dimension::IcmpType) {
        let v6 = text == "icmpv6";
        let _ = write!(text, " {}", icmp_names(types, if v6 { ICMP6_TYPES } else { ICMP_TYPES }));
    }
    if let Some(ports) = region.get(Dimension::SourcePort) {
        let _ = write!(text, " from port {}", numbers(ports));
    }
    let version = region
        .get(Dimension::Family)
        .and_then(|family| (family.len() == 1).then(|| family.first()).flatten());
    let from = match version {
        Some(6) => region.get(Dimension::Source6).map(|ranges| addresses(ranges, 128)),
        _ => region.get(Dimension::Source4).map(|ranges| addresses(ranges, 32)),
    };
    let anywhere = match version {
        Some(4) => "anywhere over IPv4",
        Some(6) => "anywhere over IPv6",
        _ => "anywhere",
    };
    let _ = write!(text, " from {}", from.unwrap_or_else(|| anywhere.to_owned()));
    text
}

fn numbers(ranges: &Ranges) -> String {
    let range = |(first, last)| {
        if first == last { format!("{first}") } else { format!("{first}-{last}") }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

fn icmp_names(types: &Ranges, names: &[(&str, u8)]) -> String {
    let named: BTreeMap<u8, &str> = names.iter().map(|(name, number)| (*number, *name)).collect();
    let numbers = types.iter().flat_map(|(first, last)| first..=last);
    let texts = numbers.map(|number| {
        let known = u8::try_from(number).ok().and_then(|number| named.get(&number));
        known.map_or_else(|| number.to_string(), |name| (*name).to_owned())
    });
    texts.collect::<Vec<_>>().join(",")
}

/// A prefix if the range is one, otherwise its first and last address.
fn addresses(ranges: &Ranges, bits: u32) -> String {
    let show = |number: u128| {
        let v4 = u32::try_from(number).map(|number| Ipv4Addr::from(number).to_string());
        match v4 {
            Ok(address) if bits == 32 => address,
            _ => std::net::Ipv6Addr::from(number).to_string(),
        }
    };
    let range = |(first, last): (u128, u128)| {
        let size = last - first;
        let host_bits = (size.checked_add(1)).map_or(128, u128::trailing_zeros);
        let is_prefix = size.checked_add(1).is_none_or(u128::is_power_of_two);
        match (size, is_prefix) {
            (0, _) => show(first),
            (_, true) => format!("{}/{}", show(first), bits - host_bits),
            _ => format!("{}-{}", show(first), show(last)),
        }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

/// Whether two subnets share an address.
#[must_use]
pub(crate) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}
