//! The folder of a cluster's owner: a topology, its secrets and its `out/`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use tempfile::TempDir;

use super::delivering::APPLY;
use super::machine::{CommandResult, HostMachine, NetworkSwitch};
use super::{DebianRelease, create_image, create_repository, folder};

/// The release of every machine.
const RELEASE: &DebianRelease = &super::BOOKWORM;

pub(super) struct Workspace {
    folder: TempDir,
    image: PathBuf,
}

impl Workspace {
    /// Runs `init` in an empty folder, with these nodes at 203.0.113.1 and so on, then `keys` and `generate`.
    /// Packages come from a repository of the test.
    pub(super) fn new(nodes: &[&str]) -> Result<Self, Failed> {
        let workspace = Self {
            folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?,
            image: create_image(RELEASE)?,
        };
        let mut init = vec!["init".to_owned(), "--name".to_owned(), "pair".to_owned()];
        for (node, host) in nodes.iter().zip(1..) {
            init.extend(["--node".to_owned(), format!("{node}=203.0.113.{host}")]);
        }
        workspace.meshwright(&init.iter().map(String::as_str).collect::<Vec<_>>())?;
        let fingerprint = workspace.repository()?;
        workspace.edit(|topology| {
            let packages = format!(
                "[packages]\nkubernetes_apt = \"http://127.0.0.1:8080/kubernetes\"\n\
                 containerd_apt = \"http://127.0.0.1:8080/docker\"\n\
                 fingerprints = [\"{}\"]\n\n[firewall]",
                fingerprint
            );
            topology.replace("debian-13", RELEASE.os).replace("[firewall]", &packages)
        })?;
        workspace.compile()?;
        Ok(workspace)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Creates the package repository for the version that `init` has chosen, and returns the fingerprint of its
    /// key.
    fn repository(&self) -> Result<String, Failed> {
        let topology = fs::read_to_string(self.path().join("topology.toml"))?;
        let version =
            topology.lines().find_map(|line| line.strip_prefix("kubernetes_version = \""));
        let minor = version.and_then(|version| version.rsplit_once('.')).ok_or("no version")?.0;
        create_repository(self.path(), RELEASE, minor)
    }

    /// Changes the topology.
    pub(super) fn edit(&self, change: impl FnOnce(&str) -> String) -> Result<(), Failed> {
        let path = self.path().join("topology.toml");
        let topology = fs::read_to_string(&path)?;
        fs::write(&path, change(&topology))?;
        Ok(())
    }

    /// Runs the commands that follow each change of the topology.
    pub(super) fn compile(&self) -> Result<(), Failed> {
        self.meshwright(&["keys"])?;
        self.meshwright(&["generate"])?;
        Ok(())
    }

    /// Runs `meshwright` in the folder, and returns what it printed.
    pub(super) fn meshwright(&self, arguments: &[&str]) -> Result<Vec<u8>, Failed> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
        let done = command.args(arguments).current_dir(self.path()).output()?;
        match done.status.success() {
            true => Ok(done.stdout),
            false => {
                let output = String::from_utf8_lossy(&done.stderr);
                Err(format!("meshwright {}: {output}", arguments.join(" ")).into())
            }
        }
    }

    /// The delivery for a node.
    pub(super) fn export(&self, node: &str) -> Result<Vec<u8>, Failed> {
        self.meshwright(&["export", node])
    }

    /// The delivery for a node with a credential to join the cluster.
    pub(super) fn export_to_join(&self, node: &str) -> Result<Vec<u8>, Failed> {
        self.meshwright(&["export", node, "--join"])
    }

    /// The delivery for a node from a store whose authorities were generated again. The workspace keeps its own.
    pub(super) fn export_of_other_authorities(&self, node: &str) -> Result<Vec<u8>, Failed> {
        let (topology, pki) =
            (self.path().join("topology.toml"), self.path().join("secrets/cluster/pki"));
        let kept = self.path().join("kept");
        let written = fs::read(&topology)?;
        fs::rename(&pki, &kept)?;
        self.meshwright(&["keys", "--new-cluster"])?;
        let exported = self.export(node)?;
        fs::write(&topology, written)?;
        fs::remove_dir_all(&pki)?;
        fs::rename(&kept, &pki)?;
        Ok(exported)
    }

    /// The first delivery of a machine, which joins the cluster with it.
    pub(super) fn deliver_to_join(&self, machine: &HostMachine) -> Result<CommandResult, Failed> {
        machine.feed(APPLY, &self.export_to_join(&machine.name)?)
    }

    /// Delivers to a machine. On the first node, applying the manifests is only recorded, because there is no
    /// cluster.
    pub(super) fn deliver(
        &self,
        machine: &HostMachine,
        command: &str,
    ) -> Result<CommandResult, Failed> {
        let exported = self.export(&machine.name)?;
        let delivery = match machine.name.as_str() {
            "alpha" => forged("recorder", &exported)?,
            _ => exported,
        };
        machine.feed(command, &delivery)
    }

    /// The content of a file of `out/`.
    pub(super) fn generated(&self, path: &str) -> Result<String, Failed> {
        Ok(fs::read_to_string(self.path().join("out").join(path))?)
    }

    /// Starts a node with its user-data.
    pub(super) fn switch_on(
        &self,
        switch: &NetworkSwitch,
        node: &str,
        host: u8,
    ) -> Result<HostMachine, Failed> {
        self.switch_on_with(switch, node, host, &[])
    }

    /// Starts a node with its user-data, and with files that are on its disk already.
    pub(super) fn switch_on_with(
        &self,
        switch: &NetworkSwitch,
        node: &str,
        host: u8,
        files: &[(&str, &str)],
    ) -> Result<HostMachine, Failed> {
        let user_data = self.path().join("out/nodes").join(node).join("user-data.yaml");
        let address = format!("203.0.113.{host}");
        HostMachine::switch_on(
            switch,
            &self.image,
            node,
            &address,
            &user_data,
            &self.path().join("www"),
            files,
        )
    }
}

/// Changes a delivery with `forge.sh`.
pub(super) fn forged(kind: &str, delivery: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut forge = Command::new(folder().join("forge.sh"))
        .arg(kind)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = forge.stdin.take() {
        stdin.write_all(delivery)?;
    }
    let done = forge.wait_with_output()?;
    match done.status.success() {
        true => Ok(done.stdout),
        false => Err(format!("forge.sh {kind} failed").into()),
    }
}
