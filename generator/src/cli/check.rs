//! `meshwright check`: reports all diagnostics, and corrects the topology with `--fix`.

use std::sync::Arc;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::opened;
use super::session::{Session, count, count_members};
use crate::edit::correction;
use meshwright_compiler::catalogue::{self, Entry};
use meshwright_compiler::diagnostic::sarif::{self, SarifRule};
use meshwright_compiler::diagnostic::{Change, Format, Report, Severity, ShownReport};
use meshwright_compiler::out::unified_diff;
use meshwright_compiler::pipeline::{self, Compilation, RuleGap};
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::Topology;
use meshwright_value::Os;

const EXAMPLES: &str = "\
Examples:
  meshwright check
  meshwright check --strict --format github    # in CI: annotations in a pull request
  meshwright check --format sarif > meshwright.sarif    # for GitHub's code scanning
  meshwright check --fix --dry-run             # print the corrections of --fix as a patch";

/// Check the topology and report errors and warnings
///
/// Reads topology.toml, derives the whole plan, and reports every error and warning with the line
/// that causes it. Writes no file, except with --fix. `meshwright explain CODE` explains a finding;
/// `[[lint.allow]]` in the topology accepts a warning.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// Exit with code 1 on warnings, too
    #[arg(long)]
    strict: bool,
    /// Apply the corrections that have exactly one solution, and print them as a patch; comments
    /// and order are kept
    #[arg(long)]
    fix: bool,
    /// With --fix: print the patch without writing it
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Output format of diagnostics: `human` is printed on stderr, the others on stdout
    // This overrides the global option of the same id, so its type is the same.
    #[arg(id = "format", long, value_name = "FORMAT", default_value = "human")]
    #[arg(value_parser = ["human", "json", "github", SARIF])]
    format: String,
}

/// The format that only this verb has.
const SARIF: &str = "sarif";

impl Check {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let found = session.compile()?;
        let mut compiled = if self.fix { self.fix(found, session)? } else { found };
        opened::refuse_published(&mut compiled, session);
        opened::add_store_warnings(&mut compiled, session);
        if self.format == SARIF {
            let shown = ShownReport::new(&compiled.report);
            sarif::print(&shown, catalogue::entries().map(sarif_rule), session.out)?;
        } else {
            session.report(&compiled.report)?;
        }
        if let (Some(topology), []) = (&compiled.topology, &*compiled.report.diagnostics) {
            session.info(success(topology, &compiled.report))?;
            session.info(support(topology))?;
            for line in key_ends(topology) {
                session.info(line)?;
            }
        }
        let has = |severity| compiled.report.count(severity) > 0;
        let failed = has(Severity::Error) || self.strict && has(Severity::Warning);
        Ok(Status::findings(failed))
    }

    /// Corrects the topology and prints the patch; returns the compilation of the text on disk.
    fn fix(&self, found: Compilation, session: &mut Session<'_>) -> Result<Compilation, Failure> {
        let Some(Corrected { compilation, changes }) = corrected(&found)? else {
            session.info("--fix has nothing to correct")?;
            return Ok(found);
        };
        let (source, text) = (found.document.source(), &compilation.document.source().text);
        // With other formats, stdout contains only the report.
        let human = self.format == Format::Human.as_str();
        let stream = if human { &mut *session.out } else { &mut *session.err };
        unified_diff::print_texts(&source.name, &source.text, text, stream)?;
        session.out.flush()?;
        let made = count(changes, "correction");
        if self.dry_run {
            session.info(format_args!("{}: {made} possible, nothing was written", source.name))?;
            return Ok(found);
        }
        session.replace_topology(source, text)?;
        session.info(format_args!("{}: {made} made", source.name))?;
        Ok(compilation)
    }
}

fn sarif_rule(entry: Entry) -> SarifRule {
    let Entry { code, severity, summary, explain, .. } = entry;
    SarifRule { code, severity, summary, explain }
}

/// A topology after all corrections.
struct Corrected {
    compilation: Compilation,
    /// How many corrections were made.
    changes: usize,
}

/// The maximum number of rounds. After a round, the next stage of the compiler can find further
/// corrections; more rounds than this would be an endless loop.
const ROUNDS: usize = 10;

/// Applies corrections until there is no further one; `None` if there is none.
fn corrected(found: &Compilation) -> Result<Option<Corrected>, RuleGap> {
    let Some(mut last) = corrected_once(found)? else { return Ok(None) };
    for _ in 1..ROUNDS {
        let Some(next) = corrected_once(&last.compilation)? else { break };
        last = Corrected { changes: last.changes + next.changes, ..next };
    }
    Ok(Some(last))
}

fn corrected_once(found: &Compilation) -> Result<Option<Corrected>, RuleGap> {
    let diagnostics = found.report.diagnostics.iter();
    let changes: Vec<&Change> = diagnostics.filter_map(|one| one.change.as_ref()).collect();
    let source = found.document.source();
    let (text, count) = correction::apply(&found.document, &changes);
    if text == source.text {
        return Ok(None);
    }
    let corrected = Source { name: source.name.clone(), text };
    let compilation = pipeline::compile_with(corrected, Vec::new(), Arc::clone(&found.versions))?;
    Ok(Some(Corrected { compilation, changes: count }))
}

fn success(topology: &Topology, report: &Report) -> String {
    let members = count_members(topology.nodes.len(), topology.clients.len());
    let accepted = match report.allowed {
        0 => String::new(),
        allowed => format!(", {} accepted by [[lint.allow]]", count(allowed, "warning")),
    };
    format!("{}: ok, {members}{accepted}", report.source.name)
}

/// The end of support of the Kubernetes version of the cluster. No rule compares it with the clock.
fn support(topology: &Topology) -> String {
    let version = topology.cluster.kubernetes_version;
    match topology.versions.kubernetes_support(version) {
        Some(line) => format!("Kubernetes {version} gets patch releases until {}", line.end),
        None => format!("the end of support of Kubernetes {version} is unknown"),
    }
}

/// The ends of the keys of package repositories. Hosts read the renewed key with a delivery.
fn key_ends(topology: &Topology) -> Vec<String> {
    let uses_apt = topology.nodes.iter().any(|node| node.os != Os::Nixos);
    let ends =
        topology.versions.repository_keys().filter(|_| uses_apt).filter_map(|(name, key)| {
            let end = key.end.as_ref()?;
            Some(format!(
                "the key of the package repository of {name} ends on {end}: docs/versions.md"
            ))
        });
    ends.collect()
}
