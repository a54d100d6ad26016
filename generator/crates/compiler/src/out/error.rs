//! What can go wrong with the output directory, and what to do about it.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io;
use std::path::{Path, PathBuf};

/// Why a path is not touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// A file of ours that has neither the bytes we wrote last nor the new ones.
    Edited,
    /// A file with other bytes that the manifest does not name.
    Foreign,
    /// A symlink.
    Symlink,
    /// A folder or a special file where a file belongs.
    NotAFile,
    /// Something else where a folder belongs.
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
pub enum Error {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// A verb: `read`, `lock`.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The output directory is something else.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// The output directory.
        path: PathBuf,
    },
    /// The manifest cannot be used: somebody else's, or damaged.
    #[error("cannot use {}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The journal of an interrupted run cannot be used.
    #[error("cannot finish an interrupted run by {}: {reason}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest or the journal cannot be expressed as JSON; no such case is known.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Files stand in the way. Nothing was written.
    #[error("{}", refusal(dir, obstacles))]
    Refused {
        /// The output directory.
        dir: PathBuf,
        /// Each path below it that stands in the way, and why.
        obstacles: BTreeMap<String, Obstacle>,
    },
    /// An interrupted run left the directory half new, so it cannot be judged.
    #[error("{} is half written: an earlier run was interrupted", dir.display())]
    Interrupted {
        /// The output directory.
        dir: PathBuf,
    },
    /// The landing stopped after its commit point.
    #[error("{} is half written: {source}", dir.display())]
    Unfinished {
        /// The output directory.
        dir: PathBuf,
        /// What stopped it.
        source: Box<Error>,
    },
}

impl Error {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// What to do about it, where the message does not say it already.
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
                 bytes are then adopted, and all others are named",
                path.display()
            )),
            Self::Refused { obstacles, .. } => Some(advice(obstacles)),
            Self::Interrupted { .. } => Some("run `meshwright generate` to finish it".to_owned()),
            Self::Unfinished { .. } => {
                Some("remove the cause, then run `meshwright generate` again to finish".to_owned())
            }
        }
    }

    /// The exit code: 1 for what was found in the directory, 2 for what the system refused.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Interrupted { .. } => 1,
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
    let mut text = format!("{} holds what must not be overwritten", dir.display());
    for (path, obstacle) in obstacles {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {path}: {obstacle}");
    }
    text
}

/// What to do about files that stand in the way.
pub(super) fn advice(obstacles: &BTreeMap<String, Obstacle>) -> String {
    let edited = obstacles.values().any(|obstacle| *obstacle == Obstacle::Edited);
    let others = obstacles.values().any(|obstacle| *obstacle != Obstacle::Edited);
    let force = "`generate --diff` shows the edits, `generate --force` replaces them";
    let remove = "move away what meshwright did not write";
    match (edited, others) {
        (true, true) => format!("{remove}; {force}"),
        (true, false) => force.to_owned(),
        (false, _) => remove.to_owned(),
    }
}
