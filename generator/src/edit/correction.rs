//! Corrections of `topology.toml`: the changes that findings carry, made in its text. What they do
//! not speak of stays byte for byte: comments, order, line ends and spacing.

use std::ops::Range;

use toml_edit::{Document, Item, TomlError};

use super::insertion::{end_of_keys, insertion, item};
use meshwright_compiler::diagnostic::Change;
use meshwright_compiler::route::{Route, Step};

/// Makes the changes, and says how many. One that overlaps an earlier one in the text is left for the next time, and so
/// is one whose place cannot be told apart from its neighbours.
///
/// # Errors
///
/// When the text is no TOML.
pub fn apply(text: &str, changes: &[&Change]) -> Result<(String, usize), TomlError> {
    let document = Document::parse(text)?;
    let mut splices: Vec<_> =
        changes.iter().filter_map(|change| splice(text, document.as_item(), change)).collect();
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
    Ok((edited, count))
}

/// Bytes of the text, and what comes in their place.
#[derive(Debug, PartialEq, Eq)]
struct Splice {
    bytes: Range<usize>,
    with: String,
}

fn splice(text: &str, root: &Item, change: &Change) -> Option<Splice> {
    match change {
        Change::Replace { at, value } => {
            let bytes = item(root, at)?.span()?;
            Some(Splice { bytes, with: value.clone() })
        }
        Change::Insert { at, value } => {
            let (table, key) = parent(root, at)?;
            let Step::Key(key) = key else { return None };
            let (offset, with) = insertion(text, table, &format!("{key} = {value}"))?;
            Some(Splice { bytes: offset..offset, with })
        }
        Change::Remove { at } => {
            let bytes = removal(text, root, at)?;
            Some(Splice { bytes, with: String::new() })
        }
    }
}

fn parent<'item, 'route>(
    root: &'item Item,
    at: &'route Route,
) -> Option<(&'item Item, &'route Step)> {
    let (last, steps) = at.steps().split_last()?;
    Some((steps.iter().try_fold(root, super::insertion::child)?, last))
}

/// What goes with a value: its key, its comma or its lines, and a comment behind it.
fn removal(text: &str, root: &Item, at: &Route) -> Option<Range<usize>> {
    let (parent, last) = parent(root, at)?;
    match last {
        Step::Key(key) => {
            let (key, value) = parent.as_table_like()?.get_key_value(key)?;
            let bytes = key.span()?.start..value.span()?.end;
            if value.is_table() {
                return None;
            }
            if parent.is_value() { Some(element(text, bytes)) } else { Some(lines(text, bytes)) }
        }
        Step::Index(index) => match parent {
            Item::ArrayOfTables(tables) => {
                let table = tables.get(*index)?;
                let start = table.span()?.start;
                let end = end_of_keys(table).unwrap_or(table.span()?.end);
                Some(with_blank_lines(text, lines(text, start..end)))
            }
            _ => Some(element(text, parent.get(*index)?.span()?)),
        },
    }
}

/// The whole lines of an assignment, with the comment behind it and the line break.
fn lines(text: &str, bytes: Range<usize>) -> Range<usize> {
    let start = text[..bytes.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[bytes.end..].find('\n').map_or(text.len(), |newline| bytes.end + newline + 1);
    start..end
}

/// Together with the blank lines that follow, so that two blocks stay one blank line apart; of the
/// last block, those that come before.
fn with_blank_lines(text: &str, bytes: Range<usize>) -> Range<usize> {
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

/// An element of an array or inline table with its comma, and with its line where it has one alone.
fn element(text: &str, bytes: Range<usize>) -> Range<usize> {
    let after = &text[bytes.end..];
    let spaces = after.len() - after.trim_start().len();
    if after[spaces..].starts_with(',') {
        let whole = bytes.start..bytes.end + spaces + 1;
        return alone(text, &whole).unwrap_or_else(|| whole.start..past_spaces(text, whole.end));
    }
    let before = text[..bytes.start].trim_end();
    let start = if before.ends_with(',') { before.len() - 1 } else { bytes.start };
    alone(text, &bytes).unwrap_or(start..bytes.end)
}

/// The whole line, where nothing but a comment stands on it beside these bytes.
fn alone(text: &str, bytes: &Range<usize>) -> Option<Range<usize>> {
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

    /// `nodes.0.name` as a route.
    fn route(path: &str) -> Route {
        path.split('.').fold(Route::root(), |route, step| match step.parse() {
            Ok(index) => route.index(index),
            Err(_) => route.key(step.to_owned()),
        })
    }

    fn removed(text: &str, path: &str) -> String {
        apply(text, &[&Change::Remove { at: route(path) }]).unwrap().0
    }

    #[test]
    fn replaces_the_value_alone() {
        let meant = Fix::meant(&route("a.b"), "10.0.0.0/8").change;
        let edited = apply("[a] # x\r\n  b  =  '10.0.0.1/8' # why\r\n", &[&meant]).unwrap().0;
        assert_eq!(edited, "[a] # x\r\n  b  =  \"10.0.0.0/8\" # why\r\n");
        let quoted = Fix::meant(&route("a"), "\"\n\\").change;
        let edited = apply("a = ''", &[&quoted]).unwrap().0;
        assert_eq!(edited.parse::<toml_edit::DocumentMut>().unwrap()["a"].as_str(), Some("\"\n\\"));
    }

    #[test]
    fn inserts_behind_the_own_keys() {
        let change = Change::Insert { at: route("n.0.id"), value: "3".to_owned() };
        let edited = apply("[[n]]\nname = \"a\" # b\n\n[x]\n", &[&change]).unwrap().0;
        assert_eq!(edited, "[[n]]\nname = \"a\" # b\nid = 3\n\n[x]\n");
        let edited = apply("n = [{ name = \"a\" }]\n", &[&change]).unwrap().0;
        assert_eq!(edited, "n = [{ name = \"a\", id = 3 }]\n");
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
    fn several_at_once_and_none_twice() {
        let changes =
            ["a.b", "a.c", "a.b", "nowhere"].map(|path| Change::Remove { at: route(path) });
        let changes: Vec<_> = changes.iter().collect();
        assert_eq!(apply("[a]\nb = 1\nc = 2\nd = 3\n", &changes).unwrap().0, "[a]\nd = 3\n");
        assert_eq!(apply("a = { b = 1, c = 2 }\n", &changes).unwrap().0, "a = { c = 2 }\n");
    }
}
