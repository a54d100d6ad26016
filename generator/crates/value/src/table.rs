//! Assertions about the texts that a type accepts and refuses, for the tests of this folder.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::sync::Mutex;

use regex::Regex;

use super::{Form, Malformed, Number, Text};

/// Each input is accepted, and printed in this normal form.
pub(super) fn accepts<T: Text + Display>(cases: &[(&str, &str)]) {
    for (input, normal) in cases {
        let printed = T::parse(input).map(|value| value.to_string());
        assert_eq!(printed.as_deref(), Ok(*normal), "{input:?}");
        let again = T::parse(normal).map(|value| value.to_string());
        assert_eq!(again.as_deref(), Ok(*normal), "the normal form of {input:?}");
        assert_in_form::<T>(input);
        assert_in_form::<T>(normal);
    }
}

/// A text that the type accepts is in the form that it gives to schemas.
pub(super) fn assert_in_form<T: Text>(text: &str) {
    match T::FORM {
        Form::Free => {}
        Form::Words(words) => assert!(words.contains(&text), "{text:?} is none of {words:?}"),
        Form::Pattern(pattern) => assert!(is_match(pattern, text), "{text:?} is not {pattern}"),
    }
}

fn is_match(pattern: &'static str, text: &str) -> bool {
    static COMPILED: Mutex<BTreeMap<&str, Regex>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap();
    compiled.entry(pattern).or_insert_with(|| Regex::new(pattern).unwrap()).is_match(text)
}

/// Each input is refused with this message, label and help; an empty help means no help.
pub(super) fn refuses<T: Text + Debug>(cases: &[(&str, &str, &str, &str)]) {
    for (input, message, label, help) in cases {
        let mut refused = T::parse(input).unwrap_err();
        let suggestion =
            refused.suggestion.take().map(|suggestion| format!("did you mean `{suggestion}`?"));
        assert_eq!(refused, refusal(message, label, help), "{input:?}");
        assert!(suggestion.is_none() || suggestion == refused.help, "{input:?}");
    }
}

/// Each input is refused, and can only mean the value beside it; empty if there is no such value.
pub(super) fn means<T: Text + Debug>(cases: &[(&str, &str)]) {
    for (input, suggestion) in cases {
        let refused = T::parse(input).unwrap_err();
        assert_eq!(refused.suggestion.as_deref().unwrap_or_default(), *suggestion, "{input:?}");
    }
}

/// Both bounds are accepted.
pub(super) fn bounded<T: Number + Display>(lowest: i64, highest: i64) {
    assert_eq!(T::BOUNDS, [lowest, highest]);
    for integer in [lowest, highest] {
        let printed = T::from_integer(integer).map(|number| number.to_string());
        assert_eq!(printed, Ok(integer.to_string()));
    }
}

/// The integer is refused with this message, label and help.
pub(super) fn refuses_number<T: Number + Debug>(integer: i64, refused: (&str, &str, &str)) {
    let (message, label, help) = refused;
    assert_eq!(T::from_integer(integer).unwrap_err(), refusal(message, label, help));
}

fn refusal(message: &str, label: &str, help: &str) -> Malformed {
    let help = (!help.is_empty()).then(|| help.to_owned());
    Malformed { message: message.to_owned(), label: label.to_owned(), help, suggestion: None }
}
