//! A request is followed from file to file: from the visitor's resolver to the pods that cloudflared calls.

use std::net::Ipv4Addr;

use super::connection::Leg;
use super::origin::{self, Named, Origin};
use super::policy::{self, Called, Other, Pods, Question, SYSTEM};
use super::request::{End, Event, Request, Station};
use super::{Way, names};
use crate::finding::{Code, Finding};
use crate::flows::EDGE;
use crate::model::INTERNET;
use crate::read::objects::{Direction, Labels, PortName, Service, Workload};
use crate::span::{Fact, Place};

const DNS: u16 = 53;
const UDP: u8 = 17;
const TCP: u8 = 6;

/// Follows a request for a name.
pub(super) fn follow(way: &Way<'_>, hostname: &Fact<String>) -> Request {
    let mut follower = Follower { way, events: Vec::new() };
    let (end, stopped) = match follower.follow(hostname) {
        Ok(end) => (Some(end), None),
        Err(finding) => (None, Some(finding)),
    };
    Request { hostname: hostname.value.clone(), events: follower.events, end, stopped }
}

pub(super) struct Follower<'a> {
    pub(super) way: &'a Way<'a>,
    pub(super) events: Vec<Event>,
}

/// What a rule makes of a request.
pub(super) struct Asked<'a> {
    /// The host that the origin is told.
    pub(super) host: String,
    /// Where that is another than the visitor's.
    pub(super) header: Option<&'a Fact<String>>,
    /// Where the request goes.
    pub(super) service: &'a Fact<String>,
}

/// A Service's pods, and the ports by which they are reached.
pub(super) struct Reached<'a> {
    pub(super) service: &'a Service,
    pub(super) port: u16,
    pub(super) workload: &'a Workload,
    pub(super) target: u16,
    /// Where the Service says which port of its pods it means.
    pub(super) target_place: Place,
}

impl<'a> Follower<'a> {
    fn follow(&mut self, hostname: &Fact<String>) -> Result<End, Finding> {
        let name = names::typed(&hostname.value);
        self.resolve(hostname, &name)?;
        self.tunnel()?;
        let asked = self.rule(hostname, &name)?;
        let refused = |why| Finding::new(Code::TunnelRefused, asked.service.place, why);
        match Origin::parse(&asked.service.value).map_err(refused)? {
            Origin::Status(status) => Ok(End::Status(status)),
            Origin::Host(target, port) => self.call(&asked, &target, port),
        }
    }

    /// The visitor's resolver.
    fn resolve(&mut self, hostname: &Fact<String>, name: &str) -> Result<(), Finding> {
        let (_, zone) = &self.way.tunnel.zone;
        let unserved = |place, message| Finding::new(Code::HostnameUnserved, place, message);
        let record = names::record_for(zone, name).ok_or_else(|| {
            let known: Vec<_> = zone.iter().map(|record| record.name.value.as_str()).collect();
            let message = format!("dns.zone has no record for {name}, only {}", known.join(", "));
            unserved(hostname.place, message)
        })?;
        let place = record.name.place;
        if !record.proxied {
            let message = format!(
                "the record of {} is not proxied: Cloudflare's edge does not answer for it",
                record.name.value
            );
            return Err(unserved(place, message));
        }
        let tunnel = self.way.tunnel.configuration.as_ref().map(|mounted| &mounted.said.tunnel);
        let first = zone.first().map(|record| record.target.as_str());
        let expected = tunnel.map(|id| format!("{}.{EDGE_DOMAIN}", id.value));
        let expected = expected.as_deref().or(first).unwrap_or_default();
        if record.target != expected || !record.target.ends_with(EDGE_DOMAIN) {
            let message = format!(
                "{} is an alias of {}, and cloudflared serves {expected}",
                record.name.value, record.target
            );
            return Err(Finding::new(Code::TunnelsDiffer, place, message));
        }
        let what = format!("{name} is a proxied alias of {}: Cloudflare answers", record.target);
        self.tell(Station::Visitor, what, Some(place));
        Ok(())
    }

    /// cloudflared has called the edge: nothing calls it.
    fn tunnel(&mut self) -> Result<(), Finding> {
        let own = Pods::of(self.way.connectors);
        self.ask_for_name(own)?;
        for protocol in [UDP, TCP] {
            let other = Other::Address("Cloudflare's edge", INTERNET);
            let called = Called { protocol, port: EDGE };
            self.ask(own, Direction::Egress, other, called)?;
            let by = station(self.way.connectors);
            self.events.push(Event::Made { by, called: Station::Edge, leg: Leg::edge(called) });
        }
        let what =
            "takes the request, and sends it down the connection that cloudflared has opened";
        self.tell(Station::Edge, what.to_owned(), None);
        Ok(())
    }

