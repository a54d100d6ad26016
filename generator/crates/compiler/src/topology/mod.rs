//! The topology: what people write, key by key. No logic; what follows from it is the plan.

mod defaults;
pub mod member;
mod read;
pub mod reference;
pub mod schema;

use std::collections::BTreeMap;

use crate::diagnostic::Problems;
use crate::document::Document;
use crate::route::Route;
use meshwright_value::{
    Address, ApiEndpoint, Arch, AsNumber, Dataplane, DnsName, Endpoint, Fingerprint, Hostname,
    ImageReference, ImageRepository, IngressController, InterfaceName, Keepalive, LabelKey,
    LabelValue, Mtu, Name, NodeId, OpenPort, Os, PodPrefixLen, Port, ProviderName, ProxyMode,
    PublicKey, Reach, Reason, Recipient, RegistryName, Replicas, Role, RoundTripMs, Scheduler,
    Sha256, SourceNet, SourceUrl, Subnet, Taint, TunnelId, TunnelMode, Url, UserName, Version,
    constant,
};

use read::table;
pub use read::{KEY_MISSING, KEY_UNKNOWN, TYPE_MISMATCH, VALUE_MALFORMED};

table! {
    /// The whole of `topology.toml`.
    pub struct Topology {
        /// What the cluster is called and which Kubernetes it runs.
        cluster: Cluster,
        /// The three private subnets.
        network: Network,
        /// The mesh.
        wireguard: WireGuard,
        /// Where the API server runs and how it is reached.
        control_plane: ControlPlane,
        /// How Services are implemented.
        kube_proxy: KubeProxy,
        /// The pod network.
        calico: Calico,
        /// The Ingress controller.
        ingress: Ingress,
        /// The way in from the Internet; none when absent.
        cloudflare_tunnel: Option<CloudflareTunnel>,
        /// An echo app to see the first request come through; none when absent.
        hello: Option<Hello>,
        /// The public side of every node.
        firewall: Firewall,
        /// Where container images come from.
        images: Images,
        /// Where packages, charts and manifests come from.
        packages: Packages,
        /// What the first boot does.
        bootstrap: Bootstrap,
        /// How secrets are stored.
        secrets: Secrets,
        /// Which warnings this cluster has accepted.
        lint: Lint,
        /// Private networks in which several nodes stand.
        sites: Vec<Site> = Vec::new(),
        /// The machines of the cluster.
        nodes: Vec<Node>,
        /// People's machines.
        clients: Vec<Client> = Vec::new(),
    }
}

table! {
    /// What the cluster is called and which Kubernetes it runs.
    pub struct Cluster {
        /// Also the domain `<name>.internal` of the API's name.
        name: Name,
        /// The version of kubeadm, kubelet and the control plane.
        kubernetes_version: Version,
        /// Ids of nodes that were removed; none is ever given twice.
        retired_ids: Vec<NodeId> = Vec::new(),
    }
}

table! {
    /// `[network]`
    pub struct Network {
        /// The WireGuard plane.
        node_subnet: Subnet = defaults::NODE_SUBNET,
        /// All pods.
        pod_subnet: Subnet = defaults::POD_SUBNET,
        /// All Services.
        service_subnet: Subnet = defaults::SERVICE_SUBNET,
        /// Each node owns one such block of `pod_subnet`.
        pod_prefix_len: PodPrefixLen = defaults::POD_PREFIX_LEN,
        /// The domain of cluster DNS.
        dns_domain: DnsName = constant(defaults::DNS_DOMAIN),
    }
}

table! {
    /// `[wireguard]`
    pub struct WireGuard {
        /// The interface's name on every node.
        interface: InterfaceName = constant(defaults::INTERFACE),
        /// The UDP port that every node listens on.
        listen_port: Port = defaults::LISTEN_PORT,
        /// The MTU of the interface; derived when absent.
        mtu: Option<Mtu>,
        /// Seconds between keepalives, towards every peer; 0 is off.
        persistent_keepalive: Keepalive = defaults::PERSISTENT_KEEPALIVE,
        /// Whether each pair has a preshared key beside its key pairs.
        preshared_keys: bool = false,
    }
}

