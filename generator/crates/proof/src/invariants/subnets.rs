//! The pod subnet and the service subnet have one value in the tree. Almost all other checks depend on
//! them, so a contradiction is reported alone.

use ipnet::Ipv4Net;

use crate::finding::{FindingCode, ProofFinding};
use crate::model::Model;
use crate::space::Dimension;
use crate::span::FileLine;

/// Checks both subnets.
#[must_use]
pub(crate) fn check(model: &Model) -> Vec<ProofFinding> {
    [pods(model), services(model)].into_iter().flatten().collect()
}

/// A statement of the pod subnet.
struct StatedSubnet {
    key: &'static str,
    net: Ipv4Net,
    place: FileLine,
}

/// `podSubnet` and both `clusterCIDR`: the value that the other two do not have is wrong.
fn pods(model: &Model) -> Option<ProofFinding> {
    let (cluster, kubeadm) = model.cluster();
    let (of_init, of_patch) = (&cluster.kube_proxy.cluster_cidr, &model.emitted.kube_proxy);
    let patched = &of_patch.content.cluster_cidr;
    let stated = |key, net, place| StatedSubnet { key, net, place };
    let all = [
        stated("podSubnet", cluster.pod_subnet.value, kubeadm.line(cluster.pod_subnet.line)),
        stated("kube-proxy's clusterCIDR", of_init.value, kubeadm.line(of_init.line)),
        stated("kube-proxy's clusterCIDR", patched.value, of_patch.file.line(patched.line)),
    ];
    let votes = |net: Ipv4Net| all.iter().filter(|one| one.net == net).count();
    let wrong = all.iter().rev().min_by_key(|one| votes(one.net))?;
    let right = all.iter().find(|one| one.net != wrong.net)?;
    let message =
        format!("{} is {} here, and {} is {}", wrong.key, wrong.net, right.key, right.net);
    Some(ProofFinding::new(FindingCode::FilesDisagree, wrong.place, message))
}

/// Each firewall has the service subnet in its rules. If none has it, `serviceSubnet` is wrong.
fn services(model: &Model) -> Option<ProofFinding> {
    let (cluster, kubeadm) = model.cluster();
    let subnet = cluster.service_subnet;
    let is_in_rules = model.emitted.nodes.iter().any(|node| {
        let rules = node.firewall.content.chains.iter().flat_map(|chain| &chain.rules);
        let ranges = rules.flat_map(|rule| {
            [Dimension::Destination4, Dimension::Original4]
                .into_iter()
                .filter_map(|dimension| rule.region.get(dimension))
        });
        let ranges: Vec<_> = ranges.flat_map(|ranges| ranges.iter()).collect();
        let (first, last) = bounds(subnet.value);
        let begins = ranges.iter().any(|range| range.0 == first);
        let ends = ranges.iter().any(|range| range.1 == last);
        // Ranges of adjacent subnets are one range.
        let follows = |address| is_in_other_subnet(model, address);
        (begins || first.checked_sub(1).is_some_and(follows)) && (ends || follows(last + 1))
    });
    if is_in_rules {
        return None;
    }
    let message = format!("serviceSubnet is {}, and no firewall has this subnet", subnet.value);
    let place = kubeadm.line(subnet.line);
    Some(ProofFinding::new(FindingCode::FilesDisagree, place, message))
}

/// Whether an address is in the node subnet or the pod subnet.
fn is_in_other_subnet(model: &Model, address: u128) -> bool {
    let nodes = model.emitted.confs().filter_map(|conf| conf.address);
    let nodes = nodes.map(|address| address.value.trunc()).filter(|net| net.prefix_len() < 32);
    let mut others = nodes.chain([model.cluster().0.pod_subnet.value]);
    others.any(|net| {
        let (first, last) = bounds(net);
        (first..=last).contains(&address)
    })
}

fn bounds(net: Ipv4Net) -> (u128, u128) {
    (u32::from(net.network()).into(), u32::from(net.broadcast()).into())
}
