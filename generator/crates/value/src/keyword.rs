//! Words of a closed list.

use super::{Form, Malformed, Text, closest, refusal_of_empty};

/// Defines an enum by its words, its noun, and an example.
macro_rules! keywords {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $( $(#[$variant_about:meta])* $variant:ident = $word:literal, )+
        }
        noun: $article:literal $noun:literal, such as $example:literal;
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[$variant_about])* $variant, )+
        }

        impl $name {
            /// All of them, in the order in which they are listed to users.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The word that a user writes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }
        }

        impl Text for $name {
            const EXPECTED: &'static str =
                concat!($article, " ", $noun, " such as `", $example, "`");
            const FORM: Form = Form::Words(&[$( $word ),+]);

            fn parse(text: &str) -> Result<Self, Malformed> {
                let found = Self::ALL.iter().find(|word| word.as_str() == text).copied();
                found.ok_or_else(|| unknown(text, $noun, &[$( $word ),+]))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

fn unknown(text: &str, noun: &str, words: &[&str]) -> Malformed {
    let all = || format!("valid values: {}", words.join(", "));
    if text.trim().is_empty() {
        return refusal_of_empty().help(all());
    }
    let refusal =
        Malformed::new(format!("`{text}` is not a valid {noun}"), format!("unknown {noun}"));
    let word = text.trim().to_lowercase();
    if let Some((_, why)) = UNSUPPORTED.iter().find(|(other, _)| (noun, word.as_str()) == *other) {
        return refusal.help(*why);
    }
    let same = words.iter().find(|known| known.eq_ignore_ascii_case(&word)).copied();
    if let Some(suggestion) = same.or_else(|| synonym(noun, &word)) {
        return refusal.suggest(suggestion);
    }
    let is_version = |known: &&str| known.strip_prefix(&*word).is_some_and(starts_next);
    let family: Vec<_> = words.iter().copied().filter(is_version).collect();
    match closest(text, words.iter().copied()) {
        _ if !family.is_empty() => refusal.help(format!("write one of {}", family.join(", "))),
        Some(suggestion) => refusal.did_you_mean(suggestion),
        None => refusal.help(all()),
    }
}

/// Whether the rest of a word begins another part of it, as in `debian-13`.
fn starts_next(rest: &str) -> bool {
    rest.starts_with('-')
}

/// The word that a synonym means. Spaces, hyphens and underscores between its parts do not count: `Digital Ocean` and
/// `digital-ocean`.
fn synonym(noun: &str, word: &str) -> Option<&'static str> {
    let joined = |word: &str| word.replace([' ', '-', '_'], "");
    let joined_word = joined(word);
    let mut of_noun = SYNONYMS.iter().filter(|(other, _, _)| *other == noun);
    let found = of_noun.find(|(_, synonyms, known)| {
        synonyms.contains(&joined_word.as_str()) || joined(known) == joined_word
    });
    found.map(|(_, _, known)| *known)
}

/// Words of other programs and providers for the same value, without spaces and hyphens, by noun.
const SYNONYMS: &[(&str, &[&str], &str)] = &[
    ("role", &["controller", "master", "server"], "control-plane"),
    ("role", &["agent", "minion", "node", "slave"], "worker"),
    ("architecture", &["x64", "x8664", "intel64"], "amd64"),
    ("architecture", &["aarch64", "arm64v8", "armv8"], "arm64"),
    ("operating system", &["bookworm"], "debian-12"),
    ("operating system", &["trixie"], "debian-13"),
    ("operating system", &["jammy", "ubuntu2204"], "ubuntu-22.04"),
    ("operating system", &["noble", "ubuntu2404"], "ubuntu-24.04"),
    ("operating system", &["resolute", "ubuntu2604"], "ubuntu-26.04"),
    ("operating system", &["nix"], "nixos"),
    ("ingress controller", &["nginx", "nginxingress"], "ingress-nginx"),
    ("ingress controller", &["traefikproxy"], "traefik"),
    ("mode of kube-proxy", &["nft"], "nftables"),
    ("dataplane", &["nft"], "nftables"),
    ("IPVS scheduler", &["roundrobin"], "rr"),
    ("provider", &["alibabacloud", "alicloud", "aliyun", "阿里云"], "alibaba"),
    ("provider", &["amazon", "amazonwebservices", "ec2", "lightsail"], "aws"),
    ("provider", &["microsoft", "microsoftazure"], "azure"),
    ("provider", &["do"], "digitalocean"),
    ("provider", &["gce", "gcloud", "google", "googlecloud", "googlecloudplatform"], "gcp"),
    ("provider", &["hcloud", "hetznercloud", "hetznerrobot"], "hetzner"),
    ("provider", &["akamai", "akamaicloud"], "linode"),
    ("provider", &["oci", "oraclecloud", "oraclecloudinfrastructure"], "oracle"),
    ("provider", &["ovhcloud"], "ovh"),
    ("provider", &["qcloud", "tencentcloud", "腾讯云"], "tencent"),
    ("provider", &["choopa"], "vultr"),
];

/// Words that other programs accept and this one does not, with the reason, by noun and word.
const UNSUPPORTED: [((&str, &str), &str); 2] =
    [(("dataplane", "bpf"), NO_EBPF), (("dataplane", "ebpf"), NO_EBPF)];

/// projectcalico/calico#12900: 3.32.0 and 3.32.1 drop it; #4326: no device without a link layer.
const NO_EBPF: &str = "leave it out: in eBPF mode Calico drops WireGuard's packets of 51820, and \
                       knows no interface like wg0";

keywords! {
    /// The role of a node in the cluster.
    pub enum Role {
        /// Runs the API server and etcd.
        ControlPlane = "control-plane",
        /// Runs only pods.
        Worker = "worker",
    }
    noun: "a" "role", such as "worker";
}

keywords! {
    /// The operating system of a node.
    pub enum Os {
        /// Debian 12, bookworm.
        Debian12 = "debian-12",
        /// Debian 13, trixie.
        Debian13 = "debian-13",
        /// Ubuntu 22.04 LTS, jammy.
        Ubuntu2204 = "ubuntu-22.04",
        /// Ubuntu 24.04 LTS, noble.
        Ubuntu2404 = "ubuntu-24.04",
        /// Ubuntu 26.04 LTS, resolute.
        Ubuntu2604 = "ubuntu-26.04",
        /// `NixOS`, configured by the flake's modules instead of cloud-init.
        Nixos = "nixos",
    }
    noun: "an" "operating system", such as "debian-13";
}

impl Os {
    /// Whether the node is configured by Nix instead of cloud-init.
    #[must_use]
    pub const fn is_nixos(self) -> bool {
        matches!(self, Self::Nixos)
    }
}

keywords! {
    /// The processor architecture of a node, in Go's and Debian's words.
    pub enum Arch {
        /// 64-bit x86, `x86_64` to the kernel.
        Amd64 = "amd64",
        /// 64-bit ARM, `aarch64` to the kernel.
        Arm64 = "arm64",
    }
    noun: "an" "architecture", such as "amd64";
}

keywords! {
    /// How kube-proxy programs Services (`mode` of `KubeProxyConfiguration`).
    pub enum ProxyMode {
        /// The kernel's load balancer; deprecated since Kubernetes 1.35.
        Ipvs = "ipvs",
        /// Its successor.
        Nftables = "nftables",
        /// The oldest, and kube-proxy's default.
        Iptables = "iptables",
    }
    noun: "a" "mode of kube-proxy", such as "ipvs";
}

keywords! {
    /// How IPVS chooses the pod of a new connection (`ipvs.scheduler` of `KubeProxyConfiguration`).
    ///
    /// The list is that of the Kubernetes page "Virtual IPs and Service Proxies"; each is the
    /// kernel module `ip_vs_<word>`. kube-proxy itself accepts any word. The kernel's `fo`, `ovf`
    /// and `twos` are not on that page.
    pub enum Scheduler {
        /// Round robin.
        Rr = "rr",
        /// Weighted round robin.
        Wrr = "wrr",
        /// Least connections.
        Lc = "lc",
        /// Weighted least connections.
        Wlc = "wlc",
        /// Locality-based least connections.
        Lblc = "lblc",
        /// Locality-based least connections with replication.
        Lblcr = "lblcr",
        /// Source hashing.
        Sh = "sh",
        /// Destination hashing.
        Dh = "dh",
        /// Shortest expected delay.
        Sed = "sed",
        /// Never queue.
        Nq = "nq",
        /// Maglev hashing.
        Mh = "mh",
    }
    noun: "an" "IPVS scheduler", such as "rr";
}

impl Scheduler {
    /// Its kernel module.
    #[must_use]
    pub fn kernel_module(self) -> String {
        format!("ip_vs_{self}")
    }
}

keywords! {
    /// The dataplane in which Calico programs policies (`linuxDataplane` of its Installation).
    pub enum Dataplane {
        /// With kube-proxy in IPVS or iptables mode.
        Iptables = "iptables",
        /// With kube-proxy in nftables mode.
        Nftables = "nftables",
    }
    noun: "a" "dataplane", such as "nftables";
}

keywords! {
    /// The controller that forwards HTTP from the tunnel to Services.
    pub enum IngressController {
        /// The community's ingress-nginx, retired in March 2026.
        IngressNginx = "ingress-nginx",
        /// Traefik Proxy.
        Traefik = "traefik",
        /// No controller: the user installs one, or needs none.
        Absent = "none",
    }
    noun: "an" "ingress controller", such as "traefik";
}

keywords! {
    /// A program whose version is pinned.
    pub enum PinnedProgram {
        /// Kubernetes on the hosts, and the images of the control plane.
        Kubernetes = "kubernetes",
        /// containerd on the hosts.
        Containerd = "containerd",
        /// Calico.
        Calico = "calico",
        /// Helm, which installs the chart of the Ingress controller.
        Helm = "helm",
        /// The Ingress controller ingress-nginx.
        IngressNginx = "ingress-nginx",
        /// The Ingress controller Traefik.
        Traefik = "traefik",
        /// The connector of the tunnel.
        Cloudflared = "cloudflared",
    }
    noun: "a" "program", such as "traefik";
}

keywords! {
    /// The severity of an advisory, in the words of CVSS.
    pub enum AdvisorySeverity {
        /// A score up to 3.9.
        Low = "low",
        /// A score up to 6.9.
        Medium = "medium",
        /// A score up to 8.9.
        High = "high",
        /// A higher score.
        Critical = "critical",
    }
    noun: "a" "severity", such as "high";
}

keywords! {
    /// The place of the tunnel's ingress rules.
    pub enum TunnelMode {
        /// A configuration file in the cluster.
        Local = "local",
        /// Cloudflare's dashboard or API.
        Remote = "remote",
    }
    noun: "a" "tunnel mode", such as "local";
}

keywords! {
    /// The protocol of the tunnel's connections to Cloudflare's edge.
    pub enum TunnelProtocol {
        /// QUIC, and HTTP/2 where QUIC cannot connect.
        Auto = "auto",
        /// QUIC over UDP.
        Quic = "quic",
        /// HTTP/2 over TCP.
        Http2 = "http2",
    }
    noun: "a" "tunnel protocol", such as "auto";
}

keywords! {
    /// A destination that a client may reach through the mesh.
    pub enum Reach {
        /// The nodes' addresses.
        Nodes = "nodes",
        /// The pods' addresses.
        Pods = "pods",
        /// The Services' cluster addresses.
        Services = "services",
        /// The networks behind machines of the mesh.
        Networks = "networks",
    }
    noun: "a" "network that a client reaches", such as "nodes";
}

keywords! {
    /// A transport protocol of a firewall rule.
    pub enum Protocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
    noun: "a" "protocol", such as "tcp";
}

keywords! {
    /// The effect of a taint on pods that do not tolerate it.
    ///
    /// Source: <https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>.
    pub enum TaintEffect {
        /// New pods are not placed on the node.
        NoSchedule = "NoSchedule",
        /// New pods are placed elsewhere if possible.
        PreferNoSchedule = "PreferNoSchedule",
        /// New pods are not placed on the node, and running ones are evicted.
        NoExecute = "NoExecute",
    }
    noun: "a" "taint effect", such as "NoSchedule";
}

keywords! {
    /// The provider of a node's machine or network.
    pub enum ProviderName {
        /// Alibaba Cloud.
        Alibaba = "alibaba",
        /// Amazon Web Services.
        Aws = "aws",
        /// Microsoft Azure.
        Azure = "azure",
        /// Contabo.
        Contabo = "contabo",
        /// `DigitalOcean`.
        Digitalocean = "digitalocean",
        /// Google Cloud.
        Gcp = "gcp",
        /// Hetzner.
        Hetzner = "hetzner",
        /// Linode, today Akamai.
        Linode = "linode",
        /// netcup.
        Netcup = "netcup",
        /// Oracle Cloud.
        Oracle = "oracle",
        /// `OVHcloud`.
        Ovh = "ovh",
        /// Scaleway.
        Scaleway = "scaleway",
        /// Tencent Cloud.
        Tencent = "tencent",
        /// `UpCloud`.
        Upcloud = "upcloud",
        /// Vultr.
        Vultr = "vultr",
        /// Any other provider: no fact about it is known.
        Other = "other",
    }
    noun: "a" "provider", such as "hetzner";
}

keywords! {
    /// The protocol between cloudflared and an origin (cloudflared, ingress/origin_service.go).
    pub enum OriginScheme {
        /// HTTP.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
        /// SSH: the visitor runs `cloudflared access ssh`.
        Ssh = "ssh",
        /// Any TCP: the visitor runs `cloudflared access tcp`.
        Tcp = "tcp",
        /// Remote Desktop.
        Rdp = "rdp",
        /// SMB.
        Smb = "smb",
    }
    noun: "a" "scheme of an origin", such as "http";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, means, refuses};

    #[test]
    fn takes_its_words() {
        for word in Scheduler::ALL {
            accepts::<Scheduler>(&[(word.as_str(), word.as_str())]);
        }
        for word in ProviderName::ALL {
            accepts::<ProviderName>(&[(word.as_str(), word.as_str())]);
        }
        accepts::<Role>(&[("control-plane", "control-plane"), ("worker", "worker")]);
        assert_eq!(Scheduler::Wrr.kernel_module(), "ip_vs_wrr");
        assert!(Os::Nixos.is_nixos() && !Os::Debian13.is_nixos());
    }

    #[test]
    fn proposes_the_closest_word() {
        refuses::<Role>(&[
            ("Worker", "`Worker` is not a valid role", "unknown role", "did you mean `worker`?"),
            (
                "control_plane",
                "`control_plane` is not a valid role",
                "unknown role",
                "did you mean `control-plane`?",
            ),
            (
                "master",
                "`master` is not a valid role",
                "unknown role",
                "did you mean `control-plane`?",
            ),
            (
                "etcd",
                "`etcd` is not a valid role",
                "unknown role",
                "valid values: control-plane, worker",
            ),
            (
                "work",
                "`work` is not a valid role",
                "unknown role",
                "valid values: control-plane, worker",
            ),
        ]);
        refuses::<Os>(&[(
            "debian-11",
            "`debian-11` is not a valid operating system",
            "unknown operating system",
            "did you mean `debian-12`?",
        )]);
        refuses::<Os>(&[(
            "ubuntu",
            "`ubuntu` is not a valid operating system",
            "unknown operating system",
            "write one of ubuntu-22.04, ubuntu-24.04, ubuntu-26.04",
        )]);
        refuses::<Dataplane>(&[(
            "BPF",
            "`BPF` is not a valid dataplane",
            "unknown dataplane",
            NO_EBPF,
        )]);
        refuses::<TaintEffect>(&[(
            "noschedule",
            "`noschedule` is not a valid taint effect",
            "unknown taint effect",
            "did you mean `NoSchedule`?",
        )]);
        refuses::<Arch>(&[(
            "x86_64",
            "`x86_64` is not a valid architecture",
            "unknown architecture",
            "did you mean `amd64`?",
        )]);
        // A synonym is certain, a similar spelling is a guess.
        means::<Role>(&[("Worker", "worker"), ("master", "control-plane"), ("wroker", "")]);
        means::<Arch>(&[("aarch64", "arm64"), ("master", ""), ("amd", "")]);
        means::<ProviderName>(&[
            ("hcloud", "hetzner"),
            ("qcloud", "tencent"),
            ("Alibaba Cloud", "alibaba"),
            ("Digital Ocean", "digitalocean"),
            ("阿里云", "alibaba"),
            ("upcloudd", ""),
        ]);
        means::<Os>(&[("Ubuntu 24.04", "ubuntu-24.04"), ("debian12", "debian-12")]);
        let empty = ("", "the value is empty", "empty", "valid values: control-plane, worker");
        refuses::<Role>(&[empty]);
    }

    /// Joined words, no word twice, and each target is a word of a type.
    #[test]
    fn synonyms_are_well_formed() {
        let mut words: Vec<_> = SYNONYMS
            .iter()
            .flat_map(|(noun, synonyms, _)| synonyms.iter().map(move |word| (*noun, *word)))
            .collect();
        assert!(words.iter().all(|(_, word)| !word.contains([' ', '-'])), "{words:?}");
        words.sort_unstable();
        let count = words.len();
        words.dedup();
        assert_eq!(words.len(), count);
        let targets = SYNONYMS.iter().map(|(_, _, known)| *known);
        let is_known = |word: &str| {
            Role::parse(word).is_ok()
                || Arch::parse(word).is_ok()
                || Os::parse(word).is_ok()
                || IngressController::parse(word).is_ok()
                || ProxyMode::parse(word).is_ok()
                || Scheduler::parse(word).is_ok()
                || ProviderName::parse(word).is_ok()
        };
        assert_eq!(targets.filter(|word| !is_known(word)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn names_an_example() {
        assert_eq!(Scheduler::EXPECTED, "an IPVS scheduler such as `rr`");
    }
}
