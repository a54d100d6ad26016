//! `meshwright node`: adds, removes and renames nodes in the topology.

use clap::{Args, Subcommand};

use super::Status;
use super::argument::{parse, parse_endpoints, parse_id, quoted, quoted_all, quoted_endpoints};
use super::edited::{EditOptions, EditedTopology};
use super::failure::Failure;
use super::session::Session;
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Topology;
use meshwright_compiler::topology::member::MemberKind;
use meshwright_value::{Endpoints, Name, NodeId, Os, ProviderName, Role};

const EXAMPLES: &str = "\
Examples:
  meshwright node add berlin --endpoint 203.0.113.40 --provider hetzner
  meshwright node remove home
  meshwright node rename home cellar --dry-run  # print the change as a patch";

const ADD_EXAMPLES: &str = "\
Examples:
  meshwright node add berlin --endpoint 203.0.113.40 --provider hetzner --os ubuntu-24.04
  meshwright node add home --relay tokyo       # without an endpoint: behind NAT";

const REMOVE_EXAMPLES: &str = "\
Examples:
  meshwright node remove home
  meshwright node remove tokyo --init paris    # tokyo is the init node";

const RENAME_EXAMPLES: &str = "\
Examples:
  meshwright node rename home cellar
  meshwright node rename home cellar --dry-run  # print the change as a patch";

/// Add, remove or rename a node in topology.toml
///
/// Edits topology.toml in place: comments, order and spacing are kept. The new text is compiled first;
/// with an error, the file does not change. Changes no machine: `meshwright plan` prints the steps.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Node {
    #[command(subcommand)]
    verb: NodeVerb,
}

#[derive(Debug, Subcommand)]
enum NodeVerb {
    Add(AddNode),
    Remove(RemoveNode),
    Rename(RenameNode),
}

/// Add a node
///
/// Writes a `[[nodes]]` table with an id that no node or client has or had.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
struct AddNode {
    /// Its name
    #[arg(value_parser = parse::<Name>)]
    name: Name,
    /// Its public address or DNS name, or an address of each family; absent if it is behind NAT
    #[arg(long, value_name = "ENDPOINT[,ENDPOINT]", value_parser = parse_endpoints)]
    endpoint: Option<Endpoints>,
    /// `control-plane` or `worker`
    #[arg(long, default_value = "worker", value_parser = parse::<Role>)]
    role: Role,
    /// Its cloud provider
    #[arg(long, value_parser = parse::<ProviderName>)]
    provider: Option<ProviderName>,
    /// Its operating system
    #[arg(long, value_parser = parse::<Os>)]
    os: Option<Os>,
    /// The site that it is in
    #[arg(long, value_parser = parse::<Name>)]
    site: Option<Name>,
    /// The public node that forwards its packets to other nodes behind NAT, or several in the order in which they are used
    #[arg(long, value_name = "NODE[,NODE]", value_delimiter = ',', value_parser = parse::<Name>)]
    relay: Vec<Name>,
    /// Its id [default: the next one above those of all nodes]
    #[arg(long, value_parser = parse_id)]
    id: Option<NodeId>,
    #[command(flatten)]
    options: EditOptions,
}

/// Remove a node
///
/// Removes its table, and adds its id to `retired_ids`. Refuses the only control plane, and a node that
/// other tables name.
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
struct RemoveNode {
    /// Its name
    #[arg(value_parser = parse::<Name>)]
    name: Name,
    /// The control plane that is the init node from now on; required for the init node
    #[arg(long, value_name = "OTHER", value_parser = parse::<Name>)]
    init: Option<Name>,
    #[command(flatten)]
    options: EditOptions,
}

/// Rename a node: the old one is removed, and a new one is added
///
/// A running cluster cannot rename a node: Kubernetes, Calico's block and the key in the store depend on
/// its name. So the table gets the new name, a new id and no public key, the old id is added to
/// `retired_ids`, and `relay`, `via` and `route_reflectors` follow. The old node is drained, reset and
/// deleted, and the new one joins: see `meshwright plan`.
#[derive(Debug, Args)]
#[command(after_help = RENAME_EXAMPLES)]
struct RenameNode {
    /// Its name
    #[arg(value_parser = parse::<Name>)]
    old: Name,
    /// The name of the new node
    #[arg(value_parser = parse::<Name>)]
    new: Name,
    /// The control plane that is the init node from now on; required for the init node
    #[arg(long, value_name = "OTHER", value_parser = parse::<Name>)]
    init: Option<Name>,
    #[command(flatten)]
    options: EditOptions,
}

impl Node {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(edited) = EditedTopology::open(session)? else { return Ok(Status::Findings) };
        match &self.verb {
            NodeVerb::Add(add) => add.run(edited, session),
            NodeVerb::Remove(remove) => remove.run(edited, session),
            NodeVerb::Rename(rename) => rename.run(edited, session),
        }
    }
}

impl AddNode {
    fn run(
        &self,
        mut edited: EditedTopology,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let id = self.id.map_or_else(|| edited.next_id(MemberKind::Node), NodeId::get);
        let mut keys =
            vec![("name", quoted(&self.name)), ("id", id.to_string()), ("role", quoted(self.role))];
        keys.extend(self.provider.map(|provider| ("provider", quoted(provider))));
        keys.extend(self.os.map(|os| ("os", quoted(os))));
        keys.extend(self.endpoint.as_ref().map(|both| ("endpoint", quoted_endpoints(both))));
        keys.extend(self.site.as_ref().map(|site| ("site", quoted(site))));
        let relays = (!self.relay.is_empty()).then(|| quoted_all(&self.relay));
        keys.extend(relays.map(|relays| ("relay", relays)));
        edited.draft.add_table("nodes", &keys);
        let done = format!("node {} added with id {id}", self.name);
        edited.finish(&self.options, &[done], session)
    }
}

