//! The topology: the values that the user writes. No logic; values that follow from it are in the
//! plan.

mod defaults;
pub mod member;
pub mod public_name;
mod read;
pub mod reference;
pub mod schema;
pub mod settings;
mod synonym;
pub mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::Problems;
use crate::document::Document;
use crate::route::Route;
use meshwright_value::component::Component;
use meshwright_value::{
    Address, ApiEndpoint, Arch, ArgumentName, AsNumber, AudienceTag, CertificateName,
    ConnectionCount, CpuMillis, Dataplane, DnsName, Endpoint, Endpoints, FeatureGate, Fingerprint,
    Hostname, ImageReference, ImageRepository, IngressController, InterfaceName, Keepalive,
    LabelKey, LabelValue, MemoryMib, Mtu, Name, NodeId, OpenPort, OriginService, OriginTimeout, Os,
    PackageVersion, PodPrefixLen, Port, ProviderName, ProxyMode, PublicKey, PublicKeyHash, Reach,
    Reason, Recipient, RegistryName, Relays, Replicas, Role, RoundTripMs, Scheduler, Sha256,
    SnapshotCount, SourceNet, SourceUrl, SshHost, Subnet, Taint, TcpTimeout, TunnelId, TunnelMode,
    TunnelProtocol, Url, UserName, Version, constant,
};

use read::table;
pub use read::{KEY_MISSING, KEY_UNKNOWN, SECRET_IN_TOPOLOGY, TYPE_MISMATCH, VALUE_MALFORMED};
use settings::{ArgumentValue, Settings};
use versions::Versions;

table! {
    /// The whole of `topology.toml`.
    pub struct Topology {
        /// The cluster's name and its version of Kubernetes.
        cluster: Cluster,
        /// The three private subnets.
        network: Network,
        /// The mesh.
        wireguard: WireGuard,
        /// The init node and the API's name.
        control_plane: ControlPlane,
        /// Settings of Kubernetes' programs.
        kubeadm: Kubeadm,
        /// What is stricter than Kubernetes' own defaults.
        hardening: Hardening,
        /// The implementation of Services.
        kube_proxy: KubeProxy,
        /// The pod network.
        calico: Calico,
        /// The Ingress controller.
        ingress: Ingress,
        /// The tunnel for requests from the Internet; none if absent.
        cloudflare_tunnel: Option<CloudflareTunnel>,
        /// An echo app to test the path from the Internet; none if absent.
        hello: Option<Hello>,
        /// The public side of every node.
        firewall: Firewall,
        /// The sources of container images.
        images: Images,
        /// The sources of packages, charts and manifests.
        packages: Packages,
        /// The steps of the first boot.
        bootstrap: Bootstrap,
        /// The snapshots of etcd.
        backup: Backup,
        /// The encryption of the store.
        secrets: Secrets,
        /// Accepted warnings, each with a reason.
        lint: Lint,
        /// Private networks with several nodes.
        sites: Vec<Site> = Vec::new(),
        /// Networks behind machines of the mesh, which nodes and pods reach.
        networks: Vec<RoutedNetwork> = Vec::new(),
        /// The machines of the cluster.
        nodes: Vec<Node>,
        /// Machines that are in the mesh but are not Kubernetes nodes.
        clients: Vec<Client> = Vec::new(),
    } beside {
        /// The pinned versions, and the facts about releases.
        versions: Arc<Versions> = Versions::built_in(),
    }
}

table! {
    /// The cluster's name and its version of Kubernetes.
    pub struct Cluster {
        /// The name of the cluster. The API's name is in the domain `<name>.internal`.
        name: Name,
        /// The version of kubeadm, kubelet and the control plane.
        kubernetes_version: Version,
        /// Ids of removed nodes and clients, which must not be used again.
        retired_ids: Vec<NodeId> = Vec::new(),
        /// The hash of the public key of the cluster's CA. Written by `meshwright keys`, as are the next
        /// three; a store with another key is refused.
        ca_hash: Option<PublicKeyHash>,
        /// The hash of the public key of the CA of the API server's client certificates for
        /// extension servers.
        front_proxy_ca_hash: Option<PublicKeyHash>,
        /// The hash of the public key of etcd's CA.
        etcd_ca_hash: Option<PublicKeyHash>,
        /// The hash of the public key that verifies the tokens of service accounts.
        service_account_key_hash: Option<PublicKeyHash>,
    }
}

