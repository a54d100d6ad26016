//! The output directory: which files are written, refused and left unchanged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::thread;

use meshwright_compiler::artifact::{ArtifactSet, Tree};
use meshwright_compiler::out::{self, Changes, Obstacle, Options, OutError};
use meshwright_value::Sha256;
use tempfile::TempDir;

const FORCE: Options = Options { force: true, adopt: true };
const GENTLE: Options = Options { force: false, adopt: true };

/// A tree in memory: a part for each file.
struct Files(Vec<(&'static str, &'static str)>);

impl Tree for Files {
    fn parts(&self) -> usize {
        self.0.len()
    }

    fn render(&self, part: usize) -> ArtifactSet {
        let mut set = ArtifactSet::default();
        let (path, text) = self.0[part];
        set.add(path, text);
        set
    }
}

fn first() -> Files {
    Files(vec![
        ("nodes/tokyo/wg0.conf", "tokyo 1\n"),
        ("nodes/home/wg0.conf", "home\n"),
        ("README.md", "index\n"),
    ])
}

fn second() -> Files {
    Files(vec![
        ("nodes/tokyo/wg0.conf", "tokyo 2\n"),
        ("README.md", "index\n"),
        ("clients/laptop/wg0.conf", "laptop\n"),
    ])
}

fn manifest(files: &Files) -> String {
    let sorted: BTreeMap<_, _> = files.0.iter().copied().collect();
    let line = |(path, text): (&&str, &&str)| {
        format!("    \"{path}\": \"{}\"", Sha256::compute(text.as_bytes()))
    };
    let lines: Vec<_> = sorted.iter().map(line).collect();
    format!("{{\n  \"schema_version\": 1,\n  \"files\": {{\n{}\n  }}\n}}\n", lines.join(",\n"))
}

/// The content of a directory: files with their text, symlinks and folders.
fn on_disk(dir: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(dir).min_depth(1).into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            let path = entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            let kind = entry.file_type();
            let what = if kind.is_dir() {
                "(folder)".to_owned()
            } else if kind.is_symlink() {
                "(symlink)".to_owned()
            } else {
                fs::read_to_string(entry.path()).unwrap()
            };
            (path, what)
        })
        .collect()
}

/// The content of a directory that is exactly this tree.
fn exactly(files: &Files) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([("manifest.json".to_owned(), manifest(files))]);
    for (path, text) in &files.0 {
        all.insert((*path).to_owned(), (*text).to_owned());
        for (end, _) in path.match_indices('/') {
            all.insert(path[..end].to_owned(), "(folder)".to_owned());
        }
    }
    all
}

