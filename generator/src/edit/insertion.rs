//! Edits of `topology.toml` by the program. They add text and change none: comments, order, line
//! ends and spacing stay as people wrote them.

use toml_edit::{Document, Item, TableLike, TomlError};

use meshwright_compiler::route::{Route, Step};
use meshwright_value::PublicKey;

/// Gives each table its `public_key`, after the last of the table's own keys.
///
/// # Errors
///
/// When the text is no TOML.
pub fn insert_public_keys(text: &str, keys: &[(&Route, PublicKey)]) -> Result<String, TomlError> {
    let document = Document::parse(text)?;
    let place = |(route, key): &(&Route, PublicKey)| {
        insertion(text, item(document.as_item(), route)?, &format!("public_key = \"{key}\""))
    };
    let mut insertions: Vec<_> = keys.iter().filter_map(place).collect();
    insertions.sort();
    let mut edited = text.to_owned();
    for (offset, insertion) in insertions.iter().rev() {
        edited.insert_str(*offset, insertion);
    }
    Ok(edited)
}

/// What a route leads to.
pub(super) fn item<'document>(root: &'document Item, route: &Route) -> Option<&'document Item> {
    route.steps().iter().try_fold(root, child)
}

/// What one step leads to.
pub(super) fn child<'document>(item: &'document Item, step: &Step) -> Option<&'document Item> {
    match step {
        Step::Key(key) => item.get(key.as_ref()),
        Step::Index(index) => item.get(*index),
    }
}

/// Where the assignment goes, and how it reads there.
pub(super) fn insertion(text: &str, table: &Item, assignment: &str) -> Option<(usize, String)> {
    let end = end_of_keys(table.as_table_like()?)?;
    if table.is_value() {
        return Some((end, format!(", {assignment}")));
    }
    let (before, after) = text.split_at_checked(end)?;
    let rest_of_line = after.lines().next().unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Some((end + rest_of_line.len(), format!("{newline}{indent}{assignment}")))
}

/// The end of the last value that stands under the table's own header. Tables with headers of their
/// own follow later, dotted keys do not.
pub(super) fn end_of_keys(table: &dyn TableLike) -> Option<usize> {
    let ends = table.iter().filter_map(|(_, item)| match item.as_table_like() {
        Some(dotted) if dotted.is_dotted() => end_of_keys(dotted),
        _ if item.is_value() => item.span().map(|span| span.end),
        _ => None,
    });
    ends.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, indices: &[usize]) -> String {
        let nodes = Route::root().key("nodes");
        let routes: Vec<_> = indices.iter().map(|index| nodes.index(*index)).collect();
        let keys: Vec<_> = routes.iter().map(|route| (route, PublicKey::new([7; 32]))).collect();
        insert_public_keys(text, &keys)
            .unwrap()
            .replace(&PublicKey::new([7; 32]).to_string(), "KEY")
    }

    /// The text with `KEY` lines is what comes of the text without them.
    fn inserts(expected: &str, line: &str, indices: &[usize]) {
        assert_eq!(edited(&expected.replace(line, ""), indices), expected);
    }

    #[test]
    fn appends_to_the_own_keys() {
        let expected = "# head\n[[nodes]] # first\nname = \"a\"   # why\nid   = 1\t# one\n\
                        public_key = \"KEY\"\n\n# about b\n[[nodes]]\nname = \"b\"\n\
                        public_key = \"KEY\"\n# end";
        inserts(expected, "public_key = \"KEY\"\n", &[1, 0]);
    }

    #[test]
    fn stays_before_tables_of_its_own() {
        let expected = "[[nodes]]\n  name = \"a\"\n  taints = [\n    \"x\",\n  ] # why\n  \
                        labels.\"x/y\" = \"1\"\n  public_key = \"KEY\"\n  [nodes.annotations]\n  \
                        z = \"1\"\n";
        inserts(expected, "  public_key = \"KEY\"\n", &[0]);
    }

    #[test]
    fn keeps_line_ends() {
        let expected = "\u{feff}[[nodes]]\r\nname = \"東\" # x\r\npublic_key = \"KEY\"\r\n";
        inserts(expected, "\r\npublic_key = \"KEY\"", &[0]);
        inserts("[[nodes]]\nid = 1\npublic_key = \"KEY\"", "\npublic_key = \"KEY\"", &[0]);
    }

    #[test]
    fn fits_into_inline_tables() {
        let expected = "nodes = [\n  { name = \"a\", l.x = 1, public_key = \"KEY\" }, # a\n  \
                        {name = \"b\", l = { y = 2 }, public_key = \"KEY\"},\n]\n";
        inserts(expected, ", public_key = \"KEY\"", &[0, 1]);
    }
}
