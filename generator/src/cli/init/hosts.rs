//! `init --from-hosts`: looks at hosts over ssh, and answers what `init` asks.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};
use std::sync::Arc;

use super::{ChosenSubnets, Init, NodeArgument};
use crate::cli::failure::Failure;
use crate::cli::session::{Session, count};
use meshwright_compiler::topology::versions::Versions;
use meshwright_fleet::host_probe::{self, HostPing, HostProbe, PING, PROBE, is_public};
use meshwright_fleet::ssh::Ssh;
use meshwright_fleet::survey::for_each;
use meshwright_value::provider::PPPOE_MTU;
use meshwright_value::{
    Endpoint, Endpoints, Mtu, Name, Number as _, Os, ProviderName, Role, SourceNet, SshHost,
    Subnet, Text as _, UserName, WIREGUARD_OVERHEAD, provider,
};

/// Subnets of nodes, pods and Services, the default first.
const NODE_SUBNETS: [&str; 3] = ["10.66.66.0/24", "10.77.77.0/24", "192.168.166.0/24"];
const POD_SUBNETS: [&str; 3] = ["10.244.0.0/16", "10.245.0.0/16", "172.29.0.0/16"];
const SERVICE_SUBNETS: [&str; 4] =
    ["10.96.0.0/12", "10.112.0.0/12", "10.43.0.0/16", "172.30.0.0/16"];

/// The memory that kubeadm requires of a control plane, in KiB (`ControlPlaneMem`, which it compares in MiB), and the
/// processors (`ControlPlaneNumCPU`).
const CONTROL_PLANE_MEMORY: u64 = 1_700 * 1_024;
const CONTROL_PLANE_CORES: u32 = 2;

/// How far two clocks may differ, in seconds. The hosts are asked at the same time, and each has ten seconds to answer.
const CLOCKS: u64 = 30;

/// A host, and what was seen.
struct SeenHost {
    /// What the user wrote.
    destination: String,
    probe: HostProbe,
    /// Its address on the Internet.
    public: Option<Ipv4Addr>,
    pings: Vec<HostPing>,
}

/// The options of `init` for these hosts.
pub(super) fn look_at(
    init: &Init,
    versions: Arc<Versions>,
    session: &mut Session<'_>,
) -> Result<Init, Failure> {
    let ssh = init.ssh.ssh();
    let probes = for_each(&init.from_hosts, |destination| probe(&ssh, destination));
    let unseen: Vec<_> = probes.iter().filter_map(|probe| probe.as_ref().err()).cloned().collect();
    if !unseen.is_empty() {
        let failed = count(unseen.len(), "host");
        let help = "`ssh HOST true` must work without a question; nothing was written";
        return Err(Failure::usage(format!("{failed} not seen:\n  {}", unseen.join("\n  ")), help));
    }
    let mut hosts: Vec<_> = probes.into_iter().flatten().collect();
    let addresses: Vec<_> = hosts.iter().filter_map(|host| host.public).collect();
    let pings = for_each(&hosts, |host| ping(&ssh, host, &addresses));
    for (host, pings) in hosts.iter_mut().zip(pings) {
        host.pings = pings;
    }
    let mut nodes = nodes(&hosts);
    describe(&hosts, &mut nodes);
    for line in notes(&hosts, &nodes, init) {
        session.info(line)?;
    }
    let (subnets, mtu) = (subnets(&hosts), mtu(&hosts));
    Ok(init.with(|init| {
        init.nodes = nodes;
        init.subnets = subnets;
        init.mtu = mtu;
        init.versions = Some(versions);
    }))
}

/// Calls one host.
fn probe(ssh: &Ssh, destination: &str) -> Result<SeenHost, String> {
    let failed = |reason: String| format!("{destination}: {reason}");
    let done = ssh.run_at(destination, "sh -s", PROBE.as_bytes());
    let done = done.map_err(|error| failed(error.to_string()))?;
    let probe = host_probe::probe(&done.output).map_err(|error| failed(error.to_string()))?;
    if probe.os().is_none() || probe.arch().is_none() {
        let (id, version) = &probe.os_release;
        let words = Os::ALL.iter().map(|os| os.as_str()).collect::<Vec<_>>().join(", ");
        let machine = &probe.machine;
        return Err(failed(format!(
            "{id} {version} on {machine} is not supported; valid: {words}"
        )));
    }
    let public = public_address(ssh, destination, &probe);
    Ok(SeenHost { destination: destination.to_owned(), probe, public, pings: Vec::new() })
}

