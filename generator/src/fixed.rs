//! The text of files that `prove` and `trace` compare with a tree: this version's renderers, for the facts
//! that the proof has read from the other files of that tree.

use std::sync::Arc;

use meshwright_compiler::render::fixed::{
    AptPackages, AptRepository, ConnectorPlan, FixedFacts, FixedNode, FixedObjects, FixedPool,
    FixedSource, FixedTunnel, ServedName, Versions, files,
};
use meshwright_proof::facts::{
    NodeFacts, PackageFacts, PoolFacts, RepositoryFacts, ServedNameFacts, TreeFacts, TunnelFacts,
};
use meshwright_proof::fixed::{ExpectedFile, FixedFiles};
use meshwright_value::{
    AsNumber, CpuMillis, DnsName, Hostname, ImageReference, MemoryMib, Number as _, OriginRequest,
    Replicas, Role, Subnet, Text as _, TunnelId, TunnelMode, constant,
};

/// The files as this version emits them, with the versions that are compiled in.
#[derive(Debug)]
pub struct OfThisVersion;

impl FixedFiles for OfThisVersion {
    fn expected(&self, facts: &TreeFacts) -> Vec<ExpectedFile> {
        WithVersions(Versions::built_in()).expected(facts)
    }
}

/// The files as this version emits them, with these versions.
#[derive(Debug)]
pub struct WithVersions(pub Arc<Versions>);

impl FixedFiles for WithVersions {
    fn expected(&self, facts: &TreeFacts) -> Vec<ExpectedFile> {
        let artifacts = files(&cluster(&self.0, facts));
        let text = |(path, bytes): (&str, &[u8])| ExpectedFile {
            path: path.to_owned(),
            content: String::from_utf8_lossy(bytes).into_owned(),
        };
        artifacts.iter().map(text).collect()
    }
}

fn cluster<'facts>(versions: &'facts Versions, facts: &'facts TreeFacts) -> FixedFacts<'facts> {
    let endpoint = facts.endpoint.as_str();
    let sources = facts.sources.iter().map(|source| FixedSource {
        name: &source.name,
        version: &source.version,
        url: &source.url,
        checksum: &source.checksum,
    });
    FixedFacts {
        versions,
        interface: &facts.interface,
        cluster: &facts.cluster,
        kubernetes_version: facts.kubernetes_version,
        image_repository: facts.image_repository.as_deref(),
        api_name: endpoint.rsplit_once(':').map_or(endpoint, |(name, _)| name),
        api_server_files: facts.api_server_files.iter().map(String::as_str).collect(),
        proxy_mode: facts.proxy_mode,
        nodes: facts.nodes.iter().map(node).collect(),
        reflectors: facts.reflectors.iter().map(String::as_str).collect(),
        bgp_password: facts.bgp_password,
        further_pools: facts.further_pools,
        clients: facts.clients,
        tunnel: facts.tunnel,
        hello: facts.hello,
        ingress: facts.ingress,
        sources: sources.collect(),
        objects: objects(facts),
    }
}

/// The values where those of the tree are not valid: the comparison then names the valid ones. Any memory and CPU of
/// cloudflared is accepted.
const REPLICAS: Replicas = Replicas::new(2);
const MEMORY_LIMIT: MemoryMib = MemoryMib::new(256);
const CPU_REQUEST: CpuMillis = CpuMillis::new(50);
const AS_NUMBER: AsNumber = AsNumber::new(64512);
const DNS_DOMAIN: &str = "cluster.local";

