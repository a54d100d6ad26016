//! The report for people, in the format of rustc.

use std::io;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Located, Report, Severity, ShownReport, Span, wrap};
use crate::source::{BYTE_ORDER_MARK, Source};
use meshwright_value::{count, printable};

/// The width of a line, in columns. Longer source lines are cut around the spans, text is wrapped.
const WIDTH: usize = 80;

/// The longest source line that is shown, in bytes: the renderer measures the whole of it each
/// time, and one line may be the whole file.
const LONGEST: usize = 4096;

/// The least width of a label beside a line, in columns.
const NARROWEST: usize = 24;

/// The most diagnostics that are printed for people; the other formats contain all.
const SHOWN: usize = 100;

/// Prints the first diagnostics with their source lines, then the number of all.
///
/// A report without diagnostics prints nothing.
///
/// # Errors
///
/// Those of `out`.
pub fn print(shown: &ShownReport, color: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let ShownReport(report) = shown;
    if report.diagnostics.is_empty() {
        return Ok(());
    }
    print_diagnostics(shown, color, out)?;
    match report.diagnostics.len().saturating_sub(SHOWN) {
        0 => {}
        hidden => writeln!(out, "and {hidden} more; --format json has all\n")?,
    }
    writeln!(out, "{}", summary(report))
}

/// Prints the first diagnostics with the lines that they point at, each with an empty line.
///
/// # Errors
///
/// Those of `out`.
pub fn print_diagnostics(
    ShownReport(report): &ShownReport,
    color: bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    report.diagnostics.iter().take(SHOWN).try_for_each(|located| {
        writeln!(out, "{}\n", renderer(color).render(&[group(&report.source, located)]))
    })
}

/// Prints an error that has no place in a file.
///
/// # Errors
///
/// Those of `out`.
pub fn print_failure(
    message: &str,
    help: Option<&str>,
    color: bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let title = Group::with_title(Level::ERROR.primary_title(message));
    let group =
        help.into_iter().fold(title, |group, help| group.element(Level::HELP.message(help)));
    // The default width: paths in messages are not cut.
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    writeln!(out, "{}", renderer.render(&[group]))
}

fn renderer(color: bool) -> Renderer {
    if color { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH)
}

fn group<'a>(source: &'a Source, located: &'a Located) -> Group<'a> {
    let level = match located.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // A default whose table is absent has no line.
    let has_line = |span: &&Span| span.primary || !span.bytes.is_empty();
    let noted = located.spans.iter().filter(|span| !has_line(span));
    let shown: Vec<_> = located.spans.iter().filter(has_line).collect();
    let header = format!("{}[{}]: ", located.severity.as_str(), located.code);
    let title = wrapped(&located.message, header.len());
    let group = Group::with_title(level.primary_title(title).id(located.code));
    let is_long = |span: &&Span| line_of(&source.text, span).len() > LONGEST;
    let has_no_line = |span: &&Span| span.line == 0 || is_long(span);
    let group = if shown.iter().any(has_no_line) {
        places(group, source, &shown)
    } else {
        group.element(snippet(source, &shown))
    };
    let indent = gutter(&shown);
    let text = |text: &str, sign: &str| wrapped(&printable_lines(text), indent + sign.len());
    let group = noted
        .fold(group, |group, span| group.element(Level::NOTE.message(text(&span.label, "note: "))));
    match &located.help {
        Some(help) => group.element(Level::HELP.message(text(help, "help: "))),
        None => group,
    }
}

/// The source lines of a diagnostic.
fn snippet<'a>(source: &'a Source, shown: &[&Span]) -> Snippet<'a, Annotation<'a>> {
    let lines = Lines::around(&source.text, shown);
    let marks: Vec<_> = shown.iter().flat_map(|span| annotations(&lines, span, shown)).collect();
    Snippet::source(lines.text).line_start(lines.first).path(&source.name).annotations(marks)
}

