//! Changes that have an effect and break nothing, each with its reason.

/// A line that may be missing or different in the files of a family.
struct KnownDifference {
    /// The family; empty for all.
    family: &'static str,
    /// A part of each line that differs.
    line: &'static str,
    /// Why nothing breaks.
    reason: &'static str,
}

const fn known(family: &'static str, line: &'static str, reason: &'static str) -> KnownDifference {
    KnownDifference { family, line, reason }
}

const NODE_CONF: &str = "nodes/<node>/<interface>.conf";
const CLIENT_CONF: &str = "clients/<client>/<interface>.conf";
const ROUTES: &str = "nodes/<node>/<interface>.routes";
const JSON: &str = "nodes/<node>/node.json";
const KUBEADM: &str = "nodes/<node>/kubeadm.yaml";
const FIREWALL: &str = "nodes/<node>/nftables.conf";
const HAPROXY: &str = "host/haproxy.cfg";
const KUBELET: &str = "nodes/<node>/patches/kubeletconfiguration0+merge.yaml";

const STRICTER: &str =
    "without it the program is less strict and works; prove has checked the value";

const UNKNOWN_FIELD: &str =
    "kubelet leaves out a field that it does not know; prove lists it as not judged";

const KEEPALIVE: &str = "the other end sends keepalives, or the interval is short enough for a NAT";
const CLIENT_RULES: &str =
    "a client's packets are judged where it enters the mesh, and again at their destination";
const METRIC: &str = "both routes to a pod block lead into the mesh, whichever is taken";
const DEFAULT_TIME: &str =
    "a waiting time of kubeadm: its default, or another one of a minute or more";
const ARCH: &str =
    "prepare compares it with the host's, and refuses another one before it changes anything";
const CERTIFICATE: &str = "kubeadm adds the endpoint's name and the advertised address itself";

const INSTALLATION: &str = "cluster/calico/installation.yaml";
const OPERATORS_DEFAULT: &str = "Calico's operator adds it (pkg/controller/ippool/defaults.go)";

