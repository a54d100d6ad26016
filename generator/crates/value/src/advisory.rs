//! Names of security advisories.

use super::string::string_type;
use super::{Form, Malformed, Text};

string_type! {
    /// The name of an advisory: of the CVE list or of GitHub.
    pub struct AdvisoryId;
}

impl Text for AdvisoryId {
    const EXPECTED: &'static str = "an advisory such as `CVE-2026-88008`";
    const FORM: Form =
        Form::Pattern(r"^(CVE-[0-9]{4}-[0-9]{4,}|GHSA(-[23456789cfghjmpqrvwx]{4}){3})$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        match is_cve(text) || is_ghsa(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(Malformed::new(
                format!("`{text}` is not a valid name of an advisory"),
                "not a valid name",
            )
            .help("write it as `CVE-2026-88008` or `GHSA-w4v4-9rw7-5326`")),
        }
    }
}

/// CVE's own form ("CVE ID Syntax", 2014).
fn is_cve(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    let numbers = text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
    numbers.is_some_and(|(year, number)| {
        year.len() == 4 && number.len() >= 4 && digits(year) && digits(number)
    })
}

/// GitHub's own form ("About the GitHub Advisory database", GHSA IDs).
fn is_ghsa(text: &str) -> bool {
    let is_part =
        |part: &str| part.len() == 4 && part.chars().all(|c| "23456789cfghjmpqrvwx".contains(c));
    let parts: Option<Vec<_>> = text.strip_prefix("GHSA-").map(|rest| rest.split('-').collect());
    parts.is_some_and(|parts| parts.len() == 3 && parts.into_iter().all(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_both_forms_and_no_other() {
        accepts::<AdvisoryId>(&[
            ("CVE-2026-88008", "CVE-2026-88008"),
            ("GHSA-w4v4-9rw7-5326", "GHSA-w4v4-9rw7-5326"),
        ]);
        let help = "write it as `CVE-2026-88008` or `GHSA-w4v4-9rw7-5326`";
        refuses::<AdvisoryId>(&[
            (
                "CVE-26-88008",
                "`CVE-26-88008` is not a valid name of an advisory",
                "not a valid name",
                help,
            ),
            (
                "CVE-2026-1",
                "`CVE-2026-1` is not a valid name of an advisory",
                "not a valid name",
                help,
            ),
            (
                "GHSA-w4v4-9rw7",
                "`GHSA-w4v4-9rw7` is not a valid name of an advisory",
                "not a valid name",
                help,
            ),
            (
                "GHSA-aaaa-9rw7-5326",
                "`GHSA-aaaa-9rw7-5326` is not a valid name of an advisory",
                "not a valid name",
                help,
            ),
        ]);
    }
}
