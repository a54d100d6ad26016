//! Faults between store and topology.

pub(crate) use meshwright_compiler::catalogue::store::*;
use meshwright_compiler::diagnostic::{Diagnostic, Finding, Severity};

/// A diagnostic about the store. All are errors: the host would receive files that do not work.
pub(crate) fn fault(code: &'static str, finding: Finding) -> Diagnostic {
    Diagnostic { code, severity: Severity::Error, finding }
}
