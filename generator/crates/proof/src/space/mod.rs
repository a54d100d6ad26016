//! Sets of packets. The conditions of a firewall rule are a [`Region`]: a set of values for each
//! dimension. One packet is a point. The set of all accepted packets is computed by intersection and
//! subtraction (header space analysis, Kazemian et al. 2012), and not by samples.

mod ranges;

use std::collections::BTreeMap;

pub(crate) use ranges::Ranges;

/// The properties of packets that rules compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// 4 or 6.
    Family,
    /// The protocol above IP (IANA, "Protocol Numbers").
    Protocol,
    /// The source port of TCP, UDP and their like.
    SourcePort,
    /// The destination port of TCP, UDP and their like.
    DestinationPort,
    /// The type of ICMP or ICMPv6.
    IcmpType,
    /// The IPv4 source.
    Source4,
    /// The IPv4 destination.
    Destination4,
    /// The IPv6 source.
    Source6,
    /// The IPv6 destination.
    Destination6,
    /// Its state in conntrack: a [`super::model::packet::ConntrackState`].
    State,
    /// Whether conntrack has translated its destination.
    Translated,
    /// The IPv4 destination before that.
    Original4,
    /// The interface that it came in by: a number of the ruleset's
    /// [`InterfaceClasses`](crate::read::nftables::InterfaceClasses).
    InInterface,
    /// The interface that it leaves by.
    OutInterface,
}

impl Dimension {
    /// The largest value; all begin at 0.
    #[must_use]
    pub const fn largest(self) -> u128 {
        match self {
            Self::Family | Self::State => 0xff,
            Self::InInterface | Self::OutInterface => 0xffff,
            Self::Protocol | Self::IcmpType => u8::MAX as u128,
            Self::SourcePort | Self::DestinationPort => u16::MAX as u128,
            Self::Source4 | Self::Destination4 | Self::Original4 => u32::MAX as u128,
            Self::Source6 | Self::Destination6 => u128::MAX,
            Self::Translated => 1,
        }
    }
}

/// The packets whose value in each dimension is in its ranges; all values of other dimensions are
/// included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Region(BTreeMap<Dimension, Ranges>);

impl Region {
    /// Every packet.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Those of this region that are also in `ranges`.
    #[must_use]
    pub fn within(mut self, dimension: Dimension, ranges: &Ranges) -> Self {
        self.narrow(dimension, ranges);
        self
    }

    /// The same without restrictions of these dimensions.
    #[must_use]
    pub fn without(mut self, dimensions: &[Dimension]) -> Self {
        self.0.retain(|dimension, _| !dimensions.contains(dimension));
        self
    }

    fn narrow(&mut self, dimension: Dimension, ranges: &Ranges) {
        let narrowed = match self.0.get(&dimension) {
            Some(mine) => mine.intersect(ranges),
            None => ranges.clone(),
        };
        self.0.insert(dimension, narrowed);
    }

    /// The values of a dimension, if they are restricted.
    #[must_use]
    pub fn get(&self, dimension: Dimension) -> Option<&Ranges> {
        self.0.get(&dimension)
    }

    /// Every restricted dimension.
    pub fn iter(&self) -> impl Iterator<Item = (Dimension, &Ranges)> {
        self.0.iter().map(|(dimension, ranges)| (*dimension, ranges))
    }

    /// Whether no packet is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().any(Ranges::is_empty)
    }

    /// The packets in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (dimension, ranges) in &other.0 {
            both.narrow(*dimension, ranges);
        }
        both
    }

    /// The packets that are not in `other`, as regions that share none.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Vec<Self> {
        if self.intersect(other).is_empty() {
            return vec![self.clone()];
        }
        let mut pieces = Vec::new();
        let mut rest = self.clone();
        for (dimension, ranges) in &other.0 {
            let outside = ranges.complement(dimension.largest());
            let piece = rest.clone().within(*dimension, &outside);
            if !piece.is_empty() {
                pieces.push(piece);
            }
            rest.narrow(*dimension, ranges);
        }
        pieces
    }
}

/// The packets in `regions` that are in none of `others`.
#[must_use]
pub(crate) fn subtract_all(regions: Vec<Region>, others: &[Region]) -> Vec<Region> {
    let cut = |left: Vec<Region>, other: &Region| {
        left.iter().flat_map(|region| region.subtract(other)).collect()
    };
    others.iter().fold(regions, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(ports: (u128, u128), protocols: (u128, u128)) -> Region {
        Region::everything()
            .within(Dimension::DestinationPort, &Ranges::span(ports.0, ports.1))
            .within(Dimension::Protocol, &Ranges::span(protocols.0, protocols.1))
    }

    fn volume(regions: &[Region]) -> u128 {
        let size = |region: &Region| {
            [Dimension::DestinationPort, Dimension::Protocol]
                .map(|dimension| {
                    let ranges = region.get(dimension).cloned();
                    ranges.map_or(dimension.largest() + 1, |ranges| ranges.len())
                })
                .iter()
                .product::<u128>()
        };
        regions.iter().map(size).sum()
    }

    #[test]
    fn what_is_cut_out_is_gone_and_nothing_else() {
        let whole = region((0, 99), (0, 9));
        let hole = region((10, 19), (2, 3));
        let left = whole.subtract(&hole);
        assert_eq!(volume(&left), 1000 - 20);
        assert!(left.iter().all(|piece| piece.intersect(&hole).is_empty()));
        assert_eq!(subtract_all(left, &[whole]), []);
    }

    #[test]
    fn a_hole_elsewhere_cuts_nothing() {
        let whole = region((0, 99), (0, 9));
        let left = whole.subtract(&region((200, 300), (0, 9)));
        assert_eq!(left, [whole]);
    }

    #[test]
    fn a_free_dimension_is_cut_too() {
        let left = Region::everything().subtract(&region((22, 22), (6, 6)));
        assert_eq!(volume(&left), 65536 * 256 - 1);
    }
}