/// Inode and change time of every entry: each write changes one of them.
fn traces(dir: &Path) -> Vec<(u64, i64, i64)> {
    let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(Result::unwrap);
    entries
        .map(|entry| entry.metadata().unwrap())
        .map(|found| (found.ino(), found.ctime(), found.ctime_nsec()))
        .collect()
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn refused(result: Result<Changes, OutError>) -> (String, String) {
    match result {
        Err(error @ OutError::Refused { .. }) => (error.to_string(), error.help().unwrap()),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_new_directory_gets_the_tree() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("out");
    let changes = out::write(&first(), &dir, GENTLE).unwrap();
    let expected = Changes {
        added: owned(&[
            "README.md",
            "manifest.json",
            "nodes/home/wg0.conf",
            "nodes/tokyo/wg0.conf",
        ]),
        files: 4,
        bytes: 19 + manifest(&first()).len() as u64,
        ..Changes::default()
    };
    assert_eq!(changes, expected);
    assert_eq!(on_disk(&dir), exactly(&first()));
    for entry in walkdir::WalkDir::new(&dir).into_iter().map(Result::unwrap) {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        let expected = if entry.file_type().is_dir() { 0o755 } else { 0o644 };
        assert_eq!(mode, expected, "{}", entry.path().display());
    }
}

#[test]
fn a_second_run_touches_nothing() {
    let dir = TempDir::new().unwrap();
    out::write(&first(), dir.path(), GENTLE).unwrap();
    let before = traces(dir.path());
    let changes = out::write(&first(), dir.path(), GENTLE).unwrap();
    assert!(changes.is_empty());
    assert_eq!(changes.unchanged, 4);
    assert!(out::compare(&first(), dir.path(), GENTLE).unwrap().is_empty());
    assert_eq!(traces(dir.path()), before);
}

#[test]
fn only_what_differs_is_rewritten_and_the_rest_pruned() {
    let dir = TempDir::new().unwrap();
    out::write(&first(), dir.path(), GENTLE).unwrap();
    let readme = traces(&dir.path().join("README.md"));
    let foreseen = out::compare(&second(), dir.path(), GENTLE).unwrap();
    assert_eq!(on_disk(dir.path()), exactly(&first()));
    let changes = out::write(&second(), dir.path(), GENTLE).unwrap();
    assert_eq!(changes, foreseen);
    assert_eq!(changes.added, owned(&["clients/laptop/wg0.conf"]));
    assert_eq!(changes.changed, owned(&["manifest.json", "nodes/tokyo/wg0.conf"]));
    assert_eq!(changes.removed, owned(&["nodes/home/wg0.conf"]));
    assert_eq!(on_disk(dir.path()), exactly(&second()));
    assert_eq!(traces(&dir.path().join("README.md")), readme);
}

#[test]
fn a_folder_with_a_foreign_file_survives_pruning() {
    let dir = TempDir::new().unwrap();
    out::write(&first(), dir.path(), GENTLE).unwrap();
    fs::write(dir.path().join("nodes/home/notes"), "mine\n").unwrap();
    out::write(&second(), dir.path(), GENTLE).unwrap();
    let mut expected = exactly(&second());
    expected.insert("nodes/home".to_owned(), "(folder)".to_owned());
    expected.insert("nodes/home/notes".to_owned(), "mine\n".to_owned());
    assert_eq!(on_disk(dir.path()), expected);
}

#[test]
fn a_file_of_ours_makes_room_for_a_folder() {
    let dir = TempDir::new().unwrap();
    out::write(&Files(vec![("hello", "file\n")]), dir.path(), GENTLE).unwrap();
    let deeper = Files(vec![("hello/app.yaml", "app\n")]);
    out::write(&deeper, dir.path(), GENTLE).unwrap();
    assert_eq!(on_disk(dir.path()), exactly(&deeper));
}

#[test]
fn everything_in_the_way_is_named_at_once_and_nothing_touched() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("out");
    out::write(&first(), &dir, GENTLE).unwrap();
    fs::write(dir.join("README.md"), "my own words\n").unwrap();
    fs::write(dir.join("nodes/home/wg0.conf"), "to be pruned\n").unwrap();
    fs::remove_dir_all(dir.join("nodes/tokyo")).unwrap();
    symlink(parent.path(), dir.join("nodes/tokyo")).unwrap();
    fs::create_dir_all(dir.join("clients/laptop")).unwrap();
    fs::write(dir.join("clients/laptop/wg0.conf"), "foreign\n").unwrap();
    let mut tree = second();
    tree.0[1].1 = "a newer index\n";
    let before = on_disk(&dir);
    let message = format!(
        "{} contains files that must not be overwritten\
         \n  README.md: edited by hand\
         \n  clients/laptop/wg0.conf: not written by meshwright\
         \n  nodes/home/wg0.conf: edited by hand\
         \n  nodes/tokyo: a symlink, which is not followed",
        dir.display()
    );
    let help = "move away the files that meshwright did not write; `generate --diff` shows the edits, \
                `generate --force` replaces them";
    assert_eq!(refused(out::write(&tree, &dir, GENTLE)), (message, help.to_owned()));
    assert_eq!(on_disk(&dir), before);
    let forced = format!(
        "{} contains files that must not be overwritten\
         \n  clients/laptop/wg0.conf: not written by meshwright\
         \n  nodes/tokyo: a symlink, which is not followed",
        dir.display()
    );
    let help = "move away the files that meshwright did not write";
    assert_eq!(refused(out::write(&tree, &dir, FORCE)), (forced, help.to_owned()));
    assert_eq!(on_disk(&dir), before);
}

#[test]
fn an_edited_file_is_replaced_by_force_and_named() {
    let dir = TempDir::new().unwrap();
    out::write(&first(), dir.path(), GENTLE).unwrap();
    fs::write(dir.path().join("README.md"), "my own words\n").unwrap();
    let changes = out::write(&first(), dir.path(), FORCE).unwrap();
    assert_eq!(changes.changed, owned(&["README.md"]));
    let edited = BTreeMap::from([("README.md".to_owned(), Obstacle::Edited)]);
    assert_eq!(changes.obstacles, edited);
    assert_eq!(on_disk(dir.path()), exactly(&first()));
}

#[test]
fn a_file_torn_by_power_loss_is_replaced_without_asking() {
    for torn in ["", "ind", "ind\0\0\0", "\0\0\0\0\0\0"] {
        let dir = TempDir::new().unwrap();
        out::write(&first(), dir.path(), GENTLE).unwrap();
        fs::write(dir.path().join("README.md"), torn).unwrap();
        let changes = out::write(&first(), dir.path(), GENTLE).unwrap();
        assert_eq!(changes.changed, owned(&["README.md"]), "{torn:?}");
        assert_eq!(on_disk(dir.path()), exactly(&first()));
    }
}

#[test]
fn foreign_files_with_the_right_bytes_are_adopted() {
    let dir = TempDir::new().unwrap();
    out::write(&first(), dir.path(), GENTLE).unwrap();
    fs::remove_file(dir.path().join("manifest.json")).unwrap();
    let changes = out::write(&first(), dir.path(), GENTLE).unwrap();
    assert_eq!(changes.added, owned(&["manifest.json"]));
    assert_eq!((changes.changed, changes.unchanged), (Vec::new(), 3));
    assert_eq!(on_disk(dir.path()), exactly(&first()));
}

#[test]
fn a_special_place_is_refused_by_name() {
    let cases = [
        ("README.md", "\n  README.md: not a regular file"),
        (".staging", "\n  .staging: not written by meshwright"),
    ];
    for (folder, line) in cases {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("mine"), "mine\n").unwrap();
        let written = out::write(&first(), dir.path(), GENTLE);
        let message =
            format!("{} contains files that must not be overwritten{line}", dir.path().display());
        assert_eq!(refused(written).0, message);
    }
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("nodes")).unwrap();
    fs::write(dir.path().join("nodes/mine"), "mine\n").unwrap();
    assert_eq!(out::write(&first(), dir.path(), GENTLE).unwrap().added.len(), 4);

    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("nodes"), "mine\n").unwrap();
    let message = format!(
        "{} contains files that must not be overwritten\n  nodes: not a directory",
        dir.path().display()
    );
    assert_eq!(refused(out::write(&first(), dir.path(), FORCE)).0, message);
}

