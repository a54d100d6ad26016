//! The topology as text and as a TOML tree: the only module that knows the place of a value.

mod syntax;
mod tree;

use std::string::FromUtf8Error;

use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Finding, Label, LabelPlace, Located, Report, Severity, Span};
use crate::route::{Route, Step};
use crate::source::{LineIndex, Source, clamp};

pub use tree::{TomlInteger, TomlItem, TomlTable, TomlValue};

/// Code of a fault in the TOML grammar itself.
pub const SYNTAX: &str = "toml-syntax";

/// Code of a file that is larger than a topology can be.
pub const FILE_TOO_LARGE: &str = "file-too-large";

/// How long a topology can be, in bytes; five thousand nodes fit. All that is wrong with a file of
/// this size is found in a second.
pub const LARGEST: usize = 1024 * 1024;

/// Reads the bytes of a topology, of which no more than [`LARGEST`] and one need be there.
///
/// # Errors
///
/// A report of the first byte that is too much, or not UTF-8.
pub fn decode(name: String, bytes: Vec<u8>) -> Result<Source, Box<Report>> {
    if let Some(whole) = bytes.get(..LARGEST).filter(|whole| whole.len() < bytes.len()) {
        return Err(Box::new(too_large(name, whole)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(fault) => Err(Box::new(not_utf8(name, &fault))),
    }
}

/// `whole` is what could have been taken.
fn too_large(name: String, whole: &[u8]) -> Report {
    let text = String::from_utf8_lossy(whole).into_owned();
    let place = LabelPlace::Bytes(text.len()..text.len());
    let message = format!("the file is larger than {LARGEST} bytes");
    let finding = Finding::at_place(message, place, "no topology is longer than this")
        .help("name the file that people write with `--topology`");
    let source = Source { name, text };
    located(source, Diagnostic { code: FILE_TOO_LARGE, severity: Severity::Error, finding })
}

/// The replacement for the broken bytes comes after the valid bytes, so their places are right.
fn not_utf8(name: String, fault: &FromUtf8Error) -> Report {
    let start = fault.utf8_error().valid_up_to();
    let byte = fault.as_bytes().get(start).copied().unwrap_or_default();
    let place = LabelPlace::Bytes(start..start + char::REPLACEMENT_CHARACTER.len_utf8());
    let finding =
        Finding::at_place("the file is not UTF-8", place, format!("the byte 0x{byte:02x}"))
            .help("save the file as UTF-8");
    let text = String::from_utf8_lossy(fault.as_bytes()).into_owned();
    let source = Source { name, text };
    located(source, Diagnostic { code: SYNTAX, severity: Severity::Error, finding })
}

/// The report of a text that is not read.
fn located(source: Source, diagnostic: Diagnostic) -> Report {
    let (document, _) = Document::parse(source);
    document.report(vec![diagnostic], 0)
}

/// A parsed topology with the place of each value.
#[derive(Debug)]
pub struct Document {
    source: Source,
    root: TomlItem,
    lines: LineIndex,
}

/// The end of a route, as far as it is written.
struct Site<'a> {
    /// The last item of the route that the text contains.
    item: &'a TomlItem,
    /// Whether that is the end of the route.
    is_end: bool,
}

impl Document {
    /// Reads the TOML grammar; reports every error of it, not only the first.
    ///
    /// The document is always there, so that the errors can be located in it.
    #[must_use]
    pub fn parse(source: Source) -> (Self, Vec<Diagnostic>) {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        let root = TomlItem::root(table);
        let lines = LineIndex::new(&source.text);
        let diagnostics = syntax::diagnostics(&errors, &source.text, lines.line_starts());
        (Self { source, root, lines }, diagnostics)
    }

    /// The text that was parsed.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The top-level table.
    #[must_use]
    pub fn root(&self) -> &TomlItem {
        &self.root
    }

    /// The value at a route; `None` where it is not written.
    #[must_use]
    pub fn item(&self, route: &Route) -> Option<&TomlItem> {
        route.steps().iter().try_fold(&self.root, child)
    }

    /// A report of these diagnostics at their lines and columns.
    #[must_use]
    pub fn report(&self, diagnostics: Vec<Diagnostic>, allowed: usize) -> Report {
        let located = diagnostics.into_iter().map(|found| self.locate(found)).collect();
        Report::new(self.source.clone(), located, allowed)
    }

    /// Finds the lines and columns of a diagnostic.
    ///
    /// A label whose value is absent points at the deepest table that is there, at the start of the
    /// text when that is the document itself. The primary span is the first that a reader can see.
    #[must_use]
    pub fn locate(&self, diagnostic: Diagnostic) -> Located {
        let Diagnostic { code, severity, finding } = diagnostic;
        let Finding { message, labels, help, change, secrets } = finding;
        let mut spans: Vec<_> = labels.into_iter().map(|label| self.span(label)).collect();
        let visible = spans.iter().position(|span| !span.bytes.is_empty()).unwrap_or_default();
        if let Some(first) = spans.get_mut(..=visible) {
            first.rotate_right(1);
            first[0].primary = true;
        }
        Located { code, severity, message, help, change, secrets, spans }
    }

    fn span(&self, label: Label) -> Span {
        let Label { place, text } = label;
        let (bytes, label) = match place {
            LabelPlace::Bytes(bytes) => (bytes, text),
            LabelPlace::Key(route) => (self.walk(&route).item.key.clone(), text),
            LabelPlace::Missing(route) => (self.walk(&route).item.bytes.clone(), text),
            LabelPlace::Value(route) => match self.walk(&route) {
                Site { item, is_end: true } => (item.bytes.clone(), text),
                Site { item, is_end: false } => {
                    (item.bytes.clone(), format!("{text} (by default)"))
                }
            },
        };
        let text = &self.source.text;
        let bytes = clamp(text, &bytes);
        let (line, column) = self.lines.line_and_column(text, bytes.start);
        let (end_line, end_column) = self.lines.line_and_column(text, bytes.end);
        Span { bytes, line, column, end_line, end_column, label, primary: false }
    }

    fn walk(&self, route: &Route) -> Site<'_> {
        let mut item = &self.root;
        for step in route.steps() {
            let Some(next) = child(item, step) else { return Site { item, is_end: false } };
            item = next;
        }
        Site { item, is_end: true }
    }
}

