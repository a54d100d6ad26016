//! Trees that are changed but still work.

use anyhow::{Result, bail};
use libtest_mimic::Trial;

use super::{EXAMPLE, HOMES};
use crate::alterations::first_boot;
use crate::sandbox;
use crate::scenario::{self, repository};
use crate::tree::LabTree;
use crate::verdict;

/// A tree that is changed but still works: neither the lab nor `prove` may refuse it.
pub struct HarmlessTree {
    /// Names the change.
    pub name: &'static str,
    topology: &'static str,
    changes: fn(&mut LabTree) -> Result<()>,
}

/// All harmless trees.
pub const HARMLESS: &[HarmlessTree] = &[
    HarmlessTree {
        name: "comments-removed",
        topology: EXAMPLE,
        changes: |tree| tree.drop_lines("/nftables.conf", "    # "),
    },
    HarmlessTree {
        name: "endpoint-on-one-end-only",
        topology: EXAMPLE,
        changes: |tree| tree.edit("tokyo/wg0.conf", "Endpoint = 192.0.2.30:51820\n", ""),
    },
    HarmlessTree {
        name: "keepalive-20",
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
            tree.edit("/node.env", "MESHWRIGHT_MTU=1412", "MESHWRIGHT_MTU=1380")?;
            tree.edit("installation.yaml", "mtu: 1412", "mtu: 1380")
        },
    },
    HarmlessTree {
        name: "pod-mtu-below-mesh-mtu",
        topology: EXAMPLE,
        changes: |tree| tree.edit("installation.yaml", "mtu: 1412", "mtu: 1300"),
    },
    HarmlessTree {
        name: "drops-without-counter",
        topology: EXAMPLE,
        changes: |tree| tree.edit("/nftables.conf", "counter drop", "drop"),
    },
    HarmlessTree {
        name: "duplicate-rule",
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
        sandbox::trial(self.name.to_owned(), || self.passes())
    }

    fn passes(&self) -> Result<()> {
        let mut tree = LabTree::compile_with_new_keys(&repository().join(self.topology))?;
        self.change(&mut tree)?;
        match verdict::find_refusal(scenario::for_topology(self.topology)?, tree) {
            None => Ok(()),
            Some(refusal) => bail!("{} fails: {}", refusal.check, refusal.reason),
        }
    }

    /// The changed tree, with the keys of its topology.
    ///
    /// # Errors
    ///
    /// When the change does not apply to the tree.
    pub fn tree(&self) -> Result<LabTree> {
        let mut tree = LabTree::compile_as_written(&repository().join(self.topology))?;
        self.change(&mut tree)?;
        Ok(tree)
    }

    /// user-data carries the changed files, as after `generate`: a host with the former MTU would send
    /// packets that are too large for the other ones until its first delivery.
    fn change(&self, tree: &mut LabTree) -> Result<()> {
        let original = tree.files.clone();
        (self.changes)(tree)?;
        first_boot::follow(&original, &mut tree.files);
        Ok(())
    }
}
