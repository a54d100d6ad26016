//! `meshwright prove`: reads the output directory back and proves every flow.

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::{Session, count};
use meshwright_compiler::diagnostic::{Format, github};
use meshwright_compiler::out;
use meshwright_proof::files::OutputDirectory;
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::{human, json};

const EXAMPLES: &str = "\
Examples:
  meshwright prove
  meshwright prove --out /etc/cluster/out     # any tree of this layout, also hand-edited
  meshwright prove --format json | jq '.flows[] | select(.cause)'";

/// Prove from the generated files that required traffic passes and other traffic is blocked
///
/// Reads only the output directory; needs no topology, no network and no root. Evaluates every flow
/// of a cluster between every ordered pair of nodes, their pods and the clients, and reports each
/// failure with the file and the line that cause it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Prove {}

impl Prove {
    #[expect(clippy::unused_self, reason = "a verb like the others")]
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let proof = session.prove()?;
        match session.global.format {
            Format::Human => write!(session.out, "{}", human::table(&proof))?,
            Format::Json => json::proof(&proof, session.out)?,
            Format::Github => print_github(&proof, session)?,
        }
        tell(&proof, session)?;
        Ok(Status::findings(!proof.holds()))
    }
}

impl Session<'_> {
    /// Reads the output directory and proves it.
    pub(super) fn prove(&self) -> Result<Proof, Failure> {
        let dir = self.out_dir();
        Ok(out::read(&dir, || judge::prove(&OutputDirectory(&dir)))??)
    }
}

fn print_github(proof: &Proof, session: &mut Session<'_>) -> Result<(), Failure> {
    let dir = session.out_dir();
    let failures = proof.failures.iter().map(|failure| &failure.finding);
    for finding in failures.chain(proof.causes()) {
        let file = dir.join(proof.paths.path(finding.place.file)).display().to_string();
        let line = finding.place.line.max(1).to_string();
        let properties =
            [("file", file.as_str()), ("line", line.as_str()), ("title", finding.code.name())];
        github::command(&properties, &finding.message, session.out)?;
    }
    Ok(())
}

fn tell(proof: &Proof, session: &mut Session<'_>) -> Result<(), Failure> {
    let dir = session.out_dir();
    let dir = dir.display();
    for file in &proof.edited {
        let path = proof.paths.path(*file);
        session.say(format_args!("warning: {dir}/{path} was edited since it was generated"))?;
    }
    let total = proof.total();
    let flows = total.proven + total.failed;
    if proof.holds() {
        let nodes = proof.model.as_ref().map_or(0, |model| model.nodes().count());
        let (nodes, pairs) = (count(nodes, "node"), proof.pairs());
        session
            .talk(format_args!("{dir}/: {flows} flows proven, {nodes}, {pairs} ordered pairs"))?;
        return Ok(());
    }
    let causes = proof.failures.len() + proof.causes().count();
    let causes = count(causes, "cause");
    session.say(format_args!("{dir}/: {} of {flows} flows fail, for {causes}", total.failed))?;
    Ok(())
}
