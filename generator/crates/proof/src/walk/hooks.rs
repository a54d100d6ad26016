//! How a host processes a packet: hooks, routes, translation, masquerading.

use super::decisions::SetDecision;
use super::stopped::StopReason;
use super::{ConnectionPhase, Journey, NextStop, PacketOrigin, StoppedPacket, Visit, Walker};
use crate::admission::Priorities;
use crate::hop::{FlowEnd, HopStep};
use crate::model::firewall::{PacketAddresses, Passage};
use crate::model::packet::Packet;
use crate::model::payload_set::Reach;
use crate::model::routing::{RouteTarget, TakenRoute};
use crate::read::kube_proxy::ProxyMode;
use crate::read::nftables::{Hook, Interface};

impl Walker<'_> {
    pub(super) fn visit(
        &mut self,
        mut visit: Visit,
        journey: &Journey,
    ) -> Result<NextStop, StoppedPacket> {
        if visit.origin != PacketOrigin::Process {
            self.arrive(&mut visit, journey)?;
        }
        let machine = self.model.machine(visit.at);
        // A host that sent from its public address receives the answer there.
        let answered = visit.phase == ConnectionPhase::Answer
            && visit.at == journey.from
            && journey.sender != FlowEnd::Pod
            && visit.packet.destination == journey.packet.source;
        let own = visit.packet.destination == machine.address || answered;
        if own {
            self.judge(&mut visit, Hook::Input, None, Priorities::All)?;
            return Ok(self.delivered(&visit, FlowEnd::Host));
        }
        let taken = machine.route(visit.packet.destination, journey.bird);
        self.note(visit.at, visit.packet, HopStep::Routed(taken), |_| taken.place);
        self.follow(visit, taken)
    }

    /// A received packet is translated before it is routed. With IPVS it first passes the input hook,
    /// because the ClusterIP is an address of the host.
    fn arrive(&mut self, visit: &mut Visit, journey: &Journey) -> Result<(), StoppedPacket> {
        let Some(service) = self.translation(visit, journey) else {
            return self.judge(visit, Hook::Prerouting, None, Priorities::All);
        };
        self.judge(visit, Hook::Prerouting, None, Priorities::BeforeTranslation)?;
        if service.mode == ProxyMode::Ipvs {
            self.judge(visit, Hook::Input, None, Priorities::All)?;
        }
        self.translate(visit, service);
        if service.mode == ProxyMode::Ipvs {
            visit.origin = PacketOrigin::Process;
        }
        if let Some(connection) = self.connection_at(visit.at) {
            connection.translated = true;
        }
        self.judge(visit, Hook::Prerouting, None, Priorities::AfterTranslation)
    }

    fn follow(&mut self, mut visit: Visit, taken: TakenRoute) -> Result<NextStop, StoppedPacket> {
        let output = match taken.target {
            RouteTarget::Mesh => Interface::Mesh,
            RouteTarget::Pod => Interface::Pod,
            RouteTarget::Public => Interface::Public,
            RouteTarget::Unreachable => return Err(visit.stopped(StopReason::NoRoute(taken))),
        };
        self.leave(&mut visit, output)?;
        match taken.target {
            RouteTarget::Pod if self.model.machine(visit.at).has_pod(visit.packet.destination) => {
                Ok(self.delivered(&visit, FlowEnd::Pod))
            }
            RouteTarget::Mesh => self.encrypt(&visit),
            RouteTarget::Public if self.model.is_private(visit.packet.destination) => {
                Err(visit.stopped(StopReason::InClear(taken)))
            }
            RouteTarget::Public if self.model.is_private(visit.packet.source) => {
                Err(visit.stopped(StopReason::Unanswerable))
            }
            RouteTarget::Public => Ok(self.delivered(&visit, FlowEnd::Internet)),
            _ => Err(visit.stopped(StopReason::NoPod(taken))),
        }
    }

    /// Forward or output, then postrouting. Masquerading happens before the chain at postrouting.
    fn leave(&mut self, visit: &mut Visit, output: Interface) -> Result<(), StoppedPacket> {
        if visit.origin == PacketOrigin::Process {
            self.output(visit, output)?;
        } else {
            self.judge(visit, Hook::Forward, Some(output), Priorities::All)?;
        }
        self.masquerade(visit, output);
        self.judge(visit, Hook::Postrouting, Some(output), Priorities::All)?;
        if visit.phase == ConnectionPhase::First
            && let Some(known) = self.connection_at(visit.at)
        {
            known.after = visit.packets();
        }
        Ok(())
    }

    /// At output, chains before the translation see the ClusterIP and the route to it.
    fn output(&mut self, visit: &mut Visit, output: Interface) -> Result<(), StoppedPacket> {
        if !visit.tracked.translated || visit.phase == ConnectionPhase::Answer {
            return self.judge(visit, Hook::Output, Some(output), Priorities::All);
        }
        let mut untranslated = *visit;
        untranslated.packet.destination = visit.tracked.original;
        untranslated.tracked.translated = visit.phase == ConnectionPhase::Later;
        let (hook, public) = (Hook::Output, Some(Interface::Public));
        self.judge(&mut untranslated, hook, public, Priorities::BeforeTranslation)?;
        self.judge(visit, hook, Some(output), Priorities::AfterTranslation)
    }

    /// kube-proxy masquerades packets to a Service that do not come from pods. Calico masquerades packets
    /// from pods to addresses outside the cluster. conntrack processes the answers.
    fn masquerade(&mut self, visit: &mut Visit, output: Interface) {
        let machine = self.model.machine(visit.at);
        if visit.phase == ConnectionPhase::Answer || machine.node.is_none() {
            return;
        }
        let Packet { source, destination, .. } = visit.packet;
        let by_proxy = visit.tracked.translated
            && (!self.model.is_in_cluster_cidr(source)
                || visit.tracked.original == machine.address);
        let by_calico = self.model.masquerades(source, destination);
        if !by_proxy && !by_calico {
            return;
        }
        let own = if output == Interface::Public { self.model.internet() } else { machine.address };
        if source != own {
            visit.packet.source = own;
            let place = |walker: &Self| Some(walker.model.masquerade_place(by_proxy));
            self.note(visit.at, visit.packet, HopStep::Masqueraded, place);
        }
    }

    /// Sends packets through the chains of a hook. If any packet may arrive, those that pass go on.
    fn judge(
        &mut self,
        visit: &mut Visit,
        hook: Hook,
        output: Option<Interface>,
        priorities: Priorities,
    ) -> Result<(), StoppedPacket> {
        let Some(host) = &self.model.machine(visit.at).node else { return Ok(()) };
        let input = if hook == Hook::Output { None } else { visit.origin.interface() };
        let passage = Passage { hook, input, output, priorities };
        let Packet { source, destination, .. } = visit.packet;
        let addresses = PacketAddresses { source, destination, tracked: visit.tracked };
        let decision = self.decide(host.firewall, passage, addresses, visit.payloads);
        let SetDecision { admitted, dropped, line } = decision;
        match (visit.reach, admitted, dropped) {
            (_, None, Some(dropped)) | (Reach::Every, _, Some(dropped)) => {
                visit.packet.payload = dropped.payload;
                return Err(visit.stopped(StopReason::Dropped { hook, line: dropped.line }));
            }
            (Reach::Any, Some(admitted), Some(_)) => {
                visit.payloads = admitted;
                visit.packet.payload = self.sets.sample(admitted);
            }
            (_, _, None) => {}
        }
        if let Some(line) = line {
            let place = host.firewall_file.line(line);
            self.note(visit.at, visit.packet, HopStep::Admitted(hook), |_| Some(place));
        }
        Ok(())
    }
}
