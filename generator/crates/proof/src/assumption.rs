//! An assumption: a property of the cluster that the emitted files cannot show, and that the proof relies on.

use crate::span::FileLine;

/// A property that the proof relies on and cannot check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// The line that gives rise to it; line 0 is the file as a whole.
    pub place: FileLine,
    /// The property, as a sentence without a full stop.
    pub text: String,
}

impl Assumption {
    /// An assumption.
    pub fn new(place: FileLine, text: impl Into<String>) -> Self {
        Self { place, text: text.into() }
    }
}

/// Neighbours with the same sentence, each group once.
pub fn alike(assumptions: &[Assumption]) -> impl Iterator<Item = &[Assumption]> {
    assumptions.chunk_by(|one, next| one.text == next.text)
}
