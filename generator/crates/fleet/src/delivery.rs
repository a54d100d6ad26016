//! Which files a machine should have, and which revision of the output directory it has.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::inspection::{DeliveryCondition, DeliveryRecord, Inspection};
use meshwright_value::Sha256;

/// The checksums of files on a machine, by path without a leading slash.
pub type FileSums = BTreeMap<String, Sha256>;

/// What a delivery of the topology contains for one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedDelivery {
    /// The public files.
    pub files: FileSums,
    /// The digest of all files, as the machine computes it; none without access to the secrets.
    pub digest: Option<Sha256>,
}

impl WantedDelivery {
    /// The digest of the lines that sha256sum(1) prints for these files, in the order of their paths.
    #[must_use]
    pub fn digest_of(files: &FileSums) -> Sha256 {
        let lines: String = files.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
        Sha256::compute(lines.as_bytes())
    }
}

/// A revision of the output directory, with the public files that each node gets from it.
#[derive(Debug, Clone)]
pub struct TreeRevision {
    /// Its name in git.
    pub name: String,
    /// The files of each node.
    pub nodes: BTreeMap<String, FileSums>,
}

/// What a machine has, compared with what it should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum DeliveredState {
    /// Nothing.
    Nothing,
    /// The files of the output directory.
    Current,
    /// The public files are current. Without access to the secrets, those were not compared.
    PublicPartIsCurrent,
    /// The public files are current, and a secret is not.
    OtherSecret {
        /// The revisions with the same public files of this node, newest first: its key can be another one there.
        revisions: Vec<String>,
    },
    /// The files of a revision of git.
    Revision {
        /// The revision.
        revision: String,
        /// The public files that differ from the current ones.
        differing: Vec<String>,
    },
    /// Files that no known revision has.
    Unknown {
        /// The public files that differ from the current ones.
        differing: Vec<String>,
    },
}

impl DeliveredState {
    /// Compares a machine. `revisions` are tried in their order.
    #[must_use]
    pub fn of(
        node: &str,
        inspection: &Inspection,
        wanted: &WantedDelivery,
        revisions: &[TreeRevision],
    ) -> Self {
        let Some(record) = &inspection.delivery else { return Self::Nothing };
        let has = |revision: &&TreeRevision| revision.nodes.get(node) == Some(&record.files);
        let found = || revisions.iter().filter(has).map(|revision| revision.name.clone());
        if record.files == wanted.files {
            return match wanted.digest {
                None => Self::PublicPartIsCurrent,
                Some(digest) if digest == record.digest => Self::Current,
                Some(_) => Self::OtherSecret { revisions: found().collect() },
            };
        }
        let differing = differing(&record.files, &wanted.files);
        match found().next() {
            Some(revision) => Self::Revision { revision, differing },
            None => Self::Unknown { differing },
        }
    }

    /// Whether the machine has everything, as far as it was compared.
    #[must_use]
    pub fn is_current(&self) -> bool {
        matches!(self, Self::Current | Self::PublicPartIsCurrent)
    }
}

/// Whether a delivery is in place, and no file was changed since.
#[must_use]
pub fn is_intact(record: &DeliveryRecord) -> bool {
    record.condition == DeliveryCondition::Whole && record.changed.is_empty()
}

fn differing(own: &FileSums, other: &FileSums) -> Vec<String> {
    let mut paths: Vec<_> = own.keys().chain(other.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.retain(|path| own.get(*path) != other.get(*path));
    paths.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(files: &[(&str, &str)]) -> FileSums {
        let sum =
            |(path, text): &(&str, &str)| ((*path).to_owned(), Sha256::compute(text.as_bytes()));
        files.iter().map(sum).collect()
    }

    /// A machine that has these files, the second of which is secret.
    fn machine(public: &[(&str, &str)], secret: &[(&str, &str)]) -> Inspection {
        let all = [public, secret].concat();
        let digest = WantedDelivery::digest_of(&sums(&all));
        let files: String =
            sums(public).iter().map(|(path, sum)| format!("file\t{sum}\t{path}\n")).collect();
        let output = format!("meshwright-inspect\t1\ndelivery\twhole\t\t{digest}\n{files}end\n");
        match Inspection::parse(&output) {
            Ok(inspection) => inspection,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_machine_has_a_revision_or_none() {
        let (public, secret) = ([("etc/a", "new")], [("etc/b.key", "secret")]);
        let digest = Some(WantedDelivery::digest_of(&sums(&[public, secret].concat())));
        let wanted = WantedDelivery { files: sums(&public), digest };
        let nodes = |text| [("tokyo".to_owned(), sums(&[("etc/a", text)]))].into();
        let revisions = [
            TreeRevision { name: "1234567".to_owned(), nodes: nodes("newer") },
            TreeRevision { name: "89abcde".to_owned(), nodes: nodes("old") },
        ];
        let state =
            |inspection: &Inspection| DeliveredState::of("tokyo", inspection, &wanted, &revisions);
        assert_eq!(state(&machine(&public, &secret)), DeliveredState::Current);
        let other_secret = machine(&public, &[("etc/b.key", "rotated")]);
        assert_eq!(state(&other_secret), DeliveredState::OtherSecret { revisions: Vec::new() });
        let differing = vec!["etc/a".to_owned()];
        let old = DeliveredState::Revision {
            revision: "89abcde".to_owned(),
            differing: differing.clone(),
        };
        assert_eq!(state(&machine(&[("etc/a", "old")], &secret)), old);
        let unknown = machine(&[("etc/a", "edited")], &secret);
        assert_eq!(state(&unknown), DeliveredState::Unknown { differing });
        let without_secrets = WantedDelivery { digest: None, ..wanted.clone() };
        let public_only = DeliveredState::of("tokyo", &other_secret, &without_secrets, &revisions);
        assert_eq!(public_only, DeliveredState::PublicPartIsCurrent);
    }

    /// sha256sum(1) of the lines that sha256sum(1) prints.
    #[test]
    fn the_digest_is_that_of_the_host() {
        let digest = WantedDelivery::digest_of(&sums(&[("etc/a", "")]));
        let line = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  etc/a\n";
        assert_eq!(digest, Sha256::compute(line.as_bytes()));
    }
}
