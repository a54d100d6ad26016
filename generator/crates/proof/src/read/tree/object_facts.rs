//! Collects the facts of the objects below `cluster/`.

use std::collections::BTreeSet;

use super::{EmittedNode, EmittedTree};
use crate::facts::{ControllerFacts, ObjectFacts, PoolFacts, ServedNameFacts, TunnelFacts};
use crate::read::calico::{EmittedPool, FelixDataplane};
use crate::read::cloudflared::TunnelRule;
use crate::read::ingress::{EmittedTunnel, IngressFiles};
use crate::read::kubeadm::ClusterConf;
use crate::read::objects::{EmittedWorkload, PolicyAdmission};
use crate::span::FileSpanned;
use meshwright_value::{
    Dataplane, LabelKey, LabelValue, Name, Number as _, OriginPods, OriginService, Port, Subnet,
    Text as _, provider,
};

impl ObjectFacts {
    /// The facts; none if the init node has no address.
    pub(super) fn from_tree(
        emitted: &EmittedTree,
        init: &EmittedNode,
        cluster: &ClusterConf,
    ) -> Option<Self> {
        let installation = &emitted.installation.content;
        let further = emitted.further_pools.iter().flat_map(|pools| &pools.content);
        let controller = emitted.ingress.controller.as_ref().map(|controller| ControllerFacts {
            replicas: controller.workload.replicas.value,
            image: controller.image.clone(),
            webhook: controller.webhook,
        });
        let hosts = emitted.ingress.objects.ingresses.iter().flat_map(|ingress| &ingress.hosts);
        let tunnel = emitted.ingress.tunnel.as_ref();
        let node_subnet = init.conf.content.address?.value.trunc();
        let own = [node_subnet, cluster.pod_subnet.value, cluster.service_subnet.value];
        Some(Self {
            pod_subnet: cluster.pod_subnet.value,
            node_subnet,
            service_subnet: cluster.service_subnet.value,
            dns_domain: cluster.dns_domain.clone(),
            as_number: emitted.bgp.content.as_number,
            dataplane: match installation.dataplane.value {
                FelixDataplane::Iptables => Dataplane::Iptables,
                FelixDataplane::Nftables => Dataplane::Nftables,
            },
            pod_mtu: installation.mtu.value,
            scheduler: init.host.content.scheduler,
            tcp_timeout: emitted.kube_proxy.content.tcp_timeout,
            pools: installation.pools.iter().filter_map(PoolFacts::of).collect(),
            further_pools: further.filter_map(PoolFacts::of).collect(),
            host_services: provider::host_services(own.map(Subnet::new)).collect(),
            controller,
            tunnel: tunnel.map(|tunnel| TunnelFacts::of(tunnel, emitted, &cluster.dns_domain)),
            hello: hosts.map(|host| host.name.value.clone()).next(),
        })
    }
}

impl PoolFacts {
    fn of(pool: &EmittedPool) -> Option<Self> {
        Some(Self { node: pool.node()?.to_owned(), net: pool.cidr.value })
    }
}

impl TunnelFacts {
    fn of(tunnel: &EmittedTunnel, emitted: &EmittedTree, dns_domain: &str) -> Self {
        let (_, rules) = tunnel.rules();
        let files = &emitted.ingress;
        let name = |rule: &TunnelRule| {
            let service = OriginService::from_url(&rule.service.value, dns_domain);
            Some(ServedNameFacts {
                hostname: rule.hostname.clone()?,
                service: service.filter(|one| !files.has_namespace(one.namespace().as_str())),
                request: rule.request.clone(),
            })
        };
        let mut workloads = emitted.ingress.objects.workloads.iter();
        let connectors = workloads.find(|workload| workload.place.file == tunnel.file);
        let target = tunnel.records.first().map(|record| record.target.as_str());
        let of_zone = target.and_then(|target| target.split('.').next()).unwrap_or_default();
        let configuration = tunnel.configuration.as_ref();
        let id = configuration.map_or(of_zone, |mounted| mounted.content.tunnel.value.as_str());
        Self {
            id: id.to_owned(),
            remote: tunnel.remote.is_some(),
            replicas: connectors.map_or(0, |workload| workload.replicas.value),
            protocol: tunnel.protocol(connectors),
            names: rules.iter().filter_map(name).collect(),
            origin_pods: connectors.map(|own| origin_pods(files, own)).unwrap_or_default(),
            records: tunnel.records.iter().map(|record| record.name.clone()).collect(),
        }
    }
}

/// The pods in namespaces outside of the tree that cloudflared's policies admit it to. What is not valid is left out:
/// then the policy is compared with one that lacks it.
fn origin_pods(files: &IngressFiles, connectors: &EmittedWorkload) -> BTreeSet<OriginPods> {
    let policies = files.objects.policies.iter();
    let of_connectors = policies.filter(|policy| policy.namespace == connectors.namespace);
    let admissions = of_connectors.flat_map(|policy| &policy.egress);
    admissions.filter_map(|admission| pods_elsewhere(files, admission)).collect()
}

fn pods_elsewhere(files: &IngressFiles, admission: &PolicyAdmission) -> Option<OriginPods> {
    let [peer] = admission.peers.as_slice() else { return None };
    let [port] = admission.ports.as_slice() else { return None };
    let (namespace, labels) = peer.pods_of_namespace()?;
    let label = |(key, value): (&String, &FileSpanned<String>)| {
        Some((LabelKey::parse(key).ok()?, LabelValue::parse(&value.value).ok()?))
    };
    Some(OriginPods {
        namespace: Name::parse(namespace).ok().filter(|_| !files.has_namespace(namespace))?,
        labels: labels.iter().map(label).collect::<Option<_>>()?,
        port: Port::from_integer(port.number.value.into()).ok()?,
    })
}
