//! Corrections of a finding: the only change that corrects the fault, with the help text for it.

use std::ops::Range;

use toml::Value;

use crate::route::Route;

/// A change of the document that corrects the fault of a finding.
///
/// The help text is built from the same values as the change, so that the help and `check --fix`
/// cannot differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The change of the document.
    pub change: Change,
    /// The help for the user.
    pub help: String,
}

/// One change of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another value is written at the route.
    Replace {
        /// The old value.
        at: Route,
        /// The new value, as TOML.
        value: String,
    },
    /// A key that is missing is written.
    Insert {
        /// The key, in a table that exists.
        at: Route,
        /// Its value, as TOML.
        value: String,
    },
    /// The bytes of the finding's primary place get another text: the document cannot be read as TOML.
    ReplaceText {
        /// The old text.
        bytes: Range<usize>,
        /// The new text; may be empty.
        text: String,
    },
    /// A key, an element of an array, or an entry of an array of tables is removed.
    Remove {
        /// The value to remove.
        at: Route,
    },
}

impl Fix {
    /// The string at `at` is probably meant to be `text`.
    pub fn suggest(at: &Route, text: &str) -> Self {
        let value = Value::from(text).to_string();
        let help = format!("did you mean `{text}`?");
        Self { change: Change::Replace { at: at.clone(), value }, help }
    }

    /// `value`, a TOML value of the type that the key takes, is to be written at `at`.
    pub fn write(at: &Route, value: String) -> Self {
        let help = format!("write `{value}`");
        Self { change: Change::Replace { at: at.clone(), value }, help }
    }

    /// The bytes of the document are to be replaced by `text`; `help` describes it.
    pub fn replace_text(
        bytes: &Range<usize>,
        text: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let change = Change::ReplaceText { bytes: bytes.clone(), text: text.into() };
        Self { change, help: help.into() }
    }

    /// The key at `at` is to be written with `value`, a TOML value, for the reason `why`.
    pub fn insert(at: &Route, value: String, why: &str) -> Self {
        let help = format!("add `{} = {value}`: {why}", at.last());
        Self { change: Change::Insert { at: at.clone(), value }, help }
    }

    /// The key at `at` is to be removed, because its default is right: `then` describes the
    /// default.
    pub fn default(at: &Route, then: &str) -> Self {
        let help = format!("leave `{}` out: {then}", at.last());
        Self { change: Change::Remove { at: at.clone() }, help }
    }

    /// The value at `at` is to be removed. `why` may be empty.
    pub fn remove(at: &Route, what: &str, why: &str) -> Self {
        let colon = if why.is_empty() { "" } else { ": " };
        let help = format!("remove {what}{colon}{why}");
        Self { change: Change::Remove { at: at.clone() }, help }
    }
}
