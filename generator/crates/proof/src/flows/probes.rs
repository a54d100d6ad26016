//! The probes of a flow between two machines: for every address that pods can have, and each mode in
//! which a Service is translated.

use super::{Flow, FlowTarget, NetworkRange, ServicePorts, TO_NODE_PORT};
use crate::hop::FlowEnd;
use crate::model::address_class::AddressClass;
use crate::model::packet::{Packet, PacketPayload};
use crate::model::payload_set::{DNS, FlowPayloads, Reach, TIME};
use crate::model::{MachineId, Model};
use crate::read::kube_proxy::ProxyMode;
use crate::walk::{Arrival, Journey, TranslatedService};

/// One packet of a flow.
#[derive(Debug, Clone, Copy)]
pub struct FlowProbe {
    /// The packet.
    pub journey: Journey,
    /// The machine and receiver where it has to arrive.
    pub expected_arrival: Arrival,
}

/// All probes of a flow between two machines.
#[must_use]
pub fn probes(model: &Model, flow: &Flow, from: MachineId, to: MachineId) -> Vec<FlowProbe> {
    let (sender, target, reach) = (flow.sender, flow.target, flow.reach(model, from));
    let builder = ProbeBuilder { model, sender, target, reach, from, to };
    let aims = builder.aims();
    let sources = builder.sources();
    let both = sources.flat_map(|source| aims.iter().map(move |aim| builder.journey(source, *aim)));
    both.collect()
}

#[derive(Clone, Copy)]
struct ProbeBuilder<'model> {
    model: &'model Model,
    sender: FlowEnd,
    target: FlowTarget,
    reach: Reach,
    from: MachineId,
    to: MachineId,
}

/// The target of a probe.
#[derive(Debug, Clone, Copy)]
struct ProbeTarget {
    destination: AddressClass,
    payloads: FlowPayloads,
    expected_arrival: Arrival,
    service: Option<TranslatedService>,
    reach: Reach,
}

/// The front of a Service.
#[derive(Debug, Clone, Copy)]
struct CalledService {
    address: AddressClass,
    ports: ServicePorts,
    /// The only node that translates it; none for a ClusterIP, which all nodes translate.
    on: Option<MachineId>,
}

