//! What can be wrong between store and topology.

pub(crate) use meshwright_compiler::catalogue::store::*;
use meshwright_compiler::diagnostic::{Diagnostic, Finding, Severity};

/// A fault with its identity. All of them are errors: the host would be given what does not work.
pub(crate) fn fault(code: &'static str, finding: Finding) -> Diagnostic {
    Diagnostic { code, severity: Severity::Error, finding }
}
