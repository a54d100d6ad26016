//! One rule: conditions, then a verdict for packets that match all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::interfaces::{InterfacePattern, LONGEST_NAME};
use super::set::{self, NftSet};
use super::token::{NftToken, NftTokens};
use super::value::NftType;
use super::{ParseError, STATES, statement};
use crate::space::{Dimension, Ranges, Region};

/// What rules can refer to.
#[derive(Default)]
pub(super) struct Declarations<'text> {
    pub(super) sets: BTreeMap<&'text str, NftSet<'text>>,
    pub(super) counters: BTreeSet<&'text str>,
    /// The version of IP of the table; none for `inet`.
    pub(super) family: Option<u128>,
}

/// A rule before all chains and interfaces are known.
#[derive(Debug, Clone, Default)]
pub(super) struct NftRuleBuilder<'text> {
    pub(super) region: Region,
    pub(super) interfaces: Vec<InterfaceMatch<'text>>,
    pub(super) partial: bool,
    pub(super) action: Option<NftAction<'text>>,
    pub(super) line: u32,
}

#[derive(Debug, Clone)]
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
    /// Dropped, with an answer to the sender.
    Reject,
    Masquerade,
    Return,
    Jump(&'text str),
    Goto(&'text str),
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Below,
    AtMost,
    Above,
    AtLeast,
}

const FAMILY_4: u128 = 4;
const FAMILY_6: u128 = 6;
pub(super) const TCP: u128 = 6;
const UDP: u128 = 17;
const SCTP: u128 = 132;
const ICMP: u128 = 1;
const ICMP6: u128 = 58;
/// Protocols whose header begins with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u128; 5] = [TCP, UDP, 33, SCTP, 136];

pub(super) fn read<'text>(
    tokens: &mut NftTokens<'text>,
    declared: &Declarations<'text>,
) -> Result<NftRuleBuilder<'text>, ParseError> {
    let (family, protocol) = (declared.family, None);
    let builder = NftRuleBuilder::default();
    let mut reader = NftRuleReader { tokens, declared, builder, family, protocol };
    while !reader.tokens.is_at_end() {
        let word = reader.tokens.word()?;
        if reader.builder.line == 0 {
            reader.builder.line = reader.tokens.line();
        }
        reader.statement(word)?;
    }
    Ok(reader.builder)
}

pub(super) struct NftRuleReader<'read, 'text> {
    pub(super) tokens: &'read mut NftTokens<'text>,
    pub(super) declared: &'read Declarations<'text>,
    pub(super) builder: NftRuleBuilder<'text>,
    /// The version of IP that a condition names. nft refuses another one in the same rule.
    family: Option<u128>,
    /// The protocols that a condition names. nft refuses a field of another one in the same rule.
    protocol: Option<Ranges>,
}

