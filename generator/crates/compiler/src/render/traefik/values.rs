//! The values, with the chart's own keys.

use serde::Serialize;

use crate::kubernetes::container::Resources;
use crate::kubernetes::workload::SpreadConstraint;
use crate::plan::ingress::{CLASS, CLASS_CONTROLLER, IngressPlan, MAX_BODY_MIB};
use crate::render::ingress::{Toggle, spread_constraints};
use crate::render::objects::ObjectValues;
use meshwright_value::{ImageReference, Replicas, Subnet};

/// The chart's values, as far as they are not its defaults or must not depend on them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TraefikValues<'a> {
    /// The name of the TraefikService, whatever the Helm release is called.
    fullname_override: &'static str,
    image: TraefikImage<'a>,
    /// The chart reads the version from here when an image has a digest.
    version_override: &'a str,
    global: TraefikGlobal,
    deployment: TraefikDeployment,
    pod_disruption_budget: TraefikDisruptionBudget,
    topology_spread_constraints: Vec<SpreadConstraint>,
    resources: Resources,
    /// The chart's class names Traefik's other provider as its controller.
    ingress_class: Toggle,
    providers: TraefikProviders<'a>,
    service: TraefikService,
    ports: TraefikPorts<'a>,
}

#[derive(Serialize)]
struct TraefikImage<'a> {
    registry: &'a str,
    repository: &'a str,
    tag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TraefikGlobal {
    check_new_version: bool,
    send_anonymous_usage: bool,
}

#[derive(Serialize)]
struct TraefikDeployment {
    replicas: Replicas,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TraefikDisruptionBudget {
    enabled: bool,
    max_unavailable: u8,
}

#[derive(Serialize)]
struct TraefikProviders<'a> {
    #[serde(rename = "kubernetesCRD")]
    kubernetes_crd: Toggle,
    #[serde(rename = "kubernetesIngress")]
    kubernetes_ingress: Toggle,
    #[serde(rename = "kubernetesIngressNGINX")]
    kubernetes_ingress_nginx: IngressNginxProvider<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IngressNginxProvider<'a> {
    enabled: bool,
    ingress_class: &'static str,
    controller_class: &'static str,
    ingress_class_by_name: bool,
    watch_ingress_without_class: bool,
    /// Snippets are configuration that every author of an Ingress could set.
    allow_snippet_annotations: bool,
    /// In bytes.
    proxy_body_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_allow_list_strategy: Option<IpAllowListStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish_status_address: Option<&'a str>,
}

/// Which address the annotation `whitelist-source-range` judges. Without it, Traefik takes the sender of the packet,
/// which is cloudflared's pod (Traefik, "Kubernetes Ingress NGINX provider").
#[derive(Serialize)]
struct IpAllowListStrategy {
    depth: u8,
}

/// The last entry of `X-Forwarded-For`: Cloudflare's edge appends the visitor's address to what the visitor sent
/// (Cloudflare, "HTTP request headers"), and cloudflared leaves the header unchanged.
const VISITOR: IpAllowListStrategy = IpAllowListStrategy { depth: 1 };

#[derive(Serialize)]
struct TraefikService {
    spec: TraefikServiceSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TraefikServiceSpec {
    r#type: &'static str,
    traffic_distribution: &'static str,
}

#[derive(Serialize)]
struct TraefikPorts<'a> {
    web: Web<'a>,
    /// TLS terminates at Cloudflare's edge; the tunnel encrypts the rest.
    websecure: WebSecure,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Web<'a> {
    port: u16,
    exposed_port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    forwarded_headers: Option<ForwardedHeaders<'a>>,
}

/// The headers of cloudflared's pods about the visitor are trusted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ForwardedHeaders<'a> {
    #[serde(rename = "trustedIPs")]
    trusted_ips: [&'a Subnet; 1],
}

#[derive(Serialize)]
struct WebSecure {
    expose: Expose,
}

#[derive(Serialize)]
struct Expose {
    default: bool,
}

pub(super) fn of<'a>(values: &'a ObjectValues<'_>, ingress: &'a IngressPlan) -> TraefikValues<'a> {
    TraefikValues {
        fullname_override: ingress.workload.service,
        image: image(&ingress.image),
        version_override: ingress.image.tag(),
        global: TraefikGlobal { check_new_version: false, send_anonymous_usage: false },
        deployment: TraefikDeployment { replicas: ingress.replicas },
        pod_disruption_budget: TraefikDisruptionBudget { enabled: true, max_unavailable: 1 },
        topology_spread_constraints: spread_constraints(ingress.workload),
        resources: Resources::new("100m", "128Mi", "512Mi"),
        ingress_class: Toggle { enabled: false },
        providers: providers(values, ingress),
        service: TraefikService {
            spec: TraefikServiceSpec {
                r#type: "ClusterIP",
                traffic_distribution: ingress.traffic_distribution,
            },
        },
        ports: ports(values, ingress),
    }
}

fn image(image: &ImageReference) -> TraefikImage<'_> {
    TraefikImage {
        registry: image.registry(),
        repository: image.path(),
        tag: image.tag(),
        digest: image.digest(),
    }
}

fn providers<'a>(values: &ObjectValues<'_>, ingress: &'a IngressPlan) -> TraefikProviders<'a> {
    TraefikProviders {
        kubernetes_crd: Toggle { enabled: false },
        kubernetes_ingress: Toggle { enabled: false },
        kubernetes_ingress_nginx: IngressNginxProvider {
            enabled: true,
            ingress_class: CLASS,
            controller_class: CLASS_CONTROLLER,
            ingress_class_by_name: true,
            watch_ingress_without_class: false,
            allow_snippet_annotations: false,
            proxy_body_size: MAX_BODY_MIB << 20,
            ip_allow_list_strategy: values.tunnel.as_ref().map(|_| VISITOR),
            publish_status_address: ingress.status_address.as_deref(),
        },
    }
}

fn ports<'a>(values: &'a ObjectValues<'_>, ingress: &IngressPlan) -> TraefikPorts<'a> {
    let trusted = ForwardedHeaders { trusted_ips: [&values.pod_subnet] };
    TraefikPorts {
        web: Web {
            port: ingress.workload.http_port,
            exposed_port: 80,
            forwarded_headers: values.tunnel.as_ref().map(|_| trusted),
        },
        websecure: WebSecure { expose: Expose { default: false } },
    }
}
