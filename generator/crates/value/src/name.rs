//! Names that the user gives.

use std::net::IpAddr;

use super::dns::check_label;
use super::string::string_type;
use super::{Form, Malformed, Text, checked};

string_type! {
    /// The name of a cluster, node, client or site: one DNS label, in lower case.
    ///
    /// A node's name is its hostname and its name in Kubernetes, which takes RFC 1123 labels.
    /// `localhost` resolves to the machine itself (RFC 6761 §6.3).
    pub struct Name;
}

impl Text for Name {
    const EXPECTED: &'static str = "a name such as `tokyo`";
    const FORM: Form = Form::Pattern(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        if text.parse::<IpAddr>().is_ok() {
            let message = format!("`{text}` is an address");
            return Err(Malformed::new(message, "expected a name").help("write a name"));
        }
        let check = |text: &str| {
            check_label(text, text).map_err(|fault| {
                fault.help("a name has up to 63 letters of a-z, digits and `-` between them")
            })
        };
        let name = checked(text, check, corrected)?;
        match name.as_str() {
            "localhost" => {
                let message = "`localhost` resolves to the machine itself";
                Err(Malformed::new(message, "reserved name").help("choose another name"))
            }
            _ => Ok(Self(name)),
        }
    }
}

fn corrected(text: &str) -> String {
    let dashed = text.trim().to_lowercase().replace(['_', '.', ' '], "-");
    dashed.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    const RULE: &str = "a name has up to 63 letters of a-z, digits and `-` between them";

    #[test]
    fn takes_labels() {
        accepts::<Name>(&[("tokyo", "tokyo"), ("node-01", "node-01"), ("7", "7")]);
        accepts::<Name>(&[(&"a".repeat(63), &"a".repeat(63))]);
    }

    #[test]
    fn corrects() {
        refuses::<Name>(&[
            (
                "Tokyo",
                "`Tokyo` has the character `T`",
                "the character `T`",
                "did you mean `tokyo`?",
            ),
            (
                "my_node",
                "`my_node` has the character `_`",
                "the character `_`",
                "did you mean `my-node`?",
            ),
            ("a.b", "`a.b` has the character `.`", "the character `.`", "did you mean `a-b`?"),
            (
                "-a",
                "`-a` has a label that starts with `-`",
                "a label that starts with `-`",
                "did you mean `a`?",
            ),
            (
                "a-",
                "`a-` has a label that ends with `-`",
                "a label that ends with `-`",
                "did you mean `a`?",
            ),
        ]);
    }

    #[test]
    fn refuses_without_correction() {
        refuses::<Name>(&[
            ("", "the value is empty", "empty", RULE),
            ("203.0.113.7", "`203.0.113.7` is an address", "expected a name", "write a name"),
            ("2001:db8::7", "`2001:db8::7` is an address", "expected a name", "write a name"),
            (
                "localhost",
                "`localhost` resolves to the machine itself",
                "reserved name",
                "choose another name",
            ),
            ("東京", "`東京` has the character `東`", "the character `東`", RULE),
            (
                "\u{1b}[0m",
                "`\\u{1b}[0m` has the character `\\u{1b}`",
                "the character `\\u{1b}`",
                RULE,
            ),
        ]);
        let long = "a".repeat(64);
        let message = format!("`{long}` has a label of 64 characters, 63 is the most");
        refuses::<Name>(&[(&long, &message, "a label of 64 characters, 63 is the most", RULE)]);
    }
}
