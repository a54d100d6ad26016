//! The chart `ingress-nginx` (4.15.1). Keys that are not emitted are refused: most of them change the
//! path of requests.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{ChartRelease, IngressController, SwitchValues, image, leads, listens};
use crate::read::ParseError;
use crate::read::objects::{EmittedIngressClass, EmittedService};
use crate::read::yaml;
use crate::span::{FileId, FileSpanned};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NginxValues {
    fullname_override: Spanned<String>,
    controller: NginxControllerValues,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct NginxControllerValues {
    /// With another value, the chart creates no pods (templates/controller-deployment.yaml).
    kind: NginxControllerKind,
    replica_count: Spanned<u32>,
    min_available: Option<IgnoredAny>,
    unhealthy_pod_eviction_policy: Option<IgnoredAny>,
    image: NginxImageValues,
    allow_snippet_annotations: bool,
    enable_annotation_validations: bool,
    ingress_class: Spanned<String>,
    ingress_class_by_name: bool,
    ingress_class_resource: NginxClassValues,
    watch_ingress_without_class: bool,
    publish_service: SwitchValues,
    #[serde(default)]
    extra_args: NginxExtraArgs,
    config: NginxConfigValues,
    service: NginxServiceValues,
    admission_webhooks: SwitchValues,
    metrics: NginxMetricsValues,
    resources: Option<IgnoredAny>,
    topology_spread_constraints: Option<IgnoredAny>,
    network_policy: MustBeDisabled,
    host_network: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NginxImageValues {
    registry: String,
    image: String,
    tag: String,
    digest: Option<String>,
}

#[derive(Deserialize)]
enum NginxControllerKind {
    Deployment,
    DaemonSet,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NginxClassValues {
    name: Spanned<String>,
    enabled: bool,
    default: bool,
    controller_value: Spanned<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NginxExtraArgs {
    publish_status_address: Option<Spanned<String>>,
}

/// nginx's ConfigMap. An additional key can change the path of requests.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct NginxConfigValues {
    annotations_risk_level: Option<String>,
    compute_full_forwarded_for: Option<String>,
    forwarded_for_header: Option<String>,
    location_snippet: Option<String>,
    proxy_body_size: Option<String>,
    proxy_real_ip_cidr: Option<String>,
    server_tokens: Option<String>,
    ssl_redirect: Option<String>,
    use_forwarded_headers: Option<String>,
    worker_processes: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NginxServiceValues {
    r#type: Spanned<String>,
    enable_http: Spanned<bool>,
    #[expect(dead_code, reason = "no request uses that port")]
    enable_https: bool,
    #[expect(dead_code, reason = "it prefers some pods, but blocks none")]
    traffic_distribution: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NginxMetricsValues {
    enabled: bool,
    service: NginxMetricsServiceValues,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NginxMetricsServiceValues {
    r#type: Spanned<String>,
}

/// `enabled: false`: the chart's own policy accepts every source.
#[derive(Deserialize)]
#[serde(try_from = "SwitchValues")]
struct MustBeDisabled;

impl TryFrom<SwitchValues> for MustBeDisabled {
    type Error = &'static str;

    fn try_from(value: SwitchValues) -> Result<Self, Self::Error> {
        if value.enabled.value {
            Err("the chart's own policy accepts every source")
        } else {
            Ok(Self)
        }
    }
}

/// `controller.containerPort.http`, and `controller.service.ports.http`.
const HTTP: u16 = 80;

/// `ingress-nginx.selectorLabels` (templates/_helpers.tpl): the chart's name and the release's.
const LABELS: &[(&str, &str)] = &[
    ("app.kubernetes.io/component", "controller"),
    ("app.kubernetes.io/instance", RELEASE),
    ("app.kubernetes.io/name", "ingress-nginx"),
];

const RELEASE: &str = "ingress-nginx";

/// Reads `values.yaml`.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read(text: &str, file: FileId) -> Result<IngressController, ParseError> {
    let document = yaml::documents(text)[0];
    let release = ChartRelease { name: RELEASE, document, file };
    let NginxValues { fullname_override, controller } = document.read()?;
    let name = release.with_place(fullname_override);
    // `ingress-nginx.controller.fullname`, with the default of `controller.name`.
    let name = FileSpanned { value: format!("{}-controller", name.value), place: name.place };
    let labels = ChartRelease::labels(LABELS, name.place);
    let NginxServiceValues { r#type: kind, enable_http, .. } = controller.service;
    let enabled = release.with_place(enable_http);
    let http = FileSpanned { value: HTTP, place: enabled.place };
    let ports = enabled.value.then(|| leads("http", http.clone()));
    let mut workload =
        release.workload(name.clone(), release.with_place(controller.replica_count), &labels);
    workload.ports.push(listens("http", http));
    workload.host_network = controller.host_network.map(|on| release.with_place(on));
    let resource = controller.ingress_class_resource;
    let serves = release.with_place(resource.controller_value);
    let class = EmittedIngressClass {
        name: release.with_place(resource.name),
        controller: serves.clone(),
        default: resource.default,
    };
    let metrics = controller.metrics.enabled.then_some(controller.metrics.service.r#type);
    let by_name = release.with_place(controller.ingress_class);
    let NginxImageValues { registry, image: path, tag, digest } = controller.image;
    Ok(IngressController {
        image: image(&registry, &path, &tag, digest.as_deref()),
        webhook: controller.admission_webhooks.enabled.value,
        workload,
        service: EmittedService {
            name,
            namespace: RELEASE.to_owned(),
            kind: Some(release.with_place(kind)),
            selector: labels,
            ports: ports.into_iter().collect(),
        },
        class: resource.enabled.then_some(class),
        serves,
        serves_by_name: controller.ingress_class_by_name.then_some(by_name),
        published: controller
            .extra_args
            .publish_status_address
            .map(|name| release.with_place(name)),
        further_services: metrics.into_iter().map(|kind| release.with_place(kind)).collect(),
    })
}
