//! Faults of the TOML grammar, described for users who do not know the grammar.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::Error;

use super::SYNTAX;
use crate::diagnostic::{Diagnostic, Finding, Fix, LabelPlace, Severity};
use meshwright_value::{plain_character, plain_text, printable};

const EQUAL_SIGN: &str = "write `=` between key and value";
const COMMENTS: &str = "comments begin with `#`";
const CONTINUES: &str = "the line continues after the value";

/// One fault that the parser reported.
struct Fault<'a> {
    /// The bytes of the text.
    text: &'a str,
    bytes: Range<usize>,
    /// The parser's description of the fault.
    description: &'a str,
    /// The tokens that it expected instead; may be empty.
    expected: &'a str,
}

/// The parser's faults, at most one a line: it continues after the first and reports faults in the
/// rest of the line that follow from it.
pub(super) fn diagnostics(errors: &[Error], text: &str, line_starts: &[usize]) -> Vec<Diagnostic> {
    let mut faults: Vec<_> = errors.iter().map(|error| Fault::new(error, text)).collect();
    faults.sort_by_key(|fault| fault.bytes.start);
    cut_unclosed(&mut faults);
    faults.dedup_by_key(|fault| line_starts.partition_point(|start| *start <= fault.bytes.start));
    cut_repeated(&mut faults);
    let arrays = arrays_of_tables(text);
    let findings = faults.iter().map(|fault| fault.finding(&arrays));
    findings
        .map(|finding| Diagnostic { code: SYNTAX, severity: Severity::Error, finding })
        .collect()
}

/// The parser reads the rest of the file as elements of an array that is not closed. Of all errors
/// about those elements, only the place of the first is useful.
fn cut_unclosed(faults: &mut Vec<Fault<'_>>) {
    let Some(end) = faults.pop_if(|fault| fault.ends_open()) else { return };
    let inside = faults.iter().position(Fault::is_inside);
    let bytes = inside.map_or(end.bytes.clone(), |first| faults[first].bytes.clone());
    faults.truncate(inside.unwrap_or(faults.len()));
    faults.push(Fault { bytes, ..end });
}

/// The names in headers such as `[[nodes]]`.
fn arrays_of_tables(text: &str) -> BTreeSet<&str> {
    let headers = text.lines().filter_map(|line| line.trim_start().strip_prefix("[["));
    headers.filter_map(|header| header.split("]]").next()).map(str::trim).collect()
}

/// A table that is written twice has its keys twice, which is one mistake. Its keys end at the next
/// header.
fn cut_repeated(faults: &mut Vec<Fault<'_>>) {
    let mut repeated = 0..0;
    faults.retain(|fault| {
        if fault.description == "duplicate key" && fault.is_header() {
            let rest = &fault.text[fault.bytes.end..];
            let length = rest.find("\n[").unwrap_or(rest.len());
            repeated = fault.bytes.end..fault.bytes.end + length;
        }
        fault.description != "duplicate key" || !repeated.contains(&fault.bytes.start)
    });
}

impl<'a> Fault<'a> {
    fn new(error: &'a Error, text: &'a str) -> Self {
        let message = error.message();
        let (description, expected) = message.split_once(", expected ").unwrap_or((message, ""));
        let span = error.span().unwrap_or(text.len()..text.len());
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
        Self { text, bytes: start..end, description, expected }
    }

    /// Whether the end of the text came before the end of an array or inline table.
    fn ends_open(&self) -> bool {
        matches!(self.description, "unclosed array" | "unclosed inline table")
    }

    /// Whether the parser was in an array or inline table.
    fn is_inside(&self) -> bool {
        let array = self.description.contains("array") && !self.description.contains("array table");
        let contexts = ["inline table", "key-value pairs"];
        array || contexts.iter().any(|context| self.description.contains(context))
    }

