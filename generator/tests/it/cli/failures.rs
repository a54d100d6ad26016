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
