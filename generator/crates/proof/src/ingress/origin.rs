//! The destination of a cloudflared rule (cloudflared, ingress/origin_service.go).

use std::net::Ipv4Addr;

/// The destination of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TunnelOrigin {
    /// cloudflared answers itself, with this status.
    Status(u16),
    /// A host, and its TCP port.
    Host(String, u16),
}

/// Schemes, and the port of an URL that names none.
const SCHEMES: [(&str, u16); 8] = [
    ("http", 80),
    ("https", 443),
    ("ws", 80),
    ("wss", 443),
    ("ssh", 22),
    ("rdp", 3389),
    ("smb", 445),
    ("tcp", 7864),
];

impl TunnelOrigin {
    /// Reads the `service` of a rule.
    ///
    /// # Errors
    ///
    /// The reason for which cloudflared refuses it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(status) = text.strip_prefix("http_status:") {
            let status = status.parse().ok().filter(|status| (100..1000).contains(status));
            return status
                .map(Self::Status)
                .ok_or_else(|| format!("`{text}` is not a valid HTTP status"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| format!("`{text}` is not a URL: it has no scheme and host"))?;
        let known = SCHEMES.iter().find(|(known, _)| *known == scheme);
        let (_, usual) = known.ok_or_else(|| format!("the scheme `{scheme}` is not understood"))?;
        if rest.contains(['/', '?', '#']) {
            return Err(format!("`{text}` has a path: cloudflared refuses to add one to requests"));
        }
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (rest, Some(*usual)),
        };
        match port.filter(|port| *port != 0 && !host.is_empty()) {
            Some(port) => Ok(Self::Host(host.to_lowercase(), port)),
            None => Err(format!("`{rest}` is not a host with a port")),
        }
    }
}

/// A host, as a pod's resolver resolves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResolvedHost {
    /// A Service, by its namespace and its name.
    Service {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// An IPv4 address.
    Address(Ipv4Addr),
    /// A host outside of the cluster.
    Outside,
}

/// Resolves a host from a pod of `own`: `ClusterFirst` searches `<own>.svc.<domain>`, `svc.<domain>` and
/// the domain. A short name belongs to a Service only if its namespace is `known`.
pub(super) fn named(
    host: &str,
    own: &str,
    domain: &str,
    known: impl Fn(&str) -> bool,
) -> ResolvedHost {
    if let Ok(address) = host.parse() {
        return ResolvedHost::Address(address);
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let short = host.strip_suffix(&format!(".{domain}")).unwrap_or(host);
    let inside = short.len() < host.len() || short.ends_with(".svc");
    let labels: Vec<_> = short.strip_suffix(".svc").unwrap_or(short).split('.').collect();
    let service = |namespace: &str, name: &str| ResolvedHost::Service {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    match labels[..] {
        [name] if !inside => service(own, name),
        [name, namespace] if inside || known(namespace) => service(namespace, name),
        _ => ResolvedHost::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::{ResolvedHost, TunnelOrigin, named};

    #[test]
    fn services_of_rules_are_read_as_cloudflared_reads_them() {
        let host = |host: &str, port| Ok(TunnelOrigin::Host(host.to_owned(), port));
        let refused = |why: &str| Err(why.to_owned());
        let table = [
            ("http://a.b.svc.cluster.local:80", host("a.b.svc.cluster.local", 80)),
            ("https://Example.com", host("example.com", 443)),
            ("ssh://10.0.0.1", host("10.0.0.1", 22)),
            ("http_status:404", Ok(TunnelOrigin::Status(404))),
            ("http_status:1000", refused("`http_status:1000` is not a valid HTTP status")),
            ("nginx:80", refused("`nginx:80` is not a URL: it has no scheme and host")),
            ("htp://a:80", refused("the scheme `htp` is not understood")),
            (
                "http://a:80/",
                refused("`http://a:80/` has a path: cloudflared refuses to add one to requests"),
            ),
            ("http://a:99999", refused("`a:99999` is not a host with a port")),
        ];
        for (text, expected) in table {
            assert_eq!(TunnelOrigin::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn hosts_are_resolved_as_in_a_pod() {
        let service = |namespace: &str, name: &str| ResolvedHost::Service {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let table = [
            ("web.apps.svc.cluster.local", service("apps", "web")),
            ("web.apps.svc", service("apps", "web")),
            ("web.apps", service("apps", "web")),
            ("web", service("tunnel", "web")),
            ("example.com", ResolvedHost::Outside),
            ("web.apps.svc.other.local", ResolvedHost::Outside),
            ("a.web.apps.svc.cluster.local", ResolvedHost::Outside),
            ("10.0.0.1", ResolvedHost::Address([10, 0, 0, 1].into())),
        ];
        for (host, expected) in table {
            let found = named(host, "tunnel", "cluster.local", |known| known == "apps");
            assert_eq!(found, expected, "{host}");
        }
    }
}
