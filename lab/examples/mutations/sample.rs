//! A sample of the changes: the verdicts of the lab and of `prove`.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, anyhow, ensure};
use lab::alterations::Alteration;
use lab::sandbox;
use lab::scenario::{self, repository};
use lab::tree::LabTree;
use lab::verdict;

use crate::options::{MutationOptions, ProveVerdict};
use crate::prove;

/// What the process in the sandbox prints for a tree that passes all checks.
const PASSES: &str = "passes";

/// A change, and why `prove` refuses it; empty if it is proven.
struct SampledChange {
    alteration: Alteration,
    reason: String,
}

/// Runs a sample, prints both verdicts of each change, and returns how many differ.
pub(crate) fn run(options: &MutationOptions) -> Result<usize> {
    let drawn = draw(options)?;
    let next = AtomicUsize::new(0);
    let differ = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(one) = drawn.get(next.fetch_add(1, Ordering::Relaxed)) {
            let lab = run_in_lab(&options.topology, &one.alteration.name())?;
            if print_verdicts(one, &lab) {
                differ.fetch_add(1, Ordering::Relaxed);
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
    let count = differ.into_inner();
    println!("{count} of {} changes of {} differ", drawn.len(), options.topology);
    Ok(count)
}

/// The first changes in an order that depends on the seed alone.
fn draw(options: &MutationOptions) -> Result<Vec<SampledChange>> {
    let original = LabTree::compile_as_written(&repository().join(&options.topology))?;
    let mut all: Vec<_> = (0..).zip(Alteration::all(&original)).collect();
    all.sort_by_key(|(position, _)| mix(options.seed.wrapping_add(mix(*position))));
    let mut drawn = Vec::new();
    for (_, alteration) in all {
        if drawn.len() == options.count {
            break;
        }
        let reason = crate::reason(&prove(&alteration.apply_to(&original))?);
        let verdict = if reason.is_empty() { ProveVerdict::Holds } else { ProveVerdict::Refused };
        if options.only.is_none_or(|only| only == verdict) {
            drawn.push(SampledChange { alteration, reason });
        }
    }
    Ok(drawn)
}

/// `SplitMix64`'s mixing function (Steele, Lea and Flood, OOPSLA 2014).
const fn mix(number: u64) -> u64 {
    let a = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}

/// Starts a sandbox for one change, and returns the lab's verdict.
fn run_in_lab(topology: &str, name: &str) -> Result<String> {
    let mut inside = sandbox::start([topology, name].map(str::to_owned), Stdio::piped)?;
    let _lifeline = inside.stdin.take();
    let output = inside.wait_with_output()?;
    let failed = || format!("{name}: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), failed());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Brings a changed tree up inside a sandbox, and prints the lab's verdict.
pub(crate) fn judge_inside(topology: &str, name: &str) -> Result<()> {
    sandbox::enter()?;
    let original = LabTree::compile_with_new_keys(&repository().join(topology))?;
    let tree = Alteration::find(&original, name)?.apply_to(&original);
    match verdict::find_refusal(scenario::for_topology(topology)?, tree) {
        None => println!("{PASSES}"),
        Some(refusal) => println!("{}: {}", refusal.check, refusal.reason),
    }
    Ok(())
}

/// Prints both verdicts, and returns whether they differ.
fn print_verdicts(one: &SampledChange, lab: &str) -> bool {
    let SampledChange { alteration, reason } = one;
    let verdict = match (lab == PASSES, reason.is_empty()) {
        (true, true) => "both hold",
        (false, false) => "both refuse",
        (true, false) => "PROVE ALONE",
        (false, true) => "LAB ALONE",
    };
    println!(
        "{verdict:12} {}: {}\n    lab    {lab}\n    prove  {reason}",
        alteration.name(),
        alteration.original
    );
    (lab == PASSES) != reason.is_empty()
}
