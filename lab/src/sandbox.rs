//! The sandbox: one `unshare` around everything. No uplink exists inside, so nothing leaves the
//! machine, and ending it ends every process, namespace and mount that was made in it.

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio, exit};
use std::thread;

use anyhow::{Context as _, Result};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::command::{program, run, succeeds};

/// The marker by which the test binary knows that it runs inside.
const INSIDE: &str = "MESHWRIGHT_LAB_INSIDE";

/// Where the sandbox keeps its files: a tmpfs of its own.
pub const WORK: &str = "/run/lab";

/// Programs, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 9] = [
    ("bash", "bash"),
    ("bird", "bird2"),
    ("birdc", "bird2"),
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

/// What this machine lacks to run the lab, each with what to do.
#[must_use]
pub fn lacking() -> Vec<String> {
    let absent = PROGRAMS.iter().filter(|(name, _)| !is_program(name));
    let absent = absent.map(|(name, package)| format!("{name} is missing: install {package}"));
    let mut lacking: Vec<_> = absent.collect();
    if !succeeds(unshare().arg("true")).unwrap_or(false) {
        lacking.push("namespaces are refused: run as root or allow user namespaces".to_owned());
    } else if !has_wireguard() {
        lacking
            .push("no WireGuard: neither the kernel's nor wireguard-go with /dev/net/tun".into());
    }
    lacking
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

/// Namespaces of everything that the lab changes. A plain user becomes root of a user namespace.
fn unshare() -> Command {
    let mut command = program("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--ipc", "--uts"]);
    command.args(["--fork", "--kill-child", "--mount-proc"]);
    command
}

/// Starts this binary once more, inside. It ends when the child's stdin closes: with this process,
/// however that ends (`unshare --fork` ignores SIGINT and SIGTERM, and so does PID 1).
///
/// # Errors
///
/// When the binary cannot be started.
pub fn start(arguments: impl IntoIterator<Item = String>, output: fn() -> Stdio) -> Result<Child> {
    let binary = std::env::current_exe()?;
    let mut command = unshare();
    command.arg(binary).args(arguments).env(INSIDE, "1").stdin(Stdio::piped());
    command.stdout(output()).stderr(output()).spawn().context("unshare")
}

/// Prepares the inside: a /run of its own, and an end when the outside ends.
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

#[expect(clippy::exit, reason = "nobody is left to return to")]
fn end_with_outside() {
    let mut nothing = [0];
    while matches!(std::io::stdin().read(&mut nothing), Ok(1..)) {}
    exit(1);
}

/// Where trials run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxUse {
    /// All of them in one sandbox: they share a world.
    Together,
    /// Each starts a sandbox of its own.
    Apart,
}

/// Runs trials where they belong, or says why that is impossible here.
pub fn main(arguments: &Arguments, place: SandboxUse, trials: impl Fn() -> Vec<Trial>) -> ExitCode {
    if is_inside() {
        return match enter() {
            Ok(()) => libtest_mimic::run(arguments, trials()).exit_code(),
            Err(error) => fail(&error),
        };
    }
    if arguments.list {
        return libtest_mimic::run(arguments, trials()).exit_code();
    }
    let lacking = lacking();
    if !lacking.is_empty() {
        return libtest_mimic::run(arguments, without_means(trials(), &lacking)).exit_code();
    }
    match place {
        SandboxUse::Together => run_inside().unwrap_or_else(|error| fail(&error)),
        SandboxUse::Apart => libtest_mimic::run(arguments, trials()).exit_code(),
    }
}

fn run_inside() -> Result<ExitCode> {
    let mut inside = start(std::env::args().skip(1), Stdio::inherit)?;
    // Waiting would close it, and that is the sign to end.
    let _lifeline = inside.stdin.take();
    let status = inside.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

#[expect(clippy::print_stderr, reason = "a test binary talks to whoever runs it")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("the lab cannot start: {error:#}");
    ExitCode::FAILURE
}

/// Ignored with the reason, or failed with it where `MESHWRIGHT_REQUIRE` lists `lab`.
#[expect(clippy::print_stderr, reason = "a test binary talks to whoever runs it")]
fn without_means(trials: Vec<Trial>, lacking: &[String]) -> Vec<Trial> {
    let reason = lacking.join("; ");
    let required = std::env::var("MESHWRIGHT_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|tier| tier.trim() == "lab");
    if !required {
        eprintln!("ignored for want of what they need: {} trials ({reason})", trials.len());
    }
    let stand_in = |trial: Trial| {
        let reason = reason.clone();
        let fails = move || Err(Failed::from(reason));
        Trial::test(trial.name(), fails).with_ignored_flag(!required)
    };
    trials.into_iter().map(stand_in).collect()
}
