//! Chance as a stream of numbers: a seed goes in, draws come out, the same for the same seed.

/// A stream of pseudo-random numbers (wyrand's construction: one multiply a number). Not for secrets.
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Starts a stream.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0xa076_1d64_78bd_642f);
        crate::wire::fold(self.0, self.0 ^ 0xe703_7ed1_a0b4_28db)
    }

    /// Returns a number below `bound`, evenly; 0 if `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        // Multiply-shift over 32 bits: the bias is at most bound / 2^32.
        ((u64::from((self.next_u64() >> 32) as u32) * u64::from(bound)) >> 32) as u32
    }
}
