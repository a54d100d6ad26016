//! Collects the facts of the objects below `cluster/`.

use super::{EmittedNode, EmittedTree};
use crate::facts::{ControllerFacts, ObjectFacts, PoolFacts, TunnelFacts};
use crate::read::calico::{EmittedPool, FelixDataplane};
use crate::read::ingress::EmittedTunnel;
use crate::read::kubeadm::ClusterConf;
use meshwright_value::{Dataplane, Subnet, provider};

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
            tunnel: tunnel.map(|tunnel| TunnelFacts::of(tunnel, emitted)),
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
    fn of(tunnel: &EmittedTunnel, emitted: &EmittedTree) -> Self {
        let (_, rules) = tunnel.rules();
        let hostnames = rules.iter().filter_map(|rule| rule.hostname.as_ref());
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
            hostnames: hostnames.cloned().collect(),
            records: tunnel.records.iter().map(|record| record.name.clone()).collect(),
        }
    }
}
