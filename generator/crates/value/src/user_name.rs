//! Names of users on nodes.

use super::string::string_type;
use super::{Form, Malformed, Text, checked};

string_type! {
    /// The user to whom `ssh` logs in.
    ///
    /// useradd(8): `[a-z_][a-z0-9_-]*`, up to 32 characters. The final `$` that it also takes is
    /// for Samba's machine accounts, to which no user logs in.
    pub struct UserName;
}

impl Text for UserName {
    const EXPECTED: &'static str = "a user name such as `debian`";
    const FORM: Form = Form::Pattern(r"^[a-z_][a-z0-9_-]{0,31}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        checked(text, check, |text| text.trim().to_ascii_lowercase()).map(Self)
    }
}

fn check(text: &str) -> Result<(), Malformed> {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
    let starts = text.starts_with(|c: char| matches!(c, 'a'..='z' | '_'));
    match starts && text.chars().all(allowed) && text.len() <= 32 {
        true => Ok(()),
        false => Err(Malformed::new(
            format!("`{text}` is not a valid user name"),
            "not a valid user name",
        )
        .help("write up to 32 of a-z, 0-9, `_` and `-`, starting with a letter")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_what_useradd_takes() {
        accepts::<UserName>(&[("root", "root"), ("_svc-1", "_svc-1")]);
    }

    #[test]
    fn refuses_the_rest() {
        let help = "write up to 32 of a-z, 0-9, `_` and `-`, starting with a letter";
        refuses::<UserName>(&[
            (
                "Debian",
                "`Debian` is not a valid user name",
                "not a valid user name",
                "did you mean `debian`?",
            ),
            ("a@b", "`a@b` is not a valid user name", "not a valid user name", help),
            (
                "-oProxyCommand=x",
                "`-oProxyCommand=x` is not a valid user name",
                "not a valid user name",
                help,
            ),
        ]);
    }
}
