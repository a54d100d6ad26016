//! How generating, checking and proving grow with the mesh, beside `cp -r` and `cat` of the same tree in
//! the same run.
//!
//! `cargo bench --bench scale` prints one line a size. Whole processes are timed, cold (into an empty
//! directory), unchanged (into its own output), `check` and `prove`; each figure is the median of
//! [`ROUNDS`], taken in turn; peak memory is the process's VmHWM. Then `check` alone is timed, of a
//! mesh behind NAT and of files of the largest size with as many errors as fit.
//! No duration is asserted: a busy machine must not fail a test.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints, or stops")]
#![expect(clippy::disallowed_types, reason = "a benchmark asks the clock")]

#[path = "../tests/it/mesh.rs"]
mod mesh;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use meshwright_compiler::document::LARGEST;
use tempfile::TempDir;

const SIZES: [u32; 4] = [4, 100, 300, 1000];
const ROUNDS: usize = 5;

fn main() {
    println!(
        "{:>6} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "nodes",
        "bytes",
        "cold",
        "MB/s",
        "peak",
        "unchanged",
        "peak",
        "check",
        "cp -r",
        "cold/cp",
        "prove",
        "peak",
        "cat"
    );
    for nodes in SIZES {
        measure(nodes);
    }
    println!("\n{:>26} {:>11} {:>9} {:>9}", "check", "bytes", "time", "peak");
    let many = mesh_of(1000);
    check("1000 nodes, 998 behind NAT", &behind_nat(&many), true);
    for (what, text) in damaged() {
        check(what, &text, false);
    }
}

/// A mesh at the provider with the largest limit of user-data: the firewall in it lists all nodes, and from about
/// 110 nodes on it is larger than the smallest limit.
fn mesh_of(nodes: u32) -> String {
    mesh::topology(1..=nodes).replace("endpoint = ", "provider = \"gcp\"\nendpoint = ")
}

/// The mesh with all nodes but the first two behind NAT. The two are the relays.
fn behind_nat(mesh: &str) -> String {
    let mut endpoints = 0;
    let lines = mesh.lines().map(|line| {
        endpoints += usize::from(line.starts_with("endpoint"));
        let is_hidden = line.starts_with("endpoint") && endpoints > 2;
        if is_hidden {
            format!("relay = \"node{}\"\n", 1 + endpoints % 2)
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

/// The slowest files of `tests/it/damaged.rs`, and names that no node has.
fn damaged() -> [(&'static str, String); 5] {
    let fill = |line: &str| line.repeat(LARGEST / line.len());
    let names = (1..=5000).map(|id| {
        format!("[[nodes]]\nname = \"n{id}\"\nid = {id}\nrole = \"worker\"\nrelay = \"m{id}\"\n")
    });
    let names = names.collect::<String>();
    let line = fill("{},");
    [
        ("empty tables", fill("[[nodes]]\n")),
        ("empty tables in one line", format!("nodes = [{}]", &line[..LARGEST - 16])),
        ("unknown keys", (0..80_000).map(|number| format!("k{number} = 1\n")).collect()),
        ("not TOML", fill("=\n")),
        (
            "unknown names",
            format!("[cluster]\nname = \"mesh\"\nkubernetes_version = \"1.36.3\"\n{names}"),
        ),
    ]
}

/// Times `check` of a text. `valid` is whether it has no error.
fn check(what: &str, text: &str, valid: bool) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let topology = folder.path().join("topology.toml");
    fs::write(&topology, text).expect("written");
    let rounds = (0..ROUNDS).map(|_| run(&topology, "check", valid)).collect();
    let Measured { time, peak } = median(rounds);
    println!("{what:>26} {:>11} {:>9} {:>9}", text.len(), seconds(time), megabytes(peak));
}

fn measure(nodes: u32) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let topology = folder.path().join("topology.toml");
    fs::write(&topology, mesh_of(nodes)).expect("written");
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round(folder.path(), &topology)).collect();
    let [cold, unchanged, check, copy, prove, read] =
        std::array::from_fn(|column| median(rounds.iter().map(|round| round[column]).collect()));
    let bytes = size(&folder.path().join("out"));
    let rate = bytes as f64 / 1e6 / cold.time.as_secs_f64();
    let ratio = cold.time.as_secs_f64() / copy.time.as_secs_f64();
    println!(
        "{nodes:>6} {bytes:>11} {:>9} {rate:>9.0} {:>9} {:>9} {:>9} {:>9} {:>8} {ratio:>9.2} {:>9} {:>9} {:>9}",
        seconds(cold.time),
        megabytes(cold.peak),
        seconds(unchanged.time),
        megabytes(unchanged.peak),
        seconds(check.time),
        seconds(copy.time),
        seconds(prove.time),
        megabytes(prove.peak),
        seconds(read.time)
    );
}

/// Cold, unchanged, `check`, `cp -r`, `prove` and `cat`, once each.
fn round(folder: &Path, topology: &Path) -> [Measured; 6] {
    let [out, copied] = ["out", "copy"].map(|name| folder.join(name));
    for stale in [&out, &copied] {
        if stale.exists() {
            fs::remove_dir_all(stale).expect("removed");
        }
    }
    let cold = run(topology, "generate", true);
    let unchanged = run(topology, "generate", true);
    let check = run(topology, "check", true);
    let copy = timed(Command::new("cp").arg("-r").arg(&out).arg(&copied), true);
    let prove = run(topology, "prove", true);
    let files = ["-type", "f", "-exec", "cat", "{}", "+"];
    let read = timed(Command::new("find").arg(&out).args(files), true);
    [cold, unchanged, check, copy, prove, read]
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

/// Runs a subcommand. `valid` is whether it must succeed.
fn run(topology: &Path, verb: &str, valid: bool) -> Measured {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    timed(command.arg(verb).arg("--quiet").arg("--topology").arg(topology), valid)
}

fn timed(command: &mut Command, succeeds: bool) -> Measured {
    let start = Instant::now();
    let streams = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = streams.spawn().expect("started");
    let peak = watch(&mut child);
    let time = start.elapsed();
    let success = child.wait().expect("reaped").success();
    assert_eq!(success, succeeds, "{command:?}");
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
