//! Snapshots of etcd, outside the machines. Each contains every Secret of the cluster.

use std::path::Path;
use std::{fs, io};

use super::seal::{DecryptFailure, Identities, Recipients, is_sealed};
use super::secret::Secret;
use super::store::StoreError;
use meshwright_value::Sha256;

/// The version of the line that `meshwright-node backup --send` prints before a snapshot.
const HEAD: &str = "meshwright-snapshot\t1\t";

/// A snapshot of one control plane.
pub(crate) struct Snapshot {
    /// The time at which it was taken, as in its name: `20261201T060000Z`.
    pub time: String,
    content: Secret,
}

/// The output of a machine is not a snapshot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SnapshotError {
    /// The first line is missing or has another form.
    #[error("its answer is not a snapshot of this format")]
    Head,
    /// The bytes after it are not those that it names.
    #[error("the snapshot is not complete: the connection ended, or the file is being replaced")]
    Incomplete,
}

impl Snapshot {
    /// Parses what `meshwright-node backup --send` prints.
    ///
    /// # Errors
    ///
    /// When it is something else, or not complete.
    pub(crate) fn parse(printed: &[u8]) -> Result<Self, SnapshotError> {
        let end = printed.iter().position(|byte| *byte == b'\n').ok_or(SnapshotError::Head)?;
        let (head, bytes) = (&printed[..end], &printed[end + 1..]);
        let head = std::str::from_utf8(head).map_err(|_| SnapshotError::Head)?;
        let fields = head.strip_prefix(HEAD).ok_or(SnapshotError::Head)?;
        let [name, size, sum] = <[&str; 3]>::try_from(fields.split('\t').collect::<Vec<_>>())
            .map_err(|_| SnapshotError::Head)?;
        let time = name.strip_prefix("etcd-").and_then(|rest| rest.strip_suffix(".db"));
        // It becomes a part of a path.
        let is_time = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let time = time.filter(is_time).ok_or(SnapshotError::Head)?.to_owned();
        let is_whole = size == bytes.len().to_string() && sum == Sha256::compute(bytes).to_string();
        match is_whole {
            true => Ok(Self { time, content: Secret::new(bytes.to_vec()) }),
            false => Err(SnapshotError::Incomplete),
        }
    }

    /// Its size, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.content.expose().len()
    }

    /// The content of its file: encrypted, if there are recipients.
    ///
    /// # Errors
    ///
    /// When it cannot be encrypted.
    pub(crate) fn file(&self, recipients: Option<&Recipients>) -> Result<Vec<u8>, String> {
        match recipients {
            Some(recipients) => recipients.seal(self.content.expose()),
            None => Ok(self.content.expose().to_vec()),
        }
    }
}

/// Reads a file with a snapshot, encrypted or not.
///
/// # Errors
///
/// When it cannot be read or decrypted.
pub(crate) fn open(path: &Path, identities: &Identities) -> Result<Secret, StoreError> {
    let reading =
        |source: io::Error| StoreError::File { action: "read", path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(reading)?;
    if !is_sealed(&bytes) {
        return Ok(Secret::new(bytes));
    }
    let path = path.to_owned();
    if identities.is_empty() {
        return Err(StoreError::NoIdentity { path });
    }
    identities.open(&bytes).map_err(|failure| match failure {
        DecryptFailure::OtherRecipients => StoreError::OtherRecipients { path },
        DecryptFailure::Damaged(reason) => StoreError::Decrypt { path, reason },
    })
}

/// Whether the last 32 bytes are the SHA-256 digest of the rest: `etcdctl snapshot save` appends it (etcd 3.7,
/// client/v3/snapshot/v3_snapshot.go), and a machine compares it again.
pub(crate) fn is_whole(snapshot: &Secret) -> bool {
    let parts = snapshot.expose().split_last_chunk();
    parts.is_some_and(|(pages, digest)| Sha256::compute(pages).as_bytes() == digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(name: &str, size: usize, bytes: &[u8]) -> Vec<u8> {
        let sum = Sha256::compute(b"pages");
        let mut printed = format!("{HEAD}{name}\t{size}\t{sum}\n").into_bytes();
        printed.extend(bytes);
        printed
    }

    fn failure(printed: &[u8]) -> Option<SnapshotError> {
        Snapshot::parse(printed).err()
    }

    #[test]
    fn parses_a_snapshot() {
        let parsed = Snapshot::parse(&printed("etcd-20261201T060000Z.db", 5, b"pages"));
        let found = parsed.map(|snapshot| (snapshot.time.clone(), snapshot.file(None)));
        assert_eq!(found, Ok(("20261201T060000Z".to_owned(), Ok(b"pages".to_vec()))));
    }

    #[test]
    fn refuses_what_is_not_whole() {
        let name = "etcd-20261201T060000Z.db";
        for (printed, expected) in [
            (printed(name, 5, b"page"), SnapshotError::Incomplete),
            (printed(name, 5, b"Pages"), SnapshotError::Incomplete),
            (printed(name, 6, b"pages"), SnapshotError::Incomplete),
            (printed("etcd-../../x.db", 5, b"pages"), SnapshotError::Head),
            (printed("x.db", 5, b"pages"), SnapshotError::Head),
            (b"meshwright: no snapshot\n".to_vec(), SnapshotError::Head),
            (Vec::new(), SnapshotError::Head),
        ] {
            assert_eq!(failure(&printed), Some(expected));
        }
    }
}
