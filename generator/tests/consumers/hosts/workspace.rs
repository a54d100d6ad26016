//! A folder with a topology, its secrets and its `out/`, as the owner of a cluster has it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use tempfile::TempDir;

use super::machine::{Done, Machine, Switch};
use super::{Release, folder, image, script};

/// The release of every machine here.
const RELEASE: &Release = &super::BOOKWORM;

pub(super) struct Workspace {
    folder: TempDir,
    image: PathBuf,
}

impl Workspace {
    /// An empty folder, then `init` with these nodes at 203.0.113.1 and so on, then `keys` and
    /// `generate`. Packages come from a repository of our own.
    pub(super) fn new(nodes: &[&str]) -> Result<Self, Failed> {
        let workspace =
            Self { folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?, image: image(RELEASE)? };
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
                fingerprint.trim()
            );
            topology.replace("debian-13", RELEASE.os).replace("[firewall]", &packages)
        })?;
        workspace.compile()?;
        Ok(workspace)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the repository for the version that `init` has chosen; gives the key that signs it.
    fn repository(&self) -> Result<String, Failed> {
        let topology = fs::read_to_string(self.path().join("topology.toml"))?;
        let version =
            topology.lines().find_map(|line| line.strip_prefix("kubernetes_version = \""));
        let minor = version.and_then(|version| version.rsplit_once('.')).ok_or("no version")?.0;
        script("repository.sh", &[self.path().as_os_str(), RELEASE.suite.as_ref(), minor.as_ref()])
    }

    /// Changes the topology.
    pub(super) fn edit(&self, change: impl FnOnce(&str) -> String) -> Result<(), Failed> {
        let path = self.path().join("topology.toml");
        let topology = fs::read_to_string(&path)?;
        fs::write(&path, change(&topology))?;
        Ok(())
    }

    /// What follows each change of the topology.
    pub(super) fn compile(&self) -> Result<(), Failed> {
        self.meshwright(&["keys"])?;
        self.meshwright(&["generate"])?;
        Ok(())
    }

    /// Runs `meshwright` in the folder; gives what it printed.
    pub(super) fn meshwright(&self, arguments: &[&str]) -> Result<Vec<u8>, Failed> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
        let done = command.args(arguments).current_dir(self.path()).output()?;
        match done.status.success() {
            true => Ok(done.stdout),
            false => {
                let said = String::from_utf8_lossy(&done.stderr);
                Err(format!("meshwright {}: {said}", arguments.join(" ")).into())
            }
        }
    }

    /// What a node is sent.
    pub(super) fn export(&self, node: &str) -> Result<Vec<u8>, Failed> {
        self.meshwright(&["export", node])
    }

    /// Gives a machine its delivery. The first one's manifests are only noted: no cluster is there to
    /// take them.
    pub(super) fn deliver(&self, machine: &Machine, command: &str) -> Result<Done, Failed> {
        let delivery = self.export(&machine.name)?;
        let delivery = match machine.name.as_str() {
            "alpha" => forged("recorder", &delivery)?,
            _ => delivery,
        };
        machine.feed(command, &delivery)
    }

    /// A file of `out/`.
    pub(super) fn generated(&self, path: &str) -> Result<String, Failed> {
        Ok(fs::read_to_string(self.path().join("out").join(path))?)
    }

    /// Switches a node on with its user-data.
    pub(super) fn switch_on(
        &self,
        switch: &Switch,
        node: &str,
        host: u8,
    ) -> Result<Machine, Failed> {
        let user_data = self.path().join("out/nodes").join(node).join("user-data.yaml");
        let address = format!("203.0.113.{host}");
        Machine::switch_on(
            switch,
            &self.image,
            node,
            &address,
            &user_data,
            &self.path().join("www"),
        )
    }
}

/// Makes another delivery of one, by `forge.sh`.
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
        false => Err(format!("forge.sh {kind} has failed").into()),
    }
}
