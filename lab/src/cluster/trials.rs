//! The trials: clusters, and the checks of each.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use super::base_image::BaseImage;
use super::broken::{self, ClusterDamage};
use super::checks::{self, ClusterCheck};
use super::founding::{Cluster, Datacentre};
use super::programs::{self, RealPrograms};
use super::{deviations, run_folder};
use crate::sandbox::{self, SandboxTier, SandboxUse};

/// A cluster with its checks, in this order.
pub struct ClusterTrial {
    /// The first part of the names of its trials.
    pub name: &'static str,
    /// The nodes that exist from the beginning.
    pub nodes: &'static [&'static str],
    /// The checks after those of the founding.
    pub checks: &'static [&'static [ClusterCheck]],
}

/// All clusters. CI runs the first.
pub const ALL: &[ClusterTrial] = &[
    ClusterTrial {
        name: "founds",
        nodes: &["cp1", "w1", "home"],
        checks: &[
            checks::access::ALL,
            checks::reachability::ALL,
            checks::reachability::LAPTOP,
            checks::power::ALL,
            checks::restore::ALL,
        ],
    },
    ClusterTrial { name: "changes", nodes: &["cp1", "w1", "home"], checks: &[checks::change::ALL] },
    ClusterTrial {
        name: "grows",
        nodes: &["cp1", "w1", "home"],
        checks: &[checks::change::CONTROL_PLANES_ADDED],
    },
];

/// Where the test keeps images and disks, and the binary of the stand-ins.
#[derive(Debug, Clone)]
pub struct TestPaths {
    /// The folder of images and disks.
    pub cache: PathBuf,
    /// The binary.
    pub stand_in: PathBuf,
}

/// Runs the trials one after the other: the checks of a trial share a cluster.
#[must_use]
pub fn main(cache: &str, stand_in: &str) -> ExitCode {
    let paths = TestPaths { cache: cache.into(), stand_in: stand_in.into() };
    run(Path::new(cache), || {
        let datacentre = SharedDatacentre::default();
        ALL.iter().flat_map(|trial| trial.trials(&paths, &datacentre)).collect()
    })
}

/// Runs the clusters with damaged files, one after the other: the check that a damage names must fail.
#[must_use]
pub fn broken_main(cache: &str, stand_in: &str) -> ExitCode {
    let paths = TestPaths { cache: cache.into(), stand_in: stand_in.into() };
    run(Path::new(cache), || {
        let datacentre = SharedDatacentre::default();
        let trial = |damage: &'static ClusterDamage| {
            let (trial_paths, shared) = (paths.clone(), Arc::clone(&datacentre));
            let test =
                move || expect_detection(damage, &trial_paths, &shared).map_err(Failed::from);
            Trial::test(format!("broken::{}", damage.name), test)
        };
        broken::ALL.iter().map(trial).collect()
    })
}

/// How long a check of a damaged cluster of two nodes waits. An undamaged one needs half of it on two busy
/// processors.
const DETECTION_TIMEOUT: Duration = Duration::from_secs(240);

/// Checks a cluster until one check fails, which must be the named one.
fn expect_detection(
    damage: &'static ClusterDamage,
    paths: &TestPaths,
    shared: &SharedDatacentre,
) -> Result<(), String> {
    let mut run = start(&["cp1", "w1"], paths, shared)?;
    run.cluster.damage = Some(damage);
    run.cluster.timeout = DETECTION_TIMEOUT;
    let tables = [checks::founding::ALL, checks::access::ALL, checks::reachability::ALL];
    for check in tables.into_iter().flatten() {
        let Err(failure) = check.run(&mut run.cluster) else {
            run.cluster.report(check.name);
            continue;
        };
        let found = format!("{failure:#}");
        let detected = check.name == damage.check && found.contains(damage.reason);
        return match detected {
            true => Ok(()),
            false => Err(format!("{} failed, not {}: {found}", check.name, damage.check)),
        };
    }
    Err("no check has failed".to_owned())
}

