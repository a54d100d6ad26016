//! Pages in Chinese follow the English ones: the same blocks in the same order, with the same commands, code, links and
//! table rows. A sentence that was only reworded is not noticed.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fs;

use regex::Regex;

use crate::testing::repository;

/// The English page and the Chinese one.
const PAGES: [(&str, &str); 2] =
    [("README.md", "README.zh.md"), ("docs/first-cluster.md", "docs/first-cluster.zh.md")];

/// One part of a page, without its words.
#[derive(Debug, PartialEq, Eq)]
enum PageBlock {
    Heading(usize),
    /// Code between fences, as it is written.
    Fenced(String),
    /// The code and the links of a paragraph, of an element of a list or of a row, sorted: languages have another
    /// order of words.
    Text(Vec<String>),
}

fn blocks(page: &str) -> Vec<PageBlock> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(PageBlock::Fenced(code.join("\n")));
        } else if line.starts_with('#') {
            blocks.push(PageBlock::Heading(line.chars().take_while(|c| *c == '#').count()));
        } else if !line.is_empty() {
            let mut text = line.to_owned();
            let starts_next = |line: &str| {
                line.is_empty() || line.starts_with(['|', '-', '#']) || line.starts_with("```")
            };
            while !line.starts_with('|')
                && let Some(next) = lines.next_if(|next| !starts_next(next))
            {
                text = format!("{text} {next}");
            }
            blocks.push(PageBlock::Text(marks(&text)));
        }
    }
    blocks
}

/// The code and the links' targets of a text. Pages that are translated count as the English ones.
fn marks(text: &str) -> Vec<String> {
    let pattern = Regex::new(r"`[^`]+`|\]\([^)]+\)").expect("a pattern");
    let mut marks: Vec<_> = pattern
        .find_iter(text)
        .map(|mark| mark.as_str().replace(".zh.md", ".md"))
        .filter(|mark| mark != "](README.md)")
        .collect();
    marks.sort_unstable();
    marks
}

#[test]
fn the_chinese_pages_follow_the_english_ones() {
    for (english, chinese) in PAGES {
        let [english_blocks, chinese_blocks] = [english, chinese].map(|page| {
            let text = fs::read_to_string(repository().join(page)).expect("the page is there");
            blocks(&text)
        });
        for (one, other) in english_blocks.iter().zip(&chinese_blocks) {
            assert_eq!(one, other, "{english} and {chinese} differ");
        }
        assert_eq!(english_blocks.len(), chinese_blocks.len(), "{english} and {chinese}");
    }
}
