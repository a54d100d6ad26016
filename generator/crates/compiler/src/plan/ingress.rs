//! The Ingress controller: one of two, behind one class, so that apps do not depend on the choice, or none.

use std::net::Ipv4Addr;

use crate::plan::{NodePlan, tunnel};
use crate::release;
use crate::topology::Topology;
use crate::topology::settings::Settings;
pub(crate) use crate::topology::versions::ControllerRelease;
use crate::topology::versions::Versions;
use meshwright_value::{DnsName, ImageReference, IngressController, Replicas, Version};

/// The IngressClass that apps name.
pub(crate) const CLASS: &str = "nginx";

/// The controller of [`CLASS`]. Traefik's provider for ingress-nginx looks for the same.
pub(crate) const CLASS_CONTROLLER: &str = "k8s.io/ingress-nginx";

/// The largest request body, in MiB: Cloudflare's limit without a paid plan. nginx's default of 1
/// refuses most photos.
pub(crate) const MAX_BODY_MIB: u32 = 100;

/// The Ingress controller.
#[derive(Debug, Clone)]
pub struct IngressPlan {
    /// The kind of controller.
    pub controller: IngressController,
    /// The number of replicas.
    pub replicas: Replicas,
    /// Its image.
    pub image: ImageReference,
    /// Its namespace, Service and Deployment.
    pub workload: IngressWorkload,
    /// The address in the status of Ingress objects: the tunnel's name, if there is a tunnel.
    pub status_address: Option<String>,
    /// `trafficDistribution` of its Service.
    pub traffic_distribution: &'static str,
    /// The mesh addresses of the API servers, which may call its admission webhook; empty without a
    /// webhook.
    pub webhook_callers: Vec<Ipv4Addr>,
    /// Values of the chart that the user has written.
    pub values: Settings,
}

/// The objects of a controller, as its chart names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngressWorkload {
    /// Its namespace, which is also the name of the Helm release.
    pub namespace: &'static str,
    /// Its Service, on port 80.
    pub service: &'static str,
    /// Its Deployment.
    pub deployment: &'static str,
    /// The labels that only its pods have in the namespace.
    pub pod_labels: &'static [(&'static str, &'static str)],
    /// The port on which its pods accept requests: NetworkPolicies see a packet after the Service's
    /// address is translated.
    pub http_port: u16,
}

/// `controller.containerPort.http` of the chart.
const INGRESS_NGINX: IngressWorkload = IngressWorkload {
    namespace: "ingress-nginx",
    service: "ingress-nginx-controller",
    deployment: "ingress-nginx-controller",
    pod_labels: &[
        ("app.kubernetes.io/component", "controller"),
        ("app.kubernetes.io/instance", "ingress-nginx"),
        ("app.kubernetes.io/name", "ingress-nginx"),
    ],
    http_port: 80,
};

/// `ports.web.port` of the chart.
const TRAEFIK: IngressWorkload = IngressWorkload {
    namespace: "traefik",
    service: "traefik",
    deployment: "traefik",
    pod_labels: &[("app.kubernetes.io/name", "traefik")],
    http_port: 8000,
};

impl IngressWorkload {
    /// The workload of a controller.
    #[must_use]
    pub const fn of(controller: IngressController) -> Option<Self> {
        match controller {
            IngressController::IngressNginx => Some(INGRESS_NGINX),
            IngressController::Traefik => Some(TRAEFIK),
            IngressController::Absent => None,
        }
    }
}

impl IngressPlan {
    /// A controller without a tunnel; none if there is none. An image is the pinned one, unless one is declared; only ingress-nginx has a webhook, which these addresses may call.
    pub(crate) fn new(
        versions: &Versions,
        controller: IngressController,
        replicas: Replicas,
        declared_image: Option<ImageReference>,
        kubernetes_version: Version,
        webhook_callers: Vec<Ipv4Addr>,
    ) -> Option<Self> {
        let callers = match controller {
            IngressController::IngressNginx => webhook_callers,
            IngressController::Traefik | IngressController::Absent => Vec::new(),
        };
        let pinned = &controller_release(versions, controller)?.image;
        Some(Self {
            controller,
            replicas,
            image: declared_image.unwrap_or_else(|| pinned.clone()),
            workload: IngressWorkload::of(controller)?,
            status_address: None,
            traffic_distribution: release::same_zone(kubernetes_version),
            webhook_callers: callers,
            values: Settings::default(),
        })
    }

    /// Whether ingress-nginx validates Ingress objects when they are written.
    #[must_use]
    pub fn has_webhook(&self) -> bool {
        !self.webhook_callers.is_empty()
    }
}

/// The pinned chart and image of a controller.
pub(crate) const fn controller_release(
    versions: &Versions,
    controller: IngressController,
) -> Option<&ControllerRelease> {
    match controller {
        IngressController::IngressNginx => Some(&versions.ingress_nginx),
        IngressController::Traefik => Some(&versions.traefik),
        IngressController::Absent => None,
    }
}

pub(super) fn derive(
    topology: &Topology,
    versions: &Versions,
    nodes: &[NodePlan],
) -> Option<IngressPlan> {
    let declared = &topology.ingress;
    let control_planes = nodes.iter().filter(|node| node.is_control_plane());
    let addresses = control_planes.map(|node| node.address).filter(|_| declared.admission_webhook);
    let tunnel = topology.cloudflare_tunnel.as_ref();
    let status_address = tunnel.map(|tunnel| tunnel::address(&tunnel.id));
    let plan = IngressPlan::new(
        versions,
        declared.controller,
        declared.replicas,
        declared.image.clone(),
        topology.cluster.kubernetes_version,
        addresses.collect(),
    )?;
    Some(IngressPlan { status_address, values: declared.values.clone(), ..plan })
}

/// The URL of its Service for cloudflared, which refuses URLs with a path.
pub(crate) fn service_url(dns_domain: &DnsName, workload: IngressWorkload) -> String {
    let IngressWorkload { namespace, service, .. } = workload;
    format!("http://{service}.{namespace}.svc.{dns_domain}:80")
}
