//! Tests of completions, manual pages and the JSON Schema.

use std::fs;
use std::path::Path;

use meshwright_compiler::encode::json;
use meshwright_compiler::topology::schema;

use super::{Place, listed_verbs, stderr_only};

#[test]
fn completions_contain_every_verb() {
    let place = Place::empty();
    let help = place.run(&["--help"]).1;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, script, stderr) = place.run(&["completions", shell]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{shell}");
        for verb in listed_verbs(&help) {
            assert!(script.contains(verb), "{shell} does not know {verb}");
        }
    }
    let (code, stdout, stderr) = place.run(&["completions", "tcsh"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("[possible values: bash, elvish, fish, powershell, zsh]"), "{stderr}");
}

/// One page for the command and one for each verb; the first refers to the others.
#[test]
fn man_writes_a_page_for_each_verb() {
    let place = Place::empty();
    let help = place.run(&["--help"]).1;
    let verbs = listed_verbs(&help);
    let written = format!("share/man1: {} pages written\n", 1 + verbs.len());
    for _ in 0..2 {
        assert_eq!(place.run(&["man", "share/man1"]), stderr_only(0, &written));
    }
    let mut expected: Vec<_> = verbs
        .iter()
        .map(|verb| format!("meshwright-{verb}.1"))
        .chain(["meshwright.1".into()])
        .collect();
    expected.sort();
    assert_eq!(names(&place.path().join("share/man1")), expected);

    let first = place.read("share/man1/meshwright.1");
    for verb in verbs {
        assert!(first.contains(&format!("\nmeshwright\\-{verb}(1)\n")), "{verb}");
        let page = place.read(&format!("share/man1/meshwright-{verb}.1"));
        assert!(page.contains(&format!(".TH meshwright-{verb} 1 ")), "{page}");
        assert!(page.contains("\n.SH EXAMPLES\n.nf\n"), "{page}");
    }
    assert!(!first.contains("meshwright\\-help"), "no reference to a missing page");
    assert_eq!(place.run(&["man"]), (Some(0), first, String::new()));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn man_reports_write_errors() {
    let place = Place::empty();
    place.write("file", "");
    let fault = "error: cannot write file/man1: Not a directory (os error 20)\n";
    assert_eq!(place.run(&["man", "file/man1"]), stderr_only(2, fault));
}

#[test]
fn schema_is_printed_whole() {
    let schema = String::from_utf8(json::file(&schema::topology())).expect("JSON is text");
    assert_eq!(Place::empty().run(&["schema"]), (Some(0), schema, String::new()));
}