/// Its own address of the connection, if it is one of the Internet. Otherwise the address that was called, if that is
/// one: then a provider translates it (AWS, Google Cloud, Oracle), or a router forwards the port of SSH.
fn public_address(ssh: &Ssh, destination: &str, probe: &HostProbe) -> Option<Ipv4Addr> {
    if let Some(own) = probe.server.filter(|server| is_public(*server)) {
        return Some(own);
    }
    let called = ssh.address_of(destination)?;
    let resolved = (called.as_str(), 22).to_socket_addrs().ok()?;
    let mut addresses = resolved.filter_map(|address| match address.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    addresses.find(|address| is_public(*address))
}

/// Pings the other hosts. A host that cannot do this has no pings: they are only described.
fn ping(ssh: &Ssh, host: &SeenHost, addresses: &[Ipv4Addr]) -> Vec<HostPing> {
    let others = addresses.iter().filter(|address| Some(**address) != host.public);
    let others: Vec<_> = others.map(ToString::to_string).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let command = format!("sh -s -- {}", others.join(" "));
    let done = ssh.run_at(&host.destination, &command, PING.as_bytes());
    let pings = done.ok().and_then(|done| host_probe::pings(&done.output).ok());
    pings.unwrap_or_default()
}

/// The nodes, the first public one as control plane.
fn nodes(hosts: &[SeenHost]) -> Vec<NodeArgument> {
    let first = hosts.iter().position(|host| host.public.is_some()).unwrap_or(0);
    let mut nodes: Vec<NodeArgument> = Vec::new();
    for (position, host) in hosts.iter().enumerate() {
        let name = name(host, position, &nodes);
        let endpoint = host.public.and_then(|address| Endpoint::parse(&address.to_string()).ok());
        let mut node = NodeArgument::new(name, endpoint.map(Endpoints::from));
        node.role = Some(if position == first { Role::ControlPlane } else { Role::Worker });
        node.os = host.probe.os();
        node.arch = host.probe.arch();
        node.provider = host.probe.provider();
        if host.public.is_none() {
            let network = host.probe.local_network().map(|network| network.to_string());
            node.lan = network.and_then(|network| SourceNet::parse(&network).ok());
        }
        let called = host.destination.rsplit('@').next().unwrap_or(&host.destination);
        if host.public.is_none_or(|address| address.to_string() != called) {
            node.ssh_host = SshHost::parse(called).ok();
        }
        let facts = provider::facts(node.provider.unwrap_or(ProviderName::Other));
        let of_image = node.os.and_then(|os| facts.image_user(os));
        if of_image != Some(host.probe.user.as_str()) {
            node.ssh_user = UserName::parse(&host.probe.user).ok();
        }
        nodes.push(node);
    }
    nodes
}

/// Names of images, which many hosts have.
const IMAGE_NAMES: [&str; 4] = ["debian", "localhost", "nixos", "ubuntu"];

/// Its own name, or that of ~/.ssh/config, or a number.
fn name(host: &SeenHost, position: usize, others: &[NodeArgument]) -> Name {
    let of_host = host.probe.hostname.split('.').next().unwrap_or_default().to_lowercase();
    let called = host.destination.rsplit('@').next().unwrap_or_default().to_lowercase();
    let is_free = |name: &Name| {
        let is_of_image = IMAGE_NAMES.contains(&name.as_str());
        !is_of_image && others.iter().all(|other| other.name != *name)
    };
    let numbered = (position + 1..).map(|number| format!("node{number}"));
    let mut names = [of_host, called].into_iter().chain(numbered);
    let name = names.find_map(|name| Name::parse(&name).ok().filter(is_free));
    name.unwrap_or_else(|| unreachable!("one of the numbers is free"))
}

/// Comments about each node: what was seen on it, and how far the others are.
fn describe(hosts: &[SeenHost], nodes: &mut [NodeArgument]) {
    let names: Vec<_> =
        hosts.iter().zip(&*nodes).map(|(host, node)| (host.public, node.name.clone())).collect();
    for (host, node) in hosts.iter().zip(nodes) {
        node.seen.push(format!("Seen over ssh: {}.", hardware(&host.probe)));
        match (host.public, host.probe.server) {
            (Some(public), Some(own)) if public != own => node.seen.push(format!(
                "Its own address is {own}: {public} is translated. A router must also forward UDP {WIREGUARD_PORT}."
            )),
            (None, Some(own)) => {
                node.seen.push(format!("It has no public address: its own is {own}."));
            }
            _ => {}
        }
        for ping in &host.pings {
            let other = names.iter().find(|(public, _)| *public == Some(ping.address));
            let Some((_, other)) = other else { continue };
            node.seen.push(match (ping.round_trip_ms, ping.largest) {
                (Some(time), Some(size)) => {
                    format!("{other} answers in {time} ms; packets of {size} bytes arrive whole.")
                }
                (Some(time), None) => format!("{other} answers in {time} ms."),
                (None, _) => format!("{other} answers no ping."),
            });
        }
    }
}

/// The default of `[wireguard] listen_port`.
const WIREGUARD_PORT: u16 = 51_820;

fn hardware(probe: &HostProbe) -> String {
    const GIB: f64 = 1_048_576.0;
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    let gib = |kib: u64| format!("{:.1} GiB", kib as f64 / GIB);
    let parts = [
        probe.cores.map(|cores| count(cores as usize, "processor").to_string()),
        probe.memory.map(|memory| format!("{} of memory", gib(memory))),
        probe.disk.map(|disk| format!("{} free in /var/lib", gib(disk))),
        probe.mtu.map(|mtu| format!("MTU {mtu}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What a person should know before the next step.
fn notes(hosts: &[SeenHost], nodes: &[NodeArgument], init: &Init) -> Vec<String> {
    let mut notes = Vec::new();
    for (host, node) in hosts.iter().zip(nodes) {
        let name = &node.name;
        let probe = &host.probe;
        if probe.wireguard == Some(false) {
            notes.push(format!("{name}: its kernel has no WireGuard"));
        }
        for path in &probe.has {
            notes.push(format!("{name}: it has {path}; `prepare` stops before it takes that over"));
        }
        if node.role == Some(Role::ControlPlane) {
            let is_small = probe.memory.is_some_and(|memory| memory < CONTROL_PLANE_MEMORY)
                || probe.cores.is_some_and(|cores| cores < CONTROL_PLANE_CORES);
            if is_small {
                notes.push(format!(
                    "{name}: kubeadm requires 2 processors and 1700 MiB of a control plane"
                ));
            }
        }
    }
    let times: Vec<_> = hosts.iter().filter_map(|host| host.probe.time).collect();
    let (first, last) = (times.iter().min(), times.iter().max());
    if let Some((first, last)) = first.zip(last).filter(|(first, last)| *last - *first > CLOCKS) {
        notes.push(format!("the clocks of the hosts differ by {} s", last - first));
    }
    let clients: BTreeSet<_> = hosts
        .iter()
        .filter(|host| host.public.is_some())
        .filter_map(|host| host.probe.client)
        .collect();
    if init.ssh_from.is_empty() {
        for client in clients.into_iter().filter(|client| is_public(*client)) {
            notes.push(format!(
                "you come from {client}: with --ssh-from {client} only this address may use SSH"
            ));
        }
    }
    notes
}

/// The MTU of the mesh if the networks carry less than is known of the providers: some pair of hosts has a smaller
/// packet as its largest one.
fn mtu(hosts: &[SeenHost]) -> Option<Mtu> {
    let known = |host: &SeenHost| match host.public {
        Some(_) => {
            provider::facts(host.probe.provider().unwrap_or(ProviderName::Other)).underlay_mtu
        }
        None => PPPOE_MTU,
    };
    let smaller = hosts.iter().flat_map(|host| {
        let of_pair = |ping: &HostPing| {
            let other = hosts.iter().find(|other| other.public == Some(ping.address))?;
            ping.largest.filter(|largest| *largest < known(host).min(known(other)))
        };
        host.pings.iter().filter_map(of_pair)
    });
    let smallest = smaller.min()?;
    Mtu::from_integer(i64::from(smallest - WIREGUARD_OVERHEAD)).ok()
}

/// The first subnets that overlap no network of a host; none if the defaults do.
fn subnets(hosts: &[SeenHost]) -> Option<ChosenSubnets> {
    let addresses = hosts.iter().flat_map(|host| host.probe.addresses.iter().map(|(_, net)| *net));
    let routes = hosts.iter().flat_map(|host| host.probe.routes.iter().copied());
    let of_providers = hosts.iter().filter_map(|host| host.probe.provider()).flat_map(|name| {
        let facts = provider::facts(name);
        facts.reserved.iter().chain(facts.private).copied()
    });
    let of_hosts = addresses.chain(routes).map(|net| Subnet::new(net.trunc()));
    let taken: Vec<Subnet> = of_hosts.chain(of_providers).collect();
    let free = |candidates: &[&str]| {
        let mut parsed = candidates.iter().filter_map(|text| Subnet::parse(text).ok());
        parsed.find(|subnet| taken.iter().all(|other| !other.overlaps(subnet)))
    };
    let chosen = ChosenSubnets {
        node: free(&NODE_SUBNETS)?,
        pod: free(&POD_SUBNETS)?,
        service: free(&SERVICE_SUBNETS)?,
    };
    let defaults = [NODE_SUBNETS[0], POD_SUBNETS[0], SERVICE_SUBNETS[0]];
    let written = [chosen.node, chosen.pod, chosen.service].map(|subnet| subnet.to_string());
    (written != defaults).then_some(chosen)
}
