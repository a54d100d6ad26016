//! The text of a topology while a verb changes it. Each edit parses the text again, so edits cannot overlap.
//! What an edit does not concern stays byte for byte.

use std::ops::Range;

use super::correction::{self, Splice, lines, spliced, with_blank_lines};
use super::insertion::{end_of_keys, has_header, is_array_of_tables, line_break};
use meshwright_compiler::diagnostic::Change;
use meshwright_compiler::document::{Document, TomlItem, TomlValue};
use meshwright_compiler::route::Route;
use meshwright_compiler::source::Source;

/// The keys of a new table, with their values as TOML.
pub(crate) type NewTable = Vec<(&'static str, String)>;

/// A text that is changed by one edit after another.
pub(crate) struct Draft {
    document: Document,
}

impl Draft {
    /// The text as it was read.
    pub(crate) fn new(source: &Source) -> Self {
        Self { document: Document::parse(source.clone()).0 }
    }

    /// The text after the edits so far.
    pub(crate) fn source(&self) -> &Source {
        self.document.source()
    }

    /// Writes a value. Its key and the table of the key are added if they are missing.
    pub(crate) fn set(&mut self, at: &Route, value: &str) {
        let (at, value) = (at.clone(), value.to_owned());
        if self.document.item(&at).is_some() {
            return self.change(&Change::Replace { at, value });
        }
        match at.split_last() {
            Some((table, _)) if self.document.item(&table).is_none() => {
                let key = at.last();
                self.append(&[format!("[{table}]"), format!("{key} = {value}")]);
            }
            _ => self.change(&Change::Insert { at, value }),
        }
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, at: &Route) {
        self.change(&Change::Remove { at: at.clone() });
    }

    /// Adds an element to an array, which is written if it is missing.
    pub(crate) fn push(&mut self, at: &Route, value: &str) {
        let Some(item) = self.document.item(at) else {
            return self.set(at, &format!("[{value}]"));
        };
        let TomlValue::Array(elements) = &item.value else { return };
        let splices = match elements.last() {
            None => vec![insert(item.bytes.start + 1, value.to_owned())],
            Some(last) => after_element(&self.source().text, &last.bytes, value),
        };
        self.splice(splices);
    }

    /// Adds a table behind the last one of its array.
    pub(crate) fn add_table(&mut self, array: &'static str, keys: &NewTable) {
        let at = Route::root().key(array);
        let assignments = keys.iter().map(|(key, value)| format!("{key} = {value}"));
        let header = format!("[[{array}]]");
        let block: Vec<_> = [header].into_iter().chain(assignments.clone()).collect();
        let Some(item) = self.document.item(&at) else { return self.append(&block) };
        if !is_array_of_tables(item) {
            let inline: Vec<_> = assignments.collect();
            return self.push(&at, &format!("{{ {} }}", inline.join(", ")));
        }
        let text = &self.source().text;
        let end = blocks(text, item).last().map_or(item.bytes.end, |block| block.end);
        let offset = past_comments(text, end_of_line(text, end));
        let newline = line_break(text);
        let block = block.join(newline);
        self.splice(vec![insert(offset, format!("{newline}{newline}{block}"))]);
    }

    /// Removes an entry of an array of tables, with its own tables and the comment right above each.
    pub(crate) fn remove_table(&mut self, at: &Route) {
        let text = &self.source().text;
        let parent = at.split_last().and_then(|(parent, _)| self.document.item(&parent));
        let (Some(item), true) = (self.document.item(at), parent.is_some_and(is_array_of_tables))
        else {
            return self.remove(at);
        };
        let mut removed: Vec<Range<usize>> = Vec::new();
        for block in blocks(text, item) {
            let whole = lines(text, block);
            let start = start_of_comments(text, whole.start);
            match removed.last_mut() {
                Some(last) if text[last.end.min(start)..start].trim().is_empty() => {
                    last.end = whole.end;
                }
                _ => removed.push(start..whole.end),
            }
        }
        let splices = removed
            .into_iter()
            .map(|bytes| Splice { bytes: with_blank_lines(text, bytes), with: String::new() });
        self.splice(splices.collect());
    }

    /// Adds a block at the end of the text.
    fn append(&mut self, block: &[String]) {
        let text = &self.source().text;
        let newline = line_break(text);
        let kept = text.trim_end().len();
        let block = block.join(newline);
        let with = format!("{newline}{newline}{block}{newline}");
        self.splice(vec![Splice { bytes: kept..text.len(), with }]);
    }

    fn change(&mut self, change: &Change) {
        self.parse(correction::apply(&self.document, &[change]).0);
    }

    fn splice(&mut self, splices: Vec<Splice>) {
        self.parse(spliced(&self.source().text, splices).0);
    }

    fn parse(&mut self, text: String) {
        let name = self.source().name.clone();
        self.document = Document::parse(Source { name, text }).0;
    }
}

fn insert(offset: usize, with: String) -> Splice {
    Splice { bytes: offset..offset, with }
}

/// A new element behind the last one: on a line of its own if the last one is.
fn after_element(text: &str, last: &Range<usize>, value: &str) -> Vec<Splice> {
    let line = text[..last.start].rsplit('\n').next().unwrap_or_default();
    if !line.trim().is_empty() {
        return vec![insert(last.end, format!(", {value}"))];
    }
    let (newline, end) = (line_break(text), end_of_line(text, last.end));
    match text[last.end..].trim_start().starts_with(',') {
        true => vec![insert(end, format!("{newline}{line}{value},"))],
        false => {
            vec![insert(last.end, ",".to_owned()), insert(end, format!("{newline}{line}{value}"))]
        }
    }
}

/// The bytes of a table and of the tables inside of it, in the order of the text: each from its header to its
/// last key.
fn blocks(text: &str, item: &TomlItem) -> Vec<Range<usize>> {
    let own = match &item.value {
        TomlValue::Table(_) if has_header(text, item) => {
            let end = end_of_keys(text, item).unwrap_or(item.bytes.end);
            Some(item.bytes.start..end.max(item.bytes.end))
        }
        _ => None,
    };
    let inner: Vec<&TomlItem> = match &item.value {
        TomlValue::Table(items) => items.values().collect(),
        TomlValue::Array(elements) if is_array_of_tables(item) => elements.iter().collect(),
        _ => Vec::new(),
    };
    let inner = inner.into_iter().flat_map(|item| blocks(text, item));
    let mut blocks: Vec<_> = own.into_iter().chain(inner).collect();
    blocks.sort_by_key(|block| (block.start, block.end));
    blocks
}

/// Where a line ends, without its line break.
fn end_of_line(text: &str, offset: usize) -> usize {
    offset + text[offset..].lines().next().map_or(0, str::len)
}

/// Where the comment lines that follow a line end, if a blank line or the end of the text comes next. Right
/// above a header they are about the next table.
fn past_comments(text: &str, end: usize) -> usize {
    let (mut offset, mut last) = (end, end);
    // The first piece is the rest of the line itself.
    for (position, line) in text[end..].split_inclusive('\n').enumerate() {
        match line.trim() {
            _ if position == 0 => {}
            "" => break,
            comment if comment.starts_with('#') => {
                last = offset + line.trim_end_matches(['\r', '\n']).len();
            }
            _ => return end,
        }
        offset += line.len();
    }
    last
}

/// Where the comment lines right above a line begin. The comment at the top of a file is about the file.
fn start_of_comments(text: &str, start: usize) -> usize {
    let mut first = start;
    for line in text[..start].split_inclusive('\n').rev() {
        if !line.trim().starts_with('#') {
            return first;
        }
        first -= line.len();
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str) -> Draft {
        Draft::new(&Source { name: "topology.toml".to_owned(), text: text.to_owned() })
    }

    fn edited(text: &str, edit: impl FnOnce(&mut Draft)) -> String {
        let mut draft = draft(text);
        edit(&mut draft);
        draft.source().text.clone()
    }

    fn nodes() -> Route {
        Route::root().key("nodes")
    }

    #[test]
    fn sets_a_key_wherever_its_table_is_written() {
        let at = Route::root().key("control_plane").key("init");
        let cases = [
            ("[control_plane]\ninit = 'a' # first\n", "[control_plane]\ninit = \"b\" # first\n"),
            ("[control_plane] # x\n\n[y]\n", "[control_plane] # x\ninit = \"b\"\n\n[y]\n"),
            ("control_plane = {}\n", "control_plane = { init = \"b\"}\n"),
            ("x = 1\r\n\r\n", "x = 1\r\n\r\n[control_plane]\r\ninit = \"b\"\r\n"),
        ];
        for (before, after) in cases {
            assert_eq!(edited(before, |draft| draft.set(&at, "\"b\"")), after);
        }
    }

    #[test]
    fn pushes_an_element_in_the_form_of_the_array() {
        let at = Route::root().key("cluster").key("retired_ids");
        let cases = [
            ("[cluster]\nname = 'a' # x\n", "[cluster]\nname = 'a' # x\nretired_ids = [9]\n"),
            ("[cluster]\nretired_ids = [] # x\n", "[cluster]\nretired_ids = [9] # x\n"),
            ("[cluster]\nretired_ids = [ 1, 2 ]\n", "[cluster]\nretired_ids = [ 1, 2, 9 ]\n"),
            ("[cluster]\nretired_ids = [1,]\n", "[cluster]\nretired_ids = [1, 9,]\n"),
            (
                "[cluster]\nretired_ids = [\n  1, # a\n  2, # b\n]\n",
                "[cluster]\nretired_ids = [\n  1, # a\n  2, # b\n  9,\n]\n",
            ),
            (
                "[cluster]\nretired_ids = [\n  1 # a\n]\n",
                "[cluster]\nretired_ids = [\n  1, # a\n  9\n]\n",
            ),
        ];
        for (before, after) in cases {
            assert_eq!(edited(before, |draft| draft.push(&at, "9")), after);
        }
    }

    #[test]
    fn adds_a_table_behind_the_last_of_its_array() {
        let keys = vec![("name", "\"b\"".to_owned()), ("id", "2".to_owned())];
        let block = "\n[[nodes]]\nname = \"b\"\nid = 2\n";
        let cases = [
            ("[[nodes]]\nid = 1 # one\n", "\n[[clients]]\nid = 9\n"),
            ("[[nodes]]\nid = 1\n\n[nodes.labels]\nx = 1\n", "\n# of x\n[x]\n"),
            ("[[nodes]]\nid = 1\n# endpoint = \"later\"\n", "\n[x]\n"),
            ("[[nodes]]\nid = 1\n", "# of x\n[x]\n"),
            ("[[nodes]]\n[nodes.labels]\n", "# the end\n\n[x]\n"),
        ];
        for (before, after) in &cases[..4] {
            let text = format!("{before}{after}");
            assert_eq!(
                edited(&text, |draft| draft.add_table("nodes", &keys)),
                format!("{before}{block}{after}")
            );
        }
        let (before, after) = cases[4];
        assert_eq!(
            edited(&format!("{before}{after}"), |draft| draft.add_table("nodes", &keys)),
            format!("{before}# the end\n{block}\n[x]\n")
        );
        assert_eq!(
            edited("[x]\n\n", |draft| draft.add_table("nodes", &keys)),
            format!("[x]\n{block}")
        );
        assert_eq!(
            edited("nodes = [\n  { id = 1 }, # one\n]\n", |draft| draft.add_table("nodes", &keys)),
            "nodes = [\n  { id = 1 }, # one\n  { name = \"b\", id = 2 },\n]\n"
        );
    }

    #[test]
    fn removes_a_table_with_its_own_tables_and_comments() {
        let first = "# file\n\n[[nodes]]\nid = 1\n\n";
        let second =
            "# about\n# the second\n[[nodes]] # 2\nid = 2\n\n# labels\n[nodes.labels]\nx = 1\n\n";
        let last = "# about x\n[x]\ny = 1\n";
        let text = format!("{first}{second}{last}");
        let removed =
            |text: &str, index| edited(text, |draft| draft.remove_table(&nodes().index(index)));
        assert_eq!(removed(&text, 1), format!("{first}{last}"));
        assert_eq!(removed(&text, 0), format!("# file\n\n{second}{last}"));
        assert_eq!(removed(&format!("{first}{second}"), 1), "# file\n\n[[nodes]]\nid = 1\n");
        let apart = "[[nodes]]\nid = 1\n\n[x]\ny = 1\n\n[nodes.labels]\nz = 1\n\n[w]\n";
        assert_eq!(removed(apart, 0), "[x]\ny = 1\n\n[w]\n");
        let inline = "nodes = [\n  { id = 1 }, # one\n  { id = 2 },\n]\n";
        assert_eq!(removed(inline, 0), "nodes = [\n  { id = 2 },\n]\n");
        // The comment at the top of the file is about the file.
        assert_eq!(removed("# file\n[[nodes]]\nid = 1\n\n[x]\n", 0), "# file\n[x]\n");
    }
}
