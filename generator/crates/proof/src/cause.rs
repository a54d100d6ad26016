//! The cause of a flow that fails: the line that stops or admits its packet.

use crate::finding::{FindingCode, ProofFinding};
use crate::flows::{Expected, Flow, FlowTarget, FlowVerdict};
use crate::hop::{FlowEnd, HopStep};
use crate::model::{MachineId, Model};
use crate::read::nftables::Hook;
use crate::span::FileLine;
use crate::walk::{StoppedPacket, Walker};

/// One flow between two machines.
#[derive(Debug, Clone, Copy)]
pub struct FlowInstance<'flow> {
    /// The flow.
    pub flow: &'flow Flow,
    /// The sender.
    pub from: MachineId,
    /// The intended receiver.
    pub to: MachineId,
}

/// The cause of an unexpected verdict.
#[must_use]
pub fn of(model: &Model, instance: &FlowInstance<'_>, verdict: FlowVerdict) -> ProofFinding {
    let FlowInstance { flow, from, to } = *instance;
    if let FlowVerdict::Stopped(stopped) = verdict {
        let finding = without_prefix(model, instance, &stopped);
        let finding = finding.unwrap_or_else(|| stopped.finding(model));
        return without_routes(model, instance, stopped.machine(), finding);
    }
    let names = [from, to].map(|id| model.machine(id).name.as_str());
    let message = match flow.expected {
        Expected::Blocked => {
            format!("{} from {} to {} is not blocked", flow.name, names[0], names[1])
        }
        Expected::AsAsked | Expected::Delivered => {
            let limit = match model.is_server(from) {
                true => "its `reach` does not allow it",
                false => "its AllowedIPs do not contain that address",
            };
            format!("{} reaches {} by {}, but {limit}", names[0], names[1], flow.name)
        }
    };
    // The last rule that admitted the packet could have stopped it.
    let place = admission(model, instance);
    let code = match flow.expected {
        Expected::Blocked => FindingCode::FirewallAdmits,
        Expected::AsAsked | Expected::Delivered => FindingCode::ReachExceeded,
    };
    ProofFinding::new(code, place, message)
}

/// wg0's prefix gives the route to all other machines. If one end is outside of the prefix of the machine
/// where the packet stops, the cause is that machine's `Address`.
fn without_prefix(
    model: &Model,
    instance: &FlowInstance<'_>,
    stopped: &StoppedPacket,
) -> Option<ProofFinding> {
    let at = stopped.machine();
    if !stopped.is_without_route() || model.is_client(at) {
        return None;
    }
    let prefix = model.conf(at).address?;
    let is_outside =
        |id: MachineId| !prefix.value.contains(&model.classes.address(model.machine(id).address));
    if !is_outside(instance.to) && !is_outside(instance.from) {
        return None;
    }
    let machine = model.machine(at);
    let message = format!(
        "{} has the address {}, and this prefix does not contain all machines",
        machine.name, prefix.value
    );
    Some(ProofFinding::new(FindingCode::NoRoute, machine.file.line(prefix.line), message))
}

/// The route guard stops a pod packet if only BIRD has a route. The cause is the missing line in
/// wg0.routes.
fn without_routes(
    model: &Model,
    instance: &FlowInstance<'_>,
    at: MachineId,
    finding: ProofFinding,
) -> ProofFinding {
    // The answer stops at the receiver.
    let far = if at == instance.to { instance.from } else { instance.to };
    let waits = matches!(instance.flow.target, FlowTarget::PodWithoutBgp(_));
    let routes = model.files(at).map(|files| files.routes.file);
    match routes.filter(|_| waits && finding.code == FindingCode::NoRoute) {
        Some(file) => {
            let name = &model.machine(far).name;
            let message = format!(
                "only BIRD has a route to the pods of {name}: this may take 240 s after a start"
            );
            ProofFinding::new(FindingCode::PodsWaitForBgp, file.whole(), message)
        }
        None => finding,
    }
}

/// The line that admits a packet that must not arrive: the last one, but the first one for a network behind a machine,
/// since only the firewall nearest to the sender knows it.
fn admission(model: &Model, instance: &FlowInstance<'_>) -> FileLine {
    let mut walker = Walker::with_log(model);
    let _ = instance.flow.prove(&mut walker, instance.from, instance.to);
    let hops = walker.hops();
    let mut admitted = hops.iter().filter_map(|hop| match hop.step {
        HopStep::Admitted(Hook::Input | Hook::Forward) => hop.place,
        _ => None,
    });
    let is_of_network = instance.flow.sender == FlowEnd::Network
        || matches!(instance.flow.target, FlowTarget::Network(..));
    let place = if is_of_network { admitted.next() } else { admitted.next_back() };
    place.unwrap_or(model.machine(instance.to).file.whole())
}
