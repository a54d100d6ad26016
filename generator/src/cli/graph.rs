//! `meshwright graph`: the map of the mesh for other programs.

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::Status;
use super::failure::Failure;
use super::plan::compared;
use super::session::Session;
use meshwright_compiler::out;
use meshwright_proof::files::OutputDirectory;
use meshwright_report::MapFormat;
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright graph                             # mermaid, for a Markdown page
  meshwright graph --format dot | dot -Tpng > mesh.png
  meshwright graph --format svg > mesh.svg";

/// Print the map of the mesh as mermaid, for Graphviz, or as SVG
///
/// Reads the output directory: machines with their sites, and the way between each two of them, which is a
/// tunnel over the Internet or in a local network, or a relay. With more than 24 machines, only tunnels in
/// local networks are drawn. `meshwright report` has the same map. Whether packets arrive is for `prove`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Graph {
    /// The language of the map
    // This overrides the global option of the same id, so its type is the same.
    #[arg(id = "format", long, value_name = "FORMAT", default_value = "mermaid")]
    #[arg(value_parser = PossibleValuesParser::new(MapFormat::ALL.map(MapFormat::as_str)))]
    format: String,
}

impl Graph {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let dir = session.out_dir();
        let tree = out::read(&dir, || compared(&OutputDirectory(&dir), None, &dir))??;
        let format = MapFormat::ALL.into_iter().find(|format| format.as_str() == self.format);
        let map = meshwright_report::map(&tree.model, format.unwrap_or(MapFormat::Mermaid));
        write!(session.out, "{}", printable_lines(&map))?;
        Ok(Status::Clean)
    }
}
