//! `nftables.conf`: a strict reader of the subset of nft(8) that is emitted. The conditions of each rule
//! become a [`Region`]: the packets that match.

mod interfaces;
mod rule;
mod token;
mod value;

use std::collections::BTreeMap;

pub(crate) use self::interfaces::NO_INTERFACE;
pub(crate) use self::interfaces::{Interface, InterfaceClasses};
use self::rule::{InterfaceMatch, NftAction, NftRuleBuilder, NftSet};
use self::token::{NftToken, NftTokens};
use self::value::NftType;
use super::ParseError;
use crate::space::{Dimension, Ranges, Region};

pub(crate) use value::{ICMP_TYPES, ICMP6_TYPES};

/// The values of `ct state`, by their number in [`Dimension::State`].
pub(crate) const STATES: [&str; 5] = ["invalid", "new", "established", "related", "untracked"];

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// The families of its packets: 4, 6 or both.
    pub families: Ranges,
    /// The interfaces that its rules distinguish, by their number in the dimensions of interfaces.
    pub interfaces: InterfaceClasses,
    /// Its chains.
    pub chains: Vec<NftChain>,
}

/// One chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftChain {
    /// Its name.
    pub name: String,
    /// Its hook and priority; none if rules only jump to it.
    pub base: Option<BaseChain>,
    /// Its rules, in their order.
    pub rules: Vec<NftRule>,
}

/// The hook, priority and policy of a base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseChain {
    /// The hook.
    pub hook: Hook,
    /// Chains with a lower priority are evaluated first.
    pub priority: i32,
    /// The verdict for packets that no rule decides about.
    pub policy: ChainPolicy,
    /// Its line.
    pub line: u32,
}

/// The hooks of netfilter, in the order of a packet's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// Before routing.
    Prerouting,
    /// To this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// After routing.
    Postrouting,
}

impl Hook {
    /// nft's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        }
    }
}

/// The policy of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainPolicy {
    /// Accepted.
    Accept,
    /// Dropped.
    Drop,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftRule {
    /// The packets that match.
    pub region: Region,
    /// Whether only some of these packets match, such as those below the rate of a `limit`. The others
    /// are evaluated by the next rule.
    pub partial: bool,
    /// The verdict; none if it only counts.
    pub verdict: Option<NftVerdict>,
    /// Its line.
    pub line: u32,
}

/// The verdict about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NftVerdict {
    /// Accepted by this chain.
    Accept,
    /// Dropped.
    Drop,
    /// Evaluation continues in the chain that jumped here.
    Return,
    /// Evaluation continues in the chain at this position, and at its end after this rule.
    Jump(usize),
    /// Evaluation continues in the chain at this position. Its end is the end of this chain.
    Goto(usize),
}

/// Reads a file; `mesh` is WireGuard's interface.
///
/// # Errors
///
/// At the first construct that is not understood. The meaning of later text is then unknown.
pub(crate) fn read(text: &str, mesh: &str) -> Result<Ruleset, ParseError> {
    let mut tokens = NftTokens::split(text)?;
    let (family, table) = header(&mut tokens)?;
    let mut body = TableBody::default();
    tokens.expect(NftToken::Open)?;
    loop {
        tokens.skip_ends();
        if tokens.take(NftToken::Close) {
            break;
        }
        body.item(&mut tokens)?;
    }
    tokens.skip_ends();
    if tokens.peek().is_some() {
        return Err(tokens.unexpected());
    }
    let families = match family {
        "inet" => [(4, 4), (6, 6)].into_iter().collect(),
        "ip" => Ranges::one(4),
        "ip6" => Ranges::one(6),
        _ => {
            return Err(tokens.error(format!("tables of the family `{family}` are not understood")));
        }
    };
    let _ = table;
    body.finish(families, mesh)
}

