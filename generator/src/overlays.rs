//! Reads the manifests of the user's own, which are in a folder beside the topology.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use meshwright_compiler::overlay::{FOLDER, Overlay};

/// Why the folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// The operating system refuses it.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Some files cannot be carried.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
}

impl OverlayError {
    /// The remedy.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Refused(_) => Some("docs/own-settings.md has what the folder may contain"),
        }
    }
}

/// The manifests beside a topology, in the order of their names; none if there is no folder. Hidden files and
/// `README.md` are not manifests.
///
/// # Errors
///
/// When a file cannot be read or carried. All such files are named.
pub fn beside(topology: &Path) -> Result<Vec<Overlay>, OverlayError> {
    let folder = topology.with_file_name(FOLDER);
    let (mut overlays, mut faults) = (Vec::new(), Vec::new());
    for name in names(&folder)? {
        let path = folder.join(&name);
        let is_file = path.is_file();
        let bytes = if is_file { fs::read(&path).map_err(unreadable(&path))? } else { Vec::new() };
        let shown = path.display();
        match String::from_utf8(bytes) {
            _ if !is_file => faults.push(format!("{shown}: this is not a file")),
            Err(_) => faults.push(format!("{shown}: it is not UTF-8")),
            Ok(text) => match Overlay::parse(&name, &text) {
                Ok(overlay) => overlays.push(overlay),
                Err(fault) if fault.line == 0 => faults.push(format!("{shown}: {}", fault.message)),
                Err(fault) => faults.push(format!("{shown}:{}: {}", fault.line, fault.message)),
            },
        }
    }
    if faults.is_empty() { Ok(overlays) } else { Err(OverlayError::Refused(faults)) }
}

fn names(folder: &Path) -> Result<Vec<String>, OverlayError> {
    let entries = match fs::read_dir(folder) {
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable(folder))?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "README.md" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> OverlayError + use<> {
    let path = path.to_owned();
    move |source| OverlayError::Unreadable { path, source }
}
