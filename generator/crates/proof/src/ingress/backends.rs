//! What the Ingress controller does with a request: its Ingress, its class, the pods of its app.

use super::connection::Leg;
use super::follow::{Asked, Follower, Reached, station};
use super::names;
use super::request::{End, Event};
use crate::finding::{Code, Finding};
use crate::read::objects::{Backend, Class, Host, Ingress, Workload};
use crate::span::Fact;
use meshwright_value::closest;

impl<'a> Follower<'a> {
    /// What the pods that cloudflared called do with the request.
    pub(super) fn behind(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached<'_>,
    ) -> Result<End, Finding> {
        let controller = self.way.entry.controller.as_ref();
        let controller = controller.filter(|known| known.workload.place == reached.workload.place);
        let Some(controller) = controller else {
            return Ok(End::App(reached.workload.name.value.clone()));
        };
        let Some((ingress, known)) = self.ingress(&asked.host)? else {
            return self.without_ingress(asked);
        };
        let by = station(&controller.workload);
        let what =
            format!("the Ingress {} in {} has this host", ingress.name.value, ingress.namespace);
        self.tell(by.clone(), what, Some(known.name.place));
        let class = ingress.class.as_ref();
        let what = match class {
            Some(class) => format!("its class is {}, which is this controller's", class.value),
            None => "it has the class that Ingresses without one get".to_owned(),
        };
        self.tell(by, what, Some(class.map_or(ingress.place, |class| class.place)));
        let mut end = None;
        for backend in &known.backends {
            end = Some(self.backend(&controller.workload, ingress, backend)?);
        }
        end.ok_or_else(|| {
            let message = format!("the Ingress {} has no path", ingress.name.value);
            Finding::new(Code::ServiceUnknown, known.name.place, message)
        })
    }

    /// Apps need not be in the tree; but a host that the rule itself sets has to be somebody's.
    fn without_ingress(&self, asked: &Asked<'_>) -> Result<End, Finding> {
        let ingresses = self.way.entry.objects.ingresses.iter();
        let hosts = ingresses.flat_map(|ingress| &ingress.hosts);
        let hosts = hosts.map(|host| host.name.value.as_str());
        if let Some(header) = asked.header {
            let message = format!("no Ingress has the host {}, which the rule sets", header.value);
            return Err(Finding::new(Code::HostnameUnserved, header.place, message));
        }
        Ok(End::Controller { near: closest(&asked.host, hosts).map(str::to_owned) })
    }

    /// The controller calls pods by their own addresses: it watches the EndpointSlices of a Service.
    fn backend(
        &mut self,
        controller: &Workload,
        ingress: &Ingress,
        backend: &Backend,
    ) -> Result<End, Finding> {
        let by = station(controller);
        let Backend { path, service, port } = backend;
        let asked = Fact { value: port.value.clone(), place: port.place };
        let reached =
            self.service(&ingress.namespace, &service.value, &asked).map_err(|finding| {
                // A wrong name is to blame for itself, a wrong port for itself.
                let known = self.way.entry.objects.services.iter();
                let mut known = known.filter(|known| known.namespace == ingress.namespace);
                let named = known.any(|known| known.name.value == service.value);
                let place = if named { finding.place } else { service.place };
                Finding { place, ..finding }
            })?;
        let what = format!("{path} leads to the Service {}, port {}", service.value, port.value);
        self.tell(by.clone(), what, Some(service.place));
        let workload = reached.workload;
        let what = format!(
            "that is port {} of the pods of {}, which it calls by their own addresses",
            reached.target, workload.name.value
        );
        self.tell(by.clone(), what, Some(reached.target_place));
        self.connect(controller, workload, reached.target)?;
        let leg = Leg::Pod { port: reached.target };
        self.events.push(Event::Made { by, called: station(workload), leg });
        Ok(End::App(workload.name.value.clone()))
    }

    /// The Ingress that serves a host: one that names it before one with a wildcard.
    fn ingress(&self, host: &str) -> Result<Option<(&'a Ingress, &'a Host)>, Finding> {
        let all = self.way.entry.objects.ingresses.iter();
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

    fn classes(&self) -> impl Iterator<Item = &'a Class> {
        let entry = self.way.entry;
        let own = entry.controller.iter().filter_map(|controller| controller.class.as_ref());
        entry.objects.classes.iter().chain(own)
    }

    /// Controllers serve classes that name them, and ours one by its name whatever that names
    /// (`ingressClassByName`).
    fn is_served(&self, ingress: &Ingress) -> bool {
        let Some(controller) = &self.way.entry.controller else { return false };
        let by_name = controller.serves_by_name.as_ref().map(|name| &name.value);
        let class = match &ingress.class {
            Some(name) => self.classes().find(|class| class.name.value == name.value),
            None => self.classes().find(|class| class.default),
        };
        class.is_some_and(|class| {
            class.controller.value == controller.serves.value || by_name == Some(&class.name.value)
        })
    }

    fn unserved(&self, ingress: &Ingress) -> Finding {
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
        Finding::new(Code::ClassUnserved, place, message)
    }
}
