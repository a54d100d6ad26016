//! The programs that `lab/tools/build` builds.

#![expect(clippy::disallowed_methods, reason = "the environment says where they are")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What a script needs to find them: the folder that holds those which were built.
pub(crate) fn environment() -> Option<(&'static str, &'static Path)> {
    Some(("MESHWRIGHT_TOOLS_BIN", bin()?))
}

/// What the environment says, else the script, which says nothing where Go is missing.
fn bin() -> Option<&'static Path> {
    static BIN: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        env::var_os("MESHWRIGHT_TOOLS_BIN")
            .filter(|set| !set.is_empty())
            .map(PathBuf::from)
            .or_else(ask)
    });
    BIN.as_deref()
}

fn ask() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/tools/build");
    let said = Command::new(script).stderr(Stdio::null()).output().ok()?;
    let path = String::from_utf8(said.stdout).ok()?;
    said.status.success().then(|| PathBuf::from(path.trim_end()))
}
