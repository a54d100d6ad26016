//! Follows a request from file to file: from the visitor's resolver to the pods that cloudflared calls.

use std::net::Ipv4Addr;

use super::connection::IngressConnection;
use super::origin::{self, ResolvedHost, TunnelOrigin};
use super::policy::{self, CalledPort, OtherEnd, PodGroup, PolicyQuestion, SYSTEM};
use super::request::{IngressRequest, RequestEnd, RequestEvent, RequestStation};
use super::{IngressPath, names};
use crate::finding::{FindingCode, ProofFinding};
use crate::flows::EDGE;
use crate::model::INTERNET;
use crate::read::objects::{
    EmittedService, EmittedWorkload, ObjectLabels, PolicyDirection, PolicyPeer, PortReference,
};
use crate::span::{FileLine, FileSpanned};
use meshwright_value::TunnelProtocol;

const DNS: u16 = 53;
const UDP: u8 = 17;
const TCP: u8 = 6;

/// Follows a request for a name.
pub(super) fn follow(path: &IngressPath<'_>, hostname: &FileSpanned<String>) -> IngressRequest {
    let mut follower = RequestFollower { path, events: Vec::new() };
    let (end, stopped) = match follower.follow(hostname) {
        Ok(end) => (Some(end), None),
        Err(finding) => (None, Some(finding)),
    };
    IngressRequest { hostname: hostname.value.clone(), events: follower.events, end, stopped }
}

pub(super) struct RequestFollower<'a> {
    pub(super) path: &'a IngressPath<'a>,
    pub(super) events: Vec<RequestEvent>,
}

/// A request after a rule of cloudflared.
pub(super) struct RoutedRequest<'a> {
    /// The Host header that the origin receives.
    pub(super) host: String,
    /// The rule's own Host header, if it differs from the visitor's.
    pub(super) header: Option<&'a FileSpanned<String>>,
    /// The destination of the request.
    pub(super) service: &'a FileSpanned<String>,
}

/// A Service's pods, and the ports by which they are reached.
pub(super) struct ReachedPods<'a> {
    pub(super) service: &'a EmittedService,
    pub(super) port: u16,
    pub(super) workload: &'a EmittedWorkload,
    pub(super) target: u16,
    /// The line of the Service's target port.
    pub(super) target_place: FileLine,
}

impl<'a> RequestFollower<'a> {
    fn follow(&mut self, hostname: &FileSpanned<String>) -> Result<RequestEnd, ProofFinding> {
        let name = names::typed(&hostname.value);
        self.resolve(hostname, &name)?;
        self.tunnel()?;
        let asked = self.rule(hostname, &name)?;
        let refused = |why| ProofFinding::new(FindingCode::TunnelRefused, asked.service.place, why);
        match TunnelOrigin::parse(&asked.service.value).map_err(refused)? {
            TunnelOrigin::Status(status) => Ok(RequestEnd::Status(status)),
            TunnelOrigin::Host(target, port) => self.call(&asked, &target, port),
        }
    }

