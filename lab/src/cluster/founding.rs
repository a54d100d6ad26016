//! A cluster on its machines, and what its owner does: switch on, deliver, ask the API server.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::base_image::BaseImage;
use super::broken::ClusterDamage;
use super::deviations;
use super::file_server::FileServer;
use super::machine::{DiskLayers, Machine, MachinePlace};
use super::memory::MemoryPeak;
use super::programs::RealPrograms;
use super::run_folder::RunFolder;
use super::supplies::Supplies;
use super::workspace::Workspace;
use crate::machine::LabMachine;
use crate::namespace::Namespace;
use crate::probe::eventually;
use crate::underlay::{self, Underlay};

/// The longest wait for a state of the cluster: two processors run all machines, and other work.
pub const TIMEOUT: Duration = Duration::from_secs(420);

/// The node that initialises the cluster.
pub const INIT: &str = "cp1";

/// Whether a machine still has to join the cluster.
const JOINS: &str = ". /etc/meshwright/node.env; [ $MESHWRIGHT_BOOTSTRAP = init ] || \
    { [ -e /var/lib/meshwright/joined ] && [ -e /etc/kubernetes/kubelet.conf ]; } || echo yes";

/// The node behind NAT.
pub const HOME: &str = "home";

/// The laptop's address on the Internet.
const LAPTOP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);

/// The private address of the node behind NAT.
const HOME_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 11);

/// What every cluster of a run shares: it is created once.
pub struct Datacentre {
    /// The real programs.
    pub programs: RealPrograms,
    /// `meshwright` as a program.
    pub owner: PathBuf,
    supplies: Supplies,
    layers: DiskLayers,
}

impl Datacentre {
    /// Creates the image, packages and container images, if they do not exist yet.
    ///
    /// # Errors
    ///
    /// When a program fails.
    pub fn create(cache: &Path, stand_in: &Path) -> Result<Self> {
        let programs = RealPrograms::find()?;
        let image = BaseImage::create(cache)?;
        let supplies = Supplies::create(cache, &programs, &image, stand_in)?;
        let deviations = Path::new(crate::sandbox::WORK).join("deviations");
        deviations::write_layer(stand_in, &deviations)?;
        let layers = DiskLayers { image: image.root, deviations, pool: image.pool };
        let owner = stand_in.with_file_name("lab-owner");
        Ok(Self { programs, owner, supplies, layers })
    }
}

/// A cluster with its machines.
pub struct Cluster {
    /// What it is built from.
    pub datacentre: Arc<Datacentre>,
    /// The owner's folder.
    pub workspace: Workspace,
    /// The machines by name.
    pub machines: BTreeMap<String, Machine>,
    /// The control plane on which the checks run kubectl.
    pub control_plane: String,
    /// The owner's laptop.
    pub laptop: LabMachine,
    /// A host on the Internet that is not a member of the mesh.
    pub outsider: Namespace,
    /// How long a check waits for a state of the cluster.
    pub timeout: Duration,
    /// The emitted text that is changed on purpose.
    pub damage: Option<&'static ClusterDamage>,
    underlay: Arc<Mutex<Underlay>>,
    started: Instant,
    memory: MemoryPeak,
    // The disks are below it, so it is dropped last.
    run: RunFolder,
}

/// The public address of a node.
#[must_use]
pub fn public_address(node: &str) -> Option<(Ipv4Addr, Ipv6Addr)> {
    let number = match node {
        "cp1" => 10,
        "cp2" => 11,
        "cp3" => 12,
        "w1" => 20,
        "w2" => 21,
        _ => return None,
    };
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, number);
    Some((Ipv4Addr::new(203, 0, 113, number.to_le_bytes()[0]), v6))
}

/// A node as `meshwright init --node` takes it.
#[must_use]
pub fn declaration(node: &str) -> String {
    let role = if node.starts_with("cp") { "control-plane" } else { "worker" };
    match public_address(node) {
        Some((address, _)) => format!("{node}={address},{role}"),
        None => format!("{node}=nat,{role}"),
    }
}

