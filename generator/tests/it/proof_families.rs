//! Every byte of every example's tree is accounted for: a file that is deleted, emptied or garbled, a line
//! that is gone and a value that is another are refused, or are on a short list with the reason.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

mod sound;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZero;
use std::ops::Range;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use walkdir::WalkDir;

use self::sound::reason;
use crate::proof::{Files, prove};
use crate::testing::{examples, repository};
use meshwright::fixed::OfThisVersion;
use meshwright_proof::families::family;
use meshwright_proof::files::{OutputDirectory, TreeFiles, TreeReadError};
use meshwright_proof::judge;

/// One change of one file. Lines are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Deleted,
    Emptied,
    /// This line is replaced by other bytes.
    Garbled(usize),
    /// This line is gone.
    WithoutLine(usize),
    /// This number or word of this line has another value.
    OtherValue(usize, usize),
}

/// The committed tree of one example.
struct CommittedTree {
    topology: String,
    interface: String,
    files: Files,
}

/// Files as `generate` leaves them: with a manifest.
struct WrittenTree<'a>(&'a Files);

impl TreeFiles for WrittenTree<'_> {
    fn paths(&self) -> Result<Vec<String>, TreeReadError> {
        self.0.paths()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        self.0.read(path)
    }

    fn needs_manifest(&self) -> bool {
        true
    }
}

fn holds(files: &Files) -> bool {
    let proof = judge::prove_with(&WrittenTree(files), Some(&OfThisVersion));
    proof.expect("files in memory can be read").holds()
}

/// One change of one tree.
#[derive(Debug, Clone, Copy)]
struct Trial<'a> {
    tree: &'a CommittedTree,
    path: &'a str,
    pattern: &'static str,
    damage: Damage,
}

impl CommittedTree {
    /// The files of `out/` beside a topology, with the manifest.
    fn of(topology: String) -> Self {
        let out = repository().join(&topology).with_file_name("out");
        let entries = WalkDir::new(&out).into_iter().map(|entry| entry.expect("it can be listed"));
        let named = entries.filter(|entry| entry.file_type().is_file()).map(|entry| {
            let path = entry.path().strip_prefix(&out).expect("it is below").display().to_string();
            (path, fs::read_to_string(entry.path()).expect("each file is text"))
        });
        let files: Files = named.collect();
        let routes = files.keys().find_map(|path| path.strip_suffix(".routes")?.split('/').nth(2));
        let interface = routes.expect("a node has routes").to_owned();
        Self { topology, interface, files }
    }

    /// The trees of all examples, each of which is proven.
    fn all() -> Vec<Self> {
        let trees: Vec<_> = examples().into_iter().map(Self::of).collect();
        for tree in &trees {
            assert!(holds(&tree.files), "{} is not proven", tree.topology);
        }
        trees
    }

    fn trial<'a>(&'a self, path: &'a str, damage: Damage) -> Trial<'a> {
        let pattern = family(path, &self.interface).expect(path).pattern;
        Trial { tree: self, path, pattern, damage }
    }
}

impl std::fmt::Debug for CommittedTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.topology)
    }
}

impl<'a> Trial<'a> {
    fn text(&self) -> &'a str {
        &self.tree.files[self.path]
    }

    /// The line that is changed, without its end.
    fn line(&self) -> &'a str {
        match self.damage {
            Damage::Deleted | Damage::Emptied => "",
            Damage::Garbled(line) | Damage::WithoutLine(line) | Damage::OtherValue(line, _) => {
                self.text().lines().nth(line).unwrap_or_default()
            }
        }
    }

    /// The changed text of the file; none if it is deleted.
    fn changed(&self) -> Option<String> {
        let mut lines: Vec<_> = self.text().split_inclusive('\n').map(str::to_owned).collect();
        match self.damage {
            Damage::Deleted => return None,
            Damage::Emptied => lines.clear(),
            Damage::Garbled(line) => "\u{1}x7~{]\u{fffd}\"'%\n".clone_into(&mut lines[line]),
            Damage::WithoutLine(line) => drop(lines.remove(line)),
            Damage::OtherValue(line, number) => {
                lines[line] = with_other_value(&lines[line], number)
            }
        }
        Some(lines.concat())
    }

    /// The changed line.
    fn changed_line(&self) -> String {
        let Damage::OtherValue(line, number) = self.damage else { return String::new() };
        with_other_value(self.text().lines().nth(line).unwrap_or_default(), number)
    }

    /// What the list must contain, if the proof accepts the change.
    fn accepted(&self) -> Option<String> {
        let changed = self.changed();
        if changed.as_deref() == Some(self.text()) || reason(self).is_some() {
            return None;
        }
        let mut files = self.tree.files.clone();
        match changed {
            Some(text) => drop(files.insert(self.path.to_owned(), text)),
            None => drop(files.remove(self.path)),
        }
        holds(&files).then(|| {
            let Self { tree, path, damage, .. } = self;
            let (line, becomes) = (self.line(), self.changed_line());
            format!("{} {path}: {damage:?} `{line}` `{becomes}`", tree.topology)
        })
    }
}

