//! Programs and objects of the cluster, and the Internet's way in.

use crate::assumption::Assumption;
use crate::model::Model;
use crate::read::dns_zone::ZoneRecord;
use crate::read::ingress::EmittedTunnel;
use crate::span::FileLine;

pub(super) fn all(model: &Model) -> Vec<Assumption> {
    let emitted = &model.emitted;
    let (cluster, kubeadm) = model.cluster();
    let proxy = &emitted.kube_proxy;
    let mut assumptions = vec![
        Assumption::new(
            kubeadm.line(cluster.endpoint.line),
            "the certificates, tokens and kubeconfigs of all machines belong to the cluster of this \
             address",
        ),
        Assumption::new(
            proxy.file.line(proxy.content.mode.line),
            "kube-proxy translates Services as this mode is documented",
        ),
        Assumption::new(
            emitted.installation.file.whole(),
            "Calico names the interfaces of pods cali and a hash, takes pods' addresses from the pools, and \
             routes and masquerades as documented",
        ),
        Assumption::new(
            emitted.sources.file.whole(),
            "the manifests, charts and images that this file names are as published, and the cluster has \
             no other objects than theirs and those of this tree",
        ),
    ];
    if emitted.bgp.content.password {
        assumptions.push(Assumption::new(
            emitted.bgp.file.whole(),
            "the Secret with the BGP password exists before the first session",
        ));
    }
    if let Some(controller) = &emitted.ingress.controller {
        let text = "the chart's templates create the objects that the proof's list of charts has";
        assumptions.push(Assumption::new(controller.serves.place.file.whole(), text));
    }
    assumptions.extend(emitted.ingress.workloads().map(|workload| {
        let text = format!(
            "the program in {} answers on its ports and passes its probes",
            workload.name.value
        );
        Assumption::new(workload.place, text)
    }));
    if let Some(tunnel) = &emitted.ingress.tunnel {
        assumptions.extend(of_tunnel(tunnel));
    }
    assumptions
}

/// The lines of the first record of each file.
fn first_of_each_zone(records: &[ZoneRecord]) -> impl Iterator<Item = FileLine> {
    let zones = records.chunk_by(|one, next| one.name.place.file == next.name.place.file);
    zones.filter_map(|zone| zone.first()).map(|record| record.name.place)
}

fn of_tunnel(tunnel: &EmittedTunnel) -> Vec<Assumption> {
    let mut assumptions: Vec<_> = first_of_each_zone(&tunnel.records)
        .map(|place| {
            let text =
                "Cloudflare serves the records of this file, and passes their requests to this tunnel";
            Assumption::new(place, text)
        })
        .collect();
    if let Some(mounted) = &tunnel.configuration {
        let credentials = &mounted.content.credentials;
        let text = format!("{} has the credentials of this tunnel", credentials.value);
        assumptions.push(Assumption::new(credentials.place, text));
    }
    if let Some((remote, _)) = &tunnel.remote {
        let text =
            "Cloudflare has the rules of this file for the tunnel, and the token is that tunnel's";
        assumptions.push(Assumption::new(remote.whole(), text));
    }
    assumptions
}
