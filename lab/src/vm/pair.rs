//! The two nodes: alpha is the emulated machine, beta a network namespace inside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::api_server::PairApiServer;
use super::emulator::{Emulator, OUTSIDE};
use super::guest::{BOOT_LIMIT, Guest};
use super::guest_image::GuestImage;
use super::owner::{OwnerFolder, PACKAGES_PORT};
use crate::command::{program, run};
use crate::sandbox::WORK;

/// Brings beta up inside the emulated machine.
const SECOND_MACHINE: &str = include_str!("second_machine.sh");

/// The nodes, and what they need from outside.
#[derive(Debug)]
pub struct Pair {
    /// The emulated machine.
    pub guest: Guest,
    /// The cluster's owner.
    pub owner: OwnerFolder,
    api: PairApiServer,
    image: GuestImage,
    emulator: Emulator,
    packages: Child,
    folder: PathBuf,
}

impl Pair {
    /// Compiles the topology, and starts the machine with its user-data, the package repositories and the API
    /// server. It does not wait for any of them.
    ///
    /// # Errors
    ///
    /// When one cannot be started.
    pub fn start(image: &GuestImage, tools: &Path) -> Result<Self> {
        let folder = Path::new(WORK).join("vm");
        fs::create_dir_all(&folder)?;
        run(program("ip").args(["link", "set", "lo", "up"]))?;
        let guest = Guest::create(&folder)?;
        let owner = OwnerFolder::create(&folder.join("owner"), &image.line("fingerprint")?)?;
        let seed = folder.join("seed");
        fs::create_dir_all(&seed)?;
        fs::write(seed.join("user-data"), owner.generated("nodes/alpha/user-data.yaml")?)?;
        let key = guest.public_key()?;
        fs::write(seed.join("meta-data"), format!("instance-id: alpha\npublic-keys: ['{key}']\n"))?;
        fs::copy(tools.join("kube-proxy"), seed.join("kube-proxy")).context("kube-proxy")?;
        let disk = folder.join("root.img");
        run(program("cp").arg("--sparse=always").arg(image.file("root.img")).arg(disk))?;
        Ok(Self {
            packages: serve_packages(&image.file("www"))?,
            emulator: Emulator::start(image, &folder, "first")?,
            image: image.clone(),
            api: PairApiServer::start(tools, &folder.join("api"))?,
            guest,
            owner,
            folder,
        })
    }

    /// Delivers to alpha with the command that its console names. The host name of that command is this machine's
    /// forwarded port here, and the user is cloud-init's.
    ///
    /// # Errors
    ///
    /// When the delivery is refused.
    pub fn deliver_to_alpha(&self) -> Result<String> {
        self.guest.pipe("sudo meshwright-node apply", &self.owner.export("alpha")?)
    }

    /// Delivers one more peer to alpha while packets of beta pass. `stop_pings` of the prelude counts them.
    ///
    /// # Errors
    ///
    /// When the delivery is refused.
    pub fn deliver_another_peer(&self) -> Result<()> {
        self.owner.add_client()?;
        self.guest.run("start_pings")?;
        self.deliver_to_alpha().map(drop)
    }

    /// Unpacks beta's delivery, and brings beta up. `bootstrap` would wait for a time server until the end.
    ///
    /// # Errors
    ///
    /// When a command of the emitted units fails.
    pub fn start_beta(&self) -> Result<()> {
        let unpack = "sudo sh -c 'mkdir -p /srv/beta && tar -xC /srv/beta'";
        self.guest.pipe(unpack, &self.owner.export("beta")?)?;
        self.guest.run("systemctl stop meshwright-bootstrap.service")?;
        self.guest.run(SECOND_MACHINE).map(drop)
    }

    /// Starts kube-proxy on alpha, with a kubeconfig for the API server outside.
    ///
    /// # Errors
    ///
    /// When the API server refuses the objects, or kube-proxy does not start.
    pub fn start_kube_proxy(&mut self) -> Result<()> {
        self.api.create_objects()?;
        let kubeconfig = format!(
            "{{apiVersion: v1, kind: Config, current-context: pair, contexts: [{{name: pair, context: {{cluster: pair, \
             user: proxy}}}}], users: [{{name: proxy, user: {{token: proxy}}}}], clusters: [{{name: pair, cluster: \
             {{server: 'https://{OUTSIDE}:6443', insecure-skip-tls-verify: true}}}}]}}"
        );
        self.guest.run(&format!(
            "mkdir -p /var/lib/kube-proxy\n\
             cat >/var/lib/kube-proxy/kubeconfig.conf <<'CONFIG'\n{kubeconfig}\nCONFIG\n\
             mount -o ro LABEL=cidata /mnt\n\
             start_kube_proxy"
        ))?;
        Ok(())
    }

    /// Reboots the machine, and waits until it accepts SSH again.
    ///
    /// # Errors
    ///
    /// When it does not in time.
    pub fn reboot(&mut self) -> Result<()> {
        self.guest.start_reboot();
        self.emulator.wait_until_off(BOOT_LIMIT)?;
        self.emulator = Emulator::start(&self.image, &self.folder, "second")?;
        self.wait_for_boot()
    }

    /// What the machine and the emulator printed last, for a report of a failure.
    #[must_use]
    pub fn console(&self) -> String {
        let errors = fs::read_to_string(self.folder.join("qemu.log")).unwrap_or_default();
        format!("{}\n{errors}", self.emulator.console())
    }

    /// Waits until the machine accepts SSH.
    ///
    /// # Errors
    ///
    /// When it does not in time, or has turned off.
    pub fn wait_for_boot(&mut self) -> Result<()> {
        let deadline = Instant::now() + BOOT_LIMIT;
        while !self.guest.connect() {
            ensure!(self.emulator.is_on()?, "the machine has turned off");
            ensure!(Instant::now() < deadline, "the machine does not accept SSH");
            thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = self.packages.kill();
        let _ = self.packages.wait();
    }
}

fn serve_packages(www: &Path) -> Result<Child> {
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", &PACKAGES_PORT.to_string()]);
    command.arg("--directory").arg(www).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().context("python3")
}
