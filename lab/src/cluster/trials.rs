//! The trials: clusters, and the checks of each.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use super::base_image::BaseImage;
use super::checks::{self, ClusterCheck};
use super::founding::{Cluster, Datacentre};
use super::programs::{self, RealPrograms};
use super::{conntrack, deviations, run_folder};
use crate::sandbox::{self, SandboxTier, SandboxUse};

/// A cluster, and everything that it goes through, in this order.
pub struct ClusterTrial {
    /// The nodes that exist from the beginning.
    pub nodes: &'static [&'static str],
    /// The Kubernetes with which it begins.
    pub release: InitialRelease,
    /// The checks of the founding. If one of them fails, no later check can run.
    pub founding: &'static [ClusterCheck],
    /// The checks after those of the founding.
    pub stages: &'static [ClusterStage],
}

/// A release of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialRelease {
    /// The one that `meshwright init` writes.
    Pinned,
    /// The patch release before it.
    Previous,
}

/// Checks of a cluster that a filter selects together.
pub struct ClusterStage {
    /// The first part of the names of their trials.
    pub name: &'static str,
    /// Tables of checks.
    pub tables: &'static [&'static [ClusterCheck]],
    /// Whether a check needs those before it: if a filter has left them out, they run too.
    pub is_sequence: bool,
}

