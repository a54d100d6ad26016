//! What the two judges say of changes that nobody listed ([`lab::alterations`]).
//!
//! `cargo run --release -p lab --example mutations` prints what `prove` says of each change, one line
//! a change: the verdict, the change, and the cause. The lab's own broken trees come first.
//!
//! `cargo run --release -p lab --example mutations -- --lab --seed 7 --count 20` draws a sample of the
//! changes, brings each up in the lab, and prints where the lab and `prove` differ.

#![expect(clippy::print_stdout, reason = "it prints")]

mod options;
mod sample;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use lab::alterations::Alteration;
use lab::mutants::{self, IN_NO_FILE};
use lab::sandbox;
use lab::scenario::repository;
use lab::tree::LabTree;
use meshwright_proof::finding::ProofFinding;
use meshwright_proof::judge::{self, Proof};

use crate::options::MutationOptions;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let ([topology, change], true) = (&arguments[..], sandbox::is_inside()) {
        return sample::inside(topology, change).map(|()| ExitCode::SUCCESS);
    }
    let options = MutationOptions::parse(arguments)?;
    if !options.lab {
        return every(&options.topology).map(|()| ExitCode::SUCCESS);
    }
    let lacking = sandbox::lacking();
    ensure!(lacking.is_empty(), "the lab cannot run here: {}", lacking.join("; "));
    let differ = sample::run(&options)?;
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything through `prove`.
fn every(topology: &str) -> Result<()> {
    for mutant in mutants::ALL.iter().filter(|mutant| !IN_NO_FILE.contains(&mutant.name)) {
        tell(&prove(&mutant.tree()?)?, mutant.name);
    }
    for harmless in mutants::HARMLESS {
        tell(&prove(&harmless.tree()?)?, harmless.name);
    }
    let whole = LabTree::as_written(&repository().join(topology))?;
    let alterations = Alteration::all(&whole);
    let mut refused = 0;
    for one in &alterations {
        let proof = prove(&one.applied_to(&whole))?;
        refused += usize::from(!proof.holds());
        tell(&proof, &format!("{}: {}", one.name(), one.was));
    }
    println!("{refused} of {} changes of {topology} are refused", alterations.len());
    Ok(())
}

fn prove(tree: &LabTree) -> Result<Proof> {
    Ok(judge::prove(&tree.files)?)
}

fn tell(proof: &Proof, change: &str) {
    match cause(proof) {
        None => println!("holds    {change}"),
        Some(_) => println!("refused  {change}\n           {}", reason(proof)),
    }
}

fn cause(proof: &Proof) -> Option<&ProofFinding> {
    proof.failures.first().map(|failure| &failure.finding).or(proof.causes().next())
}

/// Why a tree is refused; empty if it is not.
fn reason(proof: &Proof) -> String {
    cause(proof).map_or_else(String::new, |finding| {
        let place = proof.paths.show(finding.place);
        format!("{}: {} ({place})", finding.code, finding.message)
    })
}
