//! What is accepted is there. Not a [`super::Rule`]: it judges the report instead of the topology.

use super::{Entry, Theme};
use crate::diagnostic::{Diagnostic, Finding, Fix, Severity};
use crate::topology::{Allow, Lint};

/// What is known of this warning.
pub(super) const ENTRY: Entry = Entry {
    code: "lint-allow-unused",
    severity: Severity::Warning,
    theme: Theme::File,
    summary: "a `[[lint.allow]]` accepts a warning that there is not",
    explain: "\
The warning that this entry accepts is not given any more: what it was about has been corrected, or the \
entry came with a table that was copied. Left in place it would silently accept the same warning when it \
comes back, for another reason than the one that is written there.

Remove the entry.",
};

/// One warning for each entry whose warning is not among `diagnostics`. Only on a report without
/// errors: a stage that did not run has not warned yet.
#[must_use]
pub fn unused(lint: &Lint, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    if diagnostics.iter().any(|found| found.severity == Severity::Error) {
        return Vec::new();
    }
    let is_used = |allow: &&Allow| {
        let code = allow.code.as_str();
        code == ENTRY.code || diagnostics.iter().any(|found| found.code == code)
    };
    lint.allow.iter().filter(|allow| !is_used(allow)).map(diagnostic).collect()
}

fn diagnostic(allow: &Allow) -> Diagnostic {
    let message = format!("there is no warning `{}` to accept", allow.code);
    let finding = Finding::new(message, &allow.origin.key("code"), "not given any more");
    let finding = finding.fix(Fix::remove(&allow.origin, "this entry", ""));
    Diagnostic { code: ENTRY.code, severity: ENTRY.severity, finding }
}
