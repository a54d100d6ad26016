//! The values of the Ingress controllers' charts, and what the charts make of them. Charts are not in
//! the tree: what their templates add is said here, with the template that adds it.

mod ingress_nginx;
mod traefik;

use serde::Deserialize;
use serde_saphyr::Spanned;

pub use self::ingress_nginx::read as read_ingress_nginx;
pub use self::traefik::read as read_traefik;
use super::objects::{Class, ContainerPort, Labels, PortName, Service, ServicePort, Workload};
use super::yaml::Document;
use crate::span::{Fact, File, Place};

/// An Ingress controller, as its chart installs it.
#[derive(Debug)]
pub struct Controller {
    /// Its pods.
    pub workload: Workload,
    /// Its Service.
    pub service: Service,
    /// The class that the chart makes for it.
    pub class: Option<Class>,
    /// What classes name as their controller, if this is meant.
    pub serves: Fact<String>,
    /// The name of a class that is served whatever it names as its controller.
    pub serves_by_name: Option<Fact<String>>,
    /// What Ingresses get as their address.
    pub published: Option<Fact<String>>,
    /// Types of further Services.
    pub further_services: Vec<Fact<String>>,
}

/// What a chart is installed as: `apply.sh` gives the release and its namespace one name, which is also
/// that of the folder with the values.
#[derive(Clone, Copy)]
struct Release<'text> {
    name: &'static str,
    document: Document<'text>,
    file: File,
}

/// Something that is there or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    enabled: Spanned<bool>,
}

impl Release<'_> {
    fn fact<T>(&self, spanned: Spanned<T>) -> Fact<T> {
        self.document.fact(self.file, spanned)
    }

    /// What a template adds, in the place of the value that makes it.
    fn added(value: &str, place: Place) -> Fact<String> {
        Fact { value: value.to_owned(), place }
    }

    fn labels(labels: &[(&str, &str)], place: Place) -> Labels {
        let labels = labels.iter();
        labels.map(|(key, value)| ((*key).to_owned(), Self::added(value, place))).collect()
    }

    fn workload(&self, name: Fact<String>, replicas: Fact<u32>, labels: &Labels) -> Workload {
        Workload {
            namespace: self.name.to_owned(),
            replicas,
            selector: labels.clone(),
            labels: labels.clone(),
            host_network: None,
            ports: Vec::new(),
            probes: Vec::new(),
            args: Vec::new(),
            mounts: Vec::new(),
            volumes: Vec::new(),
            place: name.place,
            name,
        }
    }
}

fn listens(name: &str, number: Fact<u16>) -> ContainerPort {
    ContainerPort { name: Some(name.to_owned()), number }
}

fn leads(name: &str, number: Fact<u16>) -> ServicePort {
    let target = Fact { value: PortName::Name(name.to_owned()), place: number.place };
    ServicePort { name: Some(name.to_owned()), number, target }
}
