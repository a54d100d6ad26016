//! Diagnostics: the findings of all stages, and the formats in which they are printed.
//!
//! A rule makes a [`Finding`]: text and [`LabelPlace`]s. [`crate::check`] adds code and severity,
//! which makes it a [`Diagnostic`]. The document converts its places to lines and columns.
//! [`human`], [`json`], [`github`] and [`sarif`] print a [`ShownReport`] of these.

mod fix;
pub mod github;
pub mod human;
pub mod json;
mod problems;
pub mod sarif;
pub mod schema;
mod shown;
pub(crate) mod wording;
mod wrap;

use std::cmp::Ordering;
use std::io;
use std::ops::Range;

pub use fix::{Change, Fix};
pub use problems::{ERRORS_TOO_MANY, Problems};
pub use shown::ShownReport;

use crate::route::Route;
use crate::source::Source;

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The cluster would not work, or not be private: nothing is generated.
    Error,
    /// The cluster works, but with a risk; can be accepted with `[[lint.allow]]`.
    Warning,
}

impl Severity {
    /// The word that every printer uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The part of the document that a label points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelPlace {
    /// The value at a route. A value that is not written is a default: the table that could hold it
    /// is pointed at, and the label names it as a default.
    Value(Route),
    /// A value that should be there and is not: the table that has to hold it.
    Missing(Route),
    /// The key that a route ends in, rather than its value.
    Key(Route),
    /// Bytes of the source text; only the TOML parser knows no route.
    Bytes(Range<usize>),
}

/// A place with the text about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub place: LabelPlace,
    /// The text: lower case, no full stop. May be empty.
    pub text: String,
}

/// One fault that a rule has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The description of the fault: lower case, no full stop.
    pub message: String,
    /// Every place that takes part; the first is where the fault is.
    pub labels: Vec<Label>,
    /// The remedy, with the corrected value where there is exactly one.
    pub help: Option<String>,
    /// The change that the help describes, where there is exactly one.
    pub change: Option<Change>,
    /// Texts of the document that are known to be secrets, and that are never printed.
    pub secrets: Vec<String>,
}

impl Finding {
    /// A fault at the value of `route`.
    pub fn new(message: impl Into<String>, route: &Route, label: impl Into<String>) -> Self {
        Self::at_place(message, LabelPlace::Value(route.clone()), label)
    }

    /// A fault that is the absence of the value of `route`.
    pub fn missing(message: impl Into<String>, route: &Route, label: impl Into<String>) -> Self {
        Self::at_place(message, LabelPlace::Missing(route.clone()), label)
    }

    /// A fault at any place.
    pub fn at_place(
        message: impl Into<String>,
        place: LabelPlace,
        label: impl Into<String>,
    ) -> Self {
        let label = Label { place, text: label.into() };
        Self {
            message: message.into(),
            labels: vec![label],
            help: None,
            change: None,
            secrets: Vec::new(),
        }
    }

    /// A further place that takes part, such as the other owner of a duplicate.
    #[must_use]
    pub fn and(mut self, route: &Route, label: impl Into<String>) -> Self {
        let place = LabelPlace::Value(route.clone());
        self.labels.push(Label { place, text: label.into() });
        self
    }

    /// Adds a text of the document that is known to be a secret.
    #[must_use]
    pub fn hiding(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Adds the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the remedy and its change, where there is exactly one.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        (self.help, self.change) = (Some(fix.help), Some(fix.change));
        self
    }
}

/// A [`Finding`] with its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kebab-case name of the fault, stable across releases.
    pub code: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// The text and the places.
    pub finding: Finding,
}

/// A place in the source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Byte offsets into [`Source::text`], on character boundaries.
    pub bytes: Range<usize>,
    /// The first line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The first column, from 1, in characters.
    pub column: usize,
    /// The line on which it ends.
    pub end_line: usize,
    /// The column after its last character; equal to `column` where the span is empty.
    pub end_column: usize,
    /// The text at this place; may be empty.
    pub label: String,
    /// Whether this is the place of the fault.
    pub primary: bool,
}

impl Span {
    /// The order of the spans of one diagnostic.
    fn order(&self) -> (usize, usize, &str) {
        (self.bytes.start, self.bytes.end, &self.label)
    }
}

/// A [`Diagnostic`] whose places are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// See [`Diagnostic::code`].
    pub code: &'static str,
    /// See [`Diagnostic::severity`].
    pub severity: Severity,
    /// See [`Finding::message`].
    pub message: String,
    /// See [`Finding::help`].
    pub help: Option<String>,
    /// See [`Finding::change`].
    pub change: Option<Change>,
    /// See [`Finding::secrets`].
    pub secrets: Vec<String>,
    /// Every place that takes part; the first is the primary one.
    pub spans: Vec<Span>,
}

impl Located {
    /// By place, then by everything in which two of them can differ.
    fn order(&self, other: &Self) -> Ordering {
        let place = |located: &Self| (located.start(), located.code);
        place(self)
            .cmp(&place(other))
            .then_with(|| self.message.cmp(&other.message))
            .then_with(|| self.help.cmp(&other.help))
            .then_with(|| {
                self.spans.iter().map(Span::order).cmp(other.spans.iter().map(Span::order))
            })
    }

    fn start(&self) -> usize {
        self.spans.first().map_or(0, |span| span.bytes.start)
    }
}

/// Everything that was found in one document, ordered by place.
#[derive(Debug, Clone)]
pub struct Report {
    /// The text that the spans point into.
    pub source: Source,
    /// The diagnostics, by place in the file.
    pub diagnostics: Vec<Located>,
    /// How many warnings `[[lint.allow]]` has accepted.
    pub allowed: usize,
}

impl Report {
    /// A report in the order of the text. A finding that was found twice is reported once.
    #[must_use]
    pub fn new(source: Source, located: Vec<Located>, allowed: usize) -> Self {
        let mut report = Self { source, diagnostics: Vec::new(), allowed };
        report.extend(located);
        report
    }

    /// Adds further diagnostics, each at its place.
    pub fn extend(&mut self, located: impl IntoIterator<Item = Located>) {
        self.diagnostics.extend(located);
        self.diagnostics.sort_by(Located::order);
        self.diagnostics.dedup();
    }

    /// How many diagnostics have this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == severity).count()
    }
}

/// The output format of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// People at a terminal: see [`human`].
    #[default]
    Human,
    /// Programs: see [`json`].
    Json,
    /// GitHub Actions, which shows them beside the lines of a pull request: see [`github`].
    Github,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Human, Self::Json, Self::Github];

    /// The word by which users choose it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Github => "github",
        }
    }
}

/// Prints a report. `color` is for people alone.
///
/// # Errors
///
/// Those of `out`.
pub fn print(
    report: &Report,
    format: Format,
    color: bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let shown = ShownReport::new(report);
    match format {
        Format::Human => human::print(&shown, color, out),
        Format::Json => json::print(&shown, out),
        Format::Github => github::print(&shown, out),
    }
}
