//! The verdicts of the lab on drawn changes.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use lab::alterations::{AlterableTree, Alteration, Extent};
use lab::effect::Effect;
use lab::sandbox;
use lab::scenario::{self, repository};
use lab::tree::LabTree;
use lab::verdict;

use crate::DrawnChange;
use crate::options::{MutationOptions, ProveVerdict};

/// What the process in the sandbox prints for a tree that passes all checks.
const PASSES: &str = "passes";

/// Runs the changes in the lab, prints both verdicts of each, and returns how many the lab alone refuses.
pub(crate) fn run(options: &MutationOptions, drawn: &[DrawnChange]) -> Result<usize> {
    let has_scenario = |one: &&DrawnChange| scenario::for_topology(&one.topology).is_ok();
    let is_open =
        |one: &&DrawnChange| one.effect.as_ref().is_none_or(|effect| *effect == Effect::Open);
    let chosen = drawn.iter().filter(|one| one.verdict() == options.only && is_open(one));
    let chosen = chosen.filter(has_scenario);
    let chosen: Vec<_> = chosen.collect();
    let next = AtomicUsize::new(0);
    let refused_by_lab = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(one) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            let lab = run_in_lab(one)?;
            if print_verdicts(one, &lab) {
                refused_by_lab.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..options.at_once).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Result<()>>| {
            worker.join().map_err(|_| anyhow!("a thread panicked"))?
        };
        workers.into_iter().try_for_each(join)
    })?;
    let count = refused_by_lab.into_inner();
    println!("the lab alone refuses {count} of {} changes", chosen.len());
    Ok(count)
}

/// Starts a sandbox for one change, and returns the lab's verdict.
fn run_in_lab(one: &DrawnChange) -> Result<String> {
    let arguments = [one.topology.clone(), one.extent.to_string(), one.seed.to_string()];
    let mut inside = sandbox::start(arguments, Stdio::piped)?;
    let _lifeline = inside.stdin.take();
    let output = inside.wait_with_output()?;
    let name = &one.alteration.name;
    let failed = || format!("{name}: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), failed());
    let stdout = String::from_utf8_lossy(&output.stdout);
    let (drawn, verdict) = stdout.trim().split_once('\n').with_context(failed)?;
    ensure!(drawn == name, "inside the sandbox, {drawn} was drawn instead of {name}");
    Ok(verdict.to_owned())
}

/// Draws a change again for a tree with new keys, brings it up, and prints its name and the lab's verdict.
pub(crate) fn judge_inside(topology: &str, extent: &str, seed: &str) -> Result<()> {
    sandbox::enter()?;
    let original = LabTree::compile_with_new_keys(&repository().join(topology))?;
    let extent = match extent {
        "single" => Extent::Single,
        "coordinated" => Extent::Coordinated,
        "harmless" => Extent::Harmless,
        _ => bail!("{extent} is not an extent"),
    };
    let drawn = Alteration::draw(&AlterableTree::new(&original.files), extent, seed.parse()?);
    let alteration = drawn.context("nothing can be changed")?;
    println!("{}", alteration.name);
    let mut tree = original.clone();
    tree.files = alteration.apply_to(&original.files);
    match verdict::find_refusal(scenario::for_topology(topology)?, tree) {
        None => println!("{PASSES}"),
        Some(refusal) => println!("{}: {}", refusal.check, refusal.reason),
    }
    Ok(())
}

/// Prints both verdicts, and returns whether the lab alone refuses the change.
fn print_verdicts(one: &DrawnChange, lab: &str) -> bool {
    let verdict = match (lab == PASSES, one.verdict()) {
        (true, ProveVerdict::Holds) => "both hold",
        (false, ProveVerdict::Refused) => "both refuse",
        (true, ProveVerdict::Refused) => "PROVE ALONE",
        (false, ProveVerdict::Holds) => "LAB ALONE",
    };
    println!(
        "{verdict:12} {}: {}\n    lab    {lab}\n    prove  {}",
        one.topology, one.alteration.name, one.reason
    );
    verdict == "LAB ALONE"
}