table! {
    /// `[network]`
    pub struct Network {
        /// The addresses of nodes and clients in the mesh.
        node_subnet: Subnet = defaults::NODE_SUBNET,
        /// The addresses of all pods.
        pod_subnet: Subnet = defaults::POD_SUBNET,
        /// The addresses of all Services.
        service_subnet: Subnet = defaults::SERVICE_SUBNET,
        /// The size of the block of `pod_subnet` that each node owns.
        pod_prefix_len: PodPrefixLen = defaults::POD_PREFIX_LEN,
        /// The domain of cluster DNS.
        dns_domain: DnsName = constant(defaults::DNS_DOMAIN),
    }
}

table! {
    /// `[wireguard]`
    pub struct WireGuard {
        /// The name of the interface on every node.
        interface: InterfaceName = constant(defaults::INTERFACE),
        /// The UDP port that every node listens on, unless it has its own.
        listen_port: Port = defaults::LISTEN_PORT,
        /// The MTU of the interface; derived if absent.
        mtu: Option<Mtu>,
        /// Seconds between keepalives to every peer; 0 turns them off.
        persistent_keepalive: Keepalive = defaults::PERSISTENT_KEEPALIVE,
        /// Whether each pair of members also has a preshared key.
        preshared_keys: bool = false,
    }
}

table! {
    /// `[control_plane]`
    pub struct ControlPlane {
        /// The node that initialises the cluster; the control plane with the lowest id if absent.
        init: Option<Name>,
        /// The API's name; `k8s-api.<cluster>.internal:6443` if absent.
        endpoint: Option<ApiEndpoint>,
        /// The longest round trip between two control planes; etcd's timings are derived from it.
        round_trip_ms: Option<RoundTripMs>,
    }
}

table! {
    /// `[kubeadm]`: settings of Kubernetes' programs beyond those that this file has keys for. kubeadm reads them when a
    /// node joins and when it is upgraded.
    pub struct Kubeadm {
        /// More names and addresses for the certificate of the API server.
        cert_sans: Vec<CertificateName> = Vec::new(),
        /// Feature gates of the API server, the controller manager, the scheduler and kubelet, such as
        /// `ContainerStopSignals = true`.
        feature_gates: BTreeMap<FeatureGate, bool> = BTreeMap::new(),
        /// Arguments of kube-apiserver, such as `audit-log-maxage = 30`; with an array, the argument is given once for
        /// each element.
        api_server: BTreeMap<ArgumentName, ArgumentValue> = BTreeMap::new(),
        /// Arguments of kube-controller-manager.
        controller_manager: BTreeMap<ArgumentName, ArgumentValue> = BTreeMap::new(),
        /// Arguments of kube-scheduler.
        scheduler: BTreeMap<ArgumentName, ArgumentValue> = BTreeMap::new(),
        /// Arguments of etcd.
        etcd: BTreeMap<ArgumentName, ArgumentValue> = BTreeMap::new(),
        /// Fields of `KubeletConfiguration` on every node, such as `imageGCHighThresholdPercent = 75`.
        kubelet: Settings = Settings::default(),
    }
}

table! {
    /// `[hardening]`: what is stricter than Kubernetes' own defaults, beyond arguments that `[kubeadm]` can replace.
    pub struct Hardening {
        /// Whether the API servers write an audit log, in /var/log/kubernetes/audit of each control plane.
        audit_log: bool = true,
        /// Whether a namespace without labels of Pod Security refuses pods that the level `baseline` does not permit, and
        /// warns about those that `restricted` does not. A label of the namespace replaces it:
        /// `pod-security.kubernetes.io/enforce = privileged`.
        pod_security: bool = true,
        /// Whether requests without a credential are answered for /livez, /readyz and /healthz only. Without effect if
        /// `[kubeadm]` has an argument `oidc-…` or `anonymous-auth`, which exclude it.
        anonymous_health_only: bool = true,
        /// Whether Secrets are encrypted when they are written to etcd. `false` writes them plain; encrypted ones stay
        /// readable.
        encrypt_secrets: bool = true,
    }
}

