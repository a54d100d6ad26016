//! Warns about a value that the chart of the Ingress controller does not have.

use serde_json::{Map, Value};

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, LabelPlace, Severity};
use crate::route::Route;
use crate::topology::Topology;
use meshwright_value::component::chart_values;
use meshwright_value::{IngressController, closest_in_any_case};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ingress-value-unknown",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "the Ingress controller's chart does not have a value",
    explain: "\
helm merges `[ingress.values]` into the values of the chart. The chart of ingress-nginx ignores a key that it does not \
know, so that a misspelt setting has no effect and no message. The chart of Traefik has a schema for most of its \
tables: helm refuses an unknown key there, and `apply.sh` ends before the controller is installed.

The names are those of ingress-nginx 4.15.1 and traefik 41.3.0. Correct the name, or accept the warning if another \
release of the chart has it, or if a template reads it that `values.yaml` does not show.

Sources: `values.yaml` and `values.schema.json` of the charts.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let controller = topology.ingress.controller;
    if controller == IngressController::Absent {
        return;
    }
    let known: Vec<_> = chart_values(controller).collect();
    let at = topology.ingress.origin.key("values");
    compare(topology.ingress.values.entries(), "", &at, &known, &mut |name, path, at| {
        let message = format!("the chart of {controller} has no value `{path}`");
        let finding = Finding::at_place(message, LabelPlace::Key(at), "unknown value");
        findings.push(match meant(name, path, &known) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding.help("compare it with the `values.yaml` of the chart"),
        });
    });
}

/// Reports each key that is neither a value of the chart nor a table with values of it.
fn compare(
    values: &Map<String, Value>,
    above: &str,
    at: &Route,
    known: &[&str],
    report: &mut impl FnMut(&str, &str, Route),
) {
    for (key, value) in values {
        let path = below(above, key);
        let place = at.key(key.clone());
        let is_value =
            known.iter().any(|one| *one == path || one.strip_suffix(".*") == Some(&path));
        match value {
            _ if is_value => {}
            Value::Object(inner) if inside(known, &path).next().is_some() => {
                compare(inner, &path, &place, known, report);
            }
            _ if inside(known, &path).next().is_some() => {}
            _ => report(key, &path, place),
        }
    }
}

fn below(above: &str, key: &str) -> String {
    if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") }
}

/// The paths of the chart below a table, relative to it.
fn inside<'known>(known: &[&'known str], table: &str) -> impl Iterator<Item = &'known str> {
    known.iter().filter_map(move |path| match table {
        "" => Some(*path),
        _ => path.strip_prefix(table)?.strip_prefix('.'),
    })
}

/// A key of the same table that is spelt alike.
fn meant<'known>(name: &str, path: &str, known: &[&'known str]) -> Option<&'known str> {
    let table = path.strip_suffix(name)?.trim_end_matches('.');
    let keys: Vec<_> = inside(known, table).filter_map(|path| path.split('.').next()).collect();
    closest_in_any_case(name, &keys)
}
