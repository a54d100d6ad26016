//! The fields of `node.json` that only files of fixed families repeat: `node.env`, containerd's mirrors.

use super::ParseError;
use super::node_json::{NodeJsonDocument, TextLines};
use crate::facts::HostFacts;

/// Takes the fields of a file that is read.
///
/// # Errors
///
/// When a word is not known.
pub(super) fn of(
    document: &NodeJsonDocument<'_>,
    lines: &TextLines<'_>,
) -> Result<HostFacts, ParseError> {
    let NodeJsonDocument {
        os, arch, wireguard, firewall, containerd, kubernetes, packages, ..
    } = document;
    let mirrors = containerd.mirrors.iter().map(|(registry, mirrors)| {
        ((*registry).to_owned(), mirrors.iter().map(|mirror| mirror.clone().into_owned()).collect())
    });
    Ok(HostFacts {
        os: lines.value(os)?.value,
        arch: lines.value(arch)?.value,
        scheduler: lines.value(kubernetes.scheduler)?.value,
        applies_manifests: lines.parse(kubernetes.applies_manifests.get())?.value,
        kept_snapshots: kubernetes.kept_snapshots,
        ssh_port: firewall.ssh_port,
        ssh_host: firewall.ssh_host.map(str::to_owned),
        ssh_from: NodeJsonDocument::nets(&firewall.ssh_from, lines)?,
        open_ports: NodeJsonDocument::ports(&firewall.open_ports, lines)?,
        volumes_for_root: firewall.volumes_for_root,
        listen_port: lines.parse(wireguard.listen_port.get())?.value,
        mirrors: mirrors.collect(),
        packages: packages.clone(),
    })
}
