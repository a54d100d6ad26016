//! The report for people, in the form that rustc has made familiar.

use std::io;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Located, Report, Severity, Span};
use crate::document::{BYTE_ORDER_MARK, Source};

/// Longer source lines are cut around the spans, in columns.
const WIDTH: usize = 80;

/// Nobody reads more; the other formats have all.
const SHOWN: usize = 100;

/// Prints the first diagnostics with the lines that they speak of, then how many there were.
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
    for located in report.diagnostics.iter().take(SHOWN) {
        writeln!(out, "{}\n", renderer.render(&[group(&report.source, located)]))?;
    }
    match report.diagnostics.len().saturating_sub(SHOWN) {
        0 => {}
        hidden => writeln!(out, "and {hidden} more; --format json has all\n")?,
    }
    writeln!(out, "{}", summary(report))
}

fn group<'a>(source: &'a Source, located: &'a Located) -> Group<'a> {
    let level = match located.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // A default whose table is absent has no line of its own.
    let has_line = |span: &&Span| span.primary || !span.bytes.is_empty();
    let noted = located.spans.iter().filter(|span| !has_line(span));
    let shown: Vec<_> = located.spans.iter().filter(has_line).collect();
    let lines = Lines::around(&source.text, &shown);
    let snippet = Snippet::source(lines.text)
        .line_start(lines.first)
        .path(&source.name)
        .annotations(shown.iter().map(|span| annotation(&lines, span)));
    let group = level.primary_title(&located.message).id(located.code).element(snippet);
    let group =
        noted.fold(group, |group, span| group.element(Level::NOTE.message(visible(&span.label))));
    match &located.help {
        Some(help) => group.element(Level::HELP.message(visible(help))),
        None => group,
    }
}

/// The lines from the first span to the last: the renderer reads all that it is given.
struct Lines<'a> {
    text: &'a str,
    /// The number of the first.
    first: usize,
    /// The offset of `text` in the whole text.
    offset: usize,
}

impl<'a> Lines<'a> {
    fn around(text: &'a str, spans: &[&Span]) -> Self {
        let starts = || spans.iter().map(|span| span.bytes.start);
        let (first, last) =
            (starts().min().unwrap_or_default(), starts().max().unwrap_or_default());
        // A mark before the text would count as its first column.
        let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let offset = text[..first].rfind('\n').map_or(mark, |newline| newline + 1);
        let end = text[last..].find('\n').map_or(text.len(), |newline| last + newline + 1);
        let first = spans.iter().map(|span| span.line).min().unwrap_or(1);
        Self { text: &text[offset..end.max(offset)], first, offset }
    }

    /// The part of a span on its first line: a bracket over a whole array hides what matters.
    fn first_line(&self, bytes: &Range<usize>) -> Range<usize> {
        let start = bytes.start.saturating_sub(self.offset);
        let end = bytes.end.saturating_sub(self.offset).min(self.text.len());
        let line = self.text[start..end].lines().next().unwrap_or_default();
        start..start + line.len()
    }
}

fn annotation<'a>(lines: &Lines<'_>, span: &'a Span) -> Annotation<'a> {
    let kind = if span.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let label = (!span.label.is_empty()).then(|| visible(&span.label));
    kind.span(lines.first_line(&span.bytes)).label(label)
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
