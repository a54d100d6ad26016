//! Values: one thing that a user writes, one type that cannot hold rubbish.
//!
//! A type here is judged by one value alone; what needs two is a rule. Each parses, prints back
//! what it was made from in its normal form, and explains itself when it refuses.

use strsim::damerau_levenshtein;

/// A value that is written as a TOML string.
pub trait Text: Sized {
    /// What a user is told to write, with its article and an example.
    const EXPECTED: &'static str;

    /// Reads the text between the quotes.
    ///
    /// # Errors
    ///
    /// When the text is no such value, with the corrected one where it follows.
    fn parse(text: &str) -> Result<Self, Malformed>;
}

/// A value that is written as a TOML integer.
pub trait Number: Sized {
    /// What a user is told to write, with its article and its bounds.
    const EXPECTED: &'static str;

    /// Takes the integer if it is in bounds.
    ///
    /// # Errors
    ///
    /// When it is out of bounds.
    fn from_integer(integer: i64) -> Result<Self, Malformed>;
}

/// Why a type refuses a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, with the value: lower case, no full stop.
    pub message: String,
    /// What is said at the place of the value.
    pub label: String,
    /// The corrected value, or what to do.
    pub help: Option<String>,
}

impl Malformed {
    /// A refusal without a correction.
    pub fn new(message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { message: message.into(), label: label.into(), help: None }
    }

    /// Adds the correction.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The known word that was most probably meant: at most one edit for each three letters.
#[must_use]
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let tolerated = (word.chars().count() / 3).clamp(1, 3);
    let distances = known.into_iter().map(|known| (damerau_levenshtein(&word, known), known));
    let nearest = distances.min_by_key(|(distance, _)| *distance)?;
    (nearest.0 <= tolerated).then_some(nearest.1)
}
