//! Trees that are changed and not broken.

use anyhow::{Result, bail};
use libtest_mimic::Trial;

use super::{EXAMPLE, HOMES};
use crate::scenario::{self, repository};
use crate::tree::LabTree;
use crate::verdict;

/// A tree that is changed and not broken: neither judge may refuse it.
pub struct HarmlessTree {
    /// What is changed.
    pub name: &'static str,
    topology: &'static str,
    changes: fn(&mut LabTree) -> Result<()>,
}

/// Trees that are changed and not broken.
pub const HARMLESS: &[HarmlessTree] = &[
    HarmlessTree {
        name: "comments-gone",
        topology: EXAMPLE,
        changes: |tree| tree.drop_lines("/nftables.conf", "    # "),
    },
    HarmlessTree {
        name: "one-end-does-not-call",
        topology: EXAMPLE,
        changes: |tree| tree.edit("tokyo/wg0.conf", "Endpoint = 192.0.2.30:51820\n", ""),
    },
    HarmlessTree {
        name: "keepalive-of-twenty",
        topology: EXAMPLE,
        changes: |tree| {
            tree.edit("/wg0.conf", "PersistentKeepalive = 25", "PersistentKeepalive = 20")
        },
    },
    HarmlessTree {
        name: "smaller-mtu",
        topology: EXAMPLE,
        changes: |tree| {
            tree.edit("/wg0.conf", "MTU = 1412", "MTU = 1380")?;
            tree.edit("installation.yaml", "mtu: 1412", "mtu: 1380")
        },
    },
    HarmlessTree {
        name: "pods-smaller-than-the-mesh",
        topology: EXAMPLE,
        changes: |tree| tree.edit("installation.yaml", "mtu: 1412", "mtu: 1300"),
    },
    HarmlessTree {
        name: "uncounted-drops",
        topology: EXAMPLE,
        changes: |tree| tree.edit("/nftables.conf", "counter drop", "drop"),
    },
    HarmlessTree {
        name: "two-rules-for-one",
        topology: HOMES,
        changes: |tree| {
            let one = "iifname \"lo\" accept\n";
            tree.edit("/nftables.conf", one, &format!("{one}    {one}"))
        },
    },
];

impl HarmlessTree {
    /// The trial of one changed tree: every quick check passes.
    pub fn trial(&'static self) -> Trial {
        super::trial(self.name, || self.passes())
    }

    fn passes(&self) -> Result<()> {
        let mut tree = LabTree::of(&repository().join(self.topology))?;
        (self.changes)(&mut tree)?;
        match verdict::refusal(scenario::of(self.topology)?, tree) {
            None => Ok(()),
            Some(refusal) => bail!("{} fails: {}", refusal.check, refusal.because),
        }
    }

    /// The changed tree, with the keys of its topology.
    ///
    /// # Errors
    ///
    /// When there is nothing to change.
    pub fn tree(&self) -> Result<LabTree> {
        let mut tree = LabTree::as_written(&repository().join(self.topology))?;
        (self.changes)(&mut tree)?;
        Ok(tree)
    }
}