table! {
    /// `[control_plane]`
    pub struct ControlPlane {
        /// The node that founds the cluster; the control plane with the lowest id when absent.
        init: Option<Name>,
        /// The API's name; `k8s-api.<cluster>.internal:6443` when absent.
        endpoint: Option<ApiEndpoint>,
        /// The longest round trip between two control planes; etcd's timings follow from it.
        round_trip_ms: Option<RoundTripMs>,
    }
}

table! {
    /// `[kube_proxy]`
    pub struct KubeProxy {
        /// How Services are implemented in the kernel.
        mode: ProxyMode = defaults::PROXY_MODE,
        /// How IPVS picks an endpoint; of no effect in the other modes.
        scheduler: Scheduler = defaults::SCHEDULER,
    }
}

table! {
    /// `[calico]`
    pub struct Calico {
        /// The release of operator and CRDs.
        version: Version = defaults::CALICO_VERSION,
        /// The AS of the node-to-node mesh (iBGP).
        as_number: AsNumber = defaults::AS_NUMBER,
        /// Whether BGP sessions carry a TCP MD5 password, from the Secret `bgp-password` in `calico-system`.
        bgp_password: bool = true,
        /// Nodes that reflect routes instead of a full BGP mesh; from about 100 nodes on.
        route_reflectors: Vec<Name> = Vec::new(),
        /// What Felix programs; follows kube-proxy's mode when absent.
        dataplane: Option<Dataplane>,
    }
}

table! {
    /// `[ingress]`
    pub struct Ingress {
        /// Which controller serves the class `nginx`.
        controller: IngressController = defaults::INGRESS_CONTROLLER,
        /// How many of it.
        replicas: Replicas = defaults::REPLICAS,
        /// Its image, such as one of a fork that is maintained; the chart's own when absent.
        image: Option<ImageReference>,
        /// Whether ingress-nginx judges Ingress objects when they are written; of no effect for Traefik.
        admission_webhook: bool = defaults::ADMISSION_WEBHOOK,
    }
}

table! {
    /// `[cloudflare_tunnel]`
    pub struct CloudflareTunnel {
        /// The tunnel's UUID.
        id: TunnelId,
        /// What is reachable through it; `*.example.com` holds every name below.
        hostnames: Vec<Hostname>,
        /// Whether the rules live in git or at Cloudflare.
        mode: TunnelMode = defaults::TUNNEL_MODE,
        /// How many connectors.
        replicas: Replicas = defaults::REPLICAS,
    }
}

table! {
    /// `[hello]`
    pub struct Hello {
        /// The echo app's hostname, one of the tunnel's.
        hostname: Hostname,
    }
}

table! {
    /// `[firewall]`
    pub struct Firewall {
        /// Who may reach SSH on the public side.
        ssh_from: Vec<SourceNet> = defaults::SSH_FROM.map(constant).to_vec(),
        /// Where sshd listens.
        ssh_port: Port = defaults::SSH_PORT,
    }
}

table! {
    /// `[images]`
    pub struct Images {
        /// kubeadm's `imageRepository`.
        repository: Option<ImageRepository>,
        /// Mirrors of registries, tried in order (containerd's certs.d).
        mirrors: BTreeMap<RegistryName, Vec<Url>> = BTreeMap::new(),
    }
}

table! {
    /// `[packages]`
    pub struct Packages {
        /// Instead of `https://pkgs.k8s.io/core:/stable:`.
        kubernetes_apt: Option<Url>,
        /// Instead of `https://download.docker.com/linux`.
        containerd_apt: Option<Url>,
        /// Fingerprints of repository keys that are accepted beside the known ones.
        fingerprints: Vec<Fingerprint> = Vec::new(),
        /// What `apply.sh` takes from elsewhere: `calico-crds`, `calico-operator`, `ingress-nginx`, `traefik`, `helm-amd64` and `helm-arm64`.
        sources: BTreeMap<Name, PackageSource> = BTreeMap::new(),
    }
}

