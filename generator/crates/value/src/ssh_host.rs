//! Where `ssh` finds a machine.

use super::string::string_type;
use super::{Form, Malformed, Text, checked};

string_type! {
    /// What is written after `ssh`: a name of ~/.ssh/config, a DNS name, or an address.
    ///
    /// It is part of commands in files and messages, so it contains only characters that a shell does not interpret, and
    /// does not begin like an option.
    pub struct SshHost;
}

impl Text for SshHost {
    const EXPECTED: &'static str = "a host for ssh such as `home` or `192.168.1.20`";
    const FORM: Form = Form::Pattern(r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,254}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        checked(text, check, |text| text.trim().to_owned()).map(Self)
    }
}

fn check(text: &str) -> Result<(), Malformed> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_allowed = |c: char| is_word(c) || matches!(c, '.' | ':' | '-');
    match text.starts_with(is_word) && text.chars().all(is_allowed) && text.len() <= 255 {
        true => Ok(()),
        false => Err(Malformed::new(
            format!("`{text}` is not a valid host for ssh"),
            "not a valid host for ssh",
        )
        .help("write the word after `ssh`: a name of ~/.ssh/config, a DNS name or an address; the user is `ssh_user`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_names_and_addresses() {
        accepts::<SshHost>(&[
            ("home", "home"),
            ("Home_1.lan", "Home_1.lan"),
            ("192.168.1.20", "192.168.1.20"),
            ("2001:db8::20", "2001:db8::20"),
        ]);
    }

    #[test]
    fn refuses_the_rest() {
        let help = "write the word after `ssh`: a name of ~/.ssh/config, a DNS name or an address; the user is `ssh_user`";
        let label = "not a valid host for ssh";
        refuses::<SshHost>(&[
            ("-oProxyCommand=x", "`-oProxyCommand=x` is not a valid host for ssh", label, help),
            ("root@home", "`root@home` is not a valid host for ssh", label, help),
            ("a b", "`a b` is not a valid host for ssh", label, help),
            ("home ", "`home ` is not a valid host for ssh", label, "did you mean `home`?"),
            ("$(id)", "`$(id)` is not a valid host for ssh", label, help),
        ]);
    }
}
