//! Characters that look like one of ASCII, or like nothing: input methods, word processors and web pages write them.

use super::{Malformed, Text};

/// The ASCII text that a character looks like; empty for an invisible one. None for every other character.
#[must_use]
pub fn plain_character(c: char) -> Option<String> {
    let plain = match c {
        // Unicode, "Halfwidth and Fullwidth Forms": the ASCII characters, in their order.
        '\u{ff01}'..='\u{ff5e}' => {
            return char::from_u32(u32::from(c) - 0xfee0).map(String::from);
        }
        // Unicode, category Zs.
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => "",
        '“' | '”' | '„' | '‟' | '«' | '»' | '「' | '」' | '『' | '』' | '″' => "\"",
        '‘' | '’' | '‚' | '′' => "'",
        '【' => "[",
        '】' => "]",
        '。' => ".",
        '、' => ",",
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "-",
        _ => return None,
    };
    Some(plain.to_owned())
}

/// The text with [`plain_character`] for each character that has one.
#[must_use]
pub fn plain_text(text: &str) -> String {
    text.chars().map(|c| plain_character(c).unwrap_or_else(|| c.to_string())).collect()
}

/// Reads a value that a user wrote. If it is valid with plain characters and without space around it, this is its only
/// meaning.
///
/// # Errors
///
/// When the text is not a valid value.
pub fn parse_written<T: Text>(text: &str) -> Result<T, Malformed> {
    let fault = match T::parse(text) {
        Ok(value) => return Ok(value),
        Err(fault) => fault,
    };
    let plain = plain_text(text);
    let plain = plain.trim();
    let is_other = fault.suggestion.is_none() && plain != text;
    Err(if is_other && T::parse(plain).is_ok() { fault.suggest(plain) } else { fault })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, Name, Role};

    #[test]
    fn only_characters_that_look_like_ascii_are_replaced() {
        let table = [
            ("ｎａｍｅ　＝　＂tokyo＂", "name = \"tokyo\""),
            ("２０３。0.113.10", "203.0.113.10"),
            ("“a” ‘b’ 「c」", "\"a\" 'b' \"c\""),
            ("a\u{a0}b\u{200b}c", "a bc"),
            ("東京 é ß 1", "東京 é ß 1"),
        ];
        for (text, expected) in table {
            assert_eq!(plain_text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_with_other_characters_has_one_meaning() {
        let meaning = |fault: Malformed| fault.suggestion.unwrap_or_default();
        let endpoint =
            |text| parse_written::<Endpoint>(text).map_or_else(meaning, |_| "valid".into());
        assert_eq!(endpoint("２０３.0.113.10"), "203.0.113.10");
        assert_eq!(endpoint(" 203.0.113.10"), "203.0.113.10");
        assert_eq!(endpoint("203.0.113.10"), "valid");
        assert_eq!(endpoint("203.0.113.２５６"), "");
        let name = |text| parse_written::<Name>(text).map_or_else(meaning, |_| "valid".into());
        assert_eq!(name("tokyo\u{a0}"), "tokyo");
        assert_eq!(name("東京"), "");
        let role = parse_written::<Role>("ｗｏｒｋｅｒ").map_or_else(meaning, |_| "valid".into());
        assert_eq!(role, "worker");
    }
}
