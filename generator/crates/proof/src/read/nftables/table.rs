//! The table: its declaration, its sets and counters, its chains.

use super::chain::ChainBuilder;
use super::graph;
use super::interfaces::InterfaceClasses;
use super::rule::{Declarations, InterfaceMatch, NftAction, NftRuleBuilder};
use super::token::{NftToken, NftTokens};
use super::{ChainKind, NftChain, NftRule, NftVerdict, ParseError, Ruleset, set, statement};
use crate::space::Ranges;

/// Words of nft's grammar that it refuses as names (nftables 1.0.6, src/scanner.l; observed).
const RESERVED: &[&str] = &[
    "accept",
    "add",
    "bridge",
    "chain",
    "comment",
    "continue",
    "counter",
    "create",
    "ct",
    "delete",
    "describe",
    "dnat",
    "drop",
    "elements",
    "exists",
    "expires",
    "flow",
    "flush",
    "goto",
    "handle",
    "hook",
    "icmp",
    "icmpv6",
    "iif",
    "iifname",
    "inet",
    "insert",
    "ip",
    "ip6",
    "jump",
    "limit",
    "log",
    "map",
    "masquerade",
    "meta",
    "meter",
    "missing",
    "netdev",
    "notrack",
    "oif",
    "oifname",
    "or",
    "policy",
    "position",
    "priority",
    "queue",
    "redirect",
    "reject",
    "rename",
    "replace",
    "return",
    "rule",
    "ruleset",
    "sctp",
    "set",
    "snat",
    "table",
    "tcp",
    "th",
    "type",
    "typeof",
    "udp",
    "vmap",
];

/// Reads the whole file.
pub(super) fn read(tokens: &mut NftTokens<'_>, mesh: &str) -> Result<Ruleset, ParseError> {
    let (family, name) = header(tokens)?;
    let families: Ranges = match family {
        "inet" => [(4, 4), (6, 6)].into_iter().collect(),
        "ip" => Ranges::one(4),
        "ip6" => Ranges::one(6),
        _ => {
            return Err(tokens.error(format!("tables of the family `{family}` are not understood")));
        }
    };
    let mut table = TableBuilder { names: (family, name), ..TableBuilder::default() };
    table.declared.family = families.first().filter(|_| families.len() == 1);
    let start = tokens.position();
    // Rules may refer to sets below them.
    for items in [TableItems::Declarations, TableItems::Chains] {
        tokens.rewind(start);
        table.blocks(tokens, items)?;
    }
    table.finish(families, mesh)
}

/// `table F T`, so that the table exists, and `delete table F T`, so that a reload replaces it.
fn header<'text>(tokens: &mut NftTokens<'text>) -> Result<(&'text str, &'text str), ParseError> {
    tokens.skip_ends();
    tokens.take_word("add");
    let declared = table(tokens)?;
    if tokens.take(NftToken::Open) {
        tokens.skip_ends();
        if !tokens.take(NftToken::Close) {
            let message = "the table is not declared before it is deleted: nft refuses the file on a host that has none";
            return Err(tokens.error(message));
        }
    }
    tokens.expect_end()?;
    tokens.skip_ends();
    if !tokens.take_word("delete") {
        let message = "the table is not deleted before this: a reload would add to its old rules";
        return Err(tokens.error(message));
    }
    let deleted = table(tokens)?;
    tokens.expect_end()?;
    if declared != deleted {
        return Err(tokens.error("two different tables are declared and deleted"));
    }
    Ok(deleted)
}

fn table<'text>(tokens: &mut NftTokens<'text>) -> Result<(&'text str, &'text str), ParseError> {
    tokens.expect(NftToken::Word("table"))?;
    Ok((tokens.word()?, name(tokens)?))
}

/// A name: a letter or `_`, then letters, digits and `/\_.-`.
fn name<'text>(tokens: &mut NftTokens<'text>) -> Result<&'text str, ParseError> {
    let name = tokens.word()?;
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let continues = name.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
    if !begins || !continues || RESERVED.contains(&name) {
        return Err(tokens.error(format!("nft refuses the name `{name}`")));
    }
    Ok(name)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TableItems {
    Declarations,
    Chains,
}

/// A table that is being read.
#[derive(Default)]
struct TableBuilder<'text> {
    names: (&'text str, &'text str),
    declared: Declarations<'text>,
    chains: Vec<ChainBuilder<'text>>,
}

impl<'text> TableBuilder<'text> {
    /// All blocks of the table.
    fn blocks(
        &mut self,
        tokens: &mut NftTokens<'text>,
        items: TableItems,
    ) -> Result<(), ParseError> {
        let mut blocks = 0_usize;
        loop {
            tokens.skip_ends();
            if tokens.peek().is_none() && blocks > 0 {
                return Ok(());
            }
            tokens.take_word("add");
            if table(tokens)? != self.names {
                return Err(tokens.error("another table than the one that is deleted"));
            }
            self.block(tokens, items)?;
            blocks += 1;
            if tokens.peek().is_some() {
                tokens.expect_end()?;
            }
        }
    }

    fn block(
        &mut self,
        tokens: &mut NftTokens<'text>,
        items: TableItems,
    ) -> Result<(), ParseError> {
        tokens.block(|tokens| self.item(tokens, items))
    }

