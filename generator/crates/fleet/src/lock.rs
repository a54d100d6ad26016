//! One `apply` at a time: the node that initialises the cluster holds the lock as long as the connection is open.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::machine::FleetMachine;
use crate::ssh::{Ssh, SshError, last_line};

/// The line that `meshwright-node hold` prints when it has the lock.
const HELD: &str = "held";

/// The interval of the signs of life. The node lets go after 30 seconds without one.
const INTERVAL: Duration = Duration::from_secs(5);

/// The lock. Dropping it lets go.
#[derive(Debug)]
pub struct FleetLock {
    stop: Option<Sender<()>>,
    beat: Option<JoinHandle<()>>,
    child: Child,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// ssh(1) failed.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// Another `apply` has it, or the node refuses.
    #[error("{0}")]
    Refused(String),
}

impl FleetLock {
    /// Takes the lock of a node, or fails at once.
    ///
    /// # Errors
    ///
    /// When another `apply` has it, with its address and time; when the node cannot be reached.
    pub fn take(ssh: &Ssh, machine: &FleetMachine) -> Result<Self, LockError> {
        let mut command = ssh.open(machine, &machine.as_root("meshwright-node hold"))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| ssh.not_started(&error))?;
        let mut answer = String::new();
        if let Some(output) = child.stdout.take() {
            // An error leaves the answer empty.
            let _ = BufReader::new(output).read_line(&mut answer);
        }
        if answer.trim_end() != HELD {
            let done = child.wait_with_output().map_err(|error| ssh.not_started(&error))?;
            let errors = String::from_utf8_lossy(&done.stderr).into_owned();
            let reason = last_line(&errors).trim_start_matches("meshwright: ");
            return Err(LockError::Refused(reason.to_owned()));
        }
        let (stop, stopped) = mpsc::channel();
        let input = child.stdin.take();
        let beat = thread::spawn(move || {
            let Some(mut input) = input else { return };
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if input.write_all(b"\n").and_then(|()| input.flush()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { stop: Some(stop), beat: Some(beat), child })
    }
}

impl Drop for FleetLock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(beat) = self.beat.take() {
            // Its end closes the input of ssh, and the node lets go.
            let _ = beat.join();
        }
        let _ = self.child.wait();
    }
}
