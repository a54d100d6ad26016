//! Refuses a Service subnet with a prefix length that Kubernetes does not accept.

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
The API server accepts at most 20 bits of Service addresses, and kubeadm refuses a larger range (`the \
mask must be >= 12`): the cluster cannot be initialised. At the other end, the first address is the \
API's own Service and the tenth is cluster DNS. A /29 does not contain the tenth address, and kubeadm \
refuses it too. The rest must be enough for every Service: a /28 has 14 host addresses. The subnet \
cannot be changed on a running cluster.

Write a prefix length from 12 to 28; the default is 10.96.0.0/12.

Sources: `ValidateServiceSubnetSize` and `ValidateIPNetFromString` in \
cmd/kubeadm/app/apis/kubeadm/validation, `GetDNSIP` in cmd/kubeadm/app/constants; \
`validateMaxCIDRRange` of kube-apiserver.",
    scope: Scope::Present,
    check,
};

/// The limit of the API server.
const SHORTEST: u8 = 12;
/// With a longer prefix, the addresses are not enough for cluster DNS and other Services.
const LONGEST: u8 = 28;

fn check(topology: &Topology, findings: &mut Findings) {
    let subnet = topology.network.service_subnet;
    let fault = match subnet.prefix_len() {
        ..SHORTEST => format!("larger than /{SHORTEST}, the limit of the API server"),
        SHORTEST..=LONGEST => return,
        _ => "too small for cluster DNS (its tenth address) and other Services".to_owned(),
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
