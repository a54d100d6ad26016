//! The sandbox: one `unshare` around everything. No uplink exists inside, so nothing leaves the
//! machine. When it ends, the kernel ends every process, namespace and mount that was made in it.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio, exit};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::command::{program, run, succeeds};

/// The environment variable that is set inside the sandbox.
const INSIDE: &str = "MESHWRIGHT_LAB_INSIDE";

/// The folder of the sandbox's files: its own tmpfs.
pub const WORK: &str = "/run/lab";

/// Programs that the lab runs, and the Debian packages that contain them.
const PROGRAMS: [(&str, &str); 10] = [
    ("bash", "bash"),
    ("bird", "bird2"),
    ("birdc", "bird2"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("nsenter", "util-linux"),
    ("ping", "iputils-ping"),
    ("wg", "wireguard-tools"),
    ("wg-quick", "wireguard-tools"),
];

/// Whether this process runs inside.
#[must_use]
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// The requirements of the lab that this machine does not meet, each with its remedy.
#[must_use]
pub fn missing_requirements() -> Vec<String> {
    let mut missing = missing_programs(&PROGRAMS);
    if !succeeds(unshare().arg("true")).unwrap_or(false) {
        missing
            .push("the kernel refuses namespaces: run as root or allow user namespaces".to_owned());
    } else if !has_wireguard() {
        let remedy = "load the kernel module, or install wireguard-go and provide /dev/net/tun";
        missing.push(format!("WireGuard is missing: {remedy}"));
    }
    missing
}

/// The programs that this machine does not have, each with its Debian package.
#[must_use]
pub fn missing_programs(programs: &[(&str, &str)]) -> Vec<String> {
    let absent = programs.iter().filter(|(name, _)| !is_program(name));
    absent.map(|(name, package)| format!("{name} is missing: install {package}")).collect()
}

fn is_program(name: &str) -> bool {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(name).exists())
}

fn has_wireguard() -> bool {
    let kernel = ["ip", "link", "add", "wg0", "type", "wireguard"];
    let tun = || OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok();
    succeeds(unshare().args(kernel)).unwrap_or(false) || (is_program("wireguard-go") && tun())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `unshare` with every namespace that the lab changes. A plain user becomes root of a user namespace.
fn unshare() -> Command {
    let mut command = program("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--ipc", "--uts"]);
    command.args(["--fork", "--kill-child", "--mount-proc"]);
    command
}

/// Starts this binary again, inside a sandbox. The child ends when its stdin closes, which happens when
/// this process ends for any reason. Signals are not enough: `unshare --fork` and PID 1 ignore SIGINT and
/// SIGTERM.
///
/// # Errors
///
/// When the binary cannot be started.
pub fn start(arguments: impl IntoIterator<Item = String>, output: fn() -> Stdio) -> Result<Child> {
    inside(arguments, output)?.spawn().context("unshare")
}

fn inside(arguments: impl IntoIterator<Item = String>, output: fn() -> Stdio) -> Result<Command> {
    let binary = std::env::current_exe()?;
    let mut command = unshare();
    command.arg(binary).args(arguments).env(INSIDE, "1").stdin(Stdio::piped());
    command.stdout(output()).stderr(output());
    Ok(command)
}

/// Prepares a process inside the sandbox: mounts its own /run, and ends it when the outside process ends.
///
/// # Errors
///
/// When a mount is refused.
pub fn enter() -> Result<()> {
    thread::spawn(end_with_outside);
    run(program("mount").args(["-t", "tmpfs", "lab", "/run"]))?;
    fs::create_dir_all(WORK)?;
    Ok(())
}

#[expect(clippy::exit, reason = "no caller is left to return to")]
fn end_with_outside() {
    let mut nothing = [0];
    while matches!(std::io::stdin().read(&mut nothing), Ok(1..)) {}
    exit(1);
}

/// How trials share sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxUse {
    /// All trials run in one sandbox and share a world.
    Shared,
    /// Each trial starts its own sandbox.
    PerTrial,
}

