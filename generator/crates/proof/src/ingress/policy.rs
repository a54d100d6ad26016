//! The NetworkPolicies for a connection (networking.k8s.io/v1): pods that no policy selects are not
//! restricted. For other pods, a connection is accepted if any policy that selects them accepts it.

use std::net::Ipv4Addr;

use crate::finding::{FindingCode, ProofFinding};
use crate::read::ingress::IngressFiles;
use crate::read::objects::{
    EmittedNamespace, EmittedPolicy, EmittedWorkload, NAMESPACE_NAME, ObjectLabels,
    PolicyAdmission, PolicyDirection, PolicyPeer,
};
use crate::span::FileLine;

/// Pods, as selectors see them.
#[derive(Debug, Clone, Copy)]
pub(super) struct PodGroup<'a> {
    /// Their name in messages.
    pub name: &'a str,
    /// Their namespace.
    pub namespace: &'a str,
    /// Their labels.
    pub labels: &'a ObjectLabels,
}

impl<'a> PodGroup<'a> {
    pub(super) fn new(workload: &'a EmittedWorkload) -> Self {
        Self {
            name: &workload.name.value,
            namespace: &workload.namespace,
            labels: &workload.labels,
        }
    }
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum OtherEnd<'a> {
    /// Pods.
    Pods(PodGroup<'a>),
    /// A host with this name and address.
    Address(&'a str, Ipv4Addr),
}

impl OtherEnd<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Pods(pods) => pods.name,
            Self::Address(name, _) => name,
        }
    }
}

/// The port that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CalledPort {
    /// The number of the protocol (IANA).
    pub protocol: u8,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for CalledPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let protocol = if self.protocol == 17 { "UDP" } else { "TCP" };
        write!(f, "{protocol} port {}", self.port)
    }
}

/// One end of a connection, as its policies see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PolicyQuestion<'a> {
    /// The pods whose policies are asked.
    pub pods: PodGroup<'a>,
    /// The direction, seen from these pods.
    pub direction: PolicyDirection,
    /// The other end.
    pub other: OtherEnd<'a>,
    /// The port that is called.
    pub called: CalledPort,
}

impl PolicyQuestion<'_> {
    /// Describes an accepted connection.
    pub(super) fn admitted(&self) -> String {
        let Self { direction, other, called, .. } = self;
        match direction {
            PolicyDirection::Egress => {
                format!("its NetworkPolicy accepts connections to {}, {called}", other.name())
            }
            PolicyDirection::Ingress => {
                format!("its NetworkPolicy accepts connections from {}, {called}", other.name())
            }
        }
    }
}

/// The policies that select pods in a direction.
pub(super) fn selecting<'a>(
    files: &'a IngressFiles,
    pods: PodGroup<'a>,
    direction: PolicyDirection,
) -> impl Iterator<Item = &'a EmittedPolicy> {
    let selects = move |policy: &&EmittedPolicy| {
        policy.namespace == pods.namespace
            && policy.directions.contains(&direction)
            && differing(&policy.pods, pods.labels).is_none()
    };
    files.objects.policies.iter().filter(selects)
}

/// Evaluates the policies of one end. The result is the line that accepts the connection, or none if no
/// policy selects the pods.
///
/// # Errors
///
/// When no policy accepts it; the finding is about the rule that is nearest to accepting it.
pub(super) fn ask(
    files: &IngressFiles,
    question: &PolicyQuestion<'_>,
) -> Result<Option<FileLine>, ProofFinding> {
    let policies: Vec<_> = selecting(files, question.pods, question.direction).collect();
    if policies.is_empty() {
        return Ok(None);
    }
    let mut nearest: Option<PolicyRefusal> = None;
    for policy in &policies {
        for admission in policy.admissions(question.direction) {
            match judge(files, policy, admission, question) {
                Ok(place) => return Ok(Some(place)),
                Err(refusal) => {
                    let nearer = nearest.as_ref().is_none_or(|known| refusal.rank > known.rank);
                    if nearer {
                        nearest = Some(refusal);
                    }
                }
            }
        }
    }
    Err(refused(&policies, question, nearest))
}

/// Why a rule does not accept a connection. The rule with the highest rank is nearest to accepting it.
struct PolicyRefusal {
    rank: u8,
    place: FileLine,
    why: String,
}

fn refused(
    selecting: &[&EmittedPolicy],
    question: &PolicyQuestion<'_>,
    nearest: Option<PolicyRefusal>,
) -> ProofFinding {
    let PolicyQuestion { pods, direction, other, called } = question;
    let names: Vec<_> = selecting.iter().map(|policy| policy.name.value.as_str()).collect();
    let (from, to) = match direction {
        PolicyDirection::Egress => (pods.name, other.name()),
        PolicyDirection::Ingress => (other.name(), pods.name),
    };
    let (place, why) = match nearest.filter(|refusal| refusal.rank > 0) {
        Some(refusal) => (refusal.place, format!(": {}", refusal.why)),
        None => (selecting[0].place, ": none of its rules matches".to_owned()),
    };
    let message = format!(
        "the NetworkPolicy {} of {} drops packets from {from} to {to}, {called}{why}",
        names.join(" and "),
        pods.namespace
    );
    ProofFinding::new(FindingCode::PolicyDrops, place, message)
}

