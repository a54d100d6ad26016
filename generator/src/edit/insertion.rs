//! Insertion of keys into `topology.toml`. Existing text does not change.

use meshwright_compiler::document::{TomlItem, TomlValue};

/// The offset of a new assignment in a table, and its text there. `is_inline`: the table is between braces, or
/// inside of a table that is.
pub(super) fn insertion(
    text: &str,
    table: &TomlItem,
    is_inline: bool,
    assignment: &str,
) -> Option<(usize, String)> {
    let last = end_of_keys(text, table);
    if is_inline {
        return Some(match last {
            Some(end) => (end, format!(", {assignment}")),
            None => (table.bytes.start + 1, format!(" {assignment}")),
        });
    }
    let end = last.or_else(|| has_header(text, table).then_some(table.bytes.end))?;
    let (before, after) = text.split_at_checked(end)?;
    let rest_of_line = after.lines().next().unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    Some((end + rest_of_line.len(), format!("{}{indent}{assignment}", line_break(text))))
}

/// The line break of a text.
pub(super) fn line_break(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The end of the last value below the table's own header, or between its braces. Tables with
/// headers of their own follow later; dotted keys do not.
pub(super) fn end_of_keys(text: &str, table: &TomlItem) -> Option<usize> {
    let TomlValue::Table(items) = &table.value else { return None };
    let ends = items.values().filter_map(|item| match &item.value {
        TomlValue::Table(_) if has_header(text, item) => None,
        TomlValue::Table(_) if !is_inline(text, item) => end_of_keys(text, item),
        TomlValue::Array(_) if is_array_of_tables(item) => None,
        _ => Some(item.bytes.end),
    });
    ends.max()
}

/// Whether a table is written between braces.
pub(super) fn is_inline(text: &str, table: &TomlItem) -> bool {
    text[table.bytes.clone()].starts_with('{')
}

/// Whether a table has a header. Other tables are inline, or are made of dotted keys.
pub(super) fn has_header(text: &str, table: &TomlItem) -> bool {
    text[table.bytes.clone()].starts_with('[')
}

/// Whether an array is written as `[[tables]]`: it begins where its first element does.
pub(super) fn is_array_of_tables(array: &TomlItem) -> bool {
    match &array.value {
        TomlValue::Array(elements) => {
            elements.first().is_some_and(|first| first.bytes.start == array.bytes.start)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::correction;
    use meshwright_compiler::diagnostic::Change;
    use meshwright_compiler::document::Document;
    use meshwright_compiler::route::Route;
    use meshwright_compiler::source::Source;

    fn edited(text: &str, indices: &[usize]) -> String {
        let nodes = Route::root().key("nodes");
        let insert = |index: &usize| {
            let at = nodes.index(*index).key("public_key");
            Change::Insert { at, value: "\"KEY\"".to_owned() }
        };
        let changes: Vec<_> = indices.iter().map(insert).collect();
        let source = Source { name: "topology.toml".to_owned(), text: text.to_owned() };
        correction::apply(&Document::parse(source).0, &changes.iter().collect::<Vec<_>>()).0
    }

    /// Asserts that inserting into `expected` without its `KEY` lines gives `expected`.
    fn assert_inserts(expected: &str, line: &str, indices: &[usize]) {
        assert_eq!(edited(&expected.replace(line, ""), indices), expected);
    }

    #[test]
    fn appends_after_own_keys() {
        let expected = "# head\n[[nodes]] # first\nname = \"a\"   # why\nid   = 1\t# one\n\
                        public_key = \"KEY\"\n\n# about b\n[[nodes]]\nname = \"b\"\n\
                        public_key = \"KEY\"\n# end";
        assert_inserts(expected, "public_key = \"KEY\"\n", &[1, 0]);
    }

    #[test]
    fn inserts_before_subtables() {
        let expected = "[[nodes]]\n  name = \"a\"\n  taints = [\n    \"x\",\n  ] # why\n  \
                        labels.\"x/y\" = \"1\"\n  public_key = \"KEY\"\n  [nodes.annotations]\n  \
                        z = \"1\"\n";
        assert_inserts(expected, "  public_key = \"KEY\"\n", &[0]);
    }

    #[test]
    fn keeps_line_ends() {
        let expected = "\u{feff}[[nodes]]\r\nname = \"東\" # x\r\npublic_key = \"KEY\"\r\n";
        assert_inserts(expected, "\r\npublic_key = \"KEY\"", &[0]);
        assert_inserts("[[nodes]]\nid = 1\npublic_key = \"KEY\"", "\npublic_key = \"KEY\"", &[0]);
    }

    #[test]
    fn inserts_into_empty_tables() {
        assert_inserts("[[nodes]] # a\npublic_key = \"KEY\"\n", "public_key = \"KEY\"\n", &[0]);
        assert_inserts("nodes = [{ public_key = \"KEY\"}]\n", " public_key = \"KEY\"", &[0]);
    }

    #[test]
    fn inserts_into_inline_tables() {
        let expected = "nodes = [\n  { name = \"a\", l.x = 1, public_key = \"KEY\" }, # a\n  \
                        {name = \"b\", l = { y = 2 }, public_key = \"KEY\"},\n]\n";
        assert_inserts(expected, ", public_key = \"KEY\"", &[0, 1]);
    }
}
