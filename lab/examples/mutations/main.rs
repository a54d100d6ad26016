//! The verdicts of `prove` and of the lab on changes whose effect is not known ([`lab::alterations`]).
//!
//! `cargo run --release -p lab --example mutations` prints the verdict of `prove` on each change, and the
//! cause of a refusal. The lab's own broken trees are first.
//!
//! `cargo run --release -p lab --example mutations -- --lab --seed 7 --count 20` draws a sample of the
//! changes, brings each up in the lab, and prints the changes where the lab and `prove` differ.

#![expect(clippy::print_stdout, reason = "it reports to its user")]

mod options;
mod sample;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use lab::alterations::Alteration;
use lab::mutants::{self, NOT_IN_FILES};
use lab::sandbox;
use lab::scenario::repository;
use lab::tree::LabTree;
use meshwright_proof::finding::ProofFinding;
use meshwright_proof::judge::{self, Proof};

use crate::options::MutationOptions;

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let ([topology, change], true) = (&arguments[..], sandbox::is_inside()) {
        return sample::judge_inside(topology, change).map(|()| ExitCode::SUCCESS);
    }
    let options = MutationOptions::parse(arguments)?;
    if !options.lab {
        return prove_all(&options.topology).map(|()| ExitCode::SUCCESS);
    }
    let missing = sandbox::missing_requirements();
    ensure!(missing.is_empty(), "the lab cannot run here: {}", missing.join("; "));
    let differ = sample::run(&options)?;
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs `prove` on all changes.
fn prove_all(topology: &str) -> Result<()> {
    for mutant in mutants::ALL.iter().filter(|mutant| !NOT_IN_FILES.contains(&mutant.name)) {
        print_verdict(&prove(&mutant.tree()?)?, mutant.name);
    }
    for harmless in mutants::HARMLESS {
        print_verdict(&prove(&harmless.tree()?)?, harmless.name);
    }
    let original = LabTree::compile_as_written(&repository().join(topology))?;
    let alterations = Alteration::all(&original);
    let mut refused = 0;
    for one in &alterations {
        let proof = prove(&one.apply_to(&original))?;
        refused += usize::from(!proof.holds());
        print_verdict(&proof, &format!("{}: {}", one.name(), one.original));
    }
    println!("{refused} of {} changes of {topology} are refused", alterations.len());
    Ok(())
}

fn prove(tree: &LabTree) -> Result<Proof> {
    Ok(judge::prove(&tree.files)?)
}

fn print_verdict(proof: &Proof, change: &str) {
    match cause(proof) {
        None => println!("holds    {change}"),
        Some(_) => println!("refused  {change}\n           {}", reason(proof)),
    }
}

fn cause(proof: &Proof) -> Option<&ProofFinding> {
    proof.failures.first().map(|failure| &failure.finding).or(proof.causes().next())
}

/// Why a tree is refused; empty if it is proven.
fn reason(proof: &Proof) -> String {
    cause(proof).map_or_else(String::new, |finding| {
        let place = proof.paths.show(finding.place);
        format!("{}: {} ({place})", finding.code, finding.message)
    })
}