/// The item that one step leads to.
fn child<'a>(item: &'a TomlItem, step: &Step) -> Option<&'a TomlItem> {
    match (step, &item.value) {
        (Step::Key(key), TomlValue::Table(table)) => table.get(key.as_ref()),
        (Step::Index(index), TomlValue::Array(array)) => array.get(*index),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
[network] # header
pod.subnet = \"10.0.0.0/16\"

[[nodes]]
name = \"香港\"
labels = { zone = \"a\", rack.row = 7 }
ports = [
  1,
  2,
]

[nodes.taints]
key = \"k\"

[[nodes]]

[deep.er]
x = true
";

    fn locate(text: &str, place: LabelPlace) -> (String, Span) {
        let source = Source { name: "topology.toml".to_owned(), text: text.to_owned() };
        let finding = Finding::at_place("message", place, "label");
        let diagnostic = Diagnostic { code: "code", severity: Severity::Error, finding };
        let span = Document::parse(source).0.locate(diagnostic).spans.swap_remove(0);
        (text[span.bytes.clone()].to_owned(), span)
    }

    /// `nodes.0.name` as a route.
    fn route(path: &str) -> Route {
        path.split_terminator('.').fold(Route::root(), |route, step| match step.parse() {
            Ok(index) => route.index(index),
            Err(_) => route.key(step.to_owned()),
        })
    }

    #[test]
    fn values_that_are_there() {
        let cases = [
            ("", "", (1, 1), (1, 1)),
            ("network", "[network]", (1, 1), (1, 10)),
            ("network.pod", "pod", (2, 1), (2, 4)),
            ("network.pod.subnet", "\"10.0.0.0/16\"", (2, 14), (2, 27)),
            ("nodes", "[[nodes]]", (4, 1), (4, 10)),
            ("nodes.0", "[[nodes]]", (4, 1), (4, 10)),
            ("nodes.0.name", "\"香港\"", (5, 8), (5, 12)),
            ("nodes.0.labels", "{ zone = \"a\", rack.row = 7 }", (6, 10), (6, 38)),
            ("nodes.0.labels.zone", "\"a\"", (6, 19), (6, 22)),
            ("nodes.0.labels.rack.row", "7", (6, 35), (6, 36)),
            ("nodes.0.ports", "[\n  1,\n  2,\n]", (7, 9), (10, 2)),
            ("nodes.0.ports.1", "2", (9, 3), (9, 4)),
            ("nodes.0.taints", "[nodes.taints]", (12, 1), (12, 15)),
            ("nodes.1", "[[nodes]]", (15, 1), (15, 10)),
            ("deep", "deep", (17, 2), (17, 6)),
            ("deep.er.x", "true", (18, 5), (18, 9)),
        ];
        for (path, expected, from, to) in cases {
            let (found, span) = locate(TEXT, LabelPlace::Value(route(path)));
            assert_eq!(found, expected, "{path}");
            assert_eq!((span.line, span.column), from, "{path}");
            assert_eq!((span.end_line, span.end_column), to, "{path}");
            assert_eq!(span.label, "label", "{path}");
        }
    }

    #[test]
    fn values_that_are_absent() {
        let cases = [
            ("ingress", "", (1, 1)),
            ("ingress.controller", "", (1, 1)),
            ("network.node_subnet", "[network]", (1, 1)),
            ("network.pod.prefix", "pod", (2, 1)),
            ("nodes.0.id", "[[nodes]]", (4, 1)),
            ("nodes.1.id", "[[nodes]]", (15, 1)),
            ("nodes.7.id", "[[nodes]]", (4, 1)),
            ("nodes.0.labels.x", "{ zone = \"a\", rack.row = 7 }", (6, 10)),
            ("nodes.0.name.x", "\"香港\"", (5, 8)),
            ("nodes.0.ports.2", "[\n  1,\n  2,\n]", (7, 9)),
        ];
        for (path, expected, from) in cases {
            let by_default = locate(TEXT, LabelPlace::Value(route(path)));
            let missing = locate(TEXT, LabelPlace::Missing(route(path)));
            assert_eq!((by_default.0.as_str(), missing.0.as_str()), (expected, expected), "{path}");
            assert_eq!((missing.1.line, missing.1.column), from, "{path}");
            assert_eq!(by_default.1.label, "label (by default)", "{path}");
            assert_eq!(missing.1.label, "label", "{path}");
        }
    }

    #[test]
    fn keys() {
        let cases = [
            ("network", "network"),
            ("network.pod.subnet", "subnet"),
            ("nodes", "nodes"),
            ("nodes.1", "[[nodes]]"),
            ("nodes.0.labels.rack.row", "row"),
            ("nodes.0.taints", "taints"),
            ("deep", "deep"),
            ("deep.er", "er"),
        ];
        for (path, expected) in cases {
            assert_eq!(locate(TEXT, LabelPlace::Key(route(path))).0, expected, "{path}");
        }
    }

    #[test]
    fn bytes_that_are_no_text() {
        let decoded = decode("topology.toml".to_owned(), b"a = \"\xff\"\n".to_vec());
        let report = decoded.unwrap_err();
        let spans = &report.diagnostics[0].spans;
        assert_eq!(spans[0].bytes, 5..8);
        assert_eq!((spans[0].line, spans[0].column, spans[0].end_column), (1, 6, 7));
    }

    #[test]
    fn columns_of_a_line_of_many_blocks() {
        let text = format!("a = 1\n# {}|\n", "香".repeat(3000));
        let at = text.find('|').unwrap();
        let (found, span) = locate(&text, LabelPlace::Bytes(at..at + 1));
        assert_eq!((found.as_str(), span.line, span.column), ("|", 2, 3003));
        assert_eq!((span.end_line, span.end_column), (2, 3004));
    }

    #[test]
    fn bytes_outside_of_the_text_are_moved_into_it() {
        let cases = [
            ("", 0..0, (1, 1)),
            ("", 5..9, (1, 1)),
            ("a = 1\n", 6..6, (1, 6)),
            ("a = 1\r\n\r\n", 9..9, (1, 6)),
            ("a = 1\n\nb = 1", 6..6, (2, 1)),
            ("a = \"香\"", 6..7, (1, 6)),
            ("\u{feff}a = 1", 3..4, (1, 1)),
        ];
        for (text, bytes, expected) in cases {
            let (_, span) = locate(text, LabelPlace::Bytes(bytes));
            assert_eq!((span.line, span.column), expected, "{text:?}");
        }
    }
}
