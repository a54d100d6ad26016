//! How generating and checking grow with the mesh, beside `cp -r` of the same tree in the same run.
//!
//! `cargo bench --bench scale` prints one line a size. Whole processes are timed, cold (into an empty
//! directory), unchanged (into its own output) and `check`; each figure is the median of
//! [`ROUNDS`], taken in turn; peak memory is the process's VmHWM.
//! Nothing is asserted here: a busy machine must not fail a test.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints, or stops")]
#![expect(clippy::disallowed_types, reason = "a benchmark asks the clock")]

#[path = "../tests/it/mesh.rs"]
mod mesh;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const SIZES: [u32; 4] = [4, 100, 300, 1000];
const ROUNDS: usize = 5;

fn main() {
    println!(
        "{:>6} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9}",
        "nodes", "bytes", "cold", "MB/s", "peak", "unchanged", "peak", "check", "cp -r", "cold/cp"
    );
    for nodes in SIZES {
        measure(nodes);
    }
}

fn measure(nodes: u32) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let topology = folder.path().join("topology.toml");
    fs::write(&topology, mesh::topology(1..=nodes)).expect("written");
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round(folder.path(), &topology)).collect();
    let [cold, unchanged, check, copy] =
        std::array::from_fn(|column| median(rounds.iter().map(|round| round[column]).collect()));
    let bytes = size(&folder.path().join("out"));
    let rate = bytes as f64 / 1e6 / cold.time.as_secs_f64();
    let ratio = cold.time.as_secs_f64() / copy.time.as_secs_f64();
    println!(
        "{nodes:>6} {bytes:>11} {:>9} {rate:>9.0} {:>9} {:>9} {:>9} {:>9} {:>8} {ratio:>9.2}",
        seconds(cold.time),
        megabytes(cold.peak),
        seconds(unchanged.time),
        megabytes(unchanged.peak),
        seconds(check.time),
        seconds(copy.time)
    );
}

/// Cold, unchanged, `check` and `cp -r`, once each.
fn round(folder: &Path, topology: &Path) -> [Measured; 4] {
    let [out, copied] = ["out", "copy"].map(|name| folder.join(name));
    for stale in [&out, &copied] {
        if stale.exists() {
            fs::remove_dir_all(stale).expect("removed");
        }
    }
    let cold = run(topology, "generate");
    let unchanged = run(topology, "generate");
    let check = run(topology, "check");
    let copy = timed(Command::new("cp").arg("-r").arg(&out).arg(&copied));
    [cold, unchanged, check, copy]
}

fn median(mut measured: Vec<Measured>) -> Measured {
    measured.sort_by_key(|one| one.time);
    measured[measured.len() / 2]
}

#[derive(Clone, Copy)]
struct Measured {
    time: Duration,
    /// KiB.
    peak: u64,
}

fn run(topology: &Path, verb: &str) -> Measured {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    timed(command.arg(verb).arg("--quiet").arg("--topology").arg(topology))
}

fn timed(command: &mut Command) -> Measured {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("started");
    let peak = watch(&mut child);
    let time = start.elapsed();
    assert!(child.wait().expect("reaped").success(), "{command:?} failed");
    Measured { time, peak }
}

/// Waits for the child and returns its peak resident memory in KiB, as far as it was seen.
fn watch(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("waited").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = size.unwrap_or(peak);
        std::thread::sleep(Duration::from_micros(500));
    }
    peak
}

fn size(path: &Path) -> u64 {
    let metadata = fs::symlink_metadata(path).expect("there");
    if metadata.is_file() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).expect("a folder");
    entries.map(|entry| size(&entry.expect("an entry").path())).sum()
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

fn megabytes(kib: u64) -> String {
    format!("{:.0} MB", kib as f64 / 1024.0)
}
