//! Corrections of `topology.toml`: the changes that findings carry, made in its text. Everything else
//! stays byte for byte: comments, order, line ends and spacing.

use std::ops::Range;

use super::insertion::{end_of_keys, has_header, insertion, is_array_of_tables, is_inline};
use meshwright_compiler::diagnostic::Change;
use meshwright_compiler::document::{Document, TomlItem, TomlValue};
use meshwright_compiler::route::{Route, Step};

/// Makes the changes, and returns the new text with their number. A change that overlaps an earlier
/// one in the text is left for the next time.
#[must_use]
pub fn apply(document: &Document, changes: &[&Change]) -> (String, usize) {
    let splices = changes.iter().filter_map(|change| splice(document, change)).collect();
    spliced(&document.source().text, splices)
}

/// The text after all splices, and their number. One that overlaps an earlier one is left out.
pub(super) fn spliced(text: &str, mut splices: Vec<Splice>) -> (String, usize) {
    splices.sort_by_key(|splice| (splice.bytes.start, splice.bytes.end));
    splices.dedup();
    let mut edited = String::with_capacity(text.len());
    let (mut copied, mut count) = (0, 0);
    for Splice { bytes, with } in splices {
        if bytes.start < copied {
            continue;
        }
        edited.push_str(&text[copied..bytes.start]);
        edited.push_str(&with);
        copied = bytes.end;
        count += 1;
    }
    edited.push_str(&text[copied..]);
    (edited, count)
}

/// Bytes of the text, and the text that replaces them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) bytes: Range<usize>,
    pub(super) with: String,
}

fn splice(document: &Document, change: &Change) -> Option<Splice> {
    match change {
        Change::Replace { at, value } => {
            Some(Splice { bytes: document.item(at)?.bytes.clone(), with: value.clone() })
        }
        Change::Insert { at, value } => {
            let (table, key) = at.split_last()?;
            let Step::Key(key) = key else { return None };
            let assignment = format!("{}{key} = {value}", dotted_prefix(document, &table));
            let text = &document.source().text;
            let is_inline = is_within_inline(document, &table);
            let (offset, with) = insertion(text, document.item(&table)?, is_inline, &assignment)?;
            Some(Splice { bytes: offset..offset, with })
        }
        Change::ReplaceText { bytes, text } => {
            Some(Splice { bytes: bytes.clone(), with: text.clone() })
        }
        Change::Remove { at } => {
            Some(Splice { bytes: removal(document, at)?, with: String::new() })
        }
    }
}

/// The keys that lead to a table from the next table around it with a header or braces: `cluster.` if the
/// table is written as `cluster.name = …`.
fn dotted_prefix(document: &Document, table: &Route) -> String {
    let text = &document.source().text;
    let Some((parent, Step::Key(key))) = table.split_last() else { return String::new() };
    match document.item(table) {
        Some(item) if !is_inline(text, item) && !has_header(text, item) => {
            format!("{}{key}.", dotted_prefix(document, &parent))
        }
        _ => String::new(),
    }
}

/// The bytes that are removed with a value: its key, its comma or its lines, and a comment behind it.
fn removal(document: &Document, at: &Route) -> Option<Range<usize>> {
    let text = &document.source().text;
    let (parent, last) = at.split_last()?;
    let item = document.item(at)?;
    match last {
        Step::Key(_) if matches!(item.value, TomlValue::Table(_)) && !is_inline(text, item) => None,
        Step::Key(_) if is_array_of_tables(item) => None,
        Step::Key(_) => {
            let bytes = item.key.start..item.bytes.end;
            Some(if is_within_inline(document, &parent) {
                element(text, bytes)
            } else {
                lines(text, bytes)
            })
        }
        Step::Index(_) if is_array_of_tables(document.item(&parent)?) => {
            let end = end_of_keys(text, item).unwrap_or(item.bytes.end);
            Some(with_blank_lines(text, lines(text, item.bytes.start..end)))
        }
        Step::Index(_) => Some(element(text, item.bytes.clone())),
    }
}

