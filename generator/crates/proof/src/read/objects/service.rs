//! Services: names and ports for pods.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{Labels, Metadata, PortName, Source};
use crate::read::Unread;
use crate::span::Fact;

/// A Service.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: Fact<String>,
    /// Its namespace.
    pub namespace: String,
    /// Its type, if it is stated: otherwise `ClusterIP`.
    pub kind: Option<Fact<String>>,
    /// The labels of its pods.
    pub selector: Labels,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Debug)]
pub struct ServicePort {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its number.
    pub number: Fact<u16>,
    /// The port of its pods.
    pub target: Fact<PortName>,
}

impl Service {
    /// The port that is named so, or has this number.
    #[must_use]
    pub fn port(&self, wanted: &PortName) -> Option<&ServicePort> {
        self.ports.iter().find(|port| match wanted {
            PortName::Number(number) => port.number.value == *number,
            PortName::Name(name) => port.name.as_ref() == Some(name),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceSpec {
    r#type: Option<Spanned<String>>,
    selector: BTreeMap<String, Spanned<String>>,
    ports: Vec<Port>,
    #[expect(dead_code, reason = "it prefers some pods, and keeps nobody from any")]
    traffic_distribution: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Port {
    name: Option<String>,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    protocol: Option<Tcp>,
    port: Spanned<u16>,
    target_port: Option<Spanned<PortName>>,
}

#[derive(Deserialize)]
enum Tcp {
    #[serde(rename = "TCP")]
    Tcp,
}

pub(super) fn read(source: &Source<'_>) -> Result<Service, Unread> {
    let (metadata, spec) = source.manifest::<ServiceSpec>("v1")?;
    let Metadata { name, namespace, .. } = metadata;
    let ports = spec.ports.into_iter().map(|port| {
        let number = source.fact(port.port);
        // Without one it is the port itself (ServicePort, core/v1).
        let same = Fact { value: PortName::Number(number.value), place: number.place };
        let target = port.target_port.map_or(same, |target| source.fact(target));
        ServicePort { name: port.name, number, target }
    });
    Ok(Service {
        name: source.fact(name),
        namespace: source.namespace(namespace),
        kind: spec.r#type.map(|kind| source.fact(kind)),
        selector: source.labels(spec.selector),
        ports: ports.collect(),
    })
}