    /// Cluster DNS (kubeadm's manifest of CoreDNS): no policy of the tree is for its pods.
    fn ask_for_name(&mut self, pods: Pods<'_>) -> Result<(), Finding> {
        let place = pods.labels.values().next().map(|label| label.place);
        let Some(place) = place else { return Ok(()) };
        let labels = [("k8s-app", "kube-dns")]
            .map(|(key, value)| (key.to_owned(), Fact { value: value.to_owned(), place }));
        let labels: Labels = labels.into_iter().collect();
        let dns = Pods { name: "cluster DNS", namespace: SYSTEM[0], labels: &labels };
        let called = Called { protocol: UDP, port: DNS };
        self.ask(pods, Direction::Egress, Other::Pods(dns), called)
    }

    /// The first rule that matches, and what it makes of the request.
    fn rule(&mut self, hostname: &Fact<String>, name: &str) -> Result<Asked<'a>, Finding> {
        let (file, rules) = self.way.tunnel.rules();
        let Some((at, rule)) = names::rule_for(rules, name) else {
            let message = format!("no rule of cloudflared's matches {name}");
            return Err(Finding::new(Code::TunnelRefused, file.whole(), message));
        };
        if names::matches_all(rule) {
            let message = format!(
                "no rule of cloudflared's is for {name}: it answers with {}",
                rule.service.value
            );
            return Err(Finding::new(Code::HostnameUnserved, hostname.place, message));
        }
        let pattern = rule.hostname.as_ref().map_or("*", |pattern| pattern.value.as_str());
        let what = format!("rule {}, `{pattern}`, is the first that matches", at + 1);
        let by = station(self.way.connectors);
        self.tell(by.clone(), what, rule.hostname.as_ref().map(|pattern| pattern.place));
        let header = rule.host_header.as_ref();
        if let Some(host) = header {
            let what = format!("the origin is told the host {}", host.value);
            self.tell(by.clone(), what, Some(host.place));
        }
        let what = format!("the rule sends it to {}", rule.service.value);
        self.tell(by, what, Some(rule.service.place));
        let host = header.map_or_else(|| name.to_owned(), |host| host.value.clone());
        let header = header.filter(|host| host.value != name);
        Ok(Asked { host, header, service: &rule.service })
    }

    fn call(&mut self, asked: &Asked<'_>, target: &str, port: u16) -> Result<End, Finding> {
        let own = self.way.connectors;
        let known = |namespace: &str| self.knows(namespace);
        match origin::named(target, &own.namespace, self.way.domain, known) {
            Named::Service { namespace, name } => {
                let url = Fact { value: PortName::Number(port), place: asked.service.place };
                let reached = self.service(&namespace, &name, &url)?;
                self.through_service(own, &reached)?;
                self.behind(asked, &reached)
            }
            Named::Address(address) => self.leave(asked, (target, address), port),
            Named::Outside => self.leave(asked, (target, INTERNET), port),
        }
    }

    fn knows(&self, namespace: &str) -> bool {
        let known = self.way.entry.objects.namespaces.iter();
        let mut known = known.map(|known| known.name.as_str()).chain(SYSTEM);
        known.any(|known| known == namespace)
    }

    /// To a host outside, as policies let cloudflared. It is the rule that leads there.
    fn leave(
        &mut self,
        asked: &Asked<'_>,
        (name, address): (&str, Ipv4Addr),
        port: u16,
    ) -> Result<End, Finding> {
        let own = Pods::of(self.way.connectors);
        let called = Called { protocol: TCP, port };
        let blamed = |finding| Finding { place: asked.service.place, ..finding };
        let other = Other::Address(name, address);
        self.ask(own, Direction::Egress, other, called).map_err(blamed)?;
        let by = station(self.way.connectors);
        self.events.push(Event::Made { by, called: Station::Outside, leg: Leg::edge(called) });
        Ok(End::Outside(name.to_owned()))
    }

    /// A Service by its name, its port as it is asked for, and the pods behind it.
    pub(super) fn service(
        &self,
        namespace: &str,
        name: &str,
        port: &Fact<PortName>,
    ) -> Result<Reached<'a>, Finding> {
        let entry = self.way.entry;
        let controller = entry.controller.iter().map(|controller| &controller.service);
        let services: Vec<_> = entry.objects.services.iter().chain(controller).collect();
        let mut found = services.iter();
        let found = found.find(|known| known.namespace == namespace && known.name.value == name);
        let service = *found.ok_or_else(|| {
            let known: Vec<_> = services
                .iter()
                .map(|known| format!("{}.{}", known.name.value, known.namespace))
                .collect();
            let message = format!(
                "there is no Service {name}.{namespace} in the tree, only {}",
                known.join(", ")
            );
            Finding::new(Code::ServiceUnknown, port.place, message)
        })?;
        let found = service.port(&port.value).ok_or_else(|| {
            let known = service.ports.iter().map(|port| port.number.value.to_string());
            let known: Vec<_> = known.collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!(
                "the Service {name}.{namespace} has no port {}: it has {known}",
                port.value
            );
            Finding::new(Code::ServiceUnknown, port.place, message)
        })?;
        let workload = pods_of(self.way, service)?;
        let target = workload.port(&found.target.value).ok_or_else(|| {
            let message = format!(
                "no container of {} listens on the port {} that the Service {name} means",
                workload.name.value, found.target.value
            );
            Finding::new(Code::ServiceWithoutPods, found.target.place, message)
        })?;
        Ok(Reached {
            service,
            port: found.number.value,
            workload,
            target: target.value,
            target_place: found.target.place,
        })
    }

    fn through_service(&mut self, from: &Workload, to: &Reached<'_>) -> Result<(), Finding> {
        let Reached { service, port, workload, target, target_place } = *to;
        let what = format!(
            "cluster DNS: that is the ClusterIP of the Service {} in {}",
            service.name.value, service.namespace
        );
        self.tell(station(from), what, Some(service.name.place));
        let what = format!("port {port} of the Service is port {target} of its pods");
        self.tell(station(from), what, Some(target_place));
        self.connect(from, workload, target)?;
        let (by, called) = (station(from), station(workload));
        self.events.push(Event::Made { by, called, leg: Leg::Service { port, target } });
        Ok(())
    }

    /// Both ends' policies: they see a packet after its Service became a pod.
    pub(super) fn connect(
        &mut self,
        from: &Workload,
        to: &Workload,
        port: u16,
    ) -> Result<(), Finding> {
        let called = Called { protocol: TCP, port };
        let (from, to) = (Pods::of(from), Pods::of(to));
        self.ask(from, Direction::Egress, Other::Pods(to), called)?;
        self.ask(to, Direction::Ingress, Other::Pods(from), called)
    }

    fn ask(
        &mut self,
        pods: Pods<'_>,
        direction: Direction,
        other: Other<'_>,
        called: Called,
    ) -> Result<(), Finding> {
        let question = Question { pods, direction, other, called };
        let place = policy::ask(self.way.entry, &question)?;
        if let Other::Address(name, address) = other {
            denied(self.way, name, address, called)?;
        }
        if let Some(place) = place {
            self.tell(Station::Pod(pods.name.to_owned()), question.admitted(), Some(place));
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, by: Station, what: String, place: Option<Place>) {
        self.events.push(Event::Told { by, what, place });
    }
}

pub(super) fn station(workload: &Workload) -> Station {
    Station::Pod(workload.name.value.clone())
}

/// What a tunnel's public name is an alias below.
const EDGE_DOMAIN: &str = "cfargotunnel.com";

/// The pods that a Service selects.
fn pods_of<'a>(way: &Way<'a>, service: &'a Service) -> Result<&'a Workload, Finding> {
    let workloads =
        || way.entry.workloads().filter(|workload| workload.namespace == service.namespace);
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
        Finding::new(Code::ServiceWithoutPods, place, message)
    })
}

/// Calico's policies for all pods come before Kubernetes' own: what they deny no other admits.
fn denied(way: &Way<'_>, name: &str, address: Ipv4Addr, called: Called) -> Result<(), Finding> {
    for policy in &way.entry.global_policies {
        let Some(rule) = policy.rule_for(address, called.protocol, called.port) else { continue };
        if rule.denies {
            let message =
                format!("the GlobalNetworkPolicy {} denies {name}, {called}", policy.name);
            return Err(Finding::new(Code::PolicyDrops, rule.place, message));
        }
    }
    Ok(())
}
