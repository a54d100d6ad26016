//! What is accepted is a warning.

use super::reference::meant;
use super::{Findings, Rule, Scope, Theme, catalogue};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Allow, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "lint-allow-unknown",
    severity: Severity::Error,
    theme: Theme::File,
    summary: "a `[[lint.allow]]` names no warning",
    explain: "\
An entry of `[[lint.allow]]` accepts one warning, by its code, with the reason for whoever reads it next \
year. A code that no warning has accepts nothing, and looks as if it did; and an error cannot be \
accepted, because the cluster would not work, or not be private.

Correct the code: it stands in brackets in the report, as in `warning[ssh-open-to-world]`, and \
`docs/rules.md` lists all.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    if topology.lint.allow.is_empty() {
        return;
    }
    let entries: Vec<_> = catalogue().collect();
    let warnings = entries.iter().filter(|entry| entry.severity == Severity::Warning);
    let warnings: Vec<_> = warnings.map(|entry| entry.code).collect();
    for allow in &topology.lint.allow {
        match entries.iter().find(|entry| entry.code == allow.code.as_str()) {
            None => findings.push(unknown(allow, &warnings)),
            Some(entry) if entry.severity == Severity::Error => findings.push(error(allow)),
            Some(_) => {}
        }
    }
}

fn unknown(allow: &Allow, warnings: &[&str]) -> Finding {
    let message = format!("there is no warning `{}`", allow.code);
    Finding::new(message, &allow.origin.key("code"), "unknown code")
        .help(meant(allow.code.as_str(), warnings))
}

fn error(allow: &Allow) -> Finding {
    let message = format!("`{}` is an error and cannot be accepted", allow.code);
    Finding::new(message, &allow.origin.key("code"), "not a warning")
        .help("remove this entry, and what the error is about")
}