/// Whether a value is, or is inside of, an inline table.
fn is_within_inline(document: &Document, at: &Route) -> bool {
    let text = &document.source().text;
    let is_inline_table = |item: &TomlItem| is_inline(text, item);
    let mut current = Some(at.clone());
    while let Some(route) = current {
        if document.item(&route).is_some_and(is_inline_table) {
            return true;
        }
        current = route.split_last().map(|(parent, _)| parent);
    }
    false
}

/// The whole lines of an assignment, with the comment behind it and the line break.
pub(super) fn lines(text: &str, bytes: Range<usize>) -> Range<usize> {
    let start = text[..bytes.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[bytes.end..].find('\n').map_or(text.len(), |newline| bytes.end + newline + 1);
    start..end
}

/// Adds the blank lines that follow, so that one blank line remains between two blocks. For the last
/// block, adds the blank lines before it.
pub(super) fn with_blank_lines(text: &str, bytes: Range<usize>) -> Range<usize> {
    let after = &text[bytes.end..];
    let blank = after.len() - after.trim_start().len();
    if blank < after.len() {
        let end = after[..blank].rfind('\n').map_or(bytes.end, |newline| bytes.end + newline + 1);
        return bytes.start..end;
    }
    let before = text[..bytes.start].trim_end();
    let start = text[before.len()..bytes.start]
        .find('\n')
        .map_or(bytes.start, |newline| before.len() + newline + 1);
    start..text.len()
}

/// An element of an array or inline table with its comma; the whole line if the line contains nothing
/// else.
fn element(text: &str, bytes: Range<usize>) -> Range<usize> {
    let after = &text[bytes.end..];
    let spaces = after.len() - after.trim_start().len();
    if after[spaces..].starts_with(',') {
        let whole = bytes.start..bytes.end + spaces + 1;
        return own_line(text, &whole).unwrap_or_else(|| whole.start..past_spaces(text, whole.end));
    }
    let before = text[..bytes.start].trim_end();
    let start = if before.ends_with(',') { before.len() - 1 } else { bytes.start };
    own_line(text, &bytes).unwrap_or(start..bytes.end)
}

/// The whole line, if it contains only these bytes and a comment.
fn own_line(text: &str, bytes: &Range<usize>) -> Option<Range<usize>> {
    let line = lines(text, bytes.clone());
    let before = text[line.start..bytes.start].trim();
    let after = text[bytes.end..line.end].trim();
    (before.is_empty() && (after.is_empty() || after.starts_with('#'))).then_some(line)
}

fn past_spaces(text: &str, offset: usize) -> usize {
    let rest = &text[offset..];
    offset + rest.len() - rest.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshwright_compiler::diagnostic::Fix;
    use meshwright_compiler::source::Source;

    fn document(text: &str) -> Document {
        Document::parse(Source { name: "topology.toml".to_owned(), text: text.to_owned() }).0
    }

    /// `nodes.0.name` as a route.
    fn route(path: &str) -> Route {
        path.split('.').fold(Route::root(), |route, step| match step.parse() {
            Ok(index) => route.index(index),
            Err(_) => route.key(step.to_owned()),
        })
    }

    fn removed(text: &str, path: &str) -> String {
        apply(&document(text), &[&Change::Remove { at: route(path) }]).0
    }

    #[test]
    fn replaces_only_the_value() {
        let replacement = Fix::suggest(&route("a.b"), "10.0.0.0/8").change;
        let edited =
            apply(&document("[a] # x\r\n  b  =  '10.0.0.1/8' # why\r\n"), &[&replacement]).0;
        assert_eq!(edited, "[a] # x\r\n  b  =  \"10.0.0.0/8\" # why\r\n");
        let quoted = Fix::suggest(&route("a"), "\"\n\\").change;
        let reparsed = document(&apply(&document("a = ''"), &[&quoted]).0);
        let value = reparsed.item(&route("a")).map(|item| &item.value);
        assert!(matches!(value, Some(TomlValue::String(text)) if text == "\"\n\\"));
    }

    #[test]
    fn inserts_after_own_keys() {
        let change = Change::Insert { at: route("n.0.id"), value: "3".to_owned() };
        let edited = apply(&document("[[n]]\nname = \"a\" # b\n\n[x]\n"), &[&change]).0;
        assert_eq!(edited, "[[n]]\nname = \"a\" # b\nid = 3\n\n[x]\n");
        let edited = apply(&document("n = [{ name = \"a\" }]\n"), &[&change]).0;
        assert_eq!(edited, "n = [{ name = \"a\", id = 3 }]\n");
        let dotted = Change::Insert { at: route("c.k.id"), value: "3".to_owned() };
        for [before, after] in [
            ["c.k.name = 1\nd = 2\n", "c.k.name = 1\nc.k.id = 3\nd = 2\n"],
            ["[c]\nk.name = 1\n", "[c]\nk.name = 1\nk.id = 3\n"],
            ["[c.k]\nname = 1\n", "[c.k]\nname = 1\nid = 3\n"],
            ["c = { k.name = 1 }\n", "c = { k.name = 1, k.id = 3 }\n"],
        ] {
            assert_eq!(apply(&document(before), &[&dotted]).0, after);
        }
    }

    #[test]
    fn removes_keys_with_their_lines() {
        let cases = [
            ("[a]\nb = 1 # one\nc = 2\n", "a.b", "[a]\nc = 2\n"),
            ("[a]\nc = 2\nb = 1", "a.b", "[a]\nc = 2\n"),
            ("a.b = 1\nc = 2\n", "a.b", "c = 2\n"),
            ("[a]\r\nb = [\r\n  1,\r\n]\r\nc = 2\r\n", "a.b", "[a]\r\nc = 2\r\n"),
            ("a = { b = 1, c = 2 }\n", "a.b", "a = { c = 2 }\n"),
            ("a = { b = 1, c = 2 }\n", "a.c", "a = { b = 1 }\n"),
            ("a = { b = 1 }\n", "a.b", "a = {  }\n"),
        ];
        for (text, path, expected) in cases {
            assert_eq!(removed(text, path), expected, "{path} of {text:?}");
        }
    }

    #[test]
    fn removes_elements_with_their_commas() {
        let cases = [
            ("a = [1, 2, 3]\n", "a.0", "a = [2, 3]\n"),
            ("a = [1, 2, 3]\n", "a.1", "a = [1, 3]\n"),
            ("a = [1, 2, 3]\n", "a.2", "a = [1, 2]\n"),
            ("a = [1]\n", "a.0", "a = []\n"),
            ("a = [1 , 2]\n", "a.0", "a = [2]\n"),
            ("a = [\n  1, # one\n  2, # two\n]\n", "a.0", "a = [\n  2, # two\n]\n"),
            ("a = [\n  1, # one\n  2 # two\n]\n", "a.1", "a = [\n  1, # one\n]\n"),
            ("a = [\n  1,\n  2, 3,\n]\n", "a.1", "a = [\n  1,\n  3,\n]\n"),
        ];
        for (text, path, expected) in cases {
            assert_eq!(removed(text, path), expected, "{path} of {text:?}");
        }
    }

    #[test]
    fn removes_entries_of_arrays_of_tables() {
        let text = "x = 1\n\n[[a]] # first\nb = 1\n\n# about the second\n[[a]]\nb = 2 # two\n";
        assert_eq!(removed(text, "a.0"), "x = 1\n\n# about the second\n[[a]]\nb = 2 # two\n");
        assert_eq!(removed(text, "a.1"), "x = 1\n\n[[a]] # first\nb = 1\n\n# about the second\n");
        assert_eq!(removed("x = 1\n\n[[a]]\nb = 1\n\n", "a.0"), "x = 1\n");
        assert_eq!(removed("x = 1 \n\n[[a]]\nb = 1\n", "a.0"), "x = 1 \n");
        assert_eq!(removed("[[a]]\nb = 1\n", "a.0"), "");
        assert_eq!(removed("[[a]]\nb = 1\n\n\n[[a]]\nb = 2\n", "a.0"), "[[a]]\nb = 2\n");
    }

    #[test]
    fn applies_several_changes_and_no_duplicates() {
        let removals =
            ["a.b", "a.c", "a.b", "nowhere"].map(|path| Change::Remove { at: route(path) });
        let changes: Vec<_> = removals.iter().collect();
        assert_eq!(apply(&document("[a]\nb = 1\nc = 2\nd = 3\n"), &changes).0, "[a]\nd = 3\n");
        assert_eq!(apply(&document("a = { b = 1, c = 2 }\n"), &changes).0, "a = { c = 2 }\n");
    }
}
