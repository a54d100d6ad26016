//! One rule: conditions, then what happens to a packet that meets all of them.

use std::collections::BTreeMap;

use super::token::{Token, Tokens};
use super::value::Kind;
use super::{STATES, Unread};
use crate::space::{Dimension, Ranges, Region};

/// A named set.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) kind: Kind,
    pub(super) elements: Ranges,
}

/// A rule, before it is known which chains and interfaces there are.
#[derive(Debug, Default)]
pub(super) struct Draft<'text> {
    pub(super) region: Region,
    pub(super) interfaces: Vec<InterfaceMatch<'text>>,
    pub(super) action: Option<Action<'text>>,
    pub(super) comment: Option<&'text str>,
    pub(super) line: u32,
}

#[derive(Debug)]
pub(super) struct InterfaceMatch<'text> {
    pub(super) dimension: Dimension,
    pub(super) patterns: Vec<&'text str>,
    pub(super) negated: bool,
}

/// What happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action<'text> {
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
    tokens: &mut Tokens<'text>,
    sets: &BTreeMap<&'text str, Set>,
) -> Result<Draft<'text>, Unread> {
    let mut reader = Reader { tokens, sets, draft: Draft::default() };
    while !matches!(reader.tokens.peek(), None | Some(Token::End | Token::Close)) {
        let word = reader.tokens.word()?;
        reader.draft.line = reader.tokens.line();
        reader.statement(word)?;
    }
    Ok(reader.draft)
}

struct Reader<'read, 'text> {
    tokens: &'read mut Tokens<'text>,
    sets: &'read BTreeMap<&'text str, Set>,
    draft: Draft<'text>,
}

impl<'text> Reader<'_, 'text> {
    fn statement(&mut self, word: &'text str) -> Result<(), Unread> {
        match word {
            "comment" => {
                self.draft.comment = Some(self.tokens.quoted()?);
                return Ok(());
            }
            _ if self.draft.action.is_some() => {
                return Err(self.tokens.error(format!("`{word}` stands after the verdict")));
            }
            "counter" => return Ok(()),
            "accept" => self.draft.action = Some(Action::Accept),
            "drop" => self.draft.action = Some(Action::Drop),
            "return" => self.draft.action = Some(Action::Return),
            "jump" => self.draft.action = Some(Action::Jump(self.tokens.word()?)),
            _ => self.condition(word)?,
        }
        Ok(())
    }

    fn condition(&mut self, word: &'text str) -> Result<(), Unread> {
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
            ("meta", "l4proto") => self.compare(Dimension::Protocol, Kind::Protocol),
            ("icmp", "type") => self.icmp(FAMILY_4, ICMP, Kind::Icmp),
            ("icmpv6", "type") => self.icmp(FAMILY_6, ICMP6, Kind::Icmp6),
            ("ct", "state") => self.state(),
            ("ct", "status") => self.status(),
            ("ct", "original") => self.original(),
            _ => Err(self.tokens.error(format!("`{word} {what}` is not understood"))),
        }
    }

    fn interface(&mut self, dimension: Dimension) -> Result<(), Unread> {
        let negated = self.tokens.take(Token::Word("!="));
        let mut patterns = Vec::new();
        if self.tokens.take(Token::Open) {
            loop {
                patterns.push(self.tokens.quoted()?);
                if !self.tokens.take(Token::Comma) {
                    break;
                }
            }
            self.tokens.expect(Token::Close)?;
        } else {
            patterns.push(self.tokens.quoted()?);
        }
        self.draft.interfaces.push(InterfaceMatch { dimension, patterns, negated });
        Ok(())
    }

    /// In an `inet` table, a condition on an address is one on the family too.
    fn address(&mut self, dimension: Dimension) -> Result<(), Unread> {
        let (family, kind) = match dimension {
            Dimension::Source6 | Dimension::Destination6 => (FAMILY_6, Kind::Address6),
            _ => (FAMILY_4, Kind::Address4),
        };
        self.narrow(Dimension::Family, &Ranges::one(family));
        self.compare(dimension, kind)
    }

    fn port(&mut self, which: &str, protocols: &Ranges) -> Result<(), Unread> {
        let dimension = match which {
            "sport" => Dimension::SourcePort,
            "dport" => Dimension::DestinationPort,
            _ => return Err(self.tokens.error(format!("`{which}` is not understood"))),
        };
        self.narrow(Dimension::Protocol, protocols);
        self.compare(dimension, Kind::Port)
    }

    fn icmp(&mut self, family: u128, protocol: u128, kind: Kind) -> Result<(), Unread> {
        self.narrow(Dimension::Family, &Ranges::one(family));
        self.narrow(Dimension::Protocol, &Ranges::one(protocol));
        self.compare(Dimension::IcmpType, kind)
    }

    fn state(&mut self) -> Result<(), Unread> {
        let mut states = Vec::new();
        loop {
            let word = self.tokens.word()?;
            let number = STATES.iter().position(|name| *name == word);
            let number =
                number.ok_or_else(|| self.tokens.error(format!("`{word}` is no state")))?;
            states.push((number as u128, number as u128));
            if !self.tokens.take(Token::Comma) {
                break;
            }
        }
        self.narrow(Dimension::State, &states.into_iter().collect());
        Ok(())
    }

    fn status(&mut self) -> Result<(), Unread> {
        match self.tokens.word()? {
            "dnat" => self.narrow(Dimension::Translated, &Ranges::one(1)),
            word => return Err(self.tokens.error(format!("`ct status {word}` is not understood"))),
        }
        Ok(())
    }

    fn original(&mut self) -> Result<(), Unread> {
        match (self.tokens.word()?, self.tokens.word()?) {
            ("ip", "daddr") => {
                self.narrow(Dimension::Family, &Ranges::one(FAMILY_4));
                self.compare(Dimension::Original4, Kind::Address4)
            }
            (family, what) => {
                Err(self.tokens.error(format!("`ct original {family} {what}` is not understood")))
            }
        }
    }

    fn compare(&mut self, dimension: Dimension, kind: Kind) -> Result<(), Unread> {
        let negated = self.tokens.take(Token::Word("!="));
        let ranges = self.values(kind)?;
        let ranges = if negated { ranges.complement(dimension.largest()) } else { ranges };
        self.narrow(dimension, &ranges);
        Ok(())
    }

    fn values(&mut self, kind: Kind) -> Result<Ranges, Unread> {
        if self.tokens.peek() == Some(Token::Open) {
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
pub(super) fn elements(tokens: &mut Tokens<'_>, kind: Kind) -> Result<Vec<(u128, u128)>, Unread> {
    tokens.expect(Token::Open)?;
    let mut elements = Vec::new();
    loop {
        let word = tokens.word()?;
        elements.push(kind.span(word).ok_or_else(|| no_value(tokens, word))?);
        if !tokens.take(Token::Comma) {
            break;
        }
    }
    tokens.expect(Token::Close)?;
    Ok(elements)
}

fn no_value(tokens: &Tokens<'_>, word: &str) -> Unread {
    tokens.error(format!("`{word}` is no value that is understood here"))
}
