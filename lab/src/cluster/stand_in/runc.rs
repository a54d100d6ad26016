//! `/usr/bin/runc`: removes from a container's configuration what this machine cannot do, then is runc.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Error, Result};
use serde_json::{Value, json};

/// The real program.
const REAL: &str = "/usr/bin/runc";

/// The slice of containers: kubelet names none when it makes no cgroups for pods.
const SLICE: &str = "lab.slice";

/// Returns only if the real program cannot be started.
pub(super) fn run(arguments: &[String]) -> Error {
    let changed = match bundle(arguments) {
        Some(bundle) => change(&bundle.join("config.json")),
        None => Ok(()),
    };
    match changed {
        Ok(()) => Command::new(REAL).args(arguments).exec().into(),
        Err(error) => error,
    }
}

/// The folder of a container that is created (runc-create(8)).
fn bundle(arguments: &[String]) -> Option<PathBuf> {
    arguments.iter().find(|argument| ["create", "run"].contains(&argument.as_str()))?;
    let at = arguments.iter().position(|argument| ["--bundle", "-b"].contains(&argument.as_str()));
    Some(at.and_then(|at| arguments.get(at + 1)).map_or_else(|| ".".into(), PathBuf::from))
}

fn change(file: &Path) -> Result<()> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.with_context(|| file.display().to_string())?,
    };
    let mut config: Value = serde_json::from_slice(&text)?;
    let devices = config["linux"]["resources"]["devices"].take();
    config["linux"]["resources"] = json!({ "devices": devices });
    if let Some(process) = config["process"].as_object_mut() {
        process.remove("oomScoreAdj");
    }
    // The form of the cgroup driver systemd: slice, prefix, name.
    let path = config["linux"]["cgroupsPath"].as_str().unwrap_or_default().to_owned();
    if path.matches(':').count() != 2 {
        let name = path.rsplit('/').next().unwrap_or_default();
        config["linux"]["cgroupsPath"] = json!(format!("{SLICE}:cri-containerd:{name}"));
    }
    fs::write(file, serde_json::to_vec(&config)?)?;
    Ok(())
}
