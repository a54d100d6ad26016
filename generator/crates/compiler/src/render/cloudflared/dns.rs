//! `<zone>.zone`: the public names of one DNS zone, for an import into it.

use serde::Serialize;

use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::tunnel::DnsZonePlan;

#[derive(Serialize)]
struct DnsZoneView<'plan> {
    generated: &'static str,
    zone: &'plan str,
    hostnames: Vec<&'plan str>,
    target: &'plan str,
}

pub(super) fn file(zone: &DnsZonePlan, target: &str) -> String {
    let view = DnsZoneView {
        generated: GENERATED,
        zone: &zone.name,
        hostnames: zone.hostnames.iter().map(|hostname| hostname.as_str()).collect(),
        target,
    };
    template::render("dns.zone", &view)
}
