//! The programs that `lab/tools/build` builds.

#![expect(clippy::disallowed_methods, reason = "an environment variable names their folder")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The variable by which scripts find the folder of the built programs, and its value.
pub(crate) fn environment() -> Option<(&'static str, &'static Path)> {
    Some(("MESHWRIGHT_TOOLS_BIN", bin()?))
}

/// The folder from the environment, or else from the script. None if Go is missing.
fn bin() -> Option<&'static Path> {
    static BIN: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        env::var_os("MESHWRIGHT_TOOLS_BIN")
            .filter(|set| !set.is_empty())
            .map(PathBuf::from)
            .or_else(run_build_script)
    });
    BIN.as_deref()
}

fn run_build_script() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/tools/build");
    let done = Command::new(script).stderr(Stdio::null()).output().ok()?;
    let path = String::from_utf8(done.stdout).ok()?;
    done.status.success().then(|| PathBuf::from(path.trim_end()))
}
