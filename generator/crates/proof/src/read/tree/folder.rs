//! Reads the files of one folder, each with its reader.

use std::collections::BTreeMap;

use super::copies::{CopyComparison, NodeDifferences, NodeFiles, peers};
use super::ingress::{HELLO, INGRESS_NGINX, TRAEFIK};
use super::layout::{API_SERVER, FURTHER_POOLS, HAPROXY, KUBELET, OVERLAYS, SHARED, USER_VALUES};
use super::{EmittedClient, EmittedNode, FromFile, SharedFiles, TreeReader};
use crate::families::{Account, family};
use crate::files::TreeReadError;
use crate::finding::{FindingCode, ProofFinding};
use crate::fixed::FixedTexts;
use crate::read::user_settings::UserSetting;
use crate::read::{
    ParseError, apply_script, calico, haproxy, host_facts, hosts, kube_proxy, kubeadm, node_env,
    node_json, overlay, patches, peer_list, relay_list, routes, unit, user_values, wg_quick,
};
use crate::span::FileId;
use meshwright_value::manifest::MANIFEST;
use meshwright_value::{IngressController, Sha256};

/// One folder that is being read.
pub(super) struct FolderReader<'a> {
    reader: &'a TreeReader<'a>,
    texts: BTreeMap<FileId, String>,
    /// The texts of the files of fixed families.
    pub(super) fixed: FixedTexts,
    /// The texts of the files of objects.
    pub(super) objects: FixedTexts,
    /// The files that could not be read.
    pub(super) findings: Vec<ProofFinding>,
}

/// Whether the proof reads a file; others are read by people and other programs only.
fn is_read(path: &str) -> bool {
    !path.ends_with("/user-data.yaml")
}

impl<'a> FolderReader<'a> {
    pub(super) fn new(reader: &'a TreeReader<'a>) -> Self {
        let (fixed, objects) = (FixedTexts::new(), FixedTexts::new());
        Self { reader, texts: BTreeMap::new(), fixed, objects, findings: Vec::new() }
    }

    /// Loads all files, and returns those whose bytes differ from the manifest.
    pub(super) fn load(&mut self, name: &str) -> Result<Vec<FileId>, TreeReadError> {
        let mut edited = Vec::new();
        let TreeReader { files, paths, manifest, layout, .. } = self.reader;
        for path in layout.folders.get(name).into_iter().flatten() {
            let Some(file) = paths.find(path) else { continue };
            let bytes = files.read(path)?;
            let known = manifest.filter(|manifest| !manifest.is_empty() && path != MANIFEST);
            if known.is_some_and(|known| known.get(path) != Some(&Sha256::compute(&bytes))) {
                edited.push(file);
            }
            if !is_read(path) {
                continue;
            }
            match String::from_utf8(bytes) {
                Ok(text) => {
                    match family(path, &layout.interface).map(|family| family.account) {
                        Some(Account::Fixed(_)) => drop(self.fixed.insert(file, text.clone())),
                        Some(Account::Objects) => drop(self.objects.insert(file, text.clone())),
                        _ => {}
                    }
                    self.texts.insert(file, text);
                }
                Err(_) => {
                    self.finds(file, ParseError { line: 0, message: "it is not UTF-8".into() })
                }
            }
        }
        Ok(edited)
    }

    pub(super) fn finds(&mut self, file: FileId, unread: ParseError) {
        let place = file.line(unread.line);
        self.findings.push(ProofFinding::new(FindingCode::NotUnderstood, place, unread.message));
    }

    /// Reads one file, and records its faults.
    fn read_required<T, E: Into<ParseErrors>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<FromFile<T>> {
        let file = self.reader.paths.find(path)?;
        let Some(text) = self.texts.remove(&file) else {
            // A file that is not text is recorded already, and is not missing.
            if !self.findings.iter().any(|finding| finding.place.file == file) {
                let message = "the file is missing";
                self.findings.push(ProofFinding::new(
                    FindingCode::FileMissing,
                    file.whole(),
                    message,
                ));
            }
            return None;
        };
        match read(&text) {
            Ok(content) => Some(FromFile { file, content }),
            Err(faults) => {
                faults.into().0.into_iter().for_each(|fault| self.finds(file, fault));
                None
            }
        }
    }