impl<'model> ProbeBuilder<'model> {
    fn pods(&self, id: MachineId) -> &'model [AddressClass] {
        self.model.machine(id).node.as_ref().map_or(&[], |host| &host.pods)
    }

    /// The source addresses.
    fn sources(&self) -> impl Iterator<Item = AddressClass> + use<'model> {
        let sources = match self.sender {
            FlowEnd::Pod => self.pods(self.from).to_vec(),
            FlowEnd::Host | FlowEnd::Internet => vec![self.source_of_host()],
            FlowEnd::Network => {
                let networks = self.model.networks_behind(self.from);
                networks.flat_map(|network| self.model.classes.within(network.net)).collect()
            }
        };
        sources.into_iter()
    }

    /// The kernel takes the address of the interface of the route: wg0's, but the public address for a
    /// pod of the host or a ClusterIP (observed with Kubernetes 1.37.2, 2026-11).
    fn source_of_host(&self) -> AddressClass {
        let machine = self.model.machine(self.from);
        let to_own_pod = self.from == self.to && matches!(self.target, FlowTarget::Pod(_));
        let to_service =
            matches!(self.target, FlowTarget::Service(_) | FlowTarget::ServiceOfHost(_))
                && machine.node.is_some();
        let outside = matches!(self.target, FlowTarget::Internet(_));
        if to_own_pod || to_service || outside { self.model.internet() } else { machine.address }
    }

    fn aims(&self) -> Vec<ProbeTarget> {
        let mut aims = Vec::new();
        let address = self.model.machine(self.to).address;
        let at = |party| Arrival { machine: self.to, party };
        let reach = self.reach;
        let plain = |destination, payloads, expected_arrival| ProbeTarget {
            destination,
            payloads,
            expected_arrival,
            service: None,
            reach,
        };
        match self.target {
            FlowTarget::Host(payload) => aims.push(plain(address, payload, at(FlowEnd::Host))),
            FlowTarget::HostOfNodes(sample) => {
                let payload = match self.model.opens_ssh_to_nodes(self.to) {
                    true => FlowPayloads::every(sample),
                    false => FlowPayloads::every_but_tcp(sample, self.model.ssh_port(self.to)),
                };
                aims.push(plain(address, payload, at(FlowEnd::Host)));
            }
            FlowTarget::Ssh => {
                let port = self.model.ssh_port(self.to);
                aims.push(plain(address, super::to_tcp(port), at(FlowEnd::Host)));
            }
            FlowTarget::Pod(payload) | FlowTarget::PodWithoutBgp(payload) => {
                let pods = self.pods(self.to).iter();
                aims.extend(pods.map(|pod| plain(*pod, payload, at(FlowEnd::Pod))));
            }
            FlowTarget::Service(ports) => {
                let services = self.model.services();
                aims.extend(services.flat_map(|service| {
                    let called = CalledService { address: service, ports, on: None };
                    self.through_pods(called, self.to)
                }));
            }
            FlowTarget::ServiceOfHost(ports) => {
                let services = self.model.services();
                aims.extend(services.flat_map(|service| {
                    let called = CalledService { address: service, ports, on: None };
                    self.translated(called, &[address], at(FlowEnd::Host))
                }));
            }
            FlowTarget::NodePort => {
                let called = CalledService { address, ports: TO_NODE_PORT, on: Some(self.to) };
                aims.extend(self.through_pods(called, self.to));
                aims.extend(self.through_pods(called, self.third()));
            }
            FlowTarget::Network(range, payloads) => {
                aims.extend(self.networks(range, payloads));
            }
            FlowTarget::HostServices(payload) => {
                let here = Arrival { machine: self.from, party: FlowEnd::Internet };
                let services = host_services(self.model);
                aims.extend(services.map(|class| plain(class, payload, here)));
            }
            FlowTarget::Internet(payload) => aims.extend(self.internet(payload)),
            FlowTarget::InternetAndResolver(payload) => {
                aims.extend(self.internet(payload));
                let here = Arrival { machine: self.from, party: FlowEnd::Internet };
                let open =
                    [PacketPayload::udp(DNS), PacketPayload::tcp(DNS), PacketPayload::udp(TIME)];
                aims.extend(host_services(self.model).flat_map(|class| {
                    open.map(|payload| ProbeTarget {
                        // Nothing else reaches that address, errors about an answer included.
                        reach: Reach::Any,
                        ..plain(class, FlowPayloads::only(payload), here)
                    })
                }));
            }
        }
        aims
    }

    /// The addresses of networks behind `to`. A machine that is beside a network sends to it without the mesh.
    fn networks(&self, range: NetworkRange, payloads: FlowPayloads) -> Vec<ProbeTarget> {
        let Self { model, from, to, reach, .. } = *self;
        let is_meant = move |class: AddressClass, pods: bool| match range {
            NetworkRange::All => true,
            NetworkRange::OpenToPods => pods,
            NetworkRange::ClosedToPods => !pods,
            NetworkRange::Address(address) => address == class,
        };
        let classes = model.networks_behind(to).flat_map(|network| {
            let machine = if model.is_beside(from, network) { from } else { to };
            let within = model.classes.within(network.net);
            within
                .filter(move |class| is_meant(*class, network.pods))
                .map(move |class| (class, Arrival { machine, party: FlowEnd::Network }))
        });
        let aims = classes.map(|(destination, expected_arrival)| ProbeTarget {
            destination,
            payloads,
            expected_arrival,
            service: None,
            reach,
        });
        aims.collect()
    }

    /// Every class of public addresses.
    fn internet(&self, payloads: FlowPayloads) -> impl Iterator<Item = ProbeTarget> + use<'model> {
        let expected_arrival = Arrival { machine: self.from, party: FlowEnd::Internet };
        let reach = self.reach;
        self.model.public_classes().map(move |destination| ProbeTarget {
            destination,
            payloads,
            expected_arrival,
            service: None,
            reach,
        })
    }

    /// Through a Service whose endpoints are pods of `to`.
    fn through_pods(&self, called: CalledService, to: MachineId) -> Vec<ProbeTarget> {
        let arrival = Arrival { machine: to, party: FlowEnd::Pod };
        self.translated(called, self.pods(to), arrival)
    }

    /// With IPVS, nftables is proven too, so that a cluster can change its mode.
    fn translated(
        &self,
        called: CalledService,
        endpoints: &[AddressClass],
        expected_arrival: Arrival,
    ) -> Vec<ProbeTarget> {
        let CalledService { address, ports: ServicePorts { called: payloads, target }, on } =
            called;
        let modes: &[_] = match self.model.proxy_mode().value {
            ProxyMode::Ipvs => &[ProxyMode::Nftables, ProxyMode::Ipvs],
            ProxyMode::Iptables | ProxyMode::Nftables => &[ProxyMode::Nftables],
        };
        let aims = endpoints.iter().flat_map(|endpoint| {
            modes.iter().map(|mode| {
                let service =
                    TranslatedService { address, on, endpoint: *endpoint, target, mode: *mode };
                ProbeTarget {
                    destination: address,
                    payloads,
                    expected_arrival,
                    service: Some(service),
                    reach: self.reach,
                }
            })
        });
        aims.collect()
    }

    /// A node that runs, other than these two, so that a NodePort leads to another node; `to` if there is none.
    fn third(&self) -> MachineId {
        let after = self.model.nodes().skip(self.to.index() + 1);
        let mut others = after.chain(self.model.nodes());
        others
            .find(|id| ![self.from, self.to].contains(id) && self.model.off != Some(*id))
            .unwrap_or(self.to)
    }

    /// The MTU of the interface of one end, in bytes.
    fn mtu(&self, machine: MachineId, end: FlowEnd) -> u16 {
        match end {
            FlowEnd::Pod => self.model.emitted.installation.content.mtu.value,
            FlowEnd::Host | FlowEnd::Internet | FlowEnd::Network => self.model.mtu(machine),
        }
    }

    fn journey(&self, source: AddressClass, aim: ProbeTarget) -> FlowProbe {
        let ProbeTarget { destination, payloads, expected_arrival, service, reach } = aim;
        let sent = self.mtu(self.from, self.sender);
        let size = match expected_arrival.party {
            FlowEnd::Host | FlowEnd::Pod if self.model.agrees_on_size => {
                sent.min(self.mtu(expected_arrival.machine, expected_arrival.party))
            }
            FlowEnd::Host | FlowEnd::Pod | FlowEnd::Internet | FlowEnd::Network => sent,
        };
        // To a network beside it, a host sends from its address there.
        let is_beside = expected_arrival == Arrival { machine: self.from, party: FlowEnd::Network };
        let source = match self.sender {
            FlowEnd::Host if is_beside => self.model.internet(),
            _ => source,
        };
        let packet = Packet { source, destination, payload: payloads.sample, size };
        let bird = !matches!(self.target, FlowTarget::PodWithoutBgp(_));
        let Self { from, sender, .. } = *self;
        let journey = Journey { from, sender, packet, payloads, reach, service, bird };
        FlowProbe { journey, expected_arrival }
    }
}

/// The services of clouds for their hosts that are not addresses of the cluster.
fn host_services(model: &Model) -> impl Iterator<Item = AddressClass> + use<'_> {
    model.host_services().flat_map(|service| model.classes.within(service))
}
