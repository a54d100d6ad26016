//! Reads files of a revision from git, without a change of the working tree.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use meshwright_proof::files::{TreeFiles, TreeReadError};

/// A folder as a revision has it.
#[derive(Debug, Default)]
pub(crate) struct CommittedFolder {
    files: BTreeMap<String, CommittedFile>,
    /// Symlinks and submodules.
    irregular: Vec<String>,
}

#[derive(Debug)]
struct CommittedFile {
    bytes: Vec<u8>,
    is_executable: bool,
}

/// Why a folder of a revision cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// git cannot be started, or does not answer as expected.
    #[error("git cannot be used: {0}")]
    Unusable(#[from] io::Error),
    /// git ends with an error.
    #[error("git: {0}")]
    Refused(String),
    /// There is no such revision.
    #[error("{revision} is not a revision of the repository of {}", folder.display())]
    UnknownRevision { revision: String, folder: PathBuf },
    /// The revision does not have the folder.
    #[error("{revision} has no {}", folder.display())]
    WithoutFolder { revision: String, folder: PathBuf },
}

/// One entry of `git ls-tree -z`.
struct TreeEntry {
    mode: String,
    object: String,
    /// Below the folder that git was started in.
    path: Vec<u8>,
}

impl CommittedFolder {
    /// Reads a folder of a revision.
    pub(crate) fn read(revision: &str, folder: &Path) -> Result<Self, GitError> {
        let absolute = std::path::absolute(folder)?;
        let unknown =
            || GitError::WithoutFolder { revision: revision.to_owned(), folder: folder.to_owned() };
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(unknown());
        };
        let commit = commit(revision, parent)?;
        let entries = entries(&commit, parent, name)?;
        if entries.is_empty() {
            return Err(unknown());
        }
        let blobs = entries.iter().filter(|entry| entry.mode.starts_with("100"));
        let objects = blobs.map(|entry| entry.object.clone()).collect();
        let mut texts = blobs_of(objects, parent)?.into_iter();
        let mut committed = Self::default();
        for TreeEntry { mode, path, .. } in entries {
            let below = path.strip_prefix(name.as_bytes()).unwrap_or(&path);
            let path = String::from_utf8_lossy(below).trim_start_matches('/').to_owned();
            let bytes = if mode.starts_with("100") { texts.next() } else { None };
            match bytes {
                Some(bytes) => {
                    let is_executable = mode == "100755";
                    committed.files.insert(path, CommittedFile { bytes, is_executable });
                }
                None => committed.irregular.push(path),
            }
        }
        Ok(committed)
    }
}

/// The newest revisions that changed a folder, newest first, by their short names.
pub(crate) fn revisions_of(folder: &Path, limit: usize) -> Result<Vec<String>, GitError> {
    let absolute = std::path::absolute(folder)?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Ok(Vec::new());
    };
    let mut command = git(parent);
    command.args(["log", &format!("--max-count={limit}"), "--format=%h", "--"]).arg(name);
    let listed = output(command)?;
    Ok(String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect())
}

/// Whether git would commit a new file in a folder, which may not exist yet.
pub(crate) fn would_commit(folder: &Path) -> Result<bool, GitError> {
    let absolute = std::path::absolute(folder)?;
    let existing = absolute.ancestors().find(|one| one.is_dir()).unwrap_or(Path::new("/"));
    let below = absolute.strip_prefix(existing).unwrap_or(Path::new(""));
    let existing = existing.canonicalize()?;
    if !existing.ancestors().any(|one| one.join(".git").exists()) {
        return Ok(false);
    }
    let mut command = git(&existing);
    // git-check-ignore(1) takes no literal pathspecs, and no magic begins with a dot.
    command.args(["--no-literal-pathspecs", "check-ignore", "--quiet", "--"]);
    command.arg(Path::new(".").join(below).join("snapshot"));
    let done = command.output()?;
    match done.status.code() {
        // git-check-ignore(1), EXIT STATUS.
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(refused(&done.stderr)),
    }
}

