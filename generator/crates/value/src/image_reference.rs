//! References of container images.

use super::image::check_repository;
use super::string::serialize_as_displayed;
use super::{Form, Malformed, Sha256, Text};

/// One image: `registry.k8s.io/pause:3.10.2`, with the digest of its manifest if that is pinned.
///
/// The registry and the tag are always written: their defaults differ by reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    registry: String,
    path: String,
    tag: String,
    digest: Option<Sha256>,
}

serialize_as_displayed!(ImageReference);

/// The longest tag (distribution/reference, `tag`).
const TAG_MAX: usize = 128;

impl ImageReference {
    /// The host, with its port if it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The name below the registry.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The digest as `sha256:…`.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        self.digest.as_ref().map(|digest| format!("sha256:{digest}"))
    }
}

impl std::fmt::Display for ImageReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.path, self.tag)?;
        self.digest().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl Text for ImageReference {
    const EXPECTED: &'static str = "an image such as `registry.k8s.io/pause:3.10.2`";
    const FORM: Form = Form::Pattern(
        r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9._-]+)+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?$",
    );

    fn parse(text: &str) -> Result<Self, Malformed> {
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(parse_digest(digest, text)?)),
            None => (text, None),
        };
        let tagged = named.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
        let Some((repository, tag)) = tagged else {
            return Err(Malformed::new(format!("`{text}` has no tag"), "tag missing")
                .help("write the release after a colon, such as `:v1.15.1`"));
        };
        check_tag(tag, text)?;
        check_repository(repository)?;
        let Some((registry, path)) = repository.split_once('/') else {
            return Err(Malformed::new(format!("`{text}` has no image name"), "a registry alone"));
        };
        let [registry, path, tag] = [registry, path, tag].map(str::to_owned);
        Ok(Self { registry, path, tag, digest })
    }
}

fn parse_digest(digest: &str, text: &str) -> Result<Sha256, Malformed> {
    match digest.strip_prefix("sha256:") {
        Some(digits) => Sha256::parse(digits),
        None => Err(Malformed::new(format!("`{text}` has no SHA-256 digest"), "unknown digest")
            .help("write `@sha256:` and 64 hex digits, or leave the digest out")),
    }
}

fn check_tag(tag: &str, text: &str) -> Result<(), Malformed> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_tag = tag.starts_with(is_word) && tag.chars().all(|c| is_word(c) || ".-".contains(c));
    match is_tag && tag.len() <= TAG_MAX {
        true => Ok(()),
        false => Err(Malformed::new(
            format!("`{text}` has `{tag}`, which is not a valid tag"),
            "not a valid tag",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_references() {
        let digest = "0".repeat(64);
        let pinned = format!("ghcr.io/a/b:2026.7.20@sha256:{digest}");
        accepts::<ImageReference>(&[
            ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/pause:3.10.2"),
            ("localhost:5000/a/b:latest", "localhost:5000/a/b:latest"),
            (&pinned, &pinned),
        ]);
        let image = ImageReference::parse(&pinned).unwrap();
        assert_eq!((image.registry(), image.path(), image.tag()), ("ghcr.io", "a/b", "2026.7.20"));
        assert_eq!(image.digest(), Some(format!("sha256:{digest}")));
    }

    #[test]
    fn refuses_the_rest() {
        let no_tag = "write the release after a colon, such as `:v1.15.1`";
        let no_digest = "write `@sha256:` and 64 hex digits, or leave the digest out";
        refuses::<ImageReference>(&[
            ("ghcr.io/a/b", "`ghcr.io/a/b` has no tag", "tag missing", no_tag),
            ("localhost:5000/a", "`localhost:5000/a` has no tag", "tag missing", no_tag),
            (
                "ghcr.io/a:-1",
                "`ghcr.io/a:-1` has `-1`, which is not a valid tag",
                "not a valid tag",
                "",
            ),
            (
                "traefik:v3.7.11",
                "`traefik` has no registry",
                "no registry",
                "start with the registry's host, such as `docker.io`",
            ),
            ("ghcr.io:1", "`ghcr.io:1` has no image name", "a registry alone", ""),
            (
                "ghcr.io/a:1@md5:0",
                "`ghcr.io/a:1@md5:0` has no SHA-256 digest",
                "unknown digest",
                no_digest,
            ),
            ("ghcr.io/a:1@sha256:0", "`0` has 1 hex digits", "expected 64 hex digits", ""),
        ]);
    }
}
