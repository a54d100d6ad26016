//! The reason for which a warning is accepted.

use super::string::string_type;
use super::{Form, Malformed, Text};

string_type! {
    /// The reason for which a warning is accepted: text on one line, without space around it.
    pub struct Reason;
}

impl Text for Reason {
    const EXPECTED: &'static str = "a reason such as `keys only`";
    const FORM: Form = Form::Free;

    fn parse(text: &str) -> Result<Self, Malformed> {
        let reason = text.trim();
        if reason.is_empty() {
            return Err(Malformed::new("the reason is empty", "empty")
                .help("write the reason why the warning is accepted, for later readers"));
        }
        match reason.chars().any(char::is_control) {
            true => Err(Malformed::new(
                "the reason has a line break or control character in it",
                "more than a line",
            )
            .help("write it on one line")),
            false => Ok(Self(reason.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_a_line() {
        accepts::<Reason>(&[(" keys only ", "keys only")]);
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<Reason>(&[
            (
                "  ",
                "the reason is empty",
                "empty",
                "write the reason why the warning is accepted, for later readers",
            ),
            (
                "a\nb",
                "the reason has a line break or control character in it",
                "more than a line",
                "write it on one line",
            ),
        ]);
    }
}
