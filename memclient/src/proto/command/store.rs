use bytes::BytesMut;

use super::end;
use crate::{
    proto::{
        ascii::{put, put_flag},
        classic::Line,
        dialect::{Needs, Spoken},
        key::WireKey,
        meta::Verb,
        opaque::Opaque,
        request::{Grammar, Request},
    },
    wire::CasToken,
};

/// On what condition, and where, a write puts its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StoreMode {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
}

impl StoreMode {
    const fn flag(self) -> &'static [u8] {
        match self {
            Self::Set => b"",
            Self::Add => b" ME",
            Self::Replace => b" MR",
            Self::Append => b" MA",
            Self::Prepend => b" MP",
        }
    }

    const fn word(self) -> &'static [u8] {
        match self {
            Self::Set => b"set ",
            Self::Add => b"add ",
            Self::Replace => b"replace ",
            Self::Append => b"append ",
            Self::Prepend => b"prepend ",
        }
    }
}

/// A write in any mode, over one version if named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) data: &'a [u8],
    pub(crate) flags: u32,
    pub(crate) ttl: i32,
    pub(crate) mode: StoreMode,
    pub(crate) cas: Option<CasToken>,
}

impl Store<'_> {
    fn encode_meta(&self, spoken: Spoken, opaque: Opaque, out: &mut BytesMut) {
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
            put_flag(out, b'C', cas.sent_to(spoken.incarnation()));
        }
        end(out, opaque);
    }

    fn encode_classic(&self, spoken: Spoken, out: &mut BytesMut) {
        out.extend_from_slice(if self.cas.is_some() { b"cas " } else { self.mode.word() });
        self.key.put(out);
        out.extend_from_slice(b" ");
        put(out, self.flags);
        out.extend_from_slice(b" ");
        put(out, self.ttl);
        out.extend_from_slice(b" ");
        put(out, self.data.len());
        if let Some(cas) = self.cas {
            out.extend_from_slice(b" ");
            put(out, cas.sent_to(spoken.incarnation()));
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl Request for Store<'_> {
    fn needs(&self) -> Needs {
        match (self.cas, self.mode) {
            (None, _) | (Some(_), StoreMode::Set) => Needs::Nothing,
            (Some(_), _) => Needs::Meta("a conditional write that is no plain set"),
        }
    }

    fn grammar(&self, spoken: Spoken) -> Grammar {
        match (spoken.is_meta(), self.cas) {
            (true, _) => Grammar::Meta(Verb::Set),
            (false, None) => Grammar::Line(Line::Stored),
            (false, Some(_)) => Grammar::Line(Line::Swapped),
        }
    }

    fn encode(&self, spoken: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.reserve(self.key.len() + self.data.len() + 64);
        if spoken.is_meta() {
            self.encode_meta(spoken, opaque, out);
        } else {
            self.encode_classic(spoken, out);
        }
        out.extend_from_slice(self.data);
        out.extend_from_slice(b"\r\n");
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::command::testing::{check, classic, key};

    #[test]
    fn writes_write_themselves() {
        let set =
            Store { key: key(), data: b"a\r\n", flags: 0, ttl: 0, mode: StoreMode::Set, cas: None };
        check(&set, "ms p:k 3 O7\r\na\r\n\r\n", "set p:k 0 0 3\r\na\r\n\r\n");
        let modes = [
            (StoreMode::Add, "ME", "add"),
            (StoreMode::Replace, "MR", "replace"),
            (StoreMode::Append, "MA", "append"),
            (StoreMode::Prepend, "MP", "prepend"),
        ];
        for (mode, flag, word) in modes {
            let store = Store { flags: 16, ttl: -1, mode, ..set };
            let meta = format!("ms p:k 3 F16 T-1 {flag} O7\r\na\r\n\r\n");
            check(&store, &meta, &format!("{word} p:k 16 -1 3\r\na\r\n\r\n"));
        }
        let cas = Some(CasToken::new(5));
        let swap = Store { flags: 16, ttl: 60, cas, ..set };
        check(&swap, "ms p:k 3 F16 T60 C5 O7\r\na\r\n\r\n", "cas p:k 16 60 3 5\r\na\r\n\r\n");
        assert_eq!(swap.grammar(classic()), Grammar::Line(Line::Swapped));
        let add = Store { mode: StoreMode::Add, cas, ..set };
        check(&add, "ms p:k 3 ME C5 O7\r\na\r\n\r\n", "");
    }
}
