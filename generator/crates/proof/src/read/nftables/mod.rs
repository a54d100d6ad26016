//! `nftables.conf`: a strict reader of nft(8), for what is emitted and what people add to it. The
//! conditions of each rule become a [`Region`]: the packets that match. What nft or the kernel refuses is
//! refused here (nftables 1.0.6; `generator/tests/consumers` compares this reader with nft).

mod chain;
mod graph;
mod interfaces;
mod rule;
mod set;
mod statement;
mod table;
mod token;
mod value;

pub(crate) use self::interfaces::NO_INTERFACE;
pub(crate) use self::interfaces::{Interface, InterfaceClasses};
use self::token::NftTokens;
use super::ParseError;
use crate::space::{Dimension, Ranges, Region};

pub(crate) use value::{ICMP_TYPES, ICMP6_TYPES};

/// The values of `ct state`, by their number in [`Dimension::State`].
pub(crate) const STATES: [&str; 5] = ["invalid", "new", "established", "related", "untracked"];

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// The families of its packets: 4, 6 or both.
    pub families: Ranges,
    /// The interfaces that its rules distinguish, by their number in the dimensions of interfaces.
    pub interfaces: InterfaceClasses,
    /// Its chains.
    pub chains: Vec<NftChain>,
}

/// One chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftChain {
    /// Its name.
    pub name: String,
    /// Its hook and priority; none if rules only jump to it.
    pub base: Option<BaseChain>,
    /// Its rules, in their order.
    pub rules: Vec<NftRule>,
}

impl NftChain {
    /// Whether its rules decide about the sources of packets.
    #[must_use]
    pub fn is_nat(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.kind == ChainKind::Nat)
    }
}

/// The hook, priority and policy of a base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseChain {
    /// What its rules decide about.
    pub kind: ChainKind,
    /// The hook.
    pub hook: Hook,
    /// Chains with a lower priority are evaluated first.
    pub priority: i32,
    /// The verdict for packets that no rule decides about.
    pub policy: ChainPolicy,
    /// Its line.
    pub line: u32,
}

/// The type of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainKind {
    /// Which packets pass.
    Filter,
    /// Which packets get the host's address as their source: the first packet of each connection is evaluated.
    Nat,
}

/// The hooks of netfilter, in the order of a packet's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// Before routing.
    Prerouting,
    /// To this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// After routing.
    Postrouting,
}

impl Hook {
    /// All hooks.
    pub const ALL: [Self; 5] =
        [Self::Prerouting, Self::Input, Self::Forward, Self::Output, Self::Postrouting];

    /// nft's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        }
    }
}

/// The policy of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainPolicy {
    /// Accepted.
    Accept,
    /// Dropped.
    Drop,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftRule {
    /// The packets that match.
    pub region: Region,
    /// Whether only some of these packets match, such as those below the rate of a `limit`, or those of one user.
    /// The others are evaluated by the next rule.
    pub partial: bool,
    /// The verdict; none if it only counts.
    pub verdict: Option<NftVerdict>,
    /// Its line.
    pub line: u32,
}

/// The verdict about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NftVerdict {
    /// Accepted by this chain.
    Accept,
    /// Dropped.
    Drop,
    /// Accepted, with the address of the outgoing interface as its source.
    Masquerade,
    /// Evaluation continues in the chain that jumped here.
    Return,
    /// Evaluation continues in the chain at this position, and at its end after this rule.
    Jump(usize),
    /// Evaluation continues in the chain at this position. Its end is the end of this chain.
    Goto(usize),
}

/// Reads a file; `mesh` is WireGuard's interface.
///
/// # Errors
///
/// At the first construct that is not understood. The meaning of later text is then unknown.
pub(crate) fn read(text: &str, mesh: &str) -> Result<Ruleset, ParseError> {
    table::read(&mut NftTokens::split(text)?, mesh)
}

impl Dimension {
    /// Whether its values are IPv4 addresses.
    #[must_use]
    pub const fn is_address4(self) -> bool {
        matches!(self, Self::Source4 | Self::Destination4 | Self::Original4)
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    const HEAD: &str = "table inet t\ndelete table inet t\ntable inet t {\n";

    fn refusal(chains: &str) -> (u32, String) {
        let error = read(&format!("{HEAD}{chains}"), "wg0").unwrap_err();
        (error.line, error.message)
    }

    #[test]
    fn a_file_that_ends_inside_a_chain_is_refused_at_its_last_line() {
        let ends = "the file ends too early".to_owned();
        assert_eq!(refusal("chain a {\n"), (4, ends.clone()));
        assert_eq!(refusal("chain a {\n  accept\n"), (5, ends.clone()));
        assert_eq!(refusal("chain a {\n  accept\n}\n"), (6, ends));
    }

    #[test]
    fn millions_of_lines_are_refused() {
        let message = "a firewall has less than 1048576 words and lines".to_owned();
        let (line, refused) = refusal(&"\n".repeat(2 << 20));
        assert_eq!(refused, message);
        // Some tokens are before the empty lines.
        assert!((1_048_500..=1_048_577).contains(&line), "{line}");
    }

    #[test]
    fn jumps_that_nft_refuses_are_refused() {
        let base = "chain b {\n type filter hook input priority 0;\n}\n}\n";
        let to_base = "nft refuses a jump to the base chain `b`".to_owned();
        assert_eq!(refusal(&format!("chain a {{\n jump b\n}}\n{base}")), (5, to_base));
        let circle = "nft refuses this jump: `a` jumps back to itself".to_owned();
        let start = "chain z {\n type filter hook input priority 0;\n jump a\n}\n";
        let chains = "chain a {\n jump b\n}\nchain b {\n jump c\n}\nchain c {\n jump a\n}\n}\n";
        assert_eq!(refusal(&format!("{start}{chains}")), (15, circle));
    }

    #[test]
    fn sources_are_masqueraded_at_postrouting_only() {
        let nat = |name: &str, rest: &str| {
            format!("chain {name} {{\n type nat hook postrouting priority srcnat; {rest}\n}}\n")
        };
        let masquerade = "ip saddr 10.0.0.0/8 counter masquerade comment \"lan\"";
        assert!(read(&format!("{HEAD}{}}}\n", nat("a", masquerade)), "wg0").is_ok());
        let filter = "chain a {\n type filter hook postrouting priority 0;\n masquerade\n}\n}\n";
        let refused = [
            (filter.to_owned(), 6, "`masquerade` is only understood in a chain of the type nat"),
            (nat("a", "drop"), 5, "this verdict is not understood in a chain of the type nat"),
            (
                nat("a", "policy drop;"),
                5,
                "the policy `drop` of a chain of the type nat is not understood",
            ),
            (nat("a", "masquerade random"), 5, "`random` is not understood here"),
            (
                nat("a", "accept") + &nat("b", "accept"),
                8,
                "two chains of the type nat are not understood",
            ),
            (
                "chain a {\n type nat hook prerouting priority dstnat;\n}\n}\n".to_owned(),
                5,
                "chains of the type nat are understood at postrouting only",
            ),
        ];
        for (chains, line, message) in refused {
            let ended = chains.clone() + if chains.ends_with("}\n}\n") { "" } else { "}\n" };
            assert_eq!(refusal(&ended), (line, message.to_owned()), "{chains}");
        }
    }

    #[test]
    fn two_jumps_to_one_chain_are_read() {
        let chains = "chain a {\n jump b\n jump b\n}\nchain b {\n accept\n}\n}\n";
        assert!(read(&format!("{HEAD}{chains}"), "wg0").is_ok());
    }
}
