//! Named sets, and the elements of sets.

use super::interfaces::InterfacePattern;
use super::token::{NftToken, NftTokens};
use super::value::NftType;
use super::{ParseError, rule};
use crate::space::Ranges;

/// A named set.
#[derive(Debug, Clone)]
pub(super) enum NftSet<'text> {
    /// Of values that are numbers.
    Values {
        /// Their type.
        kind: NftType,
        /// The elements.
        elements: Ranges,
    },
    /// Of names of interfaces.
    Interfaces(Vec<InterfacePattern<'text>>),
}

#[derive(Clone, Copy)]
enum ElementType {
    Value(NftType),
    Interface,
}

/// A set that is being read.
#[derive(Default)]
struct SetBuilder<'text> {
    kind: Option<ElementType>,
    interval: bool,
    merge: bool,
    size: Option<u64>,
    values: Vec<(u128, u128)>,
    interfaces: Vec<InterfacePattern<'text>>,
}

/// The body of a set, after its `{`.
pub(super) fn read<'text>(tokens: &mut NftTokens<'text>) -> Result<NftSet<'text>, ParseError> {
    let mut builder = SetBuilder::default();
    loop {
        tokens.skip_ends();
        if tokens.take(NftToken::Close) {
            return builder.finish(tokens);
        }
        builder.item(tokens)?;
    }
}

impl<'text> SetBuilder<'text> {
    fn item(&mut self, tokens: &mut NftTokens<'text>) -> Result<(), ParseError> {
        match tokens.word()? {
            "type" if self.kind.is_some() => Err(tokens.error("the set has two types")),
            "type" => {
                self.kind = Some(element_type(tokens)?);
                tokens.expect_end()
            }
            "flags" => self.flags(tokens),
            "auto-merge" => {
                self.merge = true;
                Ok(())
            }
            "counter" => Ok(()),
            "size" => {
                self.size = Some(tokens.number()?);
                tokens.expect_end()
            }
            "comment" => tokens.text().map(|_| ()),
            "elements" => self.elements(tokens),
            word => Err(tokens.error(format!("`{word}` is not understood in a set"))),
        }
    }

    fn flags(&mut self, tokens: &mut NftTokens<'text>) -> Result<(), ParseError> {
        loop {
            match tokens.word()? {
                "interval" => self.interval = true,
                "constant" => {}
                flag => return Err(tokens.error(format!("the flag `{flag}` is not understood"))),
            }
            if !tokens.take(NftToken::Comma) {
                return tokens.expect_end();
            }
        }
    }

    fn elements(&mut self, tokens: &mut NftTokens<'text>) -> Result<(), ParseError> {
        tokens.expect(NftToken::Word("="))?;
        match self.kind {
            None => Err(tokens.error("the type of the set is not above its elements")),
            Some(ElementType::Value(kind)) => {
                self.values.extend(elements(tokens, &mut |tokens| rule::span(tokens, kind))?);
                Ok(())
            }
            Some(ElementType::Interface) => {
                self.interfaces.extend(elements(tokens, &mut |tokens| rule::pattern(tokens))?);
                Ok(())
            }
        }
    }

    fn finish(mut self, tokens: &NftTokens<'text>) -> Result<NftSet<'text>, ParseError> {
        let kind = self.kind.ok_or_else(|| tokens.error("the type of the set is missing"))?;
        self.values.sort_unstable();
        self.values.dedup();
        let is_prefix = |one: &InterfacePattern<'_>| matches!(one, InterfacePattern::Prefix(_));
        let wide = self.values.iter().any(|(first, last)| first != last)
            || self.interfaces.iter().any(is_prefix);
        if wide && !self.interval {
            let message = "the set has ranges, and nft refuses them without `flags interval`";
            return Err(tokens.error(message));
        }
        if self.merge && !self.interval {
            let message = "nft refuses `auto-merge` without `flags interval`";
            return Err(tokens.error(message));
        }
        if self.interval && !self.merge && Ranges::overlap(self.values.clone()) {
            let message =
                "two elements of the set overlap, and nft refuses them without `auto-merge`";
            return Err(tokens.error(message));
        }
        let count = self.values.len() + self.interfaces.len();
        if self.size.is_some_and(|size| size < count as u64) {
            return Err(tokens.error("the set has more elements than its `size`"));
        }
        Ok(match kind {
            ElementType::Value(kind) => {
                NftSet::Values { kind, elements: self.values.into_iter().collect() }
            }
            ElementType::Interface => NftSet::Interfaces(self.interfaces),
        })
    }
}

fn element_type(tokens: &mut NftTokens<'_>) -> Result<ElementType, ParseError> {
    Ok(match tokens.word()? {
        "ipv4_addr" => ElementType::Value(NftType::Address4),
        "ipv6_addr" => ElementType::Value(NftType::Address6),
        "inet_service" => ElementType::Value(NftType::Port),
        "inet_proto" => ElementType::Value(NftType::Protocol),
        "ifname" => ElementType::Interface,
        word => return Err(tokens.error(format!("sets of `{word}` are not understood"))),
    })
}

/// `{ a, b }`. The elements can be on several lines, and a definition can be a set in a set.
pub(super) fn elements<'text, T>(
    tokens: &mut NftTokens<'text>,
    read: &mut dyn FnMut(&mut NftTokens<'text>) -> Result<T, ParseError>,
) -> Result<Vec<T>, ParseError> {
    tokens.expect(NftToken::Open)?;
    let mut found = Vec::new();
    let mut depth = 1_usize;
    loop {
        tokens.skip_lines();
        if tokens.take(NftToken::Open) {
            depth += 1;
            continue;
        }
        found.push(read(tokens)?);
        if tokens.take_word("comment") {
            tokens.text()?;
        }
        if closes(tokens, &mut depth)? {
            return Ok(found);
        }
    }
}

/// Takes the braces and the comma after an element; whether the set ends here.
fn closes(tokens: &mut NftTokens<'_>, depth: &mut usize) -> Result<bool, ParseError> {
    loop {
        tokens.skip_lines();
        let comma = tokens.take(NftToken::Comma);
        tokens.skip_lines();
        if tokens.take(NftToken::Close) {
            *depth -= 1;
            if *depth == 0 {
                return Ok(true);
            }
            continue;
        }
        return if comma { Ok(false) } else { Err(tokens.unexpected()) };
    }
}
