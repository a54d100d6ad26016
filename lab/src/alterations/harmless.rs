//! Changes that have no effect by construction: what people and other tools write differently.

use std::collections::BTreeMap;

use meshwright_proof::families::{Account, Compared};

use super::block::{block, with_line, with_lines, without};
use super::draw::Draw;
use super::tree::{AlterableTree, TreeLine, is_comment};
use super::{Alteration, Extent};

/// A way to write a file differently.
struct Rewriting {
    name: &'static str,
    /// Whether it applies to a file.
    applies: fn(&str, Account) -> bool,
    /// The file written differently.
    rewrite: fn(&AlterableTree<'_>, TreeLine<'_>, &mut Draw) -> Option<String>,
}

/// The same change of one file or of all files of its family.
pub(super) fn draw(tree: &AlterableTree<'_>, draw: &mut Draw) -> Option<Alteration> {
    let rewriting = draw.pick(REWRITINGS)?;
    let fitting = tree.paths().filter(|path| {
        tree.account_of(path).is_some_and(|account| (rewriting.applies)(path, account))
    });
    let path = *draw.pick(&fitting.collect::<Vec<_>>())?;
    let line = tree.line_of(path, draw)?;
    let is_everywhere = draw.once_in(3);
    let paths = if is_everywhere {
        tree.paths_of(tree.family_of(line.path)).to_vec()
    } else {
        vec![line.path]
    };
    let mut files = BTreeMap::new();
    for path in &paths {
        let mut own = draw.clone();
        let line = if *path == line.path { line } else { tree.line_of(path, &mut own)? };
        let text = (rewriting.rewrite)(tree, line, &mut own);
        files.extend(text.map(|text| ((*path).to_owned(), Some(text))));
    }
    draw.below(1);
    let scope = if is_everywhere { format!(", {} files", paths.len()) } else { String::new() };
    Some(Alteration {
        extent: Extent::Harmless,
        kind: rewriting.name,
        name: format!("{} {}{scope}", line.place(), rewriting.name),
        files,
        first_boot_follows: draw.once_in(2),
        // A person edits files, and `generate` alone writes the manifest.
        manifest_follows: false,
    })
}

fn is_nft(path: &str) -> bool {
    // The table of the first boot is compared statement by statement.
    path.ends_with("/nftables.conf") && !path.contains("/first-boot/")
}

fn is_wg(path: &str) -> bool {
    let is_of_machine = path.starts_with("nodes/") || path.starts_with("clients/");
    is_of_machine && path.ends_with(".conf") && !path.ends_with("/nftables.conf")
}

/// YAML that a reader knows; user-data is compared with the text of its comments.
fn is_yaml(path: &str, account: Account) -> bool {
    path.ends_with(".yaml") && account == Account::Modelled && !path.ends_with("user-data.yaml")
}

fn is_json(path: &str) -> bool {
    path.ends_with(".json")
}

/// Files in which `#` begins a comment, and comments are not compared.
fn takes_comments(path: &str, account: Account) -> bool {
    let is_compared = account == Account::Fixed(Compared::Bytes);
    let is_other = path.ends_with(".zone") || path.ends_with(".peers") || is_json(path);
    !is_compared && !is_other && !path.ends_with("user-data.yaml")
}

