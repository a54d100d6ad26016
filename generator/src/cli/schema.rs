//! `meshwright schema`: prints the JSON Schema of the topology, or of a document that a verb prints.

use clap::{Args, ValueEnum};

use super::Status;
use super::failure::Failure;
use super::session::Session;
use super::versions;
use meshwright_compiler::encode::json;
use meshwright_compiler::topology::schema;
use meshwright_proof::report;

const EXAMPLES: &str = "\
Examples:
  meshwright schema > topology.schema.json
  sed -i '1i #:schema topology.schema.json' topology.toml    # for Taplo
  meshwright schema check > check.schema.json
  meshwright schema prove > prove.schema.json
  meshwright schema plan > plan.schema.json
  meshwright schema status > status.schema.json
  meshwright schema test > test.schema.json
  meshwright schema versions > versions.schema.json";

/// Print the JSON Schema of topology.toml, or of the documents of other verbs
///
/// An editor with Taplo, such as VS Code with Even Better TOML, uses the schema of the topology to
/// complete keys, to show their documentation and to mark invalid values. Only `meshwright check`
/// verifies that the values fit together.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Schema {
    /// What the schema describes
    #[arg(value_enum, default_value_t = Described::Topology)]
    of: Described,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Described {
    /// topology.toml
    Topology,
    /// The documents of `check --format json` and `generate --format json`
    Check,
    /// The documents of `prove --format json` and `trace --format json`
    Prove,
    /// The document of `plan --format json`
    Plan,
    /// The document of `status --format json`
    Status,
    /// The document of `test --format json`
    Test,
    /// The document of `versions --format json`
    Versions,
}

impl Schema {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let described = match self.of {
            Described::Topology => schema::topology(),
            Described::Check => meshwright_compiler::diagnostic::schema::documents(),
            Described::Prove => report::schema::documents(),
            Described::Plan => meshwright_change::report::schema::document(),
            Described::Status => meshwright_fleet::report::schema::document(),
            Described::Test => meshwright_fleet::connectivity::schema::document(),
            Described::Versions => versions::schema(),
        };
        session.out.write_all(&json::file(&described))?;
        Ok(Status::Clean)
    }
}