impl<'text> NftRuleReader<'_, 'text> {
    fn statement(&mut self, word: &'text str) -> Result<(), ParseError> {
        match word {
            "comment" => {
                self.tokens.text()?;
                return match self.tokens.is_at_end() {
                    true => Ok(()),
                    false => Err(self.tokens.unexpected()),
                };
            }
            _ if self.builder.action.is_some() => {
                let message = format!("`{word}` is after the verdict, and nft refuses it");
                return Err(self.tokens.error(message));
            }
            "counter" => statement::counter(self)?,
            "log" => statement::log(self.tokens)?,
            "limit" => {
                statement::limit(self.tokens)?;
                self.builder.partial = true;
            }
            "reject" => {
                statement::reject(self)?;
                self.builder.action = Some(NftAction::Reject);
            }
            "accept" => self.builder.action = Some(NftAction::Accept),
            "drop" => self.builder.action = Some(NftAction::Drop),
            "masquerade" => {
                // Options such as `random` and `to :1024-65535` change the port.
                if !self.tokens.is_at_end() && self.tokens.peek() != Some(NftToken::Word("comment"))
                {
                    return Err(self.tokens.unexpected());
                }
                self.builder.action = Some(NftAction::Masquerade);
            }
            "return" => self.builder.action = Some(NftAction::Return),
            "jump" => self.builder.action = Some(NftAction::Jump(self.tokens.word()?)),
            "goto" => self.builder.action = Some(NftAction::Goto(self.tokens.word()?)),
            "meta" => {
                let key = self.tokens.word()?;
                match key {
                    // Every packet of these tables is one of IP: the protocol of the link is its family.
                    "protocol" => self.families(NftType::LinkProtocol)?,
                    "skuid" => {
                        self.user()?;
                        self.builder.partial = true;
                    }
                    _ => self.condition(key)?,
                }
            }
            _ => self.condition(word)?,
        }
        Ok(())
    }

    fn condition(&mut self, word: &'text str) -> Result<(), ParseError> {
        match word {
            "iifname" => return self.interface(Dimension::InInterface),
            "oifname" => return self.interface(Dimension::OutInterface),
            "iif" => return self.index(Dimension::InInterface),
            "oif" => return self.index(Dimension::OutInterface),
            "l4proto" => return self.protocols(),
            "nfproto" => return self.families(NftType::Family),
            _ => {}
        }
        let what = self.tokens.word()?;
        match (word, what) {
            ("ip", "saddr") => self.address(Dimension::Source4),
            ("ip", "daddr") => self.address(Dimension::Destination4),
            ("ip", "protocol") => {
                self.imply_family(FAMILY_4)?;
                self.protocols()
            }
            ("ip6", "saddr") => self.address(Dimension::Source6),
            ("ip6", "daddr") => self.address(Dimension::Destination6),
            ("tcp", port) => self.port(port, TCP),
            ("udp", port) => self.port(port, UDP),
            ("sctp", port) => self.port(port, SCTP),
            ("th", port) => self.any_port(port),
            ("icmp", "type") => self.icmp(FAMILY_4, ICMP, NftType::Icmp),
            ("icmpv6", "type") => self.icmp(FAMILY_6, ICMP6, NftType::Icmp6),
            ("ct", "state") => self.state(),
            ("ct", "status") => self.status(),
            ("ct", "original") => self.original(),
            _ => Err(self.tokens.error(format!("`{word} {what}` is not understood"))),
        }
    }

    /// `=` is not an operator: only `==` and the words.
    fn comparison(&mut self) -> Comparison {
        let operators = [
            ("==", Comparison::Equal),
            ("eq", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("ne", Comparison::Unequal),
            ("<", Comparison::Below),
            ("lt", Comparison::Below),
            ("<=", Comparison::AtMost),
            ("le", Comparison::AtMost),
            (">", Comparison::Above),
            ("gt", Comparison::Above),
            (">=", Comparison::AtLeast),
            ("ge", Comparison::AtLeast),
        ];
        let found = operators.into_iter().find(|(word, _)| self.tokens.take_word(word));
        found.map_or(Comparison::Equal, |(_, comparison)| comparison)
    }

    /// Whether a condition is negated; other comparisons are not understood.
    fn is_negated(&mut self) -> Result<bool, ParseError> {
        match self.comparison() {
            Comparison::Equal => Ok(false),
            Comparison::Unequal => Ok(true),
            _ => Err(self.tokens.error("this comparison is not understood")),
        }
    }

    fn interface(&mut self, dimension: Dimension) -> Result<(), ParseError> {
        let negated = self.is_negated()?;
        let patterns = match self.tokens.peek() {
            Some(NftToken::Open) => set::elements(self.tokens, &mut |tokens| pattern(tokens))?,
            Some(NftToken::Word(word)) if word.starts_with('@') => {
                self.tokens.next();
                match self.declared.sets.get(&word[1..]) {
                    Some(NftSet::Interfaces(patterns)) => patterns.clone(),
                    _ => return Err(self.no_set(word)),
                }
            }
            _ => vec![pattern(self.tokens)?],
        };
        self.builder.interfaces.push(InterfaceMatch { dimension, patterns, negated });
        Ok(())
    }

    /// `iif` compares the index of an interface at the time when the file is loaded; only that of `lo`
    /// never changes.
    fn index(&mut self, dimension: Dimension) -> Result<(), ParseError> {
        let negated = self.is_negated()?;
        let name = self.tokens.text()?;
        if name != "lo" {
            let message = "nft refuses `iif` and `oif` of an interface that does not exist yet";
            return Err(self.tokens.error(message));
        }
        let patterns = vec![InterfacePattern::Name(name)];
        self.builder.interfaces.push(InterfaceMatch { dimension, patterns, negated });
        Ok(())
    }

    /// In an `inet` table, a condition on an address is also a condition on the family.
    fn address(&mut self, dimension: Dimension) -> Result<(), ParseError> {
        let (family, kind) = match dimension {
            Dimension::Source6 | Dimension::Destination6 => (FAMILY_6, NftType::Address6),
            _ => (FAMILY_4, NftType::Address4),
        };
        self.imply_family(family)?;
        self.compare(dimension, kind).map(|_| ())
    }

    /// A user by its number: packets of programs that run as another one do not match.
    fn user(&mut self) -> Result<(), ParseError> {
        let user = self.tokens.word()?;
        let message = format!("`{user}` is not the number of a user");
        user.parse::<u32>().map(|_| ()).map_err(|_| self.tokens.error(message))
    }

    fn families(&mut self, kind: NftType) -> Result<(), ParseError> {
        let named = self.compare(Dimension::Family, kind)?;
        let one = named.filter(|ranges| ranges.len() == 1).and_then(|ranges| ranges.first());
        self.family = self.family.or(one);
        Ok(())
    }

    fn protocols(&mut self) -> Result<(), ParseError> {
        let named = self.compare(Dimension::Protocol, NftType::Protocol)?;
        if named.is_some() {
            self.protocol = named;
        }
        Ok(())
    }

    fn imply_family(&mut self, family: u128) -> Result<(), ParseError> {
        if self.family.is_some_and(|named| named != family) {
            return Err(self.tokens.error("nft refuses IPv4 and IPv6 in one rule"));
        }
        self.family = Some(family);
        self.narrow(Dimension::Family, &Ranges::one(family));
        Ok(())
    }

    pub(super) fn imply_protocol(&mut self, protocol: u128) -> Result<(), ParseError> {
        let implied = Ranges::one(protocol);
        if self.protocol.as_ref().is_some_and(|named| *named != implied) {
            let message = "nft refuses a field of another protocol than the rule names before";
            return Err(self.tokens.error(message));
        }
        self.narrow(Dimension::Protocol, &implied);
        self.protocol = Some(implied);
        Ok(())
    }

    /// `reject with icmp` and `with icmpv6`.
    pub(super) fn imply_version(&mut self, is_v6: bool) -> Result<(), ParseError> {
        self.imply_family(if is_v6 { FAMILY_6 } else { FAMILY_4 })
    }

    fn port(&mut self, which: &str, protocol: u128) -> Result<(), ParseError> {
        let dimension = self.port_dimension(which)?;
        self.imply_protocol(protocol)?;
        self.compare(dimension, NftType::Port).map(|_| ())
    }

    /// `th` compares the same bytes of every protocol, so the protocol must be known.
    fn any_port(&mut self, which: &str) -> Result<(), ParseError> {
        let dimension = self.port_dimension(which)?;
        let with_ports: Ranges = WITH_PORTS.iter().map(|number| (*number, *number)).collect();
        let protocols = self.builder.region.get(Dimension::Protocol);
        if protocols.is_none_or(|named| named.intersect(&with_ports) != *named) {
            let message = "`th` is only understood after a condition on protocols that have ports";
            return Err(self.tokens.error(message));
        }
        self.compare(dimension, NftType::Port).map(|_| ())
    }

    fn port_dimension(&self, which: &str) -> Result<Dimension, ParseError> {
        match which {
            "sport" => Ok(Dimension::SourcePort),
            "dport" => Ok(Dimension::DestinationPort),
            _ => Err(self.tokens.error(format!("`{which}` is not understood"))),
        }
    }

    fn icmp(&mut self, family: u128, protocol: u128, kind: NftType) -> Result<(), ParseError> {
        self.narrow(Dimension::Family, &Ranges::one(family));
        self.imply_protocol(protocol)?;
        self.compare(Dimension::IcmpType, kind).map(|_| ())
    }

    fn state(&mut self) -> Result<(), ParseError> {
        let negated = self.is_negated()?;
        let states = match self.tokens.peek() {
            Some(NftToken::Open) => set::elements(self.tokens, &mut |tokens| state(tokens))?,
            _ => {
                let mut states = vec![state(self.tokens)?];
                while self.tokens.take(NftToken::Comma) || self.tokens.take_word("|") {
                    states.push(state(self.tokens)?);
                }
                states
            }
        };
        let named: Ranges = states.into_iter().collect();
        let largest = Dimension::State.largest();
        let ranges = if negated { named.complement(largest) } else { named };
        self.narrow(Dimension::State, &ranges);
        Ok(())
    }

    fn status(&mut self) -> Result<(), ParseError> {
        match self.tokens.word()? {
            "dnat" => self.narrow(Dimension::Translated, &Ranges::one(1)),
            word => return Err(self.tokens.error(format!("`ct status {word}` is not understood"))),
        }
        if self.tokens.peek() == Some(NftToken::Comma) {
            return Err(self.tokens.unexpected());
        }
        Ok(())
    }

    fn original(&mut self) -> Result<(), ParseError> {
        match (self.tokens.word()?, self.tokens.word()?) {
            ("ip", "daddr") => {
                self.narrow(Dimension::Family, &Ranges::one(FAMILY_4));
                self.compare(Dimension::Original4, NftType::Address4).map(|_| ())
            }
            (family, what) => {
                Err(self.tokens.error(format!("`ct original {family} {what}` is not understood")))
            }
        }
    }

    /// Narrows a dimension by a comparison. The values, if it is one for equality.
    fn compare(
        &mut self,
        dimension: Dimension,
        kind: NftType,
    ) -> Result<Option<Ranges>, ParseError> {
        let comparison = self.comparison();
        let values = self.values(kind)?;
        let largest = dimension.largest();
        let single = values.first().filter(|_| values.len() == 1);
        let ranges = match (comparison, single) {
            (Comparison::Equal, _) => values.clone(),
            (Comparison::Unequal, _) => values.complement(largest),
            (Comparison::AtMost, Some(value)) => Ranges::span(0, value),
            (Comparison::AtLeast, Some(value)) => Ranges::span(value, largest),
            (Comparison::Below, Some(value)) => Ranges::span(value, largest).complement(largest),
            (Comparison::Above, Some(value)) => Ranges::span(0, value).complement(largest),
            (_, None) => return Err(self.tokens.error("nft refuses to compare with a range")),
        };
        self.narrow(dimension, &ranges);
        Ok((comparison == Comparison::Equal).then_some(values))
    }

    fn values(&mut self, kind: NftType) -> Result<Ranges, ParseError> {
        match self.tokens.peek() {
            Some(NftToken::Open) => {
                let elements = set::elements(self.tokens, &mut |tokens| span(tokens, kind))?;
                Ok(elements.into_iter().collect())
            }
            Some(NftToken::Word(word)) if word.starts_with('@') => {
                self.tokens.next();
                match self.declared.sets.get(&word[1..]) {
                    Some(NftSet::Values { kind: other, elements }) if *other == kind => {
                        Ok(elements.clone())
                    }
                    _ => Err(self.no_set(word)),
                }
            }
            _ => Ok([span(self.tokens, kind)?].into_iter().collect()),
        }
    }

    fn no_set(&self, word: &str) -> ParseError {
        self.tokens.error(format!("there is no set `{}` of this type", &word[1..]))
    }

    fn narrow(&mut self, dimension: Dimension, ranges: &Ranges) {
        let region = std::mem::take(&mut self.builder.region);
        self.builder.region = region.within(dimension, ranges);
    }
}

