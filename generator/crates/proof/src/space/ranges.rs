//! Sets of numbers as ranges.

use ipnet::{Ipv4Net, Ipv6Net};

/// A set of numbers: ranges that are sorted, apart from each other, and inclusive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// One number.
    #[must_use]
    pub fn one(value: u128) -> Self {
        Self(vec![(value, value)])
    }

    /// All from `first` to `last`.
    #[must_use]
    pub fn span(first: u128, last: u128) -> Self {
        Self(vec![(first, last)])
    }

    /// Whether it holds no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers it holds; that of all 2¹²⁸ is given as the largest number.
    #[must_use]
    pub fn len(&self) -> u128 {
        self.0
            .iter()
            .fold(0, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    /// Its ranges.
    pub fn iter(&self) -> impl Iterator<Item = (u128, u128)> {
        self.0.iter().copied()
    }

    /// The least number.
    #[must_use]
    pub fn first(&self) -> Option<u128> {
        self.0.first().map(|(first, _)| *first)
    }

    /// Whether it holds this number.
    #[must_use]
    pub fn contains(&self, value: u128) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= value);
        after > 0 && value <= self.0[after - 1].1
    }

    /// Whether two of the ranges that it is made from share a number.
    #[must_use]
    pub fn overlap(mut ranges: Vec<(u128, u128)>) -> bool {
        ranges.sort_unstable();
        ranges.windows(2).any(|pair| pair[1].0 <= pair[0].1)
    }

    /// The numbers in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(one), Some(two)) = (mine.peek(), theirs.peek()) {
            let (first, last) = (one.0.max(two.0), one.1.min(two.1));
            if first <= last {
                both.push((first, last));
            }
            if one.1 < two.1 {
                mine.next()
            } else {
                theirs.next()
            };
        }
        Self(both)
    }

    /// The numbers up to `largest` that are not in it.
    #[must_use]
    pub fn complement(&self, largest: u128) -> Self {
        let mut outside = Vec::new();
        let mut next = Some(0);
        for (first, last) in &self.0 {
            match next {
                Some(start) if start < *first => outside.push((start, first - 1)),
                _ => {}
            }
            next = last.checked_add(1);
        }
        if let Some(start) = next.filter(|start| *start <= largest) {
            outside.push((start, largest));
        }
        Self(outside)
    }
}

impl FromIterator<(u128, u128)> for Ranges {
    /// Joins what overlaps or touches.
    fn from_iter<I: IntoIterator<Item = (u128, u128)>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut joined: Vec<(u128, u128)> = Vec::new();
        for (first, last) in sorted {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last)
                }
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }
}

impl From<Ipv4Net> for Ranges {
    fn from(net: Ipv4Net) -> Self {
        Self::span(u32::from(net.network()).into(), u32::from(net.broadcast()).into())
    }
}

impl From<Ipv6Net> for Ranges {
    fn from(net: Ipv6Net) -> Self {
        Self::span(net.network().into(), net.broadcast().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(pairs: &[(u128, u128)]) -> Ranges {
        pairs.iter().copied().collect()
    }

    #[test]
    fn what_touches_is_joined() {
        assert_eq!(ranges(&[(5, 9), (0, 4), (20, 21), (21, 30)]).0, [(0, 9), (20, 30)]);
    }

    #[test]
    fn both_and_neither() {
        let (one, two) = (ranges(&[(0, 9), (20, 29)]), ranges(&[(5, 24), (29, 40)]));
        assert_eq!(one.intersect(&two).0, [(5, 9), (20, 24), (29, 29)]);
        assert_eq!(one.complement(30).0, [(10, 19), (30, 30)]);
        assert_eq!(ranges(&[(0, 30)]).complement(30), Ranges::default());
        assert_eq!(Ranges::default().complement(u128::MAX).0, [(0, u128::MAX)]);
        assert_eq!(Ranges::span(1, u128::MAX).complement(u128::MAX).0, [(0, 0)]);
    }

    #[test]
    fn membership() {
        let set = ranges(&[(2, 3), (7, 7)]);
        let inside: Vec<u128> = (0..10).filter(|value| set.contains(*value)).collect();
        assert_eq!(inside, [2, 3, 7]);
        assert_eq!(set.len(), 3);
    }
}
