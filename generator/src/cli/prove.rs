//! `meshwright prove`: reads the output directory and proves every flow.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::{Session, count, read_versions};
use crate::fixed::WithVersions;
use meshwright_compiler::diagnostic::{self, Format, Located, Report, Severity, ShownReport, Span};
use meshwright_compiler::out;
use meshwright_compiler::source::{LineIndex, Source, clamp};
use meshwright_compiler::topology::versions::{self, Versions};
use meshwright_proof::failure;
use meshwright_proof::files::{OutputDirectory, TreeFiles as _};
use meshwright_proof::finding::ProofFinding;
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::causes::causes;
use meshwright_proof::report::json::{self, WalkedFlows};
use meshwright_proof::report::{self, human};
use meshwright_proof::span::TreePaths;
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright prove
  meshwright prove --out /etc/cluster/out     # any tree of this layout, also hand-edited
  meshwright prove --failures 1               # what is lost if one machine is off
  meshwright prove --failures 1 --format json | jq '.failures | all(.api.answers)'
  meshwright prove --format json | jq .holds
  meshwright prove --format json | jq '.flows[] | {from, to, flow, cause}'    # flows that fail";

/// Prove from the generated files that required traffic passes and other traffic is blocked
///
/// Reads only the output directory; needs no topology, no network and no root. Evaluates every flow
/// of a cluster between every ordered pair of nodes, their pods and the clients, and reports each
/// failure with the file and the line that cause it. The last part of the table lists the assumptions:
/// properties that no file shows. `meshwright schema prove` prints the JSON Schema of `--format json`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Prove {
    /// With --format json: list every flow with its hops, not only those that fail
    #[arg(long)]
    all: bool,

    /// Also compute what the other machines lose if one node, network or uplink fails
    ///
    /// Each node, each client that forwards to networks, and each site's local network and connection to
    /// the Internet fails alone, and the flows between the others are walked again. A row names what is
    /// lost: pairs of nodes, clients, networks, public names, and the API. Then each loss has its reason:
    /// a relay, the way of a client, etcd's majority, or programs whose pods can all have run there. What
    /// fails is not counted as a loss of itself. A loss is not a fault: the exit code does not depend on
    /// it. docs/failures.md describes the table and what helps.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=1))]
    failures: Option<u8>,
}

impl Prove {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let proof = session.prove().map_err(|failure| Failure::Unproven(Box::new(failure)))?;
        let failures = proof.model.as_ref().filter(|_| self.failures.is_some()).map(|model| {
            let effects = failure::effects(model, &proof.ingress.requests);
            (model, effects)
        });
        match session.global.format {
            Format::Human => {
                write!(session.out, "{}", printable_lines(&human::table(&proof)))?;
                if let Some((model, effects)) = &failures {
                    let table = report::failure::table(model, effects);
                    write!(session.out, "{}", printable_lines(&table))?;
                }
                print_causes(&proof, session)?;
            }
            Format::Json => {
                let effects = failures.as_ref().map(|(_, effects)| effects.as_slice());
                json::proof(&proof, self.walked(), effects, session.out)?;
            }
            Format::Github => print_github(&proof, session)?,
        }
        print_summary(&proof, session)?;
        Ok(Status::findings(!proof.holds()))
    }

    fn walked(&self) -> WalkedFlows {
        if self.all { WalkedFlows::All } else { WalkedFlows::Failing }
    }
}

impl Session<'_> {
    /// Reads the output directory and proves it.
    pub(super) fn prove(&self) -> Result<Proof, Failure> {
        let dir = self.out_dir();
        out::read(&dir, || {
            let fixed = WithVersions(self.versions_of(&dir)?);
            Ok(judge::prove_with(&OutputDirectory(&dir), Some(&fixed))?)
        })?
    }

    /// The versions with which an output directory was generated.
    fn versions_of(&self, dir: &Path) -> Result<Arc<Versions>, Failure> {
        let path = dir.join(versions::FILE);
        match fs::read(&path) {
            Ok(bytes) => read_versions(&path, bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Versions::built_in()),
            Err(error) => Err(Failure::reading(&path)(error)),
        }
    }
}