/// One value, or a range with spaces around its dash.
pub(super) fn span(tokens: &mut NftTokens<'_>, kind: NftType) -> Result<(u128, u128), ParseError> {
    let word = tokens.text()?;
    let (first, last) = kind.span(word).ok_or_else(|| no_value(tokens, word))?;
    if !tokens.take_word("-") {
        return Ok((first, last));
    }
    let word = tokens.text()?;
    let (start, end) = kind.span(word).ok_or_else(|| no_value(tokens, word))?;
    match first == last && start == end && first <= end {
        true => Ok((first, end)),
        false => Err(tokens.error("nft refuses this range")),
    }
}

/// The name of an interface: at most 15 bytes, and a star only at the end.
pub(super) fn pattern<'text>(
    tokens: &mut NftTokens<'text>,
) -> Result<InterfacePattern<'text>, ParseError> {
    let text = tokens.text()?;
    if text.is_empty() || text == "*" || text.len() > LONGEST_NAME {
        return Err(tokens.error(format!("nft refuses \"{text}\" as the name of an interface")));
    }
    if text.contains('\\') {
        return Err(tokens.error(format!("\"{text}\" is not understood")));
    }
    Ok(match text.strip_suffix('*') {
        Some(prefix) => InterfacePattern::Prefix(prefix),
        None => InterfacePattern::Name(text),
    })
}

fn state(tokens: &mut NftTokens<'_>) -> Result<(u128, u128), ParseError> {
    let word = tokens.word()?;
    let number = STATES.iter().position(|name| *name == word);
    let unknown = || tokens.error(format!("`{word}` is not a state of conntrack"));
    let number = number.ok_or_else(unknown)? as u128;
    Ok((number, number))
}

fn no_value(tokens: &NftTokens<'_>, word: &str) -> ParseError {
    tokens.error(format!("`{word}` is not a value that is understood here"))
}
