//! The interfaces that a ruleset distinguishes.
//!
//! The names of interfaces are divided into classes: no pattern of the ruleset distinguishes two names of
//! a class. Each class has one name as its example, and its number in the dimensions of interfaces.
//!
//! - `lo` and WireGuard's interface are classes of their own;
//! - Calico names the interface of a pod `cali` and eleven hexadecimal digits (libcalico-go,
//!   `VethNameForWorkload`, 3.32);
//! - every other name can be an interface of the public side: the names of links differ between machines.

use std::ops::Range;

use crate::space::Ranges;

/// The number of an interface that a packet does not have at a hook. The kernel compares its name as an
/// empty text: only negated conditions match it (Linux, `nft_meta_store_ifname`).
pub(crate) const NO_INTERFACE: u128 = 0xffff;

/// The kinds of interfaces that every host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interface {
    /// `lo`
    Loopback = 0,
    /// WireGuard's.
    Mesh = 1,
    /// A pod's.
    Pod = 2,
    /// Any other: the public side, and the networks of sites.
    Public = 3,
}

/// The longest name of an interface, in bytes (Linux, `IFNAMSIZ` without the final zero).
pub(super) const LONGEST_NAME: usize = 15;

/// The beginning of the name of each interface of a pod.
const POD_PREFIX: &str = "cali";

const HEXADECIMAL: &str = "0123456789abcdef";

/// Names that links of machines usually have (systemd.net-naming-scheme(7)); they are the preferred
/// examples.
const USUAL: [&str; 7] = ["eth0", "ens3", "enp1s0", "eno1", "wlan0", "wlp2s0", "bond0"];

/// The first characters after a prefix that are tried for an example.
const CHARACTERS: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.@";

/// The name of an interface in a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InterfacePattern<'text> {
    /// `"eth0"`
    Name(&'text str),
    /// `"eth*"`, without its star.
    Prefix(&'text str),
}

impl<'text> InterfacePattern<'text> {
    fn matches(self, name: &str) -> bool {
        match self {
            Self::Name(other) => other == name,
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }

    const fn text(self) -> &'text str {
        let (Self::Name(text) | Self::Prefix(text)) = self;
        text
    }
}

/// The classes of a ruleset, with an example of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceClasses {
    /// The examples, by the numbers of their classes.
    names: Vec<String>,
    /// The number of classes of pods.
    pods: usize,
}

impl InterfaceClasses {
    pub(super) fn from_patterns(patterns: &[InterfacePattern<'_>], mesh: &str) -> Self {
        let mut distinct = patterns.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let finder = ExampleFinder { patterns: &distinct, mesh };
        let pods = finder.distinct(finder.pods());
        let public = finder.distinct(finder.public());
        let count = pods.len();
        let own = ["lo", mesh].map(str::to_owned).into_iter();
        Self { names: own.chain(pods).chain(public).collect(), pods: count }
    }

    /// The numbers of the interfaces of a kind.
    #[must_use]
    pub fn of(&self, kind: Interface) -> Ranges {
        let Range { start, end } = match kind {
            Interface::Loopback => 0..1,
            Interface::Mesh => 1..2,
            Interface::Pod => 2..2 + self.pods,
            Interface::Public => 2 + self.pods..self.names.len(),
        };
        (start..end).map(|number| (number as u128, number as u128)).collect()
    }

    /// The example of a class.
    #[must_use]
    pub fn example(&self, number: u128) -> Option<&str> {
        self.names.get(usize::try_from(number).ok()?).map(String::as_str)
    }

    /// The numbers that a condition matches.
    pub(super) fn matching(&self, patterns: &[InterfacePattern<'_>], negated: bool) -> Ranges {
        let numbered = (0..).zip(&self.names);
        let meets = |name: &str| patterns.iter().any(|pattern| pattern.matches(name)) != negated;
        let numbers = numbered.filter(|(_, name)| meets(name)).map(|(number, _)| number);
        let missing = negated.then_some(NO_INTERFACE);
        numbers.chain(missing).map(|number| (number, number)).collect()
    }
}

/// Finds a name for each class.
struct ExampleFinder<'a> {
    /// Sorted, each once.
    patterns: &'a [InterfacePattern<'a>],
    mesh: &'a str,
}