const REWRITINGS: &[Rewriting] = &[
    Rewriting {
        name: "a comment",
        applies: takes_comments,
        rewrite: |tree, line, draw| inserted(tree, line, draw, "# checked by hand"),
    },
    Rewriting {
        name: "an empty line",
        applies: takes_comments,
        rewrite: |tree, line, draw| inserted(tree, line, draw, ""),
    },
    Rewriting {
        name: "a comment of the zone",
        applies: |path, _| path.ends_with(".zone"),
        rewrite: |tree, line, draw| inserted(tree, line, draw, "; checked by hand"),
    },
    Rewriting {
        name: "comments removed",
        applies: takes_comments,
        rewrite: |tree, line, _| {
            let lines = tree.text(line.path).lines().enumerate();
            let kept = lines.filter(|(number, text)| *number == 0 || !is_comment(text));
            Some(kept.map(|(_, text)| format!("{text}\n")).collect())
        },
    },
    Rewriting {
        name: "a quoted value",
        applies: is_yaml,
        rewrite: |tree, line, draw| {
            let (key, value) = line.text.split_once(": ").or_else(|| line.text.split_once("- "))?;
            let is_plain = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
                && !value.contains(['"', '\'', '#', '\\'])
                && !["true", "false", "null"].contains(&value)
                && !is_in_block_text(tree, line);
            let quote = if draw.once_in(2) { '"' } else { '\'' };
            let between = &line.text[key.len()..line.text.len() - value.len()];
            let written = format!("{key}{between}{quote}{value}{quote}");
            is_plain.then(|| with_line(tree.text(line.path), line.number, &written))
        },
    },
    Rewriting {
        name: "a comment after a value",
        applies: |path, account| is_yaml(path, account) || is_wg(path) || is_nft(path),
        rewrite: |tree, line, _| {
            let is_text = is_yaml(line.path, Account::Modelled)
                && (line.text.ends_with(['|', '"']) || is_in_block_text(tree, line));
            let written = format!("{} # checked", line.text);
            // A comment would end the line of a variable.
            (!is_text).then(|| with_line(tree.text(line.path), line.number, &written))
        },
    },
    Rewriting {
        name: "spaces after a value",
        applies: |path, account| is_yaml(path, account) || is_wg(path) || is_nft(path),
        rewrite: |tree, line, _| {
            let is_text = is_yaml(line.path, Account::Modelled) && is_in_block_text(tree, line);
            let written = format!("{}  ", line.text);
            (!is_text).then(|| with_line(tree.text(line.path), line.number, &written))
        },
    },
    Rewriting {
        name: "a marker of a document",
        applies: is_yaml,
        rewrite: |tree, line, _| {
            let text = tree.text(line.path);
            let first = text.lines().position(|line| !is_comment(line))?;
            Some(with_lines(text, first, &["---"]))
        },
    },
    Rewriting {
        name: "keys in another order",
        applies: |path, account| is_yaml(path, account) || is_json(path),
        rewrite: |tree, line, _| with_keys_swapped(tree, line),
    },
    Rewriting {
        name: "compact JSON",
        applies: |path, _| is_json(path),
        rewrite: |tree, line, _| {
            let value: serde_json::Value = serde_json::from_str(tree.text(line.path)).ok()?;
            Some(value.to_string())
        },
    },
    Rewriting {
        name: "case of keys",
        applies: |path, _| is_wg(path),
        rewrite: |tree, line, draw| {
            let (key, value) = line.text.split_once('=')?;
            let key = if draw.once_in(2) { key.to_lowercase() } else { key.to_uppercase() };
            Some(with_line(tree.text(line.path), line.number, &format!("{key}={value}")))
        },
    },
    Rewriting {
        name: "no spaces around =",
        applies: |path, _| is_wg(path),
        rewrite: |tree, line, _| {
            let (key, value) = line.text.split_once('=')?;
            let written = format!("{}={}", key.trim(), value.trim());
            Some(with_line(tree.text(line.path), line.number, &written))
        },
    },
    Rewriting {
        name: "peers in another order",
        applies: |path, _| is_wg(path),
        rewrite: |tree, line, draw| {
            let lines: Vec<_> = tree.text(line.path).lines().collect();
            let peers: Vec<_> = (0..lines.len()).filter(|at| lines[*at] == "[Peer]").collect();
            let peer = block(&lines, *draw.pick(&peers)?);
            let first = peers.first().filter(|first| **first < peer.start)?;
            let section = [&lines[peer.clone()], &[""][..]].concat();
            Some(with_lines(&without(tree.text(line.path), &peer), *first, &section))
        },
    },
    Rewriting {
        name: "AllowedIPs on two lines",
        applies: |path, _| is_wg(path),
        rewrite: |tree, line, _| {
            let text = tree.text(line.path);
            let split = |(number, line): (usize, &str)| {
                let (first, rest) = line.strip_prefix("AllowedIPs = ")?.split_once(", ")?;
                let lines = [format!("AllowedIPs = {rest}"), format!("AllowedIPs = {first}")];
                Some((number, lines))
            };
            let (number, lines) = text.lines().enumerate().find_map(split)?;
            let rest = without(text, &(number..number + 1));
            Some(with_lines(&rest, number, &lines.each_ref().map(String::as_str)))
        },
    },
    Rewriting {
        name: "settings in another order",
        applies: |path, _| is_wg(path),
        rewrite: |tree, line, _| {
            let text = tree.text(line.path);
            let next = text.lines().nth(line.number + 1)?;
            let are_settings = line.text.contains(" = ") && next.contains(" = ");
            let swapped = with_line(text, line.number, next);
            are_settings.then(|| with_line(&swapped, line.number + 1, line.text))
        },
    },
    Rewriting {
        name: "DNS servers of a client",
        applies: |path, _| is_wg(path) && path.starts_with("clients/"),
        rewrite: |tree, line, _| Some(tree.text(line.path).replacen("# DNS =", "DNS =", 1)),
    },
    Rewriting {
        name: "a counter",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, draw| {
            let number = draw.below(1000);
            let counter = draw
                .pick(&["counter".to_owned(), format!("counter packets {number} bytes 64")])?
                .clone();
            with_statement(tree, line, &counter)
        },
    },
    Rewriting {
        name: "no counter",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, _| {
            let written = line
                .text
                .strip_suffix("counter")
                .is_none()
                .then(|| line.text.replacen(" counter", "", 1));
            written.map(|written| with_line(tree.text(line.path), line.number, &written))
        },
    },
    Rewriting {
        name: "a log",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, draw| {
            let logs = [
                "log",
                "log prefix \"meshwright: \"",
                "log prefix \"x\" level debug",
                "log group 2",
            ];
            with_statement(tree, line, draw.pick(&logs)?)
        },
    },
    Rewriting {
        name: "a rule twice",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, _| {
            is_rule(line.text).then(|| with_lines(tree.text(line.path), line.number, &[line.text]))
        },
    },
    Rewriting {
        name: "a comment of a rule",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, _| {
            let is_bare = is_rule(line.text) && !line.text.contains("comment");
            let written = format!("{} comment \"checked\"", line.text);
            is_bare.then(|| with_line(tree.text(line.path), line.number, &written))
        },
    },
    Rewriting {
        name: "braces around one value",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, _| {
            let (before, after) = line.text.split_once("dport ")?;
            let (port, rest) = after.split_once(' ')?;
            let written = format!("{before}dport {{ {port} }} {rest}");
            let is_one = port.parse::<u16>().is_ok() && is_rule(line.text);
            is_one.then(|| with_line(tree.text(line.path), line.number, &written))
        },
    },
    Rewriting {
        name: "a comma after the last element",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, _| {
            let text = tree.text(line.path);
            let (number, last) =
                text.lines().enumerate().find(|(_, line)| line.contains("elements = {"))?;
            let written = last.strip_suffix(" }").map(|open| format!("{open}, }}"))?;
            Some(with_line(text, number, &written))
        },
    },
    Rewriting {
        name: "elements in another order",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, _| {
            let text = tree.text(line.path);
            let (number, all) = text
                .lines()
                .enumerate()
                .find(|(_, line)| line.contains("elements = {") && line.contains(", "))?;
            let (before, elements) = all.split_once("{ ")?;
            let mut elements: Vec<_> = elements.strip_suffix(" }")?.split(", ").collect();
            elements.reverse();
            Some(with_line(text, number, &format!("{before}{{ {} }}", elements.join(", "))))
        },
    },
    Rewriting {
        name: "sets in another order",
        applies: |path, _| is_nft(path),
        rewrite: |tree, line, draw| {
            let lines: Vec<_> = tree.text(line.path).lines().collect();
            let sets: Vec<_> =
                (0..lines.len()).filter(|at| lines[*at].starts_with("  set ")).collect();
            let set = block(&lines, *draw.pick(&sets)?);
            let first = sets.first().filter(|first| **first < set.start)?;
            Some(with_lines(&without(tree.text(line.path), &set), *first, &lines[set]))
        },
    },
    Rewriting {
        name: "routes in another order",
        applies: |path, _| path.ends_with(".routes"),
        rewrite: |tree, line, _| {
            let rest = without(tree.text(line.path), &(line.number..line.number + 1));
            Some(with_lines(&rest, 0, &[line.text]))
        },
    },
    Rewriting {
        name: "tabs between names",
        applies: |path, _| path == "host/hosts",
        rewrite: |tree, line, _| {
            Some(with_line(tree.text(line.path), line.number, &line.text.replace(' ', "\t")))
        },
    },
    Rewriting {
        name: "servers in another order",
        applies: |path, _| path == "host/haproxy.cfg",
        rewrite: |tree, line, _| {
            let text = tree.text(line.path);
            let servers: Vec<_> = text
                .lines()
                .enumerate()
                .filter(|(_, line)| line.starts_with("  server "))
                .collect();
            let ((first, one), (second, other)) = (*servers.first()?, *servers.get(1)?);
            Some(with_line(&with_line(text, first, other), second, one))
        },
    },
];