/// `table F T`, so that the table exists; `delete table F T`, so that a reload replaces it; and the head
/// of its definition.
fn header<'text>(tokens: &mut NftTokens<'text>) -> Result<(&'text str, &'text str), ParseError> {
    tokens.skip_ends();
    let declared = table(tokens)?;
    let message = "the table is not declared before it is deleted: nft refuses the file on a host that has none";
    if !tokens.take(NftToken::End) {
        return Err(tokens.error(message));
    }
    tokens.skip_ends();
    if !tokens.take(NftToken::Word("delete")) {
        let message = "the table is not deleted before this: a reload would add to its old rules";
        return Err(tokens.error(message));
    }
    let deleted = table(tokens)?;
    tokens.skip_ends();
    let defined = table(tokens)?;
    if declared != deleted || deleted != defined {
        return Err(tokens.error("three different tables are declared, deleted and defined"));
    }
    Ok(defined)
}

fn table<'text>(tokens: &mut NftTokens<'text>) -> Result<(&'text str, &'text str), ParseError> {
    tokens.expect(NftToken::Word("table"))?;
    Ok((tokens.word()?, tokens.word()?))
}

/// The content of a table.
#[derive(Default)]
struct TableBody<'text> {
    sets: BTreeMap<&'text str, NftSet>,
    chains: Vec<ChainBuilder<'text>>,
}

struct ChainBuilder<'text> {
    name: &'text str,
    base: Option<BaseChain>,
    rules: Vec<NftRuleBuilder<'text>>,
}

impl<'text> TableBody<'text> {
    fn item(&mut self, tokens: &mut NftTokens<'text>) -> Result<(), ParseError> {
        let kind = tokens.word()?;
        match kind {
            "set" => self.set(tokens),
            "chain" => self.chain(tokens),
            _ => Err(tokens.error(format!("`{kind}` is not understood in a table"))),
        }
    }

    fn set(&mut self, tokens: &mut NftTokens<'text>) -> Result<(), ParseError> {
        let name = tokens.word()?;
        tokens.expect(NftToken::Open)?;
        let set = read_set(tokens)?;
        if self.sets.insert(name, set).is_some() {
            return Err(tokens.error(format!("there are two sets `{name}`")));
        }
        Ok(())
    }

    fn chain(&mut self, tokens: &mut NftTokens<'text>) -> Result<(), ParseError> {
        let name = tokens.word()?;
        if self.chains.iter().any(|chain| chain.name == name) {
            return Err(tokens.error(format!("there are two chains `{name}`")));
        }
        tokens.expect(NftToken::Open)?;
        let mut chain = ChainBuilder { name, base: None, rules: Vec::new() };
        loop {
            tokens.skip_ends();
            if tokens.take(NftToken::Close) {
                break;
            }
            if tokens.peek().is_none() {
                return Err(tokens.unexpected());
            }
            if tokens.take(NftToken::Word("type")) {
                chain.base = Some(base(tokens)?);
            } else {
                chain.rules.push(rule::read(tokens, &self.sets)?);
            }
        }
        self.chains.push(chain);
        Ok(())
    }

    fn finish(self, families: Ranges, mesh: &str) -> Result<Ruleset, ParseError> {
        let interfaces = self.interfaces(mesh);
        let names: Vec<_> = self.chains.iter().map(|chain| chain.name).collect();
        let chains = self.chains.into_iter().map(|chain| {
            let rules = chain.rules.into_iter().map(|rule| finish_rule(rule, &names, &interfaces));
            let rules = rules.collect::<Result<_, _>>()?;
            Ok(NftChain { name: chain.name.to_owned(), base: chain.base, rules })
        });
        let chains = chains.collect::<Result<Vec<_>, ParseError>>()?;
        check_jumps(&chains)?;
        Ok(Ruleset { families, interfaces, chains })
    }

    fn interfaces(&self, mesh: &str) -> InterfaceClasses {
        let rules = self.chains.iter().flat_map(|chain| &chain.rules);
        let matches = rules.flat_map(|rule| &rule.interfaces);
        let patterns: Vec<_> = matches.flat_map(|one| &one.patterns).copied().collect();
        InterfaceClasses::from_patterns(&patterns, mesh)
    }
}

