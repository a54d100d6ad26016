//! One rule: conditions, then a verdict for packets that match all of them.

use std::collections::BTreeMap;

use super::interfaces::InterfacePattern;
use super::token::{NftToken, NftTokens};
use super::value::NftType;
use super::{ParseError, STATES};
use crate::space::{Dimension, Ranges, Region};

/// A named set.
#[derive(Debug)]
pub(super) struct NftSet {
    pub(super) kind: NftType,
    pub(super) elements: Ranges,
}

/// A rule before all chains and interfaces are known.
#[derive(Debug, Default)]
pub(super) struct NftRuleBuilder<'text> {
    pub(super) region: Region,
    pub(super) interfaces: Vec<InterfaceMatch<'text>>,
    pub(super) action: Option<NftAction<'text>>,
    pub(super) line: u32,
}

#[derive(Debug)]
pub(super) struct InterfaceMatch<'text> {
    pub(super) dimension: Dimension,
    pub(super) patterns: Vec<InterfacePattern<'text>>,
    pub(super) negated: bool,
}

/// The verdict of a rule, with the name of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NftAction<'text> {
    Accept,
    Drop,
    Return,
    Jump(&'text str),
}

const FAMILY_4: u128 = 4;
const FAMILY_6: u128 = 6;
const TCP: u128 = 6;
const UDP: u128 = 17;
const ICMP: u128 = 1;
const ICMP6: u128 = 58;
/// Protocols whose header begins with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u128; 5] = [TCP, UDP, 33, 132, 136];

pub(super) fn read<'text>(
    tokens: &mut NftTokens<'text>,
    sets: &BTreeMap<&'text str, NftSet>,
) -> Result<NftRuleBuilder<'text>, ParseError> {
    let mut reader = NftRuleReader { tokens, sets, draft: NftRuleBuilder::default() };
    while !matches!(reader.tokens.peek(), None | Some(NftToken::End | NftToken::Close)) {
        let word = reader.tokens.word()?;
        reader.draft.line = reader.tokens.line();
        reader.statement(word)?;
    }
    Ok(reader.draft)
}

struct NftRuleReader<'read, 'text> {
    tokens: &'read mut NftTokens<'text>,
    sets: &'read BTreeMap<&'text str, NftSet>,
    draft: NftRuleBuilder<'text>,
}