/// The words and numbers of a line that are not in a comment, as ranges of bytes.
fn values(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begin = None;
    let comments = ["#", ";", " comment \""].map(|begin| line.find(begin).unwrap_or(line.len()));
    let end = comments.into_iter().min().unwrap_or(line.len());
    for (position, character) in line[..end].char_indices().chain([(end, ' ')]) {
        match (character.is_ascii_alphanumeric(), begin) {
            (true, None) => begin = Some(position),
            (false, Some(start)) => {
                found.push(start..position);
                begin = None;
            }
            _ => {}
        }
    }
    found
}

/// A number becomes the next one, and the first letter of a word another letter.
fn with_other_value(line: &str, number: usize) -> String {
    let range = values(line)[number].clone();
    let value = &line[range.clone()];
    let other = match value.parse::<u64>() {
        Ok(number) => (number + 1).to_string(),
        Err(_) => {
            let first = if value.starts_with('q') { 'k' } else { 'q' };
            format!("{first}{}", &value[1..])
        }
    };
    format!("{}{other}{}", &line[..range.start], &line[range.end..])
}

/// Proves all changed trees, on all cores, and returns those that are accepted.
fn accepted(trials: &[Trial<'_>]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let work = || {
        while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(one) = trial.accepted() {
                found.lock().expect("no thread panics").push(one);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(2, NonZero::get);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut found = found.into_inner().expect("no thread panics");
    found.sort();
    found
}

/// A generator of numbers: Knuth's MMIX constants.
struct LineSeed(u64);

impl LineSeed {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit.max(1)
    }
}

/// Files of one family with the same text are tried in one tree.
fn distinct(trees: &[CommittedTree]) -> Vec<Trial<'_>> {
    let mut known = BTreeSet::new();
    let all = trees.iter().flat_map(|tree| tree.files.keys().map(move |path| (tree, path)));
    let trials = all.map(|(tree, path)| tree.trial(path, Damage::Deleted));
    trials.filter(|trial| known.insert((trial.pattern, trial.text()))).collect()
}

/// How many changes of whole files are tried: about a third.
const FILES: usize = 300;
/// How many lines are tried by each test.
const LINES: usize = 600;

/// Some changes by seed. `MESHWRIGHT_CHANGED_LINES=all` tries every change, and a number that many.
fn sample<'a>(mut trials: Vec<Trial<'a>>, count: usize) -> Vec<Trial<'a>> {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test")]
    let wanted = std::env::var("MESHWRIGHT_CHANGED_LINES").ok();
    let count = match wanted.as_deref() {
        Some("all") => trials.len(),
        Some(number) => number.parse().expect("a number of lines, or `all`"),
        None => count,
    };
    let mut seed = LineSeed(16);
    for position in (1..trials.len()).rev() {
        trials.swap(position, seed.below(position + 1));
    }
    // Each family has as many as the others, as long as it has any.
    let mut of_family: BTreeMap<_, usize> = BTreeMap::new();
    let turns = trials.into_iter().map(|trial| {
        let turn = of_family.entry(trial.pattern).or_default();
        *turn += 1;
        (*turn, trial)
    });
    let mut in_turns: Vec<_> = turns.collect();
    in_turns.sort_by_key(|(turn, _)| *turn);
    in_turns.into_iter().map(|(_, trial)| trial).take(count).collect()
}

#[test]
fn a_file_that_is_deleted_emptied_or_garbled_is_refused() {
    let trees = CommittedTree::all();
    let mut trials = Vec::new();
    for trial in distinct(&trees) {
        let middle = trial.text().lines().count() / 2;
        trials.push(trial);
        trials.push(Trial { damage: Damage::Emptied, ..trial });
        if !trial.text().is_empty() {
            trials.push(Trial { damage: Damage::Garbled(middle), ..trial });
        }
    }
    let found = accepted(&sample(trials, FILES));
    assert!(found.is_empty(), "not refused: {found:#?}");
}

#[test]
fn a_line_that_is_deleted_is_refused() {
    let trees = CommittedTree::all();
    let mut known = BTreeSet::new();
    let mut trials = Vec::new();
    for trial in distinct(&trees) {
        let lines: Vec<_> = trial.text().lines().collect();
        for number in 0..lines.len() {
            // The same line between the same lines, in another tree, is not tried again.
            let numbers = [number.checked_sub(1), Some(number), Some(number + 1)];
            let around = numbers.map(|number| lines.get(number?).copied());
            if known.insert((trial.pattern, around)) {
                trials.push(Trial { damage: Damage::WithoutLine(number), ..trial });
            }
        }
    }
    let found = accepted(&sample(trials, LINES));
    assert!(found.is_empty(), "not refused: {found:#?}");
}

