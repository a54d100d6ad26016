//! Damaged trees, judged by the program as a process: it ends, within a limit of memory, and names a line.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]
#![expect(clippy::disallowed_methods, reason = "environment variables set the size of the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde_json::Value;
use tempfile::TempDir;

use crate::damage::{self, Damaged};
use crate::json_schema;
use crate::program;
use crate::seed::Seed;
use crate::testing::{self, repository};
use meshwright_proof::report::schema;

/// How many trees are damaged; `MESHWRIGHT_DAMAGED_TREES` sets another number, and
/// `MESHWRIGHT_DAMAGED_PROGRAM` another program than the test build.
const TREES: u64 = 60;

/// The address space of the program, in KiB. It includes the stacks and heaps that each thread reserves
/// and does not use: the memory that is used is less than a fifth of it.
const ADDRESS_SPACE: u64 = 1 << 20;

/// The size of the report, in KiB: a report that repeats a large file in each line fills a disk.
const REPORT: u64 = 16 << 10;

fn environment(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// A tree on disk.
struct WrittenTree {
    folder: TempDir,
    files: BTreeMap<String, Vec<u8>>,
}

impl WrittenTree {
    /// The tree of the repository's topology, as `generate` writes it.
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let out = folder.path().join("out");
        let topology = repository().join("topology.toml");
        let (code, stderr) = program::ended(&mut program::generate(&topology, &out));
        assert_eq!(code, Some(0), "{stderr}");
        let files = testing::read(&out).into_iter();
        let files = files.filter_map(|(path, entry)| Some((path, entry.bytes?))).collect();
        Self { folder, files }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn file(&self, path: &str) -> PathBuf {
        self.out().join(path)
    }

    fn damage(&self, path: &str, damaged: &Damaged) {
        let file = self.file(path);
        match damaged {
            Damaged::Bytes(bytes) => fs::write(file, bytes).expect("written"),
            Damaged::Symlink(target) => {
                fs::remove_file(&file).expect("removed");
                symlink(target, file).expect("made");
            }
            Damaged::Folder => {
                fs::remove_file(&file).expect("removed");
                fs::create_dir(&file).expect("made");
                fs::write(file.join("file"), "x").expect("written");
            }
        }
    }

    fn restore(&self, path: &str) {
        let file = self.file(path);
        let is_folder = file.symlink_metadata().expect("there").is_dir();
        let removed = if is_folder { fs::remove_dir_all(&file) } else { fs::remove_file(&file) };
        removed.expect("removed");
        fs::write(file, &self.files[path]).expect("written");
    }

    fn prove(&self, program: &str) -> Judgement {
        // bash counts the size of files in KiB, and dash in blocks of 512 bytes.
        let limited = format!("ulimit -v {ADDRESS_SPACE} -f {REPORT}; exec \"$@\"");
        let topology = repository().join("topology.toml");
        let path = self.folder.path().join("report.json");
        let report = fs::File::create(&path).expect("created");
        let mut command = Command::new("bash");
        command.args(["-c", &limited, "bash", program, "prove", "--format", "json", "--topology"]);
        command.arg(topology).arg("--out").arg(self.out());
        let output = command.stdout(report).output().expect("started");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Judgement { status: output.status, stderr, report: fs::read(path).expect("readable") }
    }
}

/// What the program says about a tree.
struct Judgement {
    status: ExitStatus,
    stderr: String,
    report: Vec<u8>,
}

/// The files of one machine of each kind, and those of no machine.
fn is_representative(path: &str) -> bool {
    let (kind, rest) = path.split_once('/').unwrap_or(("", path));
    match kind {
        "nodes" => rest.starts_with("hongkong/") || rest.starts_with("home/"),
        "clients" => rest.starts_with("laptop/"),
        _ => true,
    }
}

/// The faults of a report: each names an existing line.
fn faults_of_report(judgement: &Judgement, folder: &Path) -> Vec<String> {
    let Judgement { status, stderr, report } = judgement;
    let Ok(report) = serde_json::from_slice::<Value>(report) else {
        return vec![format!("{status:?}, no JSON: {stderr:.300}")];
    };
    let holds = report["holds"].as_bool().expect("the verdict");
    let code = status.code();
    let mut faults = json_schema::faults(&schema::documents(), &report);
    if code != Some(if holds { 0 } else { 1 }) {
        faults.push(format!("exit code {code:?}, and `holds` is {holds}: {stderr:.300}"));
    }
    let causes = report["causes"].as_array().expect("the causes");
    if causes.is_empty() != holds {
        faults.push(format!("{} causes, and `holds` is {holds}", causes.len()));
    }
    for cause in causes {
        let path = cause["file"].as_str().expect("a file");
        let file = folder.join(path);
        // A symlink may lead to a device that never ends.
        let is_file = file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        let bytes = if is_file { fs::read(file).expect("readable") } else { Vec::new() };
        let lines = String::from_utf8_lossy(&bytes).lines().count() as u64;
        // The fault of a file that ends too early is in the line after its last.
        if cause["line"].as_u64().expect("a line") > lines + 1 {
            faults.push(format!("{path} has {lines} lines: {:.300}", cause.to_string()));
        }
    }
    faults
}

/// Lines without comments and empty ones, in any order, each once.
fn statements(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    // `;` begins a comment of DNS records.
    let is_comment = |line: &str| line.starts_with(['#', ';']);
    lines.filter(|line| !line.is_empty() && !is_comment(line)).map(str::to_owned).collect()
}

/// Why a damage may have no effect; none if it must be refused.
fn harmless(path: &str, before: &[u8], after: &Damaged) -> Option<&'static str> {
    let Damaged::Bytes(after) = after else { return None };
    match path {
        "README.md" => Some("only people read it"),
        _ if statements(before) == statements(after) => Some("comments, order or repetition"),
        _ if path.ends_with("/nftables.conf") && rules(before) == rules(after) => {
            Some("nft prints the text of a comment, and nothing else reads it")
        }
        "cluster/apply.sh" if without_urls(before) == without_urls(after) => {
            Some("a topology can name any source of a download, whose checksum apply.sh compares")
        }
        _ if is_object_or_patch(path) && after.strip_prefix(b"\xef\xbb\xbf") == Some(before) => {
            Some(
                "YAML allows a byte order mark (1.2, 5.2); kubectl and kubeadm 1.37.2 read it, tried",
            )
        }
        _ => None,
    }
}

