/// The number that a meta reply echoes, so that an answer is known to belong to its question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Opaque(u32);

impl Opaque {
    /// Far more than can be in flight on one connection, and at most seven digits on the wire.
    pub(crate) const MODULUS: usize = 1 << 20;

    pub(crate) const FIRST: Self = Self(0);

    /// Returns the opaque `count` places on.
    #[expect(clippy::cast_possible_truncation, reason = "the modulus fits")]
    pub(crate) const fn plus(self, count: usize) -> Self {
        Self((self.0 + (count % Self::MODULUS) as u32) % Self::MODULUS as u32)
    }

    pub(crate) fn get(self) -> u64 {
        u64::from(self.0)
    }
}