    /// The descriptions are those of `toml_parser` 1.1; an unknown description is printed as it is.
    fn finding(&self, arrays: &BTreeSet<&str>) -> Finding {
        if let Some(foreign) = self.foreign_characters() {
            return foreign;
        }
        match self.description {
            "string values must be quoted" if self.bytes.is_empty() => {
                self.finding_here("a value is missing", "expected a value")
            }
            "string values must be quoted"
            | "invalid boolean"
            | "invalid float"
            | "invalid integer number" => self.unquoted(),
            "unexpected leading zero" => self.leading_zero(),
            "duplicate key" => self.duplicate(arrays),
            "invalid unquoted key" => self.bare_key(),
            "key with no value" => self.no_value(),
            "invalid key-value pair" if self.text.trim_start().starts_with('{') => self
                .finding_here("the file is JSON, not TOML", "expected a key")
                .help("`meshwright init` writes a first topology to begin with"),
            "unexpected key or value" => self
                .rest_of_line(self.bytes.start)
                .unwrap_or_else(|| self.finding_here(CONTINUES, "expected the end of the line")),
            "missing escaped value" => self.escape(),
            "unclosed table" | "unclosed array table" => {
                self.finding_here("the table header is not closed", self.expectation())
            }
            "unclosed array" => {
                self.finding_here("the array is not closed", "expected `]` by here")
            }
            "unclosed inline table" => {
                self.finding_here("the inline table is not closed", "expected `}` by here")
            }
            description if description.ends_with(" string") => self.string(),
            description => self.finding_here(description, self.expectation()),
        }
    }

    fn finding_here(&self, message: impl Into<String>, label: impl Into<String>) -> Finding {
        Finding::at_place(message, LabelPlace::Bytes(self.bytes.clone()), label)
    }

    fn expectation(&self) -> String {
        if self.expected.is_empty() { String::new() } else { format!("expected {}", self.expected) }
    }

    /// The parser stops where a quote should be, or at a character that a string may contain only
    /// as an escape: in a file with Windows line ends, the carriage return.
    fn string(&self) -> Finding {
        match self.text[self.bytes.clone()].chars().next() {
            None | Some('\r') => {
                self.finding_here("the string is not closed", "expected the closing quote")
            }
            Some(found) => {
                let escape = format!("\\u{:04X}", u32::from(found));
                self.finding_here(
                    "a string contains a control character",
                    "strings may contain it only as an escape",
                )
                .help(format!("write `{escape}`"))
            }
        }
    }

    /// Characters outside of strings and comments that only look like those of TOML.
    fn foreign_characters(&self) -> Option<Finding> {
        let start = self.bytes.start - self.line_before().len();
        let line = self.text[start..].lines().next()?;
        let found = foreign_characters(line)?;
        let first = line[found.clone()].chars().next()?;
        let number = format!("U+{:04X}", u32::from(first));
        let message = match plain_character(first)?.as_str() {
            "" => format!("{number} is an invisible character"),
            " " => format!("{number} is not a plain space"),
            plain => format!("`{first}` ({number}) is not the character `{plain}`"),
        };
        let text = plain_text(&line[found.clone()]);
        let corrected = [&line[..found.start], &text, &line[found.end..]].concat();
        let bytes = start + found.start..start + found.end;
        let help = format!("write `{}`", printable(corrected.trim()));
        let fix = Fix::replace_text(&bytes, text, help);
        let finding =
            Finding::at_place(message, LabelPlace::Bytes(bytes), "expected plain characters");
        Some(finding.fix(fix))
    }

    /// What is behind a value as in other languages: a comma, a semicolon, or a comment.
    fn rest_of_line(&self, start: usize) -> Option<Finding> {
        let rest = self.text[start..].lines().next()?;
        let mark = ["//", "--", ";", ","].into_iter().find(|mark| rest.starts_with(mark))?;
        let bytes = start..start + mark.len();
        let is_comment = mark.len() == 2;
        let ends_here = matches!(rest[mark.len()..].trim_start().chars().next(), None | Some('#'));
        let (message, fix) = if is_comment {
            (CONTINUES.to_owned(), Fix::replace_text(&bytes, "#", COMMENTS))
        } else if ends_here {
            let fix = Fix::replace_text(&bytes, "", format!("remove `{mark}`"));
            (format!("`{mark}` is behind a value"), fix)
        } else {
            return None;
        };
        let label = "expected the end of the line";
        Some(Finding::at_place(message, LabelPlace::Bytes(bytes), label).fix(fix))
    }

    /// The place behind a value with which a word begins that as a whole is not a value.
    fn end_of_value(&self) -> Option<usize> {
        let bytes = self.word_bytes();
        let word = &self.text[bytes.clone()];
        let marks = ["//", "--", ";", ","].into_iter();
        let mut ends = marks.filter_map(|mark| word.find(mark));
        let end = ends.find(|end| is_value(word[..*end].trim()))?;
        Some(bytes.start + end)
    }

