/// Takes choices, numbers and bytes off an input; zeros and nothing at its end.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// Returns a number below `choices`.
    pub(super) fn choice(&mut self, choices: u8) -> u8 {
        self.byte() % choices
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Returns a number of any magnitude: a byte says of how many bytes.
    pub(super) fn number(&mut self) -> u64 {
        let len = usize::from(self.choice(9));
        self.bytes(len).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    pub(super) fn maybe_number(&mut self) -> Option<u64> {
        self.flag().then(|| self.number())
    }

    /// Returns bytes, of which a number says how many.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let len = usize::try_from(self.number()).unwrap_or(usize::MAX);
        self.bytes(len)
    }

    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}