/// A line before the drawn one, unless that is inside a text of several lines.
fn inserted(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    _draw: &mut Draw,
    new: &str,
) -> Option<String> {
    let text = tree.text(line.path);
    let is_text = line.path.ends_with(".yaml") && is_in_block_text(tree, line);
    let continues = line.number > 0
        && text.lines().nth(line.number - 1).is_some_and(|before| before.ends_with('\\'));
    (!is_text && !continues).then(|| with_lines(text, line.number, &[new]))
}

/// Whether a line of YAML is inside a text of several lines, where everything is text.
fn is_in_block_text(tree: &AlterableTree<'_>, line: TreeLine<'_>) -> bool {
    let lines: Vec<_> = tree.text(line.path).lines().collect();
    let heads = (0..line.number).filter(|at| lines[*at].ends_with('|'));
    heads.into_iter().any(|head| block(&lines, head).contains(&line.number))
}

/// A rule of nftables: a line inside a chain that ends in a verdict or a comment.
fn is_rule(line: &str) -> bool {
    let is_deep = line.starts_with("    ") && !is_comment(line);
    let is_other = ["type ", "flags ", "elements ", "auto-merge"];
    is_deep && !is_other.iter().any(|word| line.trim_start().starts_with(word))
}

/// A rule with a statement before its verdict.
fn with_statement(tree: &AlterableTree<'_>, line: TreeLine<'_>, statement: &str) -> Option<String> {
    let is_free = is_rule(line.text) && !line.text.contains("counter");
    let verdict = [" accept", " drop", " jump "].into_iter().find(|word| line.text.contains(word));
    let at = line.text.find(verdict.filter(|_| is_free)?)?;
    let written = format!("{} {statement}{}", &line.text[..at], &line.text[at..]);
    Some(with_line(tree.text(line.path), line.number, &written))
}

/// Two keys beside each other, exchanged with all that belongs to them.
fn with_keys_swapped(tree: &AlterableTree<'_>, line: TreeLine<'_>) -> Option<String> {
    let text = tree.text(line.path);
    let lines: Vec<_> = text.lines().collect();
    let one = block(&lines, line.number);
    let next = lines.get(one.end)?;
    let depth = |line: &str| line.len() - line.trim_start().len();
    let is_key = |line: &str| {
        let text = line.trim_start();
        !text.starts_with(['-', '}', ']', '#']) && (text.contains(": ") || text.ends_with(':'))
    };
    let is_pair = is_key(line.text) && is_key(next) && depth(line.text) == depth(next);
    let is_text = is_in_block_text(tree, line);
    let other = block(&lines, one.end);
    let swapped = with_lines(&without(text, &other), one.start, &lines[other]);
    let is_json = line.path.ends_with(".json");
    let has_commas = !is_json || swapped.parse::<serde_json::Value>().is_ok();
    (is_pair && !is_text && has_commas).then_some(swapped)
}
