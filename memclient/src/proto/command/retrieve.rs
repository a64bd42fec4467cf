use bytes::BytesMut;

use super::end;
use crate::proto::{
    ascii::put_flag,
    classic::Form,
    dialect::{Needs, Spoken, Version},
    key::WireKey,
    meta::Verb,
    opaque::Opaque,
    request::{Grammar, Request},
};

/// The value with its flags, and if asked for its version and remaining life, and in the meta dialect
/// how it has been used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Get<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) details: bool,
    pub(crate) usage: bool,
}

impl Request for Get<'_> {
    fn grammar(&self, spoken: Spoken) -> Grammar {
        match (spoken.is_meta(), self.details) {
            (true, _) => Grammar::Meta(Verb::Get),
            (false, false) => Grammar::Items(Form::Get),
            (false, true) => Grammar::Items(Form::Gets),
        }
    }

    fn may_win(&self) -> bool {
        true
    }

    fn encode(&self, _: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        self.key.put(out);
        out.extend_from_slice(if self.details { b" v f c t" } else { b" v f" });
        out.extend_from_slice(if self.usage { b" h l" } else { b"" });
        end(out, opaque);
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

/// The value of a key that has been on the wire before; in the meta dialect only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GetAgain<'a> {
    pub(crate) key: &'a [u8],
}

impl Request for GetAgain<'_> {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Meta(Verb::Get)
    }

    fn encode(&self, _: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        out.extend_from_slice(self.key);
        out.extend_from_slice(b" v f");
        end(out, opaque);
    }
}

/// The version of an item and its remaining life, without its value; in the meta dialect only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confirm<'a> {
    pub(crate) key: WireKey<'a>,
}

impl Request for Confirm<'_> {
    fn needs(&self) -> Needs {
        Needs::Meta("a read without the value")
    }

    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Meta(Verb::Touch)
    }

    fn may_win(&self) -> bool {
        true
    }

    fn encode(&self, _: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        self.key.put(out);
        out.extend_from_slice(b" c t");
        end(out, opaque);
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

/// The value, and another time to live for its item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gat<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) ttl: i32,
    /// Whether the version is asked for. The remaining life is the new one.
    pub(crate) cas: bool,
}

impl Request for Gat<'_> {
    fn needs(&self) -> Needs {
        Needs::Classic("gat", Version(1, 5, 3))
    }

    fn grammar(&self, spoken: Spoken) -> Grammar {
        match (spoken.is_meta(), self.cas) {
            (true, _) => Grammar::Meta(Verb::Get),
            (false, false) => Grammar::Items(Form::Gat(self.ttl)),
            (false, true) => Grammar::Items(Form::Gats(self.ttl)),
        }
    }

    fn may_win(&self) -> bool {
        true
    }

    fn encode(&self, _: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        self.key.put(out);
        out.extend_from_slice(if self.cas { b" v f c" } else { b" v f" });
        put_flag(out, b'T', self.ttl);
        end(out, opaque);
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::command::testing::{classic, key};

    #[track_caller]
    fn check(request: &impl Request, meta: &str, form: Form) {
        let mut out = BytesMut::new();
        request.encode(Spoken::default(), Opaque::FIRST.plus(7), &mut out);
        assert_eq!(out, meta);
        assert_eq!(request.grammar(Spoken::default()), Grammar::Meta(Verb::Get));
        assert_eq!(request.grammar(classic()), Grammar::Items(form));
    }

    #[test]
    fn reads_write_themselves() {
        check(
            &Get { key: key(), details: true, usage: false },
            "mg p:k v f c t O7\r\n",
            Form::Gets,
        );
        check(&Get { key: key(), details: false, usage: false }, "mg p:k v f O7\r\n", Form::Get);
        let usage = Get { key: key(), details: true, usage: true };
        check(&usage, "mg p:k v f c t h l O7\r\n", Form::Gets);
        check(&Gat { key: key(), ttl: -1, cas: false }, "mg p:k v f T-1 O7\r\n", Form::Gat(-1));
        check(&Gat { key: key(), ttl: 60, cas: true }, "mg p:k v f c T60 O7\r\n", Form::Gats(60));
        super::super::testing::check(&Confirm { key: key() }, "mg p:k c t O7\r\n", "");
        let mut out = BytesMut::new();
        GetAgain { key: b"p:k" }.encode(Spoken::default(), Opaque::FIRST.plus(7), &mut out);
        assert_eq!(out, "mg p:k v f O7\r\n");
    }

    #[test]
    fn opaques_wrap_within_seven_digits() {
        assert_eq!(Opaque::FIRST.plus((1 << 20) - 1).plus(1), Opaque::FIRST);
        assert_eq!(Opaque::FIRST.plus(usize::MAX), Opaque::FIRST.plus((1 << 20) - 1));
    }
}
