//! The machines of a cluster, as they are: read over ssh, and compared with what was delivered to them.
//!
//! 1. [`machine`]: where a machine is reached.
//! 2. [`ssh`]: runs a command on it with the user's own ssh(1).
//! 3. [`inspection`]: the records of `meshwright-node inspect`.
//! 4. [`delivery`]: which revision of the output directory a machine has.
//! 5. [`survey`]: all machines at one moment, and what each of them needs next.
//! 6. [`report`]: a survey as text and as JSON.
//! 7. [`drift`]: what is not as the output directory says, with the line that says it.
//! 8. [`gate`]: what must hold after a step of a change; [`lock`]: one change at a time.
//! 9. [`connectivity`]: pods and nodes call each other.
//! 10. [`host_probe`]: a host that no topology has yet.
//!
//! It knows no topology and no secret: what a machine should have is given as checksums.

pub mod connectivity;
pub mod delivery;
pub mod drift;
pub mod gate;
pub mod host_probe;
pub mod inspection;
pub mod lock;
pub mod machine;
pub mod report;
pub mod ssh;
pub mod stopwatch;
pub mod survey;
