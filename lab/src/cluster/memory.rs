//! The memory of all machines of a cluster: of every process in the sandbox, which has its own /proc.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// The time between two measurements.
const INTERVAL: Duration = Duration::from_secs(2);

/// The highest sum that was measured. Dropping it ends the measurements.
pub struct MemoryPeak {
    kibibytes: Arc<AtomicU64>,
}

impl MemoryPeak {
    /// Starts to measure.
    #[must_use]
    pub fn measure() -> Self {
        let kibibytes = Arc::default();
        let shared = Arc::downgrade(&kibibytes);
        thread::spawn(move || measure_while_used(&shared));
        Self { kibibytes }
    }

    /// In GiB.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
    pub fn gibibytes(&self) -> f64 {
        self.kibibytes.load(Ordering::Relaxed) as f64 / f64::from(1 << 20)
    }
}

fn measure_while_used(peak: &Weak<AtomicU64>) {
    while let Some(kibibytes) = peak.upgrade() {
        kibibytes.fetch_max(used_kibibytes(), Ordering::Relaxed);
        drop(kibibytes);
        thread::sleep(INTERVAL);
    }
}

/// Without pages of files, which the kernel can free.
fn used_kibibytes() -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let states =
        processes.filter_map(|process| fs::read_to_string(process.path().join("status")).ok());
    states.map(|status| kibibytes_of(&status)).sum()
}

/// Lines of proc(5): `RssAnon:      1234 kB`.
fn kibibytes_of(status: &str) -> u64 {
    let fields = status.lines().filter_map(|line| line.split_once(':'));
    let counted = fields.filter(|(name, _)| matches!(*name, "RssAnon" | "RssShmem"));
    counted.filter_map(|(_, value)| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).sum()
}
