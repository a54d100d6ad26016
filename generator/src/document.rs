//! The topology as text and as a TOML tree: the only file that knows where a value stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Finding, Label, Located, Place, Severity, Span};
use crate::route::{Route, Step};

/// Code of a fault in the TOML grammar itself.
pub const SYNTAX: &str = "toml-syntax";

/// A text with the name that messages call it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user gave it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A parsed topology that can say where each of its values stands.
#[derive(Debug)]
pub struct Document<'source> {
    source: &'source Source,
    root: Spanned<DeValue<'source>>,
    line_starts: Vec<usize>,
}

/// What a [`Place`] resolves to.
struct Site {
    bytes: Range<usize>,
    /// False when the value is absent and the table that would hold it is pointed at instead.
    exact: bool,
}

impl<'source> Document<'source> {
    /// Reads the TOML grammar; reports every error of it, not only the first.
    ///
    /// The document is always there, so that the errors can be located in it.
    #[must_use]
    pub fn parse(source: &'source Source) -> (Self, Vec<Diagnostic>) {
        let (root, errors) = DeTable::parse_recoverable(&source.text);
        let root = Spanned::new(root.span(), DeValue::Table(root.into_inner()));
        let line_starts = line_starts(&source.text);
        let diagnostics = errors.iter().map(|error| syntax(error, source.text.len())).collect();
        (Self { source, root, line_starts }, diagnostics)
    }

    /// The text that was parsed.
    #[must_use]
    pub fn source(&self) -> &'source Source {
        self.source
    }

    /// The top-level table.
    #[must_use]
    pub fn root(&self) -> &Spanned<DeValue<'source>> {
        &self.root
    }

    /// Finds the lines and columns of a diagnostic.
    ///
    /// A label whose value is absent points at the table that would hold it, and says so.
    #[must_use]
    pub fn locate(&self, diagnostic: Diagnostic) -> Located {
        let Diagnostic { code, severity, finding } = diagnostic;
        let labels = finding.labels.into_iter().enumerate();
        let spans = labels.map(|(position, label)| self.span(label, position == 0)).collect();
        Located { code, severity, message: finding.message, help: finding.help, spans }
    }

    fn span(&self, label: Label, primary: bool) -> Span {
        let Site { bytes, exact } = self.site(&label.place);
        let label = if exact { label.text } else { format!("{} (by default)", label.text) };
        let (line, column) = self.line_and_column(bytes.start);
        let (end_line, end_column) = self.line_and_column(bytes.end);
        Span { bytes, line, column, end_line, end_column, label, primary }
    }

    fn site(&self, place: &Place) -> Site {
        match place {
            Place::Bytes(bytes) => Site { bytes: self.clamp(bytes), exact: true },
            Place::Key(route) => self.walk(route, true),
            Place::Value(route) => self.walk(route, false),
        }
    }

    fn walk(&self, route: &Route, want_key: bool) -> Site {
        let mut value = &self.root;
        let mut bytes = 0..0;
        for step in route.steps() {
            let next = match (step, value.get_ref()) {
                (Step::Key(key), DeValue::Table(table)) => table.get_key_value(key.as_ref()),
                (Step::Index(index), DeValue::Array(array)) => {
                    let Some(element) = array.get(*index) else { break };
                    (value, bytes) = (element, element.span());
                    continue;
                }
                _ => None,
            };
            let Some((key, child)) = next else {
                return Site { bytes: self.clamp(&bytes), exact: false };
            };
            bytes = if want_key { key.span() } else { child.span() };
            value = child;
        }
        Site { bytes: self.clamp(&bytes), exact: true }
    }

    /// Bytes inside the text, on character boundaries: parsers have been seen to overshoot.
    fn clamp(&self, bytes: &Range<usize>) -> Range<usize> {
        let text = &self.source.text;
        let start = text.floor_char_boundary(bytes.start.min(text.len()));
        let end = text.ceil_char_boundary(bytes.end.clamp(start, text.len()));
        start..end
    }

    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).map_or(0, |index| self.line_starts[index]);
        (line.max(1), self.source.text[start..offset].chars().count() + 1)
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after_newlines = text.match_indices('\n').map(|(offset, _)| offset + 1);
    std::iter::once(0).chain(after_newlines).collect()
}

fn syntax(error: &toml::de::Error, end: usize) -> Diagnostic {
    let place = Place::Bytes(error.span().unwrap_or(end..end));
    let finding = Finding::at(error.message().replace('\n', ", "), place, "");
    Diagnostic { code: SYNTAX, severity: Severity::Error, finding }
}
