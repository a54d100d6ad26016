//! Pings, and waiting for an expected state.

use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::command::{program, succeeds};
use crate::namespace::Namespace;

/// The interval between two attempts.
const PACE: Duration = Duration::from_millis(100);

/// Bytes of an IPv4 and an ICMP header.
const PING_HEADERS: u16 = 28;

/// Whether an echo request is answered within a second.
#[must_use]
pub fn answers_ping(from: &Namespace, to: IpAddr) -> bool {
    succeeds(ping(from, to).args(["-c", "1", "-W", "1"])).unwrap_or(false)
}

/// Whether an echo request of `size` bytes is answered when neither packet may be fragmented.
#[must_use]
pub fn answers_full_size_ping(from: &Namespace, to: IpAddr, size: u16) -> bool {
    let payload = size.saturating_sub(PING_HEADERS).to_string();
    let command = &mut ping(from, to);
    succeeds(command.args(["-c", "1", "-W", "1", "-M", "do", "-s", &payload])).unwrap_or(false)
}

fn ping(from: &Namespace, to: IpAddr) -> Command {
    let mut command = program("nsenter");
    command.args([&format!("--net={}", from.path()), "ping", "-n", "-q", &to.to_string()]);
    command
}

/// The addresses that answer a ping; all are tried in parallel.
#[must_use]
pub fn answering_addresses(from: &Namespace, addresses: &[IpAddr]) -> Vec<IpAddr> {
    let answered = in_parallel(addresses, |address| answers_ping(from, *address));
    addresses.iter().zip(answered).filter(|(_, answered)| *answered).map(|(to, _)| *to).collect()
}

/// Runs `work` for all items in parallel: dropped packets then cost one timeout, not one each.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let workers: Vec<_> = items.iter().map(|item| scope.spawn(|| work(item))).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, R>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    })
}

/// Repeats a step until it succeeds.
///
/// # Errors
///
/// The last error of the step, when `timeout` has passed.
pub fn eventually<T>(timeout: Duration, mut step: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        match step() {
            Ok(value) => return Ok(value),
            Err(error) if started.elapsed() > timeout => {
                return Err(error.context(format!("not within {timeout:?}")));
            }
            Err(_) => thread::sleep(PACE),
        }
    }
}

/// Echo requests, 20 per second, whose losses are counted.
pub struct PingStream {
    child: Child,
    name: String,
}

impl PingStream {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When ping cannot be started.
    pub fn start(from: &Namespace, to: IpAddr) -> Result<Self> {
        let mut command = ping(from, to);
        command.args(["-i", "0.05", "-W", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().context("ping")?;
        Ok(Self { child, name: format!("{} to {to}", from.name()) })
    }

    /// Ends the stream and returns how many requests were sent, and how many of them were lost.
    ///
    /// # Errors
    ///
    /// When the summary of ping cannot be read.
    pub fn finish(self) -> Result<PingLoss> {
        let pid = self.child.id().to_string();
        ensure!(succeeds(program("kill").args(["-INT", &pid]))?, "ping has ended");
        let output = self.child.wait_with_output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        PingLoss::parse(&stdout).with_context(|| format!("{}: {stdout}", self.name))
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// When more than `tolerated` requests were lost, or fewer than ten were sent.
    pub fn expect(self, tolerated: u32) -> Result<()> {
        let name = self.name.clone();
        let PingLoss { sent, lost } = self.finish()?;
        ensure!(sent >= 10, "{name}: only {sent} pings were sent");
        ensure!(lost <= tolerated, "{name}: {lost} of {sent} pings were lost");
        Ok(())
    }
}

/// The result of a [`PingStream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingLoss {
    /// Echo requests sent.
    pub sent: u32,
    /// Those without an answer.
    pub lost: u32,
}

impl PingLoss {
    /// Reads ping's summary: `20 packets transmitted, 19 received, …`. One request does not count: the
    /// last may be in flight when ping ends.
    fn parse(stdout: &str) -> Option<Self> {
        let summary = stdout.lines().find(|line| line.contains("packets transmitted"))?;
        let mut numbers = summary.split(", ").map(|part| part.split(' ').next());
        let sent: u32 = numbers.next()??.parse().ok()?;
        let received: u32 = numbers.next()??.parse().ok()?;
        Some(Self { sent, lost: sent.saturating_sub(received + 1) })
    }
}