impl Cluster {
    /// Creates the Internet and the owner's folder. No machine is on yet.
    ///
    /// # Errors
    ///
    /// When a step fails.
    pub fn plan(datacentre: &Arc<Datacentre>, cache: &Path, nodes: &[&str]) -> Result<Self> {
        let run = RunFolder::create(cache)?;
        // Namespaces of an earlier cluster may still exist.
        let prefix = run.suffix();
        let mut underlay = Underlay::create(&prefix, &[])?;
        let supplies = &datacentre.supplies;
        let server = FileServer {
            www: supplies.www.clone(),
            pool: datacentre.layers.pool.clone(),
            registry: supplies.registry.clone(),
        };
        server.start(&underlay.internet, underlay::SERVER)?;
        let laptop = Namespace::create(format!("{prefix}-laptop"))?;
        underlay.attach(&laptop, Some(LAPTOP), None)?;
        let declarations: Vec<_> = nodes.iter().map(|node| declaration(node)).collect();
        let workspace = Workspace::create(&run.path().join("workspace"), &declarations, supplies)?;
        Ok(Self {
            datacentre: Arc::clone(datacentre),
            workspace,
            machines: BTreeMap::new(),
            control_plane: INIT.to_owned(),
            laptop: LabMachine::boot("laptop", laptop)?,
            outsider: underlay.outsider.clone(),
            timeout: TIMEOUT,
            damage: None,
            underlay: Arc::new(Mutex::new(underlay)),
            started: Instant::now(),
            memory: MemoryPeak::measure(),
            run,
        })
    }

    /// Switches every machine of the topology on.
    ///
    /// # Errors
    ///
    /// When a step fails.
    pub fn switch_on_all(&mut self) -> Result<()> {
        self.mesh_addresses()?.keys().try_for_each(|node| self.switch_on(node))
    }

    /// Prints a step with its time, and the most memory that all machines together have needed until now.
    #[expect(clippy::print_stderr, reason = "a test that takes minutes shows its progress")]
    pub fn report(&self, step: &str) {
        let (seconds, gibibytes) = (self.started.elapsed().as_secs_f64(), self.memory.gibibytes());
        eprintln!("[{seconds:6.1} s, {gibibytes:.1} GiB] {step}");
    }

    /// Switches a new machine on, with the emitted user-data.
    ///
    /// # Errors
    ///
    /// When a mount is refused.
    pub fn switch_on(&mut self, node: &str) -> Result<()> {
        let user_data = self.workspace.generated(&format!("nodes/{node}/user-data.yaml"))?;
        let place = match public_address(node) {
            Some((v4, v6)) => MachinePlace::Public { v4, v6 },
            None => MachinePlace::Home(HOME_ADDRESS),
        };
        let underlay = Arc::clone(&self.underlay);
        let layers = &self.datacentre.layers;
        let machine = Machine::switch_on(node, place, layers, &self.run, &user_data, underlay)?;
        self.machines.insert(node.to_owned(), machine);
        Ok(())
    }

    /// The machine is lost, and a new one with the same name gets the same files.
    ///
    /// # Errors
    ///
    /// When a step fails.
    pub fn rebuild(&mut self, node: &str) -> Result<()> {
        self.machines.remove(node);
        self.kubectl(&format!("delete node {node} --ignore-not-found"))?;
        self.switch_on(node)?;
        self.await_preparation(node)?;
        self.deliver(node).map(drop)
    }

    /// A machine.
    ///
    /// # Errors
    ///
    /// When there is none with that name.
    pub fn machine(&self, node: &str) -> Result<&Machine> {
        self.machines.get(node).with_context(|| format!("no machine {node}"))
    }

