//! Origins of a tunnel: the Service behind a public name, and how cloudflared calls it.

use std::collections::BTreeMap;
use std::fmt;

use super::open_port::parse_port;
use super::string::{serialize_as_displayed, string_type};
use super::{
    ConnectionCount, DnsName, Form, Hostname, LabelKey, LabelValue, Malformed, Name, OriginScheme,
    OriginTimeout, Port, Text,
};

/// A Service of the cluster as the origin of a rule of cloudflared: `ssh://gitea-ssh.gitea:22`.
///
/// Without a path: cloudflared refuses to add one to requests (its ingress/ingress.go, `validateIngress`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OriginService {
    scheme: OriginScheme,
    name: Name,
    namespace: Name,
    port: Port,
}

impl OriginService {
    /// The protocol.
    #[must_use]
    pub const fn scheme(&self) -> OriginScheme {
        self.scheme
    }

    /// The name of the Service.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The namespace of the Service.
    #[must_use]
    pub const fn namespace(&self) -> &Name {
        &self.namespace
    }

    /// The URL with the full name of the Service, for any pod.
    #[must_use]
    pub fn url(&self, dns_domain: &DnsName) -> String {
        let Self { scheme, name, namespace, port } = self;
        format!("{scheme}://{name}.{namespace}.svc.{dns_domain}:{port}")
    }

    /// Reads what [`Self::url`] writes.
    #[must_use]
    pub fn from_url(url: &str, dns_domain: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (host, port) = rest.split_once(':')?;
        let (service, domain) = host.split_once(".svc.")?;
        let short = format!("{scheme}://{service}:{port}");
        (domain == dns_domain).then(|| Self::parse(&short).ok()).flatten()
    }
}

impl fmt::Display for OriginService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, name, namespace, port } = self;
        write!(f, "{scheme}://{name}.{namespace}:{port}")
    }
}

serialize_as_displayed!(OriginService);

impl Text for OriginService {
    const EXPECTED: &'static str = "the URL of a Service such as `ssh://gitea-ssh.gitea:22`";
    const FORM: Form =
        Form::Pattern(r"^[a-z]+://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9.-]+)?(:[0-9]+)?/?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let refused = |label: &str| {
            Malformed::new(format!("`{text}` is not the URL of a Service"), label.to_owned())
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(refused("without a scheme").help(FORM_HELP));
        };
        let scheme = OriginScheme::parse(scheme)?;
        if let Some((whole, path)) = rest.split_once('/') {
            let fault = refused("a path").help("cloudflared does not add a path to requests");
            return Err(if path.is_empty() {
                fault.suggest(format!("{scheme}://{whole}"))
            } else {
                fault
            });
        }
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, Some(parse_port(port)?)),
            None => (rest, scheme.default_port()),
        };
        let Some(port) = port else {
            return Err(refused("without a port").help("write the port of the Service at the end"));
        };
        let service = host.split_once(".svc").map_or(host, |(service, _)| service);
        let Some((name, namespace)) = service.split_once('.') else {
            return Err(refused("without a namespace").help(FORM_HELP));
        };
        if namespace.contains('.') {
            let fault = refused("not a Service of this cluster");
            return Err(fault.help("write SERVICE.NAMESPACE; other hosts are not supported"));
        }
        let (name, namespace) = (Name::parse(name)?, Name::parse(namespace)?);
        Ok(Self { scheme, name, namespace, port })
    }
}

const FORM_HELP: &str = "write SCHEME://SERVICE.NAMESPACE:PORT";

impl OriginScheme {
    /// The port of a URL that names none. No usual program listens on cloudflared's own default for `tcp`, 7864.
    #[must_use]
    pub const fn default_port(self) -> Option<Port> {
        match self {
            Self::Http => Some(Port::new(80)),
            Self::Https => Some(Port::new(443)),
            Self::Ssh => Some(Port::new(22)),
            Self::Rdp => Some(Port::new(3389)),
            Self::Smb => Some(Port::new(445)),
            Self::Tcp => None,
        }
    }

    /// Whether a browser or curl can call it.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// Pods that cloudflared may connect to: those behind an [`OriginService`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OriginPods {
    /// Their namespace.
    pub namespace: Name,
    /// Labels that all of them have.
    pub labels: BTreeMap<LabelKey, LabelValue>,
    /// The port on which they listen: NetworkPolicies see a packet after the Service is translated.
    pub port: Port,
}