    /// Resolves the name as the visitor's resolver does.
    fn resolve(&mut self, hostname: &FileSpanned<String>, name: &str) -> Result<(), ProofFinding> {
        let zone = &self.path.tunnel.records;
        let unserved =
            |place, message| ProofFinding::new(FindingCode::HostnameUnserved, place, message);
        let record = names::record_for(zone, name).ok_or_else(|| {
            let known: Vec<_> = zone.iter().map(|record| record.name.value.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("no DNS record is for {name}: there are {known}");
            unserved(hostname.place, message)
        })?;
        let place = record.name.place;
        if !record.proxied {
            let message = format!(
                "the record of {} is not proxied: Cloudflare's edge does not serve it",
                record.name.value
            );
            return Err(unserved(place, message));
        }
        let tunnel = self.path.tunnel.configuration.as_ref().map(|mounted| &mounted.content.tunnel);
        let first = zone.first().map(|record| record.target.as_str());
        let own_name = tunnel.map(|id| format!("{}.{EDGE_DOMAIN}", id.value));
        let expected = own_name.as_deref().or(first).unwrap_or_default();
        if record.target != expected || !record.target.ends_with(EDGE_DOMAIN) {
            let message = format!(
                "{} is an alias of {}, and cloudflared serves {expected}",
                record.name.value, record.target
            );
            return Err(ProofFinding::new(FindingCode::TunnelsDiffer, place, message));
        }
        let what = format!("{name} is a proxied alias of {}: Cloudflare answers", record.target);
        self.record(RequestStation::Visitor, what, Some(place));
        Ok(())
    }

    /// cloudflared opens the connection to the edge.
    fn tunnel(&mut self) -> Result<(), ProofFinding> {
        let own = PodGroup::new(self.path.connectors);
        self.ask_for_name(own)?;
        let protocols: &[u8] = match self.path.tunnel.protocol(Some(self.path.connectors)) {
            TunnelProtocol::Auto => &[UDP, TCP],
            TunnelProtocol::Quic => &[UDP],
            TunnelProtocol::Http2 => &[TCP],
        };
        for &protocol in protocols {
            let other = OtherEnd::Address("Cloudflare's edge", INTERNET);
            let called = CalledPort { protocol, port: EDGE };
            self.ask(own, PolicyDirection::Egress, other, called)?;
            let by = station(self.path.connectors);
            self.events.push(RequestEvent::Connected {
                by,
                called: RequestStation::Edge,
                connection: IngressConnection::edge(called),
            });
        }
        let what =
            "receives the request, and sends it through the connection that cloudflared opened";
        self.record(RequestStation::Edge, what.to_owned(), None);
        Ok(())
    }

    /// Cluster DNS (kubeadm's manifest of CoreDNS): no policy of the tree selects its pods.
    fn ask_for_name(&mut self, pods: PodGroup<'_>) -> Result<(), ProofFinding> {
        let place = pods.labels.values().next().map(|label| label.place);
        let Some(place) = place else { return Ok(()) };
        let label = FileSpanned { value: "kube-dns".to_owned(), place };
        let labels = ObjectLabels::from([("k8s-app".to_owned(), label)]);
        let dns = PodGroup { name: "cluster DNS", namespace: SYSTEM[0], labels: &labels };
        let called = CalledPort { protocol: UDP, port: DNS };
        self.ask(pods, PolicyDirection::Egress, OtherEnd::Pods(dns), called)
    }

    /// The first rule that matches, and the request after it.
    fn rule(
        &mut self,
        hostname: &FileSpanned<String>,
        name: &str,
    ) -> Result<RoutedRequest<'a>, ProofFinding> {
        let (file, rules) = self.path.tunnel.rules();
        let Some((at, rule)) = names::rule_for(rules, name) else {
            let message = format!("no rule of cloudflared matches {name}");
            return Err(ProofFinding::new(FindingCode::TunnelRefused, file.whole(), message));
        };
        if names::matches_all(rule) {
            let message = format!(
                "only the last rule of cloudflared matches {name}: it answers with {}",
                rule.service.value
            );
            return Err(ProofFinding::new(FindingCode::HostnameUnserved, hostname.place, message));
        }
        let pattern = rule.hostname.as_ref().map_or("*", |pattern| pattern.value.as_str());
        let what = format!("rule {}, `{pattern}`, is the first that matches", at + 1);
        let by = station(self.path.connectors);
        self.record(by.clone(), what, rule.hostname.as_ref().map(|pattern| pattern.place));
        let header = rule.host_header.as_ref();
        if let Some(host) = header {
            let what = format!("the origin receives the host {}", host.value);
            self.record(by.clone(), what, Some(host.place));
        }
        let what = format!("the rule sends it to {}", rule.service.value);
        self.record(by, what, Some(rule.service.place));
        let host = header.map_or_else(|| name.to_owned(), |host| host.value.clone());
        let header = header.filter(|host| host.value != name);
        Ok(RoutedRequest { host, header, service: &rule.service })
    }

