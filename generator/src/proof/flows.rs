//! The flows that a cluster lives by, and what must become of each.

use crate::proof::finding::{Code, Finding};
use crate::proof::hop::Party;
use crate::proof::model::atoms::Atom;
use crate::proof::model::packet::{Packet, Payload};
use crate::proof::model::{MachineId, Model};
use crate::proof::read::kube_proxy::Mode;
use crate::proof::walk::{Arrival, Journey, Service, Stopped, Walker};
use crate::provider;
use crate::value::{ProviderName, Text as _};

/// One kind of flow.
#[derive(Debug)]
pub struct Flow {
    /// The name that the command line and JSON use.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Who sends.
    pub sender: Party,
    /// What is sent to.
    pub target: Target,
    /// What must become of it.
    pub expected: Expected,
    /// Between which machines it is proven.
    between: fn(&Model, MachineId, MachineId) -> bool,
}

/// What a flow is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The host, at its address in the mesh.
    Host(Payload),
    /// sshd of the host.
    Ssh,
    /// A pod.
    Pod(Payload),
    /// The address of a Service whose endpoint is a pod.
    Service,
    /// A port of the host that leads to a pod, its own or another's.
    NodePort,
    /// A pod, while BIRD has no routes.
    PodWithoutBgp(Payload),
    /// The metadata services of the host's cloud.
    Metadata,
    /// Any host outside.
    Internet(Payload),
}

/// What must become of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It arrives, and its answer comes back.
    Delivered,
    /// It does not arrive.
    Blocked,
    /// As the client's own file asks.
    AsAsked,
}

/// What became of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived, and so did its answer.
    Delivered,
    /// It stopped.
    Stopped(Stopped),
}

/// A port that programs in pods listen on.
const APP: u16 = 8080;
const SERVICE_PORT: u16 = 80;
/// The first of Kubernetes' default `--service-node-port-range`.
const NODE_PORT: u16 = 30_000;

const API: Target = Target::Host(Payload::tcp(6443));
const KUBELET: Target = Target::Host(Payload::tcp(10_250));
const BGP: Target = Target::Host(Payload::tcp(179));
const ETCD: Target = Target::Host(Payload::tcp(2379));

