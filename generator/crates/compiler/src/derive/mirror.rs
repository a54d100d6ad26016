//! How containerd forms the URLs of a mirror.

/// Whether the URL names the root of the registry's API. Then containerd must append nothing but the repository
/// (`override_path`); otherwise it appends `/v2` first (containerd, docs/hosts.md; containerd#6634).
#[must_use]
pub(crate) fn names_api_root(url: &str) -> bool {
    url.split('/').skip(3).any(|segment| segment == "v2")
}

#[cfg(test)]
mod tests {
    use super::names_api_root;

    #[test]
    fn a_path_with_v2_is_the_root_of_the_api() {
        let table = [
            ("https://harbor.example.cn/v2/dockerhub-proxy", true),
            ("https://nexus.example.com/repository/v2", true),
            ("https://mirror.example.cn/docker.io", false),
            ("https://v2", false),
            ("https://v2.example.com:5000", false),
            ("https://mirror.example.com/v2ray", false),
        ];
        for (url, expected) in table {
            assert_eq!(names_api_root(url), expected, "{url}");
        }
    }
}
