//! `meshwright export`: prints the files of one node or client, secrets included.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::opened::Opened;
use super::session::{Session, count, files};
use crate::file;
use crate::secrets::client_conf;
use crate::secrets::clock;
use crate::secrets::delivery::Delivery;
use crate::secrets::item::Item as _;
use crate::secrets::key_pair::KeyPair;
use crate::secrets::preshared::PeerPair;
use crate::secrets::requirements::Requirements;
use crate::secrets::secret::Secret;
use meshwright_compiler::plan::{ClientPlan, NodePlan, Plan};
use meshwright_compiler::render::Rendering;
use meshwright_value::closest;

const EXAMPLES: &str = "\
Examples:
  meshwright export tokyo --join | ssh debian@203.0.113.20 sudo meshwright-node apply   # the first time
  meshwright export tokyo | ssh debian@203.0.113.20 sudo meshwright-node apply
  meshwright export tokyo --public | tar -tv        # for inspection only; hosts reject it
  meshwright export --client laptop --to ~/wg0.conf # for a phone: | qrencode -t ansiutf8
  s=$(mktemp -d) && meshwright export --manifests | tar -xC $s && out/cluster/apply.sh --secrets $s";

/// Print the files of one node or client, secrets included
///
/// Prints a tar archive that contains every file of one node at its final path, for the first
/// delivery and for every later change. With --join, the archive also contains a new credential with
/// which the node joins the cluster, valid for one day. With --client, prints the complete wg-quick configuration of that
/// client. Refuses to print secrets to a terminal.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    #[command(flatten)]
    target: ExportTarget,
    /// Omit the secrets
    #[arg(long, conflicts_with_all = ["client", "manifests"])]
    public: bool,
    /// Add a credential with which the node joins the cluster
    #[arg(long, conflicts_with_all = ["client", "manifests", "public"])]
    join: bool,
    /// Write a new file with mode 0600 instead of printing
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ExportTarget {
    /// The node whose files are printed
    node: Option<String>,
    /// The client whose configuration is printed, keys included
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// Print the Kubernetes Secrets of the cluster, for `apply.sh --secrets`
    #[arg(long)]
    manifests: bool,
}

/// The exported bytes and a summary for stderr; `None` after reporting findings.
type Exported = Option<(Secret, String)>;

impl Export {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        refuse_terminal(self.to.as_deref(), &self.pipe())?;
        let Some(opened) = Opened::open(session)? else { return Ok(Status::Findings) };
        let exported = match &self.target {
            ExportTarget { node: Some(name), .. } => self.node(name, &opened, session)?,
            ExportTarget { client: Some(name), .. } => client(name, &opened, session)?,
            ExportTarget { .. } => manifests(&opened, session)?,
        };
        let Some((secret, summary)) = exported else { return Ok(Status::Findings) };
        send(&secret, self.to.as_deref(), session)?;
        session.info(summary)?;
        Ok(Status::Clean)
    }

    /// A command with a suitable pipe or file.
    fn pipe(&self) -> String {
        match &self.target {
            ExportTarget { node: Some(name), .. } => {
                format!("meshwright export {name} | ssh USER@HOST sudo meshwright-node apply")
            }
            ExportTarget { client: Some(name), .. } => {
                format!("meshwright export --client {name} --to ~/wg0.conf")
            }
            ExportTarget { .. } => "meshwright export --manifests | tar -xC DIR".to_owned(),
        }
    }

    fn node(
        &self,
        name: &str,
        opened: &Opened,
        session: &mut Session<'_>,
    ) -> Result<Exported, Failure> {
        let Opened { topology, plan, store, .. } = opened;
        let node = find_node(name, plan)?;
        if self.join && node.id == plan.init_node().id {
            return Err(Failure::usage(
                format!("{name} initialises the cluster, and joins none"),
                format!(
                    "omit `--join`; if the cluster exists, set `init` of [control_plane] to a node of it, and {name} joins"
                ),
            ));
        }
        if !self.public
            && !opened
                .has_secrets(Requirements::for_node(topology, plan, node, self.join), session)?
        {
            return Ok(None);
        }
        let rendering = Rendering::new(plan);
        let mut delivery = Delivery::public(&rendering, node);
        print_drift(&rendering, node, session)?;
        if self.public {
            let summary = format!("{name}: {}, without secrets", files(delivery.count().0));
            return Ok(Some((
                marked(delivery, &format!("{}, public part", Delivery::head(plan, node)))?,
                summary,
            )));
        }
        delivery.add_secrets(topology, plan, node, store)?;
        let expiry = match self.join {
            true => Some(delivery.add_join(plan, node, store, clock::now())?),
            false => None,
        };
        let (all, private) = delivery.count();
        let mut summary = format!("{name}: {}, {private} readable only by root", files(all));
        if let Some(expiry) = expiry {
            summary += &format!("; join credential expires on {}", clock::format_minute(expiry));
        }
        let head = Delivery::dated_head(plan, node, clock::now());
        Ok(Some((marked(delivery, &head)?, summary)))
    }
}

