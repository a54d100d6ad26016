//! `meshwright init`: writes a first topology.

mod hosts;
mod questions;

use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::Status;
use super::argument::{endpoints, parse, quoted_all, quoted_endpoints};
use super::failure::Failure;
use super::fleet::SshArguments;
use super::keys::PUBLIC_KEY_MISSING;
use super::session::{Session, count};
use crate::file;
use meshwright_compiler::diagnostic::{Format, Located, Report, Severity};
use meshwright_compiler::encode::template;
use meshwright_compiler::pipeline::{self, RuleGap};
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::versions::Versions;
use meshwright_value::{
    Arch, Endpoint, Endpoints, Hostname, Mtu, Name, Os, ProviderName, Role, SourceNet, SshHost,
    Subnet, Text, TunnelId, UserName, Version,
};

/// The name of the cluster if none is given.
pub(super) const CLUSTER_NAME: &str = "atlas";

/// The commands after a first topology.
const NEXT: &str = "next: `meshwright keys`, `meshwright generate`, then `meshwright prove`";

/// The word for a node without an endpoint.
const BEHIND_NAT: &str = "nat";

/// Nodes with addresses for documentation (RFC 5737).
const PLACEHOLDERS: [&str; 3] = ["alpha=203.0.113.10", "beta=203.0.113.20", "gamma=203.0.113.30"];

const EXAMPLES: &str = "\
Examples:
  meshwright init                              # asks; without a terminal, three placeholder nodes
  meshwright init --name atlas \\
    --node hongkong=203.0.113.10,alibaba --node tokyo=203.0.113.20,arm64 --node home=nat,nixos \\
    --client laptop --ssh-from 198.51.100.7
  meshwright init --from-hosts root@203.0.113.10 root@203.0.113.20 home    # looks at them over ssh";

/// Write a first topology.toml
///
/// The file explains every important setting in a comment. The first node is the control plane, and
/// ids start at 1. An existing file is never overwritten. At a terminal and without options, asks for nodes, SSH, a
/// client and a tunnel; with an option, or without a terminal, it asks nothing.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Init {
    /// The name of the cluster [default: atlas]
    #[arg(long, value_parser = parse::<Name>)]
    name: Option<Name>,
    /// A node: its endpoint or `nat`, then optionally an endpoint of the other address family, role, operating
    /// system, architecture and provider; can be repeated
    #[arg(long = "node", value_name = "NAME=ENDPOINT[,WORD…]")]
    nodes: Vec<NodeArgument>,
    /// Look at these hosts over ssh, and write what they are: `[user@]host`, or a name of ~/.ssh/config. Nothing is
    /// changed on them
    #[arg(long, value_name = "HOST", num_args = 1.., conflicts_with = "nodes")]
    from_hosts: Vec<String>,
    #[command(flatten)]
    ssh: SshArguments,
    /// A client, such as the laptop that runs kubectl; can be repeated
    #[arg(long = "client", value_name = "NAME", value_parser = parse::<Name>)]
    clients: Vec<Name>,
    /// A network or address from which SSH is allowed; can be repeated; everything by default
    #[arg(long, value_name = "NETWORK", value_parser = parse::<SourceNet>)]
    ssh_from: Vec<SourceNet>,
    /// The tunnel of `cloudflared tunnel create`
    #[arg(long, value_name = "ID", value_parser = parse::<TunnelId>)]
    tunnel: Option<TunnelId>,
    /// A public name that the tunnel serves; can be repeated
    #[arg(long = "hostname", value_name = "NAME", requires = "tunnel", value_parser = parse::<Hostname>)]
    hostnames: Vec<Hostname>,
    /// Whether a person has answered that SSH is open to everyone.
    #[arg(skip)]
    accepts_open_ssh: bool,
    /// Whether a person has answered that SSH is closed to the local network of a node behind NAT.
    #[arg(skip)]
    accepts_closed_lan: bool,
    /// The subnets, if the defaults overlap networks of the hosts.
    #[arg(skip)]
    subnets: Option<ChosenSubnets>,
    /// The MTU of the mesh, if packets of the derived one do not arrive whole.
    #[arg(skip)]
    mtu: Option<Mtu>,
    /// The versions, if they are not those that are compiled in.
    #[arg(skip)]
    versions: Option<Arc<Versions>>,
}

