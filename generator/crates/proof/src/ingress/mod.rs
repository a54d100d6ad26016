//! The way in: from a public name through the tunnel and the Ingress controller to an app.
//!
//! A request is followed from file to file ([`follow`], [`backends`]), each connection of it is put to the policies
//! of both ends ([`policy`]), and its packets are walked between all nodes ([`connection`]). What must hold
//! whoever asks is in [`preconditions`] and [`isolation`].

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

pub use self::connection::Leg;
use self::connection::Legs;
use self::request::Request;
use crate::finding::{Code, Finding};
use crate::judge::Count;
use crate::model::Model;
use crate::read::ingress::{Entry, Tunnel};
use crate::read::objects::Workload;
use crate::span::Fact;

/// The name of the flow.
pub const FLOW: &str = "tunnel-app";

/// What it is for.
pub const ABOUT: &str = "a public name leads through the tunnel to its app";

/// What came of it.
#[derive(Debug, Default)]
pub struct Proven {
    /// For each public name, what becomes of a request for it.
    pub requests: Vec<Request>,
    /// What is wrong whoever asks.
    pub findings: Vec<Finding>,
}

impl Proven {
    /// Everything that is wrong, each once: several names can fail for one cause.
    pub fn causes(&self) -> impl Iterator<Item = &Finding> {
        let stopped = self.requests.iter().filter_map(|request| request.stopped.as_ref());
        let mut known: Vec<&Finding> = Vec::new();
        for finding in stopped.chain(&self.findings) {
            if !known.iter().any(|one| (one.code, one.place) == (finding.code, finding.place)) {
                known.push(finding);
            }
        }
        known.into_iter()
    }

    /// How many names lead where they should, and how many do not.
    #[must_use]
    pub fn count(&self) -> Count {
        let failed = self.requests.iter().filter(|request| request.stopped.is_some()).count();
        let (all, failed) = (self.requests.len() as u64, failed as u64);
        Count { proven: all - failed, failed }
    }
}

/// What a request is followed through.
#[derive(Clone, Copy)]
struct Way<'a> {
    entry: &'a Entry,
    tunnel: &'a Tunnel,
    /// The pods of cloudflared.
    connectors: &'a Workload,
    /// What names of the cluster end in.
    domain: &'a str,
}

/// Proves the way in. Where there is no tunnel, no name is public, and only what must hold without one
/// is looked at.
#[must_use]
pub fn prove(model: &Model, proven: impl Fn(&str) -> bool) -> Proven {
    let entry = &model.emitted.entry;
    let mut findings = preconditions::objects(entry);
    findings.extend(isolation::metadata(model));
    let Some(tunnel) = &entry.tunnel else { return Proven { requests: Vec::new(), findings } };
    let Some(connectors) = connectors(entry) else {
        let message = "no Deployment runs `cloudflared tunnel`";
        findings.push(Finding::new(Code::TunnelRefused, tunnel.file.whole(), message));
        return Proven { requests: Vec::new(), findings };
    };
    let domain = &model.cluster().0.dns_domain;
    let way = Way { entry, tunnel, connectors, domain };
    findings.extend(preconditions::tunnel(&way));
    // Without cloudflared, nothing else matters.
    let refused = findings.iter().find(|finding| finding.code == Code::TunnelRefused).cloned();
    findings.extend(isolation::policies(&way));
    let mut legs = Legs::new(model, &proven);
    let requests = hostnames(&way).into_iter().map(|hostname| {
        let mut request = follow::follow(&way, hostname);
        if let Some(refused) = &refused {
            request.stopped = Some(refused.clone());
        } else if request.stopped.is_none() {
            let stopped = request.legs().find_map(|leg| legs.walk(leg));
            request.stopped = stopped;
        }
        request
    });
    let requests = requests.collect();
    findings.sort();
    findings.dedup();
    Proven { requests, findings }
}

/// Follows a request for one name, public or below a public wildcard.
///
/// # Errors
///
/// When the name is not public: with those that are, and none without a tunnel.
pub fn ask(model: &Model, proven: &Proven, name: &str) -> Result<Request, Vec<String>> {
    let name = name.to_lowercase();
    let known = proven.requests.iter().find(|request| request.hostname == name);
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let entry = &model.emitted.entry;
    let public = || -> Vec<String> {
        proven.requests.iter().map(|request| request.hostname.clone()).collect()
    };
    let tunnel = entry.tunnel.as_ref().ok_or_else(Vec::new)?;
    let record = names::record_for(&tunnel.zone.1, &name);
    let record = record.ok_or_else(public)?;
    let connectors = connectors(entry).ok_or_else(Vec::new)?;
    let domain = &model.cluster().0.dns_domain;
    let way = Way { entry, tunnel, connectors, domain };
    Ok(follow::follow(&way, &Fact { value: name, place: record.name.place }))
}

/// The pods that run cloudflared: whatever else a tree makes has another program.
fn connectors(entry: &Entry) -> Option<&Workload> {
    let mut workloads = entry.objects.workloads.iter();
    workloads.find(|workload| workload.args.first().is_some_and(|first| first.value == "tunnel"))
}

/// All names that are public or should be: those of the zone, of the rules and of the Ingresses.
fn hostnames<'a>(way: &Way<'a>) -> Vec<&'a Fact<String>> {
    let zone = way.tunnel.zone.1.iter().map(|record| &record.name);
    let rules = way.tunnel.rules().1.iter();
    let rules = rules.filter(|rule| !names::matches_all(rule));
    let rules = rules.filter_map(|rule| rule.hostname.as_ref());
    let ingresses = way.entry.objects.ingresses.iter().flat_map(|ingress| &ingress.hosts);
    let mut known: Vec<&Fact<String>> = Vec::new();
    for hostname in zone.chain(rules).chain(ingresses.map(|host| &host.name)) {
        if !known.iter().any(|one| one.value.eq_ignore_ascii_case(&hostname.value)) {
            known.push(hostname);
        }
    }
    known
}
