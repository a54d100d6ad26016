//! The admission policy that forbids pods to set an address or a pool.

use serde::Serialize;

use crate::encode::yaml::YamlFile;
use crate::render::calico::object;

const ADMISSION: &str = "admissionregistration.k8s.io/v1";

const NAME: &str = "meshwright-pod-annotations";

/// With these a pod gets an address whatever its node's pools are (`determinePools` in Calico's
/// ipam.go), of a block that WireGuard carries to another node. The wrong node may even claim and
/// advertise that block (observed with Calico 3.32.1, 2026-11). Annotations of a namespace apply to its pods.
const POOL_ANNOTATIONS: &str = "[\
    'cni.projectcalico.org/floatingIPs', \
    'cni.projectcalico.org/ipAddrs', \
    'cni.projectcalico.org/ipAddrsNoIpam', \
    'cni.projectcalico.org/ipv4pools', \
    'cni.projectcalico.org/ipv6pools']";

/// Annotations from before the policy may stay; otherwise its finalizers could not be removed.
const NONE_IS_NEW: &str = "variables.refused.all(key, !(key in variables.annotations) || \
    key in variables.before && variables.before[key] == variables.annotations[key])";

pub(super) fn file() -> Vec<u8> {
    let binding = AdmissionPolicyBindingSpec { policy_name: NAME, validation_actions: ["Deny"] };
    YamlFile::new("no pod sets its own address or pool")
        .document(&object(ADMISSION, "ValidatingAdmissionPolicy", NAME, policy()))
        .document(&object(ADMISSION, "ValidatingAdmissionPolicyBinding", NAME, binding))
        .finish()
}

fn policy() -> AdmissionPolicySpec {
    let annotations = "object.metadata.?annotations.orValue({})";
    let before = "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})";
    AdmissionPolicySpec {
        failure_policy: "Fail",
        match_constraints: MatchConstraints {
            resource_rules: [ResourceRule {
                api_groups: [""],
                api_versions: ["v1"],
                operations: ["CREATE", "UPDATE"],
                resources: ["namespaces", "pods"],
            }],
        },
        variables: [
            AdmissionPolicyVariable { name: "refused", expression: POOL_ANNOTATIONS },
            AdmissionPolicyVariable { name: "annotations", expression: annotations },
            AdmissionPolicyVariable { name: "before", expression: before },
        ],
        validations: [AdmissionPolicyValidation {
            expression: NONE_IS_NEW,
            message: "the annotations floatingIPs, ipAddrs, ipAddrsNoIpam, ipv4pools and ipv6pools \
                of cni.projectcalico.org are refused: WireGuard carries each block of pod \
                addresses to one node, and a pod with another node's address is unreachable",
        }],
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionPolicySpec {
    failure_policy: &'static str,
    match_constraints: MatchConstraints,
    variables: [AdmissionPolicyVariable; 3],
    validations: [AdmissionPolicyValidation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchConstraints {
    resource_rules: [ResourceRule; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceRule {
    api_groups: [&'static str; 1],
    api_versions: [&'static str; 1],
    operations: [&'static str; 2],
    resources: [&'static str; 2],
}

#[derive(Serialize)]
struct AdmissionPolicyVariable {
    name: &'static str,
    expression: &'static str,
}

#[derive(Serialize)]
struct AdmissionPolicyValidation {
    expression: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionPolicyBindingSpec {
    policy_name: &'static str,
    validation_actions: [&'static str; 1],
}
