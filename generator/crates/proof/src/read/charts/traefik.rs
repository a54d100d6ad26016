//! The chart `traefik` (41.3.0). Its provider for ingress-nginx serves that controller's class.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{ChartRelease, IngressController, SwitchValues, image, listens};
use crate::read::ParseError;
use crate::read::objects::{EmittedService, EmittedServicePort, PortReference};
use crate::read::yaml;
use crate::span::{FileId, FileSpanned};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct TraefikValues {
    fullname_override: Spanned<String>,
    image: TraefikImageValues,
    version_override: Option<IgnoredAny>,
    global: Option<IgnoredAny>,
    deployment: TraefikDeploymentValues,
    pod_disruption_budget: Option<IgnoredAny>,
    topology_spread_constraints: Option<IgnoredAny>,
    resources: Option<IgnoredAny>,
    ingress_class: SwitchValues,
    providers: TraefikProvidersValues,
    service: TraefikServiceValues,
    ports: TraefikPortsValues,
    host_network: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraefikImageValues {
    registry: String,
    repository: String,
    tag: String,
    digest: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraefikDeploymentValues {
    replicas: Spanned<u32>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
#[serde(deny_unknown_fields)]
struct TraefikProvidersValues {
    #[serde(rename = "kubernetesCRD")]
    kubernetes_crd: SwitchValues,
    #[serde(rename = "kubernetesIngress")]
    kubernetes_ingress: SwitchValues,
    #[serde(rename = "kubernetesIngressNGINX")]
    kubernetes_ingress_nginx: TraefikProviderValues,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct TraefikProviderValues {
    enabled: Spanned<bool>,
    ingress_class: Spanned<String>,
    controller_class: Spanned<String>,
    ingress_class_by_name: bool,
    watch_ingress_without_class: bool,
    allow_snippet_annotations: bool,
    proxy_body_size: Option<IgnoredAny>,
    ip_allow_list_strategy: Option<IgnoredAny>,
    publish_status_address: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraefikServiceValues {
    spec: TraefikServiceSpecValues,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TraefikServiceSpecValues {
    r#type: Spanned<String>,
    #[expect(dead_code, reason = "it prefers some pods, but blocks none")]
    traffic_distribution: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct TraefikPortsValues {
    web: TraefikWebValues,
    websecure: TraefikWebSecureValues,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TraefikWebValues {
    port: Spanned<u16>,
    exposed_port: Spanned<u16>,
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
    forwarded_headers: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct TraefikWebSecureValues {
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
/// When it has another structure.
pub(crate) fn read(text: &str, file: FileId) -> Result<IngressController, ParseError> {
    let document = yaml::documents(text)[0];
    let release = ChartRelease { name: RELEASE, document, file };
    let values: TraefikValues = document.read()?;
    let provider = values.providers.kubernetes_ingress_nginx;
    refuse(
        &document,
        &provider.enabled,
        false,
        "without this provider, no controller serves the class",
    )?;
    let own_class = "the chart's own class selects another provider of Traefik";
    refuse(&document, &values.ingress_class.enabled, true, own_class)?;
    let name = release.with_place(values.fullname_override);
    let labels = ChartRelease::labels(LABELS, name.place);
    let replicas = release.with_place(values.deployment.replicas);
    let mut workload = release.workload(name.clone(), replicas, &labels);
    let port = release.with_place(values.ports.web.port);
    let target = FileSpanned { value: PortReference::Name("web".to_owned()), place: port.place };
    workload.ports.push(listens("web", port));
    workload.host_network = values.host_network.map(|on| release.with_place(on));
    let number = release.with_place(values.ports.web.exposed_port);
    let by_name = release.with_place(provider.ingress_class);
    let TraefikImageValues { registry, repository, tag, digest } = values.image;
    Ok(IngressController {
        image: image(&registry, &repository, &tag, digest.as_deref()),
        // Traefik has none.
        webhook: false,
        workload,
        service: EmittedService {
            name,
            namespace: RELEASE.to_owned(),
            kind: Some(release.with_place(values.service.spec.r#type)),
            selector: labels,
            ports: vec![EmittedServicePort { name: Some("web".to_owned()), number, target }],
        },
        class: None,
        serves: release.with_place(provider.controller_class),
        serves_by_name: provider.ingress_class_by_name.then_some(by_name),
        published: provider.publish_status_address.map(|name| release.with_place(name)),
        further_services: Vec::new(),
    })
}

fn refuse(
    document: &yaml::YamlDocument<'_>,
    stated: &Spanned<bool>,
    refused: bool,
    why: &str,
) -> Result<(), ParseError> {
    if stated.value != refused {
        return Ok(());
    }
    Err(ParseError { line: document.with_line(stated.clone()).line, message: why.to_owned() })
}
