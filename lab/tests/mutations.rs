//! A sample of drawn changes ([`lab::alterations`]): no change that `prove` accepts is refused by the program
//! that reads the file, each one that has an effect is a known one with its reason, and `prove` refuses no
//! harmless one. The sample is the same in each run.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use lab::alterations::{AlterableTree, Alteration, Draw, Extent};
use lab::effect::Effect;
use lab::sandbox;
use lab::tree::committed;
use libtest_mimic::{Arguments, Failed, Trial};
use meshwright::fixed::OfThisVersion;
use meshwright_proof::judge;
use meshwright_proof::report::causes::causes;
use rayon::prelude::*;

/// The seed of the sample, and how many changes of each extent are drawn from each tree.
const SEED: u64 = 7;
const SAMPLE: [(Extent, u64); 3] =
    [(Extent::Single, 40), (Extent::Coordinated, 30), (Extent::Harmless, 30)];

/// Trees with clients and a tunnel, with relays and preshared keys, and with several control planes.
const TOPOLOGIES: [&str; 3] =
    ["topology.toml", "examples/relay-and-site/topology.toml", "examples/nixos/topology.toml"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    sandbox::main(&arguments, sandbox::SandboxUse::PerTrial, trials)
}

fn trials() -> Vec<Trial> {
    let trial = |topology: &'static str| {
        let run =
            move || judge_sample(topology).map_err(|error| Failed::from(format!("{error:#}")));
        Trial::test(format!("changes-of-{}", topology.replace('/', "-")), run)
    };
    TOPOLOGIES.into_iter().map(trial).collect()
}

/// Judges the sample of one tree, and fails with all wrong verdicts at once.
fn judge_sample(topology: &str) -> Result<()> {
    let texts = committed(topology)?;
    let tree = AlterableTree::new(&texts);
    let numbers = SAMPLE.into_iter().flat_map(|(extent, count)| {
        (0..count).map(move |number| (extent, Draw::seed_of(SEED, number)))
    });
    let all: Vec<_> = numbers.collect();
    let wrong: Vec<_> = all
        .into_par_iter()
        .map(|(extent, seed)| wrong_verdict(&tree, extent, seed))
        .collect::<Result<_>>()?;
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    let advice = "an accepted change that breaks something is a hole in the proof; one that breaks \
                  nothing belongs to lab/src/effect/known.rs, with its reason";
    ensure!(wrong.is_empty(), "{topology}: {advice}:\n{}", wrong.join("\n"));
    Ok(())
}

/// The description of a change on which `prove` and the other judges differ.
fn wrong_verdict(tree: &AlterableTree<'_>, extent: Extent, seed: u64) -> Result<Option<String>> {
    let alteration = Alteration::draw(tree, extent, seed).context("nothing can be changed")?;
    let proof = judge::prove_with(&alteration.apply_to(tree.texts), Some(&OfThisVersion))?;
    let name = format!("{extent}: {}", alteration.name);
    if !proof.holds() {
        let refused = format!("{name}\n  prove refuses it: {:#?}", causes(&proof));
        return Ok((extent == Extent::Harmless).then_some(refused));
    }
    Ok(match Effect::of(tree, &alteration)? {
        Effect::None => None,
        Effect::Open => Some(format!("{name}\n  prove accepts it, and it has an effect")),
        Effect::Refused { program, output } => {
            Some(format!("{name}\n  prove accepts it, and {program} refuses it: {output}"))
        }
    })
}