impl ExampleFinder<'_> {
    /// Of names that match the same patterns only the first.
    fn distinct(&self, names: Vec<String>) -> Vec<String> {
        let mut known: Vec<Vec<bool>> = Vec::new();
        let mut kept = Vec::new();
        for name in names {
            let matching = self.patterns.iter().map(|pattern| pattern.matches(&name)).collect();
            if !known.contains(&matching) {
                known.push(matching);
                kept.push(name);
            }
        }
        kept
    }

    /// A name that no pattern matches, then one for each pattern that no longer pattern matches.
    fn public(&self) -> Vec<String> {
        let usual = USUAL.into_iter().filter(|name| self.is_public(name));
        let mut names: Vec<_> = usual.map(str::to_owned).collect();
        names.extend(self.public_with(""));
        names.extend(self.patterns.iter().filter_map(|pattern| match pattern {
            InterfacePattern::Name(name) => self.is_public(name).then(|| (*name).to_owned()),
            InterfacePattern::Prefix(prefix) => self.public_with(prefix),
        }));
        // The class that no pattern matches is first.
        names.sort_by_key(|name| self.patterns.iter().any(|pattern| pattern.matches(name)));
        names
    }

    fn is_public(&self, name: &str) -> bool {
        name != "lo" && name != self.mesh && !name.starts_with(POD_PREFIX)
    }

    /// A public name with this prefix that no longer pattern matches.
    fn public_with(&self, prefix: &str) -> Option<String> {
        let longer = CHARACTERS.chars().map(|character| format!("{prefix}{character}"));
        let mut names = longer.chain([prefix.to_owned()]);
        names.find(|name| {
            !name.is_empty()
                && name.len() <= LONGEST_NAME
                && self.is_public(name)
                && !self.is_distinguished(name, prefix)
        })
    }

    /// Whether a pattern that is longer than the prefix matches a name.
    fn is_distinguished(&self, name: &str, prefix: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern {
            InterfacePattern::Name(other) => *other == name,
            InterfacePattern::Prefix(other) => {
                other.len() > prefix.len() && name.starts_with(other)
            }
        })
    }

    /// The same for the names of pods' interfaces.
    fn pods(&self) -> Vec<String> {
        let mut names: Vec<_> = self.pod_with(POD_PREFIX, POD_PREFIX).into_iter().collect();
        for pattern in self.patterns {
            let text = pattern.text();
            if !text.starts_with(POD_PREFIX) || !text[POD_PREFIX.len()..].chars().all(is_digit) {
                continue;
            }
            match pattern {
                InterfacePattern::Name(name) if name.len() == LONGEST_NAME => {
                    names.push((*name).to_owned());
                }
                InterfacePattern::Name(_) => {}
                InterfacePattern::Prefix(prefix) => names.extend(self.pod_with(prefix, prefix)),
            }
        }
        names
    }

    /// The first name of a pod's interface that begins with `name` and that no pattern longer than
    /// `prefix` matches.
    fn pod_with(&self, name: &str, prefix: &str) -> Option<String> {
        if name.len() > prefix.len() && self.patterns.contains(&InterfacePattern::Prefix(name)) {
            return None;
        }
        if name.len() == LONGEST_NAME {
            let free = !self.patterns.contains(&InterfacePattern::Name(name));
            return free.then(|| name.to_owned());
        }
        let mut digits = HEXADECIMAL.chars().map(|digit| format!("{name}{digit}"));
        digits.find_map(|longer| self.pod_with(&longer, prefix))
    }
}

const fn is_digit(character: char) -> bool {
    matches!(character, '0'..='9' | 'a'..='f')
}

#[cfg(test)]
mod tests {
    use super::InterfacePattern::{Name, Prefix};
    use super::*;

    fn classes(patterns: &[InterfacePattern<'_>]) -> InterfaceClasses {
        InterfaceClasses::from_patterns(patterns, "wg0")
    }

    fn examples(classes: &InterfaceClasses, kind: Interface) -> Vec<&str> {
        let numbers = classes.of(kind);
        let each = numbers.iter().flat_map(|(first, last)| first..=last);
        each.filter_map(|number| classes.example(number)).collect()
    }

    #[test]
    fn without_patterns_each_kind_has_one_class() {
        let classes = classes(&[]);
        assert_eq!(classes.names, ["lo", "wg0", "cali00000000000", "eth0"]);
        assert_eq!(classes.matching(&[Name("lo")], false), Ranges::one(0));
    }

    #[test]
    fn what_a_pattern_distinguishes_has_an_example() {
        for (patterns, public) in [
            (vec![Prefix("w")], vec!["eth0", "wlan0"]),
            (vec![Name("eth0"), Prefix("e")], vec!["wlan0", "ens3", "eth0"]),
            (vec![Prefix("e"), Prefix("eth"), Name("eth1")], vec!["wlan0", "eth0", "ens3", "eth1"]),
            (vec![Prefix("wg0")], vec!["eth0", "wg00"]),
            (vec![Name("cali0"), Prefix("cali")], vec!["eth0"]),
            (vec![Prefix("c")], vec!["eth0", "c0"]),
        ] {
            let classes = classes(&patterns);
            let mut found = examples(&classes, Interface::Public);
            found.sort_unstable();
            let mut expected = public;
            expected.sort_unstable();
            assert_eq!(found, expected, "{patterns:?}");
        }
    }

    #[test]
    fn a_pod_has_eleven_digits() {
        for (patterns, pods) in [
            (vec![Name("cali0")], vec!["cali00000000000"]),
            (vec![Prefix("cali0")], vec!["cali10000000000", "cali00000000000"]),
            (vec![Prefix("cali"), Prefix("c")], vec!["cali00000000000"]),
            (vec![Prefix("calix")], vec!["cali00000000000"]),
            (
                vec![Name("cali00000000000"), Prefix("cali1")],
                vec!["cali00000000001", "cali00000000000", "cali10000000000"],
            ),
        ] {
            assert_eq!(examples(&classes(&patterns), Interface::Pod), pods, "{patterns:?}");
        }
    }

    #[test]
    fn prefixes_that_cover_their_parent_leave_no_class_of_it() {
        let prefixes: Vec<_> = HEXADECIMAL.chars().map(|digit| format!("cali{digit}")).collect();
        let patterns: Vec<_> = prefixes.iter().map(|prefix| Prefix(prefix)).collect();
        assert_eq!(examples(&classes(&patterns), Interface::Pod).len(), 16);
    }

    #[test]
    fn a_negated_condition_matches_a_missing_interface() {
        let classes = classes(&[Name("lo")]);
        assert!(classes.matching(&[Name("lo")], true).contains(NO_INTERFACE));
        assert!(!classes.matching(&[Name("lo")], false).contains(NO_INTERFACE));
    }
}