table! {
    /// `[kube_proxy]`
    pub struct KubeProxy {
        /// The kernel mechanism that implements Services.
        mode: ProxyMode = defaults::PROXY_MODE,
        /// How IPVS chooses an endpoint; without effect in the other modes.
        scheduler: Scheduler = defaults::SCHEDULER,
        /// Seconds after which IPVS forgets an idle TCP connection; the kernel's 900 if absent. Without effect in the
        /// other modes, which keep connections for a day.
        tcp_timeout: Option<TcpTimeout>,
    }
}

table! {
    /// `[calico]`
    pub struct Calico {
        /// The release of the operator and the CRDs; if absent, that of `meshwright versions`.
        version: Option<Version>,
        /// The AS number of the node-to-node mesh (iBGP).
        as_number: AsNumber = defaults::AS_NUMBER,
        /// Whether BGP sessions use a TCP MD5 password, from the Secret `bgp-password` in
        /// `calico-system`.
        bgp_password: bool = true,
        /// Nodes that reflect routes instead of a full BGP mesh; useful from about 100 nodes.
        route_reflectors: Vec<Name> = Vec::new(),
        /// The dataplane that Felix programs; derived from kube-proxy's mode if absent.
        dataplane: Option<Dataplane>,
    }
}

table! {
    /// `[ingress]`
    pub struct Ingress {
        /// The controller that serves the class `nginx`; `none` if you install one yourself, or need none.
        controller: IngressController = defaults::INGRESS_CONTROLLER,
        /// The number of its replicas.
        replicas: Replicas = defaults::REPLICAS,
        /// Its image, with its digest, for example of a maintained fork; if absent, that of `meshwright versions`.
        image: Option<ImageReference>,
        /// Whether ingress-nginx validates Ingress objects when they are written; without effect
        /// for Traefik.
        admission_webhook: bool = defaults::ADMISSION_WEBHOOK,
        /// More values for the controller's chart, as its own `values.yaml` has them; merged below Meshwright's.
        values: Settings = Settings::default(),
    }
}

table! {
    /// `[cloudflare_tunnel]`
    pub struct CloudflareTunnel {
        /// The tunnel's UUID.
        id: TunnelId,
        /// The hostnames that are reachable through the tunnel; `*.example.com` includes every name
        /// below it.
        hostnames: Vec<Hostname>,
        /// Whether the tunnel's rules are stored in git (`local`) or at Cloudflare (`remote`).
        mode: TunnelMode = defaults::TUNNEL_MODE,
        /// The number of cloudflared replicas.
        replicas: Replicas = defaults::REPLICAS,
        /// How cloudflared connects to Cloudflare: `auto` uses QUIC (UDP), and HTTP/2 if that cannot connect. Use
        /// `http2` where a network throttles UDP: then requests hang although the tunnel is connected.
        protocol: TunnelProtocol = defaults::TUNNEL_PROTOCOL,
        /// The most memory of each replica, in MiB.
        memory_limit_mib: MemoryMib = defaults::TUNNEL_MEMORY,
        /// The image of cloudflared, with its digest; if absent, that of `meshwright versions`.
        image: Option<ImageReference>,
        /// The processor time that each replica requests, in thousandths of a processor; more is used if it is free.
        cpu_request_millis: CpuMillis = defaults::TUNNEL_CPU,
        /// Hostnames with a destination or settings of their own.
        rules: Vec<HostnameRule> = Vec::new(),
    }
}

