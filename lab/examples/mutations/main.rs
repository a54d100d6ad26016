//! The verdicts of `prove` and of other judges on changes whose effect is not known
//! ([`lab::alterations`]).
//!
//! `cargo run --release -p lab --example mutations -- --seed 16 --single 1400 --coordinated 600 --harmless 300` draws
//! changes of all trees of the repository, and prints each one that `prove` accepts and a table of the kinds.
//!
//! Each accepted change is judged by the program that reads the file ([`lab::effect`]). With `--lab`, each one
//! that is still open is brought up in the lab, if the lab has a scenario for its tree. The run fails if another
//! judge refuses what `prove` accepts, or if `prove` refuses a harmless change.

#![expect(clippy::print_stdout, reason = "it reports to its user")]

mod options;
mod sample;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use lab::alterations::{AlterableTree, Alteration, Draw, Extent, TreeTexts};
use lab::effect::Effect;
use lab::sandbox;
use lab::tree::committed;
use meshwright::fixed::OfThisVersion;
use meshwright_proof::judge::{self, Proof};
use rayon::prelude::*;

use crate::options::{MutationOptions, ProveVerdict};

fn main() -> Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let ([topology, extent, seed], true) = (&arguments[..], sandbox::is_inside()) {
        return sample::judge_inside(topology, extent, seed).map(|()| ExitCode::SUCCESS);
    }
    let options = MutationOptions::parse(arguments)?;
    let missing = sandbox::missing_requirements();
    ensure!(missing.is_empty(), "the programs cannot run here: {}", missing.join("; "));
    let drawn = draw(&options)?;
    drawn.iter().for_each(print_change);
    print_table(&drawn);
    let mut wrong = drawn.iter().filter(|one| one.is_wrong()).count();
    println!("{wrong} verdicts of prove are wrong");
    if options.lab {
        wrong += sample::run(&options, &drawn)?;
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A change with its verdicts.
pub(crate) struct DrawnChange {
    pub topology: String,
    pub extent: Extent,
    pub seed: u64,
    pub alteration: Alteration,
    /// Why `prove` refuses it; empty if it is proven.
    pub reason: String,
    /// What the programs say, if `prove` accepts it.
    pub effect: Option<Effect>,
}

impl DrawnChange {
    /// Whether `prove` accepts what another judge refuses, or refuses what has no effect.
    fn is_wrong(&self) -> bool {
        match &self.effect {
            Some(Effect::Refused { .. }) => true,
            Some(Effect::Open) | None => self.extent == Extent::Harmless,
            Some(Effect::None) => false,
        }
    }

    pub(crate) fn verdict(&self) -> ProveVerdict {
        if self.reason.is_empty() { ProveVerdict::Holds } else { ProveVerdict::Refused }
    }
}

/// Draws the changes, and proves each tree.
fn draw(options: &MutationOptions) -> Result<Vec<DrawnChange>> {
    let committed = |topology: &String| Ok((topology.clone(), committed(topology)?));
    let texts: Vec<_> = options.topologies.iter().map(committed).collect::<Result<_>>()?;
    let trees: Vec<_> =
        texts.iter().map(|(name, texts)| (name, AlterableTree::new(texts))).collect();
    let singles = (0..options.single).map(|number| (Extent::Single, number));
    let coordinated = (0..options.coordinated).map(|number| (Extent::Coordinated, number));
    let harmless = (0..options.harmless).map(|number| (Extent::Harmless, number));
    let all: Vec<_> = singles.chain(coordinated).chain(harmless).collect();
    let drawn = all.into_par_iter().map(|(extent, number)| {
        let (topology, tree) = &trees[number % trees.len()];
        let seed = Draw::seed_of(options.seed, number as u64);
        let alteration = Alteration::draw(tree, extent, seed).context("nothing can be changed")?;
        let reason = reason(&prove(&alteration.apply_to(tree.texts))?);
        let effect = reason.is_empty().then(|| Effect::of(tree, &alteration)).transpose()?;
        Ok(DrawnChange { topology: (*topology).clone(), extent, seed, alteration, reason, effect })
    });
    drawn.collect()
}

/// Prints a change that `prove` accepts and that has an effect, or whose verdict is wrong.
fn print_change(one: &DrawnChange) {
    let DrawnChange { topology, alteration, reason, .. } = one;
    let verdict = match &one.effect {
        _ if one.is_wrong() => "WRONG",
        Some(Effect::Open) => "open",
        _ => return,
    };
    println!("{verdict}  {topology}: {}", alteration.name);
    if let Some(Effect::Refused { program, output }) = &one.effect {
        println!("       {program}: {output}");
    }
    if !reason.is_empty() {
        println!("       prove: {reason}");
    }
}

/// The columns of the table.
const COLUMNS: [&str; 4] = ["refused", "no effect", "open", "wrong"];

/// The verdicts on each kind of change.
fn print_table(drawn: &[DrawnChange]) {
    let mut counts: BTreeMap<(Extent, &str), [usize; 4]> = BTreeMap::new();
    for one in drawn {
        let column = match &one.effect {
            _ if one.is_wrong() => 3,
            None => 0,
            Some(Effect::None) => 1,
            Some(_) => 2,
        };
        counts.entry((one.extent, one.alteration.kind)).or_default()[column] += 1;
    }
    let row = |extent: &str, kind: &str, cells: [String; 4]| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>11}")).collect();
        println!("{extent:12} {kind:32}{cells}");
    };
    println!();
    row("extent", "kind", COLUMNS.map(str::to_owned));
    for ((extent, kind), counts) in &counts {
        row(&extent.to_string(), kind, counts.map(|count| count.to_string()));
    }
    let sum = |column: usize| counts.values().map(|counts| counts[column]).sum::<usize>();
    row("all", "", [0, 1, 2, 3].map(|column| sum(column).to_string()));
}

fn prove(texts: &TreeTexts) -> Result<Proof> {
    Ok(judge::prove_with(texts, Some(&OfThisVersion))?)
}

/// Why a tree is refused; empty if it is proven.
fn reason(proof: &Proof) -> String {
    let cause = proof.failures.first().map(|failure| &failure.finding).or(proof.causes().next());
    cause.map_or_else(String::new, |finding| {
        let place = proof.paths.show(finding.place);
        format!("{}: {} ({place})", finding.code, finding.message)
    })
}
