//! The node in Kubernetes: `node.json` and `kubeadm.yaml` have the same name, role and labels.

use std::collections::BTreeSet;

use super::CopyComparison;
use crate::span::FileLine;
use meshwright_value::{Os, Role};

impl CopyComparison<'_, '_> {
    pub(super) fn kubernetes(&mut self) {
        let document = self.document;
        let (stated, kubeadm) = (&document.kubernetes, self.files.kubeadm);
        let (name, whole) = (self.files.name, kubeadm.file.whole());
        self.must_be("the name", document.name, name, "the node's folder has that name");
        let role =
            if kubeadm.content.advertised.is_some() { Role::ControlPlane } else { Role::Worker };
        self.as_in("the role", document.role, &role.to_string(), whole);
        let bootstrap = if kubeadm.content.cluster.is_some() { "init" } else { "join" };
        self.as_in("the bootstrap", stated.bootstrap, bootstrap, whole);
        let applies = stated.applies_manifests.get();
        if applies != "false" && (applies != "true" || bootstrap == "join") {
            let place = self.json.line(self.lines.line_of(applies));
            let message = "only the node that initialises the cluster applies its manifests";
            self.differs(place, message.to_owned());
        }
        let reason = "the delivery writes the file there";
        self.must_be("the file", stated.kubeadm_config, "/etc/kubernetes/kubeadm.yaml", reason);
        self.must_be("the folder", stated.patches_directory, "/etc/kubernetes/patches", reason);
        self.platform();
        self.labels();
    }

    fn as_in(&mut self, subject: &str, stated: &str, wanted: &str, place: FileLine) {
        if stated != wanted {
            let at = self.json.line(self.lines.line_of(stated));
            let shown = self.paths.show(place);
            self.differs(at, format!("{subject} is {stated} here, and {wanted} in {shown}"));
        }
    }

    /// apt's repositories are those of Debian and Ubuntu.
    fn platform(&mut self) {
        let document = self.document;
        let os = Os::ALL.iter().find(|os| os.to_string() == document.os);
        let has_packages = document.packages.is_some();
        if os.is_some_and(|os| os.is_nixos() == has_packages) {
            let place = self.json.line(self.lines.line_of(document.os));
            let message = if has_packages {
                "a node with NixOS has no repositories of apt, and `packages` is here"
            } else {
                "a node without NixOS needs the repositories of apt, and `packages` is missing"
            };
            self.differs(place, message.to_owned());
        }
    }

    fn labels(&mut self) {
        let stated = &self.document.kubernetes.node_labels;
        let kubeadm = self.files.kubeadm;
        let mut unmet: BTreeSet<_> = kubeadm.content.labels.iter().map(String::as_str).collect();
        unmet.remove("");
        let patches = self.document.kubernetes.patches_directory;
        let near = self.json.line(self.lines.line_of(patches) + 1);
        let mut unknown = Vec::new();
        for (key, value) in stated {
            if !unmet.remove(format!("{key}={value}").as_str()) {
                unknown.push((key, value));
            }
        }
        for (key, value) in unknown {
            let shown = self.paths.show(kubeadm.file.whole());
            let same_key = |label: &&str| label.split_once('=').is_some_and(|(one, _)| one == key);
            let other = unmet.iter().copied().find(same_key);
            let message = match other.filter(|label| unmet.remove(label)) {
                Some(other) => {
                    format!("the label {key}={value} is here, and {other} in {shown}")
                }
                None => format!("the label {key}={value} is here, and not in {shown}"),
            };
            self.differs(near, message);
        }
        let shown = self.paths.show(near);
        for label in unmet {
            self.differs(
                kubeadm.file.whole(),
                format!("the label {label} is here, and not in {shown}"),
            );
        }
    }
}
