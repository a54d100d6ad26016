//! Blocks: a line with the lines that belong to it, whatever the format of the file.

use std::ops::Range;

/// The lines of the block that begins at a line: a section of wg-quick's file, a pair of brackets, a key of
/// YAML with its value, or the line alone.
pub(super) fn block(lines: &[&str], first: usize) -> Range<usize> {
    let Some(head) = lines.get(first) else { return first..first };
    let rest = || lines.iter().enumerate().skip(first + 1);
    let until = |end: Option<(usize, &&str)>, after: usize| {
        first..end.map_or(lines.len(), |(number, _)| number + after)
    };
    if head.starts_with('[') {
        let ends = |line: &str| line.is_empty() || line.starts_with('[');
        return until(rest().find(|(_, line)| ends(line)), 0);
    }
    let depth = indentation(head);
    if head.ends_with(['{', '[']) {
        let closes =
            |line: &str| indentation(line) <= depth && line.trim_start().starts_with(['}', ']']);
        return until(rest().find(|(_, line)| closes(line)), 1);
    }
    let is_item = |line: &str| line.trim_start().starts_with("- ");
    let belongs = |line: &str| {
        let is_deeper = indentation(line) > depth && !line.is_empty();
        let is_own_item = head.ends_with(':') && !is_item(head) && indentation(line) == depth;
        is_deeper || is_own_item && is_item(line)
    };
    until(rest().find(|(_, line)| !belongs(line)), 0)
}

/// A text without some of its lines.
pub(super) fn without(text: &str, block: &Range<usize>) -> String {
    let lines = text.lines().enumerate().filter(|(number, _)| !block.contains(number));
    joined(lines.map(|(_, line)| line))
}

/// A text with lines before one of its lines.
pub(super) fn with_lines(text: &str, before: usize, inserted: &[&str]) -> String {
    let lines: Vec<_> = text.lines().collect();
    let (above, below) = lines.split_at(before.min(lines.len()));
    joined(above.iter().chain(inserted).chain(below).copied())
}

/// A text in which one line is another.
pub(super) fn with_line(text: &str, number: usize, line: &str) -> String {
    joined(text.lines().enumerate().map(|(at, old)| if at == number { line } else { old }))
}

/// Lines as a text. A comma before a closing bracket is removed: JSON allows none, and a renderer of JSON
/// writes none.
fn joined<'lines>(lines: impl Iterator<Item = &'lines str>) -> String {
    let mut text = String::new();
    for line in lines {
        if line.trim_start().starts_with(['}', ']']) && text.ends_with(",\n") {
            text.truncate(text.len() - 2);
            text.push('\n');
        }
        text += line;
        text.push('\n');
    }
    text
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::{block, without};

    #[test]
    fn a_block_ends_with_its_last_line() {
        let table = [
            ("[Peer]\nA = 1\n\n[Peer]\nB = 2\n", 0, 0..2),
            ("a: 1\nb:\n- x: 1\n  y: 2\n- z\nc: 3\n", 1, 1..5),
            ("b:\n- x: 1\n  y: 2\n- z\n", 1, 1..3),
            ("b:\n  c:\n    d: 1\n  e: 2\n", 1, 1..3),
            ("{\n  \"a\": [\n    1\n  ],\n  \"b\": 2\n}\n", 1, 1..4),
            ("chain x {\n  drop\n}\n", 1, 1..2),
        ];
        for (text, first, lines) in table {
            let all: Vec<_> = text.lines().collect();
            assert_eq!(block(&all, first), lines, "{text}");
        }
    }

    #[test]
    fn no_comma_remains_before_a_bracket() {
        assert_eq!(without("{\n  \"a\": 1,\n  \"b\": 2\n}\n", &(2..3)), "{\n  \"a\": 1\n}\n");
    }
}
