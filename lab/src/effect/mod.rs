//! The effect of a change of one file, judged without the proof: by the program that reads the file, or by
//! the file's values.
//!
//! A change has no effect if the program ends in the same state: nft has the same rules, ip(8) the same
//! routes, a YAML or JSON parser the same values. Everything else is open: only packets, or a reason in
//! [`known`], can judge it.

pub mod known;
mod programs;
mod ruleset;
mod values;

use anyhow::Result;

use crate::alterations::{AlterableTree, Alteration};

/// The effect of a change of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The program that reads the file ends in the same state, or the difference is [`known`].
    None,
    /// The program refuses the file.
    Refused {
        /// The program.
        program: &'static str,
        /// What it printed.
        output: String,
    },
    /// The file has another meaning, and the program accepts it.
    Open,
}

impl Effect {
    /// Judges the change of a file.
    ///
    /// # Errors
    ///
    /// When a program cannot be started.
    pub fn of_change(path: &str, before: &str, after: &str) -> Result<Self> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
        match (name, kind) {
            ("nftables.conf", _) => programs::nft(before, after),
            ("haproxy.cfg", _) => programs::haproxy(before, after),
            (_, "routes") => programs::ip(before, after),
            (_, "conf") if is_of_machine(path) => programs::wg_quick(before, after),
            (_, "yaml") => Ok(values::yaml(before, after)),
            (_, "json") => Ok(values::json(before, after)),
            ("hosts", _) | (_, "peers" | "endpoints") => Ok(values::words(before, after)),
            ("node.env", _) | (_, "sh") => programs::bash(before, after),
            ("meshwright-node", _) => programs::bash(before, after),
            _ => Ok(values::lines(before, after)),
        }
    }

    /// Judges a change: it has no effect if that is true of each changed file.
    ///
    /// # Errors
    ///
    /// When a program cannot be started.
    pub fn of(tree: &AlterableTree<'_>, alteration: &Alteration) -> Result<Self> {
        if alteration.is_renaming() {
            return Ok(Self::None);
        }
        let changed = alteration.apply_to(tree.texts);
        let mut effect = Self::None;
        // User-data that follows contains the same files, so it has the same effect.
        for path in alteration.files.keys() {
            let (Some(before), Some(after)) = (tree.texts.get(path), changed.get(path)) else {
                effect = Self::Open;
                continue;
            };
            match Self::of_change(path, before, after)? {
                Self::Refused { program, output } => {
                    let output = format!("{path}: {output}");
                    return Ok(Self::Refused { program, output });
                }
                Self::Open if known::reason(tree.family_of(path), before, after).is_none() => {
                    effect = Self::Open;
                }
                _ => {}
            }
        }
        Ok(effect)
    }

    fn from_equality(is_equal: bool) -> Self {
        if is_equal { Self::None } else { Self::Open }
    }
}

/// `nodes/<node>/…` or `clients/<client>/…`.
fn is_of_machine(path: &str) -> bool {
    path.starts_with("nodes/") || path.starts_with("clients/")
}
