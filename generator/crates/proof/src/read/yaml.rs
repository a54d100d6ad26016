//! YAML files with several documents, whose values have line numbers.

use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use super::ParseError;
use crate::span::{FileId, FileSpanned, LineSpanned};

/// One document of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct YamlDocument<'text> {
    /// Its `kind`; empty if it has none.
    pub kind: &'text str,
    text: &'text str,
    /// The number of lines before it.
    before: u32,
}

/// The documents of a file.
#[must_use]
pub(super) fn documents(text: &str) -> Vec<YamlDocument<'_>> {
    documents_after(0, text)
}

/// The documents of a text inside a file. `lines` is the number of lines before it.
#[must_use]
pub(super) fn documents_after(lines: u32, text: &str) -> Vec<YamlDocument<'_>> {
    let (mut documents, mut start, mut before, mut line) = (Vec::new(), 0, lines, lines);
    let mut offset = 0;
    for one in text.split_inclusive('\n') {
        offset += one.len();
        line += 1;
        if is_separator(one) {
            documents.push(document(&text[start..offset - one.len()], before));
            (start, before) = (offset, line);
        }
    }
    documents.push(document(&text[start..], before));
    // Comments before the first `---` are not a document.
    if documents.iter().any(YamlDocument::has_content) {
        documents.retain(YamlDocument::has_content);
    }
    documents
}

/// Whether a line begins a document: three dashes, and at most a comment after them.
fn is_separator(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("---") else { return false };
    let content = rest.trim();
    content.is_empty() || (rest.starts_with([' ', '\t']) && content.starts_with('#'))
}

fn document(text: &str, before: u32) -> YamlDocument<'_> {
    let keys = ["kind:", "\"kind\":", "'kind':"];
    let mut values =
        text.lines().filter_map(|line| keys.into_iter().find_map(|key| line.strip_prefix(key)));
    let kind = values.next().unwrap_or_default();
    let kind = kind.split(" #").next().unwrap_or_default().trim();
    YamlDocument { kind: kind.trim_matches(['"', '\'']), text, before }
}

/// The document of this kind, if there is one.
///
/// # Errors
///
/// When there are two.
pub(super) fn only<'documents, 'text>(
    documents: &'documents [YamlDocument<'text>],
    kind: &str,
) -> Result<Option<&'documents YamlDocument<'text>>, ParseError> {
    let mut found = documents.iter().filter(|document| document.kind == kind);
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(second) => {
            Err(ParseError { line: second.first_line(), message: format!("a second {kind}") })
        }
    }
}

/// The only document.
///
/// # Errors
///
/// When there are several.
pub(super) fn single<'text>(
    documents: &[YamlDocument<'text>],
) -> Result<YamlDocument<'text>, ParseError> {
    match documents {
        [one] => Ok(*one),
        _ => {
            let line = documents.get(1).map_or(0, YamlDocument::first_line);
            Err(ParseError { line, message: "a second document is not understood here".to_owned() })
        }
    }
}

/// Refuses documents of other kinds.
///
/// # Errors
///
/// The first document that is of no known kind.
pub(super) fn all_known(documents: &[YamlDocument<'_>], kinds: &[&str]) -> Result<(), ParseError> {
    match documents.iter().find(|document| !kinds.contains(&document.kind)) {
        None => Ok(()),
        Some(document) => {
            let message =
                format!("a document of the kind `{}` is not understood here", document.kind);
            Err(ParseError { line: document.first_line(), message })
        }
    }
}

impl YamlDocument<'_> {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it has another structure.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ParseError> {
        // Go's decoders refuse a number, a Boolean or null where a string is expected.
        let options = serde_saphyr::options! { no_schema: true };
        serde_saphyr::from_str_with_options(self.text, options).map_err(|error| {
            let line = error.location().map_or(0, |location| self.line(location.line()));
            ParseError { line, message: reason(&error) }
        })
    }

    /// A value with its line in the file.
    #[must_use]
    pub(crate) fn with_line<T>(&self, spanned: Spanned<T>) -> LineSpanned<T> {
        LineSpanned { line: self.line(spanned.referenced.line()), value: spanned.value }
    }

    /// A value with its place.
    #[must_use]
    pub(crate) fn with_place<T>(&self, file: FileId, spanned: Spanned<T>) -> FileSpanned<T> {
        let LineSpanned { value, line } = self.with_line(spanned);
        FileSpanned { value, place: file.line(line) }
    }

    /// Refuses every value but one.
    ///
    /// # Errors
    ///
    /// When it is another one.
    pub(crate) fn exactly<T: PartialEq<W> + std::fmt::Display, W: std::fmt::Display>(
        &self,
        spanned: Spanned<T>,
        wanted: W,
    ) -> Result<(), ParseError> {
        let LineSpanned { value, line } = self.with_line(spanned);
        if value == wanted {
            return Ok(());
        }
        Err(ParseError {
            line,
            message: format!("`{value}` is not understood: it must be `{wanted}`"),
        })
    }

    /// Whether it is more than comments.
    fn has_content(&self) -> bool {
        self.text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    }

    /// A value as another type.
    ///
    /// # Errors
    ///
    /// When it is not a valid one.
    pub(crate) fn parse<T: std::str::FromStr>(
        &self,
        what: &str,
        spanned: Spanned<String>,
    ) -> Result<LineSpanned<T>, ParseError> {
        let LineSpanned { value, line } = self.with_line(spanned);
        let message = format!("`{value}` is not a valid {what}");
        let value = value.parse().map_err(|_| ParseError { line, message })?;
        Ok(LineSpanned { value, line })
    }

    /// The line in the file for a line of the document.
    fn line(&self, line: u64) -> u32 {
        self.before.saturating_add(u32::try_from(line).unwrap_or(u32::MAX))
    }

    /// Its first line.
    #[must_use]
    pub(crate) fn first_line(&self) -> u32 {
        let comments =
            self.text.lines().take_while(|line| line.starts_with('#') || line.is_empty());
        self.line(comments.count() as u64 + 1)
    }
}

/// The first line of the reason, without line number and snippet: the finding has its own.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let first_line = text.lines().next().unwrap_or_default();
    let without_place = first_line.split(" at line ").next().unwrap_or_default();
    without_place.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn a_kind_may_have_quotes_and_a_comment() {
        for kind in [
            "kind: Pool",
            "\"kind\": Pool",
            "'kind': 'Pool'",
            "kind: \"Pool\"",
            "kind: 'Pool' # one",
            "kind:  Pool # b",
        ] {
            let text = format!("# head\n--- # next\n{kind}\nname: x\n");
            let kinds: Vec<_> = documents(&text).iter().map(|one| one.kind).collect();
            assert_eq!(kinds, ["Pool"], "{kind}");
        }
    }

    #[test]
    fn only_three_dashes_separate() {
        let text = "kind: A\n---x\n----\n ---\n---\t\nkind: B\n";
        let kinds: Vec<_> = documents(text).iter().map(|one| one.kind).collect();
        assert_eq!(kinds, ["A", "B"]);
    }
}
