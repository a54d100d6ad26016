//! `packages` of `node.json` and the variables of `node.env` name the same repositories of apt.

use super::CopyComparison;
use crate::facts::RepositoryFacts;

impl CopyComparison<'_, '_> {
    /// A node without `packages` has a finding, or NixOS.
    pub(super) fn packages(&mut self) {
        let document = self.document;
        let Some(stated) = &document.packages else { return };
        self.repository("KUBERNETES", &stated.kubernetes);
        self.repository("CONTAINERD", &stated.containerd);
    }

    fn repository(&mut self, name: &str, stated: &RepositoryFacts) {
        let RepositoryFacts { source, key, fingerprints, version } = stated;
        let keys = fingerprints.join(" ");
        let first_key = fingerprints.first().unwrap_or(source);
        let values = [
            ("APT", source, source),
            ("KEY", key, key),
            ("FINGERPRINTS", &keys, first_key),
            ("VERSION", version, version),
        ];
        for (variable, value, part) in values {
            let variable = format!("{name}_{variable}");
            let env = self.files.env;
            let other = env.content.repositories.get(&variable);
            if let Some(other) = other.filter(|other| other.value != *value) {
                let place = env.file.line(other.line);
                let shown = self.paths.show(place);
                let message = format!(
                    "{value} is here, and MESHWRIGHT_{variable} in {shown} is {}",
                    other.value
                );
                let line = self.lines.line_of_last(part);
                self.differs_from(self.json.line(line), place, message);
            }
        }
    }
}
