//! How a host processes a packet: hooks, routes, translation, masquerading.

use super::decisions::SetDecision;
use super::stopped::StopReason;
use super::{
    ConnectionPhase, Journey, NextStop, PacketOrigin, StoppedPacket, TranslatedService, Visit,
    Walker,
};
use crate::admission::Priorities;
use crate::hop::{FlowEnd, HopStep};
use crate::model::MachineId;
use crate::model::address_class::AddressClass;
use crate::model::firewall::{PacketAddresses, Passage};
use crate::model::packet::Packet;
use crate::model::payload_set::Reach;
use crate::model::routing::{RouteTarget, TakenRoute};
use crate::read::kube_proxy::ProxyMode;
use crate::read::nftables::{Hook, Interface};
use crate::span::FileLine;

/// What sets the source of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MasqueradedBy {
    KubeProxy,
    Calico,
    /// A rule of the host's firewall, on this line.
    Firewall(u32),
}

impl Walker<'_> {
    pub(super) fn visit(
        &mut self,
        mut visit: Visit,
        journey: &Journey,
    ) -> Result<NextStop, StoppedPacket> {
        match visit.origin {
            PacketOrigin::Process => visit.restore_destination(),
            _ => self.arrive(&mut visit, journey)?,
        }
        let machine = self.model.machine(visit.at);
        // A host that sent from its public address receives the answer there.
        let answered = visit.phase == ConnectionPhase::Answer
            && visit.at == journey.from
            && journey.sender != FlowEnd::Pod
            && visit.packet.destination == journey.packet.source;
        let own = visit.packet.destination == machine.address || answered;
        if own {
            self.receive(&mut visit)?;
            return Ok(self.delivered(&visit, FlowEnd::Host));
        }
        let taken = machine.route(visit.packet.destination, journey.bird);
        self.note(visit.at, visit.packet, HopStep::Routed(taken), |_| taken.place);
        self.follow(visit, taken)
    }

    /// netfilter translates a received packet at prerouting, and restores the destination of an answer
    /// there (`nf_nat_packet` in nf_nat_core.c, Linux 6.12).
    fn arrive(&mut self, visit: &mut Visit, journey: &Journey) -> Result<(), StoppedPacket> {
        if visit.is_masqueraded_answer() {
            self.judge(visit, Hook::Prerouting, None, Priorities::BeforeTranslation)?;
            visit.restore_destination();
            self.note(visit.at, visit.packet, HopStep::Restored, |_| None);
            return self.judge(visit, Hook::Prerouting, None, Priorities::AfterTranslation);
        }
        let Some(service) = self.translation(visit, journey) else {
            return self.judge(visit, Hook::Prerouting, None, Priorities::All);
        };
        if service.mode == ProxyMode::Ipvs {
            return self.balance(visit, service);
        }
        self.judge(visit, Hook::Prerouting, None, Priorities::BeforeTranslation)?;
        self.translate_at_hook(visit, service);
        self.judge(visit, Hook::Prerouting, None, Priorities::AfterTranslation)
    }

    /// The ClusterIP is an address of the host, so the packet enters the input hook with it. IPVS takes it
    /// there (`NF_INET_LOCAL_IN`, priority 99, in ip_vs_core.c, Linux 6.12), and sends it through the
    /// output hook with the address of the endpoint (`ip_vs_nat_send_or_cont` in ip_vs_xmit.c).
    fn balance(
        &mut self,
        visit: &mut Visit,
        service: TranslatedService,
    ) -> Result<(), StoppedPacket> {
        self.judge(visit, Hook::Prerouting, None, Priorities::All)?;
        self.judge(visit, Hook::Input, None, Priorities::All)?;
        self.translate_at_hook(visit, service);
        visit.origin = PacketOrigin::Process;
        visit.is_balanced = true;
        Ok(())
    }

    fn translate_at_hook(&mut self, visit: &mut Visit, service: TranslatedService) {
        self.translate(visit, service);
        if visit.phase == ConnectionPhase::First
            && let Some(connection) = self.connection_at(visit.at)
        {
            (connection.translated_by, connection.after) = (visit.translated_by, visit.packets());
        }
    }

    /// A packet for an endpoint on this host has passed the input hook when IPVS translates it.
    fn receive(&mut self, visit: &mut Visit) -> Result<(), StoppedPacket> {
        if visit.is_balanced {
            return Ok(());
        }
        if !visit.is_translated_answer() {
            return self.judge(visit, Hook::Input, None, Priorities::All);
        }
        self.judge(visit, Hook::Input, None, Priorities::BeforeMasquerade)?;
        self.restore_source(visit);
        self.judge(visit, Hook::Input, None, Priorities::AfterMasquerade)
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
            RouteTarget::Public
                if self.model.is_across_mesh(visit.at, visit.packet.destination) =>
            {
                Err(visit.stopped(StopReason::InClear(taken)))
            }
            RouteTarget::Public if self.model.is_private(visit.packet.source) => {
                Err(visit.stopped(StopReason::Unanswerable))
            }
            RouteTarget::Public => {
                let network = self.model.network_of_class(visit.packet.destination);
                let party = network.map_or(FlowEnd::Internet, |_| FlowEnd::Network);
                Ok(self.delivered(&visit, party))
            }
            _ => Err(visit.stopped(StopReason::NoPod(taken))),
        }
    }

    /// Forward or output, then postrouting. Sources are masqueraded, and restored in answers, between the
    /// chains of postrouting. IPVS restores them at the end of the forward hook (priority 100).
    fn leave(&mut self, visit: &mut Visit, output: Interface) -> Result<(), StoppedPacket> {
        if visit.origin == PacketOrigin::Process {
            self.output(visit, output)?;
        } else {
            self.judge(visit, Hook::Forward, Some(output), Priorities::All)?;
        }
        if visit.translated_by == Some(ProxyMode::Ipvs) && visit.is_translated_answer() {
            self.restore_source(visit);
        }
        let masqueraded = self.masquerade(visit, output);
        let (hook, output) = (Hook::Postrouting, Some(output));
        if masqueraded.is_none() && !visit.is_translated_answer() {
            self.judge(visit, hook, output, Priorities::All)?;
        } else {
            self.judge(visit, hook, output, Priorities::BeforeMasquerade)?;
            if let Some((source, by)) = masqueraded {
                let at = visit.at;
                visit.packet.source = source;
                let place = |walker: &Self| Some(walker.masquerade_place(at, by));
                self.note(visit.at, visit.packet, HopStep::Masqueraded, place);
            } else {
                self.restore_source(visit);
            }
            self.judge(visit, hook, output, Priorities::AfterMasquerade)?;
        }
        if visit.phase == ConnectionPhase::First
            && let Some(known) = self.connection_at(visit.at)
        {
            known.after = visit.packets();
        }
        Ok(())
    }

    fn restore_source(&mut self, visit: &mut Visit) {
        if let Some(restored) = visit.restored {
            (visit.packet, visit.payloads) = (restored.packet, restored.payloads);
            self.note(visit.at, visit.packet, HopStep::Restored, |_| None);
        }
    }

    /// At output, chains before the translation see the ClusterIP and the route to it. IPVS sends the
    /// translated packet through the whole hook again.
    fn output(&mut self, visit: &mut Visit, output: Interface) -> Result<(), StoppedPacket> {
        let Some(mode) = visit.translated_by.filter(|_| visit.is_translated_here()) else {
            return self.judge(visit, Hook::Output, Some(output), Priorities::All);
        };
        let mut untranslated = *visit;
        (untranslated.packet, untranslated.payloads) = (visit.called.packet, visit.called.payloads);
        if visit.phase == ConnectionPhase::First {
            untranslated.translated_by = None;
        }
        let (hook, public) = (Hook::Output, Some(Interface::Public));
        self.judge(&mut untranslated, hook, public, Priorities::BeforeTranslation)?;
        let rest = match mode {
            ProxyMode::Ipvs => Priorities::All,
            ProxyMode::Iptables | ProxyMode::Nftables => Priorities::AfterTranslation,
        };
        self.judge(visit, hook, Some(output), rest)
    }

    /// The new source, and what sets it. kube-proxy masquerades packets to a Service that do not come from pods.
    /// Calico masquerades packets from pods to addresses outside the cluster. The host's own firewall masquerades
    /// packets to the networks behind it. conntrack processes the answers.
    fn masquerade(
        &mut self,
        visit: &Visit,
        output: Interface,
    ) -> Option<(AddressClass, MasqueradedBy)> {
        let machine = self.model.machine(visit.at);
        if visit.phase == ConnectionPhase::Answer {
            return None;
        }
        let Packet { source, destination, .. } = visit.packet;
        let by_proxy = visit.translated_by.is_some()
            && (!self.model.is_in_cluster_cidr(source)
                || visit.called.packet.destination == machine.address);
        let by = match &machine.node {
            Some(_) if by_proxy => MasqueradedBy::KubeProxy,
            Some(_) if self.model.masquerades(source, destination) => MasqueradedBy::Calico,
            _ => MasqueradedBy::Firewall(self.masquerading_rule(visit, output)?),
        };
        let own = if output == Interface::Public { self.model.internet() } else { machine.address };
        (source != own).then_some((own, by))
    }

    /// The line of the firewall that masquerades all of these packets.
    fn masquerading_rule(&mut self, visit: &Visit, output: Interface) -> Option<u32> {
        let (firewall, _) = self.model.machine(visit.at).firewall()?;
        let passage = Passage {
            hook: Hook::Postrouting,
            input: visit.origin.interface(),
            output: Some(output),
            priorities: Priorities::All,
        };
        let Packet { source, destination, .. } = visit.packet;
        let addresses = PacketAddresses { source, destination, tracked: visit.tracked() };
        let regions = self.sets.regions(visit.payloads);
        let firewall = &self.model.firewalls[firewall];
        firewall.masquerades(passage, addresses, regions, &self.model.classes)
    }

    fn masquerade_place(&self, at: MachineId, by: MasqueradedBy) -> FileLine {
        let file = self.model.machine(at).firewall().map(|(_, file)| file);
        match (by, file) {
            (MasqueradedBy::Firewall(line), Some(file)) => file.line(line),
            (by, _) => self.model.masquerade_place(by == MasqueradedBy::KubeProxy),
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
        let Some((firewall, file)) = self.model.machine(visit.at).firewall() else { return Ok(()) };
        let input = if hook == Hook::Output { None } else { visit.origin.interface() };
        let passage = Passage { hook, input, output, priorities };
        let Packet { source, destination, .. } = visit.packet;
        let addresses = PacketAddresses { source, destination, tracked: visit.tracked() };
        let decision = self.decide(firewall, passage, addresses, visit.payloads);
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
            let place = file.line(line);
            self.note(visit.at, visit.packet, HopStep::Admitted(hook), |_| Some(place));
        }
        Ok(())
    }
}
