//! The report for GitHub Actions: workflow commands, one a line, that become annotations.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>

use std::io;

use meshwright_value::printable_lines;

use super::{Located, ShownReport, Span};

/// Prints one command for each diagnostic.
///
/// An annotation has one place, so its text lists the other places.
///
/// # Errors
///
/// Those of `out`.
pub fn print(ShownReport(report): &ShownReport, out: &mut dyn io::Write) -> io::Result<()> {
    let file = report.source.name.as_str();
    for located in &report.diagnostics {
        writeln!(
            out,
            "::{} file={}{},title={}::{}",
            located.severity.as_str(),
            property(file),
            located.spans.first().map(place).unwrap_or_default(),
            property(located.code),
            data(&text(file, located)),
        )?;
    }
    Ok(())
}

/// Prints an error without a place in the topology.
///
/// # Errors
///
/// Those of `out`.
pub fn command(properties: &[(&str, &str)], text: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let assignments = properties.iter().map(|(name, value)| format!("{name}={}", property(value)));
    let joined = assignments.collect::<Vec<_>>().join(",");
    writeln!(out, "::error {joined}::{}", data(text))
}

/// Columns only within one line: GitHub drops them otherwise.
fn place(span: &Span) -> String {
    let Span { line, end_line, column, end_column, .. } = span;
    if *line == 0 {
        return String::new();
    }
    let lines = format!(",line={line},endLine={end_line}");
    if line == end_line { format!("{lines},col={column},endColumn={end_column}") } else { lines }
}

fn text(file: &str, located: &Located) -> String {
    let others = located
        .spans
        .iter()
        .skip(1)
        .map(|span| format!("\n{file}:{}:{}: {}", span.line, span.column, span.label))
        .collect::<String>();
    let help = located.help.iter().map(|help| format!("\nhelp: {help}")).collect::<String>();
    format!("{}{others}{help}", located.message)
}

/// `escapeData` of actions/toolkit, packages/core/src/command.ts. A log is read in a terminal, too.
fn data(text: &str) -> String {
    printable_lines(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `escapeProperty` of the same file.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