table! {
    /// One `[[cloudflare_tunnel.rules]]`: a hostname with a destination or settings of its own.
    pub struct HostnameRule {
        /// The hostname, which is not one of `hostnames`.
        hostname: Hostname,
        /// The Service that receives its requests; the Ingress controller if absent. `ssh`, `tcp`, `rdp` and `smb` are for
        /// visitors with `cloudflared access`.
        service: Option<OriginService>,
        /// Labels that only the pods of `service` have in their namespace: a NetworkPolicy admits cloudflared to them.
        pod_labels: BTreeMap<LabelKey, LabelValue> = BTreeMap::new(),
        /// The port on which these pods listen (`targetPort` of the Service).
        pod_port: Option<Port>,
        /// Cloudflare Access: cloudflared refuses requests that Access has not admitted.
        access: Option<AccessRule>,
        /// Seconds for a TCP connection to the origin; cloudflared's 30 if absent.
        connect_timeout: Option<OriginTimeout>,
        /// Seconds for the TLS handshake with the origin; cloudflared's 10 if absent.
        tls_timeout: Option<OriginTimeout>,
        /// Seconds after which an idle connection to the origin is closed; cloudflared's 90 if absent.
        keep_alive_timeout: Option<OriginTimeout>,
        /// The most idle connections to the origin; cloudflared's 100 if absent.
        keep_alive_connections: Option<ConnectionCount>,
        /// The Host header that `service` receives; if absent, what the visitor sends.
        http_host_header: Option<Hostname>,
        /// The name in the certificate of an `https` origin, if it is not its hostname.
        origin_server_name: Option<DnsName>,
        /// Whether any certificate of an `https` origin is accepted.
        no_tls_verify: bool = false,
        /// Whether an `https` origin is called by HTTP/2, which gRPC needs.
        http2_origin: bool = false,
        /// Whether request bodies are sent with their length, which WSGI servers need.
        disable_chunked_encoding: bool = false,
    }
}

table! {
    /// `access` of a `[[cloudflare_tunnel.rules]]`.
    pub struct AccessRule {
        /// The name of the organisation in Cloudflare Zero Trust: `acme` of `acme.cloudflareaccess.com`.
        team_name: Name,
        /// The audience tags of the Access applications that admit requests.
        aud_tags: Vec<AudienceTag>,
    }
}

table! {
    /// `[hello]`
    pub struct Hello {
        /// The echo app's hostname, which must be one of the tunnel's.
        hostname: Hostname,
        /// The image of the echo app, with its digest; if absent, that of `meshwright versions`.
        image: Option<ImageReference>,
    }
}

table! {
    /// `[firewall]`
    pub struct Firewall {
        /// The sources that may reach SSH on the public side.
        ssh_from: Vec<SourceNet> = defaults::SSH_FROM.map(constant).to_vec(),
        /// The port that sshd listens on.
        ssh_port: Port = defaults::SSH_PORT,
        /// Whether nodes may reach SSH of each other through the mesh. Clients that reach nodes may.
        ssh_from_nodes: bool = false,
        /// More ports of hosts that pods may reach, such as `9100/tcp`. They always reach the API, kubelet, DNS and
        /// NodePorts.
        pod_ports: Vec<OpenPort> = Vec::new(),
    }
}

table! {
    /// `[images]`
    pub struct Images {
        /// kubeadm's `imageRepository`.
        repository: Option<ImageRepository>,
        /// Mirrors of registries, tried in order (containerd's certs.d). A path with `/v2` is the root of the
        /// mirror's API, as Harbor and Nexus have it; containerd appends `/v2` to any other URL.
        mirrors: BTreeMap<RegistryName, Vec<Url>> = BTreeMap::new(),
    }
}

table! {
    /// `[packages]`
    pub struct Packages {
        /// The package repository to use instead of `https://pkgs.k8s.io/core:/stable:`.
        kubernetes_apt: Option<Url>,
        /// The package repository to use instead of `https://download.docker.com/linux`.
        containerd_apt: Option<Url>,
        /// The version of the package `containerd.io`, as apt-get(8) takes it after `=`, such as `2.3.6-*`; if absent, that
        /// of `meshwright versions`.
        containerd_version: Option<PackageVersion>,
        /// Fingerprints of repository keys that are accepted in addition to the known ones.
        fingerprints: Vec<Fingerprint> = Vec::new(),
        /// Other sources for downloads of `apply.sh`: `calico-crds`, `calico-operator`,
        /// `ingress-nginx`, `traefik`, `helm-amd64` and `helm-arm64`.
        sources: BTreeMap<Name, PackageSource> = BTreeMap::new(),
    }
}

