//! Names of network interfaces.

use super::string::string_type;
use super::{Form, Malformed, Text};

string_type! {
    /// The name of a network interface, such as `wg0` or `eth0`.
    ///
    /// Linux accepts up to 15 bytes (`IFNAMSIZ` with its NUL), except `.` and `..`. wg-quick(8),
    /// whose file has the interface's name, accepts only letters, digits and `_=+.-`.
    pub struct InterfaceName;
}

impl Text for InterfaceName {
    const EXPECTED: &'static str = "an interface name such as `wg0`";
    const FORM: Form = Form::Pattern(r"^[A-Za-z0-9_=+.-]{1,15}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_=+.-".contains(c);
        let fault = match text {
            "" => return Err(Malformed::new("the interface name is empty", "empty")),
            "." | ".." => "is a directory in Linux".to_owned(),
            _ => match text.chars().find(|c| !allowed(*c)) {
                Some(foreign) => format!("has the character `{foreign}`"),
                None if text.len() > 15 => format!("has {} characters", text.len()),
                None => return Ok(Self(text.to_owned())),
            },
        };
        Err(Malformed::new(format!("`{text}` {fault}"), "not a valid interface name")
            .help("write 1 to 15 letters, digits and `_=+.-`, such as `wg0`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_what_wg_quick_takes() {
        accepts::<InterfaceName>(&[
            ("wg0", "wg0"),
            ("mesh=1+a.b_c-d", "mesh=1+a.b_c-d"),
            ("fifteen-letters", "fifteen-letters"),
        ]);
    }

    #[test]
    fn refuses_the_rest() {
        let help = "write 1 to 15 letters, digits and `_=+.-`, such as `wg0`";
        let label = "not a valid interface name";
        refuses::<InterfaceName>(&[
            ("", "the interface name is empty", "empty", ""),
            ("..", "`..` is a directory in Linux", label, help),
            ("a/b", "`a/b` has the character `/`", label, help),
            ("wg 0", "`wg 0` has the character ` `", label, help),
            ("sixteen-is-above", "`sixteen-is-above` has 16 characters", label, help),
        ]);
    }
}
