use bytes::BytesMut;

use crate::wire::KeyRef;

/// A key as it goes out: the client's prefix and the caller's key, together at most 250 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WireKey<'a> {
    pub(crate) prefix: &'a [u8],
    pub(crate) key: KeyRef<'a>,
}

#[cfg(test)]
impl<'a> WireKey<'a> {
    /// Returns a key without a prefix.
    pub(crate) fn bare(key: &'a str) -> Self {
        let key = KeyRef::new(key.as_bytes(), crate::wire::Charset::Ascii).unwrap();
        Self { prefix: b"", key }
    }
}

impl WireKey<'_> {
    /// Returns the bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.prefix.len() + self.key.len()
    }

    pub(crate) fn put(&self, out: &mut BytesMut) {
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(&self.key);
    }

    /// Says whether these are the bytes of the key on the wire.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        bytes.strip_prefix(self.prefix) == Some(&*self.key)
    }
}