/// How cloudflared calls an origin (cloudflared, config/configuration.go, `OriginRequestConfig`). What is absent
/// or false has cloudflared's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginRequest {
    /// The longest time for a TCP connection to the origin.
    pub connect_timeout: Option<OriginTimeout>,
    /// The longest time for the TLS handshake with the origin.
    pub tls_timeout: Option<OriginTimeout>,
    /// The time after which an idle connection is closed.
    pub keep_alive_timeout: Option<OriginTimeout>,
    /// The most idle connections to the origin.
    pub keep_alive_connections: Option<ConnectionCount>,
    /// The Host header that the origin receives.
    pub http_host_header: Option<Hostname>,
    /// The name in the certificate of the origin.
    pub origin_server_name: Option<DnsName>,
    /// Whether any certificate of the origin is accepted.
    pub no_tls_verify: bool,
    /// Whether the origin is called by HTTP/2.
    pub http2_origin: bool,
    /// Whether request bodies have a length, for WSGI servers.
    pub disable_chunked_encoding: bool,
    /// The applications of Cloudflare Access whose token each request must have.
    pub access: Option<OriginAccess>,
}

/// Cloudflare Access in front of an origin: cloudflared refuses requests without a token of these applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginAccess {
    /// The name of the organisation: the first label of its `cloudflareaccess.com` name.
    pub team_name: Name,
    /// The audience tags of the applications.
    pub aud_tags: Vec<AudienceTag>,
}

string_type! {
    /// The audience tag (`aud`) of an application of Cloudflare Access: 64 hex digits.
    pub struct AudienceTag;
}

/// The hex digits of a tag (Cloudflare, "Validate JWTs": "Application Audience (AUD) Tag").
const TAG_DIGITS: usize = 64;

impl Text for AudienceTag {
    const EXPECTED: &'static str = "an audience tag such as `4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2`";
    const FORM: Form = Form::Pattern("^[0-9A-Fa-f]{64}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() == TAG_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(Malformed::new(
            format!("`{text}` is not a valid audience tag"),
            "expected 64 hex digits",
        )
        .help("the application's overview in Cloudflare Zero Trust shows its AUD tag"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_services() {
        accepts::<OriginService>(&[
            ("ssh://gitea-ssh.gitea", "ssh://gitea-ssh.gitea:22"),
            ("http://grafana.monitoring:3000", "http://grafana.monitoring:3000"),
            ("https://web.apps.svc.cluster.local", "https://web.apps:443"),
        ]);
        let service = OriginService::parse("tcp://db.apps:5432").unwrap();
        let domain = DnsName::parse("cluster.local").unwrap();
        let url = service.url(&domain);
        assert_eq!(url, "tcp://db.apps.svc.cluster.local:5432");
        assert_eq!(OriginService::from_url(&url, "cluster.local"), Some(service));
        assert_eq!(OriginService::from_url(&url, "other.local"), None);
    }

    #[test]
    fn refuses_other_origins() {
        refuses::<OriginService>(&[
            (
                "gitea.gitea:22",
                "`gitea.gitea:22` is not the URL of a Service",
                "without a scheme",
                "write SCHEME://SERVICE.NAMESPACE:PORT",
            ),
            (
                "http://web.apps/",
                "`http://web.apps/` is not the URL of a Service",
                "a path",
                "did you mean `http://web.apps`?",
            ),
            (
                "http://web.apps/admin",
                "`http://web.apps/admin` is not the URL of a Service",
                "a path",
                "cloudflared does not add a path to requests",
            ),
            (
                "tcp://db.apps",
                "`tcp://db.apps` is not the URL of a Service",
                "without a port",
                "write the port of the Service at the end",
            ),
            (
                "http://grafana:3000",
                "`http://grafana:3000` is not the URL of a Service",
                "without a namespace",
                "write SCHEME://SERVICE.NAMESPACE:PORT",
            ),
            (
                "http://192.168.1.5:8123",
                "`http://192.168.1.5:8123` is not the URL of a Service",
                "not a Service of this cluster",
                "write SERVICE.NAMESPACE; other hosts are not supported",
            ),
        ]);
    }

    #[test]
    fn takes_audience_tags() {
        let tag = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
        accepts::<AudienceTag>(&[(tag, tag), (&tag.to_uppercase(), tag)]);
        refuses::<AudienceTag>(&[(
            "abc",
            "`abc` is not a valid audience tag",
            "expected 64 hex digits",
            "the application's overview in Cloudflare Zero Trust shows its AUD tag",
        )]);
    }
}
