//! The Ingress controller: one of two, behind one class, so that apps do not depend on the choice.

use std::net::Ipv4Addr;

use crate::plan::{NodePlan, tunnel};
use crate::release;
use crate::topology::Topology;
use meshwright_value::{ImageReference, IngressController, Replicas, constant};

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
    pub const fn of(controller: IngressController) -> Self {
        match controller {
            IngressController::IngressNginx => INGRESS_NGINX,
            IngressController::Traefik => TRAEFIK,
        }
    }
}

impl IngressPlan {
    /// Whether ingress-nginx validates Ingress objects when they are written.
    #[must_use]
    pub fn has_webhook(&self) -> bool {
        !self.webhook_callers.is_empty()
    }
}

pub(super) fn derive(topology: &Topology, nodes: &[NodePlan]) -> IngressPlan {
    let declared = &topology.ingress;
    let released = match declared.controller {
        IngressController::IngressNginx => release::INGRESS_NGINX_IMAGE,
        IngressController::Traefik => release::TRAEFIK_IMAGE,
    };
    let workload = IngressWorkload::of(declared.controller);
    let has_webhook =
        declared.admission_webhook && declared.controller == IngressController::IngressNginx;
    let callers = nodes.iter().filter(|node| has_webhook && node.is_control_plane());
    IngressPlan {
        controller: declared.controller,
        replicas: declared.replicas,
        image: declared.image.clone().unwrap_or_else(|| constant(released)),
        workload,
        status_address: topology.cloudflare_tunnel.as_ref().map(tunnel::address),
        traffic_distribution: release::same_zone(topology.cluster.kubernetes_version),
        webhook_callers: callers.map(|node| node.address).collect(),
    }
}

/// The URL of its Service for cloudflared, which refuses URLs with a path.
pub(super) fn service_url(topology: &Topology, ingress: &IngressPlan) -> String {
    let IngressWorkload { namespace, service, .. } = ingress.workload;
    format!("http://{service}.{namespace}.svc.{}:80", topology.network.dns_domain)
}

#[cfg(test)]
mod tests {
    use crate::release;
    use meshwright_value::{ImageReference, constant};

    #[test]
    fn pinned_images_have_digests() {
        let pinned = [
            release::INGRESS_NGINX_IMAGE,
            release::TRAEFIK_IMAGE,
            release::CLOUDFLARED_IMAGE,
            release::WHOAMI_IMAGE,
        ];
        for text in pinned {
            assert!(constant::<ImageReference>(text).digest().is_some(), "{text}");
        }
    }
}
