//! URLs of repositories and mirrors.

use super::endpoint::split_port;
use super::open_port::parse_port;
use super::string::string_type;
use super::{DnsName, Form, Malformed, Text};

string_type! {
    /// An `https://` or `http://` URL without user information and without a final slash.
    pub struct Url;
}

impl Url {
    /// The path, without the first slash; empty if there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, rest)| rest);
        authority.split_once('/').map_or("", |(_, path)| path)
    }

    /// Whether the transport is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl Text for Url {
    const EXPECTED: &'static str = "a URL such as `https://mirror.example.com`";
    const FORM: Form = Form::Pattern(r"^https?://[^\s@/?#]+([/?#]\S*)?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let url = text.trim_end_matches('/');
        let Some((scheme, rest)) = url.split_once("://") else { return Err(no_scheme(text)) };
        if !matches!(scheme, "https" | "http") {
            return Err(refusal(text, "unknown scheme").help("write `https://` or `http://`"));
        }
        if let Some(foreign) = rest.chars().find(|c| !is_url_character(*c)) {
            let label = format!("the character `{foreign}`");
            return Err(refusal(text, &label).help("percent-encode it"));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            // Not repeated: diagnostics are written to logs.
            let message = "a URL has a user name or password in it";
            return Err(Malformed::new(message, "user information")
                .help("remove the part before the `@`: this file is committed"));
        }
        check_authority(authority, text).map(|()| Self(url.to_owned()))
    }
}

/// The characters of RFC 3986 §2, without those that end a quoted string or expand in a shell.
fn is_url_character(c: char) -> bool {
    c.is_ascii_graphic() && !"\"'\\`$<>^{|}".contains(c)
}

fn refusal(text: &str, label: &str) -> Malformed {
    Malformed::new(format!("`{text}` is not a valid URL"), label)
}

fn no_scheme(text: &str) -> Malformed {
    let refused = refusal(text, "scheme missing");
    match Url::parse(&format!("https://{}", text.trim_start_matches('/'))) {
        Ok(suggestion) => refused.did_you_mean(suggestion),
        Err(_) => refused.help("write `https://`, a host, and a path"),
    }
}

fn check_authority(authority: &str, text: &str) -> Result<(), Malformed> {
    let (host, port) = split_port(authority);
    port.map(parse_port).transpose()?;
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_address = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    match is_address || DnsName::parse(&host.to_ascii_lowercase()).is_ok() {
        true => Ok(()),
        false => Err(refusal(text, "no host").help("write a host after `://`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_urls() {
        accepts::<Url>(&[
            ("https://mirror.example.com/", "https://mirror.example.com"),
            (
                "https://mirror.example.com/kubernetes/core:/stable:",
                "https://mirror.example.com/kubernetes/core:/stable:",
            ),
            ("http://[2001:db8::1]:5000/v2", "http://[2001:db8::1]:5000/v2"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ]);
        assert!(!Url::parse("http://mirror").unwrap().is_https());
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<Url>(&[
            (
                "mirror.example.com/apt",
                "`mirror.example.com/apt` is not a valid URL",
                "scheme missing",
                "did you mean `https://mirror.example.com/apt`?",
            ),
            ("", "`` is not a valid URL", "scheme missing", "write `https://`, a host, and a path"),
            (
                "ftp://example.com",
                "`ftp://example.com` is not a valid URL",
                "unknown scheme",
                "write `https://` or `http://`",
            ),
            (
                "https:///apt",
                "`https:///apt` is not a valid URL",
                "no host",
                "write a host after `://`",
            ),
            (
                "https://a.example/a b",
                "`https://a.example/a b` is not a valid URL",
                "the character ` `",
                "percent-encode it",
            ),
            (
                "https://me:secret@a.example",
                "a URL has a user name or password in it",
                "user information",
                "remove the part before the `@`: this file is committed",
            ),
        ]);
    }
}
