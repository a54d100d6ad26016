//! How trees are changed.

use anyhow::{Result, ensure};

use crate::tree::LabTree;

/// A path matches by its end; a mutation that finds nothing to change is an error, so that it is not
/// forgotten when a renderer changes its words.
impl LabTree {
    pub(super) fn edit(&mut self, path: &str, from: &str, to: &str) -> Result<()> {
        self.change(path, |text| text.replace(from, to))
    }

    pub(super) fn drop_lines(&mut self, path: &str, word: &str) -> Result<()> {
        self.change(path, |text| {
            text.split_inclusive('\n').filter(|line| !line.contains(word)).collect()
        })
    }

    /// Takes one line out of a block that begins with `head`.
    pub(super) fn edit_within(&mut self, path: &str, head: &str, line: &str) -> Result<()> {
        self.change(path, |text| match text.split_once(head) {
            Some((before, after)) => format!("{before}{head}{}", after.replacen(line, "\n", 1)),
            None => text.to_owned(),
        })
    }

    fn change(&mut self, path: &str, edit: impl Fn(&str) -> String) -> Result<()> {
        let mut changed = 0;
        for text in
            self.files.iter_mut().filter(|(name, _)| name.ends_with(path)).map(|(_, text)| text)
        {
            let edited = edit(text);
            changed += usize::from(edited != *text);
            *text = edited;
        }
        ensure!(changed > 0, "the mutation finds nothing to change in {path}");
        Ok(())
    }
}