    /// Waits for the last line of the first boot.
    ///
    /// # Errors
    ///
    /// When `prepare` stops with an error.
    pub fn await_preparation(&self, node: &str) -> Result<()> {
        let machine = self.machine(node)?;
        let waiting = "meshwright: waiting for:";
        let deadline = Instant::now() + self.timeout;
        loop {
            let console = machine.console();
            if console.contains(waiting) {
                return Ok(());
            }
            machine.check_power()?;
            let stopped = console.contains("prepare stopped");
            ensure!(!stopped && Instant::now() < deadline, "{node} is not prepared:\n{console}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The delivery of a node, as the last line of its console names it: with a credential if it has not joined.
    fn export(&self, node: &str) -> Result<Vec<u8>> {
        match self.machine(node)?.run(JOINS)?.trim() {
            "yes" => self.workspace.export_to_join(node),
            _ => self.workspace.export(node),
        }
    }

    /// `meshwright export NODE | meshwright-node apply`, and returns what it printed.
    ///
    /// # Errors
    ///
    /// When one of them fails.
    pub fn deliver(&self, node: &str) -> Result<String> {
        let exported = self.export(node)?;
        let delivery = match self.damage {
            Some(damage) if damage.node == node => damage.apply(&exported)?,
            _ => exported,
        };
        self.machine(node)?.feed("meshwright-node apply", &delivery)
    }

    /// Delivers to every machine that is on, the first control plane first.
    ///
    /// # Errors
    ///
    /// When a delivery fails.
    pub fn deliver_to_all(&self) -> Result<()> {
        self.machines.keys().try_for_each(|node| self.deliver(node).map(drop))
    }

    /// Runs a command line with kubectl's credential of the administrator.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn kubectl(&self, line: &str) -> Result<String> {
        let script = format!("export KUBECONFIG=/etc/kubernetes/admin.conf; kubectl {line}");
        self.machine(&self.control_plane)?.run(&script)
    }

    /// The mesh address of every node of the topology.
    ///
    /// # Errors
    ///
    /// When it does not compile.
    pub fn mesh_addresses(&self) -> Result<BTreeMap<String, Ipv4Addr>> {
        let plan = self.workspace.tree()?.plan;
        Ok(plan.nodes.iter().map(|node| (node.name.to_string(), node.address)).collect())
    }

    /// A folder for files of the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.run.path()
    }

    /// Waits until these nodes are Ready.
    ///
    /// # Errors
    ///
    /// When they are not in time; the error has the journals.
    pub fn await_ready(&self, nodes: &[&str]) -> Result<()> {
        let jsonpath = "'{range .items[*]}{.metadata.name} \
                        {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}'";
        let waited = eventually(self.timeout, || {
            let printed = self.kubectl(&format!("get nodes --output jsonpath={jsonpath}"))?;
            let ready: Vec<_> =
                printed.lines().filter_map(|line| line.strip_suffix(" True")).collect();
            let missing: Vec<_> = nodes.iter().filter(|node| !ready.contains(node)).collect();
            ensure!(missing.is_empty(), "not Ready: {missing:?}");
            Ok(())
        });
        waited.map_err(|error| self.with_journals(error))
    }

    /// Waits until every machine is a Ready node.
    ///
    /// # Errors
    ///
    /// As [`Cluster::await_ready`].
    pub fn await_all_ready(&self) -> Result<()> {
        let nodes: Vec<_> = self.machines.keys().map(String::as_str).collect();
        self.await_ready(&nodes)
    }

    /// Waits until every machine has completed `bootstrap` for its last delivery; on the
    /// first control plane it contains `apply.sh`.
    ///
    /// # Errors
    ///
    /// When one has not in time; the error has the journals.
    pub fn await_bootstrap(&self) -> Result<()> {
        let script = "test -e /var/lib/meshwright/bootstrapped";
        let waiting = self.machines.values().try_for_each(|machine| {
            let waited = eventually(self.timeout, || machine.run(script));
            waited.map(drop).with_context(|| format!("bootstrap of {}", machine.name))
        });
        waiting.map_err(|error| self.with_journals(error))
    }

    /// The error with what every machine's bootstrap said last.
    #[must_use]
    pub fn with_journals(&self, error: anyhow::Error) -> anyhow::Error {
        let mut text = String::new();
        for machine in self.machines.values() {
            let journal = machine.run(
                "journalctl --no-pager --output cat --unit meshwright-bootstrap --lines 30; \
                 journalctl --no-pager --output cat --unit kubelet --lines 5; \
                 journalctl --no-pager --output cat --unit haproxy --lines 5; systemctl --failed; \
                 tail --quiet --lines 5 /var/log/pods/kube-system_kube-apiserver-*/*/*.log",
            );
            let printed = journal.unwrap_or_else(|fault| fault.to_string());
            text += &format!("--- {}\n{printed}\n", machine.name);
        }
        error.context(text)
    }

    /// The underlay, to capture its packets.
    ///
    /// # Errors
    ///
    /// When a thread has panicked while it changed it.
    pub fn internet(&self) -> Result<Namespace> {
        let underlay = self.underlay.lock().map_err(PoisonError::into_inner);
        let guard = underlay.map_err(|_| anyhow!("the underlay is broken"))?;
        Ok(guard.internet.clone())
    }
}
