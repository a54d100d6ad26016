//! The trials of the damaged files: the checks run in their order, and the named one must be the first that fails, with
//! the named reason. Afterwards the undamaged file arrives, and the check must pass.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use libtest_mimic::Trial;

use super::broken::{ALL, ClusterDamage, DamageMoment, NODES, WORKER};
use super::checks::{self, ClusterCheck};
use super::founding::{Cluster, INIT, TIMEOUT};
use super::trials::{self, SharedDatacentre, TestPaths};

/// How long a check of a damaged cluster waits. Without the damage it passes in half of this time on two busy
/// processors.
const DETECTION_TIMEOUT: Duration = Duration::from_secs(120);

/// The tables, in the order in which a damage is looked for. Only their last check, which scans all ports, is left
/// out: no damage is for it.
const TABLES: [&[ClusterCheck]; 3] =
    [checks::founding::ALL, checks::access::ALL, checks::reachability::ALL];

/// The checks of the founding that a working cluster has passed for ever.
const FIRST_STEPS: usize = 2;

/// Runs one trial for each damage, one after the other.
#[must_use]
pub fn main(cache: &str, stand_in: &str) -> ExitCode {
    let paths = TestPaths { cache: cache.into(), stand_in: stand_in.into() };
    trials::run(Path::new(cache), trials::missing_requirements, || {
        let shared = SharedTarget {
            paths: paths.clone(),
            datacentre: SharedDatacentre::default(),
            target: Arc::default(),
        };
        let damaged = ALL
            .iter()
            .map(|damage| shared.trial(damage.name, move |shared| shared.expect_detection(damage)));
        let undamaged = shared.trial("undamaged", SharedTarget::expect_no_failure);
        damaged.chain([undamaged]).collect()
    })
}

/// The cluster that all damages share, except those of its initialisation.
#[derive(Clone)]
struct SharedTarget {
    paths: TestPaths,
    datacentre: SharedDatacentre,
    target: Arc<OnceLock<Result<Mutex<DamageTarget>, String>>>,
}

struct DamageTarget {
    cluster: Cluster,
    /// Whether the worker still has the damage with which it was built.
    is_worker_damaged: bool,
}

impl SharedTarget {
    fn trial(&self, name: &str, test: impl FnOnce(&Self) -> Result<()> + Send + 'static) -> Trial {
        let shared = self.clone();
        let run =
            move || test(&shared).map_err(|error| trials::report_failure(format!("{error:#}")));
        Trial::test(format!("broken::{name}"), run)
    }

    fn expect_detection(&self, damage: &'static ClusterDamage) -> Result<()> {
        if damage.moment == DamageMoment::Initialisation {
            return self.expect_detection_at_initialisation(damage);
        }
        self.with_target(|target| target.expect_detection(damage))
    }

    /// A cluster of which only the first machine is on.
    fn expect_detection_at_initialisation(&self, damage: &'static ClusterDamage) -> Result<()> {
        let datacentre = trials::datacentre(&self.paths, &self.datacentre)?;
        let mut cluster = Cluster::plan(&datacentre, &self.paths.cache, &NODES)?;
        cluster.switch_on(INIT)?;
        cluster.damage = Some(damage);
        cluster.timeout = DETECTION_TIMEOUT;
        expect_first_failure(&mut cluster, damage, 0)
    }

    fn expect_no_failure(&self) -> Result<()> {
        self.with_target(|target| {
            target.mend()?;
            for check in TABLES.into_iter().flatten().skip(FIRST_STEPS) {
                check.run(&mut target.cluster).context(check.name)?;
            }
            Ok(())
        })
    }

    fn with_target(&self, work: impl FnOnce(&mut DamageTarget) -> Result<()>) -> Result<()> {
        let found = || self.found().map(Mutex::new).map_err(|error| format!("{error:#}"));
        let target = self.target.get_or_init(found).as_ref();
        let mutex = target.map_err(|error| anyhow!("no cluster: {error}"))?;
        work(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Founds the cluster, without a damage.
    fn found(&self) -> Result<DamageTarget> {
        let datacentre = trials::datacentre(&self.paths, &self.datacentre)?;
        let mut cluster = Cluster::plan(&datacentre, &self.paths.cache, &NODES)?;
        cluster.switch_on_all()?;
        for check in checks::founding::ALL {
            check.run(&mut cluster).context(check.name)?;
            cluster.report(check.name);
        }
        Ok(DamageTarget { cluster, is_worker_damaged: false })
    }
}

impl DamageTarget {
    /// Damages the cluster, and mends it whatever was found.
    fn expect_detection(&mut self, damage: &'static ClusterDamage) -> Result<()> {
        self.damage(damage).context("the damage cannot be done")?;
        self.cluster.report(damage.name);
        self.cluster.timeout = DETECTION_TIMEOUT;
        let detected = expect_first_failure(&mut self.cluster, damage, FIRST_STEPS);
        self.cluster.timeout = TIMEOUT;
        self.cluster.damage = None;
        self.cluster.report("detected");
        if damage.node != WORKER || damage.moment == DamageMoment::Update {
            self.deliver(damage.node).context("the cluster cannot be mended")?;
        }
        detected?;
        if damage.moment == DamageMoment::Update {
            let mut tables = TABLES.into_iter().flatten();
            let check = tables.find(|check| check.name == damage.check).context("no such check")?;
            check.run(&mut self.cluster).context("it does not pass without the damage")?;
            self.cluster.report("mended");
        }
        Ok(())
    }

    fn damage(&mut self, damage: &'static ClusterDamage) -> Result<()> {
        match damage.moment {
            DamageMoment::Initialisation => bail!("the cluster exists"),
            DamageMoment::Join => {
                self.cluster.damage = Some(damage);
                if damage.node != WORKER {
                    self.deliver(damage.node)?;
                }
                self.is_worker_damaged = true;
                self.cluster.rebuild(WORKER)
            }
            DamageMoment::Update => {
                self.mend()?;
                self.cluster.damage = Some(damage);
                self.cluster.deliver(damage.node).map(drop)
            }
        }
    }

    fn deliver(&self, node: &str) -> Result<()> {
        self.cluster.deliver(node)?;
        self.cluster.await_bootstrap()
    }

    /// Builds the worker again, without the damage.
    fn mend(&mut self) -> Result<()> {
        if self.is_worker_damaged {
            self.cluster.rebuild(WORKER)?;
            self.cluster.await_all_ready()?;
            self.is_worker_damaged = false;
        }
        Ok(())
    }
}

/// Runs the checks after the first ones in their order until one fails, which must be the named one.
fn expect_first_failure(
    cluster: &mut Cluster,
    damage: &ClusterDamage,
    passed: usize,
) -> Result<()> {
    for check in TABLES.into_iter().flatten().skip(passed) {
        let Err(failure) = check.run(cluster) else { continue };
        let found = format!("{failure:#}");
        ensure!(check.name == damage.check, "{} failed, not {}: {found}", check.name, damage.check);
        let expected = damage.reason;
        ensure!(!expected.is_empty() && found.contains(expected), "no `{expected}` in {found}");
        return Ok(());
    }
    bail!("no check has failed")
}