#[test]
fn a_value_that_is_another_is_refused() {
    let trees = CommittedTree::all();
    let mut seed = LineSeed(17);
    let mut trials = Vec::new();
    for trial in distinct(&trees) {
        for (number, line) in trial.text().lines().enumerate() {
            let count = values(line).len();
            if count > 0 {
                let damage = Damage::OtherValue(number, seed.below(count));
                trials.push(Trial { damage, ..trial });
            }
        }
    }
    let found = accepted(&sample(trials, LINES));
    assert!(found.is_empty(), "not refused: {found:#?}");
}

/// What is on the short list because only the next `generate` reads it is named as edited.
#[test]
fn what_only_generate_reads_is_named_as_edited() {
    let tree = CommittedTree::of("topology.toml".to_owned());
    let listed = tree.files["manifest.json"].lines().position(|line| line.contains("host/hosts"));
    let damage = Damage::WithoutLine(listed.expect("it is listed"));
    for (path, damage, edited) in
        [("manifest.json", damage, "host/hosts"), ("README.md", Damage::Emptied, "README.md")]
    {
        let mut files = tree.files.clone();
        let changed = tree.trial(path, damage).changed().expect("it is not deleted");
        files.insert(path.to_owned(), changed);
        let proof = prove(&files);
        let named: Vec<_> = proof.edited.iter().map(|file| proof.paths.path(*file)).collect();
        assert_eq!(named, [edited], "{path}");
    }
}

/// A path, what is done to it on disk, and the message of the finding.
type DiskDamage<'a> = (&'a str, &'a dyn Fn(&str), &'a str);

/// Entries of a directory that files in memory do not have.
#[test]
fn an_entry_that_is_no_file_of_the_tree_is_refused() {
    let tree = CommittedTree::of("examples/minimal/topology.toml".to_owned());
    let directory = tempfile::tempdir().expect("a folder");
    let out = directory.path();
    let write = || {
        for (path, text) in &tree.files {
            let file = out.join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("created");
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            let _ = fs::remove_file(&file);
            fs::write(&file, text).expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
        }
    };
    let linked = |path: &str| {
        let _ = fs::remove_file(out.join(path));
        symlink("installation.yaml", out.join(path)).expect("linked");
    };
    let no_file = "this is a symlink or a device: it is not read";
    let unknown = "no program of the cluster reads a file of this path";
    let damages: [DiskDamage<'_>; 8] = [
        ("cluster/calico/felix.yaml", &linked, no_file),
        ("cluster/calico/deny.yaml", &linked, no_file),
        (
            "host/guards.routes",
            &|path| {
                fs::remove_file(out.join(path)).expect("removed");
                symlink("/dev/zero", out.join(path)).expect("linked");
            },
            no_file,
        ),
        (
            "host/systemd",
            &|path| {
                fs::remove_dir_all(out.join(path)).expect("removed");
                symlink("containerd", out.join(path)).expect("linked");
            },
            no_file,
        ),
        ("cluster/.deny.yaml", &|path| fs::write(out.join(path), "").expect("written"), unknown),
        (
            "nodes/alpha/host/x",
            &|path| {
                fs::create_dir(out.join("nodes/alpha/host")).expect("created");
                fs::write(out.join(path), "").expect("written");
            },
            unknown,
        ),
        (
            "manifest.json",
            &|path| fs::remove_file(out.join(path)).expect("removed"),
            "the file is missing",
        ),
        (
            "cluster/apply.sh",
            &|path| {
                let plain = fs::Permissions::from_mode(0o644);
                fs::set_permissions(out.join(path), plain).expect("set");
            },
            "it cannot be executed: an operator runs it from this folder",
        ),
    ];
    let prove =
        || judge::prove_with(&OutputDirectory(out), Some(&OfThisVersion)).expect("readable");
    for (path, damage, message) in damages {
        write();
        fs::create_dir_all(out.join(".staging/x")).expect("created");
        fs::write(out.join("cluster/.gitkeep"), "").expect("written");
        assert!(prove().holds(), "{path}: the whole tree");
        damage(path);
        let proof = prove();
        let found = proof.causes().map(|cause| (proof.paths.show(cause.place), &cause.message));
        let found: Vec<_> = found.collect();
        assert!(found.iter().any(|(at, said)| at == path && *said == message), "{path}: {found:?}");
        fs::remove_dir_all(out).expect("removed");
    }
}

#[test]
fn a_file_that_no_program_reads_is_refused() {
    let tree = CommittedTree::of("topology.toml".to_owned());
    for path in ["cluster/calico/deny.yaml", "host/99-sysctl.conf", "nodes/tokyo/wg1.conf", "x"] {
        let mut further = tree.files.clone();
        further.insert(path.to_owned(), "kind: GlobalNetworkPolicy\n".to_owned());
        let proof = prove(&further);
        let causes: Vec<_> = proof.causes().collect();
        let message = "no program of the cluster reads a file of this path";
        assert_eq!(causes.len(), 1, "{path}: {causes:?}");
        assert_eq!(causes[0].message, message, "{path}");
        assert_eq!(proof.paths.show(causes[0].place), path);
        assert_eq!(proof.edited.len(), 1, "{path} is not in the manifest");
    }
}