fn objects(facts: &TreeFacts) -> FixedObjects<'_> {
    let objects = &facts.objects;
    let controller = objects.controller.as_ref();
    let has_webhook = controller.is_some_and(|controller| controller.webhook);
    let control_planes = facts.nodes.iter().filter(|node| node.role == Role::ControlPlane);
    let callers = control_planes.map(|node| node.address).filter(|_| has_webhook);
    let image = controller.and_then(|controller| ImageReference::parse(&controller.image).ok());
    FixedObjects {
        pod_subnet: Subnet::new(objects.pod_subnet),
        node_subnet: Subnet::new(objects.node_subnet),
        service_subnet: Subnet::new(objects.service_subnet),
        dns_domain: DnsName::parse(&objects.dns_domain).unwrap_or_else(|_| constant(DNS_DOMAIN)),
        as_number: AsNumber::from_integer(objects.as_number.into()).unwrap_or(AS_NUMBER),
        dataplane: objects.dataplane,
        pod_mtu: objects.pod_mtu,
        scheduler: objects.scheduler,
        tcp_timeout: objects.tcp_timeout,
        pools: objects.pools.iter().map(pool).collect(),
        further_pools: objects.further_pools.iter().map(pool).collect(),
        host_services: objects.host_services.clone(),
        replicas: replicas(controller.map_or(0, |controller| controller.replicas)),
        image,
        webhook_callers: callers.collect(),
        tunnel: objects.tunnel.as_ref().and_then(tunnel),
        hello: objects.hello.as_ref().and_then(|name| Hostname::parse(name).ok()),
    }
}

fn pool(facts: &PoolFacts) -> FixedPool<'_> {
    FixedPool { node: facts.node.as_str(), subnet: Subnet::new(facts.net) }
}

fn replicas(number: u32) -> Replicas {
    Replicas::from_integer(number.into()).unwrap_or(REPLICAS)
}

fn tunnel(facts: &TunnelFacts) -> Option<FixedTunnel> {
    let name = |name: &ServedNameFacts| {
        let hostname = Hostname::parse(&name.hostname.value).ok()?;
        // For the controller, the header follows from the name.
        let request = OriginRequest {
            http_host_header: name
                .request
                .http_host_header
                .clone()
                .filter(|_| name.service.is_some()),
            ..name.request.clone()
        };
        Some(ServedName { hostname, service: name.service.clone(), request })
    };
    Some(FixedTunnel {
        id: TunnelId::parse(&facts.id).ok()?,
        mode: if facts.remote { TunnelMode::Remote } else { TunnelMode::Local },
        connectors: ConnectorPlan {
            replicas: replicas(facts.replicas),
            protocol: facts.protocol,
            memory_limit: MEMORY_LIMIT,
            cpu_request: CPU_REQUEST,
        },
        names: facts.names.iter().filter_map(name).collect(),
        origin_pods: facts.origin_pods.clone(),
    })
}

fn node(facts: &NodeFacts) -> FixedNode<'_> {
    let host = &facts.host;
    FixedNode {
        name: &facts.name,
        role: facts.role,
        initialises: facts.initialises,
        address: facts.address,
        prefix_len: facts.prefix_len,
        mtu: facts.mtu,
        os: host.os,
        arch: host.arch,
        labels: &facts.labels,
        taints: facts.taints.as_deref(),
        scheduler: host.scheduler,
        applies_manifests: host.applies_manifests,
        kept_snapshots: host.kept_snapshots,
        ssh_port: host.ssh_port,
        ssh_from: &host.ssh_from,
        open_ports: &host.open_ports,
        listen_port: host.listen_port,
        networks_elsewhere: facts.networks_elsewhere.iter().copied().map(Subnet::new).collect(),
        volumes_for_root: host.volumes_for_root,
        // The public side of `node.json` admits SSH, or clients may use it.
        ssh_admitted: !host.ssh_from.is_empty() || facts.env.names_ssh_port,
        ssh_user: &facts.env.ssh_user,
        ssh_host: &facts.ssh_host,
        mirrors: &host.mirrors,
        packages: host.packages.as_ref().map(packages),
    }
}

fn packages(facts: &PackageFacts) -> AptPackages {
    let PackageFacts { kubernetes, containerd } = facts;
    AptPackages { kubernetes: repository(kubernetes), containerd: repository(containerd) }
}

fn repository(facts: &RepositoryFacts) -> AptRepository {
    AptRepository {
        source: facts.source.clone(),
        key: facts.key.clone(),
        fingerprints: facts.fingerprints.clone(),
        version: facts.version.clone(),
    }
}