/// A trial of [`SandboxUse::PerTrial`]. Outside a sandbox, it starts its own, so that several run in parallel.
/// Inside, it runs `judge`.
pub fn trial(name: String, judge: impl Fn() -> Result<()> + Send + 'static) -> Trial {
    let inside_name = name.clone();
    let run = move || if is_inside() { judge() } else { run_in_sandbox(&inside_name) };
    Trial::test(name, move || run().map_err(|error| Failed::from(format!("{error:#}"))))
}

/// The start of a line that a trial prints although it succeeds.
pub(crate) const MEASURED: &str = "measured: ";

fn run_in_sandbox(name: &str) -> Result<()> {
    let arguments = ["--exact", "--quiet", name].map(str::to_owned);
    let mut inside = start(arguments, Stdio::piped)?;
    let _lifeline = inside.stdin.take();
    let output = inside.wait_with_output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    for line in stdout.lines().filter(|line| line.starts_with(MEASURED)) {
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}

/// Runs the trials of the lab in sandboxes, or reports why this machine cannot run them.
pub fn main(
    arguments: &Arguments,
    sandboxes: SandboxUse,
    trials: impl Fn() -> Vec<Trial>,
) -> ExitCode {
    let tier = SandboxTier { name: "lab", missing: missing_requirements, environment: Vec::new };
    run_tier(&tier, arguments, sandboxes, trials)
}

/// A tier of trials that run in sandboxes.
#[derive(Debug, Clone, Copy)]
pub struct SandboxTier {
    /// The name by which `MESHWRIGHT_REQUIRE` lists it.
    pub name: &'static str,
    /// Finds the requirements that this machine does not meet.
    pub missing: fn() -> Vec<String>,
    /// Variables of the process inside, which has another PATH.
    pub environment: fn() -> Vec<(&'static str, OsString)>,
}

/// Runs the trials of a tier if none of its requirements is missing.
pub fn run_tier(
    tier: &SandboxTier,
    arguments: &Arguments,
    sandboxes: SandboxUse,
    trials: impl Fn() -> Vec<Trial>,
) -> ExitCode {
    if is_inside() {
        return match enter() {
            Ok(()) => libtest_mimic::run(arguments, trials()).exit_code(),
            Err(error) => fail(&error),
        };
    }
    if arguments.list {
        return libtest_mimic::run(arguments, trials()).exit_code();
    }
    let missing = (tier.missing)();
    if !missing.is_empty() {
        return libtest_mimic::run(arguments, placeholder_trials(tier.name, trials(), &missing))
            .exit_code();
    }
    match sandboxes {
        SandboxUse::Shared => {
            run_inside(&(tier.environment)()).unwrap_or_else(|error| fail(&error))
        }
        SandboxUse::PerTrial => libtest_mimic::run(arguments, trials()).exit_code(),
    }
}

fn run_inside(environment: &[(&str, OsString)]) -> Result<ExitCode> {
    let mut command = inside(std::env::args().skip(1), Stdio::inherit)?;
    let set = environment.iter().map(|(name, value)| (name, value));
    let mut inside = command.envs(set).spawn().context("unshare")?;
    // `wait` closes stdin, and the child ends when its stdin closes.
    let _lifeline = inside.stdin.take();
    let status = inside.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

#[expect(clippy::print_stderr, reason = "a test binary reports to its user")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("the lab cannot start: {error:#}");
    ExitCode::FAILURE
}

/// Trials that report the missing requirements: they fail if `MESHWRIGHT_REQUIRE` lists their tier, and are
/// ignored otherwise.
#[expect(clippy::print_stderr, reason = "a test binary reports to its user")]
fn placeholder_trials(tier: &str, trials: Vec<Trial>, missing: &[String]) -> Vec<Trial> {
    let reason = missing.join("; ");
    let tiers = std::env::var("MESHWRIGHT_REQUIRE").unwrap_or_default();
    let required = tiers.split(',').any(|required| required.trim() == tier);
    if !required {
        eprintln!("ignored, requirements not met: {} trials ({reason})", trials.len());
    }
    let placeholder = |trial: Trial| {
        let message = reason.clone();
        let fails = move || Err(Failed::from(message));
        Trial::test(trial.name(), fails).with_ignored_flag(!required)
    };
    trials.into_iter().map(placeholder).collect()
}
