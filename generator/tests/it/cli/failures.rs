//! Tests of runs that fail: output in each format, and no change on disk.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Place, TOPOLOGY, stderr_only};

#[test]
fn failures_are_printed_in_each_format() {
    let place = Place::empty();
    let stderr = "error: cannot read topology.toml: No such file or directory (os error 2)\n |\n \
                  = help: run `meshwright init` to write a first topology, or name another file \
                  with --topology\n";
    let json = r#"{
  "schema_version": 1,
  "diagnostics": [],
  "error": {
    "message": "cannot read topology.toml: No such file or directory (os error 2)",
    "help": "run `meshwright init` to write a first topology, or name another file with --topology"
  }
}
"#;
    let github = "::error title=meshwright::cannot read topology.toml: No such file or directory \
                  (os error 2)%0Ahelp: run `meshwright init` to write a first topology, or name \
                  another file with --topology\n";
    for verb in ["check", "generate", "keys"] {
        for (format, stdout) in [("human", ""), ("json", json), ("github", github)] {
            let expected = (Some(2), stdout.to_owned(), stderr.to_owned());
            assert_eq!(place.run(&[verb, "--format", format]), expected, "{verb} {format}");
        }
    }
}

/// A late failure is one document, too.
#[test]
fn a_failure_after_the_checks_is_one_document() {
    let place = Place::with(TOPOLOGY);
    place.write("secrets", "a file\n");
    let (code, stdout, _) = place.run(&["keys", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("one JSON document");
    let message = "cannot read secrets/nodes/hongkong/wg0.key: Not a directory (os error 20)";
    assert_eq!((code, document["error"]["message"].as_str()), (Some(2), Some(message)));

    let place = Place::complete();
    place.write("out", "a file\n");
    let (code, stdout, _) = place.run(&["generate", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("one JSON document");
    let message = Some("out is not a directory");
    assert_eq!((code, document["error"]["message"].as_str()), (Some(2), message));
}

#[test]
fn topology_that_is_not_utf8_has_a_place() {
    let place = Place::empty();
    let bytes = [b"# \xe6\x9d\xb1\nname = \"\xe6\x9d\xb1", &b"\xff\xfe\"\n"[..]].concat();
    fs::write(place.path().join("topology.toml"), bytes).expect("written");
    let report = "error[toml-syntax]: the file is not UTF-8\n --> topology.toml:2:10\n  |\n\
                  2 | name = \"東\u{fffd}\u{fffd}\"\n  |           ^ the byte 0xff\n  |\n  \
                  = help: save the file as UTF-8\n\ntopology.toml: 1 error\n";
    for verb in ["check", "generate", "keys"] {
        assert_eq!(place.run(&[verb]), stderr_only(1, report), "{verb}");
    }
}

#[test]
fn rejects_a_topology_larger_than_one_mebibyte() {
    let place = Place::with(&"#234567\n".repeat(128 * 1024 + 1));
    let report = "error[file-too-large]: the file is larger than 1048576 bytes\n      \
                  --> topology.toml:131072:8\n       |\n\
                  131072 | #234567\n       |        ^ no topology is longer than this\n       \
                  |\n       = help: name the file that people write with `--topology`\n\n\
                  topology.toml: 1 error\n";
    for verb in ["check", "generate", "keys"] {
        assert_eq!(place.run(&[verb]), stderr_only(1, report), "{verb}");
    }
    let (code, stdout, _) = place.run(&["check", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("one JSON document");
    let found = &document["diagnostics"][0];
    assert_eq!((code, found["code"].as_str()), (Some(1), Some("file-too-large")));
    assert_eq!(found["spans"][0]["line"], 131_072);
    let (code, stdout, _) = place.run(&["check", "--format", "github"]);
    let command = "::error file=topology.toml,line=131072,endLine=131072,col=8,endColumn=8,\
                   title=file-too-large::the file is larger than 1048576 bytes%0A\
                   help: name the file that people write with `--topology`\n";
    assert_eq!((code, stdout.as_str()), (Some(1), command));
    place.write("topology.toml", &"#".repeat(1024 * 1024));
    assert_eq!(place.run(&["check"]).0, Some(1));
}

#[test]
fn human_format_prints_one_hundred_diagnostics() {
    let place = Place::with(&"x = 1\n".repeat(102));
    let (code, _, stderr) = place.run(&["check"]);
    let headers = stderr.lines().filter(|line| line.starts_with("error")).count();
    let end = "    | ^ defined again here\n\nand 1 more; --format json has all\n\n\
               topology.toml: 101 errors\n";
    assert_eq!((code, headers, &stderr[stderr.len() - end.len()..]), (Some(1), 100, end));
}

/// A line that is as long as the file is not printed.
#[test]
fn long_line_is_reported_by_its_place() {
    let place = Place::with(&format!("cluster = {{}} # {}\n", "東".repeat(2000)));
    let (code, _, stderr) = place.run(&["check"]);
    let report = "error[key-missing]: `nodes` is missing\n--> topology.toml:1:1\n \
                  = note: expected an array here\n\n";
    assert_eq!((code, &stderr[..report.len().min(stderr.len())]), (Some(1), report));
}

/// This test would not end if the work were quadratic in the number of errors.
#[test]
fn counts_many_errors() {
    let place = Place::with(&"x=1\n".repeat(100_000));
    let (code, _, stderr) = place.run(&["check"]);
    assert_eq!((code, stderr.lines().last()), (Some(1), Some("topology.toml: 10001 errors")));
    let (code, stdout, _) = place.run(&["check", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&stdout).expect("one JSON document");
    let last = &document["diagnostics"][10_000];
    assert_eq!((code, last["code"].as_str()), (Some(1), Some("errors-too-many")));
    assert_eq!(last["message"], "there are more than 10000 errors");
    assert_eq!(last["spans"][0]["line"], 10_002);

    place.write("topology.toml", &"+/9".repeat(300_000));
    let report = "error[toml-syntax]: `+/` is not allowed in a key without quotes\n\
                  --> topology.toml:1:1\n";
    let (code, _, stderr) = place.run(&["check"]);
    assert_eq!((code, &stderr[..report.len().min(stderr.len())]), (Some(1), report));
}

#[test]
fn output_directory_must_be_separate() {
    let place = Place::complete();
    fs::create_dir(place.path().join("clusters")).expect("a folder");
    symlink("../secrets", place.path().join("clusters/link")).expect("a link");
    let before = place.tree();
    let refused = [
        ("secrets", "the store of secrets"),
        ("secrets/out", "the store of secrets"),
        ("new/../secrets", "the store of secrets"),
        ("clusters/link/out", "the store of secrets"),
        (".", "the store of secrets"),
        ("clusters/..", "the store of secrets"),
        ("topology.toml", "the topology"),
    ];
    for (dir, from) in refused {
        let stderr = format!(
            "error: the output directory {dir} is not separate from {from}\n |\n \
             = help: name a separate directory with --out\n"
        );
        assert_eq!(place.run(&["generate", "-o", dir]), stderr_only(2, &stderr), "{dir}");
    }
    let elsewhere = ["generate", "--secrets", "/nowhere", "-o", "."];
    let stderr = "error: the output directory . is not separate from the topology\n |\n \
                  = help: name a separate directory with --out\n";
    assert_eq!(place.run(&elsewhere), stderr_only(2, stderr));
    assert_eq!(place.tree(), before);
}

/// Git would ignore the folder of the topology, or the output directory would contain the secrets.
#[test]
fn the_store_must_be_separate() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
    symlink("out", place.path().join("link")).expect("a link");
    let before = place.tree();
    let verbs: [&[&str]; 17] = [
        &["node", "remove", "tokyo"],
        &["client", "remove", "laptop"],
        &["upgrade", "--to", "1.36.2"],
        &["rotate", "tokyo"],
        &["keys"],
        &["recrypt"],
        &["keys", "import", "tunnel", "topology.toml"],
        &["check"],
        &["generate"],
        &["generate", "--check"],
        &["export", "tokyo"],
        &["kubeconfig", "laptop"],
        &["init", "-t", "new.toml"],
        &["prove"],
        &["trace", "tokyo", "hongkong"],
        &["explain", "syntax"],
        &["schema"],
    ];
    let refused = [
        ("out", "the output directory"),
        ("out/secrets", "the output directory"),
        ("link/secrets", "the output directory"),
        ("new/../out", "the output directory"),
        ("/", "the output directory"),
        (".", "the output directory"),
    ];
    for (store, from) in refused {
        let stderr = format!(
            "error: the store of secrets {store} is not separate from {from}\n |\n \
             = help: name a separate directory with --secrets\n"
        );
        for verb in verbs {
            let arguments = [verb, &["--secrets", store]].concat();
            assert_eq!(place.run(&arguments), stderr_only(2, &stderr), "{arguments:?}");
        }
    }
    let elsewhere = ["keys", "--out", "/nowhere", "--secrets", "."];
    let stderr = "error: the store of secrets . is not separate from the topology\n |\n \
                  = help: name a separate directory with --secrets\n";
    assert_eq!(place.run(&elsewhere), stderr_only(2, stderr));
    assert_eq!(place.tree(), before);
    // `prove` needs neither a topology nor a store.
    let mut inside = place.command(super::BINARY);
    inside.current_dir(place.path().join("out")).args(["prove", "--out", ".", "-q"]);
    assert_eq!(inside.output().expect("it runs").status.code(), Some(0));
}

#[test]
fn a_directory_of_others_is_no_output_directory() {
    let place = Place::complete();
    fs::create_dir(place.path().join("thesis")).expect("a folder");
    place.write("thesis/chapter.txt", "mine");
    let before = place.tree();
    let stderr = "error: thesis is not empty, and meshwright did not write it: it has no manifest.json\n |\n \
                  = help: name another directory with --out, or restore its manifest.json from \
                  version control; `generate --adopt` writes beside the files that are there\n";
    for option in ["--force", "--check", "--diff", "--dry-run"] {
        assert_eq!(
            place.run(&["generate", "-o", "thesis", option]),
            stderr_only(1, stderr),
            "{option}"
        );
    }
    assert_eq!(place.tree(), before);
    assert_eq!(place.run(&["generate", "-o", "thesis", "--adopt"]).0, Some(0));
    assert_eq!(place.read("thesis/chapter.txt"), "mine");
}

/// A terminal and the log of a CI system interpret control characters.
#[test]
fn control_characters_are_printed_escaped() {
    let place = Place::complete();
    let name = "a\u{1b}[31m\u{9b}1m\r\u{7}";
    let topology = place.read("topology.toml");
    place.write(name, &topology.replace("id = 2", "id = 1"));
    let file = format!("{name}/x");
    let verbs: [&[&str]; 15] = [
        &["node", "add", "paris", "-t", name],
        &["check", "-t", name],
        &["check", "-t", name, "--fix", "--dry-run"],
        &["check", "-t", &file],
        &["generate", "-t", name],
        &["generate", "-o", name],
        &["generate", "-o", &file],
        &["generate", "-o", "new", "--secrets", &file],
        &["generate", "-o", name, "--check"],
        &["keys", "-t", name],
        &["keys", "--secrets", &file],
        &["keys", "-i", &file],
        &["export", "tokyo", "--secrets", &file],
        &["prove", "-o", &file],
        &["explain", name],
    ];
    for verb in verbs {
        for format in ["human", "json", "github"] {
            let arguments = [verb, &["--format", format]].concat();
            let (_, stdout, stderr) = place.run(&arguments);
            let is_control = |c: char| c.is_control() && c != '\n';
            assert!(!stdout.contains(is_control), "{arguments:?}: {stdout:?}");
            assert!(!stderr.contains(is_control), "{arguments:?}: {stderr:?}");
        }
    }
    let (_, _, stderr) = place.run(&[name]);
    assert!(!stderr.contains(|c: char| c.is_control() && c != '\n'), "{stderr:?}");
    let (_, _, stderr) = place.run(&["check", "-t", name]);
    assert!(stderr.contains("--> a\\u{1b}[31m\\u{9b}1m\\r\\u{7}:"), "{stderr}");
}
