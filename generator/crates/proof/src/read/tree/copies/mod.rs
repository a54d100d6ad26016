//! A value that is in several files of one node is the same in all of them. NixOS machines are built
//! from `node.json`, other machines from the files beside it.

mod host;
mod interface;
mod kubernetes;
mod packages;
pub(super) mod peers;
mod routes;

use std::net::Ipv4Addr;

use super::FromFile;
use crate::facts::NodeEnv;
use crate::files::TreeFiles;
use crate::finding::{FindingCode, ProofFinding};
use crate::read::ParseError;
use crate::read::kubeadm::KubeadmConf;
use crate::read::node_json::{NodeJsonDocument, TextLines};
use crate::read::peer_list::ListedPeer;
use crate::read::routes::EmittedRoute;
use crate::read::wg_quick::{WgConf, WgEndpoints};
use crate::span::{FileId, FileLine, LineSpanned, TreePaths};
use meshwright_value::{Endpoint, PublicKey};

/// The files of one node that `node.json` is compared with.
#[derive(Clone, Copy)]
pub(super) struct NodeFiles<'a> {
    /// The name of the node's folder.
    pub(super) name: &'a str,
    /// The name of the interface's files.
    pub(super) interface: &'a str,
    /// `wg0.conf`
    pub(super) conf: &'a FromFile<WgConf>,
    /// `wg0.endpoints`, if there is one.
    pub(super) endpoints: Option<&'a FromFile<WgEndpoints>>,
    /// `wg0.peers`
    pub(super) listed: &'a FromFile<Vec<ListedPeer>>,
    /// `wg0.routes`
    pub(super) routes: &'a FromFile<Vec<EmittedRoute>>,
    /// `kubeadm.yaml`
    pub(super) kubeadm: &'a FromFile<KubeadmConf>,
    /// `node.env`
    pub(super) env: &'a FromFile<NodeEnv>,
    /// Files of `host/`.
    pub(super) host: &'a HostTexts,
}

/// A file and its text.
type HostText = Option<(FileId, String)>;

/// The texts of the files of `host/` whose values are in each `node.json` too.
#[derive(Debug)]
pub(super) struct HostTexts {
    guards: HostText,
    modules: HostText,
    sysctl: HostText,
    hosts: HostText,
    haproxy: HostText,
    containerd: HostText,
    /// `hosts.toml` of each registry, by its path.
    mirrors: Vec<(String, FileId, String)>,
}

impl HostTexts {
    /// Reads the files. Those that cannot be read have findings of their own.
    pub(super) fn read(files: &dyn TreeFiles, paths: &TreePaths) -> Self {
        let text = |path: &str| String::from_utf8(files.read(path).ok()?).ok();
        let read = |path: &str| Some((paths.find(path)?, text(path)?));
        let mirrors = paths.iter().filter(|(_, path)| path.starts_with(MIRRORS));
        let mirrors = mirrors.filter_map(|(file, path)| Some((path.to_owned(), file, text(path)?)));
        Self {
            guards: read("host/guards.routes"),
            modules: read("host/modules-load.conf"),
            sysctl: read("host/sysctl.conf"),
            hosts: read("host/hosts"),
            haproxy: read("host/haproxy.cfg"),
            containerd: read("host/containerd/config.toml"),
            mirrors: mirrors.collect(),
        }
    }
}

/// The folder of containerd's registries.
const MIRRORS: &str = "host/containerd/certs.d/";

/// Compares `node.json` with the other files of its node.
pub(super) struct CopyComparison<'a, 'text> {
    pub(super) files: NodeFiles<'a>,
    /// The file of `node.json`.
    pub(super) json: FileId,
    pub(super) document: &'a NodeJsonDocument<'text>,
    pub(super) lines: &'a TextLines<'text>,
    /// All paths.
    pub(super) paths: &'a TreePaths,
    /// The names of all nodes, sorted.
    pub(super) nodes: &'a [String],
    pub(super) differences: NodeDifferences,
}

/// The values of `node.json` that differ from other files.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeDifferences {
    /// From files of its node.
    pub(crate) own: Vec<CopyDifference>,
    /// From files of `host/`.
    pub(crate) host: Vec<HostDifference>,
    /// Endpoints that `node.json` alone has, by the keys of their peers.
    pub(crate) further_endpoints: Vec<(PublicKey, LineSpanned<Endpoint>)>,
}

/// A value that differs between two files of a node.
#[derive(Debug, Clone)]
pub(crate) struct CopyDifference {
    /// At the line that is probably wrong.
    pub(crate) finding: ProofFinding,
    /// The other line. If it is the cause of another finding, it is the wrong one.
    pub(crate) other: FileLine,
}

/// A value that differs between `node.json` and a file of `host/`, which all nodes share: if it differs
/// from most nodes, the file is wrong.
#[derive(Debug, Clone)]
pub(crate) struct HostDifference {
    /// If `node.json` is wrong.
    pub(crate) in_json: ProofFinding,
    /// If the file of `host/` is wrong.
    pub(crate) in_host: ProofFinding,
}

impl CopyComparison<'_, '_> {
    /// All differences.
    ///
    /// # Errors
    ///
    /// When a value of `node.json` is not understood.
    pub(super) fn run(mut self) -> Result<NodeDifferences, ParseError> {
        self.interface()?;
        self.peers()?;
        self.routes()?;
        self.kubernetes();
        self.packages();
        self.host()?;
        Ok(self.differences)
    }

    fn differs(&mut self, place: FileLine, message: String) {
        self.differs_from(place, place, message);
    }

    /// A value at one line that differs from that at another one.
    fn differs_from(&mut self, place: FileLine, other: FileLine, message: String) {
        self.finds(FindingCode::FilesDisagree, place, other, message);
    }

    fn finds(&mut self, code: FindingCode, place: FileLine, other: FileLine, message: String) {
        let finding = ProofFinding::new(code, place, message);
        self.differences.own.push(CopyDifference { finding, other });
    }

    /// A value of `node.json` that another file has too: `subject` begins the message.
    fn same<T: PartialEq + std::fmt::Display>(
        &mut self,
        subject: &str,
        stated: &LineSpanned<T>,
        other: (&T, FileLine),
    ) {
        if stated.value != *other.0 {
            let place = self.json.line(stated.line);
            let shown = self.paths.show(other.1);
            let message = format!("{subject} is {} here, and {} in {shown}", stated.value, other.0);
            self.differs_from(place, other.1, message);
        }
    }

    /// A value of `node.json` that must be this one.
    fn must_be(&mut self, subject: &str, stated: &str, wanted: &str, reason: &str) {
        if stated != wanted {
            let place = self.json.line(self.lines.line_of(stated));
            self.differs(place, format!("{subject} is {stated}, not {wanted}: {reason}"));
        }
    }
}

impl CopyComparison<'_, '_> {
    /// The addresses of single machines of the mesh; a network behind a machine can be a single address too.
    fn machines(&self, nets: &[ipnet::Ipv4Net]) -> Vec<Ipv4Addr> {
        let is_machine = |net: &&ipnet::Ipv4Net| {
            let text = net.to_string();
            let is_network = self.document.networks.iter().any(|network| network.subnet == text);
            net.prefix_len() == net.max_prefix_len() && !is_network
        };
        let mut addresses: Vec<_> =
            nets.iter().filter(is_machine).map(ipnet::Ipv4Net::addr).collect();
        addresses.sort_unstable();
        addresses
    }
}