/// The places without their lines.
fn places<'a>(group: Group<'a>, source: &'a Source, shown: &[&Span]) -> Group<'a> {
    let group = shown.iter().fold(group, |group, Span { line, column, .. }| match line {
        0 => group.element(Origin::path(&source.name)),
        _ => group.element(Origin::path(&source.name).line(*line).char_column(*column)),
    });
    let labels =
        shown.iter().map(|span| printable_lines(&span.label)).filter(|label| !label.is_empty());
    labels.fold(group, |group, label| group.element(Level::NOTE.message(label)))
}

/// The line on which a span starts.
fn line_of<'a>(text: &'a str, span: &Span) -> &'a str {
    let (before, behind) = text.split_at(span.bytes.start);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let end = behind.find('\n').map_or(text.len(), |newline| before.len() + newline);
    &text[start..end]
}

/// Text after that many columns.
fn wrapped(text: &str, behind: usize) -> String {
    wrap::lines(text, WIDTH.saturating_sub(behind)).join("\n")
}

/// The columns before the source: the line numbers, as wide as the last, and ` | `.
fn gutter(spans: &[&Span]) -> usize {
    let last = spans.iter().map(|span| span.line).max().unwrap_or(1);
    last.to_string().len() + " | ".len()
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

    /// The parts of a line before and after an offset.
    fn split(&self, offset: usize) -> [&str; 2] {
        let (before, behind) = self.text.split_at(offset);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        [&before[start..], behind.lines().next().unwrap_or_default()]
    }

    /// The part of a span on its first line: a bracket over a whole array would hide the other
    /// marks.
    fn first_line(&self, bytes: &Range<usize>) -> Range<usize> {
        let start = bytes.start.saturating_sub(self.offset);
        let end = bytes.end.saturating_sub(self.offset).min(self.text.len());
        let line = self.text[start..end].lines().next().unwrap_or_default();
        start..start + line.len()
    }
}

/// A span with its label. Several labels of one span are printed below it, each on its own line.
/// The lines of a wrapped label are printed in the same way.
fn annotations<'a>(lines: &Lines<'_>, span: &Span, all: &[&Span]) -> Vec<Annotation<'a>> {
    let kind = if span.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let bytes = lines.first_line(&span.bytes);
    let labels = label_lines(lines, span, all).into_iter().map(|label| {
        let label = (!label.is_empty()).then_some(label);
        kind.span(bytes.clone()).label(label)
    });
    labels.collect()
}

/// A label in one line, or in several where it would pass the last column.
fn label_lines(lines: &Lines<'_>, span: &Span, all: &[&Span]) -> Vec<String> {
    let label = printable_lines(&span.label);
    let bytes = lines.first_line(&span.bytes);
    let [before, behind] = lines.split(bytes.start);
    // The position of a line that the renderer cuts is not known here.
    if before.len() + behind.len() > WIDTH * char::MAX.len_utf8() {
        return vec![label];
    }
    let (gutter, marked) = (gutter(all), wrap::width(&lines.text[bytes]));
    let (before, behind) = (wrap::width(before), wrap::width(behind));
    let is_last = all.iter().all(|other| other.line != span.line || other.column <= span.column);
    let beside = if is_last { marked + " ".len() } else { 0 };
    let fits = gutter + before + beside + wrap::width(&label) <= WIDTH;
    if fits || gutter + before + behind > WIDTH {
        return vec![label];
    }
    let room = WIDTH.saturating_sub(gutter + before).max(NARROWEST);
    // One line alone would be put beside the span again: two of about the same width.
    let half = wrap::width(&label).div_ceil(2);
    let mut halves = (half..room).map(|width| wrap::lines(&label, width));
    halves.find(|lines| lines.len() == 2).unwrap_or_else(|| wrap::lines(&label, room))
}

/// Labels can quote the topology, which must not send commands to the terminal. The renderer
/// replaces such characters only in titles and source lines.
fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

fn summary(report: &Report) -> String {
    let counts: Vec<String> = [Severity::Error, Severity::Warning]
        .iter()
        .map(|severity| (report.count(*severity), severity))
        .filter(|(number, _)| *number > 0)
        .map(|(number, severity)| count(number, severity.as_str()))
        .collect();
    let allowed = match report.allowed {
        0 => String::new(),
        allowed => format!(" ({allowed} accepted by [[lint.allow]])"),
    };
    format!("{}: {}{allowed}", report.source.name, counts.join(", "))
}
