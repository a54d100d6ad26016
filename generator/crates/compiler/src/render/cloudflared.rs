//! cloudflared: carries requests from Cloudflare's edge. It connects out; nothing connects to it.

mod configuration;
mod dns;
mod policy;
mod workload;

use crate::artifact::ArtifactSet;
use crate::encode::json;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::namespace;
use crate::kubernetes::network_policy::default_deny;
use crate::plan::Plan;
use crate::plan::tunnel::{DnsZonePlan, NAMESPACE, SECRET, TunnelPlan, secret_key};
use crate::render::objects::ObjectValues;
use crate::render::{ClusterRenderer, Output};
use meshwright_value::TunnelMode;

/// cloudflared, where there is a tunnel.
pub(super) const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "cloudflared",
    outputs: &[NAMESPACE_FILE, MANIFESTS, CONFIGURATION, DNS_ZONE],
    render,
};

const NAMESPACE_FILE: Output = Output {
    path: "cluster/cloudflared/namespace.yaml",
    consumer: "kubectl apply, before the Secret",
};
const MANIFESTS: Output = Output {
    path: "cluster/cloudflared/cloudflared.yaml",
    consumer: "kubectl apply, after the Secret",
};
pub(super) const CONFIGURATION: Output = Output {
    path: "cluster/cloudflared/configuration.json",
    consumer: "Cloudflare's API: PUT accounts/ACCOUNT/cfd_tunnel/TUNNEL/configurations",
};
pub(super) const DNS_ZONE: Output = Output {
    path: "cluster/cloudflared/<zone>.zone",
    consumer: "Cloudflare's dashboard: DNS, Records, Import",
};

/// The path of the records of one zone.
pub(super) fn dns_zone_path(zone: &DnsZonePlan) -> String {
    DNS_ZONE.path.replace("<zone>", &zone.name)
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    render_objects(&ObjectValues::of(plan), artifacts);
}

/// The files of a tunnel.
pub(super) fn render_objects(values: &ObjectValues<'_>, artifacts: &mut ArtifactSet) {
    let Some(tunnel) = values.tunnel else { return };
    artifacts.add(NAMESPACE_FILE.path, namespace_file());
    artifacts.add(MANIFESTS.path, manifests_file(tunnel));
    if tunnel.mode == TunnelMode::Remote {
        artifacts.add(CONFIGURATION.path, json::file(&configuration::payload(tunnel)));
    }
    for zone in &tunnel.zones {
        artifacts.add(dns_zone_path(zone), dns::file(zone, &tunnel.address));
    }
}

fn namespace_file() -> Vec<u8> {
    YamlFile::new("the namespace of cloudflared").document(&namespace(NAMESPACE)).finish()
}

fn manifests_file(tunnel: &TunnelPlan) -> Vec<u8> {
    let about = format!(
        "the Secret {SECRET} is not in this file: its key {} must not be committed to git",
        secret_key(tunnel.mode)
    );
    let file = YamlFile::new(&about);
    let file = match configuration::config_map(tunnel) {
        Some(config_map) => file.document(&config_map),
        None => file,
    };
    file.document(&workload::deployment_of(tunnel))
        .document(&workload::disruption_budget())
        .document(&policy::egress_policy(tunnel))
        .document(&default_deny(NAMESPACE))
        .finish()
}