/// nft refuses a jump to a base chain, and jumps in a circle (nf_tables_api.c, `nft_chain_validate`).
fn check_jumps(chains: &[NftChain]) -> Result<(), ParseError> {
    let mut checked = vec![false; chains.len()];
    for start in 0..chains.len() {
        check_jumps_from(start, chains, &mut Vec::new(), &mut checked)?;
    }
    Ok(())
}

/// Checks the chains that can be reached from one; `path` holds the chains that lead to it.
fn check_jumps_from(
    position: usize,
    chains: &[NftChain],
    path: &mut Vec<usize>,
    checked: &mut [bool],
) -> Result<(), ParseError> {
    if checked[position] {
        return Ok(());
    }
    path.push(position);
    for rule in &chains[position].rules {
        let Some(NftVerdict::Jump(target)) = rule.verdict else { continue };
        let name = &chains[target].name;
        let line = rule.line;
        if chains[target].base.is_some() {
            let message = format!("nft refuses a jump to the base chain `{name}`");
            return Err(ParseError { line, message });
        }
        if path.contains(&target) {
            let message = format!("nft refuses this jump: `{name}` jumps back to itself");
            return Err(ParseError { line, message });
        }
        check_jumps_from(target, chains, path, checked)?;
    }
    path.pop();
    checked[position] = true;
    Ok(())
}

fn finish_rule(
    draft: NftRuleBuilder<'_>,
    chains: &[&str],
    interfaces: &InterfaceClasses,
) -> Result<NftRule, ParseError> {
    let line = draft.line;
    let mut region = draft.region;
    for InterfaceMatch { dimension, patterns, negated } in draft.interfaces {
        region = region.within(dimension, &interfaces.matching(&patterns, negated));
    }
    let verdict = match draft.action {
        None => None,
        Some(NftAction::Accept) => Some(NftVerdict::Accept),
        Some(NftAction::Drop) => Some(NftVerdict::Drop),
        Some(NftAction::Return) => Some(NftVerdict::Return),
        Some(NftAction::Jump(name)) => {
            let target = chains.iter().position(|chain| *chain == name);
            let message = format!("there is no chain `{name}`");
            Some(NftVerdict::Jump(target.ok_or(ParseError { line, message })?))
        }
    };
    Ok(NftRule { region, partial: false, verdict, line })
}

/// `type filter hook H priority P; policy V;`, after `type`.
fn base(tokens: &mut NftTokens<'_>) -> Result<BaseChain, ParseError> {
    tokens.expect(NftToken::Word("filter"))?;
    tokens.expect(NftToken::Word("hook"))?;
    let hook = match tokens.word()? {
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        "forward" => Hook::Forward,
        "output" => Hook::Output,
        "postrouting" => Hook::Postrouting,
        word => return Err(tokens.error(format!("`{word}` is not a hook that is understood"))),
    };
    tokens.expect(NftToken::Word("priority"))?;
    let priority = read_priority(tokens)?;
    let line = tokens.line();
    tokens.expect(NftToken::End)?;
    let mut policy = ChainPolicy::Accept;
    if tokens.take(NftToken::Word("policy")) {
        policy = match tokens.word()? {
            "accept" => ChainPolicy::Accept,
            "drop" => ChainPolicy::Drop,
            word => return Err(tokens.error(format!("`{word}` is not a policy"))),
        };
        tokens.expect(NftToken::End)?;
    }
    Ok(BaseChain { hook, priority, policy, line })
}

