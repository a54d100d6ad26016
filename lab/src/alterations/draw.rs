//! Choices by a seed: the same seed makes the same choices on every machine.

/// A sequence of choices: `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Draw {
    state: u64,
}

impl Draw {
    /// The choices of one seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The seed of the change with this number in a run.
    #[must_use]
    pub const fn seed_of(run: u64, number: u64) -> u64 {
        mix(run).wrapping_add(mix(number.wrapping_mul(0x2545_f491_4f6c_dd1d)))
    }

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `limit`; 0 if the limit is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// Whether something happens that happens once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of some values.
    pub fn pick<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        values.get(self.below(values.len()))
    }

    /// Some of the values, at least `least`, in their order.
    pub fn some<T: Clone>(&mut self, values: &[T], least: usize) -> Vec<T> {
        let most = values.len();
        let count = least.min(most) + self.below(most.saturating_sub(least) + 1);
        let mut positions: Vec<_> = (0..most).collect();
        while positions.len() > count {
            let dropped = self.below(positions.len());
            positions.remove(dropped);
        }
        positions.into_iter().filter_map(|position| values.get(position).cloned()).collect()
    }
}

const fn mix(number: u64) -> u64 {
    let a = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}
