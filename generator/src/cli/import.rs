//! `meshwright import`: a topology from a mesh that another program has configured.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use ipnet::Ipv4Net;

use super::Status;
use super::argument::{parse, quoted};
use super::failure::Failure;
use super::init::{self, Init};
use super::opened;
use super::session::{Session, count, count_members};
use crate::edit::draft::Draft;
use crate::file;
use crate::secrets::existing::{self, ExistingError, ExistingMachine, ExistingPeer, LeftOut};
use meshwright_compiler::diagnostic::Severity;
use meshwright_compiler::route::Route;
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::versions::Versions;
use meshwright_value::{Endpoint, Name, Port, PublicKey, Text as _};

const EXAMPLES: &str = "\
Examples:
  meshwright import wg-quick tokyo.conf paris.conf home.conf laptop.conf --client laptop
  meshwright import wg-quick tokyo=/backup/tokyo/wg0.conf paris=/backup/paris/wg0.conf
  meshwright import wg-meshconf database.csv";

/// Write a topology from an existing WireGuard mesh, with its keys
///
/// Reads the files of every machine, writes topology.toml with their names, addresses, endpoints, ports and public
/// keys, and puts the private keys into the store. An existing topology is never overwritten. What no topology has is
/// listed. The first machine with an endpoint becomes the control plane.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    #[command(subcommand)]
    verb: ImportVerb,
}

#[derive(Debug, Subcommand)]
enum ImportVerb {
    /// Import files of wg-quick
    ///
    /// Each machine is named after its file, or as written before `=`. A peer without a file becomes a client: its owner
    /// keeps its private key.
    WgQuick {
        /// The file of one machine
        #[arg(value_name = "[NAME=]FILE", required = true)]
        files: Vec<String>,
        #[command(flatten)]
        options: ImportOptions,
    },
    /// Import the database of wg-meshconf
    WgMeshconf {
        /// Its database.csv
        file: PathBuf,
        #[command(flatten)]
        options: ImportOptions,
    },
}

#[derive(Debug, Args)]
struct ImportOptions {
    /// The name of the cluster
    #[arg(long, default_value = init::CLUSTER_NAME, value_parser = parse::<Name>)]
    name: Name,
    /// A machine that does not run Kubernetes, such as a laptop; can be repeated
    #[arg(long = "client", value_name = "NAME", value_parser = parse::<Name>)]
    clients: Vec<Name>,
}

impl Import {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let path = session.topology().to_owned();
        if path.exists() {
            return Err(init::taken(&path));
        }
        let mut left_out = Vec::new();
        let (machines, options) = match &self.verb {
            ImportVerb::WgQuick { files, options } => {
                let machines = files.iter().map(|file| wg_quick(file, &mut left_out));
                (machines.collect::<Result<Vec<_>, _>>()?, options)
            }
            ImportVerb::WgMeshconf { file, options } => {
                (existing::wg_meshconf(file, &mut left_out).map_err(unread)?, options)
            }
        };
        Mesh::new(machines, left_out, options)?.write(&options.name, &path, session)
    }
}

/// Reads `NAME=FILE` or `NAME.conf`.
fn wg_quick(argument: &str, left_out: &mut Vec<LeftOut>) -> Result<ExistingMachine, Failure> {
    let (name, file) = match argument.split_once('=') {
        Some((name, file)) => (name.to_owned(), Path::new(file)),
        None => {
            let file = Path::new(argument);
            (file.file_stem().unwrap_or_default().to_string_lossy().into_owned(), file)
        }
    };
    let name = parse::<Name>(&name)
        .map_err(|fault| Failure::usage(fault, format!("name it: `NAME={}`", file.display())))?;
    existing::wg_quick(name, file, left_out).map_err(unread)
}

fn unread(error: ExistingError) -> Failure {
    Failure::usage(error.to_string(), "correct the file, or leave it out")
}

/// The topology has public keys, but the store has no authorities yet: `keys` would ask whether another store has them.
const NEXT: &str =
    "next: `meshwright keys --new-cluster`, `meshwright generate`, then `meshwright prove`";

/// The machines in the order of the topology.
struct Mesh {
    subnet: Ipv4Net,
    /// The first is the control plane.
    nodes: Vec<ExistingMachine>,
    clients: Vec<ExistingMachine>,
    /// Peers without a file.
    others: Vec<Other>,
    /// What is not in the topology, for people.
    left_out: Vec<String>,
}

/// A client whose private key its owner has.
struct Other {
    name: Name,
    public_key: PublicKey,
    id: u32,
}

