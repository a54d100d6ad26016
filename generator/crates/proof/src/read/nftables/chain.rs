//! One chain: its hook, its policy and its rules.

use super::rule::{self, Declarations, NftRuleBuilder};
use super::token::{NftToken, NftTokens};
use super::{BaseChain, ChainKind, ChainPolicy, Hook, ParseError};

/// A chain that is being read. nft joins all blocks of a table that have the same name.
pub(super) struct ChainBuilder<'text> {
    pub(super) name: &'text str,
    hook: Option<ChainHook>,
    policy: Option<(ChainPolicy, u32)>,
    pub(super) rules: Vec<NftRuleBuilder<'text>>,
}

/// The line with the hook of a chain.
#[derive(Clone, Copy)]
struct ChainHook {
    kind: ChainKind,
    hook: Hook,
    priority: i32,
    line: u32,
}

impl<'text> ChainBuilder<'text> {
    pub(super) const fn new(name: &'text str) -> Self {
        Self { name, hook: None, policy: None, rules: Vec::new() }
    }

    /// The body of a chain, after its name.
    pub(super) fn read(
        &mut self,
        tokens: &mut NftTokens<'text>,
        declared: &Declarations<'text>,
    ) -> Result<(), ParseError> {
        tokens.block(|tokens| self.item(tokens, declared))
    }

    fn item(
        &mut self,
        tokens: &mut NftTokens<'text>,
        declared: &Declarations<'text>,
    ) -> Result<(), ParseError> {
        if tokens.take_word("type") {
            if self.hook.is_some() {
                return Err(tokens.error(format!("the chain `{}` has two hooks", self.name)));
            }
            self.hook = Some(hook(tokens)?);
        } else if tokens.take_word("policy") {
            if self.policy.is_some() {
                return Err(tokens.error("nft refuses two policies of a chain"));
            }
            self.policy = Some(policy(tokens)?);
        } else if tokens.take_word("comment") {
            tokens.text()?;
        } else if tokens.peek().is_none() {
            return Err(tokens.unexpected());
        } else {
            self.rules.push(rule::read(tokens, declared)?);
        }
        Ok(())
    }

    pub(super) fn base(&self) -> Result<Option<BaseChain>, ParseError> {
        match (self.hook, self.policy) {
            (Some(ChainHook { kind: ChainKind::Nat, .. }), Some((ChainPolicy::Drop, line))) => {
                let message = "the policy `drop` of a chain of the type nat is not understood";
                Err(ParseError { line, message: message.to_owned() })
            }
            (Some(ChainHook { kind, hook, priority, line }), policy) => {
                let (policy, line) = policy.unwrap_or((ChainPolicy::Accept, line));
                Ok(Some(BaseChain { kind, hook, priority, policy, line }))
            }
            (None, None) => Ok(None),
            (None, Some((_, line))) => {
                let message = "nft refuses a policy of a chain that has no hook".to_owned();
                Err(ParseError { line, message })
            }
        }
    }
}

/// `filter hook H priority P`, after `type`, or `nat hook postrouting priority P`.
fn hook(tokens: &mut NftTokens<'_>) -> Result<ChainHook, ParseError> {
    let kind = if tokens.take_word("nat") {
        ChainKind::Nat
    } else {
        tokens.expect(NftToken::Word("filter"))?;
        ChainKind::Filter
    };
    tokens.expect(NftToken::Word("hook"))?;
    let hook = match tokens.word()? {
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        "forward" => Hook::Forward,
        "output" => Hook::Output,
        "postrouting" => Hook::Postrouting,
        word => return Err(tokens.error(format!("`{word}` is not a hook that is understood"))),
    };
    if kind == ChainKind::Nat && hook != Hook::Postrouting {
        let message = "chains of the type nat are understood at postrouting only";
        return Err(tokens.error(message));
    }
    tokens.expect(NftToken::Word("priority"))?;
    Ok(ChainHook { kind, hook, priority: priority(tokens, hook)?, line: tokens.line() })
}

fn policy(tokens: &mut NftTokens<'_>) -> Result<(ChainPolicy, u32), ParseError> {
    let policy = match tokens.word()? {
        "accept" => ChainPolicy::Accept,
        "drop" => ChainPolicy::Drop,
        word => return Err(tokens.error(format!("`{word}` is not a policy"))),
    };
    Ok((policy, tokens.line()))
}

/// A number, or one of nft(8)'s names for it, with an optional offset: `filter - 5`.
fn priority(tokens: &mut NftTokens<'_>, hook: Hook) -> Result<i32, ParseError> {
    let first = tokens.word()?;
    let mut text = first.to_owned();
    while !tokens.is_at_end() {
        text.push(' ');
        text.push_str(tokens.word()?);
    }
    let refused =
        || tokens.error(format!("`{text}` is not a priority of the hook {}", hook.name()));
    // nft's words may contain a `-` and no `+`: `filter-5` is one word.
    let spaced = text.replace('+', " + ").replace(" -", " - ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let number = |text: &str| text.parse::<i32>().ok().filter(|_| !text.starts_with('+'));
    let sum = match words[..] {
        ["-", step] => number(step).and_then(i32::checked_neg),
        [one] => named_priority(one, hook).or_else(|| number(one)),
        [name, "+", step] => named_priority(name, hook)
            .zip(number(step))
            .and_then(|(start, step)| start.checked_add(step)),
        [name, "-", step] => named_priority(name, hook)
            .zip(number(step))
            .and_then(|(start, step)| start.checked_sub(step)),
        _ => None,
    };
    sum.ok_or_else(refused)
}

/// nft(8), "Standard priority names and their values". Those of NAT exist at their own hooks only.
fn named_priority(name: &str, hook: Hook) -> Option<i32> {
    match (name, hook) {
        ("raw", _) => Some(-300),
        ("mangle", _) => Some(-150),
        ("dstnat", Hook::Prerouting) => Some(-100),
        ("filter", _) => Some(0),
        ("security", _) => Some(50),
        ("srcnat", Hook::Postrouting) => Some(100),
        _ => None,
    }
}
