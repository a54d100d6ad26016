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
        if one.trim_end() == "---" {
            documents.push(document(&text[start..offset - one.len()], before));
            (start, before) = (offset, line);
        }
    }
    documents.push(document(&text[start..], before));
    documents
}

fn document(text: &str, before: u32) -> YamlDocument<'_> {
    let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or_default();
    YamlDocument { kind: kind.trim(), text, before }
}

impl YamlDocument<'_> {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it has another structure.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ParseError> {
        serde_saphyr::from_str(self.text).map_err(|error| {
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
