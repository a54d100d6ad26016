//! CoreDNS, which kubeadm installs: patches that spread it over the cluster, and that prefer the
//! replica in the zone of a pod.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::network_policy::LabelSelector;
use crate::kubernetes::workload::{SpreadConstraint, spread};
use crate::plan::Plan;
use crate::release;
use crate::render::{ClusterRenderer, Output};
use meshwright_value::Version;

/// The patches.
pub(super) const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "coredns", outputs: &[DEPLOYMENT, SERVICE], render };

const DEPLOYMENT: Output = Output {
    path: "cluster/coredns/coredns.patch.yaml",
    consumer: "kubectl patch, for the Deployment kube-system/coredns, when nodes have joined",
};
const SERVICE: Output = Output {
    path: "cluster/coredns/kube-dns.patch.yaml",
    consumer: "kubectl patch, for the Service kube-system/kube-dns",
};

/// The label of its pods (`CoreDNSDeployment` in kubeadm's `addons/dns/manifests.go`).
const POD_LABEL: (&str, &str) = ("k8s-app", "kube-dns");

/// kubeadm's own preference considers hosts only, and only when a pod starts: both replicas start
/// while there is one node. A new template replaces them.
const ABOUT_DEPLOYMENT: &str = "\
one replica per node, zones balanced; its pods are replaced, so apply it when nodes have joined

  kubectl -n kube-system patch deployment coredns --patch-file coredns.patch.yaml";

const ABOUT_SERVICE: &str = "\
a pod uses the DNS replica of its own zone, if there is one

  kubectl -n kube-system patch service kube-dns --type merge --patch-file kube-dns.patch.yaml";

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    render_for(plan.kubernetes_version, artifacts);
}

/// The patches for a version of Kubernetes.
pub(super) fn render_for(kubernetes: Version, artifacts: &mut ArtifactSet) {
    let constraints = spread(&LabelSelector::new([POD_LABEL]));
    let template =
        CorednsPodTemplate { spec: CorednsPodSpec { topology_spread_constraints: constraints } };
    let deployment = Patch { spec: CorednsDeploymentSpec { template } };
    let traffic_distribution = release::same_zone(kubernetes);
    let service = Patch { spec: KubeDnsServiceSpec { traffic_distribution } };
    artifacts.add(DEPLOYMENT.path, YamlFile::new(ABOUT_DEPLOYMENT).document(&deployment).finish());
    artifacts.add(SERVICE.path, YamlFile::new(ABOUT_SERVICE).document(&service).finish());
}

#[derive(Serialize)]
struct Patch<Spec> {
    spec: Spec,
}

#[derive(Serialize)]
struct CorednsDeploymentSpec {
    template: CorednsPodTemplate,
}

#[derive(Serialize)]
struct CorednsPodTemplate {
    spec: CorednsPodSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CorednsPodSpec {
    topology_spread_constraints: Vec<SpreadConstraint>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeDnsServiceSpec {
    traffic_distribution: &'static str,
}
