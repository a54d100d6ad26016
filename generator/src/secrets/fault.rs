//! Faults between store and topology.

pub(crate) use meshwright_compiler::catalogue::store::*;
use meshwright_compiler::diagnostic::{Diagnostic, Finding, Severity};

/// A warning about the files of the store.
pub(super) fn warning(code: &'static str, finding: Finding) -> Diagnostic {
    Diagnostic { code, severity: Severity::Warning, finding }
}

/// A diagnostic about the content of the store. All are errors: the host would receive files that do not work.
pub(crate) fn fault(code: &'static str, finding: Finding) -> Diagnostic {
    Diagnostic { code, severity: Severity::Error, finding }
}
