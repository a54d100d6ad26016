//! The errors of the output directory, with a proposal for each.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io;
use std::path::{Path, PathBuf};

/// Why a path is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// A file of ours that has neither the bytes that we wrote last nor the new ones.
    Edited,
    /// A file with other bytes that the manifest does not name.
    Foreign,
    /// A symlink.
    Symlink,
    /// A folder or a special file at the path of a file.
    NotAFile,
    /// Something else at the path of a folder.
    NotADirectory,
}

impl Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Edited => "edited by hand",
            Self::Foreign => "not written by meshwright",
            Self::Symlink => "a symlink, which is not followed",
            Self::NotAFile => "not a regular file",
            Self::NotADirectory => "not a directory",
        })
    }
}

/// Why the output directory cannot be written or compared.
#[derive(Debug, thiserror::Error)]
pub enum OutError {
    /// A system call failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb: `read`, `lock`.
        action: &'static str,
        /// The path that it applies to.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The output directory is not a directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The output directory.
        path: PathBuf,
    },
    /// The manifest cannot be used: it is not ours, or damaged.
    #[error("cannot use {}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// The journal of an interrupted run cannot be used.
    #[error("cannot finish an interrupted run by {}: {reason}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// The manifest or the journal cannot be written as JSON; no such case is known.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Files must not be overwritten. Nothing was written.
    #[error("{}", refusal(dir, obstacles))]
    Refused {
        /// The output directory.
        dir: PathBuf,
        /// Each path below it that must not be overwritten, and why.
        obstacles: BTreeMap<String, Obstacle>,
    },
    /// The directory has files, and no manifest.
    #[error("{} is not empty, and meshwright did not write it: it has no manifest.json", dir.display())]
    Foreign {
        /// The output directory.
        dir: PathBuf,
    },
    /// An interrupted run left the directory half written, so it cannot be compared.
    #[error("{} is half written: an earlier run was interrupted", dir.display())]
    Interrupted {
        /// The output directory.
        dir: PathBuf,
    },
    /// A write failed after its commit point.
    #[error("{} is half written: {source}", dir.display())]
    Unfinished {
        /// The output directory.
        dir: PathBuf,
        /// The cause.
        source: Box<OutError>,
    },
}

impl OutError {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }

    /// A proposal, where the message does not contain one already.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { .. } | Self::Json(_) => None,
            Self::Journal { path, .. } => {
                let staging = path.parent().unwrap_or(path).display();
                Some(format!("remove {staging}, then run `meshwright generate` again"))
            }
            Self::NotADirectory { .. } => {
                Some("name a directory with --out, or move the file away".to_owned())
            }
            Self::Manifest { path, .. } => Some(format!(
                "restore {} from version control, or remove it: files that already have the right \
                 bytes are then adopted, and all others are listed",
                path.display()
            )),
            Self::Refused { obstacles, .. } => Some(advice(obstacles)),
            Self::Foreign { .. } => Some(
                "name another directory with --out, or restore its manifest.json from version \
                 control; `generate --adopt` writes beside the files that are there"
                    .to_owned(),
            ),
            Self::Interrupted { .. } => Some("run `meshwright generate` to finish it".to_owned()),
            Self::Unfinished { .. } => {
                Some("remove the cause, then run `meshwright generate` again to finish".to_owned())
            }
        }
    }

    /// The exit code: 1 for the state of the directory, 2 for an error of the system.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Foreign { .. } | Self::Interrupted { .. } => 1,
            Self::Io { .. }
            | Self::Json(_)
            | Self::Journal { .. }
            | Self::NotADirectory { .. }
            | Self::Manifest { .. }
            | Self::Unfinished { .. } => 2,
        }
    }
}

fn refusal(dir: &Path, obstacles: &BTreeMap<String, Obstacle>) -> String {
    let mut text = format!("{} contains files that must not be overwritten", dir.display());
    for (path, obstacle) in obstacles {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {path}: {obstacle}");
    }
    text
}

/// A proposal for files that must not be overwritten.
pub(super) fn advice(obstacles: &BTreeMap<String, Obstacle>) -> String {
    let edited = obstacles.values().any(|obstacle| *obstacle == Obstacle::Edited);
    let others = obstacles.values().any(|obstacle| *obstacle != Obstacle::Edited);
    let force = "`generate --diff` shows the edits, `generate --force` replaces them";
    let remove = "move away the files that meshwright did not write";
    match (edited, others) {
        (true, true) => format!("{remove}; {force}"),
        (true, false) => force.to_owned(),
        (false, _) => remove.to_owned(),
    }
}
