//! Labels and taints of nodes.

use std::fmt;

use super::string::{serialize_as_displayed, string_type};
use super::{DnsName, Form, Malformed, TaintEffect, Text};

string_type! {
    /// The key of a Kubernetes label: `zone`, or with a DNS name before it `example.com/zone`.
    ///
    /// Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>.
    pub struct LabelKey;
}

string_type! {
    /// The value of a Kubernetes label; may be empty.
    pub struct LabelValue;
}

/// The most characters of a label's value, and of its key after the `/`.
const SEGMENT_MAX: usize = 63;

impl Text for LabelKey {
    const EXPECTED: &'static str = "a label key such as `example.com/zone`";
    const FORM: Form =
        Form::Pattern(r"^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let (prefix, name) = text.split_once('/').map_or((None, text), |(p, n)| (Some(p), n));
        if name.is_empty() || prefix == Some("") {
            return Err(Malformed::new(
                format!("`{text}` is not a valid label key"),
                "not a valid label key",
            )
            .help("write a name, with a DNS name and `/` before it if other programs use it too"));
        }
        check_segment(name, text)?;
        prefix.map(DnsName::parse).transpose()?;
        Ok(Self(text.to_owned()))
    }
}

impl Text for LabelValue {
    const EXPECTED: &'static str = "a label value such as `ssd`";
    const FORM: Form = Form::Pattern(r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        check_segment(text, text).map(|()| Self(text.to_owned()))
    }
}

/// Letters and digits, with `-`, `_` and `.` between them.
fn check_segment(segment: &str, text: &str) -> Result<(), Malformed> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_outer = |c: char| c.is_ascii_alphanumeric();
    let fault = match segment.chars().find(|c| !is_inner(*c)) {
        _ if segment.is_empty() => return Ok(()),
        Some(foreign) => format!("has the character `{foreign}`"),
        None if !segment.starts_with(is_outer) => {
            "does not start with a letter or digit".to_owned()
        }
        None if !segment.ends_with(is_outer) => "does not end with a letter or digit".to_owned(),
        None if segment.len() > SEGMENT_MAX => {
            format!("has {} characters, {SEGMENT_MAX} is the most", segment.len())
        }
        None => return Ok(()),
    };
    Err(Malformed::new(format!("`{text}` {fault}"), "not in the form of a label")
        .help("write letters and digits, with `-`, `_` and `.` between them"))
}

/// A taint in the form of kubectl: `key=value:NoSchedule` or `key:NoSchedule`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    key: LabelKey,
    value: Option<LabelValue>,
    effect: TaintEffect,
}

impl Taint {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &LabelKey {
        &self.key
    }

    /// The value, if one is written.
    #[must_use]
    pub const fn value(&self) -> Option<&LabelValue> {
        self.value.as_ref()
    }

    /// Its effect.
    #[must_use]
    pub const fn effect(&self) -> TaintEffect {
        self.effect
    }
}

impl Text for Taint {
    const EXPECTED: &'static str = "a taint such as `dedicated=ingress:NoSchedule`";
    const FORM: Form = Form::Pattern(
        r"^[A-Za-z0-9./_-]+(=[A-Za-z0-9._-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$",
    );

    fn parse(text: &str) -> Result<Self, Malformed> {
        let Some((label, effect)) = text.rsplit_once(':') else {
            return Err(Malformed::new(format!("`{text}` has no effect"), "effect missing")
                .help("append `:NoSchedule`, `:PreferNoSchedule` or `:NoExecute`"));
        };
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        Ok(Self {
            key: LabelKey::parse(key)?,
            value: (!value.is_empty()).then(|| LabelValue::parse(value)).transpose()?,
            effect: TaintEffect::parse(effect)?,
        })
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}:{}", self.key, self.effect),
            None => write!(f, "{}:{}", self.key, self.effect),
        }
    }
}

serialize_as_displayed!(Taint);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_labels_and_taints() {
        accepts::<LabelKey>(&[("Zone_1.a", "Zone_1.a"), ("example.com/zone", "example.com/zone")]);
        accepts::<LabelValue>(&[("", ""), ("Ssd-1", "Ssd-1")]);
        let longest = "a".repeat(SEGMENT_MAX);
        accepts::<LabelValue>(&[(&longest, &longest)]);
        accepts::<Taint>(&[
            ("dedicated=ingress:NoSchedule", "dedicated=ingress:NoSchedule"),
            ("example.com/gpu=:NoExecute", "example.com/gpu:NoExecute"),
        ]);
        let taint = Taint::parse("a=b:NoExecute").unwrap();
        let parts = (taint.key().as_str(), taint.value().map(LabelValue::as_str), taint.effect());
        assert_eq!(parts, ("a", Some("b"), TaintEffect::NoExecute));
    }

    #[test]
    fn refuses_the_rest() {
        let label = "not in the form of a label";
        let help = "write letters and digits, with `-`, `_` and `.` between them";
        refuses::<LabelKey>(&[
            (
                "example.com/",
                "`example.com/` is not a valid label key",
                "not a valid label key",
                "write a name, with a DNS name and `/` before it if other programs use it too",
            ),
            ("a b", "`a b` has the character ` `", label, help),
            ("a/b/c", "`a/b/c` has the character `/`", label, help),
            (
                "Example.com/a",
                "`Example.com` has the character `E`",
                "the character `E`",
                "did you mean `example.com`?",
            ),
        ]);
        let long = "a".repeat(SEGMENT_MAX + 1);
        let message = format!("`{long}` has 64 characters, 63 is the most");
        refuses::<LabelValue>(&[
            ("-a", "`-a` does not start with a letter or digit", label, help),
            ("a.", "`a.` does not end with a letter or digit", label, help),
            (&long, &message, label, help),
        ]);
        refuses::<Taint>(&[
            (
                "dedicated",
                "`dedicated` has no effect",
                "effect missing",
                "append `:NoSchedule`, `:PreferNoSchedule` or `:NoExecute`",
            ),
            (
                "a:noexecute",
                "`noexecute` is not a valid taint effect",
                "unknown taint effect",
                "did you mean `NoExecute`?",
            ),
        ]);
    }
}