/// A number, or one of nft(8)'s names for it, with an optional offset.
fn read_priority(tokens: &mut NftTokens<'_>) -> Result<i32, ParseError> {
    let word = tokens.word()?;
    let named = match word {
        "raw" => Some(-300),
        "mangle" => Some(-150),
        "dstnat" => Some(-100),
        "filter" => Some(0),
        "security" => Some(50),
        "srcnat" => Some(100),
        _ => word.parse().ok(),
    };
    let unknown = tokens.error(format!("`{word}` is not a priority"));
    let start = named.ok_or(unknown)?;
    let sign = match tokens.peek() {
        Some(NftToken::Word("+")) => 1,
        Some(NftToken::Word("-")) => -1,
        _ => return Ok(start),
    };
    tokens.next();
    let word = tokens.word()?;
    let step: i32 = word.parse().map_err(|_| tokens.error(format!("`{word}` is not a number")))?;
    Ok(start + sign * step)
}

fn read_set(tokens: &mut NftTokens<'_>) -> Result<NftSet, ParseError> {
    let mut kind = None;
    let (mut interval, mut merge) = (false, false);
    let mut elements = Vec::new();
    loop {
        tokens.skip_ends();
        if tokens.take(NftToken::Close) {
            break;
        }
        match tokens.word()? {
            "type" => {
                kind = Some(match tokens.word()? {
                    "ipv4_addr" => NftType::Address4,
                    "ipv6_addr" => NftType::Address6,
                    word => {
                        return Err(tokens.error(format!("sets of `{word}` are not understood")));
                    }
                });
            }
            "flags" => {
                tokens.expect(NftToken::Word("interval"))?;
                interval = true;
            }
            "auto-merge" => merge = true,
            "elements" => {
                tokens.expect(NftToken::Word("="))?;
                let kind = kind.ok_or_else(|| tokens.error("the type of the set is missing"))?;
                elements = rule::elements(tokens, kind)?;
            }
            word => return Err(tokens.error(format!("`{word}` is not understood in a set"))),
        }
    }
    let kind = kind.ok_or_else(|| tokens.error("the type of the set is missing"))?;
    if !interval && elements.iter().any(|(first, last)| first != last) {
        return Err(
            tokens.error("the set has ranges, and nft refuses them without `flags interval`")
        );
    }
    if interval && !merge && Ranges::overlap(elements.clone()) {
        return Err(
            tokens.error("ranges of the set overlap, and nft refuses it without `auto-merge`")
        );
    }
    Ok(NftSet { kind, elements: elements.into_iter().collect() })
}

impl Dimension {
    /// Whether its values are IPv4 addresses.
    #[must_use]
    pub const fn is_address4(self) -> bool {
        matches!(self, Self::Source4 | Self::Destination4 | Self::Original4)
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    const HEAD: &str = "table inet t\ndelete table inet t\ntable inet t {\n";

    fn refusal(chains: &str) -> (u32, String) {
        let error = read(&format!("{HEAD}{chains}"), "wg0").unwrap_err();
        (error.line, error.message)
    }

    #[test]
    fn a_file_that_ends_inside_a_chain_is_refused_at_its_last_line() {
        let ends = "the file ends too early".to_owned();
        assert_eq!(refusal("chain a {\n"), (4, ends.clone()));
        assert_eq!(refusal("chain a {\n  accept\n"), (5, ends.clone()));
        assert_eq!(refusal("chain a {\n  accept\n}\n"), (6, ends));
    }

    #[test]
    fn jumps_that_nft_refuses_are_refused() {
        let base = "chain b {\n type filter hook input priority 0;\n}\n}\n";
        let to_base = "nft refuses a jump to the base chain `b`".to_owned();
        assert_eq!(refusal(&format!("chain a {{\n jump b\n}}\n{base}")), (5, to_base));
        let circle = "nft refuses this jump: `a` jumps back to itself".to_owned();
        let chains = "chain a {\n jump b\n}\nchain b {\n jump c\n}\nchain c {\n jump a\n}\n}\n";
        assert_eq!(refusal(chains), (11, circle));
    }

    #[test]
    fn two_jumps_to_one_chain_are_read() {
        let chains = "chain a {\n jump b\n jump b\n}\nchain b {\n accept\n}\n}\n";
        assert!(read(&format!("{HEAD}{chains}"), "wg0").is_ok());
    }
}
