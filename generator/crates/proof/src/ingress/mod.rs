//! Ingress: the path from a public name through the tunnel and the Ingress controller to an app.
//!
//! A request is followed from file to file ([`follow`], [`backends`]). Each of its connections is
//! compared with the policies of both ends ([`policy`]), and its packets are walked between all nodes
//! ([`connection`]). Conditions for all requests are in [`preconditions`] and [`isolation`].

mod backends;
mod connection;
mod follow;
mod isolation;
mod names;
mod origin;
pub mod picture;
mod policy;
mod preconditions;
pub mod request;

use self::connection::ConnectionProofs;
pub use self::connection::IngressConnection;
use self::request::IngressRequest;
use crate::finding::{FindingCode, ProofFinding};
use crate::flows::FlowCount;
use crate::model::Model;
use crate::read::ingress::{EmittedTunnel, IngressFiles};
use crate::read::objects::EmittedWorkload;
use crate::span::FileSpanned;

/// The name of the flow.
pub const FLOW: &str = "tunnel-app";

/// Its description.
pub const ABOUT: &str = "a public name leads through the tunnel to its app";

/// The result.
#[derive(Debug, Default)]
pub struct IngressProof {
    /// The path of a request for each public name.
    pub requests: Vec<IngressRequest>,
    /// Faults that do not depend on a name.
    pub findings: Vec<ProofFinding>,
}

impl IngressProof {
    /// All faults, each once: several names can fail for one cause.
    pub fn causes(&self) -> impl Iterator<Item = &ProofFinding> {
        let stopped = self.requests.iter().filter_map(|request| request.stopped.as_ref());
        let mut known: Vec<&ProofFinding> = Vec::new();
        for finding in stopped.chain(&self.findings) {
            if !known.iter().any(|one| (one.code, one.place) == (finding.code, finding.place)) {
                known.push(finding);
            }
        }
        known.into_iter()
    }

    /// How many names reach their destination, and how many do not.
    #[must_use]
    pub fn count(&self) -> FlowCount {
        let failed = self.requests.iter().filter(|request| request.stopped.is_some()).count();
        let (all, failed) = (self.requests.len() as u64, failed as u64);
        FlowCount { proven: all - failed, failed }
    }
}

/// The files through which a request is followed.
#[derive(Clone, Copy)]
struct IngressPath<'a> {
    files: &'a IngressFiles,
    tunnel: &'a EmittedTunnel,
    /// The pods of cloudflared.
    connectors: &'a EmittedWorkload,
    /// The DNS domain of the cluster.
    domain: &'a str,
}

/// Proves the path from the Internet. Without a tunnel no name is public, and only the conditions that
/// do not depend on one are checked.
#[must_use]
pub fn prove(model: &Model, proven: impl Fn(&str) -> bool) -> IngressProof {
    let files = &model.emitted.ingress;
    let mut findings = preconditions::objects(files);
    findings.extend(isolation::metadata(model));
    let Some(tunnel) = &files.tunnel else {
        return IngressProof { requests: Vec::new(), findings };
    };
    let Some(connectors) = connectors(files) else {
        let message = "no Deployment runs `cloudflared tunnel`";
        findings.push(ProofFinding::new(FindingCode::TunnelRefused, tunnel.file.whole(), message));
        return IngressProof { requests: Vec::new(), findings };
    };
    let domain = &model.cluster().0.dns_domain;
    let path = IngressPath { files, tunnel, connectors, domain };
    findings.extend(preconditions::tunnel(&path));
    // If cloudflared does not start, no request arrives.
    let refused =
        findings.iter().find(|finding| finding.code == FindingCode::TunnelRefused).cloned();
    findings.extend(isolation::policies(&path));
    findings.extend(isolation::calls_api_servers(&path, model));
    let mut connections = ConnectionProofs::new(model, &proven);
    let requests = hostnames(&path).into_iter().map(|hostname| {
        let mut request = follow::follow(&path, hostname);
        if let Some(refused) = &refused {
            request.stopped = Some(refused.clone());
        } else if request.stopped.is_none() {
            let stopped = request.connections().find_map(|connection| connections.walk(connection));
            request.stopped = stopped;
        }
        request
    });
    findings.sort();
    findings.dedup();
    IngressProof { requests: requests.collect(), findings }
}

/// Follows a request for one name, public or below a public wildcard.
///
/// # Errors
///
/// When the name is not public. The error lists the public names; it is empty without a tunnel.
pub fn ask(
    model: &Model,
    proven: &IngressProof,
    name: &str,
) -> Result<IngressRequest, Vec<String>> {
    let hostname = name.to_lowercase();
    let known = proven.requests.iter().find(|request| request.hostname == hostname);
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let files = &model.emitted.ingress;
    let public = || -> Vec<String> {
        proven.requests.iter().map(|request| request.hostname.clone()).collect()
    };
    let tunnel = files.tunnel.as_ref().ok_or_else(Vec::new)?;
    let record = names::record_for(&tunnel.records, &hostname).ok_or_else(public)?;
    let connectors = connectors(files).ok_or_else(Vec::new)?;
    let domain = &model.cluster().0.dns_domain;
    let path = IngressPath { files, tunnel, connectors, domain };
    Ok(follow::follow(&path, &FileSpanned { value: hostname, place: record.name.place }))
}

/// The workload that runs cloudflared.
fn connectors(files: &IngressFiles) -> Option<&EmittedWorkload> {
    let mut workloads = files.objects.workloads.iter();
    workloads.find(|workload| workload.args.first().is_some_and(|first| first.value == "tunnel"))
}

/// All names in the zone, in the rules and in the Ingresses.
fn hostnames<'a>(path: &IngressPath<'a>) -> Vec<&'a FileSpanned<String>> {
    let zone = path.tunnel.records.iter().map(|record| &record.name);
    let (_, rules) = path.tunnel.rules();
    let specific = rules.iter().filter(|rule| !names::matches_all(rule));
    let patterns = specific.filter_map(|rule| rule.hostname.as_ref());
    let ingresses = path.files.objects.ingresses.iter().flat_map(|ingress| &ingress.hosts);
    let mut known: Vec<&FileSpanned<String>> = Vec::new();
    for hostname in zone.chain(patterns).chain(ingresses.map(|host| &host.name)) {
        if !known.iter().any(|one| one.value.eq_ignore_ascii_case(&hostname.value)) {
            known.push(hostname);
        }
    }
    known
}