fn client(name: &str, opened: &Opened, session: &mut Session<'_>) -> Result<Exported, Failure> {
    let Opened { topology, plan, store, .. } = opened;
    let client = find_client(name, plan)?;
    if !opened.has_secrets(Requirements::for_client(topology, plan, client), session)? {
        return Ok(None);
    }
    let peers = plan.peers_of_client(client);
    let pairs = PeerPair::with_peers(plan, &client.name, &peers);
    let preshared_keys =
        pairs.iter().map(|pair| pair.read(store)).collect::<Result<Vec<_>, _>>()?;
    let key_pairs = KeyPair::named(topology, &client.name);
    let key_pair = key_pairs.first().unwrap_or_else(|| unreachable!("{name} is in the plan"));
    let conf = client_conf::render(plan, client, &key_pair.read(store)?, &preshared_keys);
    let summary = format!("{name}: complete configuration with {}", count(peers.len(), "peer"));
    Ok(Some((conf, summary)))
}

fn manifests(opened: &Opened, session: &mut Session<'_>) -> Result<Exported, Failure> {
    if !opened.has_secrets(Requirements::for_manifests(&opened.plan), session)? {
        return Ok(None);
    }
    let delivery = Delivery::manifests(&opened.plan, &opened.store)?;
    let summary = count(delivery.count().0, "Secret");
    Ok(Some((delivery.unmarked().map_err(too_long)?, summary)))
}

/// The archive of a delivery.
pub(super) fn marked(delivery: Delivery, head: &str) -> Result<Secret, Failure> {
    delivery.marked(head).map_err(too_long)
}

fn too_long(path: String) -> Failure {
    Failure::usage(format!("{path} is too long for a tar archive"), "shorten the name in it")
}

/// Refuses to print secrets to a terminal: its scrollback would contain them.
pub(super) fn refuse_terminal(to: Option<&Path>, pipe: &str) -> Result<(), Failure> {
    if to.is_some() || !io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("secrets are not printed to a terminal", format!("run `{pipe}`")))
}

/// Prints a secret, or writes it to a new file.
pub(super) fn send(
    secret: &Secret,
    to: Option<&Path>,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    match to {
        None => Ok(session.out.write_all(secret.expose())?),
        Some(path) => file::create_private(path, secret.expose()).map_err(Failure::writing(path)),
    }
}

pub(super) fn find_client<'plan>(
    name: &str,
    plan: &'plan Plan,
) -> Result<&'plan ClientPlan, Failure> {
    let found = plan.clients.iter().find(|client| client.name.as_str() == name);
    let known = plan.clients.iter().map(|client| client.name.as_str());
    found.ok_or_else(|| unknown("client", name, known.collect()))
}

pub(super) fn find_node<'plan>(name: &str, plan: &'plan Plan) -> Result<&'plan NodePlan, Failure> {
    let found = plan.nodes.iter().find(|node| node.name.as_str() == name);
    let known = plan.nodes.iter().map(|node| node.name.as_str());
    found.ok_or_else(|| unknown("node", name, known.collect()))
}

fn unknown(noun: &str, name: &str, known: Vec<&str>) -> Failure {
    let help = match closest(name, known.iter().copied()) {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None if known.is_empty() => format!("the topology has no {noun}"),
        None => format!("the topology has {}", known.join(", ")),
    };
    Failure::usage(format!("there is no {noun} `{name}`"), help)
}

/// Warns if the output directory differs from the exported files: reviewers have seen the directory.
fn print_drift(
    rendering: &Rendering<'_>,
    node: &NodePlan,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let dir = session.out_dir();
    if !dir.is_dir() {
        return Ok(());
    }
    let artifacts = rendering.node(node);
    let differs = |(path, bytes): &(&str, &[u8])| {
        fs::read(dir.join(path)).map_or(true, |written| written != *bytes)
    };
    let differing: Vec<_> =
        artifacts.iter().filter(differs).map(|(path, _)| dir.join(path)).collect();
    let Some(first) = differing.first() else { return Ok(()) };
    let path = first.display();
    let name = &node.name;
    match differing.len() - 1 {
        0 => session.print(format_args!(
            "warning: {path} differs from the exported file; run `meshwright generate`"
        )),
        others => session.print(format_args!(
            "warning: {path} and {others} more of {name} differ from the exported files; run \
             `meshwright generate`"
        )),
    }
}