impl Mesh {
    fn new(
        machines: Vec<ExistingMachine>,
        left_out: Vec<LeftOut>,
        options: &ImportOptions,
    ) -> Result<Self, Failure> {
        let names: Vec<_> = machines.iter().map(|machine| machine.name.clone()).collect();
        if let Some(unknown) = options.clients.iter().find(|client| !names.contains(client)) {
            let known: Vec<_> = names.iter().map(Name::as_str).collect();
            let message = format!("no file is of the client `{unknown}`");
            return Err(Failure::usage(message, format!("the files are of: {}", known.join(", "))));
        }
        let subnet = subnet(&machines)?;
        let left_out = left_out
            .into_iter()
            .map(|LeftOut { place, key }| format!("{place}: `{key}`{}", reason(&key)));
        let mut left_out: Vec<_> = left_out.collect();
        let others = others(&machines, subnet, &mut left_out);
        let (clients, nodes): (Vec<_>, Vec<_>) =
            machines.into_iter().partition(|machine| options.clients.contains(&machine.name));
        let mut mesh = Self { subnet, nodes, clients, others, left_out };
        let is_public: Vec<_> =
            mesh.nodes.iter().map(|node| mesh.endpoint(node).is_some()).collect();
        if let Some(first) = is_public.iter().position(|public| *public) {
            mesh.nodes[..=first].rotate_right(1);
        }
        Ok(mesh)
    }

    fn machines(&self) -> impl Iterator<Item = &ExistingMachine> {
        self.nodes.iter().chain(&self.clients)
    }

    /// Where the others call a machine.
    fn endpoint(&self, machine: &ExistingMachine) -> Option<Endpoint> {
        let peers = self.machines().flat_map(|other| &other.peers);
        let mut of_peers = peers
            .filter(|peer| peer.public_key == machine.public_key)
            .filter_map(|peer| peer.endpoint.clone());
        machine.endpoint.clone().or_else(|| of_peers.next())
    }

    /// The port that most nodes listen on; of two, that of the first node.
    fn listen_port(&self) -> Option<Port> {
        let ports = self.nodes.iter().rev().filter_map(|node| node.listen_port);
        ports.max_by_key(|port| {
            self.nodes.iter().filter(|node| node.listen_port == Some(*port)).count()
        })
    }

    /// The text of the topology.
    fn text(&self, name: &Name, versions: Arc<Versions>) -> Source {
        let port = self.listen_port();
        let nodes = self.nodes.iter().map(|node| {
            let endpoint = self.endpoint(node).map(|endpoint| without_port(endpoint, node, port));
            (node.name.clone(), endpoint)
        });
        let others = self.others.iter().map(|other| other.name.clone());
        let clients = self.clients.iter().map(|client| client.name.clone()).chain(others);
        let text =
            Init::of_members(name.clone(), nodes.collect(), clients.collect(), versions).text();
        let mut draft = Draft::new(&Source { name: String::new(), text });
        let network = Route::root().key("network").key("node_subnet");
        draft.set(&network, &quoted(self.subnet));
        if let Some(port) = port {
            draft.set(&Route::root().key("wireguard").key("listen_port"), &port.to_string());
        }
        for (position, node) in self.nodes.iter().enumerate() {
            let at = Route::root().key("nodes").index(position);
            draft.set(&at.key("id"), &id(self.subnet, node.address).to_string());
            draft.set(&at.key("public_key"), &quoted(node.public_key));
            if let Some(own) = node.listen_port.filter(|own| Some(*own) != port) {
                draft.set(&at.key("listen_port"), &own.to_string());
            }
        }
        let clients = self.clients.iter();
        let clients = clients.map(|client| (id(self.subnet, client.address), client.public_key));
        let others = self.others.iter().map(|other| (other.id, other.public_key));
        for (position, (id, public_key)) in clients.chain(others).enumerate() {
            let at = Route::root().key("clients").index(position);
            draft.set(&at.key("id"), &id.to_string());
            draft.set(&at.key("public_key"), &quoted(public_key));
        }
        draft.source().clone()
    }

