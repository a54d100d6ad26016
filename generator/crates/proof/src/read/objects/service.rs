//! Services: names and ports of pods.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{MetadataYaml, ObjectLabels, ObjectSource, PortReference};
use crate::read::ParseError;
use crate::span::FileSpanned;

/// A Service.
#[derive(Debug, Clone)]
pub struct EmittedService {
    /// Its name.
    pub name: FileSpanned<String>,
    /// Its namespace.
    pub namespace: String,
    /// Its type; without one, `ClusterIP`.
    pub kind: Option<FileSpanned<String>>,
    /// The labels of its pods.
    pub selector: ObjectLabels,
    /// Its ports.
    pub ports: Vec<EmittedServicePort>,
}

/// A port of a Service.
#[derive(Debug, Clone)]
pub struct EmittedServicePort {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its number.
    pub number: FileSpanned<u16>,
    /// The port of its pods.
    pub target: FileSpanned<PortReference>,
}

impl EmittedService {
    /// The port with this name or number.
    #[must_use]
    pub fn port(&self, wanted: &PortReference) -> Option<&EmittedServicePort> {
        self.ports.iter().find(|port| match wanted {
            PortReference::Number(number) => port.number.value == *number,
            PortReference::Name(name) => port.name.as_ref() == Some(name),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceSpecYaml {
    r#type: Option<Spanned<String>>,
    selector: BTreeMap<String, Spanned<String>>,
    ports: Vec<ServicePortYaml>,
    #[expect(dead_code, reason = "it prefers some pods, but blocks none")]
    traffic_distribution: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServicePortYaml {
    name: Option<String>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    protocol: Option<TcpOnly>,
    port: Spanned<u16>,
    target_port: Option<Spanned<PortReference>>,
}

#[derive(Deserialize)]
enum TcpOnly {
    #[serde(rename = "TCP")]
    Tcp,
}

pub(super) fn read(source: &ObjectSource<'_>) -> Result<EmittedService, ParseError> {
    let (metadata, spec) = source.manifest::<ServiceSpecYaml>("v1")?;
    let MetadataYaml { name, namespace, .. } = metadata;
    let ports = spec.ports.into_iter().map(|port| {
        let number = source.with_place(port.port);
        // Without one, it equals the port (ServicePort, core/v1).
        let same = FileSpanned { value: PortReference::Number(number.value), place: number.place };
        let target = port.target_port.map_or(same, |target| source.with_place(target));
        EmittedServicePort { name: port.name, number, target }
    });
    Ok(EmittedService {
        name: source.with_place(name),
        namespace: source.namespace(namespace),
        kind: spec.r#type.map(|kind| source.with_place(kind)),
        selector: source.labels(spec.selector),
        ports: ports.collect(),
    })
}
