//! Accepted warnings: `[[lint.allow]]` removes them from a report.

use crate::catalogue::lint::UNUSED;
use crate::catalogue::{self, Entry};
use crate::catalogue::{change, store};
use crate::check::{Findings, Rule, Scope};
use crate::diagnostic::wording::suggestion;
use crate::diagnostic::{Diagnostic, Finding, Fix, Severity};
use crate::topology::{Allow, Lint, Topology};

/// Reports an entry whose code is not the code of a warning.
pub(crate) const UNKNOWN: Rule<Topology> = Rule {
    code: catalogue::lint::UNKNOWN.code,
    severity: catalogue::lint::UNKNOWN.severity,
    theme: catalogue::lint::UNKNOWN.theme,
    summary: catalogue::lint::UNKNOWN.summary,
    explain: catalogue::lint::UNKNOWN.explain,
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    if topology.lint.allow.is_empty() {
        return;
    }
    let entries: Vec<_> = catalogue::entries().collect();
    let is_warning = |entry: &&Entry| entry.severity == Severity::Warning;
    let warnings: Vec<_> = entries.iter().filter(is_warning).map(|entry| entry.code).collect();
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
        .help(suggestion(allow.code.as_str(), warnings))
}

fn error(allow: &Allow) -> Finding {
    let message = format!("`{}` is an error and cannot be accepted", allow.code);
    Finding::new(message, &allow.origin.key("code"), "not a warning")
        .help("remove this entry, and fix the error itself")
}

/// One warning for each entry whose warning is not among `diagnostics`. Only on a report without
/// errors: a stage that did not run has not reported its warnings.
fn unused(lint: &Lint, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    if diagnostics.iter().any(|found| found.severity == Severity::Error) {
        return Vec::new();
    }
    let is_used = |allow: &&Allow| {
        let code = allow.code.as_str();
        let is_optional = code == UNUSED.code
            || store::WARNINGS.contains(&code)
            || change::ENTRIES.iter().any(|entry| entry.code == code);
        is_optional || diagnostics.iter().any(|found| found.code == code)
    };
    lint.allow.iter().filter(|allow| !is_used(allow)).map(diagnostic).collect()
}

fn diagnostic(allow: &Allow) -> Diagnostic {
    let message = format!("there is no warning `{}` to accept", allow.code);
    let finding = Finding::new(message, &allow.origin.key("code"), "this warning is not reported")
        .fix(Fix::remove(&allow.origin, "this entry", ""));
    Diagnostic { code: UNUSED.code, severity: UNUSED.severity, finding }
}

/// Removes the warnings that `[[lint.allow]]` accepts, and counts them. An entry that accepts
/// nothing is a warning itself.
pub(crate) fn accept(mut diagnostics: Vec<Diagnostic>, lint: &Lint) -> (Vec<Diagnostic>, usize) {
    let unused_entries = unused(lint, &diagnostics);
    diagnostics.extend(unused_entries);
    let before = diagnostics.len();
    diagnostics.retain(|found| {
        let mut allowed = lint.allow.iter();
        found.severity == Severity::Error || !allowed.any(|one| one.code.as_str() == found.code)
    });
    let allowed = before - diagnostics.len();
    (diagnostics, allowed)
}