impl RemoveNode {
    fn run(
        &self,
        mut edited: EditedTopology,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let node = edited.member(MemberKind::Node, &self.name)?;
        let (origin, id) = (node.origin.clone(), node.id);
        let mut refused = identity_refusals(&edited.topology, &self.name, self.init.as_ref());
        let uses = uses(&edited.topology, &self.name);
        if !uses.is_empty() {
            let users: Vec<_> = uses.iter().map(|found| found.user.as_str()).collect();
            let message = format!("node {} is in use: {}", self.name, users.join(", "));
            refused.push((message, "name another node there first".to_owned()));
        }
        refuse(refused)?;
        edited.draft.remove_table(&origin);
        edited.retire(id);
        let mut done = vec![format!("node {} removed, and its id {id} retired", self.name)];
        done.extend(set_init(&mut edited, self.init.as_ref()));
        edited.finish(&self.options, &done, session)
    }
}

impl RenameNode {
    fn run(
        &self,
        mut edited: EditedTopology,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let Self { old, new, .. } = self;
        let node = edited.member(MemberKind::Node, old)?;
        let (origin, retired) = (node.origin.clone(), node.id);
        let has_key = node.public_key.is_some();
        refuse(identity_refusals(&edited.topology, old, self.init.as_ref()))?;
        let id = edited.next_id(MemberKind::Node);
        let uses = uses(&edited.topology, old);
        edited.draft.set(&origin.key("name"), &quoted(new));
        edited.draft.set(&origin.key("id"), &id.to_string());
        if has_key {
            edited.draft.remove(&origin.key("public_key"));
        }
        for found in &uses {
            edited.draft.set(&found.at, &quoted(new));
        }
        edited.retire(retired);
        let mut done = vec![
            format!("node {old} removed, and its id {retired} retired"),
            format!("node {new} added with id {id}, without a public key"),
        ];
        done.extend(uses.iter().map(|found| format!("{} names {new}", found.user)));
        done.extend(set_init(&mut edited, self.init.as_ref()));
        done.push(format!(
            "a running node cannot be renamed: {old} is drained, reset and deleted, and {new} joins; local \
             volumes of its pods are lost"
        ));
        edited.finish(&self.options, &done, session)
    }
}

/// Writes another init node.
fn set_init(edited: &mut EditedTopology, init: Option<&Name>) -> Option<String> {
    let init = init?;
    edited.draft.set(&Route::root().key("control_plane").key("init"), &quoted(init));
    Some(format!("{init} is the init node"))
}

/// A value that names a node.
struct NodeUse {
    at: Route,
    /// For messages.
    user: String,
}

/// Where other tables name a node. `init` is not among them.
fn uses(topology: &Topology, name: &Name) -> Vec<NodeUse> {
    let relayed = topology.nodes.iter().flat_map(|node| {
        let relays = node.relays().filter(|(_, relay)| *relay == name);
        relays.map(|(at, _)| NodeUse { at, user: format!("`relay` of node {}", node.name) })
    });
    let clients = topology.clients.iter().filter(|client| client.via.as_ref() == Some(name));
    let clients = clients.map(|client| NodeUse {
        at: client.origin.key("via"),
        user: format!("`via` of client {}", client.name),
    });
    let reflectors = topology.calico.route_reflectors.iter().enumerate();
    let reflectors = reflectors.filter(|(_, reflector)| *reflector == name);
    let at = topology.calico.origin.key("route_reflectors");
    let reflectors = reflectors.map(|(position, _)| NodeUse {
        at: at.index(position),
        user: "`route_reflectors` of [calico]".to_owned(),
    });
    let networks = topology.networks.iter().filter(|network| network.via == *name);
    let networks = networks.map(|network| NodeUse {
        at: network.origin.key("via"),
        user: format!("`via` of network {}", network.name),
    });
    relayed.chain(clients).chain(networks).chain(reflectors).collect()
}

/// Why a node cannot leave the cluster, with the remedy.
fn identity_refusals(
    topology: &Topology,
    name: &Name,
    init: Option<&Name>,
) -> Vec<(String, String)> {
    let control_planes = || topology.nodes.iter().filter(|node| node.role == Role::ControlPlane);
    let is_control_plane = control_planes().any(|node| node.name == *name);
    if is_control_plane && control_planes().count() == 1 {
        let message = format!("node {name} is the only control plane");
        let help = "add another control plane first, and wait until it has joined".to_owned();
        return vec![(message, help)];
    }
    let lowest = control_planes().min_by_key(|node| node.id).map(|node| &node.name);
    let init_node = topology.control_plane.init.as_ref().or(lowest);
    match (init_node == Some(name), init) {
        (true, None) => {
            let message = format!("node {name} is the init node");
            vec![(message, "name another control plane that has joined with `--init`".to_owned())]
        }
        (false, Some(_)) => {
            let message = format!("node {name} is not the init node, so `init` does not change");
            vec![(message, "leave `--init` out".to_owned())]
        }
        _ => Vec::new(),
    }
}

/// Ends with all refusals.
fn refuse(refused: Vec<(String, String)>) -> Result<(), Failure> {
    if refused.is_empty() {
        return Ok(());
    }
    let (messages, help): (Vec<_>, Vec<_>) = refused.into_iter().unzip();
    Err(Failure::usage(messages.join("; "), help.join("; ")))
}
