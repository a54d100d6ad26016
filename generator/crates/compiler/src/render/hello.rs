//! The echo app: shows each request as it arrives, so that the way in can be seen to work.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml;
use crate::kubernetes::container::{Container, ContainerPort, Probe, Resources, SecurityContext};
use crate::kubernetes::manifest::{Labels, Manifest, Metadata, Object, namespace};
use crate::kubernetes::workload::{Workload, deployment};
use crate::plan::Plan;
use crate::plan::ingress::CLASS;
use crate::release;
use crate::render::{ClusterRenderer, Output};
use meshwright_value::{Hostname, Replicas};

/// The echo app, where it is asked for.
pub const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "hello", outputs: &[MANIFESTS], render };

pub(super) const MANIFESTS: Output = Output {
    path: "cluster/hello/hello.yaml",
    consumer: "kubectl apply, after the Ingress controller",
};

pub(super) const NAME: &str = "hello";
const LABEL: (&str, &str) = ("app.kubernetes.io/name", NAME);

/// Above 1023, since it does not run as root.
const PORT: u16 = 8080;

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    let Some(hostname) = &plan.hello else { return };
    let ingress_spec = ingress_spec(hostname);
    let metadata = || Metadata::namespaced(NAME, NAME);
    let service = Object { metadata: metadata(), spec: service_spec() };
    let ingress = Object { metadata: metadata(), spec: ingress_spec };
    let file = yaml::File::new("an echo app: it shows each request as it arrives")
        .document(&namespace(NAME))
        .document(&deployment(metadata(), workload()))
        .document(&Manifest { api_version: "v1", kind: "Service", fields: service })
        .document(&Manifest {
            api_version: "networking.k8s.io/v1",
            kind: "Ingress",
            fields: ingress,
        });
    artifacts.add(MANIFESTS.path, file.finish());
}

fn workload() -> Workload {
    Workload {
        replicas: Replicas::new(2),
        label: LABEL,
        annotations: BTreeMap::new(),
        grace_period: None,
        container: Container {
            name: NAME,
            image: release::WHOAMI_IMAGE,
            args: vec![format!("--port={PORT}")],
            ports: [ContainerPort { name: "http", container_port: PORT }],
            readiness_probe: Probe::http("/health", "http"),
            liveness_probe: Probe::http("/health", "http"),
            resources: Resources::new("10m", "16Mi", "64Mi"),
            security_context: SecurityContext::restricted(),
            volume_mounts: Vec::new(),
        },
        volumes: Vec::new(),
    }
}

#[derive(Serialize)]
struct ServiceSpec {
    selector: Labels,
    ports: [ServicePort; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServicePort {
    name: &'static str,
    port: u16,
    target_port: &'static str,
}

fn service_spec() -> ServiceSpec {
    let port = ServicePort { name: "http", port: 80, target_port: "http" };
    ServiceSpec { selector: Labels::from([LABEL]), ports: [port] }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IngressSpec<'plan> {
    ingress_class_name: &'static str,
    rules: [IngressRule<'plan>; 1],
}

#[derive(Serialize)]
struct IngressRule<'plan> {
    host: &'plan Hostname,
    http: Http,
}

#[derive(Serialize)]
struct Http {
    paths: [HttpPath; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpPath {
    path: &'static str,
    path_type: &'static str,
    backend: Backend,
}

#[derive(Serialize)]
struct Backend {
    service: BackendService,
}

#[derive(Serialize)]
struct BackendService {
    name: &'static str,
    port: PortName,
}

#[derive(Serialize)]
struct PortName {
    name: &'static str,
}

fn ingress_spec(hostname: &Hostname) -> IngressSpec<'_> {
    let service = BackendService { name: NAME, port: PortName { name: "http" } };
    let path = HttpPath { path: "/", path_type: "Prefix", backend: Backend { service } };
    IngressSpec {
        ingress_class_name: CLASS,
        rules: [IngressRule { host: hostname, http: Http { paths: [path] } }],
    }
}
