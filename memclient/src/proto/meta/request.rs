//! The meta requests. Each asks for its opaque back.

use bytes::BytesMut;

use super::verb::Verb;
use crate::{
    proto::{
        ascii::{put, put_flag},
        opaque::Opaque,
        request::{Grammar, Request},
    },
    wire::{CasToken, KeyRef},
};

/// A key as it goes out: the client's prefix and the caller's key, together at most 250 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WireKey<'a> {
    pub(crate) prefix: &'a [u8],
    pub(crate) key: KeyRef<'a>,
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
}

/// `mg`: the value with its flags, and if asked for its version and remaining life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Get<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) details: bool,
}

impl Request for Get<'_> {
    fn grammar(&self) -> Grammar {
        Grammar::Meta(Verb::Get)
    }

    fn encode(&self, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        self.key.put(out);
        out.extend_from_slice(if self.details { b" v f c t" } else { b" v f" });
        end(out, opaque);
    }
}

/// `mg` for the value of a key that has been on the wire before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GetAgain<'a> {
    pub(crate) key: &'a [u8],
}

impl Request for GetAgain<'_> {
    fn grammar(&self) -> Grammar {
        Grammar::Meta(Verb::Get)
    }

    fn encode(&self, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        out.extend_from_slice(self.key);
        out.extend_from_slice(b" v f");
        end(out, opaque);
    }
}

/// `mg … T`: another time to live, no value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) ttl: i32,
}

impl Request for Touch<'_> {
    fn grammar(&self) -> Grammar {
        Grammar::Meta(Verb::Touch)
    }

    fn encode(&self, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        self.key.put(out);
        put_flag(out, b'T', self.ttl);
        end(out, opaque);
    }
}

/// The letter of a write's mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SetMode {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
}

impl SetMode {
    const fn flag(self) -> &'static [u8] {
        match self {
            Self::Set => b"",
            Self::Add => b" ME",
            Self::Replace => b" MR",
            Self::Append => b" MA",
            Self::Prepend => b" MP",
        }
    }
}

/// `ms`: a write in any mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) data: &'a [u8],
    pub(crate) flags: u32,
    pub(crate) ttl: i32,
    pub(crate) mode: SetMode,
    pub(crate) cas: Option<CasToken>,
}

impl Request for Set<'_> {
    fn grammar(&self) -> Grammar {
        Grammar::Meta(Verb::Set)
    }

    fn encode(&self, opaque: Opaque, out: &mut BytesMut) {
        out.reserve(self.key.len() + self.data.len() + 64);
        out.extend_from_slice(b"ms ");
        self.key.put(out);
        out.extend_from_slice(b" ");
        put(out, self.data.len());
        if self.flags != 0 {
            put_flag(out, b'F', self.flags);
        }
        if self.ttl != 0 {
            put_flag(out, b'T', self.ttl);
        }
        out.extend_from_slice(self.mode.flag());
        if let Some(cas) = self.cas {
            put_flag(out, b'C', cas.get());
        }
        end(out, opaque);
        out.extend_from_slice(self.data);
        out.extend_from_slice(b"\r\n");
    }
}

/// `md`: a delete, of one version if named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delete<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) cas: Option<CasToken>,
}

impl Request for Delete<'_> {
    fn grammar(&self) -> Grammar {
        Grammar::Meta(Verb::Delete)
    }

    fn encode(&self, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"md ");
        self.key.put(out);
        if let Some(cas) = self.cas {
            put_flag(out, b'C', cas.get());
        }
        end(out, opaque);
    }
}

/// The way a counter goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counting {
    Up,
    Down,
}

/// `ma`: a counter's change, and its start where it is missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arithmetic<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) counting: Counting,
    pub(crate) delta: u64,
    /// The start of a missing counter and its time to live.
    pub(crate) initial: Option<(u64, i32)>,
}

impl Request for Arithmetic<'_> {
    fn grammar(&self) -> Grammar {
        Grammar::Meta(Verb::Arithmetic)
    }

    fn encode(&self, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"ma ");
        self.key.put(out);
        out.extend_from_slice(b" v");
        if self.counting == Counting::Down {
            out.extend_from_slice(b" MD");
        }
        put_flag(out, b'D', self.delta);
        if let Some((initial, ttl)) = self.initial {
            put_flag(out, b'J', initial);
            put_flag(out, b'N', ttl);
        }
        end(out, opaque);
    }
}

fn end(out: &mut BytesMut, opaque: Opaque) {
    put_flag(out, b'O', opaque.get());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Charset;

    #[track_caller]
    fn check(request: &impl Request, expected: &str) {
        let mut out = BytesMut::new();
        request.encode(Opaque::FIRST.plus(7), &mut out);
        assert_eq!(out, expected);
    }

    fn key() -> WireKey<'static> {
        WireKey { prefix: b"p:", key: KeyRef::new(b"k", Charset::Ascii).unwrap() }
    }

    #[test]
    fn requests_write_themselves() {
        check(&Get { key: key(), details: true }, "mg p:k v f c t O7\r\n");
        check(&Get { key: key(), details: false }, "mg p:k v f O7\r\n");
        check(&GetAgain { key: b"p:k" }, "mg p:k v f O7\r\n");
        check(&Touch { key: key(), ttl: -1 }, "mg p:k T-1 O7\r\n");
        check(&Delete { key: key(), cas: None }, "md p:k O7\r\n");
        check(&Delete { key: key(), cas: Some(CasToken::new(9)) }, "md p:k C9 O7\r\n");
        let set =
            Set { key: key(), data: b"a\r\n", flags: 0, ttl: 0, mode: SetMode::Set, cas: None };
        check(&set, "ms p:k 3 O7\r\na\r\n\r\n");
        let set =
            Set { flags: 16, ttl: 60, mode: SetMode::Add, cas: Some(CasToken::new(5)), ..set };
        check(&set, "ms p:k 3 F16 T60 ME C5 O7\r\na\r\n\r\n");
        let up = Arithmetic { key: key(), counting: Counting::Up, delta: 2, initial: None };
        check(&up, "ma p:k v D2 O7\r\n");
        let down = Arithmetic { counting: Counting::Down, initial: Some((5, 60)), ..up };
        check(&down, "ma p:k v MD D2 J5 N60 O7\r\n");
    }

    #[test]
    fn opaques_wrap_within_seven_digits() {
        assert_eq!(Opaque::FIRST.plus((1 << 20) - 1).plus(1), Opaque::FIRST);
        assert_eq!(Opaque::FIRST.plus(usize::MAX), Opaque::FIRST.plus((1 << 20) - 1));
    }
}
