//! Runs the pipeline for the tests.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::fs;
use std::path::Path;

use meshwright_compiler::diagnostic::{self, Format};
use meshwright_compiler::pipeline::{self, Compilation};
use meshwright_compiler::source::Source;

/// Compiles a file; messages call it by its bare name.
pub(crate) fn compile(path: &Path) -> Compilation {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    compile_text(&name, fs::read_to_string(path).expect("readable"))
}

/// Compiles a text.
pub(crate) fn compile_text(name: &str, text: String) -> Compilation {
    pipeline::compile(Source { name: name.to_owned(), text })
}

/// What a person would be told.
pub(crate) fn human(compiled: &Compilation) -> String {
    let mut bytes = Vec::new();
    diagnostic::print(&compiled.report, Format::Human, false, &mut bytes).expect("a Vec");
    String::from_utf8(bytes).expect("text")
}
