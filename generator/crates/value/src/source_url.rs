//! Sources of files: a URL, or a path on the machine.

use std::fmt;

use super::string::serialize_as_displayed;
use super::{Form, Malformed, Text, Url};

/// A [`Url`], or the absolute path of a file on the machine that uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUrl(SourceKind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum SourceKind {
    Remote(Url),
    Path(String),
}

impl SourceUrl {
    /// A source that this program defines.
    ///
    /// # Panics
    ///
    /// When it is not a valid URL: a bug, whatever the topology contains.
    pub fn upstream(url: &str) -> Self {
        Self::parse(url).unwrap_or_else(|fault| unreachable!("{url}: {}", fault.message))
    }

    /// The URL; `None` if it is a path.
    #[must_use]
    pub const fn remote(&self) -> Option<&Url> {
        match &self.0 {
            SourceKind::Remote(url) => Some(url),
            SourceKind::Path(_) => None,
        }
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            SourceKind::Remote(url) => url.fmt(f),
            SourceKind::Path(path) => path.fmt(f),
        }
    }
}

serialize_as_displayed!(SourceUrl);

impl Text for SourceUrl {
    const EXPECTED: &'static str = "a URL or an absolute path such as `/opt/charts/traefik.tgz`";
    const FORM: Form = Form::Pattern(r"^(https?://[^\s@/?#]+([/?#]\S*)?|(file://)?/.*[^/])$");

    /// Accepts a file URL (RFC 8089) as its path.
    fn parse(text: &str) -> Result<Self, Malformed> {
        match text.strip_prefix("file://").unwrap_or(text) {
            path if path.starts_with('/') => {
                check_path(path).map(|()| Self(SourceKind::Path(path.to_owned())))
            }
            host if text.starts_with("file://") => Err(on_another_host(text, host)),
            url => Url::parse(url).map(|url| Self(SourceKind::Remote(url))),
        }
    }
}

fn on_another_host(text: &str, host: &str) -> Malformed {
    let label = format!("`{}` is read as a host", host.split('/').next().unwrap_or(host));
    Malformed::new(format!("`{text}` is not a valid file of this machine"), label)
        .help("write three slashes after `file:`, or the path alone")
}

/// The path is written into a script, so characters that end a quoted string are refused.
fn check_path(path: &str) -> Result<(), Malformed> {
    let refusal =
        |label: String| Malformed::new(format!("`{path}` is not a valid path of a file"), label);
    if path.ends_with('/') {
        return Err(refusal("a folder's path".to_owned()).help("name the file"));
    }
    match path.chars().find(|c| c.is_control() || *c == '\'') {
        Some(foreign) => {
            let label = format!("the character `{}`", foreign.escape_default());
            Err(refusal(label).help("rename the file"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_urls_and_paths() {
        accepts::<SourceUrl>(&[
            ("https://mirror.example.com/helm.tar.gz", "https://mirror.example.com/helm.tar.gz"),
            ("/opt/my charts/traefik.tgz", "/opt/my charts/traefik.tgz"),
            ("file:///opt/traefik.tgz", "/opt/traefik.tgz"),
        ]);
        let remote = SourceUrl::parse("https://mirror.example.com").unwrap();
        assert_eq!(remote.remote().map(Url::as_str), Some("https://mirror.example.com"));
        assert_eq!(SourceUrl::parse("file:///opt/traefik.tgz").unwrap().remote(), None);
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<SourceUrl>(&[
            (
                "file://opt/traefik.tgz",
                "`file://opt/traefik.tgz` is not a valid file of this machine",
                "`opt` is read as a host",
                "write three slashes after `file:`, or the path alone",
            ),
            ("/opt/", "`/opt/` is not a valid path of a file", "a folder's path", "name the file"),
            (
                "/opt/it's.tgz",
                "`/opt/it's.tgz` is not a valid path of a file",
                "the character `\\'`",
                "rename the file",
            ),
            (
                "charts/traefik.tgz",
                "`charts/traefik.tgz` is not a valid URL",
                "scheme missing",
                "did you mean `https://charts/traefik.tgz`?",
            ),
            (
                "ftp://example.com/x",
                "`ftp://example.com/x` is not a valid URL",
                "unknown scheme",
                "write `https://` or `http://`",
            ),
        ]);
    }
}
