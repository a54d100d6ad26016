//! What a report may show: the only form in which it is printed.

use super::{Change, Located, Report, Span};
use crate::source::Source;
use meshwright_value::{Mask, printable, printable_lines};

/// A report without what looks like a secret, and without characters that a terminal interprets.
///
/// The formats take this type, not a [`Report`], so that none of them can print the source as it is.
/// Lines and columns are those of the source.
#[derive(Debug)]
pub struct ShownReport(pub(super) Report);

impl ShownReport {
    /// Hides the secrets of a report.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let Report { source, diagnostics, allowed } = report;
        let mut mask = Mask::of(&source.text);
        let known = diagnostics.iter().flat_map(|located| &located.secrets);
        mask.add_secrets(known.map(String::as_str));
        let text = without_c1(&mask.hide_in_source(&source.text));
        Self(Report {
            source: Source { name: printable(&source.name), text },
            diagnostics: diagnostics.iter().map(|located| shown(located, &mask)).collect(),
            allowed: *allowed,
        })
    }
}

/// The text with another character, of the same length, for each control character that TOML allows and
/// that the renderer of source lines does not replace (U+0080 to U+009F): some terminals interpret them.
fn without_c1(text: &str) -> String {
    text.replace(|c| matches!(c, '\u{80}'..='\u{9f}'), "\u{b7}")
}

fn shown(located: &Located, mask: &Mask) -> Located {
    let text = |text: &String| printable_lines(&mask.hide(text));
    let span = |span: &Span| Span { label: text(&span.label), ..span.clone() };
    Located {
        code: located.code,
        severity: located.severity,
        message: text(&located.message),
        help: located.help.as_ref().map(text),
        change: located.change.clone().filter(|change| is_without_secret(change, mask)),
        secrets: Vec::new(),
        spans: located.spans.iter().map(span).collect(),
    }
}

/// Whether a change can be shown as a whole. A program that made a change with a hidden value would
/// write stars.
fn is_without_secret(change: &Change, mask: &Mask) -> bool {
    let (at, value) = match change {
        Change::Replace { at, value } | Change::Insert { at, value } => {
            (at.to_string(), value.as_str())
        }
        Change::ReplaceText { text, .. } => (String::new(), text.as_str()),
        Change::Remove { at } => (at.to_string(), ""),
    };
    [at.as_str(), value].into_iter().all(|text| mask.hide(text) == *text)
}
