//! Programs that replace what no package registry has: Calico's operator, calico-node and CNI plugin, and
//! the images of the cluster's pods. They run inside the cluster, and are configured from the emitted
//! documents alone, as the API server returns them.
//!
//! One binary contains all of them: the name under which it is started selects the program.

mod api;
pub mod app;
mod cni;
mod node;
mod operator;
mod runc;

pub use operator::{IMAGE, definitions, manifest};

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};

/// Runs the program that the first argument, a path, names.
#[expect(clippy::print_stderr, reason = "errors of a program are read in its log")]
pub fn main(arguments: &[String]) -> ExitCode {
    // The kernel drops a signal that the first process of a container does not handle: at a reboot systemd would
    // wait 90 s for it. So the program is its child, which SIGTERM ends.
    let done = if std::process::id() == 1 { run_as_child(arguments) } else { run(arguments) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_as_child(arguments: &[String]) -> Result<()> {
    let (path, rest) = arguments.split_first().context("no name")?;
    let status = Command::new(std::env::current_exe()?).arg0(path).args(rest).status()?;
    ensure!(status.success(), "{path}: {status}");
    Ok(())
}

fn run(arguments: &[String]) -> Result<()> {
    let (path, rest) = arguments.split_first().context("no name")?;
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).context("no name")?;
    match name {
        "app" => app::run(rest),
        "calico" => cni::run(),
        "calico-node" => node::run(rest),
        "operator" => operator::run(),
        // As in the Job by which `kubeadm upgrade` looks whether pods can run.
        "pause" if rest == ["-v"] => Ok(()),
        "pause" => app::sleep(),
        "runc" => Err(runc::run(rest)),
        _ => bail!("no program {name}"),
    }
}