/// All clusters. Each starts after the end of the one before, which frees its memory.
pub const ALL: &[ClusterTrial] = &[
    ClusterTrial {
        nodes: &["cp1", "w1", "home"],
        release: InitialRelease::Pinned,
        founding: checks::founding::ALL,
        stages: &[
            ClusterStage {
                name: "founds",
                tables: &[
                    checks::access::ALL,
                    checks::hardening::ALL,
                    checks::reachability::ALL,
                    checks::reachability::LAPTOP,
                    checks::power::ALL,
                ],
                is_sequence: false,
            },
            ClusterStage { name: "restores", tables: &[checks::restore::ALL], is_sequence: true },
            ClusterStage { name: "changes", tables: &[checks::change::ALL], is_sequence: true },
            ClusterStage {
                name: "grows",
                tables: &[checks::control_planes::ADDED],
                is_sequence: true,
            },
        ],
    },
    ClusterTrial {
        nodes: &["cp1", "cp2", "cp3", "home"],
        release: InitialRelease::Pinned,
        founding: checks::founding::ALL,
        stages: &[ClusterStage {
            name: "survives",
            tables: &[checks::access::ALL, checks::hardening::ALL, checks::control_planes::LOST],
            is_sequence: true,
        }],
    },
    ClusterTrial {
        nodes: &["cp1", "w1", "w2"],
        release: InitialRelease::Pinned,
        founding: checks::fleet::FOUNDING,
        stages: &[ClusterStage { name: "fleet", tables: &[checks::fleet::ALL], is_sequence: true }],
    },
    ClusterTrial {
        nodes: &["cp1", "cp2", "cp3", "home"],
        release: InitialRelease::Previous,
        founding: checks::founding::ALL,
        stages: &[ClusterStage {
            name: "upgrades",
            tables: &[checks::upgrade::ALL, checks::access::ALL],
            is_sequence: true,
        }],
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
    run(Path::new(cache), missing_for_selected_trials, || {
        let datacentre = SharedDatacentre::default();
        ALL.iter().flat_map(|trial| trial.trials(&paths, &datacentre)).collect()
    })
}

#[expect(clippy::print_stderr, reason = "a test binary reports to its user")]
pub(super) fn run(
    cache: &Path,
    missing: fn() -> Vec<String>,
    trials: impl Fn() -> Vec<Trial>,
) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if !sandbox::is_inside() && !arguments.list {
        print_deviations();
        // The sandbox has no network, so the image is created here, outside.
        if missing().is_empty()
            && let Err(error) = BaseImage::create(cache)
        {
            eprintln!("the disk of the machines cannot be created: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    let tier = SandboxTier { name: "cluster", missing, environment };
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

/// Prints the failure of a trial at once: the test itself prints all of them at its end, which is half an hour later.
#[expect(clippy::print_stderr, reason = "a test that takes minutes shows its progress")]
pub(super) fn report_failure(message: String) -> Failed {
    eprintln!("{message}");
    Failed::from(message)
}

/// Programs that the cluster runs beside those of the lab, and the Debian packages that contain them.
const PROGRAMS: [(&str, &str); 6] = [
    ("apt-ftparchive", "apt-utils"),
    ("dpkg-deb", "dpkg"),
    ("gpg", "gnupg"),
    ("mmdebstrap", "mmdebstrap"),
    ("busybox", "busybox"),
    ("systemd-nspawn", "systemd-container"),
];

/// Only a cluster that begins with the release before needs more than the others.
fn missing_for_selected_trials() -> Vec<String> {
    let mut missing = missing_requirements();
    let arguments = Arguments::from_args();
    let previous = ALL.iter().filter(|trial| trial.release == InitialRelease::Previous);
    let is_selected = previous.flat_map(ClusterTrial::work).any(|(name, _)| {
        // libtest-mimic compares filters with trials only.
        !arguments.is_filtered_out(&Trial::test(name, || Ok(())))
    });
    if is_selected && let Err(error) = conntrack::check_maximum() {
        missing.push(format!("{error:#}"));
    }
    missing
}

pub(super) fn missing_requirements() -> Vec<String> {
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
pub(super) type SharedDatacentre = Arc<OnceLock<Result<Arc<Datacentre>, String>>>;

/// A cluster, and how far it is founded.
struct ClusterRun {
    cluster: Cluster,
    /// The checks of the founding.
    founding: &'static [ClusterCheck],
    /// How many checks of the founding have passed.
    passed: usize,
    /// The one that failed: no later check can run then.
    unfounded: Option<&'static str>,
    /// The later checks that have run.
    done: BTreeSet<&'static str>,
}

impl ClusterTrial {
    /// One trial for each check. The first switches the machines on; if that fails, every trial fails with the
    /// reason.
    fn trials(&'static self, paths: &TestPaths, shared: &SharedDatacentre) -> Vec<Trial> {
        let run = Arc::<OnceLock<Result<Mutex<ClusterRun>, String>>>::default();
        let trial = |(name, work): (String, ClusterWork)| {
            let (run, paths, shared) = (Arc::clone(&run), paths.clone(), Arc::clone(shared));
            let test = move || {
                let create = || self.start(&paths, &shared).map(Mutex::new);
                let started = run.get_or_init(create).as_ref();
                let mutex = started.map_err(Failed::from)?;
                let mut guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
                guard.perform(work).map_err(report_failure)
            };
            Trial::test(name, test)
        };
        self.work().into_iter().map(trial).collect()
    }

    /// The names of the trials, and what each does.
    fn work(&'static self) -> Vec<(String, ClusterWork)> {
        let mut named = Vec::new();
        let mut add =
            |stage: &str, check: &str, work| named.push((format!("{stage}::{check}"), work));
        for (step, number) in self.founding.iter().zip(1..) {
            let stage = self.stages.first().map_or("founds", |stage| stage.name);
            add(stage, step.name, ClusterWork::Founding(number));
        }
        for stage in self.stages {
            let checks = || stage.tables.iter().copied().flatten();
            for (check, position) in checks().zip(0..) {
                let earlier = if stage.is_sequence { position } else { 0 };
                let needed: Vec<_> = checks().take(earlier).collect();
                add(stage.name, check.name, ClusterWork::Check { needed, check });
            }
        }
        named
    }

    /// A cluster whose machines are on.
    fn start(&self, paths: &TestPaths, shared: &SharedDatacentre) -> Result<ClusterRun, String> {
        let started = || {
            let datacentre = datacentre(paths, shared)?;
            let mut cluster = Cluster::plan(&datacentre, &paths.cache, self.nodes)?;
            if self.release == InitialRelease::Previous {
                let version = datacentre.programs.previous().kubernetes_version()?;
                cluster.workspace.set_kubernetes_version(&version)?;
            }
            cluster.switch_on_all()?;
            anyhow::Ok(cluster)
        };
        let cluster = started().map_err(|error| format!("{error:#}"))?;
        Ok(ClusterRun {
            cluster,
            founding: self.founding,
            passed: 0,
            unfounded: None,
            done: BTreeSet::new(),
        })
    }
}

/// What a trial does.
enum ClusterWork {
    /// The first checks of the founding, as many as this.
    Founding(usize),
    /// A check of a founded cluster.
    Check {
        /// The checks that must have run before it.
        needed: Vec<&'static ClusterCheck>,
        /// The check.
        check: &'static ClusterCheck,
    },
}

/// What the machines get from the Internet.
pub(super) fn datacentre(paths: &TestPaths, shared: &SharedDatacentre) -> Result<Arc<Datacentre>> {
    let create = || {
        let created = Datacentre::create(&paths.cache, &paths.stand_in);
        created.map(Arc::new).map_err(|error| format!("{error:#}"))
    };
    shared.get_or_init(create).clone().map_err(anyhow::Error::msg)
}

impl ClusterRun {
    fn perform(&mut self, work: ClusterWork) -> Result<(), String> {
        let (needed, check) = match work {
            ClusterWork::Founding(count) => return self.found(count),
            ClusterWork::Check { needed, check } => (needed, check),
        };
        self.found(self.founding.len())?;
        for earlier in needed {
            if !self.done.contains(earlier.name) {
                self.check(earlier).map_err(|error| format!("{}: {error}", earlier.name))?;
            }
        }
        self.check(check)
    }

    /// Runs the checks of the founding that have not run yet: a filter may have left them out.
    fn found(&mut self, count: usize) -> Result<(), String> {
        for step in self.founding.iter().take(count).skip(self.passed) {
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
        self.done.insert(check.name);
        let result = check.run(&mut self.cluster);
        self.cluster.report(check.name);
        result.map_err(|error| format!("{error:#}"))
    }
}