/// Starts git in a folder. No program that the repository's configuration names is started.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.fsmonitor=false", "--no-pager", "--literal-pathspecs"])
        .current_dir(folder)
        // A hook of git sets them relative to its own folder.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_PREFIX")
        .stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> Result<Vec<u8>, GitError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(refused(&output.stderr))
}

fn refused(errors: &[u8]) -> GitError {
    let message = String::from_utf8_lossy(errors);
    GitError::Refused(message.trim().trim_start_matches("fatal: ").to_owned())
}

/// The hash of a revision's commit. A revision that begins with `-` is not taken as an option.
fn commit(revision: &str, folder: &Path) -> Result<String, GitError> {
    let mut repository = git(folder);
    repository.args(["rev-parse", "--git-dir"]);
    output(repository)?;
    let mut command = git(folder);
    let wanted = format!("{revision}^{{commit}}");
    command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]);
    let found = output(command).map_err(|_| GitError::UnknownRevision {
        revision: revision.to_owned(),
        folder: folder.to_owned(),
    })?;
    let text = String::from_utf8_lossy(&found);
    // `--end-of-options` is printed by some versions of git.
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

fn entries(commit: &str, folder: &Path, name: &OsStr) -> Result<Vec<TreeEntry>, GitError> {
    let mut command = git(folder);
    command.args(["ls-tree", "-r", "-z", commit, "--"]).arg(name);
    let listed = output(command)?;
    let entries = listed.split(|byte| *byte == 0).filter_map(|entry| {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let (head, path) = (String::from_utf8_lossy(&entry[..tab]), &entry[tab + 1..]);
        let mut words = head.split(' ');
        let (mode, object) = (words.next()?.to_owned(), words.nth(1)?.to_owned());
        Some(TreeEntry { mode, object, path: path.to_owned() })
    });
    Ok(entries.collect())
}

/// The bytes of objects, in their order, by one process of git (git-cat-file(1), BATCH OUTPUT).
fn blobs_of(objects: Vec<String>, folder: &Path) -> Result<Vec<Vec<u8>>, GitError> {
    let mut command = git(folder);
    command.args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("it has no streams").into());
    };
    let count = objects.len();
    // Both pipes have a limit: writing and reading at the same time cannot wait for each other.
    let writer =
        thread::spawn(move || objects.iter().try_for_each(|object| writeln!(input, "{object}")));
    let mut output = io::BufReader::new(output);
    let blobs = (0..count).map(|_| blob(&mut output)).collect::<io::Result<Vec<_>>>();
    let written = writer.join().unwrap_or_else(|_| Err(io::Error::other("its input ended")));
    child.wait()?;
    let blobs = blobs?;
    written?;
    Ok(blobs)
}

/// `<object> blob <size>`, a newline, the bytes, and a newline.
fn blob(output: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut head = String::new();
    output.read_line(&mut head)?;
    let size = head.trim_end().rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
    let size =
        size.ok_or_else(|| io::Error::other(format!("unexpected answer {:?}", head.trim())))?;
    let mut bytes = vec![0; size + 1];
    output.read_exact(&mut bytes)?;
    bytes.pop();
    Ok(bytes)
}

impl TreeFiles for CommittedFolder {
    fn paths(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(self.files.keys().cloned().collect())
    }

    fn irregular(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(self.irregular.clone())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        let missing =
            || TreeReadError { path: path.into(), source: io::ErrorKind::NotFound.into() };
        self.files.get(path).map(|file| file.bytes.clone()).ok_or_else(missing)
    }

    fn needs_manifest(&self) -> bool {
        true
    }

    fn is_executable(&self, path: &str) -> Result<bool, TreeReadError> {
        Ok(self.files.get(path).is_some_and(|file| file.is_executable))
    }
}
