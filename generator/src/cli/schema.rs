//! `meshwright schema`: prints the JSON Schema of the topology.

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::Session;
use meshwright_compiler::encode::json;
use meshwright_compiler::topology::schema;

const EXAMPLES: &str = "\
Examples:
  meshwright schema > topology.schema.json
  sed -i '1i #:schema topology.schema.json' topology.toml    # for Taplo";

/// Print the JSON Schema of topology.toml
///
/// An editor with Taplo, such as VS Code with Even Better TOML, uses the schema to complete keys, to
/// show their documentation and to mark invalid values. Only `meshwright check` verifies that the
/// values fit together.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Schema;

impl Schema {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        session.out.write_all(&json::file(&schema::topology()))?;
        Ok(Status::Clean)
    }
}
