//! The jumps between chains. The kernel follows them from each base chain before it takes a ruleset.

use super::{Hook, NftChain, NftVerdict, ParseError};

/// The number of jumps in a row that the kernel refuses (Linux, `NFT_JUMP_STACK_SIZE`).
const TOO_DEEP: usize = 16;

/// Checks all jumps; `rejecting` has the line of the first `reject` of each chain.
pub(super) fn check(chains: &[NftChain], rejecting: &[Option<u32>]) -> Result<(), ParseError> {
    for (target, line) in chains.iter().flat_map(jumps) {
        if chains[target].base.is_some() {
            let message = format!("nft refuses a jump to the base chain `{}`", chains[target].name);
            return Err(ParseError { line, message });
        }
    }
    let mut depths = vec![None; chains.len()];
    for start in bases(chains, |_| true) {
        ChainGraph { chains, depths: &mut depths, path: Vec::new() }.depth(start)?;
    }
    check_rejects(chains, rejecting)
}

fn bases(chains: &[NftChain], at: impl Fn(Hook) -> bool) -> impl Iterator<Item = usize> {
    let numbered = chains.iter().enumerate();
    numbered
        .filter(move |(_, chain)| chain.base.as_ref().is_some_and(|base| at(base.hook)))
        .map(|(position, _)| position)
}

/// The targets of a chain's jumps, with their lines.
fn jumps(chain: &NftChain) -> impl Iterator<Item = (usize, u32)> {
    chain.rules.iter().filter_map(|rule| match rule.verdict {
        Some(NftVerdict::Jump(target) | NftVerdict::Goto(target)) => Some((target, rule.line)),
        _ => None,
    })
}

struct ChainGraph<'a> {
    chains: &'a [NftChain],
    /// The largest number of jumps in a row from each chain, once it is known.
    depths: &'a mut [Option<usize>],
    /// The chains that lead to the current one.
    path: Vec<usize>,
}

impl ChainGraph<'_> {
    fn depth(&mut self, position: usize) -> Result<usize, ParseError> {
        if let Some(known) = self.depths[position] {
            return Ok(known);
        }
        self.path.push(position);
        let chains = self.chains;
        let mut deepest = 0;
        for (target, line) in jumps(&chains[position]) {
            let name = &chains[target].name;
            if self.path.contains(&target) {
                let message = format!("nft refuses this jump: `{name}` jumps back to itself");
                return Err(ParseError { line, message });
            }
            // The path can be as long as the limit only in a file that nft refuses.
            let below = if self.path.len() > TOO_DEEP { TOO_DEEP } else { self.depth(target)? };
            deepest = deepest.max(below + 1);
            if deepest >= TOO_DEEP {
                let message = format!("nft refuses {TOO_DEEP} jumps in a row, as from here");
                return Err(ParseError { line, message });
            }
        }
        self.path.pop();
        self.depths[position] = Some(deepest);
        Ok(deepest)
    }
}

/// The kernel takes `reject` at all hooks except postrouting (nft_reject.c, `nft_reject_validate`).
fn check_rejects(chains: &[NftChain], rejecting: &[Option<u32>]) -> Result<(), ParseError> {
    let mut reached: Vec<usize> = bases(chains, |hook| hook == Hook::Postrouting).collect();
    let mut next = 0;
    while let Some(position) = reached.get(next).copied() {
        if let Some(line) = rejecting[position] {
            let message = "nft refuses `reject` at postrouting".to_owned();
            return Err(ParseError { line, message });
        }
        for (target, _) in jumps(&chains[position]) {
            if !reached.contains(&target) {
                reached.push(target);
            }
        }
        next += 1;
    }
    Ok(())
}