table! {
    /// One entry of `[packages.sources]`.
    pub struct PackageSource {
        /// The URL to download from, or the path on the machine where `apply.sh` runs.
        url: SourceUrl,
        /// The version of a chart or of Helm, if it is not that of `meshwright versions`; it needs `sha256`. That of Calico is
        /// `version` of `[calico]`.
        version: Option<Version>,
        /// The expected hash. If absent, the hash of upstream's file, which is known of all but the chart of Traefik
        /// (this one is compared with the index of its repository) and releases of Calico newer than this program;
        /// not compared if `url` is a path.
        sha256: Option<Sha256>,
    }
}

table! {
    /// `[bootstrap]`
    pub struct Bootstrap {
        /// Whether the init node applies `out/cluster` when its API server runs.
        apply: bool = true,
    }
}

table! {
    /// `[backup]`
    pub struct Backup {
        /// The number of snapshots of etcd that each control plane keeps. It takes one every six hours.
        keep: SnapshotCount = defaults::BACKUP_KEEP,
    }
}

table! {
    /// `[secrets]`
    pub struct Secrets {
        /// The keys that can decrypt the store. If empty, the store has unencrypted files, which
        /// git ignores.
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
        /// The reason why this cluster accepts it.
        reason: Reason,
    }
}

table! {
    /// One `[[sites]]`: a private network with several nodes.
    pub struct Site {
        /// The name that `site` of a node refers to.
        name: Name,
        /// Its address range, which no subnet of the cluster may overlap.
        subnet: Option<Subnet>,
        /// The MTU of this network; if absent, that of its nodes' providers: 1500, for Hetzner 1450, for GCP 1460.
        mtu: Option<Mtu>,
    }
}

table! {
    /// One `[[networks]]`: a network behind a machine of the mesh, such as the LAN at home.
    pub struct RoutedNetwork {
        /// Its name, in messages only.
        name: Name,
        /// Its private address range.
        subnet: Subnet,
        /// The node in this network, or the client with an `endpoint`, to which the mesh sends packets for it. That
        /// machine forwards them under its own address, so the machines of the network need no route back.
        via: Name,
        /// Whether pods may open connections to it. Nodes may, and clients that have `networks` in `reach`.
        pods: bool = true,
    }
}

table! {
    /// One `[[nodes]]`.
    pub struct Node {
        /// Its hostname and its name in Kubernetes.
        name: Name,
        /// A unique number, never reused: the node's address and pod block are derived from it.
        id: NodeId,
        /// Whether it runs the control plane.
        role: Role,
        /// Its cloud provider, if it is one of the known ones.
        provider: ProviderName = defaults::PROVIDER,
        /// Its operating system.
        os: Os = defaults::OS,
        /// Its processor architecture.
        arch: Arch = defaults::ARCH,
        /// The user in the printed commands `export … | ssh`; the user of the provider's image if absent.
        ssh_user: Option<UserName>,
        /// The host in the same commands, and where `status` and `apply` connect to: a name of ~/.ssh/config, a DNS name or
        /// an address. The host of `endpoint` if absent.
        ssh_host: Option<SshHost>,
        /// The sources that may reach SSH of this node; `ssh_from` of `[firewall]` if absent.
        ssh_from: Option<Vec<SourceNet>>,
        /// More ports of this host that are open to the Internet.
        open_ports: Vec<OpenPort> = Vec::new(),
        /// Its public address or DNS name; absent if the node is behind NAT. With a port if its
        /// router translates another one to `listen_port`. A node with both address families has an array of two
        /// addresses: a peer whose only endpoint is an IPv6 address calls the IPv6 address, and every other machine the
        /// IPv4 address.
        endpoint: Option<Endpoints>,
        /// The UDP port that it listens on; `listen_port` of `[wireguard]` if absent. Peers call it at this port
        /// if its endpoint has none.
        listen_port: Option<Port>,
        /// Written by `meshwright keys`.
        public_key: Option<PublicKey>,
        /// The site that it is in.
        site: Option<Name>,
        /// The address at which nodes of the same site reach it.
        lan_endpoint: Option<Endpoint>,
        /// The public node that forwards its packets to other nodes behind NAT. With an array, the first one forwards while
        /// it answers, and the next one takes over when it does not.
        relay: Option<Relays>,
        /// The MTU of its path to the Internet.
        underlay_mtu: Option<Mtu>,
        /// Replaces the mesh address that is derived from `id`.
        address: Option<Address>,
        /// Replaces the pod block that is derived from `id`.
        pod_subnet: Option<Subnet>,
        /// Labels of its Node object; a change also reaches a node that has joined.
        labels: BTreeMap<LabelKey, LabelValue> = BTreeMap::new(),
        /// Taints of its Node object; if absent, a control plane has its default taint. A change also reaches a node that
        /// has joined.
        taints: Option<Vec<Taint>>,
        /// Fields of `KubeletConfiguration` on this node; they are merged over those of `[kubeadm]`.
        kubelet: Settings = Settings::default(),
        /// The name of its public interface. No emitted file uses it yet.
        public_interface: Option<InterfaceName>,
    }
}