/// All flows between machines of the mesh.
pub const ALL: &[Flow] = &[
    Flow {
        name: "node-ping",
        about: "a host reaches a host",
        sender: Party::Host,
        target: Target::Host(Payload::ping()),
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "node-kubelet",
        about: "logs, exec and metrics: a host reaches kubelet",
        sender: Party::Host,
        target: KUBELET,
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "node-bgp",
        about: "BIRD reaches BIRD",
        sender: Party::Host,
        target: BGP,
        expected: Expected::Delivered,
        between: |model, from, to| other_nodes(model, from, to) && speak_bgp(model, from, to),
    },
    Flow {
        name: "node-api",
        about: "kubelet and kube-proxy reach the API",
        sender: Party::Host,
        target: API,
        expected: Expected::Delivered,
        between: |model, from, to| other_nodes(model, from, to) && controls(model, to),
    },
    Flow {
        name: "node-etcd",
        about: "etcd reaches etcd",
        sender: Party::Host,
        target: ETCD,
        expected: Expected::Delivered,
        between: |model, from, to| {
            other_nodes(model, from, to) && controls(model, from) && controls(model, to)
        },
    },
    Flow {
        name: "pod-pod",
        about: "a pod reaches a pod",
        sender: Party::Pod,
        target: Target::Pod(Payload::tcp(APP)),
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-pod-without-bgp",
        about: "a pod reaches a pod while BIRD has no routes",
        sender: Party::Pod,
        target: Target::PodWithoutBgp(Payload::tcp(APP)),
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "pod-api",
        about: "a pod reaches the API as a port of a host",
        sender: Party::Pod,
        target: API,
        expected: Expected::Delivered,
        between: |model, from, to| nodes(model, from, to) && controls(model, to),
    },
    Flow {
        name: "pod-kubelet",
        about: "a metrics server reaches kubelet",
        sender: Party::Pod,
        target: KUBELET,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-bgp",
        about: "a pod does not pose as a node",
        sender: Party::Pod,
        target: BGP,
        expected: Expected::Blocked,
        between: nodes,
    },
    Flow {
        name: "pod-etcd",
        about: "a pod does not reach etcd",
        sender: Party::Pod,
        target: ETCD,
        expected: Expected::Blocked,
        between: nodes,
    },
    Flow {
        name: "pod-etcd-peer",
        about: "a pod does not reach etcd's peer port",
        sender: Party::Pod,
        target: Target::Host(Payload::tcp(2380)),
        expected: Expected::Blocked,
        between: nodes,
    },
    Flow {
        name: "node-pod",
        about: "probes and webhooks: a host reaches a pod",
        sender: Party::Host,
        target: Target::Pod(Payload::tcp(APP)),
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-service",
        about: "a pod reaches a pod through a ClusterIP",
        sender: Party::Pod,
        target: Target::Service,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "node-service",
        about: "a host reaches a pod through a ClusterIP",
        sender: Party::Host,
        target: Target::Service,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "node-port",
        about: "a host reaches a pod through a NodePort of another",
        sender: Party::Host,
        target: Target::NodePort,
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "node-internet",
        about: "a host reaches the Internet: packages, time, the others' endpoints",
        sender: Party::Host,
        target: Target::Internet(Payload::tcp(443)),
        expected: Expected::Delivered,
        between: same,
    },
    Flow {
        name: "pod-internet",
        about: "a pod reaches the Internet under its node's address",
        sender: Party::Pod,
        target: Target::Internet(Payload::tcp(443)),
        expected: Expected::Delivered,
        between: same,
    },
    Flow {
        name: "pod-metadata",
        about: "a pod does not reach the metadata service of its node's cloud",
        sender: Party::Pod,
        target: Target::Metadata,
        expected: Expected::Blocked,
        between: same,
    },
    Flow {
        name: "client-ssh",
        about: "a client reaches SSH",
        sender: Party::Host,
        target: Target::Ssh,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-api",
        about: "kubectl reaches the API",
        sender: Party::Host,
        target: API,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-ping",
        about: "a client reaches a host",
        sender: Party::Host,
        target: Target::Host(Payload::ping()),
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-kubelet",
        about: "a client does not reach kubelet",
        sender: Party::Host,
        target: KUBELET,
        expected: Expected::Blocked,
        between: from_client,
    },
    Flow {
        name: "client-pod",
        about: "a client reaches a pod",
        sender: Party::Host,
        target: Target::Pod(Payload::tcp(APP)),
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-service",
        about: "a client reaches a pod through a ClusterIP",
        sender: Party::Host,
        target: Target::Service,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-node-port",
        about: "a client does not reach a NodePort",
        sender: Party::Host,
        target: Target::NodePort,
        expected: Expected::Blocked,
        between: from_client,
    },
];

fn is_node(model: &Model, id: MachineId) -> bool {
    model.machine(id).node.is_some()
}

fn nodes(model: &Model, from: MachineId, to: MachineId) -> bool {
    is_node(model, from) && is_node(model, to)
}

fn other_nodes(model: &Model, from: MachineId, to: MachineId) -> bool {
    from != to && nodes(model, from, to)
}

fn same(model: &Model, from: MachineId, to: MachineId) -> bool {
    from == to && is_node(model, from)
}

fn from_client(model: &Model, from: MachineId, to: MachineId) -> bool {
    !is_node(model, from) && is_node(model, to)
}

fn controls(model: &Model, id: MachineId) -> bool {
    model.machine(id).node.as_ref().is_some_and(|host| host.control_plane)
}

/// All with all, or each with the reflectors.
fn speak_bgp(model: &Model, from: MachineId, to: MachineId) -> bool {
    let reflects = |id| model.machine(id).node.as_ref().is_some_and(|host| host.reflector);
    model.emitted.bgp.said.full_mesh.value || reflects(from) || reflects(to)
}

