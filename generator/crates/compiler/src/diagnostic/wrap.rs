//! Breaks text into lines of columns: a Chinese character takes two.
//!
//! Not the `textwrap` crate: text between backticks must stay on one line, because people copy it.
//! That needs a word separator of our own, which is most of this module.

use unicode_width::UnicodeWidthStr as _;

/// Columns of a tab, as the renderer shows it.
const TAB: &str = "    ";

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.replace('\t', TAB).width()
}

/// The lines of a text, none wider than `width` columns unless one word is. Text between
/// backticks is one word, because people copy it.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    text.split('\n').flat_map(|paragraph| fill(&words(paragraph), width)).collect()
}

fn fill(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_quoted = false;
    for word in text.split(' ') {
        match words.last_mut().filter(|_| is_quoted) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => words.push(word.to_owned()),
        }
        is_quoted ^= word.matches('`').count() % 2 == 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_they_may_be() {
        let table: [(&str, usize, &[&str]); 9] = [
            ("", 10, &[""]),
            ("one two", 7, &["one two"]),
            ("one two", 6, &["one", "two"]),
            ("one two three", 7, &["one two", "three"]),
            ("a word-that-is-too-wide b", 5, &["a", "word-that-is-too-wide", "b"]),
            ("香港 東京", 9, &["香港 東京"]),
            ("香港 東京", 8, &["香港", "東京"]),
            ("run `ls -l x` now", 8, &["run", "`ls -l x`", "now"]),
            ("one\ntwo", 7, &["one", "two"]),
        ];
        for (text, width, expected) in table {
            assert_eq!(lines(text, width), expected, "{text:?} in {width}");
        }
    }

    #[test]
    fn widths_are_columns() {
        assert_eq!(["", "a", "香港", "\ta"].map(width), [0, 1, 4, 5]);
    }
}
