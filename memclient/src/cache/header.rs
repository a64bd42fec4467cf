//! Tags: counters that many entries are stored under, so that one increment ends them all.
//!
//! A tag is an item of its own, a number that only grows: its generation. An entry with tags says in
//! a header under which generations it was loaded, and whoever reads it reads those counters in the
//! same round trip; where one of them has another number now, or is gone, the entry is out of date. A
//! counter begins with the time, so that one which was evicted and begins anew does not repeat a
//! number.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    backend::Read,
    wire::{Key, Value},
};

/// The most tags of one entry, so that whoever stores one cannot make its readers ask for many
/// counters, or keep their keys: with this many a header takes at most 65 KiB.
pub(super) const MAX_TAGS: usize = 255;

/// A header: which tags an entry was stored under, and their generations then.
///
/// A count of two bytes; for each tag a length of one byte, its counter's key, and eight bytes of its
/// generation. Numbers are big-endian.
pub(super) struct Header(pub(super) Vec<(Key, u64)>);

impl Header {
    /// Returns the header and what follows it; `None` where there is none that is whole, or one of
    /// more tags than an entry may have.
    pub(super) fn split(value: &Value) -> Option<(Self, Bytes)> {
        let mut rest = value.data().clone();
        let count = usize::from(rest.try_get_u16().ok()?);
        if count > MAX_TAGS {
            return None;
        }
        let mut tags = Vec::new();
        for _ in 0..count {
            let len = usize::from(rest.try_get_u8().ok()?);
            if rest.len() < len {
                return None;
            }
            let key = Key::new(rest.split_to(len)).ok()?;
            tags.push((key, rest.try_get_u64().ok()?));
        }
        Some((Self(tags), rest))
    }

    /// Says whether each of these tags is among its own.
    pub(super) fn names(&self, tags: &[Key]) -> bool {
        tags.iter().all(|key| self.0.iter().any(|(tag, _)| tag == key))
    }

    /// Puts the header before a value; `None` for more tags than an entry may have.
    pub(super) fn join<'a>(
        tags: impl ExactSizeIterator<Item = (&'a Key, u64)>,
        value: &Value,
    ) -> Option<Value> {
        if tags.len() > MAX_TAGS {
            return None;
        }
        let mut data = BytesMut::new();
        data.put_u16(u16::try_from(tags.len()).ok()?);
        for (key, generation) in tags {
            data.put_u8(u8::try_from(key.as_bytes().len()).ok()?);
            data.put_slice(key.as_bytes());
            data.put_u64(generation);
        }
        data.put_slice(value.data());
        let flags = value.payload().flags.with_header();
        Some(Value::new(data, flags.bits()).with_decoded_of(value))
    }
}

/// What an answer says of tags.
pub(super) enum Tagged {
    /// There is no item.
    Nothing,
    /// The item has none.
    Without,
    With(Header),
    /// The item's header is not whole.
    Damaged,
}

impl Tagged {
    pub(super) fn of(answer: Option<&Read>) -> Self {
        match answer.and_then(Read::any) {
            None => Self::Nothing,
            Some(hit) if !hit.value.payload().flags.has_header() => Self::Without,
            Some(hit) => {
                Header::split(&hit.value).map_or(Self::Damaged, |(header, _)| Self::With(header))
            }
        }
    }

    pub(super) fn tags(&self) -> &[(Key, u64)] {
        match self {
            Self::With(header) => &header.0,
            Self::Nothing | Self::Without | Self::Damaged => &[],
        }
    }
}

/// Takes the header off a value that has one; `None` where it is not whole.
pub(super) fn without_header(value: &Value) -> Option<Value> {
    let (_, data) = Header::split(value)?;
    Some(Value::new(data, value.payload().flags.without_header().bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_off_as_it_was_put_on() {
        let value = Value::new("bytes", 16);
        let keys = [Key::new("tag:a").unwrap(), Key::new("tag:b").unwrap()];
        let tags = keys.iter().zip([7, u64::MAX]);
        let joined = Header::join(tags.clone(), &value).unwrap();
        assert!(joined.payload().flags.has_header());
        let (Header(found), rest) = Header::split(&joined).unwrap();
        assert!(found.iter().map(|(key, generation)| (key, *generation)).eq(tags));
        assert_eq!(rest, "bytes");
        assert_eq!(without_header(&joined).unwrap(), value);
    }

    #[test]
    fn a_header_that_is_cut_off_is_none() {
        let keys = [Key::new("tag:a").unwrap()];
        let whole = Header::join(keys.iter().zip([7]), &Value::new("", 0)).unwrap();
        for len in 0..whole.len() {
            let cut = Value::new(whole.data().slice(..len), whole.flags());
            assert!(Header::split(&cut).is_none(), "{len}");
        }
    }

    #[test]
    fn more_tags_than_an_entry_may_have_are_neither_written_nor_read() {
        let keys: Vec<_> = (0..=MAX_TAGS).map(|tag| Key::new(tag.to_string()).unwrap()).collect();
        let join =
            |keys: &[Key]| Header::join(keys.iter().zip(vec![7; keys.len()]), &Value::new("", 0));
        let most = join(&keys[..MAX_TAGS]).unwrap();
        assert_eq!(Header::split(&most).unwrap().0.0.len(), MAX_TAGS);
        assert!(join(&keys).is_none());
        let mut bytes = most.data().to_vec();
        bytes[..2].copy_from_slice(&256_u16.to_be_bytes());
        bytes.extend(b"\x01t\0\0\0\0\0\0\0\x01");
        assert!(Header::split(&Value::new(bytes, 0)).is_none());
        assert!(Header::split(&Value::new(&b"\xff\xff"[..], 0)).is_none());
    }
}