    fn call(
        &mut self,
        asked: &RoutedRequest<'_>,
        target: &str,
        port: u16,
    ) -> Result<RequestEnd, ProofFinding> {
        let own = self.path.connectors;
        let known = |namespace: &str| policy::is_namespace(self.path.files, namespace);
        match origin::named(target, &own.namespace, self.path.domain, known) {
            ResolvedHost::Service { namespace, name } => {
                let url =
                    FileSpanned { value: PortReference::Number(port), place: asked.service.place };
                if let Some(end) = self.call_own_service(&namespace, &name, port) {
                    return Ok(end);
                }
                let reached = self.service(&namespace, &name, &url)?;
                self.through_service(own, &reached)?;
                self.follow_from_pods(asked, &reached)
            }
            ResolvedHost::Address(address) => self.leave(asked, (target, address), port),
            ResolvedHost::Outside => self.leave(asked, (target, INTERNET), port),
        }
    }

    /// To a Service of the user's own, which is not in the tree. Its pods are those that cloudflared's policies admit it
    /// to in that namespace: nothing else is known of them. None if it is not such a Service, or if they admit none.
    fn call_own_service(&mut self, namespace: &str, name: &str, port: u16) -> Option<RequestEnd> {
        if self.path.files.has_namespace(namespace) {
            return None;
        }
        let own = self.path.connectors;
        let policies =
            policy::selecting(self.path.files, PodGroup::new(own), PolicyDirection::Egress);
        let admissions = policies.flat_map(|policy| &policy.egress);
        let admitted: Vec<_> = admissions
            .filter(|admission| {
                let mut peers = admission.peers.iter().filter_map(PolicyPeer::pods_of_namespace);
                peers.any(|(known, _)| known == namespace)
            })
            .flat_map(|admission| &admission.ports)
            .collect();
        if admitted.is_empty() {
            return None;
        }
        let service = format!("{name}.{namespace}");
        for target in admitted {
            let number = target.number.value;
            let what = format!(
                "its NetworkPolicy accepts connections to pods of {namespace}, TCP port {number}"
            );
            self.record(station(own), what, Some(target.number.place));
            self.events.push(RequestEvent::Connected {
                by: station(own),
                called: RequestStation::Pod(service.clone()),
                connection: IngressConnection::Service { port, target: number },
            });
        }
        Some(RequestEnd::OwnService(service))
    }

    /// To a host outside of the cluster, if policies accept it. The cause is the line of the rule.
    fn leave(
        &mut self,
        asked: &RoutedRequest<'_>,
        (name, address): (&str, Ipv4Addr),
        port: u16,
    ) -> Result<RequestEnd, ProofFinding> {
        let own = PodGroup::new(self.path.connectors);
        let called = CalledPort { protocol: TCP, port };
        let blamed = |finding| ProofFinding { place: asked.service.place, ..finding };
        let other = OtherEnd::Address(name, address);
        self.ask(own, PolicyDirection::Egress, other, called).map_err(blamed)?;
        let by = station(self.path.connectors);
        self.events.push(RequestEvent::Connected {
            by,
            called: RequestStation::Outside,
            connection: IngressConnection::edge(called),
        });
        Ok(RequestEnd::Outside(name.to_owned()))
    }

