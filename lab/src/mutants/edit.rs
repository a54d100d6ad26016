//! Edits of trees.

use anyhow::{Result, ensure};

use crate::tree::LabTree;

/// `path` is a suffix, and every file that it matches is edited. An edit that changes nothing is an error:
/// a renderer has changed its output, and the mutation must follow.
impl LabTree {
    pub(super) fn edit(&mut self, path: &str, from: &str, to: &str) -> Result<()> {
        self.change(path, |text| text.replace(from, to))
    }

    pub(super) fn drop_lines(&mut self, path: &str, text: &str) -> Result<()> {
        self.change(path, |file| {
            file.split_inclusive('\n').filter(|line| !line.contains(text)).collect()
        })
    }

    /// Removes the first `line` after `head`.
    pub(super) fn drop_line_after(&mut self, path: &str, head: &str, line: &str) -> Result<()> {
        self.change(path, |text| match text.split_once(head) {
            Some((before, after)) => format!("{before}{head}{}", after.replacen(line, "\n", 1)),
            None => text.to_owned(),
        })
    }

    fn change(&mut self, path: &str, edit: impl Fn(&str) -> String) -> Result<()> {
        let mut changed = 0;
        for text in self
            .files
            .iter_mut()
            .filter(|(name, _)| name.ends_with(path) && !is_first_boot(name))
            .map(|(_, text)| text)
        {
            let edited = edit(text);
            changed += usize::from(edited != *text);
            *text = edited;
        }
        ensure!(changed > 0, "the mutation changes nothing in {path}");
        Ok(())
    }
}

/// The table of a first boot has none of the rules of the mesh, and no running machine has it.
fn is_first_boot(path: &str) -> bool {
    path.ends_with("/first-boot/nftables.conf")
}