table! {
    /// One `[[clients]]`: a member that is not a node, such as a laptop, or a server that nodes and pods call.
    pub struct Client {
        /// Its name, and the name of its folder in `out/clients`.
        name: Name,
        /// A unique number: its address in the node subnet is derived from it.
        id: NodeId,
        /// Written by `meshwright keys`.
        public_key: Option<PublicKey>,
        /// Its public address or DNS name, with the port that it listens on if this is not `listen_port` of
        /// `[wireguard]`; an array if it has an address of each family. Nodes and pods call a client with an endpoint:
        /// it is a server outside the cluster. Absent for a client that calls, such as a laptop.
        endpoint: Option<Endpoints>,
        /// The public node that forwards packets to nodes that it cannot reach directly; the init
        /// node if absent. A client with an `endpoint` has a tunnel to every node, and needs it for Services only.
        via: Option<Name>,
        /// The destinations that it may reach. If absent, nodes, pods and Services, and none for a client with an
        /// `endpoint`, which then only answers. `networks` are those of `[[networks]]`: leave them out for a client that
        /// is in one of them itself.
        reach: Option<Vec<Reach>>,
    }
}

/// One endpoint of a node or client.
#[derive(Debug, Clone)]
pub struct WrittenEndpoint<'topology> {
    /// The name of the machine.
    pub owner: &'topology Name,
    /// Its key.
    pub key: &'static str,
    /// Its place, which is an element of an array if the node has two.
    pub place: Route,
    /// The endpoint.
    pub endpoint: &'topology Endpoint,
}

impl Node {
    /// The relays that it names, each with its place, in the order in which they are used.
    pub fn relays(&self) -> impl Iterator<Item = (Route, &Name)> {
        self.relay.iter().flat_map(|relays| {
            let at = self.origin.key("relay");
            let place = move |position| match relays.is_single() {
                true => at.clone(),
                false => at.index(position),
            };
            relays.iter().enumerate().map(move |(position, name)| (place(position), name))
        })
    }

    /// The public endpoints.
    pub fn public_endpoints(&self) -> impl Iterator<Item = WrittenEndpoint<'_>> {
        written(&self.name, &self.origin, self.endpoint.as_ref())
    }

    /// The endpoint in the LAN, if there is one.
    pub fn lan_endpoint(&self) -> impl Iterator<Item = WrittenEndpoint<'_>> {
        let key = "lan_endpoint";
        let lan = self.lan_endpoint.iter();
        lan.map(move |endpoint| WrittenEndpoint {
            owner: &self.name,
            key,
            place: self.origin.key(key),
            endpoint,
        })
    }

    /// All endpoints: the public ones, then that of the LAN.
    pub fn endpoints(&self) -> impl Iterator<Item = WrittenEndpoint<'_>> {
        self.public_endpoints().chain(self.lan_endpoint())
    }
}