    fn item(&mut self, tokens: &mut NftTokens<'text>, items: TableItems) -> Result<(), ParseError> {
        let kind = tokens.word()?;
        match kind {
            "comment" => {
                tokens.text()?;
                return Ok(());
            }
            "set" | "chain" | "counter" => {}
            _ => return Err(tokens.error(format!("`{kind}` is not understood in a table"))),
        }
        let name = name(tokens)?;
        match kind {
            "chain" if items == TableItems::Chains => self.chain(tokens, name),
            "set" if items == TableItems::Declarations => {
                tokens.expect(NftToken::Open)?;
                let set = set::read(tokens)?;
                if self.declared.sets.insert(name, set).is_some() {
                    return Err(tokens.error(format!("there are two sets `{name}`")));
                }
                Ok(())
            }
            "counter" if items == TableItems::Declarations => {
                self.declared.counters.insert(name);
                counter(tokens)
            }
            _ => tokens.skip_block(),
        }
    }

    fn chain(&mut self, tokens: &mut NftTokens<'text>, name: &'text str) -> Result<(), ParseError> {
        let known = self.chains.iter().position(|chain| chain.name == name);
        let position = known.unwrap_or(self.chains.len());
        if known.is_none() {
            self.chains.push(ChainBuilder::new(name));
        }
        self.chains[position].read(tokens, &self.declared)
    }

    fn finish(self, families: Ranges, mesh: &str) -> Result<Ruleset, ParseError> {
        let rules = self.chains.iter().flat_map(|chain| &chain.rules);
        let conditions = rules.flat_map(|rule| &rule.interfaces);
        let patterns: Vec<_> = conditions.flat_map(|one| &one.patterns).copied().collect();
        let interfaces = InterfaceClasses::from_patterns(&patterns, mesh);
        let names: Vec<_> = self.chains.iter().map(|chain| chain.name).collect();
        let mut chains = Vec::new();
        let mut rejecting = Vec::new();
        for chain in self.chains {
            let base = chain.base()?;
            let rejects = |rule: &&NftRuleBuilder<'_>| rule.action == Some(NftAction::Reject);
            let is_nat = base.as_ref().is_some_and(|base| base.kind == ChainKind::Nat);
            check_actions(&chain.rules, is_nat)?;
            if is_nat && chains.iter().any(|other: &NftChain| other.is_nat()) {
                let line = base.map_or(0, |base| base.line);
                let message = "two chains of the type nat are not understood".to_owned();
                return Err(ParseError { line, message });
            }
            rejecting.push(chain.rules.iter().find(rejects).map(|rule| rule.line));
            let rules = chain.rules.into_iter().map(|rule| finish_rule(rule, &names, &interfaces));
            let rules = rules.collect::<Result<_, _>>()?;
            chains.push(NftChain { name: chain.name.to_owned(), base, rules });
        }
        graph::check(&chains, &rejecting)?;
        Ok(Ruleset { families, interfaces, chains })
    }
}

/// A chain of the type nat accepts and masquerades, and no other chain masquerades.
fn check_actions(rules: &[NftRuleBuilder<'_>], is_nat: bool) -> Result<(), ParseError> {
    let is_wrong = |rule: &&NftRuleBuilder<'_>| match rule.action {
        Some(NftAction::Masquerade) => !is_nat,
        Some(NftAction::Accept) | None => false,
        Some(_) => is_nat,
    };
    let Some(rule) = rules.iter().find(is_wrong) else { return Ok(()) };
    let message = match is_nat {
        true => "this verdict is not understood in a chain of the type nat",
        false => "`masquerade` is only understood in a chain of the type nat",
    };
    Err(ParseError { line: rule.line, message: message.to_owned() })
}

/// The body of a counter.
fn counter(tokens: &mut NftTokens<'_>) -> Result<(), ParseError> {
    tokens.expect(NftToken::Open)?;
    tokens.skip_ends();
    statement::counts(tokens)?;
    tokens.skip_ends();
    tokens.expect(NftToken::Close)
}

fn finish_rule(
    draft: NftRuleBuilder<'_>,
    chains: &[&str],
    interfaces: &InterfaceClasses,
) -> Result<NftRule, ParseError> {
    let NftRuleBuilder { mut region, partial, action, line, .. } = draft;
    for InterfaceMatch { dimension, patterns, negated } in draft.interfaces {
        region = region.within(dimension, &interfaces.matching(&patterns, negated));
    }
    let position = |name: &str| {
        let target = chains.iter().position(|chain| *chain == name);
        let message = format!("there is no chain `{name}`");
        target.ok_or(ParseError { line, message })
    };
    let verdict = match action {
        None => None,
        Some(NftAction::Accept) => Some(NftVerdict::Accept),
        Some(NftAction::Drop | NftAction::Reject) => Some(NftVerdict::Drop),
        Some(NftAction::Masquerade) => Some(NftVerdict::Masquerade),
        Some(NftAction::Return) => Some(NftVerdict::Return),
        Some(NftAction::Jump(name)) => Some(NftVerdict::Jump(position(name)?)),
        Some(NftAction::Goto(name)) => Some(NftVerdict::Goto(position(name)?)),
    };
    Ok(NftRule { region, partial, verdict, line })
}
