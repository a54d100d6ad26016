//! Address classes ("atomic predicates", Yang and Lam, ICNP 2013): the address space, split at the
//! ends of every prefix in the tree. The addresses of one class are in the same prefixes of the same
//! files, so a result for one address is valid for the whole class. A few classes per node cover
//! every address.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::ops::Range;

use ipnet::Ipv4Net;

/// An address class: its position in [`AddressClasses`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressClass(u32);

impl AddressClass {
    /// Its position.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// All classes, in the order of their addresses.
#[derive(Debug, Clone)]
pub struct AddressClasses {
    /// The first address of each class.
    first: Vec<u32>,
}

impl AddressClasses {
    /// Splits the address space before each of these addresses.
    #[must_use]
    pub fn from_cuts(mut cuts: BTreeSet<u32>) -> Self {
        cuts.insert(0);
        Self { first: cuts.into_iter().collect() }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.first.len()
    }

    /// The class of an address.
    #[must_use]
    pub fn class_of(&self, address: Ipv4Addr) -> AddressClass {
        let after = self.first.partition_point(|first| *first <= u32::from(address));
        class(after - 1)
    }

    /// The positions of the classes of a prefix whose ends are cuts.
    #[must_use]
    pub fn range(&self, net: Ipv4Net) -> Range<usize> {
        let start = self.first.partition_point(|first| *first < u32::from(net.network()));
        let end = self.first.partition_point(|first| *first <= u32::from(net.broadcast()));
        start..end
    }

    /// The classes of a prefix.
    pub fn within(&self, net: Ipv4Net) -> impl Iterator<Item = AddressClass> + use<> {
        self.range(net).map(class)
    }

    /// The first address of a class.
    #[must_use]
    pub fn address(&self, class: AddressClass) -> Ipv4Addr {
        self.first[class.index()].into()
    }

    /// All classes.
    pub fn iter(&self) -> impl Iterator<Item = AddressClass> + use<> {
        (0..self.first.len()).map(class)
    }
}

/// A tree with 2³² cuts does not fit into memory, so the conversion never fails.
fn class(position: usize) -> AddressClass {
    AddressClass(u32::try_from(position).unwrap_or(u32::MAX))
}

/// The cuts of a prefix: before its first and after its last address.
pub(super) fn cuts(net: Ipv4Net) -> impl Iterator<Item = u32> {
    let after = u32::from(net.broadcast()).checked_add(1);
    [Some(u32::from(net.network())), after].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_consists_of_whole_classes() {
        let nets = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "255.255.255.255/32"].map(net);
        let classes = AddressClasses::from_cuts(nets.into_iter().flat_map(cuts).collect());
        let firsts = |text| {
            let within = classes.within(net(text));
            within.map(|class| classes.address(class).to_string()).collect::<Vec<_>>()
        };
        assert_eq!(firsts("10.1.0.0/16"), ["10.1.0.0", "10.1.2.3", "10.1.2.4"]);
        assert_eq!(firsts("10.1.2.3/32"), ["10.1.2.3"]);
        assert_eq!(firsts("255.255.255.255/32"), ["255.255.255.255"]);
        assert_eq!(firsts("0.0.0.0/0").len(), classes.count());
        assert_eq!(
            classes.class_of([10, 1, 2, 9].into()),
            classes.class_of([10, 1, 255, 255].into())
        );
    }
}
