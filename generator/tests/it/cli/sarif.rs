//! Tests of `check --format sarif`: the properties that GitHub's code scanning requires
//! (<https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support>).
//! A trial of `consumers` validates the same document by the schema of SARIF.

use serde_json::{Value, json};

use super::Place;

fn log(place: &Place, arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, stdout, stderr) = place.run(&[&["check", "--format", "sarif"], arguments].concat());
    assert_eq!(stderr, "");
    (code, serde_json::from_str(&stdout).expect("one JSON document"))
}

#[test]
fn each_finding_has_its_rule_and_its_places() {
    let place = Place::complete();
    place.edit("id = 2\n", "id = 1\n");
    let (code, log) = log(&place, &[]);
    assert_eq!((code, &log["version"]), (Some(1), &json!("2.1.0")));
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let driver = &run["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["version"]), (&json!("meshwright"), &json!("0.1.0")));
    let rules = driver["rules"].as_array().expect("an array");
    let [rule] = rules.as_slice() else { panic!("one rule: {rules:?}") };
    assert_eq!(rule["id"], "id-duplicate");
    assert_eq!(rule["defaultConfiguration"]["level"], "error");
    for text in ["shortDescription", "help"] {
        assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    let results = run["results"].as_array().expect("an array");
    let [result] = results.as_slice() else { panic!("one result: {results:?}") };
    assert_eq!((&result["ruleId"], &result["level"]), (&json!("id-duplicate"), &json!("error")));
    assert!(result["message"]["text"].as_str().is_some_and(|text| text.contains("\nhelp: ")));
    let region = |location: &Value| {
        let place = &location["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "topology.toml");
        place["region"].clone()
    };
    let text = place.read("topology.toml");
    let line_of = |start: &str| {
        let from = text.find(start).expect("in the text");
        let id = from + text[from..].find("id ").expect("an id");
        text[..id].lines().count() + usize::from(text[..id].ends_with('\n'))
    };
    let second = line_of("name = \"tokyo\"");
    let expected =
        json!({"startLine": second, "startColumn": 6, "endLine": second, "endColumn": 7});
    assert_eq!(region(&result["locations"][0]), expected);
    let first = line_of("[[nodes]]");
    assert_eq!(region(&result["relatedLocations"][0])["startLine"], first);
}

#[test]
fn nothing_found_is_a_document_too() {
    let place = Place::complete();
    let (code, stdout, _) = place.run(&["check", "--format", "sarif", "-q"]);
    let log: Value = serde_json::from_str(&stdout).expect("one JSON document");
    assert_eq!((code, &log["runs"][0]["results"]), (Some(0), &json!([])));
}

/// A topology is named by its path, as a URI.
#[test]
fn a_path_is_a_uri() {
    let place = Place::complete();
    place.write("über uns.toml", "[cluster]\n");
    let (_, stdout, _) = place.run(&["check", "--format", "sarif", "-t", "./über uns.toml"]);
    assert!(stdout.contains("\"uri\": \"%C3%BCber%20uns.toml\""), "{stdout}");
    let absolute = place.path().join("über uns.toml").display().to_string();
    let (_, stdout, _) = place.run(&["check", "--format", "sarif", "-t", &absolute]);
    assert!(stdout.contains("\"uri\": \"file:///"), "{stdout}");
}

#[test]
fn a_patch_does_not_mix_with_the_document() {
    let place = Place::complete();
    place.edit("name = \"tokyo\"", "name = \"Tokyo\"");
    let (code, stdout, stderr) = place.run(&["check", "--format", "sarif", "--fix"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(serde_json::from_str::<Value>(&stdout).is_ok(), "{stdout}");
    assert!(stderr.contains("+name = \"tokyo\""), "{stderr}");
}

/// Only this verb has the format.
#[test]
fn other_verbs_refuse_it() {
    let place = Place::complete();
    for verb in ["generate", "prove"] {
        let (code, _, stderr) = place.run(&[verb, "--format", "sarif"]);
        assert!(code == Some(2) && stderr.contains("'sarif' for '--format"), "{verb}: {stderr}");
    }
}
