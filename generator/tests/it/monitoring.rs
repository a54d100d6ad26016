//! The alerting rules and the page of the metrics name metrics that a host writes, and the page all of them.

use std::collections::BTreeSet;
use std::fs;

use crate::testing::repository;

/// The names after `meshwright_` in a text.
fn metrics(text: &str) -> BTreeSet<&str> {
    let is_end = |c: char| !(c.is_ascii_lowercase() || c == '_');
    let names = text.split("meshwright_").skip(1);
    names.map(|rest| rest.split(is_end).next().unwrap_or_default()).collect()
}

#[test]
fn alerts_and_docs_name_the_metrics_of_a_host() {
    let read = |path: &str| fs::read_to_string(repository().join(path)).expect("readable");
    let program = read("out/host/meshwright-node");
    let families = program.lines().filter_map(|line| {
        let (name, _) = line.trim().strip_prefix("family(\"")?.split_once('"')?;
        Some(name)
    });
    let written: BTreeSet<_> = families.collect();
    assert!(written.len() > 10, "{written:?}");
    assert_eq!(metrics(&read("docs/monitoring.md")), written);
    let alerts = read("docs/monitoring/alerts.yaml");
    let unknown: Vec<_> = metrics(&alerts).difference(&written).copied().collect();
    assert_eq!(unknown, Vec::<&str>::new());
    let rules: serde_json::Value = serde_saphyr::from_str(&alerts).expect("YAML");
    let rules = rules["groups"][0]["rules"].as_array().expect("rules");
    assert!(rules.iter().all(|rule| rule["expr"].is_string() && rule["alert"].is_string()));
}
