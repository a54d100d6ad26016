//! The API server that kube-proxy reads. It runs natively, outside of the emulated machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::guest::LIMIT;
use crate::command::{feed, run};
use crate::scenario::repository;

/// The objects of the Services.
const OBJECTS: &str = include_str!("objects.yaml");

/// The address of a node is in its status, which `create` ignores.
const NODE_STATUS: &str =
    r#"{"status": {"addresses": [{"type": "InternalIP", "address": "10.66.66.1"}]}}"#;

/// A running server. It ends with the sandbox.
#[derive(Debug)]
pub struct PairApiServer {
    folder: PathBuf,
    tools: PathBuf,
    process: Child,
}

impl PairApiServer {
    /// Starts a server with the programs of a folder. It answers later.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(tools: &Path, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut command = with_tools(tools, "bash");
        command.arg(repository().join("lab/src/vm/api_server.sh")).arg(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().context("api_server.sh")?;
        Ok(Self { folder: folder.to_owned(), tools: tools.to_owned(), process })
    }

    /// Creates the objects, once the server answers.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or refuses them.
    pub fn create_objects(&mut self) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        while run(self.kubectl().args(["get", "--raw", "/readyz"])).is_err() {
            let ended = self.process.try_wait()?;
            ensure!(ended.is_none() && Instant::now() < deadline, "no API server: {}", self.log());
            thread::sleep(Duration::from_millis(200));
        }
        feed(self.kubectl().args(["create", "--filename", "-"]), OBJECTS)?;
        let patch = ["patch", "node", "alpha", "--subresource=status", "--patch", NODE_STATUS];
        run(self.kubectl().args(patch)).map(drop)
    }

    fn kubectl(&self) -> Command {
        let mut command = with_tools(&self.tools, "kubectl");
        command.arg("--kubeconfig").arg(self.folder.join("admin.conf"));
        command
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("api.log")).unwrap_or_default()
    }
}

fn with_tools(tools: &Path, name: &str) -> Command {
    let mut command = crate::command::program(name);
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", tools.display());
    command.env("PATH", path);
    command
}