    /// Reads an optional file. The outer none is a file that cannot be read.
    #[expect(clippy::option_option, reason = "a missing file and an unreadable file are different")]
    fn read_optional<T, E: Into<ParseErrors>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<FromFile<T>>> {
        if self.reader.layout.contains(path) {
            self.read_required(path, read).map(Some)
        } else {
            Some(None)
        }
    }

    /// [`Self::read_optional`] for a reader of values with file and line. The path of a required file
    /// that is missing has a [`FileId`] too.
    #[expect(clippy::option_option, reason = "a missing file and an unreadable file are different")]
    pub(super) fn read_optional_with_places<T, E: Into<ParseErrors>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str, FileId) -> Result<T, E>,
    ) -> Option<Option<(FileId, T)>> {
        let Some(file) = self.reader.paths.find(path) else { return Some(None) };
        let content = self.read_required(path, |text| read(text, file))?;
        Some(Some((content.file, content.content)))
    }

    /// Reads every file before the first fault is returned, so that all faults are reported.
    pub(super) fn node(&mut self, name: &str) -> Option<EmittedNode> {
        let interface = self.reader.layout.interface.clone();
        let path = |file: &str| format!("nodes/{name}/{file}");
        let conf = self.read_required(&path(&format!("{interface}.conf")), wg_quick::read);
        let endpoints = path(&format!("{interface}.endpoints"));
        let endpoints = self.read_optional(&endpoints, wg_quick::read_endpoints);
        let relays = self.read_optional(&path(&format!("{interface}.relays")), relay_list::read);
        let routes = path(&format!("{interface}.routes"));
        let routes = self.read_required(&routes, |text| routes::read(text, &interface));
        let reader = self.reader;
        let firewall = self.read_required(&path("nftables.conf"), |text| reader.ruleset(text));
        let kubeadm = self.read_required(&path("kubeadm.yaml"), kubeadm::read);
        let listed = self.read_required(&path(&format!("{interface}.peers")), peer_list::read);
        let env = self.read_required(&path("node.env"), node_env::read);
        let files = match (&conf, &endpoints, &listed, &routes, &kubeadm, &env) {
            (Some(conf), Some(endpoints), Some(listed), Some(routes), Some(kubeadm), Some(env)) => {
                let interface = interface.as_str();
                let endpoints = endpoints.as_ref();
                let host = &reader.host;
                let files = NodeFiles {
                    name,
                    interface,
                    conf,
                    endpoints,
                    listed,
                    routes,
                    kubeadm,
                    env,
                    host,
                };
                Some(files)
            }
            _ => None,
        };
        let mut differences = NodeDifferences::default();
        let json_path = path("node.json");
        let json = self.read_required(&json_path, |text| {
            let (document, lines) = node_json::read(text)?;
            let facts = (document.facts(&lines)?, host_facts::of(&document, &lines)?);
            let json = reader.paths.find(&json_path);
            if let (Some(files), Some(json)) = (files, json) {
                let (document, lines, paths) = (&document, &lines, reader.paths);
                let nodes = &reader.layout.nodes;
                let found = NodeDifferences::default();
                let comparison = CopyComparison {
                    files,
                    json,
                    document,
                    lines,
                    paths,
                    nodes,
                    differences: found,
                };
                differences = comparison.run()?;
            }
            Ok::<_, ParseError>(facts)
        });
        let (json, host) = json.map_or((None, None), |FromFile { file, content }| {
            let (json, host) = content;
            (Some(FromFile { file, content: json }), Some(FromFile { file, content: host }))
        });
        let upgrade = self.read_required(&path("upgrade.yaml"), kubeadm::read_upgrade);
        let kubelet = self.read_required(&path(KUBELET), patches::read_kubelet);
        let api_server = self.read_optional(&path(API_SERVER), patches::read_api_server);
        listed.as_ref()?;
        Some(EmittedNode {
            name: name.to_owned(),
            differences,
            conf: conf?,
            endpoints: endpoints?,
            relays: relays?,
            routes: routes?,
            firewall: firewall?,
            kubeadm: kubeadm?,
            json: json?,
            host: host?,
            env: env?,
            upgrade: upgrade?,
            kubelet: kubelet?,
            api_server: api_server?,
        })
    }

    pub(super) fn client(&mut self, name: &str) -> Option<EmittedClient> {
        let path = format!("clients/{name}/{}.conf", self.reader.layout.interface);
        let conf = self.read_required(&path, wg_quick::read)?;
        let differences = peers::of_client(&conf, &self.reader.layout.interface);
        Some(EmittedClient { name: name.to_owned(), differences, conf })
    }

    pub(super) fn shared(&mut self) -> Option<SharedFiles> {
        let interface = &self.reader.layout.interface;
        let [guards, installation, bgp, felix, ipam, kube_proxy, unit, script, hosts, apply] =
            SHARED;
        let guards = self.read_required(guards, |text| routes::read(text, interface));
        let installation = self.read_required(installation, calico::read_installation);
        let further_pools = self.read_optional(FURTHER_POOLS, calico::read_pools);
        let bgp = self.read_required(bgp, calico::read_bgp);
        let felix = self.read_required(felix, calico::read_felix);
        let strict_affinity = self.read_required(ipam, calico::read_strict_affinity);
        let kube_proxy = self.read_required(kube_proxy, kube_proxy::read_patch);
        let firewall_unit = self.read_required(unit, unit::read);
        let script_keeps_key = self.read_required(script, unit::hands_the_key_over);
        let hosts = self.read_required(hosts, hosts::read);
        let haproxy = self.read_optional(HAPROXY, haproxy::read);
        let ingress = self.ingress();
        let sources = self.read_required(apply, apply_script::read);
        let has_hello = self.reader.layout.contains(HELLO);
        let controller = self.controller();
        let user_values =
            self.read_optional(USER_VALUES, |text| user_values::read(text, controller));
        let overlays = self.overlays();
        Some(SharedFiles {
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
            ingress: ingress?,
            sources: sources?,
            has_hello,
            controller,
            user_values: user_values?,
            overlays: overlays?,
        })
    }
}

