//! One folder: which reader reads which of its files.

use std::collections::BTreeMap;

use super::layout::{API_SERVER, FURTHER_POOLS, HAPROXY, KUBELET, SHARED};
use super::{Client, FromFile, Node, Reader, Shared};
use crate::files::Error;
use crate::finding::{Code, Finding};
use crate::read::{
    Unread, calico, haproxy, hosts, kube_proxy, kubeadm, node_json, patches, routes, unit, wg_quick,
};
use crate::span::File;
use meshwright_value::manifest::Digest;

/// One folder that is being read.
pub(super) struct Folder<'a> {
    reader: &'a Reader<'a>,
    texts: BTreeMap<File, String>,
    /// What could not be read.
    pub(super) findings: Vec<Finding>,
}

/// Files that only people and other programs read.
fn is_read(path: &str) -> bool {
    !path.ends_with("/user-data.yaml")
}

impl<'a> Folder<'a> {
    pub(super) fn new(reader: &'a Reader<'a>) -> Self {
        Self { reader, texts: BTreeMap::new(), findings: Vec::new() }
    }

    /// Loads all files, and returns those that the manifest knows with other bytes.
    pub(super) fn load(&mut self, name: &str) -> Result<Vec<File>, Error> {
        let mut edited = Vec::new();
        let Reader { files, paths, manifest, layout, .. } = self.reader;
        for path in layout.folders.get(name).into_iter().flatten() {
            let Some(file) = paths.find(path) else { continue };
            let bytes = files.read(path)?;
            let known = manifest.and_then(|manifest| manifest.get(path));
            if known.is_some_and(|digest| *digest != Digest::of(&bytes)) {
                edited.push(file);
            }
            if !is_read(path) {
                continue;
            }
            match String::from_utf8(bytes) {
                Ok(text) => drop(self.texts.insert(file, text)),
                Err(_) => self.finds(file, Unread { line: 0, message: "it is not UTF-8".into() }),
            }
        }
        Ok(edited)
    }

    pub(super) fn finds(&mut self, file: File, unread: Unread) {
        let place = file.line(unread.line);
        self.findings.push(Finding::new(Code::NotUnderstood, place, unread.message));
    }

    /// Reads one file; what is wrong with it is noted.
    fn said<T, E: Into<Faults>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<FromFile<T>> {
        let file = self.reader.paths.find(path)?;
        let Some(text) = self.texts.remove(&file) else {
            // One that is no text was found already, and is not missing.
            if !self.findings.iter().any(|finding| finding.place.file == file) {
                let message = "the file is missing";
                self.findings.push(Finding::new(Code::FileMissing, file.whole(), message));
            }
            return None;
        };
        match read(&text) {
            Ok(said) => Some(FromFile { file, said }),
            Err(faults) => {
                faults.into().0.into_iter().for_each(|fault| self.finds(file, fault));
                None
            }
        }
    }

    /// Reads a file that a tree need not have; the outer none is one that cannot be read.
    #[expect(clippy::option_option, reason = "missing and unreadable are two things")]
    fn may_say<T, E: Into<Faults>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<FromFile<T>>> {
        if self.reader.layout.has(path) { self.said(path, read).map(Some) } else { Some(None) }
    }

    /// [`Self::may_say`] for a reader that keeps its places itself. Of a file that is needed and missing
    /// the path is known.
    #[expect(clippy::option_option, reason = "missing and unreadable are two things")]
    pub(super) fn may_say_at<T, E: Into<Faults>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str, File) -> Result<T, E>,
    ) -> Option<Option<(File, T)>> {
        let Some(file) = self.reader.paths.find(path) else { return Some(None) };
        let said = self.said(path, |text| read(text, file))?;
        Some(Some((said.file, said.said)))
    }

    /// Every file is read before one that cannot be ends it, so that all are named.
    pub(super) fn node(&mut self, name: &str) -> Option<Node> {
        let interface = self.reader.layout.interface.clone();
        let path = |file: &str| format!("nodes/{name}/{file}");
        let conf = self.said(&path(&format!("{interface}.conf")), wg_quick::read);
        let endpoints = path(&format!("{interface}.endpoints"));
        let endpoints = self.may_say(&endpoints, wg_quick::read_endpoints);
        let routes = path(&format!("{interface}.routes"));
        let routes = self.said(&routes, |text| routes::read(text, &interface));
        let reader = self.reader;
        let firewall = self.said(&path("nftables.conf"), |text| reader.ruleset(text));
        let kubeadm = self.said(&path("kubeadm.yaml"), kubeadm::read);
        let json = self.said(&path("node.json"), node_json::read);
        let kubelet = self.said(&path(KUBELET), patches::read_kubelet);
        let api_server = self.may_say(&path(API_SERVER), patches::read_api_server);
        Some(Node {
            name: name.to_owned(),
            conf: conf?,
            endpoints: endpoints?,
            routes: routes?,
            firewall: firewall?,
            kubeadm: kubeadm?,
            json: json?,
            kubelet: kubelet?,
            api_server: api_server?,
        })
    }

    pub(super) fn client(&mut self, name: &str) -> Option<Client> {
        let path = format!("clients/{name}/{}.conf", self.reader.layout.interface);
        let conf = self.said(&path, wg_quick::read)?;
        Some(Client { name: name.to_owned(), conf })
    }

    pub(super) fn shared(&mut self) -> Option<Shared> {
        let interface = &self.reader.layout.interface;
        let [guards, installation, bgp, felix, ipam, kube_proxy, unit, script, hosts] = SHARED;
        let guards = self.said(guards, |text| routes::read(text, interface));
        let installation = self.said(installation, calico::read_installation);
        let further_pools = self.may_say(FURTHER_POOLS, calico::read_pools);
        let bgp = self.said(bgp, calico::read_bgp);
        let felix = self.said(felix, calico::read_felix);
        let strict_affinity = self.said(ipam, calico::read_strict_affinity);
        let kube_proxy = self.said(kube_proxy, kube_proxy::read_patch);
        let firewall_unit = self.said(unit, unit::read);
        let script_keeps_key = self.said(script, unit::hands_the_key_over);
        let hosts = self.said(hosts, hosts::read);
        let haproxy = self.may_say(HAPROXY, haproxy::read);
        let entry = self.entry();
        Some(Shared {
            guards: guards?,
            installation: installation?,
            further_pools: further_pools?,
            bgp: bgp?,
            felix: felix?,
            strict_affinity: strict_affinity?,
            kube_proxy: kube_proxy?,
            firewall_unit: firewall_unit?,
            script_keeps_key: script_keeps_key?,
            hosts: hosts?,
            haproxy: haproxy?,
            entry: entry?,
        })
    }
}

/// What a reader says of a file that it cannot read.
pub(super) struct Faults(Vec<Unread>);

impl From<Unread> for Faults {
    fn from(fault: Unread) -> Self {
        Self(vec![fault])
    }
}

impl From<Vec<Unread>> for Faults {
    fn from(faults: Vec<Unread>) -> Self {
        Self(faults)
    }
}