impl Flow {
    /// A flow by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|flow| flow.name == name)
    }

    /// Whether it is proven between two machines.
    #[must_use]
    pub fn applies(&self, model: &Model, from: MachineId, to: MachineId) -> bool {
        (self.between)(model, from, to)
    }

    /// Whether this verdict is the expected one.
    #[must_use]
    pub fn holds(&self, model: &Model, from: MachineId, verdict: &Verdict) -> bool {
        let delivered = *verdict == Verdict::Delivered;
        match self.expected {
            Expected::Delivered => delivered,
            Expected::Blocked => !delivered,
            Expected::AsAsked => delivered == self.is_asked_for(model, from),
        }
    }

    /// Whether a client's own file asks for what this flow reaches: if it names one node, it means
    /// all, and so with pods.
    #[must_use]
    pub fn is_asked_for(&self, model: &Model, client: MachineId) -> bool {
        let client = model.machine(client);
        let asks = |atom| client.peer(atom).is_some();
        match self.target {
            Target::Host(_) | Target::Ssh | Target::NodePort => {
                model.nodes().any(|node| asks(model.machine(node).address))
            }
            Target::Pod(_) | Target::PodWithoutBgp(_) => model.nodes().any(|node| {
                let host = model.machine(node).node.as_ref();
                host.is_some_and(|host| host.pods.iter().copied().any(asks))
            }),
            Target::Service => asks(model.service()),
            Target::Metadata | Target::Internet(_) => false,
        }
    }

    /// Proves it between two machines: for every address that their pods can have, and for each way
    /// of translating a Service.
    pub fn prove(&self, walker: &mut Walker<'_>, from: MachineId, to: MachineId) -> Verdict {
        let model = walker.model();
        let mut last = Verdict::Delivered;
        for one in tries(model, self, from, to) {
            last = verdict(walker, &one.journey, one.meant);
            let stopped = matches!(last, Verdict::Stopped(_));
            // The first that fails decides: one that is lost, or one that should be.
            if stopped != (self.expected == Expected::Blocked) {
                return last;
            }
        }
        last
    }
}

/// Walks there and back, and says what became of it.
pub fn verdict(walker: &mut Walker<'_>, journey: &Journey, meant: Arrival) -> Verdict {
    let there = match walker.send(journey) {
        Ok(there) => there,
        Err(stopped) => return Verdict::Stopped(stopped),
    };
    if there != meant {
        return Verdict::Stopped(Stopped::Lost(elsewhere(walker.model(), there, meant)));
    }
    match walker.answer(journey, there) {
        Ok(_) => Verdict::Delivered,
        Err(stopped) => Verdict::Stopped(stopped),
    }
}

fn elsewhere(model: &Model, arrived: Arrival, meant: Arrival) -> Finding {
    let [arrived, meant] = [arrived, meant].map(|arrival| model.machine(arrival.machine));
    let message = format!("it arrives at {} instead of {}", arrived.name, meant.name);
    Finding::new(Code::ArrivesElsewhere, meant.file.whole(), message)
}

/// One way in which a flow is tried.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// What is sent.
    pub journey: Journey,
    /// Where it has to arrive.
    pub meant: Arrival,
}

/// Every way in which a flow is tried between two machines.
#[must_use]
pub fn tries(model: &Model, flow: &Flow, from: MachineId, to: MachineId) -> Vec<Try> {
    let draft = Draft { model, sender: flow.sender, target: flow.target, from, to };
    let aims = draft.aims();
    let sources = draft.sources();
    let both = sources.flat_map(|source| aims.iter().map(move |aim| draft.journey(source, *aim)));
    both.collect()
}

#[derive(Clone, Copy)]
struct Draft<'model> {
    model: &'model Model,
    sender: Party,
    target: Target,
    from: MachineId,
    to: MachineId,
}

/// What is sent to.
#[derive(Debug, Clone, Copy)]
struct Aim {
    destination: Atom,
    payload: Payload,
    meant: Arrival,
    service: Option<Service>,
}

