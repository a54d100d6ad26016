//! Source texts: a text with its name, and the offsets of its lines.

use std::ops::Range;

/// The byte order mark, which some editors on Windows write before the text; TOML ignores it.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// A text with its name in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user gave it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Lines and columns of a text.
#[derive(Debug)]
pub struct LineIndex {
    line_starts: Vec<usize>,
    /// How many characters come before each [`BLOCK`] of bytes: a line may be the whole file, and
    /// must not be counted again for each of its columns.
    character_counts: Vec<usize>,
}

/// A power of two: the table is small, and few bytes remain to be counted.
const BLOCK: usize = 64;

impl LineIndex {
    /// The lines of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { line_starts: line_starts(text), character_counts: character_counts(text) }
    }

    /// The byte offset of the first character of each line.
    #[must_use]
    pub fn line_starts(&self) -> &[usize] {
        &self.line_starts
    }

    /// Line and column of a byte offset, both from 1.
    #[must_use]
    pub fn line_and_column(&self, text: &str, offset: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).map_or(0, |index| self.line_starts[index]);
        let characters = |end| self.characters_before(text, end);
        let column = characters(offset).saturating_sub(characters(start));
        (line.max(1), column + 1)
    }

    fn characters_before(&self, text: &str, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.character_counts[block] + characters(&text.as_bytes()[block * BLOCK..offset])
    }
}

/// These bytes as a range inside the text, on character boundaries: the TOML parser's errors can
/// end between two.
///
/// A range behind the last line break is moved before it, to a line that can be shown.
#[must_use]
pub fn clamp(text: &str, bytes: &Range<usize>) -> Range<usize> {
    let last = text.trim_end_matches(['\r', '\n']).len();
    if bytes.start >= last {
        return last..last;
    }
    let start = text.floor_char_boundary(bytes.start);
    start..text.ceil_char_boundary(bytes.end.clamp(start, text.len()))
}

/// Offsets of the first character of each line. A byte order mark is not a character of the first
/// line.
fn line_starts(text: &str) -> Vec<usize> {
    let first = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let after_newlines = text.match_indices('\n').map(|(offset, _)| offset + 1);
    std::iter::once(first).chain(after_newlines).collect()
}

fn character_counts(text: &str) -> Vec<usize> {
    let mut counts = vec![0];
    for block in text.as_bytes().chunks(BLOCK) {
        counts.push(counts[counts.len() - 1] + characters(block));
    }
    counts
}

/// Characters by their first bytes; the others of UTF-8 begin with the bits 10.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}