    /// The private keys are written first: a topology without them would give every machine a new key.
    fn write(self, name: &Name, path: &Path, session: &mut Session<'_>) -> Result<Status, Failure> {
        let source = Source {
            name: path.display().to_string(),
            text: self.text(name, session.versions()?).text,
        };
        let compilation = session.compile_text(source)?;
        let (Some(topology), 0) =
            (&compilation.topology, compilation.report.count(Severity::Error))
        else {
            session.report(&compilation.report)?;
            session.info("nothing was written")?;
            return Ok(Status::Findings);
        };
        let Some(store) = opened::store(topology, &compilation.document, session)? else {
            return Ok(Status::Findings);
        };
        for machine in self.machines() {
            machine.store_key(topology, &store)?;
        }
        match file::create(path, 0o666, compilation.document.source().text.as_bytes()) {
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {
                return Err(init::taken(path));
            }
            written => written.map_err(Failure::writing(path))?,
        }
        let members = count_members(self.nodes.len(), self.clients.len() + self.others.len());
        let keys = count(self.machines().count(), "private key");
        session.info(format_args!("{}: {members} written", path.display()))?;
        session.info(format_args!("{}: {keys} imported", store.folder("").display()))?;
        if !self.left_out.is_empty() {
            session.info("not imported:")?;
            session.info_list(&self.left_out)?;
        }
        session.report(&compilation.report)?;
        session.info(NEXT)?;
        Ok(Status::Clean)
    }
}

/// The network of all addresses: the widest that a file states, or the /24 of the first.
fn subnet(machines: &[ExistingMachine]) -> Result<Ipv4Net, Failure> {
    let stated = machines.iter().map(|machine| machine.address).filter(|net| net.prefix_len() < 32);
    let widest = stated.min_by_key(Ipv4Net::prefix_len).map(|net| net.trunc());
    let around_first = machines
        .first()
        .and_then(|machine| Ipv4Net::new(machine.address.addr(), 24).ok().map(|net| net.trunc()));
    let Some(subnet) = widest.or(around_first) else {
        return Err(Failure::usage("there is no machine", "name the file of each machine"));
    };
    let outside = machines.iter().find(|machine| !subnet.contains(&machine.address.addr()));
    match outside {
        None => Ok(subnet),
        Some(machine) => {
            let address = machine.address.addr();
            let message = format!("{}: {address} is not in {subnet}", machine.name);
            Err(Failure::usage(message, "a mesh has one network for the addresses of its machines"))
        }
    }
}

fn id(subnet: Ipv4Net, address: Ipv4Net) -> u32 {
    u32::from(address.addr()) - u32::from(subnet.network())
}

/// The endpoint as the topology has it: without the port on which the node listens.
fn without_port(endpoint: Endpoint, node: &ExistingMachine, common: Option<Port>) -> Endpoint {
    let listens = node.listen_port.or(common);
    match endpoint.port() {
        Some(port) if Some(port) == listens => {
            Endpoint::parse(&endpoint.host().to_string()).unwrap_or(endpoint)
        }
        _ => endpoint,
    }
}

/// The peers without a file. Those with an endpoint, or without an address in the subnet, are left out.
fn others(machines: &[ExistingMachine], subnet: Ipv4Net, left_out: &mut Vec<String>) -> Vec<Other> {
    let mut others: Vec<Other> = Vec::new();
    for machine in machines {
        for peer in &machine.peers {
            let has_file = machines.iter().any(|other| other.public_key == peer.public_key);
            let own = peer.allowed.iter().find(|net| subnet.contains(&net.addr()));
            for net in peer.allowed.iter().filter(|net| !subnet.contains(&net.addr())) {
                let line =
                    format!("{}: the network {net} behind a peer; see [[networks]]", peer.place);
                left_out.push(line);
            }
            if has_file || others.iter().any(|other| other.public_key == peer.public_key) {
                continue;
            }
            match (own, &peer.endpoint) {
                (Some(own), None) => others.push(other(peer, id(subnet, *own))),
                _ => left_out.push(format!("{}: the peer, of which there is no file", peer.place)),
            }
        }
    }
    others
}

fn other(peer: &ExistingPeer, id: u32) -> Other {
    let numbered = || Name::parse(&format!("client-{id}")).ok();
    let name = peer.name.clone().or_else(numbered);
    let name = name.unwrap_or_else(|| unreachable!("a word and a number are a name"));
    Other { name, public_key: peer.public_key, id }
}

/// Why a setting is not in a topology.
fn reason(key: &str) -> &'static str {
    match key.to_ascii_lowercase().as_str() {
        "mtu" => ": derived from the MTUs of the networks; `mtu` of [wireguard] replaces it",
        "presharedkey" => {
            ": with `preshared_keys = true` in [wireguard], `keys` generates new ones"
        }
        "persistentkeepalive" => ": `persistent_keepalive` of [wireguard] is for all pairs",
        "preup" | "postup" | "predown" | "postdown" => ": commands; the firewall is generated",
        "dns" => ": resolvers of machines are not changed",
        "address" => ": each machine has one IPv4 address in the mesh",
        "allowedips" => ": derived; for networks behind a machine, see [[networks]]",
        "table" | "fwmark" | "saveconfig" => ": set by the generated files",
        _ => "",
    }
}
