//! What the Ingress controller does with a request: its Ingress, its class, the pods of its app.

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
    /// What the pods that cloudflared called do with the request.
    pub(super) fn behind(
        &mut self,
        asked: &RoutedRequest<'_>,
        reached: &ReachedPods<'_>,
    ) -> Result<RequestEnd, ProofFinding> {
        let controller = self.path.files.controller.as_ref();
        let controller = controller.filter(|known| known.workload.place == reached.workload.place);
        let Some(controller) = controller else {
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
            Some(class) => format!("its class is {}, which is this controller's", class.value),
            None => "it has the class that Ingresses without one get".to_owned(),
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

    /// Apps need not be in the tree; but a host that the rule itself sets has to be somebody's.
    fn without_ingress(&self, asked: &RoutedRequest<'_>) -> Result<RequestEnd, ProofFinding> {
        let ingresses = self.path.files.objects.ingresses.iter();
        let hosts = ingresses.flat_map(|ingress| &ingress.hosts);
        let hosts = hosts.map(|host| host.name.value.as_str());
        if let Some(header) = asked.header {
            let message = format!("no Ingress has the host {}, which the rule sets", header.value);
            return Err(ProofFinding::new(FindingCode::HostnameUnserved, header.place, message));
        }
        Ok(RequestEnd::Controller { near: closest(&asked.host, hosts).map(str::to_owned) })
    }

    /// The controller calls pods by their own addresses: it watches the EndpointSlices of a Service.
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
                // A wrong name is to blame for itself, a wrong port for itself.
                let known = self.path.files.objects.services.iter();
                let mut known = known.filter(|known| known.namespace == ingress.namespace);
                let named = known.any(|known| known.name.value == service.value);
                let place = if named { finding.place } else { service.place };
                ProofFinding { place, ..finding }
            })?;
        let what = format!("{path} leads to the Service {}, port {}", service.value, port.value);
        self.record(by.clone(), what, Some(service.place));
        let workload = reached.workload;
        let what = format!(
            "that is port {} of the pods of {}, which it calls by their own addresses",
            reached.target, workload.name.value
        );
        self.record(by.clone(), what, Some(reached.target_place));
        self.connect(controller, workload, reached.target)?;
        let connection = IngressConnection::Pod { port: reached.target };
        self.events.push(RequestEvent::Connected { by, called: station(workload), connection });
        Ok(RequestEnd::App(workload.name.value.clone()))
    }

    /// The Ingress that serves a host: one that names it before one with a wildcard.
    fn ingress(
        &self,
        host: &str,
    ) -> Result<Option<(&'a EmittedIngress, &'a EmittedIngressHost)>, ProofFinding> {
        let all = self.path.files.objects.ingresses.iter();
        let all = all.flat_map(|ingress| ingress.hosts.iter().map(move |known| (ingress, known)));
        let mut found: Vec<_> =
            all.filter(|(_, known)| names::is_for(&known.name.value, host)).collect();
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

    /// Controllers serve classes that name them, and ours one by its name whatever that names
    /// (`ingressClassByName`).
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
            "the Ingress {} has {class}, which no controller of the tree serves: it has {known}",
            ingress.name.value
        );
        ProofFinding::new(FindingCode::ClassUnserved, place, message)
    }
}