table! {
    /// One entry of `[packages.sources]`.
    pub struct PackageSource {
        /// Where it is fetched from, or lies where `apply.sh` runs.
        url: SourceUrl,
        /// What it must hash to; what upstream's own file hashes to when absent, as far as that is known or published, and not compared where `url` is a path.
        sha256: Option<Sha256>,
    }
}

table! {
    /// `[bootstrap]`
    pub struct Bootstrap {
        /// Whether the init node applies `out/cluster` when its API is up.
        apply: bool = true,
    }
}

table! {
    /// `[secrets]`
    pub struct Secrets {
        /// Who can decrypt the store; plain files, ignored by git, when empty.
        recipients: Vec<Recipient> = Vec::new(),
    }
}

table! {
    /// `[lint]`
    pub struct Lint {
        /// Accepted warnings.
        allow: Vec<Allow> = Vec::new(),
    }
}

table! {
    /// One `[[lint.allow]]`.
    pub struct Allow {
        /// The code of the warning.
        code: Name,
        /// Why this cluster accepts it.
        reason: Reason,
    }
}

table! {
    /// One `[[sites]]`: a private network in which several nodes stand.
    pub struct Site {
        /// What nodes call it by.
        name: Name,
        /// Its range, so that nothing of the cluster overlaps it.
        subnet: Option<Subnet>,
    }
}

table! {
    /// One `[[nodes]]`.
    pub struct Node {
        /// Its hostname and its name in Kubernetes.
        name: Name,
        /// The one number to remember: address and pod block follow from it.
        id: NodeId,
        /// Whether it runs the control plane.
        role: Role,
        /// The cloud it stands in, as far as we know something of it.
        provider: ProviderName = defaults::PROVIDER,
        /// What it runs.
        os: Os = defaults::OS,
        /// Its processor.
        arch: Arch = defaults::ARCH,
        /// Who `export … | ssh` is printed for.
        ssh_user: UserName = constant(defaults::SSH_USER),
        /// Further public ports of this host.
        open_ports: Vec<OpenPort> = Vec::new(),
        /// Public address or DNS name; absent behind NAT.
        endpoint: Option<Endpoint>,
        /// Written by `meshwright keys`.
        public_key: Option<PublicKey>,
        /// The private network it stands in.
        site: Option<Name>,
        /// Where nodes of the same site reach it.
        lan_endpoint: Option<Endpoint>,
        /// The public node that carries traffic to other nodes behind NAT.
        relay: Option<Name>,
        /// The MTU of its way to the Internet.
        underlay_mtu: Option<Mtu>,
        /// Overrides the mesh address that `id` gives.
        address: Option<Address>,
        /// Overrides the pod block that `id` gives.
        pod_subnet: Option<Subnet>,
        /// Labels of its Node object.
        labels: BTreeMap<LabelKey, LabelValue> = BTreeMap::new(),
        /// Taints of its Node object; a control plane's own taint when absent.
        taints: Option<Vec<Taint>>,
        /// The interface of its public side, for what must know it by name; nothing does yet.
        public_interface: Option<InterfaceName>,
    }
}

table! {
    /// One `[[clients]]`: a WireGuard peer that is no node.
    pub struct Client {
        /// What its folder in `out/clients` is called.
        name: Name,
        /// Its number in the node subnet.
        id: NodeId,
        /// Written by `meshwright keys`.
        public_key: Option<PublicKey>,
        /// The public node that carries what it cannot reach itself; the init node when absent.
        via: Option<Name>,
        /// What it may reach; everything when absent.
        reach: Vec<Reach> = Reach::ALL.to_vec(),
    }
}

impl Topology {
    /// Reads the document key by key. What cannot be read is reported, and stood in for as far as
    /// the rest can still be judged; `None` when it cannot.
    #[must_use]
    pub fn from_document(document: &Document, problems: &mut Problems) -> Option<Self> {
        read::Field::read(&document.root().value, &Route::root(), problems)
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &Name) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }
}
