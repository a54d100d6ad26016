//! A client that nodes and pods call: all nodes state the same about it, and it listens where they call.

use crate::finding::{FindingCode, ProofFinding};
use crate::model::{MachineId, Model};
use crate::read::node_json::StatedServer;
use crate::span::FileLine;

/// What one node states about it.
struct Statement<'model> {
    server: &'model StatedServer,
    place: FileLine,
    shown: String,
}

pub(super) fn check(model: &Model) -> Vec<ProofFinding> {
    let servers = model.clients().filter(|id| model.is_server(*id));
    servers.flat_map(|id| of_server(model, id)).collect()
}

fn of_server(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let machine = model.machine(id);
    let statements = statements(model, &machine.name);
    let mut findings = Vec::new();
    // The statement that most others agree with is right.
    let agreeing = |one: &&Statement<'_>| {
        statements.iter().filter(|other| difference(one.server, other.server).is_none()).count()
    };
    let right = statements.iter().rev().max_by_key(agreeing);
    for (statement, right) in statements.iter().zip(right.into_iter().cycle()) {
        let Some(what) = difference(statement.server, right.server) else { continue };
        let message = format!("{what} {} differs from that in {}", machine.name, right.shown);
        findings.push(ProofFinding::new(FindingCode::FilesDisagree, statement.place, message));
    }
    findings.extend(port(model, id));
    findings
}

fn statements<'model>(model: &'model Model, name: &str) -> Vec<Statement<'model>> {
    let nodes = model.emitted.nodes.iter();
    let all = nodes.flat_map(|node| {
        let peers = node.json.content.peers.iter().filter(move |peer| peer.name == name);
        peers.filter_map(move |peer| {
            let server = peer.server.as_deref()?;
            let line = server.endpoint.line;
            let shown = format!("nodes/{}/node.json:{line}", node.name);
            Some(Statement { server, place: node.json.file.line(line), shown })
        })
    });
    all.collect()
}

/// The value in which two statements differ. Two nodes may call it in two address families.
fn difference(one: &StatedServer, other: &StatedServer) -> Option<&'static str> {
    let same_family = one.endpoint.value.family() == other.endpoint.value.family();
    if one.reach != other.reach {
        Some("the reach of")
    } else if same_family && one.endpoint.value != other.endpoint.value {
        Some("the endpoint of")
    } else {
        None
    }
}

/// A router may translate the port of one of its endpoints, but not of all.
fn port(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let machine = model.machine(id);
    let listens = model.conf(id).listen_port?;
    let endpoints = &machine.server.as_ref()?.endpoints;
    let is_called = |port: u16| {
        endpoints.iter().any(|one| one.port().is_some_and(|called| called.get() == port))
    };
    if is_called(listens.value) {
        return None;
    }
    let message =
        format!("{} listens on {}, and no node calls it there", machine.name, listens.value);
    let place = machine.file.line(listens.line);
    Some(ProofFinding::new(FindingCode::PeerUnreachable, place, message))
}
