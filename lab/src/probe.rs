//! Pings, and waiting for what is expected.

use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::command::{program, succeeds};
use crate::namespace::Namespace;

/// How often something is tried while it is waited for.
const PACE: Duration = Duration::from_millis(100);

/// Bytes of an IPv4 and an ICMP header.
const PING_HEADERS: u16 = 28;

/// One echo request that is answered within a second.
#[must_use]
pub fn pings(from: &Namespace, to: IpAddr) -> bool {
    succeeds(ping(from, to).args(["-c", "1", "-W", "1"])).unwrap_or(false)
}

/// Packets of exactly `size` bytes that must not be fragmented on the way, there and back.
#[must_use]
pub fn pings_unfragmented(from: &Namespace, to: IpAddr, size: u16) -> bool {
    let payload = size.saturating_sub(PING_HEADERS).to_string();
    let command = &mut ping(from, to);
    succeeds(command.args(["-c", "1", "-W", "1", "-M", "do", "-s", &payload])).unwrap_or(false)
}

fn ping(from: &Namespace, to: IpAddr) -> Command {
    let mut command = program("nsenter");
    command.args([&format!("--net={}", from.path()), "ping", "-n", "-q", &to.to_string()]);
    command
}

/// Which of some addresses answer a ping; all are tried at once.
#[must_use]
pub fn answering(from: &Namespace, addresses: &[IpAddr]) -> Vec<IpAddr> {
    let answered = all_at_once(addresses, |address| pings(from, *address));
    addresses.iter().zip(answered).filter(|(_, answered)| *answered).map(|(to, _)| *to).collect()
}

/// Does something with many items at once: what is dropped costs its time-out only once.
pub fn all_at_once<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
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
/// With the step's last error, when `patience` has passed.
pub fn eventually<T>(patience: Duration, mut step: impl FnMut() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        match step() {
            Ok(value) => return Ok(value),
            Err(error) if started.elapsed() > patience => {
                return Err(error.context(format!("still so after {patience:?}")));
            }
            Err(_) => thread::sleep(PACE),
        }
    }
}

/// A stream of echo requests, 20 in a second, whose losses are counted.
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

    /// Ends it and returns how many requests were sent, and how many of them were lost.
    ///
    /// # Errors
    ///
    /// When ping says nothing that can be read.
    pub fn finish(self) -> Result<PingLoss> {
        let pid = self.child.id().to_string();
        ensure!(succeeds(program("kill").args(["-INT", &pid]))?, "ping is gone");
        let output = self.child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let counts = PingLoss::read(&said).with_context(|| format!("{}: {said}", self.name))?;
        Ok(counts)
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// When more than `tolerated` requests were lost, or hardly any were sent.
    pub fn expect(self, tolerated: u32) -> Result<()> {
        let name = self.name.clone();
        let PingLoss { sent, lost } = self.finish()?;
        ensure!(sent >= 10, "{name}: only {sent} pings were sent");
        ensure!(lost <= tolerated, "{name}: {lost} of {sent} pings were lost");
        Ok(())
    }
}

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingLoss {
    /// Echo requests sent.
    pub sent: u32,
    /// Those without an answer.
    pub lost: u32,
}

impl PingLoss {
    /// Reads ping's summary: `20 packets transmitted, 19 received, …`. The last request may still be
    /// on its way when ping is ended, and does not count.
    fn read(said: &str) -> Option<Self> {
        let summary = said.lines().find(|line| line.contains("packets transmitted"))?;
        let mut numbers = summary.split(", ").map(|part| part.split(' ').next());
        let sent: u32 = numbers.next()??.parse().ok()?;
        let received: u32 = numbers.next()??.parse().ok()?;
        Some(Self { sent, lost: sent.saturating_sub(received + 1) })
    }
}