impl<'text> NftRuleReader<'_, 'text> {
    fn statement(&mut self, word: &'text str) -> Result<(), ParseError> {
        match word {
            "comment" => {
                self.tokens.quoted()?;
                return Ok(());
            }
            _ if self.draft.action.is_some() => {
                return Err(self.tokens.error(format!("`{word}` is after the verdict")));
            }
            "counter" => return Ok(()),
            "accept" => self.draft.action = Some(NftAction::Accept),
            "drop" => self.draft.action = Some(NftAction::Drop),
            "return" => self.draft.action = Some(NftAction::Return),
            "jump" => self.draft.action = Some(NftAction::Jump(self.tokens.word()?)),
            _ => self.condition(word)?,
        }
        Ok(())
    }

    fn condition(&mut self, word: &'text str) -> Result<(), ParseError> {
        match word {
            "iifname" => return self.interface(Dimension::InInterface),
            "oifname" => return self.interface(Dimension::OutInterface),
            _ => {}
        }
        let what = self.tokens.word()?;
        match (word, what) {
            ("ip", "saddr") => self.address(Dimension::Source4),
            ("ip", "daddr") => self.address(Dimension::Destination4),
            ("ip6", "saddr") => self.address(Dimension::Source6),
            ("ip6", "daddr") => self.address(Dimension::Destination6),
            ("tcp", port) => self.port(port, &Ranges::one(TCP)),
            ("udp", port) => self.port(port, &Ranges::one(UDP)),
            ("th", port) => {
                let protocols = WITH_PORTS.iter().map(|number| (*number, *number)).collect();
                self.port(port, &protocols)
            }
            ("meta", "l4proto") => self.compare(Dimension::Protocol, NftType::Protocol),
            ("icmp", "type") => self.icmp(FAMILY_4, ICMP, NftType::Icmp),
            ("icmpv6", "type") => self.icmp(FAMILY_6, ICMP6, NftType::Icmp6),
            ("ct", "state") => self.state(),
            ("ct", "status") => self.status(),
            ("ct", "original") => self.original(),
            _ => Err(self.tokens.error(format!("`{word} {what}` is not understood"))),
        }
    }

    fn interface(&mut self, dimension: Dimension) -> Result<(), ParseError> {
        let negated = self.tokens.take(NftToken::Word("!="));
        let mut patterns = Vec::new();
        if self.tokens.take(NftToken::Open) {
            loop {
                patterns.push(self.pattern()?);
                if !self.tokens.take(NftToken::Comma) {
                    break;
                }
            }
            self.tokens.expect(NftToken::Close)?;
        } else {
            patterns.push(self.pattern()?);
        }
        self.draft.interfaces.push(InterfaceMatch { dimension, patterns, negated });
        Ok(())
    }

    fn pattern(&mut self) -> Result<InterfacePattern<'text>, ParseError> {
        let text = self.tokens.quoted()?;
        Ok(match text.strip_suffix('*') {
            Some(prefix) => InterfacePattern::Prefix(prefix),
            None => InterfacePattern::Name(text),
        })
    }

    /// In an `inet` table, a condition on an address is also a condition on the family.
    fn address(&mut self, dimension: Dimension) -> Result<(), ParseError> {
        let (family, kind) = match dimension {
            Dimension::Source6 | Dimension::Destination6 => (FAMILY_6, NftType::Address6),
            _ => (FAMILY_4, NftType::Address4),
        };
        self.narrow(Dimension::Family, &Ranges::one(family));
        self.compare(dimension, kind)
    }

    fn port(&mut self, which: &str, protocols: &Ranges) -> Result<(), ParseError> {
        let dimension = match which {
            "sport" => Dimension::SourcePort,
            "dport" => Dimension::DestinationPort,
            _ => return Err(self.tokens.error(format!("`{which}` is not understood"))),
        };
        self.narrow(Dimension::Protocol, protocols);
        self.compare(dimension, NftType::Port)
    }

    fn icmp(&mut self, family: u128, protocol: u128, kind: NftType) -> Result<(), ParseError> {
        self.narrow(Dimension::Family, &Ranges::one(family));
        self.narrow(Dimension::Protocol, &Ranges::one(protocol));
        self.compare(Dimension::IcmpType, kind)
    }

    fn state(&mut self) -> Result<(), ParseError> {
        let mut states = Vec::new();
        loop {
            let word = self.tokens.word()?;
            let number = STATES.iter().position(|name| *name == word);
            let number = number.ok_or_else(|| {
                self.tokens.error(format!("`{word}` is not a state of conntrack"))
            })?;
            states.push((number as u128, number as u128));
            if !self.tokens.take(NftToken::Comma) {
                break;
            }
        }
        self.narrow(Dimension::State, &states.into_iter().collect());
        Ok(())
    }

    fn status(&mut self) -> Result<(), ParseError> {
        match self.tokens.word()? {
            "dnat" => self.narrow(Dimension::Translated, &Ranges::one(1)),
            word => return Err(self.tokens.error(format!("`ct status {word}` is not understood"))),
        }
        Ok(())
    }

    fn original(&mut self) -> Result<(), ParseError> {
        match (self.tokens.word()?, self.tokens.word()?) {
            ("ip", "daddr") => {
                self.narrow(Dimension::Family, &Ranges::one(FAMILY_4));
                self.compare(Dimension::Original4, NftType::Address4)
            }
            (family, what) => {
                Err(self.tokens.error(format!("`ct original {family} {what}` is not understood")))
            }
        }
    }

    fn compare(&mut self, dimension: Dimension, kind: NftType) -> Result<(), ParseError> {
        let negated = self.tokens.take(NftToken::Word("!="));
        let ranges = self.values(kind)?;
        let ranges = if negated { ranges.complement(dimension.largest()) } else { ranges };
        self.narrow(dimension, &ranges);
        Ok(())
    }

    fn values(&mut self, kind: NftType) -> Result<Ranges, ParseError> {
        if self.tokens.peek() == Some(NftToken::Open) {
            let elements = elements(self.tokens, kind)?;
            if Ranges::overlap(elements.clone()) {
                return Err(self
                    .tokens
                    .error("two elements of the set overlap, and nft refuses it"));
            }
            return Ok(elements.into_iter().collect());
        }
        let word = self.tokens.word()?;
        if let Some(name) = word.strip_prefix('@') {
            let set = self.sets.get(name).filter(|set| set.kind == kind);
            let set = set.ok_or_else(|| {
                self.tokens.error(format!("there is no set `{name}` of this type above"))
            })?;
            return Ok(set.elements.clone());
        }
        let span = kind.span(word).ok_or_else(|| no_value(self.tokens, word))?;
        Ok([span].into_iter().collect())
    }

    fn narrow(&mut self, dimension: Dimension, ranges: &Ranges) {
        let region = std::mem::take(&mut self.draft.region);
        self.draft.region = region.within(dimension, ranges);
    }
}

/// `{ a, b }`
pub(super) fn elements(
    tokens: &mut NftTokens<'_>,
    kind: NftType,
) -> Result<Vec<(u128, u128)>, ParseError> {
    tokens.expect(NftToken::Open)?;
    let mut elements = Vec::new();
    loop {
        let word = tokens.word()?;
        elements.push(kind.span(word).ok_or_else(|| no_value(tokens, word))?);
        if !tokens.take(NftToken::Comma) {
            break;
        }
    }
    tokens.expect(NftToken::Close)?;
    Ok(elements)
}

fn no_value(tokens: &NftTokens<'_>, word: &str) -> ParseError {
    tokens.error(format!("`{word}` is not a value that is understood here"))
}
