//! `meshwright schema`: the JSON Schema of the topology.

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::Session;
use meshwright_compiler::encode::json;
use meshwright_compiler::topology::schema;

const EXAMPLES: &str = "\
Examples:
  meshwright schema > topology.schema.json
  sed -i '1i #:schema topology.schema.json' topology.toml    # where Taplo looks for it";

/// Print the JSON Schema of topology.toml
///
/// An editor with Taplo, such as VS Code's Even Better TOML, completes keys from it, shows what each
/// means, and marks what no cluster can have. `meshwright check` judges the rest: whether the values
/// agree.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Schema;

impl Schema {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        session.out.write_all(&json::file(&schema::topology()))?;
        Ok(Status::Clean)
    }
}
