//! The values of the Ingress controllers' charts, and the objects that the charts create from them.
//! Charts are not in the tree, so objects from their templates are written here, with the template's
//! name.

mod ingress_nginx;
mod traefik;

use serde::Deserialize;
use serde_saphyr::Spanned;

pub(crate) use self::ingress_nginx::read as read_ingress_nginx;
pub(crate) use self::traefik::read as read_traefik;
use super::objects::{
    EmittedIngressClass, EmittedService, EmittedServicePort, EmittedWorkload, ObjectLabels,
    PortReference, WorkloadPort,
};
use super::yaml::YamlDocument;
use crate::span::{FileId, FileLine, FileSpanned};

/// An Ingress controller, as its chart installs it.
#[derive(Debug, Clone)]
pub struct IngressController {
    /// Its image, as `registry/path:tag@digest`.
    pub image: String,
    /// Whether the API servers call its webhook.
    pub webhook: bool,
    /// Its pods.
    pub workload: EmittedWorkload,
    /// Its Service.
    pub service: EmittedService,
    /// The class that the chart creates for it.
    pub class: Option<EmittedIngressClass>,
    /// The controller name by which classes select it.
    pub serves: FileSpanned<String>,
    /// The name of a class that it serves independent of the class's controller name.
    pub serves_by_name: Option<FileSpanned<String>>,
    /// The address that Ingresses get.
    pub published: Option<FileSpanned<String>>,
    /// Types of further Services.
    pub further_services: Vec<FileSpanned<String>>,
}

/// An installed chart. `apply.sh` gives the release and its namespace the name of the folder with the
/// values.
#[derive(Clone, Copy)]
struct ChartRelease<'text> {
    name: &'static str,
    document: YamlDocument<'text>,
    file: FileId,
}

/// An object with the field `enabled`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchValues {
    enabled: Spanned<bool>,
}

/// `registry/path:tag@digest`; charts add no `@` for an empty digest.
fn image(registry: &str, path: &str, tag: &str, digest: Option<&str>) -> String {
    let digest = digest.filter(|digest| !digest.is_empty());
    let digest = digest.map(|digest| format!("@{digest}"));
    format!("{registry}/{path}:{tag}{}", digest.unwrap_or_default())
}

impl ChartRelease<'_> {
    fn with_place<T>(&self, spanned: Spanned<T>) -> FileSpanned<T> {
        self.document.with_place(self.file, spanned)
    }

    /// A value from a template, with the line of the value that adds it.
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
