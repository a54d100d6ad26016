//! `dns.zone`: the public names, for an import into the zone.

use serde::Serialize;

use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::tunnel::TunnelPlan;

#[derive(Serialize)]
struct DnsZoneView<'plan> {
    generated: &'static str,
    hostnames: Vec<&'plan str>,
    target: &'plan str,
}

pub(super) fn file(tunnel: &TunnelPlan) -> String {
    let hostnames = tunnel.rules.iter().map(|rule| rule.hostname.as_str());
    let view = DnsZoneView {
        generated: GENERATED,
        hostnames: hostnames.collect(),
        target: &tunnel.address,
    };
    template::render("dns.zone", &view)
}