#[test]
fn a_symlink_in_place_of_a_file_is_refused_and_its_target_kept() {
    let parent = TempDir::new().unwrap();
    let (dir, target) = (parent.path().join("out"), parent.path().join("target"));
    fs::create_dir(&dir).unwrap();
    fs::write(&target, "index\n").unwrap();
    symlink(&target, dir.join("README.md")).unwrap();
    let message = format!(
        "{} contains files that must not be overwritten\n  README.md: a symlink, which is not followed",
        dir.display()
    );
    assert_eq!(refused(out::write(&first(), &dir, FORCE)).0, message);
    assert_eq!(fs::read_to_string(target).unwrap(), "index\n");
}

#[test]
fn the_directory_itself_may_be_a_symlink() {
    let parent = TempDir::new().unwrap();
    let (link, dir) = (parent.path().join("out"), parent.path().join("real"));
    fs::create_dir(&dir).unwrap();
    symlink(&dir, &link).unwrap();
    out::write(&first(), &link, GENTLE).unwrap();
    assert_eq!(on_disk(&dir), exactly(&first()));
}

#[test]
fn an_unusable_manifest_is_an_error_that_says_what_to_do() {
    let hash = Sha256::compute(b"");
    let cases = [
        ("{\"name\":\"app\"}".to_owned(), "missing field `schema_version` at line 1 column 14"),
        ("<<<<<<< HEAD\n".to_owned(), "expected value at line 1 column 1"),
        ("{\"schema_version\":2,\"files\":{}}".to_owned(), "its schema_version is 2, not 1"),
        (
            format!("{{\"schema_version\":1,\"files\":{{\"../x\":\"{hash}\"}}}}"),
            "`../x` is not a path below the directory",
        ),
        (
            format!("{{\"schema_version\":1,\"files\":{{\"/etc/passwd\":\"{hash}\"}}}}"),
            "`/etc/passwd` is not a path below the directory",
        ),
        (
            "{\"schema_version\":1,\"files\":{\"x\":\"12\"}}".to_owned(),
            "`12` has 2 hex digits at line 1 column 38",
        ),
    ];
    for (text, reason) in cases {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("manifest.json");
        fs::write(&path, &text).unwrap();
        let error = out::write(&first(), dir.path(), FORCE).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot use {}: {reason}", path.display()));
        let help = format!(
            "restore {} from version control, or remove it: files that already have the right \
             bytes are then adopted, and all others are listed",
            path.display()
        );
        assert_eq!(error.help(), Some(help));
        assert_eq!(on_disk(dir.path()), BTreeMap::from([("manifest.json".to_owned(), text)]));
    }
}

