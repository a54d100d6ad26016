//! Registries and repositories of container images.

use super::dns::check_label;
use super::endpoint::split_port;
use super::open_port::parse_port;
use super::string::string_type;
use super::{Form, Malformed, Text, checked};

string_type! {
    /// The host of an image registry, with its port if it is not 443: `registry.k8s.io`.
    ///
    /// As in image references, it has a dot or a port or is `localhost`: other first parts are
    /// paths on Docker Hub (distribution/reference, `splitDockerDomain`).
    pub struct RegistryName;
}

string_type! {
    /// A place in a registry below which images are named, such as kubeadm's `imageRepository`:
    /// without scheme and without tag.
    pub struct ImageRepository;
}

impl Text for RegistryName {
    const EXPECTED: &'static str = "a registry such as `registry.k8s.io`";
    const FORM: Form = Form::Pattern(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let host = |text: &str| stripped(text).split('/').next().unwrap_or_default().to_owned();
        checked(text, |text| check_registry(text, text), host).map(Self)
    }
}

impl Text for ImageRepository {
    const EXPECTED: &'static str = "an image repository such as `registry.example.com/kubernetes`";
    const FORM: Form = Form::Pattern(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9._-]+)*$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        checked(text, check_repository, stripped).map(Self)
    }
}

/// Strips the scheme, the final slash, the tag and the digest.
fn stripped(text: &str) -> String {
    let without_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let without_digest = without_scheme.split('@').next().unwrap_or_default();
    let tagged = without_digest.trim_end_matches('/').to_ascii_lowercase();
    match tagged.rsplit_once(':') {
        Some((repository, tag)) if repository.contains('/') && !tag.contains('/') => {
            repository.to_owned()
        }
        _ => tagged,
    }
}

fn check_registry(registry: &str, text: &str) -> Result<(), Malformed> {
    if text.contains("://") {
        return Err(Malformed::new(format!("`{text}` is a URL"), "expected no scheme"));
    }
    let (host, port) = split_port(registry);
    host.split('.').try_for_each(|label| check_label(label, text))?;
    port.map(parse_port).transpose()?;
    match host == "localhost" || host.contains('.') || port.is_some() {
        true => Ok(()),
        false => Err(Malformed::new(format!("`{text}` has no registry"), "no registry")
            .help("start with the registry's host, such as `docker.io`")),
    }
}

pub(super) fn check_repository(text: &str) -> Result<(), Malformed> {
    let (registry, path) = text.split_once('/').map_or((text, None), |(r, p)| (r, Some(p)));
    check_registry(registry, text)?;
    let component = path.and_then(|path| path.split('/').find(|part| !is_path_component(part)));
    component.map_or(Ok(()), |part| {
        let message = format!("`{text}` has `{part}` in its path, which no image name has");
        Err(Malformed::new(message, "not a valid image repository"))
    })
}

/// Lower-case letters and digits, with `.`, `_`, `__` or dashes between them
/// (distribution/reference, `path-component`).
fn is_path_component(part: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separators = part.split(is_alphanumeric).filter(|separator| !separator.is_empty());
    let separated = |s: &str| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    part.starts_with(is_alphanumeric)
        && part.ends_with(is_alphanumeric)
        && separators.all(separated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_places() {
        accepts::<RegistryName>(&[
            ("registry.k8s.io", "registry.k8s.io"),
            ("localhost:5000", "localhost:5000"),
            ("10.0.0.1:5000", "10.0.0.1:5000"),
        ]);
        accepts::<ImageRepository>(&[
            ("registry.k8s.io", "registry.k8s.io"),
            (
                "registry.example.com:5000/google_containers",
                "registry.example.com:5000/google_containers",
            ),
        ]);
    }

    #[test]
    fn corrects() {
        refuses::<RegistryName>(&[(
            "https://docker.io/v2/",
            "`https://docker.io/v2/` is a URL",
            "expected no scheme",
            "did you mean `docker.io`?",
        )]);
        refuses::<ImageRepository>(&[
            (
                "https://r.example/a",
                "`https://r.example/a` is a URL",
                "expected no scheme",
                "did you mean `r.example/a`?",
            ),
            (
                "r.example/a:1.2",
                "`r.example/a:1.2` has `a:1.2` in its path, which no image name has",
                "not a valid image repository",
                "did you mean `r.example/a`?",
            ),
            (
                "r.example/a/",
                "`r.example/a/` has `` in its path, which no image name has",
                "not a valid image repository",
                "did you mean `r.example/a`?",
            ),
            // The colon before a port is not the colon of a tag.
            (
                "R.example:5000/a",
                "`R.example:5000/a` has the character `R`",
                "the character `R`",
                "did you mean `r.example:5000/a`?",
            ),
            (
                "R.example:5000",
                "`R.example:5000` has the character `R`",
                "the character `R`",
                "did you mean `r.example:5000`?",
            ),
            (
                "r.example/-a",
                "`r.example/-a` has `-a` in its path, which no image name has",
                "not a valid image repository",
                "",
            ),
            (
                "r.example/a-",
                "`r.example/a-` has `a-` in its path, which no image name has",
                "not a valid image repository",
                "",
            ),
        ]);
    }

    #[test]
    fn refuses_paths_without_registry() {
        refuses::<ImageRepository>(&[(
            "library/nginx",
            "`library/nginx` has no registry",
            "no registry",
            "start with the registry's host, such as `docker.io`",
        )]);
    }
}
