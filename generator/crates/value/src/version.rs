//! Versions: releases, minor releases, and patterns of package versions.

use std::fmt;

use super::string::{serialize_as_displayed, string_type};
use super::{Form, Malformed, Text, refusal_of_empty};

/// A released version: `major.minor.patch`, without `v` and without a pre-release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Version {
    /// The version `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// The first number.
    #[must_use]
    pub const fn major(&self) -> u16 {
        self.major
    }

    /// The second number.
    #[must_use]
    pub const fn minor(&self) -> u16 {
        self.minor
    }

    /// The third number.
    #[must_use]
    pub const fn patch(&self) -> u16 {
        self.patch
    }

    /// Its minor release.
    #[must_use]
    pub const fn line(&self) -> ReleaseLine {
        ReleaseLine { major: self.major, minor: self.minor }
    }
}

/// A minor release with all of its patch releases: `major.minor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleaseLine {
    major: u16,
    minor: u16,
}

impl ReleaseLine {
    /// The minor release `major.minor`.
    #[must_use]
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl Text for ReleaseLine {
    const EXPECTED: &'static str = "a minor release such as `1.37`";
    const FORM: Form = Form::Pattern(r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let mut numbers = text.split('.').map(number);
        let line = match (numbers.next().flatten(), numbers.next().flatten(), numbers.next()) {
            (Some(major), Some(minor), None) => Some(Self { major, minor }),
            _ => None,
        };
        line.ok_or_else(|| {
            Malformed::new(
                format!("`{text}` is not a valid minor release"),
                "not a valid minor release",
            )
            .help("write major.minor, such as `1.37`")
        })
    }
}

impl fmt::Display for ReleaseLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

serialize_as_displayed!(ReleaseLine);

string_type! {
    /// A version of a Debian package, as apt-get(8) takes it after `=`: `2.3.6-1`, or with `*` at its end `2.*`.
    pub struct PackageVersion;
}

impl Text for PackageVersion {
    const EXPECTED: &'static str = "a version of a package such as `2.3.6-*`";
    const FORM: Form = Form::Pattern(r"^[0-9][A-Za-z0-9.+~:-]*\*?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let fixed = text.strip_suffix('*').unwrap_or(text);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+~:-".contains(c);
        match fixed.starts_with(|c: char| c.is_ascii_digit()) && fixed.chars().all(is_plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(Malformed::new(
                format!("`{text}` is not a valid version of a package"),
                "not a valid version",
            )
            .help("write a version such as `2.3.6-1`, or the beginning of one and `*`")),
        }
    }
}

impl Text for Version {
    const EXPECTED: &'static str = "a version such as `1.37.2`";
    const FORM: Form = Form::Pattern(r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        if let Some(version) = released(text) {
            return Ok(version);
        }
        let refusal =
            Malformed::new(format!("`{text}` is not a valid version"), "not a valid version");
        let number = text.trim().trim_start_matches(['v', 'V']);
        if let Some(suggestion) = released(number) {
            return Err(refusal.suggest(suggestion));
        }
        if text.trim().is_empty() {
            return Err(refusal_of_empty().help("write major.minor.patch, such as `1.37.2`"));
        }
        let bare = number.split(['-', '+']).next().unwrap_or_default();
        Err(match released(bare) {
            Some(suggestion) => refusal.did_you_mean(suggestion),
            None => refusal.help("write major.minor.patch, such as `1.37.2`"),
        })
    }
}

fn released(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(number);
    let version = Version::new(numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(version)
}

/// A number without sign or leading zeros (semver.org §2).
fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

serialize_as_displayed!(Version);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, means, refuses};

    #[test]
    fn takes_releases_in_order() {
        accepts::<Version>(&[("1.37.2", "1.37.2"), ("0.0.0", "0.0.0")]);
        assert!(Version::new(1, 9, 10) < Version::parse("1.10.0").unwrap());
        let version = Version::parse("1.37.2").unwrap();
        assert_eq!((version.major(), version.minor(), version.patch()), (1, 37, 2));
    }

    #[test]
    fn refuses_the_rest() {
        let write = "write major.minor.patch, such as `1.37.2`";
        refuses::<Version>(&[
            (
                "v1.37.2",
                "`v1.37.2` is not a valid version",
                "not a valid version",
                "did you mean `1.37.2`?",
            ),
            ("1.37", "`1.37` is not a valid version", "not a valid version", write),
            (
                "1.38.0-rc.1",
                "`1.38.0-rc.1` is not a valid version",
                "not a valid version",
                "did you mean `1.38.0`?",
            ),
            ("1.037.2", "`1.037.2` is not a valid version", "not a valid version", write),
            ("1.37.2.1", "`1.37.2.1` is not a valid version", "not a valid version", write),
            ("latest", "`latest` is not a valid version", "not a valid version", write),
        ]);
        means::<Version>(&[
            ("v1.37.2", "1.37.2"),
            ("V1.37.2", "1.37.2"),
            (" 1.37.2", "1.37.2"),
            ("1.37", ""),
        ]);
    }

    #[test]
    fn takes_minor_releases_in_order() {
        accepts::<ReleaseLine>(&[("1.37", "1.37"), ("0.0", "0.0")]);
        assert!(ReleaseLine::new(1, 9) < ReleaseLine::new(1, 10));
        assert_eq!(Version::new(1, 37, 2).line(), ReleaseLine::new(1, 37));
        let write = "write major.minor, such as `1.37`";
        refuses::<ReleaseLine>(&["1", "1.37.2", "v1.37", "1.037"].map(|text| {
            let message = match text {
                "1" => "`1` is not a valid minor release",
                "1.37.2" => "`1.37.2` is not a valid minor release",
                "v1.37" => "`v1.37` is not a valid minor release",
                _ => "`1.037` is not a valid minor release",
            };
            (text, message, "not a valid minor release", write)
        }));
    }

    #[test]
    fn takes_versions_of_packages() {
        accepts::<PackageVersion>(&[
            ("2.*", "2.*"),
            ("2.3.6-1~debian.13~trixie", "2.3.6-1~debian.13~trixie"),
            ("5:29.8.2-*", "5:29.8.2-*"),
        ]);
        let help = "write a version such as `2.3.6-1`, or the beginning of one and `*`";
        refuses::<PackageVersion>(&[
            ("*", "`*` is not a valid version of a package", "not a valid version", help),
            ("2.*.6", "`2.*.6` is not a valid version of a package", "not a valid version", help),
            ("2 3", "`2 3` is not a valid version of a package", "not a valid version", help),
        ]);
    }
}