fn without_urls(script: &[u8]) -> BTreeSet<String> {
    let mut statements = statements(script);
    statements.retain(|line| !line.starts_with("url["));
    statements
}

/// Whether kubectl reads a file, or kubeadm as a patch.
fn is_object_or_patch(path: &str) -> bool {
    (path.starts_with("cluster/") || path.contains("/patches/")) && path.ends_with(".yaml")
}

/// The text of a firewall without the texts of its comments, which are in quotes.
fn rules(firewall: &[u8]) -> String {
    let text = String::from_utf8_lossy(firewall);
    let mut parts = text.split("comment \"");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('"').map_or(part, |(_, rest)| rest));
    std::iter::once(first.as_str()).chain(rest).collect()
}

/// The first line that differs.
fn first_difference(before: &[u8], after: &Damaged) -> String {
    let Damaged::Bytes(after) = after else { return "another kind of file".to_owned() };
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let mut pairs = after.lines().zip(before.lines());
    let line = pairs.find(|(after, before)| after != before).map(|(after, _)| after);
    format!("`{}`", line.unwrap_or("fewer lines").trim())
}

#[test]
fn trees_that_are_damaged_by_seed_are_judged() {
    let trees = environment("MESHWRIGHT_DAMAGED_TREES", &TREES.to_string());
    let program = environment("MESHWRIGHT_DAMAGED_PROGRAM", env!("CARGO_BIN_EXE_meshwright"));
    let tree = WrittenTree::new();
    let sound = tree.prove(&program);
    assert_eq!(sound.status.code(), Some(0), "{}", sound.stderr);
    let paths: Vec<_> = tree.files.keys().filter(|path| is_representative(path)).collect();
    let mut faults = Vec::new();
    for number in 0..trees.parse().expect("a number of trees") {
        let mut seed = Seed::new(number);
        let path = paths[seed.below(paths.len())];
        let bytes = &tree.files[path];
        let (kind, damaged) = if number % 2 == 0 {
            let (kind, bytes) = damage::of_disk(bytes, &mut seed);
            (kind, Damaged::Bytes(bytes))
        } else {
            damage::of_attacker(path, bytes, &mut seed)
        };
        tree.damage(path, &damaged);
        let judgement = tree.prove(&program);
        let mut found = faults_of_report(&judgement, &tree.out());
        if judgement.status.success() && harmless(path, bytes, &damaged).is_none() {
            found.push(format!("it holds with {}", first_difference(bytes, &damaged)));
        }
        tree.restore(path);
        faults.extend(
            found.into_iter().map(|fault| format!("seed {number}: {path}, {kind}: {fault}")),
        );
    }
    assert!(faults.is_empty(), "{} trees:\n{}", faults.len(), faults.join("\n"));
}