/// One `--node`.
#[derive(Debug, Clone)]
struct NodeArgument {
    name: Name,
    endpoint: Option<Endpoints>,
    role: Option<Role>,
    os: Option<Os>,
    arch: Option<Arch>,
    provider: Option<ProviderName>,
    /// The local network of a node behind NAT, if SSH is open to it.
    lan: Option<SourceNet>,
    /// Where ssh finds it, if that is not its endpoint.
    ssh_host: Option<SshHost>,
    /// The user for ssh, if it is not that of the provider's image.
    ssh_user: Option<UserName>,
    /// What was seen on it, as comments.
    seen: Vec<String>,
}

/// Subnets that overlap no network of the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct ChosenSubnets {
    node: Subnet,
    pod: Subnet,
    service: Subnet,
}

impl Init {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let is_asked = self.is_without_options()
            && session.global.format == Format::Human
            && questions::has_terminal();
        let versions = session.versions()?;
        if !self.from_hosts.is_empty() {
            return hosts::look_at(self, versions, session)?.write(session);
        }
        if !is_asked {
            return self.with(|init| init.versions = Some(versions)).write(session);
        }
        let path = session.topology();
        if path.exists() {
            return Err(taken(path));
        }
        questions::ask(versions)?.write(session)
    }

    fn is_without_options(&self) -> bool {
        let Self { name, nodes, from_hosts, clients, ssh_from, tunnel, hostnames, .. } = self;
        name.is_none()
            && nodes.is_empty()
            && from_hosts.is_empty()
            && clients.is_empty()
            && ssh_from.is_empty()
            && tunnel.is_none()
            && hostnames.is_empty()
    }

    fn write(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let path = session.topology().to_owned();
        let placeholders = self.nodes.is_empty();
        let nodes = if placeholders { placeholder_nodes()? } else { self.nodes.clone() };
        let text = self.render(&nodes, placeholders);
        let source = Source { name: path.display().to_string(), text };
        let report = self.errors_beside_keys(&source)?;
        if report.count(Severity::Error) > 0 {
            session.report(&report)?;
            return Ok(Status::Findings);
        }
        match file::create(&path, 0o666, source.text.as_bytes()) {
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => return Err(taken(&path)),
            written => written.map_err(Failure::writing(&path))?,
        }
        session.info(format_args!("{}: {} written", source.name, count(nodes.len(), "node")))?;
        if placeholders {
            session.info("next: replace the placeholder addresses with those of your hosts")?;
        }
        session.info(NEXT)?;
        session.report(&report)?;
        Ok(Status::Clean)
    }
}

pub(super) fn taken(path: &Path) -> Failure {
    let help = "edit it, or name another file with --topology";
    Failure::usage(format!("{} exists already", path.display()), help)
}

fn placeholder_nodes() -> Result<Vec<NodeArgument>, Failure> {
    let parsed = PLACEHOLDERS.iter().map(|text| text.parse());
    parsed.collect::<Result<_, _>>().map_err(|fault| Failure::usage(fault, "report this bug"))
}

#[derive(Serialize)]
struct TopologyView<'a> {
    name: &'a str,
    kubernetes_version: Version,
    placeholders: bool,
    nodes: Vec<TopologyNodeView<'a>>,
    clients: Vec<TopologyClientView<'a>>,
    ssh_from: Vec<String>,
    accepts_open_ssh: bool,
    accepts_closed_lan: bool,
    tunnel: Option<&'a TunnelId>,
    hostnames: &'a [Hostname],
    subnets: Option<ChosenSubnets>,
    mtu: Option<Mtu>,
}