#[test]
fn a_failed_first_run_leaves_no_directory() {
    let parent = TempDir::new().unwrap();
    let long: &'static str = "n".repeat(300).leak();
    let dir = parent.path().join("out");
    let error = out::write(&Files(vec![("a", "a\n"), (long, "x\n")]), &dir, GENTLE).unwrap_err();
    let message =
        format!("cannot read {}: File name too long (os error 36)", dir.join(long).display());
    assert_eq!(error.to_string(), message);
    assert_eq!(on_disk(parent.path()), BTreeMap::new());
}

#[test]
fn what_a_run_staged_before_its_commit_point_is_deleted() {
    let dir = TempDir::new().unwrap();
    let staging = dir.path().join(".staging");
    fs::create_dir_all(staging.join("0")).unwrap();
    fs::write(staging.join(".gitignore"), "# mesh").unwrap();
    fs::write(staging.join("0/0"), "torn").unwrap();
    assert_eq!(out::compare(&first(), dir.path(), GENTLE).unwrap().added.len(), 4);
    assert!(!out::write(&first(), dir.path(), GENTLE).unwrap().recovered);
    assert_eq!(on_disk(dir.path()), exactly(&first()));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_script_can_be_run_and_one_that_cannot_has_changed() {
    let dir = TempDir::new().unwrap();
    let script = dir.path().join("host/run");
    let tree = Files(vec![("host/run", "#!/bin/sh\n"), ("README.md", "# index\n")]);
    let plain = Files(vec![("host/run", "text\n"), ("README.md", "# index\n")]);
    out::write(&plain, dir.path(), GENTLE).unwrap();
    assert_eq!(mode(&script), 0o644);
    out::write(&tree, dir.path(), GENTLE).unwrap();
    assert_eq!(mode(&script), 0o755);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    let mut text = Vec::new();
    let changes = out::print_diff(&tree, dir.path(), GENTLE, &mut text).unwrap();
    assert_eq!(changes.changed, owned(&["host/run"]));
    assert!(changes.obstacles.is_empty(), "a mode is not an edit: {changes:?}");
    let expected = "diff --git a/host/run b/host/run\nold mode 100644\nnew mode 100755\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    assert_eq!(out::write(&tree, dir.path(), GENTLE).unwrap(), changes);
    assert_eq!(mode(&script), 0o755);
    // Where a file system calls everything executable, nothing has changed.
    fs::set_permissions(dir.path().join("README.md"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(out::compare(&tree, dir.path(), GENTLE).unwrap().is_empty());
}

#[test]
fn two_runs_at_once_leave_one_whole_tree() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("out");
    for _ in 0..20 {
        thread::scope(|scope| {
            scope.spawn(|| out::write(&first(), &dir, GENTLE).unwrap());
            scope.spawn(|| out::write(&second(), &dir, GENTLE).unwrap());
        });
        let found = on_disk(&dir);
        assert!(found == exactly(&first()) || found == exactly(&second()), "{found:?}");
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn the_diff_is_a_patch_of_all_that_changes() {
    let dir = TempDir::new().unwrap();
    out::write(&first(), dir.path(), GENTLE).unwrap();
    let mut text = Vec::new();
    let changes = out::print_diff(&second(), dir.path(), GENTLE, &mut text).unwrap();
    assert_eq!(changes, out::compare(&second(), dir.path(), GENTLE).unwrap());
    let hash = |text: &str| Sha256::compute(text.as_bytes());
    let expected = format!(
        "--- a/nodes/tokyo/wg0.conf\n+++ b/nodes/tokyo/wg0.conf\n@@ -1 +1 @@\n-tokyo 1\n+tokyo 2\n\
         --- /dev/null\n+++ b/clients/laptop/wg0.conf\n@@ -0,0 +1 @@\n+laptop\n\
         --- a/nodes/home/wg0.conf\n+++ /dev/null\n@@ -1 +0,0 @@\n-home\n\
         --- a/manifest.json\n+++ b/manifest.json\n@@ -2,7 +2,7 @@\n   \"schema_version\": 1,\n   \
         \"files\": {{\n     \"README.md\": \"{}\",\n-    \"nodes/home/wg0.conf\": \"{}\",\n-    \
         \"nodes/tokyo/wg0.conf\": \"{}\"\n+    \"clients/laptop/wg0.conf\": \"{}\",\n+    \
         \"nodes/tokyo/wg0.conf\": \"{}\"\n   }}\n }}\n",
        hash("index\n"),
        hash("home\n"),
        hash("tokyo 1\n"),
        hash("laptop\n"),
        hash("tokyo 2\n"),
    );
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    assert_eq!(on_disk(dir.path()), exactly(&first()));
}

/// A directory with files and without a manifest is another one than the user meant.
#[test]
fn a_directory_of_others_is_refused_unless_it_is_adopted() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(".gitkeep"), "").unwrap();
    assert!(!out::compare(&first(), dir.path(), Options::default()).unwrap().is_empty());
    fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
    let before = on_disk(dir.path());
    let message = format!(
        "{} is not empty, and meshwright did not write it: it has no manifest.json",
        dir.path().display()
    );
    let refused = [
        out::write(&first(), dir.path(), Options::default()).unwrap_err(),
        out::write(&first(), dir.path(), Options { force: true, adopt: false }).unwrap_err(),
        out::compare(&first(), dir.path(), Options::default()).unwrap_err(),
        out::print_diff(&first(), dir.path(), Options::default(), &mut Vec::new()).unwrap_err(),
    ];
    for error in refused {
        assert_eq!((error.to_string(), error.exit_code()), (message.clone(), 1));
    }
    assert_eq!(on_disk(dir.path()), before);
    out::write(&first(), dir.path(), GENTLE).unwrap();
    assert_eq!(on_disk(dir.path())["thesis.txt"], "mine");
    assert!(out::compare(&first(), dir.path(), Options::default()).unwrap().is_empty());
}
