//! The folder of the cluster's owner: `topology.toml`, `secrets/` and `out/`, and the commands of the README.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use super::emulator::{ADDRESS, OUTSIDE};

/// The address of beta on the underlay.
pub const BETA: &str = "198.51.100.20";

/// The port of the package repositories, outside of the machine.
pub const PACKAGES_PORT: u16 = 8080;

/// The folder.
#[derive(Debug)]
pub struct OwnerFolder {
    folder: PathBuf,
}

impl OwnerFolder {
    /// Writes the topology of two nodes with IPVS, and runs `keys` and `generate`. Packages come from the
    /// repositories that the key with this fingerprint signs.
    ///
    /// # Errors
    ///
    /// When a command fails.
    pub fn create(folder: &Path, fingerprint: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let owner = Self { folder: folder.to_owned() };
        fs::write(owner.folder.join("topology.toml"), topology(fingerprint))?;
        owner.compile()?;
        Ok(owner)
    }

    /// The delivery of a node.
    ///
    /// # Errors
    ///
    /// When `export` fails.
    pub fn export(&self, node: &str) -> Result<Vec<u8>> {
        self.meshwright(&["export", node])
    }

    /// A file of `out/`.
    ///
    /// # Errors
    ///
    /// When it does not exist.
    pub fn generated(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.folder.join("out").join(path)).with_context(|| path.to_owned())
    }

    /// Adds a client to the topology.
    ///
    /// # Errors
    ///
    /// When a command fails.
    pub fn add_client(&self) -> Result<()> {
        let path = self.folder.join("topology.toml");
        let topology = fs::read_to_string(&path)?;
        fs::write(&path, topology + "\n[[clients]]\nname = \"laptop\"\nid = 200\n")?;
        self.compile()
    }

    fn compile(&self) -> Result<()> {
        self.meshwright(&["keys"])?;
        self.meshwright(&["generate"])?;
        Ok(())
    }

    /// Runs `meshwright`, and returns what it printed on standard output.
    fn meshwright(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let path = self.folder.join("topology.toml");
        let topology = path.to_str().context("UTF-8")?;
        let line = [&["meshwright", "--topology", topology], arguments].concat();
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let code = meshwright::cli::run(line, &mut output, &mut errors);
        let printed = String::from_utf8_lossy(&errors);
        ensure!(code == ExitCode::SUCCESS, "meshwright {}: {printed}", arguments.join(" "));
        Ok(output)
    }
}

fn topology(fingerprint: &str) -> String {
    let packages = format!("http://{OUTSIDE}:{PACKAGES_PORT}");
    let cluster = format!(
        r#"[cluster]
name = "pair"
kubernetes_version = "1.37.2"

[kube_proxy]
mode = "ipvs"
scheduler = "rr"

[ingress]
controller = "traefik"

[firewall]
ssh_from = ["203.0.113.0/24"]

[packages]
kubernetes_apt = "{packages}/kubernetes"
containerd_apt = "{packages}/docker"
fingerprints = ["{fingerprint}"]
"#
    );
    let alpha = node("alpha", 1, "control-plane", ADDRESS);
    cluster + &alpha + &node("beta", 2, "worker", BETA)
}

fn node(name: &str, id: u32, role: &str, endpoint: &str) -> String {
    format!(
        r#"
[[nodes]]
name = "{name}"
id = {id}
role = "{role}"
os = "debian-13"
endpoint = "{endpoint}"
"#
    )
}