impl<'model> Draft<'model> {
    fn pods(&self, id: MachineId) -> &'model [Atom] {
        self.model.machine(id).node.as_ref().map_or(&[], |host| &host.pods)
    }

    /// The addresses that it is sent from.
    fn sources(&self) -> impl Iterator<Item = Atom> + use<'model> {
        let (own, pods) = match self.sender {
            Party::Pod => (None, self.pods(self.from)),
            Party::Host | Party::Internet => (Some(self.source_of_host()), &[][..]),
        };
        own.into_iter().chain(pods.iter().copied())
    }

    /// The kernel takes the address of the interface that the route leads to: wg0's, and for an own
    /// pod or a ClusterIP the public one (seen).
    fn source_of_host(&self) -> Atom {
        let machine = self.model.machine(self.from);
        let to_own_pod = self.from == self.to && matches!(self.target, Target::Pod(_));
        let to_service = self.target == Target::Service && machine.node.is_some();
        let outside = matches!(self.target, Target::Internet(_));
        if to_own_pod || to_service || outside { self.model.internet() } else { machine.address }
    }

    fn aims(&self) -> Vec<Aim> {
        let mut aims = Vec::new();
        let address = self.model.machine(self.to).address;
        let at = |party| Arrival { machine: self.to, party };
        let plain =
            |destination, payload, meant| Aim { destination, payload, meant, service: None };
        match self.target {
            Target::Host(payload) => aims.push(plain(address, payload, at(Party::Host))),
            Target::Ssh => {
                let port = self.model.files(self.to).map_or(22, |files| files.json.said.ssh_port);
                aims.push(plain(address, Payload::tcp(port), at(Party::Host)));
            }
            Target::Pod(payload) | Target::PodWithoutBgp(payload) => {
                let pods = self.pods(self.to).iter();
                aims.extend(pods.map(|pod| plain(*pod, payload, at(Party::Pod))));
            }
            Target::Service => {
                let service = self.model.service();
                aims.extend(self.translated(service, SERVICE_PORT, self.to));
            }
            Target::NodePort => {
                aims.extend(self.translated(address, NODE_PORT, self.to));
                aims.extend(self.translated(address, NODE_PORT, self.third()));
            }
            Target::Metadata => {
                let here = Arrival { machine: self.from, party: Party::Internet };
                let services = self.model.metadata(self.from).into_iter();
                aims.extend(services.flat_map(|to| {
                    [Payload::tcp(80), Payload::udp(80), Payload::ping()]
                        .map(|payload| plain(to, payload, here))
                }));
            }
            Target::Internet(payload) => {
                let here = Arrival { machine: self.from, party: Party::Internet };
                aims.push(plain(self.model.internet(), payload, here));
            }
        }
        aims
    }

    /// Through a Service of which one pod of `to` is the endpoint. Both ways of translating are tried:
    /// a cluster that leaves IPVS must not find out afterwards.
    fn translated(&self, address: Atom, port: u16, to: MachineId) -> Vec<Aim> {
        let modes = [Mode::Nftables, Mode::Ipvs];
        let declared = self.model.proxy_mode().value;
        let modes = &modes[..if declared == Mode::Ipvs { 2 } else { 1 }];
        let aims = self.pods(to).iter().flat_map(|pod| {
            modes.iter().map(|mode| {
                let service = Service { address, port, pod: *pod, target_port: APP, mode: *mode };
                let meant = Arrival { machine: to, party: Party::Pod };
                let payload = Payload::tcp(port);
                Aim { destination: address, payload, meant, service: Some(service) }
            })
        });
        aims.collect()
    }

    /// Any node but these two, so that a NodePort leads on; the second, where there is no third.
    fn third(&self) -> MachineId {
        let after = self.model.nodes().skip(self.to.index() + 1);
        let mut others = after.chain(self.model.nodes());
        others.find(|id| *id != self.from && *id != self.to).unwrap_or(self.to)
    }

    fn journey(&self, source: Atom, aim: Aim) -> Try {
        let size = match self.sender {
            Party::Pod => self.model.emitted.installation.said.mtu.value,
            Party::Host | Party::Internet => self.model.mtu(self.from),
        };
        let Aim { destination, payload, meant, service } = aim;
        let packet = Packet { source, destination, payload, size };
        let bird = !matches!(self.target, Target::PodWithoutBgp(_));
        let (from, sender) = (self.from, self.sender);
        Try { journey: Journey { from, sender, packet, service, bird }, meant }
    }
}

/// Where the metadata of a node's cloud is served.
impl Model {
    fn metadata(&self, id: MachineId) -> Vec<Atom> {
        let zone = self.files(id).and_then(|files| {
            let mut labels = files.kubeadm.said.labels.iter();
            labels.find_map(|label| label.strip_prefix("topology.kubernetes.io/zone="))
        });
        let known = zone.and_then(|zone| ProviderName::parse(zone).ok());
        let known = known.map(|name| provider::facts(name).metadata);
        let addresses = known.unwrap_or_default().iter().chain([&provider::METADATA]);
        addresses.map(|address| self.atoms.of(*address)).collect()
    }
}
