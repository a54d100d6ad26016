//! The echo app: returns each request as it arrives, so that the path from the Internet can be tested.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::container::{Container, ContainerPort, Probe, Resources, SecurityContext};
use crate::kubernetes::manifest::{Labels, Manifest, ObjectFields, ObjectMeta, namespace};
use crate::kubernetes::network_policy::{
    LabelSelector, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec, default_deny, network_policy,
};
use crate::kubernetes::workload::{Workload, deployment};
use crate::plan::Plan;
use crate::plan::ingress::{CLASS, IngressWorkload};
use crate::render::objects::ObjectValues;
use crate::render::{ClusterRenderer, Output};
use meshwright_value::ImageReference;
use meshwright_value::{Hostname, Replicas};

/// The echo app, if it is declared.
pub(super) const RENDERER: ClusterRenderer =
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
    render_objects(&ObjectValues::of(plan), artifacts);
}

/// The objects of the echo app.
pub(super) fn render_objects(values: &ObjectValues<'_>, artifacts: &mut ArtifactSet) {
    let Some((hostname, image)) = values.hello else { return };
    let metadata = || ObjectMeta::namespaced(NAME, NAME);
    let service = ObjectFields { metadata: metadata(), spec: service_spec() };
    let ingress = ObjectFields { metadata: metadata(), spec: ingress_spec(hostname) };
    let file = YamlFile::new("an echo app: it returns each request as it arrives")
        .document(&namespace(NAME))
        .document(&deployment(metadata(), workload(image)))
        .document(&Manifest { api_version: "v1", kind: "Service", fields: service })
        .document(&Manifest {
            api_version: "networking.k8s.io/v1",
            kind: "Ingress",
            fields: ingress,
        });
    // Without a controller of ours it is not known which pods call the app.
    let file = match values.ingress {
        Some(ingress) => file.document(&policy(ingress.workload)).document(&default_deny(NAME)),
        None => file,
    };
    artifacts.add(MANIFESTS.path, file.finish());
}

/// Only the Ingress controller calls the app, and the app may not call anything.
fn policy(controller: IngressWorkload) -> Manifest<ObjectFields<'static, NetworkPolicySpec>> {
    let labels = controller.pod_labels.iter().copied();
    let rule = NetworkPolicyIngressRule {
        from: vec![NetworkPolicyPeer::pods(controller.namespace, labels)],
        ports: vec![NetworkPolicyPort::tcp(PORT)],
    };
    let metadata = ObjectMeta::namespaced(NAME, NAME);
    network_policy(metadata, LabelSelector::new([LABEL]), vec![rule], Some(Vec::new()))
}

fn workload(image: &ImageReference) -> Workload {
    Workload {
        replicas: Replicas::new(2),
        label: LABEL,
        annotations: BTreeMap::new(),
        grace_period: None,
        container: Container {
            name: NAME,
            image: image.to_string(),
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
struct HelloServiceSpec {
    selector: Labels,
    ports: [HelloServicePort; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HelloServicePort {
    name: &'static str,
    port: u16,
    target_port: &'static str,
}

fn service_spec() -> HelloServiceSpec {
    let port = HelloServicePort { name: "http", port: 80, target_port: "http" };
    HelloServiceSpec { selector: Labels::from([LABEL]), ports: [port] }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HelloIngressSpec<'plan> {
    ingress_class_name: &'static str,
    rules: [HelloIngressRule<'plan>; 1],
}

#[derive(Serialize)]
struct HelloIngressRule<'plan> {
    host: &'plan Hostname,
    http: HelloIngressHttp,
}

#[derive(Serialize)]
struct HelloIngressHttp {
    paths: [HttpPath; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpPath {
    path: &'static str,
    path_type: &'static str,
    backend: HelloBackend,
}

#[derive(Serialize)]
struct HelloBackend {
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

fn ingress_spec(hostname: &Hostname) -> HelloIngressSpec<'_> {
    let service = BackendService { name: NAME, port: PortName { name: "http" } };
    let path = HttpPath { path: "/", path_type: "Prefix", backend: HelloBackend { service } };
    HelloIngressSpec {
        ingress_class_name: CLASS,
        rules: [HelloIngressRule { host: hostname, http: HelloIngressHttp { paths: [path] } }],
    }
}
