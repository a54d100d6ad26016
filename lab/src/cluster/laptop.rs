//! The shell of the cluster's owner: a laptop in the mesh, with `kubectl`, `ssh` and `meshwright`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};

use super::founding::{Cluster, public_address};
use crate::machine::LabMachine;

/// The path of its kubeconfig.
pub const KUBECONFIG: &str = "/etc/lab-kubeconfig";

/// A folder of the PATH that only the laptop has.
const PROGRAMS: &str = "/usr/local/sbin";

/// Runs a script of the owner, and returns what it printed. The laptop needs its kubeconfig.
///
/// # Errors
///
/// When a command of the script fails: the error contains what it printed.
pub fn run(cluster: &Cluster, script: &str) -> Result<String> {
    install(&cluster.laptop, "kubectl", &kubectl(cluster)?)?;
    install(&cluster.laptop, "ssh", &ssh(cluster)?)?;
    install(&cluster.laptop, "meshwright", &meshwright(cluster))?;
    let home = cluster.folder().join("laptop");
    fs::create_dir_all(&home)?;
    let mut command = cluster.laptop.command("bash");
    command.args(["-c", &strict(script)]).env("HOME", &home);
    let output = command.output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "laptop: `{script}`: {}: {errors}{printed}", output.status);
    Ok(printed.into_owned())
}

/// The script, which ends at the first command that fails, as its reader would.
#[must_use]
pub fn strict(script: &str) -> String {
    format!("set -euo pipefail\n{script}")
}

fn install(laptop: &LabMachine, name: &str, text: &str) -> Result<()> {
    let path = format!("{PROGRAMS}/{name}");
    laptop.write(&path, text)?;
    fs::set_permissions(laptop.path(&path), Permissions::from_mode(0o755))?;
    Ok(())
}

fn kubectl(cluster: &Cluster) -> Result<String> {
    let program = cluster.datacentre.programs.path("kubectl");
    let path = program.to_str().context("UTF-8")?;
    Ok(format!("#!/bin/sh\nexec {path} --kubeconfig {KUBECONFIG} \"$@\"\n"))
}

fn meshwright(cluster: &Cluster) -> String {
    let owner = cluster.datacentre.owner.display();
    let topology = cluster.workspace.path("topology.toml");
    format!("#!/bin/sh\nexec {owner} --topology {} \"$@\"\n", topology.display())
}

/// The deviation `console`: the command runs in the machine with the address. A person writes `root@ADDRESS`;
/// `meshwright` gives options, the user and the address.
fn ssh(cluster: &Cluster) -> Result<String> {
    let mut text = "#!/bin/bash\nwhile [[ $1 == -* ]]; do [[ $1 == -- ]] || shift; shift; done\n\
                    case ${1#root@} in\n"
        .to_owned();
    for (name, machine) in &cluster.machines {
        if let Some((address, _)) = public_address(name) {
            let enter = machine.entrance()?.join(" ");
            text += &format!("  {address}) exec {enter} bash -c \"${{*:2}}\" ;;\n");
        }
    }
    Ok(text + "esac\necho \"ssh: no machine $1\" >&2\nexit 255\n")
}
