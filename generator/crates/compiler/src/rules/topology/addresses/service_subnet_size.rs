//! The Service subnet has a size that Kubernetes takes.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "service-subnet-size",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "the Service subnet is too large or too small",
    explain: "\
The API server takes 20 bits of Service addresses at the most, and kubeadm refuses a longer range (`the \
mask must be >= 12`): the cluster is never founded. At the other end the first address is the API's own \
Service, the tenth cluster DNS, so a /29 does not even hold DNS, and kubeadm refuses that too. What is \
left must be enough for every Service: a /28 has 14 hosts. It cannot be changed on a running cluster.

Write a prefix length from 12 to 28; 10.96.0.0/12 is the default.

Sources: `ValidateServiceSubnetSize` and `ValidateIPNetFromString` in cmd/kubeadm/app/apis/kubeadm/\
validation, `GetDNSIP` in cmd/kubeadm/app/constants; `validateMaxCIDRRange` of kube-apiserver.",
    scope: Scope::Present,
    check,
};

/// The longest and the shortest prefix that leave a cluster Services.
const SHORTEST: u8 = 12;
const LONGEST: u8 = 28;

fn check(topology: &Topology, findings: &mut Findings) {
    let subnet = topology.network.service_subnet;
    let fault = match subnet.prefix_len() {
        ..SHORTEST => format!("larger than the /{SHORTEST} that the API server takes"),
        SHORTEST..=LONGEST => return,
        _ => "too small for cluster DNS, its tenth address, and for Services".to_owned(),
    };
    let message = format!("the Service subnet {subnet} is {fault}");
    let label = format!("expected /{SHORTEST} to /{LONGEST}");
    let at = topology.network.origin.key("service_subnet");
    findings.push(Finding::new(message, &at, label).help(nearest(subnet)));
}

fn nearest(subnet: Subnet) -> String {
    let [a, b, c, d] = subnet.network().octets();
    let nearest = Subnet::from_parts(a, b, c, d, subnet.prefix_len().clamp(SHORTEST, LONGEST));
    format!("did you mean `{nearest}`?")
}
