//! The text of files that `prove` and `trace` compare with a tree: this version's renderers, for the facts
//! that the proof has read from the other files of that tree.

use meshwright_compiler::render::fixed::{
    AptPackages, AptRepository, FixedFacts, FixedNode, FixedSource, files,
};
use meshwright_proof::facts::{NodeFacts, PackageFacts, RepositoryFacts, TreeFacts};
use meshwright_proof::fixed::{ExpectedFile, FixedFiles};

/// The files as this version emits them.
#[derive(Debug)]
pub struct OfThisVersion;

impl FixedFiles for OfThisVersion {
    fn expected(&self, facts: &TreeFacts) -> Vec<ExpectedFile> {
        let artifacts = files(&cluster(facts));
        let text = |(path, bytes): (&str, &[u8])| ExpectedFile {
            path: path.to_owned(),
            content: String::from_utf8_lossy(bytes).into_owned(),
        };
        artifacts.iter().map(text).collect()
    }
}

fn cluster(facts: &TreeFacts) -> FixedFacts<'_> {
    let endpoint = facts.endpoint.as_str();
    let sources = facts.sources.iter().map(|source| FixedSource {
        name: &source.name,
        version: &source.version,
        url: &source.url,
        checksum: &source.checksum,
    });
    FixedFacts {
        interface: &facts.interface,
        cluster: &facts.cluster,
        kubernetes_version: facts.kubernetes_version,
        image_repository: facts.image_repository.as_deref(),
        api_name: endpoint.rsplit_once(':').map_or(endpoint, |(name, _)| name),
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
    }
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
        scheduler: host.scheduler,
        applies_manifests: host.applies_manifests,
        ssh_port: host.ssh_port,
        // The public side of `node.json` admits SSH, or clients may use it.
        ssh_admitted: host.ssh_from_outside || facts.env.names_ssh_port,
        ssh_target: &facts.env.ssh_target,
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