    /// A Service by its name, the requested port, and its pods.
    pub(super) fn service(
        &self,
        namespace: &str,
        name: &str,
        port: &FileSpanned<PortReference>,
    ) -> Result<ReachedPods<'a>, ProofFinding> {
        let files = self.path.files;
        let controller = files.controller.iter().map(|controller| &controller.service);
        let services: Vec<_> = files.objects.services.iter().chain(controller).collect();
        let named =
            services.iter().find(|known| known.namespace == namespace && known.name.value == name);
        let service = *named.ok_or_else(|| {
            let known: Vec<_> = services
                .iter()
                .map(|known| format!("{}.{}", known.name.value, known.namespace))
                .collect();
            let message = format!(
                "there is no Service {name}.{namespace} in the tree, only {}",
                known.join(", ")
            );
            ProofFinding::new(FindingCode::ServiceUnknown, port.place, message)
        })?;
        let found = service.port(&port.value).ok_or_else(|| {
            let numbers: Vec<_> =
                service.ports.iter().map(|port| port.number.value.to_string()).collect();
            let known = if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") };
            let message = format!(
                "the Service {name}.{namespace} has no port {}: it has {known}",
                port.value
            );
            ProofFinding::new(FindingCode::ServiceUnknown, port.place, message)
        })?;
        let workload = pods_of(self.path, service)?;
        let target = workload.port(&found.target.value).ok_or_else(|| {
            let message = format!(
                "no container of {} listens on the target port {} of the Service {name}",
                workload.name.value, found.target.value
            );
            ProofFinding::new(FindingCode::ServiceWithoutPods, found.target.place, message)
        })?;
        Ok(ReachedPods {
            service,
            port: found.number.value,
            workload,
            target: target.value,
            target_place: found.target.place,
        })
    }

    fn through_service(
        &mut self,
        from: &EmittedWorkload,
        to: &ReachedPods<'_>,
    ) -> Result<(), ProofFinding> {
        let ReachedPods { service, port, workload, target, target_place } = *to;
        let what = format!(
            "cluster DNS: that is the ClusterIP of the Service {} in {}",
            service.name.value, service.namespace
        );
        self.record(station(from), what, Some(service.name.place));
        let what = format!("port {port} of the Service is port {target} of its pods");
        self.record(station(from), what, Some(target_place));
        self.connect(from, workload, target)?;
        let (by, called) = (station(from), station(workload));
        self.events.push(RequestEvent::Connected {
            by,
            called,
            connection: IngressConnection::Service { port, target },
        });
        Ok(())
    }

    /// Compares with the policies of both ends. They apply after a Service is translated to a pod.
    pub(super) fn connect(
        &mut self,
        from: &EmittedWorkload,
        to: &EmittedWorkload,
        port: u16,
    ) -> Result<(), ProofFinding> {
        let called = CalledPort { protocol: TCP, port };
        let (from, to) = (PodGroup::new(from), PodGroup::new(to));
        self.ask(from, PolicyDirection::Egress, OtherEnd::Pods(to), called)?;
        self.ask(to, PolicyDirection::Ingress, OtherEnd::Pods(from), called)
    }

    fn ask(
        &mut self,
        pods: PodGroup<'_>,
        direction: PolicyDirection,
        other: OtherEnd<'_>,
        called: CalledPort,
    ) -> Result<(), ProofFinding> {
        let question = PolicyQuestion { pods, direction, other, called };
        let place = policy::ask(self.path.files, &question)?;
        if let OtherEnd::Address(name, address) = other {
            denied(self.path, name, address, called)?;
        }
        if let Some(place) = place {
            self.record(
                RequestStation::Pod(pods.name.to_owned()),
                question.admitted(),
                Some(place),
            );
        }
        Ok(())
    }

    pub(super) fn record(&mut self, by: RequestStation, what: String, place: Option<FileLine>) {
        self.events.push(RequestEvent::Lookup { by, what, place });
    }
}

pub(super) fn station(workload: &EmittedWorkload) -> RequestStation {
    RequestStation::Pod(workload.name.value.clone())
}

/// The domain of tunnels: public names are aliases of names below it.
const EDGE_DOMAIN: &str = "cfargotunnel.com";

/// The pods that a Service selects.
fn pods_of<'a>(
    path: &IngressPath<'a>,
    service: &'a EmittedService,
) -> Result<&'a EmittedWorkload, ProofFinding> {
    let workloads =
        || path.files.workloads().filter(|workload| workload.namespace == service.namespace);
    let selected = workloads()
        .find(|workload| policy::differing(&service.selector, &workload.labels).is_none());
    selected.ok_or_else(|| {
        let missed =
            workloads().find_map(|workload| policy::differing(&service.selector, &workload.labels));
        let (place, label) = missed.unwrap_or((service.name.place, "its selector".to_owned()));
        let message = format!(
            "the Service {} selects no pod: none of {} has {label}",
            service.name.value, service.namespace
        );
        ProofFinding::new(FindingCode::ServiceWithoutPods, place, message)
    })
}

/// Calico's policies for all pods are evaluated before NetworkPolicies, which cannot accept what they
/// deny.
fn denied(
    path: &IngressPath<'_>,
    name: &str,
    address: Ipv4Addr,
    called: CalledPort,
) -> Result<(), ProofFinding> {
    for policy in &path.files.global_policies {
        let Some(rule) = policy.rule_for(address, called.protocol, called.port) else { continue };
        if rule.denies {
            let message =
                format!("the GlobalNetworkPolicy {} denies {name}, {called}", policy.name);
            return Err(ProofFinding::new(FindingCode::PolicyDrops, rule.place, message));
        }
    }
    Ok(())
}
