//! Machines with systemd, which boot, reboot and lose their power: containers of systemd-nspawn.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::run_folder::{RunFolder, remove_cgroups, remove_cgroups_below};
use crate::command::{program, run};
use crate::namespace::Namespace;
use crate::probe::eventually;
use crate::underlay::Underlay;

/// The longest wait for a boot: two processors run several machines, and a shutdown may wait 90 s for a program.
const BOOT_TIMEOUT: Duration = Duration::from_secs(300);

/// Where a machine is.
#[derive(Debug, Clone, Copy)]
pub enum MachinePlace {
    /// On the Internet.
    Public {
        /// Its address.
        v4: Ipv4Addr,
        /// Its IPv6 address.
        v6: Ipv6Addr,
    },
    /// In the home network, behind NAT.
    Home(Ipv4Addr),
}

/// The layers of a new disk.
#[derive(Debug, Clone)]
pub struct DiskLayers {
    /// The image of the operating system.
    pub image: PathBuf,
    /// The files of the deviations.
    pub deviations: PathBuf,
    /// The Debian packages that it may install.
    pub pool: PathBuf,
}

/// A machine. Dropping it cuts its power.
pub struct Machine {
    /// Its name.
    pub name: String,
    state: Arc<MachineState>,
    power: Option<JoinHandle<()>>,
}

/// What the thread that boots the machine shares with the tests.
struct MachineState {
    name: String,
    place: MachinePlace,
    disk: PathBuf,
    underlay: Arc<Mutex<Underlay>>,
    cgroups: Vec<PathBuf>,
    /// The process id of its systemd; 0 while it is off.
    leader: AtomicU32,
    boots: AtomicU32,
    stop: AtomicBool,
    fault: Mutex<Option<String>>,
}

impl Machine {
    /// Switches a new machine on.
    ///
    /// # Errors
    ///
    /// When a mount is refused.
    pub fn switch_on(
        name: &str,
        place: MachinePlace,
        layers: &DiskLayers,
        run: &RunFolder,
        user_data: &str,
        underlay: Arc<Mutex<Underlay>>,
    ) -> Result<Self> {
        let disk = run.path().join(name);
        prepare_disk(layers, &disk, user_data)?;
        let state = Arc::new(MachineState {
            name: name.to_owned(),
            place,
            disk,
            underlay,
            cgroups: run.create_cgroups(name)?,
            leader: AtomicU32::new(0),
            boots: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            fault: Mutex::new(None),
        });
        let mut machine = Self { name: name.to_owned(), state, power: None };
        machine.power_on();
        Ok(machine)
    }

    fn power_on(&mut self) {
        self.state.stop.store(false, Ordering::Release);
        let shared = Arc::clone(&self.state);
        self.power = Some(thread::spawn(move || shared.boot_until_stopped()));
    }

    /// Its network, for the tools of the lab.
    ///
    /// # Errors
    ///
    /// When it was never switched on.
    pub fn namespace(&self) -> Result<Namespace> {
        Namespace::existing(&self.name)
    }

    /// Runs a script on it, as root.
    ///
    /// # Errors
    ///
    /// When the machine is off, or the script fails: the error contains its output.
    pub fn run(&self, script: &str) -> Result<String> {
        self.feed(script, b"")
    }

    /// Runs a script with bytes on its standard input.
    ///
    /// # Errors
    ///
    /// As [`Machine::run`].
    pub fn feed(&self, script: &str, input: &[u8]) -> Result<String> {
        let output = self.output(script, input)?;
        let printed = text_of(&output);
        ensure!(output.status.success(), "{}: `{script}`: {}: {printed}", self.name, output.status);
        Ok(printed)
    }

    /// Runs a script to its end, whether it succeeds or not.
    ///
    /// # Errors
    ///
    /// When the machine is off.
    pub fn output(&self, script: &str, input: &[u8]) -> Result<Output> {
        let mut child = self.command(script)?.spawn()?;
        let mut stdin = child.stdin.take().context("a pipe")?;
        let bytes = input.to_vec();
        // A script that refuses its input does not read all of it.
        let writer = thread::spawn(move || drop(stdin.write_all(&bytes)));
        let output = child.wait_with_output()?;
        drop(writer.join());
        Ok(output)
    }

    /// Starts a script and does not wait for its end.
    ///
    /// # Errors
    ///
    /// When the machine is off.
    pub fn start(&self, script: &str) -> Result<Child> {
        Ok(self.command(script)?.stdin(Stdio::null()).spawn()?)
    }