/// Prints the causes of failures as `check` prints its diagnostics. Long lists are cut.
pub(super) fn print_causes(proof: &Proof, session: &mut Session<'_>) -> io::Result<()> {
    let dir = session.out_dir();
    let found = causes(proof);
    let shown = session.shown(found.len());
    let hidden = found.len() - shown;
    // The table on stdout comes first.
    session.out.flush()?;
    for cause in found.iter().take(shown) {
        let report = report(&proof.paths, cause.finding, cause.effect.clone(), &dir);
        diagnostic::human::print_diagnostics(&report, session.color, session.err)?;
    }
    match hidden {
        0 => Ok(()),
        hidden => session.print(format_args!("and {hidden} more causes; --verbose lists all")),
    }
}

fn print_github(proof: &Proof, session: &mut Session<'_>) -> io::Result<()> {
    let dir = session.out_dir();
    for cause in causes(proof) {
        let report = report(&proof.paths, cause.finding, cause.effect, &dir);
        diagnostic::github::print(&report, session.out)?;
    }
    Ok(())
}

/// Prints where a packet ends, as [`print_causes`] prints a cause.
pub(super) fn print_end(
    paths: &TreePaths,
    finding: &ProofFinding,
    effect: &str,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let report = report(paths, finding, effect.to_owned(), &session.out_dir());
    diagnostic::human::print_diagnostics(&report, session.color, session.out)
}

/// A finding as a report of one diagnostic, with the text of its file. The proof has kept no text; a file that is
/// missing or has changed since gives a diagnostic without a source line.
fn report(paths: &TreePaths, finding: &ProofFinding, effect: String, dir: &Path) -> ShownReport {
    let path = dir.join(paths.path(finding.place.file));
    let bytes = OutputDirectory(dir).read(paths.path(finding.place.file)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let located = Located {
        code: finding.code.name(),
        severity: Severity::Error,
        message: finding.message.clone(),
        help: None,
        change: None,
        secrets: Vec::new(),
        spans: vec![line_span(&text, finding.place.line, effect)],
    };
    let source = Source { name: path.display().to_string(), text };
    ShownReport::new(&Report::new(source, vec![located], 0))
}

/// One line without the space around its text. Line 0 is the file as a whole.
fn line_span(text: &str, line: u32, label: String) -> Span {
    if line == 0 || text.is_empty() {
        let bytes = 0..0;
        return Span {
            bytes,
            line: 0,
            column: 0,
            end_line: 0,
            end_column: 0,
            label,
            primary: true,
        };
    }
    let index = LineIndex::new(text);
    let line_start = index.line_starts().get(line as usize - 1).copied().unwrap_or(text.len());
    let content = text[line_start..].lines().next().unwrap_or_default();
    let indent = content.len() - content.trim_start().len();
    let start = line_start + indent;
    let bytes = clamp(text, &(start..start + content.trim().len()));
    let (line, column) = index.line_and_column(text, bytes.start);
    let (end_line, end_column) = index.line_and_column(text, bytes.end);
    Span { bytes, line, column, end_line, end_column, label, primary: true }
}

fn print_summary(proof: &Proof, session: &mut Session<'_>) -> Result<(), Failure> {
    let out = session.out_dir();
    let dir = out.display();
    for file in &proof.edited {
        let path = proof.paths.path(*file);
        session.print(format_args!("warning: {dir}/{path} was edited after it was generated"))?;
    }
    let total = proof.total();
    let flows = total.proven + total.failed;
    if proof.holds() {
        let nodes = proof.model.as_ref().map_or(0, |model| model.nodes().count());
        let (members, pairs) = (count(nodes, "node"), proof.pairs());
        session
            .info(format_args!("{dir}/: {flows} flows proven, {members}, {pairs} ordered pairs"))?;
        return Ok(());
    }
    let number = count(causes(proof).len(), "cause");
    match &proof.model {
        Some(_) => {
            let failed = total.failed;
            session.print(format_args!("{dir}/: {failed} of {flows} flows fail; {number}"))?;
        }
        None => session.print(format_args!("{dir}/: no flow could be walked; {number}"))?,
    }
    Ok(())
}
