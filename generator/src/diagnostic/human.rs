//! The report for people, in the form that rustc has made familiar.

use std::io;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Located, Report, Severity, Span};
use crate::document::{BYTE_ORDER_MARK, Source};

/// Longer source lines are cut around the spans, in columns.
const WIDTH: usize = 100;

/// Prints each diagnostic with the lines that it speaks of, then how many there were.
///
/// A report without diagnostics prints nothing.
///
/// # Errors
///
/// Those of `out`.
pub fn print(report: &Report, color: bool, out: &mut dyn io::Write) -> io::Result<()> {
    if report.diagnostics.is_empty() {
        return Ok(());
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    for located in &report.diagnostics {
        writeln!(out, "{}\n", renderer.render(&[group(&report.source, located)]))?;
    }
    writeln!(out, "{}", summary(report))
}

fn group<'a>(source: &'a Source, located: &'a Located) -> Group<'a> {
    let level = match located.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // A mark before the text would count as its first column.
    let text = source.text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&source.text);
    let mark = source.text.len() - text.len();
    // A default whose table is absent has no line of its own.
    let has_line = |span: &&Span| span.primary || !span.bytes.is_empty();
    let shown = located.spans.iter().filter(has_line);
    let noted = located.spans.iter().filter(move |span| !has_line(span));
    let snippet = Snippet::source(text)
        .path(&source.name)
        .annotations(shown.map(|span| annotation(text, mark, span)));
    let group = level.primary_title(&located.message).id(located.code).element(snippet);
    let group =
        noted.fold(group, |group, span| group.element(Level::NOTE.message(visible(&span.label))));
    match &located.help {
        Some(help) => group.element(Level::HELP.message(visible(help))),
        None => group,
    }
}

fn annotation<'a>(text: &str, mark: usize, span: &'a Span) -> Annotation<'a> {
    let kind = if span.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let label = (!span.label.is_empty()).then(|| visible(&span.label));
    kind.span(first_line(text, mark, &span.bytes)).label(label)
}

/// The part of a span on its first line: a bracket over a whole array hides what matters.
fn first_line(text: &str, mark: usize, bytes: &Range<usize>) -> Range<usize> {
    let start = bytes.start.saturating_sub(mark);
    let end = bytes.end.saturating_sub(mark);
    let line = text[start..end].lines().next().unwrap_or_default();
    start..start + line.len()
}

/// Labels may quote the topology, which must not send commands to the terminal. The renderer sees
/// to that only for titles and source lines.
fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(hidden, "\u{fffd}")
}

fn summary(report: &Report) -> String {
    let counts =
        [Severity::Error, Severity::Warning].map(|severity| (report.count(severity), severity));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| plural(*count, severity.as_str()))
        .collect();
    let allowed = match report.allowed {
        0 => String::new(),
        allowed => format!(" ({allowed} accepted by [[lint.allow]])"),
    };
    format!("{}: {}{allowed}", report.source.name, counts.join(", "))
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