#[derive(Serialize)]
struct TopologyClientView<'a> {
    name: &'a Name,
    id: usize,
}

/// The id of the first client: above those of the nodes, so that both can grow.
const FIRST_CLIENT: usize = 200;

/// Every address.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

#[derive(Serialize)]
struct TopologyNodeView<'a> {
    name: &'a Name,
    id: usize,
    role: Role,
    os: Os,
    arch: Option<Arch>,
    provider: Option<ProviderName>,
    /// As TOML.
    endpoint: Option<String>,
    /// As TOML.
    relay: Option<String>,
    ssh_from: Option<String>,
    ssh_host: Option<&'a SshHost>,
    ssh_user: Option<&'a UserName>,
    seen: &'a [String],
}

impl Init {
    /// The options for these members.
    pub(super) fn of_members(
        name: Name,
        nodes: Vec<(Name, Option<Endpoint>)>,
        clients: Vec<Name>,
        versions: Arc<Versions>,
    ) -> Self {
        let nodes = nodes
            .into_iter()
            .map(|(name, endpoint)| NodeArgument::new(name, endpoint.map(Endpoints::from)));
        Self {
            name: Some(name),
            nodes: nodes.collect(),
            clients,
            versions: Some(versions),
            ..Self::default()
        }
    }

    /// The topology.
    pub(super) fn text(&self) -> String {
        self.render(&self.nodes, false)
    }

    fn versions(&self) -> Arc<Versions> {
        self.versions.clone().unwrap_or_else(Versions::built_in)
    }

    /// The errors that remain after key generation, such as a duplicate name.
    fn errors_beside_keys(&self, source: &Source) -> Result<Report, RuleGap> {
        let compilation = pipeline::compile_with(source.clone(), Vec::new(), self.versions())?;
        let mut report = compilation.report;
        let errors =
            |found: &Located| found.severity == Severity::Error && found.code != PUBLIC_KEY_MISSING;
        report.diagnostics.retain(errors);
        Ok(report)
    }

    /// These answers and one more.
    fn with(&self, answer: impl FnOnce(&mut Self)) -> Self {
        let mut init = self.clone();
        answer(&mut init);
        init
    }

    /// Whether the rules accept the topology of these answers; if not, the first error.
    fn check(&self) -> Result<(), String> {
        let source = Source { name: String::new(), text: self.render(&self.nodes, false) };
        let report = self.errors_beside_keys(&source).map_err(|gap| gap.to_string())?;
        match report.diagnostics.first() {
            None => Ok(()),
            Some(Located { message, help: Some(help), .. }) => Err(format!("{message}; {help}")),
            Some(Located { message, .. }) => Err(message.clone()),
        }
    }

    fn render(&self, nodes: &[NodeArgument], placeholders: bool) -> String {
        let common_relays = relays(nodes);
        let views = nodes.iter().enumerate().map(|(position, node)| {
            let first = if position == 0 { Role::ControlPlane } else { Role::Worker };
            let needs_relay = node.endpoint.is_none() && !common_relays.is_empty();
            TopologyNodeView {
                name: &node.name,
                id: position + 1,
                role: node.role.unwrap_or(first),
                os: node.os.unwrap_or(Os::Debian13),
                arch: node.arch,
                provider: node.provider,
                endpoint: node.endpoint.as_ref().map(quoted_endpoints),
                relay: needs_relay.then(|| quoted_all(&common_relays)),
                ssh_from: node.lan.as_ref().map(ToString::to_string),
                ssh_host: node.ssh_host.as_ref(),
                ssh_user: node.ssh_user.as_ref(),
                seen: &node.seen,
            }
        });
        let clients = self.clients.iter().enumerate();
        let clients = clients
            .map(|(position, name)| TopologyClientView { name, id: FIRST_CLIENT + position });
        let ssh_from = match self.ssh_from.as_slice() {
            [] => EVERYWHERE.map(str::to_owned).to_vec(),
            networks => networks.iter().map(ToString::to_string).collect(),
        };
        let view = TopologyView {
            name: self.name.as_ref().map_or(CLUSTER_NAME, Name::as_str),
            kubernetes_version: self.versions().kubernetes.version,
            placeholders,
            nodes: views.collect(),
            clients: clients.collect(),
            ssh_from,
            accepts_open_ssh: self.accepts_open_ssh,
            accepts_closed_lan: self.accepts_closed_lan,
            tunnel: self.tunnel.as_ref(),
            hostnames: &self.hostnames,
            subnets: self.subnets,
            mtu: self.mtu,
        };
        template::render("topology.toml", &view)
    }
}

