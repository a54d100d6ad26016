//! The Ingress controller: it selects the Ingress of a request, its class, and the pods of the app.

use super::connection::IngressConnection;
use super::follow::{ReachedPods, RequestFollower, RoutedRequest, station};
use super::names;
use super::request::{RequestEnd, RequestEvent};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::objects::{
    EmittedIngress, EmittedIngressBackend, EmittedIngressClass, EmittedIngressHost, EmittedWorkload,
};
use crate::span::FileSpanned;
use meshwright_value::closest;

impl<'a> RequestFollower<'a> {
    /// Follows the request from the pods that cloudflared called.
    pub(super) fn follow_from_pods(
        &mut self,
        asked: &RoutedRequest<'_>,
        reached: &ReachedPods<'_>,
    ) -> Result<RequestEnd, ProofFinding> {
        let known = self.path.files.controller.as_ref();
        let Some(controller) = known.filter(|known| known.workload.place == reached.workload.place)
        else {
            return Ok(RequestEnd::App(reached.workload.name.value.clone()));
        };
        let Some((ingress, known)) = self.ingress(&asked.host)? else {
            return self.without_ingress(asked);
        };
        let by = station(&controller.workload);
        let what =
            format!("the Ingress {} in {} has this host", ingress.name.value, ingress.namespace);
        self.record(by.clone(), what, Some(known.name.place));
        let class = ingress.class.as_ref();
        let what = match class {
            Some(class) => format!("its class is {}, which this controller serves", class.value),
            None => "it has no class, and this controller serves the default class".to_owned(),
        };
        self.record(by, what, Some(class.map_or(ingress.place, |class| class.place)));
        let mut end = None;
        for backend in &known.backends {
            end = Some(self.backend(&controller.workload, ingress, backend)?);
        }
        end.ok_or_else(|| {
            let message = format!("the Ingress {} has no path", ingress.name.value);
            ProofFinding::new(FindingCode::ServiceUnknown, known.name.place, message)
        })
    }

    /// Apps can be outside of the tree. But a host that the rule itself sets must have an Ingress.
    fn without_ingress(&self, asked: &RoutedRequest<'_>) -> Result<RequestEnd, ProofFinding> {
        let ingresses = self.path.files.objects.ingresses.iter();
        let hosts = ingresses.flat_map(|ingress| &ingress.hosts);
        let names = hosts.map(|host| host.name.value.as_str());
        if let Some(header) = asked.header {
            let message = format!("no Ingress has the host {}, which the rule sets", header.value);
            return Err(ProofFinding::new(FindingCode::HostnameUnserved, header.place, message));
        }
        Ok(RequestEnd::Controller { near: closest(&asked.host, names).map(str::to_owned) })
    }

    /// The controller connects to pods' addresses directly: it watches the EndpointSlices of a Service.
    fn backend(
        &mut self,
        controller: &EmittedWorkload,
        ingress: &EmittedIngress,
        backend: &EmittedIngressBackend,
    ) -> Result<RequestEnd, ProofFinding> {
        let by = station(controller);
        let EmittedIngressBackend { path, service, port } = backend;
        let asked = FileSpanned { value: port.value.clone(), place: port.place };
        let reached =
            self.service(&ingress.namespace, &service.value, &asked).map_err(|finding| {
                // The cause is the line of the Service's name, or that of the port.
                let exists = self.path.files.objects.services.iter().any(|known| {
                    known.namespace == ingress.namespace && known.name.value == service.value
                });
                let place = if exists { finding.place } else { service.place };
                ProofFinding { place, ..finding }
            })?;
        let what = format!("{path} leads to the Service {}, port {}", service.value, port.value);
        self.record(by.clone(), what, Some(service.place));
        let workload = reached.workload;
        let what = format!(
            "that is port {} of the pods of {}, to which it connects directly",
            reached.target, workload.name.value
        );
        self.record(by.clone(), what, Some(reached.target_place));
        self.connect(controller, workload, reached.target)?;
        let connection = IngressConnection::Pod { port: reached.target };
        self.events.push(RequestEvent::Connected { by, called: station(workload), connection });
        Ok(RequestEnd::App(workload.name.value.clone()))
    }

    /// The Ingress that serves a host: an exact host has priority over a wildcard.
    fn ingress(
        &self,
        host: &str,
    ) -> Result<Option<(&'a EmittedIngress, &'a EmittedIngressHost)>, ProofFinding> {
        let ingresses = self.path.files.objects.ingresses.iter();
        let hosts =
            ingresses.flat_map(|ingress| ingress.hosts.iter().map(move |known| (ingress, known)));
        let mut found: Vec<_> =
            hosts.filter(|(_, known)| names::matches_host(&known.name.value, host)).collect();
        found.sort_by_key(|(_, known)| known.name.value != host);
        let served = found.iter().find(|(ingress, _)| self.is_served(ingress)).copied();
        match (served, found.first()) {
            (None, Some((ingress, _))) => Err(self.unserved(ingress)),
            (served, _) => Ok(served),
        }
    }

    fn classes(&self) -> impl Iterator<Item = &'a EmittedIngressClass> {
        let files = self.path.files;
        let own = files.controller.iter().filter_map(|controller| controller.class.as_ref());
        files.objects.classes.iter().chain(own)
    }

    /// Controllers serve classes that name them. With `ingressClassByName` the controller also serves a
    /// class by its name.
    fn is_served(&self, ingress: &EmittedIngress) -> bool {
        let Some(controller) = &self.path.files.controller else { return false };
        let by_name = controller.serves_by_name.as_ref().map(|name| &name.value);
        let class = match &ingress.class {
            Some(name) => self.classes().find(|class| class.name.value == name.value),
            None => self.classes().find(|class| class.default),
        };
        class.is_some_and(|class| {
            class.controller.value == controller.serves.value || by_name == Some(&class.name.value)
        })
    }

    fn unserved(&self, ingress: &EmittedIngress) -> ProofFinding {
        let known: Vec<_> = self.classes().map(|class| class.name.value.as_str()).collect();
        let (place, class) = match &ingress.class {
            Some(class) => (class.place, format!("the class {}", class.value)),
            None => (ingress.place, "no class".to_owned()),
        };
        let known = if known.is_empty() { "no class".to_owned() } else { known.join(", ") };
        let message = format!(
            "the Ingress {} has {class}, which no controller of the tree serves: the classes are {known}",
            ingress.name.value
        );
        ProofFinding::new(FindingCode::ClassUnserved, place, message)
    }
}
