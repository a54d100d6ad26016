//! The trials: one for each check. They share one machine, and run in their order.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use libtest_mimic::{Arguments, Failed, Trial};

use super::checks;
use super::guest_image::GuestImage;
use super::pair::Pair;
use crate::command::run;
use crate::sandbox::{self, SandboxTier, SandboxUse};
use crate::scenario::repository;

/// Programs that run the machine, and the Debian packages that contain them.
const PROGRAMS: [(&str, &str); 9] = [
    ("apt-ftparchive", "apt-utils"),
    ("gpg", "gnupg"),
    ("ip", "iproute2"),
    ("mke2fs", "e2fsprogs"),
    ("mmdebstrap", "mmdebstrap"),
    ("openssl", "openssl"),
    ("python3", "python3"),
    ("sfdisk", "fdisk"),
    ("ssh", "openssh-client"),
];

/// The programs of `lab/tools/build api`.
const TOOLS: [&str; 4] = ["etcd", "kube-apiserver", "kube-proxy", "kubectl"];

/// The machine, or why there is none. The first trial starts it; a trial builds on those before it, so one that is
/// selected alone may fail.
enum PairState {
    NotStarted,
    Running(Box<Pair>),
    Failed(String),
}

type SharedPair = Arc<Mutex<PairState>>;

/// Runs the trials inside a sandbox, or reports why this machine cannot run them.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let tier = SandboxTier { name: "vm", missing: missing_requirements, environment: Vec::new };
    sandbox::run_tier(&tier, &arguments, SandboxUse::Shared, trials)
}

/// The sandbox has no network, so the image is created here, outside.
fn missing_requirements() -> Vec<String> {
    let mut missing = sandbox::missing_programs(&PROGRAMS);
    if !rustix::process::geteuid().is_root() {
        missing.push("the machine's disk is created by root only".to_owned());
    }
    if let Err(error) = tools() {
        missing.push(format!("{error:#}"));
    }
    if missing.is_empty()
        && let Err(error) = GuestImage::locate().and_then(|image| image.create())
    {
        missing.push(format!("the image cannot be created: {error:#}"));
    }
    missing
}

/// The folder of the programs that `lab/tools/build` has built.
fn tools() -> Result<PathBuf> {
    let named = std::env::var_os("MESHWRIGHT_TOOLS_BIN").filter(|folder| !folder.is_empty());
    let folder = match named {
        Some(folder) => PathBuf::from(folder),
        None => {
            let script = repository().join("lab/tools/build");
            let mut command = std::process::Command::new(script);
            PathBuf::from(run(&mut command)?.trim())
        }
    };
    match TOOLS.iter().find(|tool| !folder.join(tool).exists()) {
        Some(tool) => Err(anyhow!("{tool} is missing: run lab/tools/build api")),
        None => Ok(folder),
    }
}

fn trials() -> Vec<Trial> {
    let pair = Arc::new(Mutex::new(PairState::NotStarted));
    let check = |check: &'static checks::VmCheck| {
        trial(check.name.to_owned(), &pair, move |pair| check.run(pair))
    };
    checks::ALL.iter().copied().flatten().map(check).collect()
}

fn trial(
    name: String,
    pair: &SharedPair,
    judge: impl FnOnce(&mut Pair) -> Result<()> + Send + 'static,
) -> Trial {
    let shared = Arc::clone(pair);
    Trial::test(name.clone(), move || {
        let start = Instant::now();
        let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let result = with_pair(&mut state, judge);
        report(&name, start);
        result.map_err(|error| Failed::from(format!("{error:#}")))
    })
}

fn with_pair(state: &mut PairState, judge: impl FnOnce(&mut Pair) -> Result<()>) -> Result<()> {
    if let PairState::NotStarted = state {
        *state = match start() {
            Ok(pair) => PairState::Running(Box::new(pair)),
            Err(error) => PairState::Failed(format!("the machine does not start: {error:#}")),
        };
    }
    match state {
        PairState::Running(pair) => {
            judge(pair).with_context(|| format!("the console ends with:\n{}", pair.console()))
        }
        PairState::NotStarted => Err(anyhow!("not started")),
        PairState::Failed(reason) => Err(anyhow!("{reason}")),
    }
}

fn start() -> Result<Pair> {
    Pair::start(&GuestImage::locate()?, &tools()?)
}

#[expect(clippy::print_stderr, reason = "the time of each trial: libtest-mimic prints none")]
fn report(name: &str, start: Instant) {
    eprintln!("{:6.1} s {name}", start.elapsed().as_secs_f64());
}