#[expect(clippy::print_stderr, reason = "a test binary reports to its user")]
fn run(cache: &Path, trials: impl Fn() -> Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if !sandbox::is_inside() && !arguments.list {
        print_deviations();
        // The sandbox has no network, so the image is created here, outside.
        if missing_requirements().is_empty()
            && let Err(error) = BaseImage::create(cache)
        {
            eprintln!("the disk of the machines cannot be created: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    let tier = SandboxTier { name: "cluster", missing: missing_requirements, environment };
    sandbox::run_tier(&tier, &arguments, SandboxUse::Shared, trials)
}

#[expect(
    clippy::print_stderr,
    reason = "the reader of a result must know under which conditions it holds"
)]
fn print_deviations() {
    eprintln!("The machines differ from real ones:");
    for deviation in deviations::ALL {
        eprintln!("- {}: {}. Reason: {}", deviation.name, deviation.change, deviation.reason);
    }
}

/// Programs that the cluster runs beside those of the lab, and the Debian packages that contain them.
const PROGRAMS: [(&str, &str); 5] = [
    ("apt-ftparchive", "apt-utils"),
    ("dpkg-deb", "dpkg"),
    ("gpg", "gnupg"),
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
];

fn missing_requirements() -> Vec<String> {
    let mut missing = sandbox::missing_requirements();
    missing.extend(sandbox::missing_programs(&PROGRAMS));
    if !rustix::process::geteuid().is_root() {
        missing.push("machines need root".to_owned());
    }
    if !run_folder::has_cgroups() {
        missing.push("/sys/fs/cgroup is not mounted".to_owned());
    }
    if let Err(error) = RealPrograms::find() {
        missing.push(format!("{error:#}"));
    }
    missing
}

/// The folder of the programs: `lab/tools/build` needs Go, which is not in the PATH inside.
fn environment() -> Vec<(&'static str, OsString)> {
    let programs = RealPrograms::find().into_iter();
    programs.map(|found| (programs::VARIABLE, found.folder.into_os_string())).collect()
}

/// What is created once for all clusters.
type SharedDatacentre = Arc<OnceLock<Result<Arc<Datacentre>, String>>>;

/// A cluster, and how far it is founded.
struct ClusterRun {
    cluster: Cluster,
    /// How many checks of the founding have passed.
    passed: usize,
    /// The one that failed: no later check can run then.
    unfounded: Option<&'static str>,
}

impl ClusterTrial {
    /// One trial for each check. The first switches the machines on; if that fails, every trial fails with the
    /// reason.
    fn trials(&'static self, paths: &TestPaths, shared: &SharedDatacentre) -> Vec<Trial> {
        let run = Arc::<OnceLock<Result<Mutex<ClusterRun>, String>>>::default();
        let founding = checks::founding::ALL;
        let trial = |name: &str, check: Option<&'static ClusterCheck>, founded: usize| {
            let (run, paths, shared) = (Arc::clone(&run), paths.clone(), Arc::clone(shared));
            let test = move || {
                let create = || start(self.nodes, &paths, &shared).map(Mutex::new);
                let started = run.get_or_init(create).as_ref();
                let mutex = started.map_err(Failed::from)?;
                let mut guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
                guard.found(founded)?;
                check.map_or(Ok(()), |check| guard.check(check)).map_err(Failed::from)
            };
            Trial::test(format!("{}::{name}", self.name), test)
        };
        let steps = founding.iter().zip(1..).map(|(step, number)| trial(step.name, None, number));
        let others = self.checks.iter().copied().flatten();
        let later = others.map(|check| trial(check.name, Some(check), founding.len()));
        steps.chain(later).collect()
    }
}

/// A cluster whose machines are on.
fn start(
    nodes: &[&str],
    paths: &TestPaths,
    shared: &SharedDatacentre,
) -> Result<ClusterRun, String> {
    let create = || {
        let datacentre = Datacentre::create(&paths.cache, &paths.stand_in);
        datacentre.map(Arc::new).map_err(|error| format!("{error:#}"))
    };
    let datacentre = shared.get_or_init(create).clone()?;
    let cluster = Cluster::switch_on_all(&datacentre, &paths.cache, nodes);
    cluster
        .map(|cluster| ClusterRun { cluster, passed: 0, unfounded: None })
        .map_err(|error| format!("{error:#}"))
}

impl ClusterRun {
    /// Runs the checks of the founding that have not run yet: a filter may have left them out.
    fn found(&mut self, count: usize) -> Result<(), String> {
        for step in checks::founding::ALL.iter().take(count).skip(self.passed) {
            if let Some(failed) = self.unfounded {
                return Err(format!("not run, because {failed} has failed"));
            }
            if let Err(error) = self.check(step) {
                self.unfounded = Some(step.name);
                return Err(format!("{}: {error}", step.name));
            }
            self.passed += 1;
        }
        Ok(())
    }

    fn check(&mut self, check: &ClusterCheck) -> Result<(), String> {
        let done = check.run(&mut self.cluster);
        self.cluster.report(check.name);
        done.map_err(|error| format!("{error:#}"))
    }
}
