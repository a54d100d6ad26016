//! Routers that forward another port than the one on which WireGuard listens.

use crate::assumption::Assumption;
use crate::model::Model;
use meshwright_value::Port;

/// The ports of endpoints in `node.json`: they are there if the topology names one.
pub(super) fn all(model: &Model) -> Vec<Assumption> {
    let mut assumptions = Vec::new();
    for node in &model.emitted.nodes {
        let json = &node.json.content;
        let listens = json.listen_port.value;
        for endpoint in json.endpoints() {
            let forwarded = endpoint.value.port().map(Port::get).filter(|port| *port != listens);
            if let Some(port) = forwarded {
                let host = endpoint.value.host();
                let text = format!(
                    "a router forwards UDP port {port} of {host} to port {listens} of {}",
                    node.name
                );
                assumptions.push(Assumption::new(node.json.file.line(endpoint.line), text));
            }
        }
    }
    assumptions
}
