//! The networks below the mesh: endpoints, address families, routers and MTUs.

use crate::assumption::Assumption;
use crate::model::link::Link;
use crate::model::{MachineId, Model};
use crate::span::FileLine;
use meshwright_value::{Endpoint, Host, WIREGUARD_OVERHEAD};

pub(super) fn all(model: &Model) -> Vec<Assumption> {
    let called = called_endpoints(model);
    let of_endpoints = called.iter().flat_map(|endpoint| of_endpoint(model, endpoint));
    let mut assumptions: Vec<_> = of_endpoints.collect();
    let mut is_called = vec![false; model.machines.len()];
    for endpoint in &called {
        is_called[endpoint.owner.index()] = true;
    }
    for id in model.ids() {
        assumptions.push(mtu(model, id));
        assumptions.extend(mtu_of_site(model, id));
        if !is_called[id.index()] {
            assumptions.extend(mapping(model, id));
        }
    }
    assumptions
}

/// An endpoint, with the first line that calls it.
struct CalledEndpoint<'model> {
    endpoint: &'model Endpoint,
    owner: MachineId,
    place: FileLine,
}

/// Each endpoint of each machine once.
fn called_endpoints(model: &Model) -> Vec<CalledEndpoint<'_>> {
    let mut known: Vec<Vec<&Endpoint>> = vec![Vec::new(); model.machines.len()];
    let mut called = Vec::new();
    for id in model.ids() {
        for (position, link) in model.machine(id).links.iter().enumerate() {
            let Link::Up(tunnel) = link else { continue };
            let Some((endpoint, place)) = model.endpoint(id, position) else { continue };
            let known = &mut known[tunnel.to.index()];
            if !known.contains(&endpoint) {
                known.push(endpoint);
                called.push(CalledEndpoint { endpoint, owner: tunnel.to, place });
            }
        }
    }
    called
}

fn of_endpoint(model: &Model, called: &CalledEndpoint<'_>) -> Vec<Assumption> {
    let CalledEndpoint { endpoint, owner, place } = *called;
    let owner = &model.machine(owner).name;
    let arrives = "UDP to the endpoint on this line arrives at the peer's ListenPort: the address is the \
                   peer's own, or a router forwards the port to it";
    let mut assumptions = vec![Assumption::new(place, arrives)];
    assumptions.push(match endpoint.host() {
        Host::V4(_) => Assumption::new(
            place,
            "all machines that call the endpoint on this line, and its owner, have IPv4",
        ),
        Host::V6(_) => Assumption::new(
            place,
            "all machines that call the endpoint on this line, and its owner, have IPv6",
        ),
        Host::Name(name) => Assumption::new(
            place,
            format!(
                "the name {name} resolves to the public address of {owner}, of an address family that \
                 its callers have, and to which only their default route leads"
            ),
        ),
    });
    assumptions
}

fn mtu(model: &Model, id: MachineId) -> Assumption {
    let line = model.conf(id).mtu.map_or(0, |mtu| mtu.line);
    let place = model.machine(id).file.line(line);
    let bytes =
        model.underlay_mtu(id).unwrap_or_else(|| model.mtu(id).saturating_add(WIREGUARD_OVERHEAD));
    let text = format!(
        "packets of {bytes} bytes pass between this machine and the Internet without being split"
    );
    Assumption::new(place, text)
}

fn mtu_of_site(model: &Model, id: MachineId) -> Option<Assumption> {
    let files = model.files(id)?;
    let json = &files.json.content;
    let (site, mtu) = json.site.as_ref().zip(json.site_mtu)?;
    let text = format!(
        "packets of {} bytes pass between this machine and the others of the site {site} without being split",
        mtu.value
    );
    Some(Assumption::new(files.json.file.line(mtu.line), text))
}

/// A machine that no other can call is reached by the mapping that its keepalives preserve.
fn mapping(model: &Model, id: MachineId) -> Option<Assumption> {
    let keepalives = model.conf(id).peers.iter().filter_map(|peer| peer.keepalive);
    let first = keepalives.min_by_key(|keepalive| keepalive.line)?;
    let text = format!(
        "a NAT router of this machine keeps a mapping for UDP for more than {} seconds",
        first.value
    );
    Some(Assumption::new(model.machine(id).file.line(first.line), text))
}
