//! The values of the Ingress controllers' charts, and what the charts make of them. Charts are not in
//! the tree: what their templates add is said here, with the template that adds it.

mod ingress_nginx;
mod traefik;

use serde::Deserialize;
use serde_saphyr::Spanned;

pub use self::ingress_nginx::read as read_ingress_nginx;
pub use self::traefik::read as read_traefik;
use super::objects::{
    EmittedIngressClass, EmittedService, EmittedServicePort, EmittedWorkload, ObjectLabels,
    PortReference, WorkloadPort,
};
use super::yaml::YamlDocument;
use crate::span::{FileId, FileLine, FileSpanned};

/// An Ingress controller, as its chart installs it.
#[derive(Debug)]
pub struct IngressController {
    /// Its pods.
    pub workload: EmittedWorkload,
    /// Its Service.
    pub service: EmittedService,
    /// The class that the chart makes for it.
    pub class: Option<EmittedIngressClass>,
    /// What classes name as their controller, if this is meant.
    pub serves: FileSpanned<String>,
    /// The name of a class that is served whatever it names as its controller.
    pub serves_by_name: Option<FileSpanned<String>>,
    /// What Ingresses get as their address.
    pub published: Option<FileSpanned<String>>,
    /// Types of further Services.
    pub further_services: Vec<FileSpanned<String>>,
}

/// What a chart is installed as: `apply.sh` gives the release and its namespace one name, which is also
/// that of the folder with the values.
#[derive(Clone, Copy)]
struct ChartRelease<'text> {
    name: &'static str,
    document: YamlDocument<'text>,
    file: FileId,
}

/// Something that is there or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchValues {
    enabled: Spanned<bool>,
}

impl ChartRelease<'_> {
    fn with_place<T>(&self, spanned: Spanned<T>) -> FileSpanned<T> {
        self.document.with_place(self.file, spanned)
    }

    /// What a template adds, in the place of the value that makes it.
    fn added(value: &str, place: FileLine) -> FileSpanned<String> {
        FileSpanned { value: value.to_owned(), place }
    }

    fn labels(labels: &[(&str, &str)], place: FileLine) -> ObjectLabels {
        let labels = labels.iter();
        labels.map(|(key, value)| ((*key).to_owned(), Self::added(value, place))).collect()
    }

    fn workload(
        &self,
        name: FileSpanned<String>,
        replicas: FileSpanned<u32>,
        labels: &ObjectLabels,
    ) -> EmittedWorkload {
        EmittedWorkload {
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

fn listens(name: &str, number: FileSpanned<u16>) -> WorkloadPort {
    WorkloadPort { name: Some(name.to_owned()), number }
}

fn leads(name: &str, number: FileSpanned<u16>) -> EmittedServicePort {
    let target = FileSpanned { value: PortReference::Name(name.to_owned()), place: number.place };
    EmittedServicePort { name: Some(name.to_owned()), number, target }
}
