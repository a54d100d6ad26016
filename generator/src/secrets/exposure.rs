//! How the secrets of a store may reach others: through git, through modes and owners, as temporary
//! files of a killed run, or because the files are not in the form that the topology requires. All of
//! it is a warning, because the cluster works.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::fault::{
    STORE_FILES_PLAIN, STORE_IN_GIT, STORE_LEFTOVER, STORE_OPEN, STORE_OUTDATED, warning,
};
use super::requirements::{RECRYPT, cluster_name};
use super::store::{Outdated, Store, StoreError};
use meshwright_compiler::diagnostic::{Diagnostic, Finding};

/// The permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

/// The warnings about a store.
///
/// # Errors
///
/// When the store cannot be read.
pub(crate) fn warnings(store: &Store) -> Result<Vec<Diagnostic>, StoreError> {
    let plain = store.plain_files()?;
    let found = [
        outdated(store, &plain)?,
        in_git(store, &plain),
        open(store, &plain),
        leftover(&store.leftovers()?),
    ];
    Ok(found.into_iter().flatten().collect())
}

fn outdated(store: &Store, plain: &[PathBuf]) -> Result<Option<Diagnostic>, StoreError> {
    let root = store.folder("");
    let folder = root.display();
    Ok(store.outdated()?.map(|outdated| match outdated {
        Outdated::Plain => {
            let message =
                format!("{} not encrypted, and the topology names recipients", are(plain));
            found(STORE_FILES_PLAIN, message, RECRYPT)
        }
        Outdated::Sealed => {
            let message = format!("{folder} is encrypted, and the topology names no recipients");
            found(STORE_OUTDATED, message, RECRYPT)
        }
        Outdated::Recipients => {
            let message =
                format!("{folder} is encrypted for other recipients than the topology names");
            found(STORE_OUTDATED, message, RECRYPT)
        }
    }))
}

fn in_git(store: &Store, plain: &[PathBuf]) -> Option<Diagnostic> {
    let among_plain = |listed: BTreeSet<PathBuf>| -> Vec<PathBuf> {
        plain.iter().filter(|path| listed.contains(*path)).cloned().collect()
    };
    let root = store.folder("");
    let tracked = among_plain(listed_by_git(&root, &["--cached"])?);
    if !tracked.is_empty() {
        let message = format!("{} in git, without encryption", are(&tracked));
        let help = "replace these secrets: every clone has them. Then `git rm --cached` the files, and \
                    restore the `.gitignore` of the store";
        return Some(found(STORE_IN_GIT, message, help));
    }
    let taken = among_plain(listed_by_git(&root, &["--others", "--exclude-standard"])?);
    if taken.is_empty() {
        return None;
    }
    let message = format!("{} not ignored by git, and not encrypted", are(&taken));
    Some(found(STORE_IN_GIT, message, "write a `.gitignore` with the line `*` into the store"))
}

/// The files below a folder that git lists; none without git, or outside of a repository.
fn listed_by_git(folder: &Path, options: &[&str]) -> Option<BTreeSet<PathBuf>> {
    let output = Command::new("git")
        // The configuration of a repository may name a program here, which git would run.
        .args(["-c", "core.fsmonitor=false", "ls-files", "-z"])
        .args(options)
        .current_dir(folder)
        // A hook of git sets them relative to its own folder.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let paths = names.map(|name| folder.join(OsStr::from_bytes(name)));
    output.status.success().then(|| paths.collect())
}

/// Files and folders of a plain store that others can read or have written.
fn open(store: &Store, plain: &[PathBuf]) -> Option<Diagnostic> {
    let root = store.folder("");
    let above = |path: &PathBuf| {
        let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&root));
        folders.map(Path::to_owned).collect::<Vec<_>>()
    };
    let mut paths: BTreeSet<PathBuf> = plain.iter().flat_map(above).collect();
    paths.extend(plain.iter().cloned());
    let open: Vec<_> = paths.iter().filter(|path| has_mode(path, OTHERS)).cloned().collect();
    if !open.is_empty() {
        let message = format!("{} open to other users of this machine", are(&open));
        let help = format!("run `chmod -R go= {}`", root.display());
        return Some(found(STORE_OPEN, message, &help));
    }
    let owner = owner(&root)?;
    let others: Vec<_> = paths
        .into_iter()
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|file| file.uid() != owner))
        .collect();
    let message = || format!("{} owned by another user", are(&others));
    let help = format!("run `chown -R {owner} {}`", root.display());
    (!others.is_empty()).then(|| found(STORE_OPEN, message(), &help))
}

fn has_mode(path: &Path, mode: u32) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.mode() & mode != 0)
}

/// The user that should own the store: the one that runs this program. The administrator may work on
/// the store of another user.
fn owner(root: &Path) -> Option<u32> {
    // Linux shows there the effective user of the process (proc(5)).
    let user = fs::metadata("/proc/self").ok()?.uid();
    if user == 0 { fs::metadata(root).ok().map(|folder| folder.uid()) } else { Some(user) }
}

fn leftover(leftovers: &[PathBuf]) -> Option<Diagnostic> {
    if leftovers.is_empty() {
        return None;
    }
    let message = format!("{} of an interrupted run, and may contain a secret", are(leftovers));
    Some(found(STORE_LEFTOVER, message, "run `meshwright keys`, which removes them"))
}

/// `a is`, `a and 2 more files are`.
fn are(paths: &[PathBuf]) -> String {
    let Some(first) = paths.first() else { return String::new() };
    match paths.len() - 1 {
        0 => format!("{} is", first.display()),
        1 => format!("{} and 1 more are", first.display()),
        more => format!("{} and {more} more are", first.display()),
    }
}

/// Warnings about files have no place in the topology but the cluster that they belong to.
fn found(code: &'static str, message: String, help: &str) -> Diagnostic {
    warning(code, Finding::new(message, &cluster_name(), "the store of this cluster").help(help))
}