impl Client {
    /// The public endpoints.
    pub fn public_endpoints(&self) -> impl Iterator<Item = WrittenEndpoint<'_>> {
        written(&self.name, &self.origin, self.endpoint.as_ref())
    }
}

fn written<'topology>(
    owner: &'topology Name,
    origin: &'topology Route,
    endpoints: Option<&'topology Endpoints>,
) -> impl Iterator<Item = WrittenEndpoint<'topology>> {
    let key = "endpoint";
    let is_array = endpoints.is_some_and(|both| both.alternative().is_some());
    endpoints.into_iter().flat_map(Endpoints::iter).enumerate().map(move |(index, endpoint)| {
        let place = origin.key(key);
        let place = if is_array { place.index(index) } else { place };
        WrittenEndpoint { owner, key, place, endpoint }
    })
}

/// One field of `KubeletConfiguration` that the user has written, with its place.
#[derive(Debug)]
pub struct KubeletSetting<'topology> {
    /// Its name.
    pub field: &'topology str,
    /// Its value.
    pub value: &'topology Value,
    /// Its place.
    pub at: Route,
}

impl Topology {
    /// The fields for all nodes, then those of each node.
    pub fn kubelet_settings(&self) -> impl Iterator<Item = KubeletSetting<'_>> {
        let of_all = std::iter::once((&self.kubeadm.origin, &self.kubeadm.kubelet));
        let of_nodes = self.nodes.iter().map(|node| (&node.origin, &node.kubelet));
        of_all.chain(of_nodes).flat_map(|(origin, settings)| {
            let entries = settings.entries().iter();
            entries.map(|(field, value)| {
                let at = origin.key("kubelet").key(field.clone());
                KubeletSetting { field, value, at }
            })
        })
    }
}

impl Kubeadm {
    /// The place of an argument of a program.
    #[must_use]
    pub fn place_of(&self, component: Component, name: &ArgumentName) -> Route {
        let table = match component {
            Component::ApiServer => "api_server",
            Component::ControllerManager => "controller_manager",
            Component::Scheduler => "scheduler",
            Component::Etcd => "etcd",
        };
        self.origin.key(table).key(name.to_string())
    }

    /// The arguments of one program.
    #[must_use]
    pub const fn arguments(&self, component: Component) -> &BTreeMap<ArgumentName, ArgumentValue> {
        match component {
            Component::ApiServer => &self.api_server,
            Component::ControllerManager => &self.controller_manager,
            Component::Scheduler => &self.scheduler,
            Component::Etcd => &self.etcd,
        }
    }
}

impl Network {
    /// The subnets of nodes, pods and Services.
    #[must_use]
    pub const fn subnets(&self) -> [Subnet; 3] {
        [self.node_subnet, self.pod_subnet, self.service_subnet]
    }
}

impl Topology {
    /// Reads the document key by key. A value that cannot be read is reported, and replaced by a
    /// placeholder if the rest can still be checked; `None` if it cannot.
    #[must_use]
    pub fn from_document(document: &Document, problems: &mut Problems) -> Option<Self> {
        read::Field::read(&document.root().value, &Route::root(), problems)
    }

    /// The release of Calico.
    #[must_use]
    pub fn calico_version(&self) -> Version {
        self.calico.version.unwrap_or(self.versions.calico.version)
    }

    /// The nodes of a site.
    pub fn nodes_of(&self, site: &Site) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.site.as_ref() == Some(&site.name))
    }

    /// The public endpoints of nodes, then those of clients.
    pub fn public_endpoints(&self) -> impl Iterator<Item = WrittenEndpoint<'_>> {
        let nodes = self.nodes.iter().flat_map(Node::public_endpoints);
        nodes.chain(self.clients.iter().flat_map(Client::public_endpoints))
    }

    /// All endpoints: those of nodes, then those of clients.
    pub fn endpoints(&self) -> impl Iterator<Item = WrittenEndpoint<'_>> {
        let nodes = self.nodes.iter().flat_map(Node::endpoints);
        nodes.chain(self.clients.iter().flat_map(Client::public_endpoints))
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &Name) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }
}
