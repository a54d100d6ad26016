//! The values, with the chart's own keys.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::derive::package_source;
use crate::kubernetes::container::Resources;
use crate::kubernetes::workload::SpreadConstraint;
use crate::plan::ingress::{CLASS, CLASS_CONTROLLER, IngressPlan, MAX_BODY_MIB};
use crate::render::ingress::{Toggle, spread_constraints};
use crate::render::objects::ObjectValues;
use meshwright_value::{ImageReference, Replicas};

/// The chart's values, as far as they are not its defaults or must not depend on them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IngressNginxValues<'a> {
    /// The IngressNginxService is then `<this>-controller`, whatever the Helm release is called.
    fullname_override: &'static str,
    controller: IngressNginxController<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IngressNginxController<'a> {
    /// In exactly this spelling: with another, the chart creates neither this nor a DaemonSet.
    kind: &'static str,
    /// From 2 on the chart adds a PodDisruptionBudget.
    replica_count: Replicas,
    min_available: u8,
    unhealthy_pod_eviction_policy: &'static str,
    image: IngressNginxImage<'a>,
    /// Snippets are nginx configuration that every author of an Ingress could set.
    allow_snippet_annotations: bool,
    enable_annotation_validations: bool,
    ingress_class: &'static str,
    ingress_class_by_name: bool,
    ingress_class_resource: IngressClassResource,
    watch_ingress_without_class: bool,
    /// The controller exits with this and `publish-status-address` both.
    publish_service: Toggle,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra_args: BTreeMap<&'static str, &'a str>,
    config: BTreeMap<&'static str, String>,
    service: IngressNginxService,
    admission_webhooks: Toggle,
    metrics: IngressNginxMetrics,
    resources: Resources,
    topology_spread_constraints: Vec<SpreadConstraint>,
    /// The chart's own policy allows every peer.
    network_policy: Toggle,
}

#[derive(Serialize)]
struct IngressNginxImage<'a> {
    registry: &'a str,
    image: &'a str,
    tag: &'a str,
    /// Empty where none is declared: the chart's own is of another image.
    digest: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IngressClassResource {
    name: &'static str,
    enabled: bool,
    default: bool,
    controller_value: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IngressNginxService {
    r#type: &'static str,
    enable_http: bool,
    /// TLS terminates at Cloudflare's edge; the tunnel encrypts the rest.
    enable_https: bool,
    traffic_distribution: &'static str,
}

#[derive(Serialize)]
struct IngressNginxMetrics {
    enabled: bool,
    service: MetricsService,
}

#[derive(Serialize)]
struct MetricsService {
    r#type: &'static str,
}

pub(super) fn of<'a>(
    values: &ObjectValues<'_>,
    ingress: &'a IngressPlan,
) -> IngressNginxValues<'a> {
    IngressNginxValues {
        fullname_override: package_source::INGRESS_NGINX,
        controller: controller(values, ingress),
    }
}

fn controller<'a>(
    values: &ObjectValues<'_>,
    ingress: &'a IngressPlan,
) -> IngressNginxController<'a> {
    let status_address = ingress.status_address.as_deref();
    IngressNginxController {
        kind: "Deployment",
        replica_count: ingress.replicas,
        min_available: 1,
        unhealthy_pod_eviction_policy: "AlwaysAllow",
        image: image(&ingress.image),
        allow_snippet_annotations: false,
        enable_annotation_validations: true,
        ingress_class: CLASS,
        ingress_class_by_name: true,
        ingress_class_resource: IngressClassResource {
            name: CLASS,
            enabled: true,
            default: true,
            controller_value: CLASS_CONTROLLER,
        },
        watch_ingress_without_class: false,
        publish_service: Toggle { enabled: false },
        extra_args: status_address
            .map(|name| ("publish-status-address", name))
            .into_iter()
            .collect(),
        config: config(values),
        service: IngressNginxService {
            r#type: "ClusterIP",
            enable_http: true,
            enable_https: false,
            traffic_distribution: ingress.traffic_distribution,
        },
        admission_webhooks: Toggle { enabled: ingress.has_webhook() },
        metrics: IngressNginxMetrics {
            enabled: true,
            service: MetricsService { r#type: "ClusterIP" },
        },
        resources: Resources::new("100m", "128Mi", format!("{MEMORY_MIB}Mi")),
        topology_spread_constraints: spread_constraints(ingress.workload),
        network_policy: Toggle { enabled: false },
    }
}

fn image(image: &ImageReference) -> IngressNginxImage<'_> {
    IngressNginxImage {
        registry: image.registry(),
        image: image.path(),
        tag: image.tag(),
        digest: image.digest().unwrap_or_default(),
    }
}

/// The most memory of a controller.
const MEMORY_MIB: u32 = 512;

/// Memory for one worker of nginx. Its number is by default that of the host's processors, since there is no limit of
/// CPU (`NumCPU` in ingress-nginx's pkg/util/runtime/cpu_linux.go): on a large host the workers alone would reach the
/// limit of memory.
const WORKER_MIB: u32 = 128;

/// The controller's ConfigMap, where every value is a string.
fn config(values: &ObjectValues<'_>) -> BTreeMap<&'static str, String> {
    let mut config = BTreeMap::from([
        // High refuses snippets; Medium would also refuse auth-url and mirror, which apps use.
        ("annotations-risk-level", "High".to_owned()),
        ("proxy-body-size", format!("{MAX_BODY_MIB}m")),
        ("server-tokens", "false".to_owned()),
        ("ssl-redirect", "false".to_owned()),
        ("worker-processes", (MEMORY_MIB / WORKER_MIB).to_string()),
    ]);
    if values.tunnel.is_some() {
        config.extend(behind_cloudflared(values));
    }
    config
}

/// nginx sees cloudflared's pod. The visitor is in a header that the edge sets and that holds one
/// address, where a visitor can write into `X-Forwarded-For`. Without `use-forwarded-headers` apps
/// would see plain HTTP, and an Ingress with `tls` would redirect in a circle.
///
/// The edge sends no `X-Forwarded-Port`, so nginx would send its own port 80 beside `X-Forwarded-Proto: https`, and apps
/// redirect to `https://HOST:80/`. nginx sets the variable before `rewrite()` of the controller copies it to the header
/// (observed with lua_ingress.lua of 1.15.1, 2026-11). An origin on the controller's port 443 would have the same
/// effect, but its certificate is self-signed, so cloudflared would have to accept any.
fn behind_cloudflared(values: &ObjectValues<'_>) -> [(&'static str, String); 5] {
    [
        ("compute-full-forwarded-for", "false".to_owned()),
        ("forwarded-for-header", "CF-Connecting-IP".to_owned()),
        ("location-snippet", "set $pass_server_port 443;".to_owned()),
        // The senders whose headers are trusted; the default is every address.
        ("proxy-real-ip-cidr", values.pod_subnet.to_string()),
        ("use-forwarded-headers", "true".to_owned()),
    ]
}