/// The relays of several nodes behind NAT: the first public node, and the second one, which takes over.
fn relays(nodes: &[NodeArgument]) -> Vec<&Name> {
    let behind_nat = nodes.iter().filter(|node| node.endpoint.is_none()).count();
    let public = nodes.iter().filter(|node| node.endpoint.is_some());
    public.filter(|_| behind_nat > 1).take(2).map(|node| &node.name).collect()
}

impl FromStr for NodeArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once('=').ok_or("expected NAME=ENDPOINT or NAME=nat")?;
        let mut words = rest.split(',');
        let address = words.next().filter(|word| !word.eq_ignore_ascii_case(BEHIND_NAT));
        let first = address.map(parse::<Endpoint>).transpose()?;
        let endpoint = first.clone().map(|first| endpoints(first, None)).transpose()?;
        let mut node = Self::new(parse(name)?, endpoint);
        for word in words {
            match (&first, Endpoint::parse(word).ok().filter(|other| !other.is_name())) {
                (Some(first), Some(other)) => {
                    if node.endpoint.as_ref().is_some_and(|both| both.alternative().is_some()) {
                        return Err(format!("`{word}` is the second value of its kind"));
                    }
                    node.endpoint = Some(endpoints(first.clone(), Some(other))?);
                }
                _ => node.take(word)?,
            }
        }
        Ok(node)
    }
}

impl NodeArgument {
    /// A node of which no more is known.
    const fn new(name: Name, endpoint: Option<Endpoints>) -> Self {
        Self {
            name,
            endpoint,
            role: None,
            os: None,
            arch: None,
            provider: None,
            lan: None,
            ssh_host: None,
            ssh_user: None,
            seen: Vec::new(),
        }
    }

    /// Sets role, operating system, architecture or provider. No word belongs to two of them, so any order is
    /// valid. `os=` and the like before a word are accepted.
    fn take(&mut self, written: &str) -> Result<(), String> {
        let keys = ["role=", "os=", "arch=", "provider="];
        let word = keys.iter().find_map(|key| written.strip_prefix(key)).unwrap_or(written);
        let has_one = if let Ok(role) = Role::parse(word) {
            self.role.replace(role).is_some()
        } else if let Ok(os) = Os::parse(word) {
            self.os.replace(os).is_some()
        } else if let Ok(arch) = Arch::parse(word) {
            self.arch.replace(arch).is_some()
        } else if let Ok(provider) = ProviderName::parse(word) {
            self.provider.replace(provider).is_some()
        } else {
            let meant = [
                meaning::<Role>(word),
                meaning::<Os>(word),
                meaning::<Arch>(word),
                meaning::<ProviderName>(word),
            ];
            let meant = meant.into_iter().flatten().next();
            let meant =
                meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            return Err(format!(
                "`{word}` is not a role, operating system, architecture or provider{meant}"
            ));
        };
        match has_one {
            true => Err(format!("`{word}` is the second value of its kind")),
            false => Ok(()),
        }
    }
}

/// The only value that a word of another program can mean.
fn meaning<T: Text>(word: &str) -> Option<String> {
    T::parse(word).err()?.suggestion
}
