//! The report for programs: one JSON document with a stable, versioned shape.

use std::io;

use serde::Serialize;

use super::{Change, Located, ShownReport, Span};

/// Raised when a reader of the previous shape would misread the new one.
pub(super) const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    diagnostics: Vec<DocumentDiagnostic<'a>>,
}

#[derive(Serialize)]
struct DocumentDiagnostic<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    help: Option<&'a str>,
    change: Option<DocumentChange<'a>>,
    spans: Vec<DocumentSpan<'a>>,
}

/// The change that `check --fix` makes; absent where the user has to choose, or where it would show a
/// secret.
#[derive(Serialize)]
struct DocumentChange<'a> {
    /// `replace`, `insert` or `remove`.
    action: &'static str,
    /// The key, such as `nodes[1].id`.
    key: String,
    /// The new value, as TOML; null where it is removed.
    value: Option<&'a str>,
}

/// Lines and columns from 1, columns in characters; the end is the column after the last.
#[derive(Serialize)]
struct DocumentSpan<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    label: &'a str,
    primary: bool,
}

/// Prints the whole report, also where it is empty.
///
/// # Errors
///
/// Those of `out`.
pub fn print(report: &ShownReport, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document(report))?;
    writeln!(out)
}

/// The report as a JSON object, to which a verb may add its own fields.
pub fn document(ShownReport(report): &ShownReport) -> impl Serialize {
    let file = report.source.name.as_str();
    let diagnostics = report.diagnostics.iter().map(|located| diagnostic(file, located)).collect();
    Document { schema_version: SCHEMA_VERSION, diagnostics }
}

/// The report of a run that failed before a report existed.
pub fn nothing() -> impl Serialize {
    Document { schema_version: SCHEMA_VERSION, diagnostics: Vec::new() }
}

fn diagnostic<'a>(file: &'a str, located: &'a Located) -> DocumentDiagnostic<'a> {
    DocumentDiagnostic {
        code: located.code,
        severity: located.severity.as_str(),
        message: &located.message,
        help: located.help.as_deref(),
        change: located.change.as_ref().map(change),
        spans: located.spans.iter().map(|found| span(file, found)).collect(),
    }
}

fn change(change: &Change) -> DocumentChange<'_> {
    match change {
        Change::Replace { at, value } => {
            DocumentChange { action: "replace", key: at.to_string(), value: Some(value) }
        }
        Change::Insert { at, value } => {
            DocumentChange { action: "insert", key: at.to_string(), value: Some(value) }
        }
        Change::ReplaceText { text, .. } => {
            DocumentChange { action: "replace-text", key: String::new(), value: Some(text) }
        }
        Change::Remove { at } => {
            DocumentChange { action: "remove", key: at.to_string(), value: None }
        }
    }
}

fn span<'a>(file: &'a str, span: &'a Span) -> DocumentSpan<'a> {
    DocumentSpan {
        file,
        line: span.line,
        column: span.column,
        end_line: span.end_line,
        end_column: span.end_column,
        label: &span.label,
        primary: span.primary,
    }
}
