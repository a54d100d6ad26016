//! The commands of `docs/operations.md`, which checks run exactly as they are written there.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::scenario::repository;

/// The node in the examples of the page. A check replaces it by the name of its own node.
const EXAMPLE_NODE: &str = "tokyo";

/// The blocks of commands of one section, in their order.
#[derive(Debug)]
pub struct DocumentedCommands {
    heading: String,
    blocks: Vec<String>,
}

impl DocumentedCommands {
    /// Reads the section with this heading.
    ///
    /// # Errors
    ///
    /// When the page has no such section, or the section another number of blocks: the check then does not know
    /// where each of them runs.
    pub fn read(heading: &str, count: usize) -> Result<Self> {
        let page = fs::read_to_string(repository().join("docs/operations.md"))?;
        let commands = Self { heading: heading.to_owned(), blocks: blocks_of(&page, heading)? };
        let found = commands.blocks.len();
        ensure!(found == count, "\"{heading}\" has {found} blocks of commands, not {count}");
        Ok(commands)
    }

    /// One block, for this node.
    ///
    /// # Errors
    ///
    /// When the section has no block with this number, which counts from 0.
    pub fn block(&self, number: usize, node: &str) -> Result<String> {
        let block = self.blocks.get(number);
        let text = block.with_context(|| format!("no block {number} of \"{}\"", self.heading))?;
        Ok(text.replace(EXAMPLE_NODE, node))
    }
}

/// The text of the fenced blocks below a heading, up to the next one.
fn blocks_of(page: &str, heading: &str) -> Result<Vec<String>> {
    let mut lines = page.lines();
    let title = format!("## {heading}");
    lines.find(|line| *line == title).with_context(|| format!("no section \"{heading}\""))?;
    let (mut blocks, mut open) = (Vec::new(), None::<String>);
    for line in lines {
        match (&mut open, line) {
            (None, line) if line.starts_with("## ") => break,
            (None, line) if line.starts_with("```") => open = Some(String::new()),
            (None, _) => {}
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => *block += &format!("{line}\n"),
        }
    }
    Ok(blocks)
}
