//! Conditions for all requests: Kubernetes starts the pods, cloudflared accepts its configuration, and
//! the tunnel is the only path from the Internet.

use super::origin::TunnelOrigin;
use super::policy::differing;
use super::{IngressPath, names};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::ingress::{IngressFiles, MountedConfiguration};
use crate::read::objects::{EmittedWorkload, PortReference};
use crate::span::FileSpanned;

/// Checks each object alone.
pub(super) fn objects(files: &IngressFiles) -> Vec<ProofFinding> {
    let mut findings: Vec<_> = files.workloads().flat_map(workload).collect();
    let controller = files.controller.iter();
    let services = files.objects.services.iter();
    let services = services.chain(controller.clone().map(|controller| &controller.service));
    let kinds = services.filter_map(|service| service.kind.as_ref());
    let kinds = kinds.chain(controller.flat_map(|controller| &controller.further_services));
    findings.extend(kinds.filter(|kind| kind.value != "ClusterIP").map(exposed));
    findings
}

fn exposed(kind: &FileSpanned<String>) -> ProofFinding {
    let message = format!(
        "a Service of the type {} has a port on every node: requests can bypass the tunnel",
        kind.value
    );
    ProofFinding::new(FindingCode::ServiceExposed, kind.place, message)
}

fn workload(workload: &EmittedWorkload) -> Vec<ProofFinding> {
    let name = &workload.name.value;
    let mut findings = Vec::new();
    let mut finds = |code, place, message| findings.push(ProofFinding::new(code, place, message));
    if let Some(on) = workload.host_network.as_ref().filter(|on| on.value) {
        let message = format!(
            "the pods of {name} use their node's addresses: no NetworkPolicy selects them, and their ports are ports of the node"
        );
        finds(FindingCode::ServiceExposed, on.place, message);
    }
    if let Some((place, label)) = differing(&workload.selector, &workload.labels) {
        let message = format!(
            "the selector of the Deployment {name} does not match its pods: they do not have {label}"
        );
        finds(FindingCode::PodsNotReady, place, message);
    }
    if workload.replicas.value == 0 {
        finds(FindingCode::PodsNotReady, workload.replicas.place, format!("{name} has no pods"));
    }
    for probe in &workload.probes {
        if workload.port(&probe.value).is_none() {
            let message =
                format!("{name} never becomes ready: none of its containers has {}", probe.value);
            finds(FindingCode::PodsNotReady, probe.place, message);
        }
    }
    // The port of the echo app (traefik/whoami, `--port`).
    for argument in &workload.args {
        let Some(port) = argument.value.strip_prefix("--port=") else { continue };
        let listens = port.parse().ok().map(PortReference::Number);
        if listens.is_none_or(|port| workload.port(&port).is_none()) {
            let message = format!("{name} listens on {port}, which is not one of its ports");
            finds(FindingCode::PodsNotReady, argument.place, message);
        }
    }
    findings
}

/// Checks cloudflared's configuration.
pub(super) fn tunnel(path: &IngressPath<'_>) -> Vec<ProofFinding> {
    let mut findings = rules(path);
    findings.extend(match &path.tunnel.configuration {
        Some(mounted) => local(path, mounted),
        None => remote(path),
    });
    findings.extend(published(path));
    findings
}

/// The address of Ingresses: the address of another tunnel would lead visitors to that tunnel.
fn published(path: &IngressPath<'_>) -> Option<ProofFinding> {
    let published = path.files.controller.as_ref()?.published.as_ref()?;
    let known = path.tunnel.records.iter().any(|record| record.target == published.value);
    let message = format!(
        "Ingresses get the address {}, which is not the target of a record",
        published.value
    );
    (!known).then(|| ProofFinding::new(FindingCode::TunnelsDiffer, published.place, message))
}

