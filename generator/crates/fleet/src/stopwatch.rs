//! How long a machine takes: the only use of a clock that measures.

#![expect(
    clippy::disallowed_types,
    reason = "machines are waited for; no file depends on the time"
)]

use std::time::{Duration, Instant};

/// The time since its start.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since its start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
