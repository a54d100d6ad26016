//! The chart `traefik` (41.3.0), whose provider for ingress-nginx serves its class.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{Controller, Release, Switch, listens};
use crate::read::Unread;
use crate::read::objects::{PortName, Service, ServicePort};
use crate::read::yaml;
use crate::span::{Fact, File};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct Values {
    fullname_override: Spanned<String>,
    image: IgnoredAny,
    version_override: Option<IgnoredAny>,
    global: Option<IgnoredAny>,
    deployment: Deployment,
    pod_disruption_budget: Option<IgnoredAny>,
    topology_spread_constraints: Option<IgnoredAny>,
    resources: Option<IgnoredAny>,
    ingress_class: Switch,
    providers: Providers,
    service: ServiceValues,
    ports: Ports,
    host_network: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployment {
    replicas: Spanned<u32>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
#[serde(deny_unknown_fields)]
struct Providers {
    #[serde(rename = "kubernetesCRD")]
    kubernetes_crd: Switch,
    #[serde(rename = "kubernetesIngress")]
    kubernetes_ingress: Switch,
    #[serde(rename = "kubernetesIngressNGINX")]
    kubernetes_ingress_nginx: Provider,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct Provider {
    enabled: Spanned<bool>,
    ingress_class: Spanned<String>,
    controller_class: Spanned<String>,
    ingress_class_by_name: bool,
    watch_ingress_without_class: bool,
    allow_snippet_annotations: bool,
    proxy_body_size: Option<IgnoredAny>,
    publish_status_address: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceValues {
    spec: ServiceSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceSpec {
    r#type: Spanned<String>,
    #[expect(dead_code, reason = "it prefers some pods, and keeps nobody from any")]
    traffic_distribution: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct Ports {
    web: Web,
    websecure: WebSecure,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Web {
    port: Spanned<u16>,
    exposed_port: Spanned<u16>,
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    forwarded_headers: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct WebSecure {
    expose: IgnoredAny,
}

/// `traefik.labelselector` (templates/_helpers.tpl): the chart's name, and the release's with its
/// namespace.
const LABELS: &[(&str, &str)] =
    &[("app.kubernetes.io/instance", "traefik-traefik"), ("app.kubernetes.io/name", "traefik")];

const RELEASE: &str = "traefik";

/// Reads `values.yaml`.
///
/// # Errors
///
/// When it has another shape.
pub fn read(text: &str, file: File) -> Result<Controller, Unread> {
    let document = yaml::documents(text)[0];
    let release = Release { name: RELEASE, document, file };
    let values: Values = document.read()?;
    let provider = values.providers.kubernetes_ingress_nginx;
    refuse(&document, &provider.enabled, false, "without this provider, nothing serves the class")?;
    let own_class = "the chart's own class names another of Traefik's providers";
    refuse(&document, &values.ingress_class.enabled, true, own_class)?;
    let name = release.fact(values.fullname_override);
    let labels = Release::labels(LABELS, name.place);
    let replicas = release.fact(values.deployment.replicas);
    let mut workload = release.workload(name.clone(), replicas, &labels);
    let port = release.fact(values.ports.web.port);
    let target = Fact { value: PortName::Name("web".to_owned()), place: port.place };
    workload.ports.push(listens("web", port));
    workload.host_network = values.host_network.map(|on| release.fact(on));
    let number = release.fact(values.ports.web.exposed_port);
    let by_name = release.fact(provider.ingress_class);
    Ok(Controller {
        workload,
        service: Service {
            name,
            namespace: RELEASE.to_owned(),
            kind: Some(release.fact(values.service.spec.r#type)),
            selector: labels,
            ports: vec![ServicePort { name: Some("web".to_owned()), number, target }],
        },
        class: None,
        serves: release.fact(provider.controller_class),
        serves_by_name: provider.ingress_class_by_name.then_some(by_name),
        published: provider.publish_status_address.map(|name| release.fact(name)),
        further_services: Vec::new(),
    })
}

fn refuse(
    document: &yaml::Document<'_>,
    stated: &Spanned<bool>,
    refused: bool,
    why: &str,
) -> Result<(), Unread> {
    if stated.value != refused {
        return Ok(());
    }
    Err(Unread { line: document.at(stated.clone()).line, message: why.to_owned() })
}