fn judge(
    files: &IngressFiles,
    policy: &EmittedPolicy,
    admission: &PolicyAdmission,
    question: &PolicyQuestion<'_>,
) -> Result<FileLine, PolicyRefusal> {
    let port = port_of(admission, question.called);
    let peers: Vec<_> =
        admission.peers.iter().map(|peer| is_peer(files, policy, peer, question.other)).collect();
    let met = admission.peers.is_empty() || peers.iter().any(Result::is_ok);
    match (met, port) {
        (true, Ok(place)) => Ok(place.unwrap_or(policy.place)),
        (true, Err((place, ports))) => {
            Err(PolicyRefusal { rank: 4, place, why: format!("it accepts {ports} there") })
        }
        (false, port) => {
            let differing = peers.into_iter().filter_map(Result::err).max_by_key(|near| near.rank);
            let same_port = u8::from(port.is_ok());
            let nearest = differing.unwrap_or(PolicyRefusal {
                rank: 0,
                place: policy.place,
                why: "no peer of it matches".to_owned(),
            });
            Err(PolicyRefusal { rank: nearest.rank * 2 + same_port, ..nearest })
        }
    }
}

/// The line of the port that is called; none if all ports are accepted.
fn port_of(
    admission: &PolicyAdmission,
    called: CalledPort,
) -> Result<Option<FileLine>, (FileLine, String)> {
    let Some(first) = admission.ports.first() else { return Ok(None) };
    let called_port = |protocol, port| CalledPort { protocol, port };
    let mut ports = admission.ports.iter();
    let found = ports.find(|port| called_port(port.protocol, port.number.value) == called);
    if let Some(found) = found {
        return Ok(Some(found.number.place));
    }
    let names: Vec<_> = admission
        .ports
        .iter()
        .map(|port| called_port(port.protocol, port.number.value).to_string())
        .collect();
    Err((first.number.place, names.join(", ")))
}

fn is_peer(
    files: &IngressFiles,
    policy: &EmittedPolicy,
    peer: &PolicyPeer,
    other: OtherEnd<'_>,
) -> Result<(), PolicyRefusal> {
    match (peer, other) {
        (PolicyPeer::Block { net, except }, OtherEnd::Address(name, address)) => {
            let excepted = except.iter().find(|net| net.value.contains(&address));
            let (near, why) = match excepted {
                None if net.value.contains(&address) => return Ok(()),
                None => (net, format!("{name} is not in {}", net.value)),
                Some(except) => (except, format!("{name} is in {}", except.value)),
            };
            Err(PolicyRefusal { rank: 1, place: near.place, why })
        }
        (PolicyPeer::Pods { namespaces, pods }, OtherEnd::Pods(other)) => {
            in_namespace(files, policy, namespaces.as_ref(), other)?;
            match differing(pods, other.labels) {
                None => Ok(()),
                Some((place, label)) => {
                    let why = format!("{} has no label {label}", other.name);
                    Err(PolicyRefusal { rank: 1, place, why })
                }
            }
        }
        (PolicyPeer::Block { net, .. }, OtherEnd::Pods(_)) => {
            let why = "a block of addresses does not match pods".to_owned();
            Err(PolicyRefusal { rank: 0, place: net.place, why })
        }
        (PolicyPeer::Pods { .. }, OtherEnd::Address(..)) => {
            let why = "it accepts pods only".to_owned();
            Err(PolicyRefusal { rank: 0, place: policy.place, why })
        }
    }
}

fn in_namespace(
    files: &IngressFiles,
    policy: &EmittedPolicy,
    selector: Option<&ObjectLabels>,
    other: PodGroup<'_>,
) -> Result<(), PolicyRefusal> {
    let Some(selector) = selector else {
        if policy.namespace == other.namespace {
            return Ok(());
        }
        let why = format!("it accepts pods of {} only", policy.namespace);
        return Err(PolicyRefusal { rank: 0, place: policy.place, why });
    };
    for (key, wanted) in selector {
        if !namespace_has(files, other.namespace, key, &wanted.value) {
            // A selector that no other namespace matches is the nearest one.
            let rank = u8::from(selector.len() > 1 || names_unknown_namespace(files, selector));
            let why =
                format!("the namespace {} has no label {key}={}", other.namespace, wanted.value);
            return Err(PolicyRefusal { rank, place: wanted.place, why });
        }
    }
    Ok(())
}

/// Whether a selector names a namespace that is not in the tree.
fn names_unknown_namespace(files: &IngressFiles, selector: &ObjectLabels) -> bool {
    selector.get(NAMESPACE_NAME).is_none_or(|name| !is_namespace(files, &name.value))
}

/// Whether a namespace is in the tree, or is one that kubeadm creates.
pub(super) fn is_namespace(files: &IngressFiles, name: &str) -> bool {
    SYSTEM.contains(&name) || files.objects.namespaces.iter().any(|known| known.name == name)
}

/// Namespaces that kubeadm makes.
pub(super) const SYSTEM: [&str; 2] = ["kube-system", "default"];

fn namespace_has(files: &IngressFiles, namespace: &str, key: &str, value: &str) -> bool {
    if key == NAMESPACE_NAME {
        return namespace == value;
    }
    let mut known = files.objects.namespaces.iter();
    let labels = known.find(|known| known.name == namespace).map(EmittedNamespace::labels);
    let label = labels.and_then(|labels| labels.get(key));
    label.is_some_and(|label| label.value == value)
}

/// The first label of a selector that the pods do not have.
pub(super) fn differing(
    selector: &ObjectLabels,
    labels: &ObjectLabels,
) -> Option<(FileLine, String)> {
    let mut asked = selector.iter();
    let missed = asked
        .find(|(key, wanted)| labels.get(*key).is_none_or(|label| label.value != wanted.value))?;
    Some((missed.1.place, format!("{}={}", missed.0, missed.1.value)))
}
