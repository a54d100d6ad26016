//! Numbers by a seed: the same choices for the same seed.

/// SplitMix64 (Steele et al. 2014).
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(number: u64) -> Self {
        // Neighbouring numbers begin far apart.
        Self(number.wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }

    /// A number below a bound; 0 if the bound is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((number ^ (number >> 31)) % bound.max(1) as u64).unwrap_or_default()
    }

    /// True in so many of 100 cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these values.
    pub(crate) fn one<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// Some of these values, at least one, in any order.
    pub(crate) fn some<T: Copy>(&mut self, values: &[T]) -> Vec<T> {
        let mut left = values.to_vec();
        let count = 1 + self.below(values.len());
        (0..count).map(|_| left.swap_remove(self.below(left.len()))).collect()
    }
}