const KNOWN: &[KnownDifference] = &[
    known(INSTALLATION, "assignmentMode: Automatic", OPERATORS_DEFAULT),
    known(INSTALLATION, "disableNewAllocations: false", OPERATORS_DEFAULT),
    known(INSTALLATION, "disableBGPExport: false", OPERATORS_DEFAULT),
    known(NODE_CONF, "PersistentKeepalive", KEEPALIVE),
    known(CLIENT_CONF, "PersistentKeepalive", KEEPALIVE),
    known(JSON, "\"persistent_keepalive\"", KEEPALIVE),
    known(NODE_CONF, "Endpoint", "the other end calls this node"),
    known(JSON, "\"endpoint\"", "the other end calls this node"),
    known("nodes/<node>/<interface>.endpoints", ":", "the other end calls this node"),
    known(ROUTES, " metric ", METRIC),
    known(JSON, "\"metric\"", METRIC),
    known(JSON, "\"underlay_mtu\"", "no program reads it; encrypted packets still fit"),
    known(JSON, "\"arch\"", ARCH),
    known("nodes/<node>/node.env", "MESHWRIGHT_ARCH=", ARCH),
    known(KUBEADM, "timeouts:", DEFAULT_TIME),
    known(KUBEADM, "  controlPlaneComponentHealthCheck: ", DEFAULT_TIME),
    known(KUBEADM, "  discovery: ", DEFAULT_TIME),
    known(KUBEADM, "  etcdAPICall: ", DEFAULT_TIME),
    known(KUBEADM, "  kubernetesAPICall: ", DEFAULT_TIME),
    known(KUBEADM, "  tlsBootstrap: ", DEFAULT_TIME),
    known(KUBEADM, "apiServer:", CERTIFICATE),
    known(KUBEADM, "certSANs:", CERTIFICATE),
    known(KUBEADM, "  - k8s-api.", CERTIFICATE),
    known(KUBEADM, "  - \"10.", CERTIFICATE),
    known(KUBEADM, "encryptionAlgorithm: ", "every algorithm gives certificates that are accepted"),
    known(KUBEADM, "ignorePreflightErrors", "kubeadm checks more, or less, before it starts"),
    known(KUBEADM, "strictARP: false", "it is kube-proxy's default"),
    known(KUBEADM, "excludeCIDRs: []", "it is kube-proxy's default"),
    known(
        KUBEADM,
        "scheduler: ",
        "the kernel has a module for each scheduler, and the default is rr",
    ),
    known(KUBEADM, "bindPort: 6443", "it is kubeadm's default"),
    known(KUBEADM, "healthzBindAddress: 127.", "the whole of 127.0.0.0/8 is the host itself"),
    known(KUBEADM, "      value: \"", "etcd accepts these times: prove has compared them"),
    known(KUBELET, "readOnlyPort: 0", STRICTER),
    known(KUBELET, "rotateCertificates: ", STRICTER),
    known(KUBELET, "seccompDefault: ", STRICTER),
    known(KUBELET, "tlsCipherSuites:", STRICTER),
    known(KUBELET, "tlsCipherSuite:", UNKNOWN_FIELD),
    known(KUBELET, "- TLS_", STRICTER),
    known(KUBELET, "tlsMinVersion: VersionTLS1", STRICTER),
    known(
        FIREWALL,
        "elements = { 10.",
        "each node also drops what a pod of another one sends to its closed ports",
    ),
    known(
        FIREWALL,
        "ip saddr 10.244.0.0/16 jump from_pod",
        "the node of the pod also drops what it sends to closed ports of other nodes",
    ),
    known(FIREWALL, "ip saddr @clients", CLIENT_RULES),
    known(HAPROXY, "timeout ", "another waiting time, long enough for a watch"),
    known(HAPROXY, "default-server ", "another interval or count of checks"),
    known(HAPROXY, "log ", "haproxy writes another log"),
    known(HAPROXY, "user haproxy", "haproxy keeps the user that starts it"),
    known(HAPROXY, "group haproxy", "haproxy keeps the group that starts it"),
    known(HAPROXY, "mode tcp", "it is haproxy's default"),
    known(HAPROXY, "balance roundrobin", "it is haproxy's default"),
    known(HAPROXY, "option httpchk", "the check is a TLS handshake"),
    known(HAPROXY, "http-check expect", "each answer of 2xx or 3xx is then good"),
];

/// Folders of objects of apps and values of charts.
const APPS: [&str; 4] =
    ["cluster/cloudflared/", "cluster/hello/", "cluster/ingress-nginx/", "cluster/traefik/"];

const OF_APP: &str = "no flow reads what pods may use and how they are spread; what breaks the way in \
                      from the Internet is refused";

/// Why the differences between two texts of a file break nothing, if each of their lines is known.
#[must_use]
pub fn reason(family: &str, before: &str, after: &str) -> Option<&'static str> {
    if APPS.iter().any(|folder| family.starts_with(folder)) {
        return Some(OF_APP);
    }
    let differing = differing_lines(before, after);
    if family == KUBELET && differing.is_empty() {
        return Some("the order of cipher suites: crypto/tls of Go chooses by itself");
    }
    let mut reasons = differing.into_iter().map(|line| {
        let is_of = |known: &&KnownDifference| known.family.is_empty() || known.family == family;
        KNOWN.iter().filter(is_of).find(|known| line.contains(known.line)).map(|known| known.reason)
    });
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}

/// The lines that only one of two texts has, as often as they differ. A comma at the end of a line depends
/// on the line after it.
fn differing_lines<'text>(before: &'text str, after: &'text str) -> Vec<&'text str> {
    let lines = |text: &'text str| text.lines().map(|line| line.trim_end_matches(','));
    let mut rest: Vec<_> = lines(after).collect();
    let mut differing = Vec::new();
    for line in lines(before) {
        match rest.iter().position(|other| *other == line) {
            Some(at) => drop(rest.remove(at)),
            None => differing.push(line),
        }
    }
    differing.append(&mut rest);
    differing
}