    /// The words that enter it: the words of a command follow them.
    ///
    /// # Errors
    ///
    /// When it is off.
    pub fn entrance(&self) -> Result<Vec<String>> {
        let leader = self.state.leader.load(Ordering::Acquire);
        ensure!(leader != 0, "{} is off", self.name);
        let mut words = vec!["nsenter".to_owned(), format!("--target={leader}")];
        words.extend(ENTERED.map(str::to_owned));
        Ok(words)
    }

    fn command(&self, script: &str) -> Result<Command> {
        let entrance = self.entrance()?;
        let (name, words) = entrance.split_first().context("a program")?;
        let mut command = program(name);
        command
            .args(words)
            .args(["bash", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Waits until a script succeeds.
    ///
    /// # Errors
    ///
    /// When it does not in time; the error has the end of the journal.
    pub fn wait_for(&self, timeout: Duration, script: &str) -> Result<String> {
        eventually(timeout, || self.run(script)).map_err(|error| self.with_journal(error))
    }

    /// The error with the end of the machine's journal.
    #[must_use]
    pub fn with_journal(&self, error: anyhow::Error) -> anyhow::Error {
        let journal = self.run("journalctl --no-pager --lines=60").unwrap_or_default();
        error.context(format!("{}:\n{journal}", self.name))
    }

    /// The console of the first boot.
    #[must_use]
    pub fn console(&self) -> String {
        let console = fs::read(self.state.disk.join("console.0")).unwrap_or_default();
        String::from_utf8_lossy(&console).into_owned()
    }

    /// Cuts its power; it boots again.
    ///
    /// # Errors
    ///
    /// When it is off, or does not boot again.
    pub fn cut_power(&self) -> Result<()> {
        let boots = self.state.boots.load(Ordering::Acquire);
        self.state.kill()?;
        self.wait_for_boot(boots)
    }

    /// Reboots it as an administrator does.
    ///
    /// # Errors
    ///
    /// As [`Machine::cut_power`].
    pub fn reboot(&self) -> Result<()> {
        let boots = self.state.boots.load(Ordering::Acquire);
        // The command itself may be ended by the reboot.
        drop(self.output("systemctl reboot", b"")?);
        self.wait_for_boot(boots)
    }

    fn wait_for_boot(&self, earlier: u32) -> Result<()> {
        eventually(BOOT_TIMEOUT, || {
            ensure!(
                self.state.boots.load(Ordering::Acquire) > earlier,
                "{} has not rebooted",
                self.name
            );
            self.run("systemctl is-system-running --wait >/dev/null; true").map(drop)
        })
    }

    /// Why it could not boot.
    fn fault(&self) -> Option<String> {
        self.state.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails if it could not boot.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn check_power(&self) -> Result<()> {
        match self.fault() {
            Some(fault) => Err(anyhow!("{} cannot boot: {fault}", self.name)),
            None => Ok(()),
        }
    }

    /// Switches it on again after [`Machine::switch_off`], with the same disk.
    ///
    /// # Errors
    ///
    /// When it does not boot.
    pub fn switch_on_again(&mut self) -> Result<()> {
        let boots = self.state.boots.load(Ordering::Acquire);
        self.power_on();
        self.wait_for_boot(boots)
    }

    /// Switches it off without a shutdown, and waits until nothing of it is left but its disk.
    pub fn switch_off(&mut self) {
        self.state.stop.store(true, Ordering::Release);
        // Between two boots there is no process to end.
        drop(self.state.kill());
        if let Some(power) = self.power.take() {
            drop(power.join());
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.switch_off();
        drop(run(program("umount").arg("--lazy").arg(self.state.disk.join("mount"))));
        // The disk of a machine has gigabytes.
        drop(fs::remove_dir_all(&self.state.disk));
        for cgroup in &self.state.cgroups {
            remove_cgroups(cgroup);
        }
    }
}

/// The namespaces and the environment of a command on a machine.
const ENTERED: [&str; 12] = [
    "--mount",
    "--uts",
    "--ipc",
    "--net",
    "--pid",
    "--cgroup",
    "--root",
    "--wd",
    "env",
    "--ignore-environment",
    "HOME=/root",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
];

fn text_of(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    format!("{stdout}{}", String::from_utf8_lossy(&output.stderr))
}

/// The folders that are on the disk, because overlays cannot be nested.
const PLAIN: [&str; 3] = ["containerd", "kubelet", "etcd"];

fn prepare_disk(layers: &DiskLayers, disk: &Path, user_data: &str) -> Result<()> {
    let seed = disk.join("root/var/lib/cloud/seed/nocloud");
    for folder in [&seed, &disk.join("work"), &disk.join("mount")] {
        fs::create_dir_all(folder)?;
    }
    for folder in PLAIN {
        fs::create_dir_all(disk.join(folder))?;
    }
    fs::write(seed.join("user-data"), user_data)?;
    fs::write(seed.join("meta-data"), format!("instance-id: {}\n", disk.display()))?;
    let options = format!(
        "lowerdir={}:{},upperdir={},workdir={}",
        layers.deviations.display(),
        layers.image.display(),
        disk.join("root").display(),
        disk.join("work").display()
    );
    run(program("mount")
        .args(["-t", "overlay", "overlay", "-o", &options])
        .arg(disk.join("mount")))?;
    Ok(())
}

impl MachineState {
    fn boot_until_stopped(&self) {
        while !self.stop.load(Ordering::Acquire) {
            if let Err(error) = self.boot() {
                let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                *fault = Some(format!("{error:#}"));
                return;
            }
        }
    }

    /// Boots it and waits until it is off.
    fn boot(&self) -> Result<()> {
        self.connect()?;
        let boot = self.boots.load(Ordering::Acquire);
        let console = File::create(self.disk.join(format!("console.{boot}")))?;
        let mut container =
            self.container().stdout(console.try_clone()?).stderr(console).spawn()?;
        match find_leader(&mut container) {
            Ok(leader) => {
                self.leader.store(leader, Ordering::Release);
                self.boots.store(boot + 1, Ordering::Release);
            }
            Err(error) => {
                let console = fs::read_to_string(self.disk.join(format!("console.{boot}")));
                return Err(error.context(console.unwrap_or_default()));
            }
        }
        if self.stop.load(Ordering::Acquire) {
            drop(self.kill());
        }
        container.wait()?;
        self.leader.store(0, Ordering::Release);
        // cAdvisor spends 3 s on each cgroup that an earlier boot has left.
        self.cgroups.iter().for_each(|cgroup| remove_cgroups_below(cgroup));
        Ok(())
    }

    /// A new network: of the last boot neither interfaces nor rules remain.
    fn connect(&self) -> Result<()> {
        let namespace = Namespace::recreate(&self.name)?;
        let mut underlay = self.underlay.lock().unwrap_or_else(PoisonError::into_inner);
        match self.place {
            MachinePlace::Public { v4, v6 } => underlay.attach(&namespace, Some(v4), Some(v6)),
            MachinePlace::Home(address) => {
                underlay.attach_at_home(&namespace, "home", "eth0", Some(address))
            }
        }
    }

    fn container(&self) -> Command {
        let mut command = program("sh");
        command.args(["-ec", ENTER_CGROUPS, "sh"]);
        command.args(self.cgroups.iter().map(|cgroup| cgroup.join("init/cgroup.procs")));
        // Entered before too: /sys shows the network of the process that mounts it.
        let network = format!("/run/netns/{}", self.name);
        command.args(["--", "nsenter", &format!("--net={network}")]);
        command.args(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit"]);
        command.args(["--console=read-only", &format!("--network-namespace-path={network}")]);
        command.args(["--bind=/dev/net/tun", "--bind=/dev/kmsg"]);
        command.args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"]);
        command.args(["--capability=all", "--system-call-filter=add_key keyctl bpf"]);
        for folder in PLAIN {
            command.arg(format!("--bind={}:/var/lib/{folder}", self.disk.join(folder).display()));
        }
        command.arg(format!("--machine={}", self.name));
        command.arg(format!("--directory={}", self.disk.join("mount").display()));
        command.arg("--boot");
        command.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command.env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "yes");
        command
    }

    fn kill(&self) -> Result<()> {
        match self.leader.load(Ordering::Acquire) {
            0 => bail!("{} is off", self.name),
            leader => run(program("kill").args(["-KILL", &leader.to_string()])).map(drop),
        }
    }
}

/// Moves itself into the cgroups of the first arguments, and becomes the command after `--`.
const ENTER_CGROUPS: &str =
    r#"while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@""#;

/// systemd is the only child of the process that creates the container.
fn find_leader(container: &mut Child) -> Result<u32> {
    let pid = container.id();
    eventually(BOOT_TIMEOUT, || {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        for child in children.split_whitespace() {
            let name = fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
            if name.trim() == "systemd" {
                return Ok(child.parse()?);
            }
        }
        Err(anyhow!("no systemd: {:?}", container.try_wait()?))
    })
}