fn rules(path: &IngressPath<'_>) -> Vec<ProofFinding> {
    let (file, rules) = path.tunnel.rules();
    let mut findings = Vec::new();
    let mut refused = |place, message: String| {
        findings.push(ProofFinding::new(FindingCode::TunnelRefused, place, message));
    };
    let Some((last, others)) = rules.split_last() else {
        refused(file.whole(), "cloudflared has no rules".to_owned());
        return findings;
    };
    let place = |rule: &crate::read::cloudflared::TunnelRule| {
        rule.hostname.as_ref().map_or(rule.service.place, |pattern| pattern.place)
    };
    if !names::matches_all(last) {
        let message = "the last rule must match every hostname: cloudflared does not start";
        refused(place(last), message.to_owned());
    }
    for rule in others.iter().filter(|rule| names::matches_all(rule)) {
        let message =
            "only the last rule may match every hostname: cloudflared does not start".to_owned();
        refused(place(rule), message);
    }
    for rule in rules {
        if let Err(why) = TunnelOrigin::parse(&rule.service.value) {
            refused(rule.service.place, format!("cloudflared does not start: {why}"));
        }
    }
    let patterns = others.iter().filter_map(|rule| rule.hostname.as_ref());
    for pattern in patterns.clone().filter(|pattern| is_malformed(&pattern.value)) {
        let message = format!(
            "`{}` is not a valid hostname or wildcard: cloudflared does not start",
            pattern.value
        );
        refused(pattern.place, message);
    }
    for (at, pattern) in patterns.enumerate() {
        match names::rule_for(rules, &names::typed(&pattern.value)) {
            Some((first, rule)) if first < at => {
                let message = format!(
                    "rule {} matches every request of rule {}: no request reaches `{}`",
                    first + 1,
                    at + 1,
                    pattern.value
                );
                findings.push(ProofFinding::new(FindingCode::RuleShadowed, place(rule), message));
            }
            // cloudflared compares wildcards in lower case only (observed with cloudflared 2026.8.2, 2026-11).
            Some((first, _)) if first > at => {
                let message =
                    format!("`{}` matches nothing: it is not in lower case", pattern.value);
                findings.push(ProofFinding::new(FindingCode::RuleShadowed, pattern.place, message));
            }
            _ => {}
        }
    }
    findings
}

/// Whether cloudflared refuses a pattern (`validateHostname`).
fn is_malformed(pattern: &str) -> bool {
    pattern.strip_prefix("*.").unwrap_or(pattern).contains(['*', ':', '/'])
}

/// Whether cloudflared finds its configuration file and its credential.
fn local(path: &IngressPath<'_>, mounted: &MountedConfiguration) -> Vec<ProofFinding> {
    let connectors = path.connectors;
    let mut findings = Vec::new();
    let mut refused = |place, message: String| {
        findings.push(ProofFinding::new(FindingCode::TunnelRefused, place, message));
    };
    let volumes = connectors.volumes.iter();
    let mut holding = volumes.filter(|volume| {
        let settings = volume.settings.as_ref();
        settings.is_some_and(|settings| settings.value == mounted.settings.value)
    });
    let folder = holding.next().filter(|_| mounted.namespace == connectors.namespace);
    let folder = folder
        .and_then(|volume| connectors.mounts.iter().find(|mount| mount.volume == volume.name));
    let file = folder.map(|folder| format!("{}/{}", folder.path.value, mounted.key));
    match (connectors.argument_of("--config"), file) {
        (Some(config), Some(file)) if config.value == file => {}
        (Some(config), _) => {
            let message = format!(
                "{} is not a file of a mounted ConfigMap: cloudflared does not start",
                config.value
            );
            refused(config.place, message);
        }
        (None, _) => {
            refused(connectors.place, "cloudflared is given no --config".to_owned());
        }
    }
    let credentials = &mounted.content.credentials;
    let secrets = connectors.volumes.iter().filter(|volume| volume.settings.is_none());
    let secrets: Vec<_> = secrets.map(|volume| &volume.name).collect();
    let mut folders = connectors.mounts.iter().filter(|mount| secrets.contains(&&mount.volume));
    let is_in = |folder: &str| {
        let file = credentials.value.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        file.is_some_and(|file| !file.is_empty() && !file.contains('/'))
    };
    if !folders.any(|mount| is_in(&mount.path.value)) {
        let message = format!("{} is not a file of a mounted Secret", credentials.value);
        refused(credentials.place, message);
    }
    findings.extend(metrics(connectors, &mounted.content.metrics));
    findings
}

/// If Cloudflare stores the rules, cloudflared gets its settings from its arguments.
fn remote(path: &IngressPath<'_>) -> Vec<ProofFinding> {
    let address = path.connectors.argument_of("--metrics");
    address.and_then(|address| metrics(path.connectors, address)).into_iter().collect()
}

/// kubelet's probes must use the address at which cloudflared answers them.
fn metrics(connectors: &EmittedWorkload, address: &FileSpanned<String>) -> Option<ProofFinding> {
    let port = address.value.rsplit(':').next().and_then(|port| port.parse().ok());
    let listens = |probe: &FileSpanned<PortReference>| {
        let asked = connectors.port(&probe.value).map(|number| number.value);
        asked.is_some() && asked == port
    };
    let message =
        format!("cloudflared answers probes at {}, but kubelet uses another port", address.value);
    let answers = connectors.probes.iter().all(listens);
    (!answers).then(|| ProofFinding::new(FindingCode::PodsNotReady, address.place, message))
}
