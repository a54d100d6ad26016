//! `meshwright client`: adds and removes clients in the topology.

use clap::{Args, Subcommand};

use super::Status;
use super::argument::{parse, parse_endpoints, parse_id, quoted, quoted_endpoints};
use super::edited::{EditOptions, EditedTopology};
use super::failure::Failure;
use super::session::Session;
use meshwright_compiler::topology::member::MemberKind;
use meshwright_value::{Endpoints, Name, NodeId, Reach};

const EXAMPLES: &str = "\
Examples:
  meshwright client add phone
  meshwright client add phone --reach services --via tokyo
  meshwright client remove phone --dry-run     # print the change as a patch";

const ADD_EXAMPLES: &str = "\
Examples:
  meshwright client add phone
  meshwright client add phone --reach nodes,services --via tokyo";

const REMOVE_EXAMPLES: &str = "\
Examples:
  meshwright client remove phone
  meshwright client remove phone --dry-run     # print the change as a patch";

/// Add or remove a client in topology.toml
///
/// Edits topology.toml in place: comments, order and spacing are kept. The new text is compiled first;
/// with an error, the file does not change.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Client {
    #[command(subcommand)]
    verb: ClientVerb,
}

#[derive(Debug, Subcommand)]
enum ClientVerb {
    Add(AddClient),
    Remove(RemoveClient),
}

/// Add a client
///
/// Writes a `[[clients]]` table with an id that no node or client has or had.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
struct AddClient {
    /// Its name
    #[arg(value_parser = parse::<Name>)]
    name: Name,
    /// What it may reach: `nodes`, `pods`, `services`, `networks`; if absent, the first three, and none with --endpoint
    #[arg(long, value_delimiter = ',', value_name = "WHAT", value_parser = parse::<Reach>)]
    reach: Vec<Reach>,
    /// The public node that forwards its packets to nodes that it cannot reach directly
    #[arg(long, value_name = "NODE", value_parser = parse::<Name>)]
    via: Option<Name>,
    /// Its public address or DNS name, if it is a server that nodes and pods call
    #[arg(long, value_name = "HOST[:PORT][,…]", value_parser = parse_endpoints)]
    endpoint: Option<Endpoints>,
    /// Its id [default: the next one above those of all clients]
    #[arg(long, value_parser = parse_id)]
    id: Option<NodeId>,
    #[command(flatten)]
    options: EditOptions,
}

/// Remove a client
///
/// Removes its table, and adds its id to `retired_ids`.
#[derive(Debug, Args)]
#[command(after_help = REMOVE_EXAMPLES)]
struct RemoveClient {
    /// Its name
    #[arg(value_parser = parse::<Name>)]
    name: Name,
    #[command(flatten)]
    options: EditOptions,
}

impl Client {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(edited) = EditedTopology::open(session)? else { return Ok(Status::Findings) };
        match &self.verb {
            ClientVerb::Add(add) => add.run(edited, session),
            ClientVerb::Remove(remove) => remove.run(edited, session),
        }
    }
}

impl AddClient {
    fn run(
        &self,
        mut edited: EditedTopology,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let id = self.id.map_or_else(|| edited.next_id(MemberKind::Client), NodeId::get);
        let mut keys = vec![("name", quoted(&self.name)), ("id", id.to_string())];
        keys.extend(self.endpoint.as_ref().map(|both| ("endpoint", quoted_endpoints(both))));
        keys.extend(self.via.as_ref().map(|via| ("via", quoted(via))));
        if !self.reach.is_empty() {
            let reach: Vec<_> = self.reach.iter().map(quoted).collect();
            keys.push(("reach", format!("[{}]", reach.join(", "))));
        }
        edited.draft.add_table("clients", &keys);
        let done = format!("client {} added with id {id}", self.name);
        edited.finish(&self.options, &[done], session)
    }
}

impl RemoveClient {
    fn run(
        &self,
        mut edited: EditedTopology,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let client = edited.member(MemberKind::Client, &self.name)?;
        let (origin, id) = (client.origin.clone(), client.id);
        edited.draft.remove_table(&origin);
        edited.retire(id);
        let done = format!("client {} removed, and its id {id} retired", self.name);
        edited.finish(&self.options, &[done], session)
    }
}