    fn unquoted(&self) -> Finding {
        let behind = self.end_of_value().and_then(|end| self.rest_of_line(end));
        if let Some(found) = behind {
            return found;
        }
        let word = self.word();
        let at = |label: &str| {
            let message = format!("`{word}` is not a value");
            Finding::at_place(message, LabelPlace::Bytes(self.word_bytes()), label)
        };
        if word.contains(char::is_whitespace) {
            return at("expected one value; strings need quotes");
        }
        let string = format!("\"{}\"", word.trim_matches(['"', '\'', '“', '”', '‘', '’']));
        match boolean(&word) {
            Some(boolean) => at("booleans are `true` and `false`")
                .help(format!("write `{boolean}`, or `{string}` for a string")),
            None => at("strings need quotes").help(format!("write `{string}`")),
        }
    }

    fn leading_zero(&self) -> Finding {
        let word = self.word();
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.unquoted();
        }
        let place = LabelPlace::Bytes(self.word_bytes());
        let digits = word.trim_start_matches('0');
        let number = if digits.is_empty() { "0" } else { digits };
        Finding::at_place(
            format!("`{word}` starts with a zero"),
            place,
            "numbers have no leading zeros",
        )
        .help(format!("write `{number}`"))
    }

    /// Whether it is in a table header, which has brackets before it.
    fn is_header(&self) -> bool {
        self.line_before().trim_start().starts_with('[')
    }

    fn line_before(&self) -> &'a str {
        self.text[..self.bytes.start].rsplit('\n').next().unwrap_or_default()
    }

    fn duplicate(&self, arrays: &BTreeSet<&str>) -> Finding {
        let word = self.word();
        let found = self.finding_here(format!("`{word}` is defined twice"), "defined again here");
        match self.line_before().trim() {
            "[" if arrays.contains(word.as_str()) => {
                found.help(format!("write `[[{word}]]`: it is one of several"))
            }
            "[" => found.help(format!("write its keys under the first `[{word}]`")),
            "[[" => found.help(format!("write the first header as `[[{word}]]` too")),
            _ => found,
        }
    }

    fn no_value(&self) -> Finding {
        let found = self.finding_here("a key has no value", "expected `=` and a value");
        if self.line_before().trim_end().ends_with(':') {
            return found.help(EQUAL_SIGN);
        }
        found
    }

    fn bare_key(&self) -> Finding {
        let found = printable(&self.text[self.bytes.clone()]);
        let message = format!("`{found}` is not allowed in a key without quotes");
        match found.as_str() {
            ":" => self.finding_here(message, "expected `=`").help(EQUAL_SIGN),
            "//" | ";" => {
                let fix = Fix::replace_text(&self.bytes, "#", COMMENTS);
                self.finding_here(message, self.expectation()).fix(fix)
            }
            "/*" => self.finding_here(message, self.expectation()).help(COMMENTS),
            _ => self.finding_here(message, self.expectation()),
        }
    }

    /// The parser reports the place after the backslash.
    fn escape(&self) -> Finding {
        let before_backslashes = self.text[..self.bytes.start].trim_end_matches('\\').len();
        let start = before_backslashes.max(self.bytes.start.saturating_sub(1));
        let after = self.text[self.bytes.start..].chars().next().map_or(0, char::len_utf8);
        let bytes = start..self.bytes.start + after;
        let message = format!("`{}` is not an escape", printable(&self.text[bytes.clone()]));
        Finding::at_place(message, LabelPlace::Bytes(bytes), self.expectation())
            .help("write `\\\\` for a backslash, or put the string between single quotes")
    }

    /// The word around the fault: the parser may report only a part of it.
    fn word_bytes(&self) -> Range<usize> {
        let before = &self.text[..self.bytes.start];
        let after = &self.text[self.bytes.end..];
        let ends = |c: char| c.is_whitespace() || ",=[]{}#".contains(c);
        let start = before.len() - before.rsplit(ends).next().map_or(0, str::len);
        let end = self.bytes.end + after.split(ends).next().map_or(0, str::len);
        start..end
    }

    fn word(&self) -> String {
        printable(&self.text[self.word_bytes()])
    }
}

/// From the first to the last character of a line, outside of strings and comments, that has a plain one.
fn foreign_characters(line: &str) -> Option<Range<usize>> {
    let mut found: Option<Range<usize>> = None;
    let mut quote = None;
    for (start, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => break,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, _) if plain_character(c).is_some() => {
                let first = found.map_or(start, |range| range.start);
                found = Some(first..start + c.len_utf8());
            }
            _ => {}
        }
    }
    found
}

/// Whether a text is one TOML value.
fn is_value(text: &str) -> bool {
    !text.is_empty() && toml::from_str::<toml::Table>(&format!("value = {text}")).is_ok()
}

/// Words for a boolean in YAML and Python.
fn boolean(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some("true"),
        "false" | "no" | "off" => Some("false"),
        _ => None,
    }
}