impl<'a> FolderReader<'a> {
    /// The Ingress controller, by its folder.
    fn controller(&self) -> IngressController {
        let folders = [
            (INGRESS_NGINX, IngressController::IngressNginx),
            (TRAEFIK, IngressController::Traefik),
        ];
        let mut present =
            folders.into_iter().filter(|(folder, _)| self.shared_files(folder).next().is_some());
        present.next().map_or(IngressController::Absent, |(_, controller)| controller)
    }

    /// The paths of the cluster's files that begin so.
    pub(super) fn shared_files(
        &self,
        begin: &'static str,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let files = self.reader.layout.folders.get("").into_iter().flatten();
        files.map(String::as_str).filter(move |path| path.starts_with(begin))
    }

    /// All manifests of the user's own; none if one of them cannot be read.
    fn overlays(&mut self) -> Option<Vec<FromFile<Vec<UserSetting>>>> {
        let paths = self.shared_files(OVERLAYS);
        let read: Vec<_> = paths.map(|path| self.read_required(path, overlay::read)).collect();
        read.into_iter().collect()
    }
}

/// The faults of one file.
pub(super) struct ParseErrors(Vec<ParseError>);

impl From<ParseError> for ParseErrors {
    fn from(fault: ParseError) -> Self {
        Self(vec![fault])
    }
}

impl From<Vec<ParseError>> for ParseErrors {
    fn from(faults: Vec<ParseError>) -> Self {
        Self(faults)
    }
}
