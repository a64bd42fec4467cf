//! What leases need, in the meta dialect (protocol.txt, "Meta Get", "Meta Delete"); the classic one
//! has no word for any of it.

use bytes::BytesMut;

use super::end;
use crate::{
    proto::{
        ascii::put_flag,
        classic::Form,
        dialect::{Needs, Spoken},
        key::WireKey,
        meta::Verb,
        opaque::Opaque,
        request::{Grammar, Request},
    },
    wire::CasToken,
};

/// The value with all that is known of it, and the right to load or refresh it where nobody has it.
/// In the classic dialect a `gets`, which gives no rights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease<'a> {
    pub(crate) key: WireKey<'a>,
    /// How long a stub lives that is put in the place of a missing item.
    pub(crate) vivify: i32,
    /// From how short a rest of its life on an item is to be refreshed.
    pub(crate) recache: Option<i32>,
    /// Whether it is asked for how the item has been used.
    pub(crate) usage: bool,
}

impl Request for Lease<'_> {
    fn grammar(&self, spoken: Spoken) -> Grammar {
        if spoken.is_meta() { Grammar::Meta(Verb::Lease) } else { Grammar::Items(Form::Gets) }
    }

    fn may_win(&self) -> bool {
        true
    }

    fn encode(&self, _: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        self.key.put(out);
        out.extend_from_slice(b" v f c t");
        put_flag(out, b'N', self.vivify);
        if let Some(recache) = self.recache {
            put_flag(out, b'R', recache);
        }
        out.extend_from_slice(if self.usage { b" h l" } else { b"" });
        end(out, opaque);
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

/// Gives the right to load or refresh an item back, so that the next reader gets it: a stub goes,
/// an item stays as a stale one for as long as it would have lived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release<'a> {
    pub(crate) key: WireKey<'a>,
    /// The version that the right was given with: who has written since is not disturbed.
    pub(crate) cas: CasToken,
    pub(crate) stub: bool,
}

impl Request for Release<'_> {
    fn needs(&self) -> Needs {
        Needs::Meta("the release of a lease")
    }

    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Meta(Verb::Delete)
    }

    fn encode(&self, spoken: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"md ");
        self.key.put(out);
        if !self.stub {
            out.extend_from_slice(b" I");
        }
        put_flag(out, b'C', self.cas.sent_to(spoken.incarnation()));
        end(out, opaque);
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

/// The version and the marks of an item, without its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks<'a> {
    pub(crate) key: WireKey<'a>,
}

impl Request for Marks<'_> {
    fn needs(&self) -> Needs {
        Needs::Meta("the release of a lease")
    }

    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Meta(Verb::Touch)
    }

    fn encode(&self, _: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"mg ");
        self.key.put(out);
        out.extend_from_slice(b" c");
        end(out, opaque);
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

/// The value and its version, asked for so that it gives no rights: the classic words, in both
/// dialects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gets<'a> {
    pub(crate) key: WireKey<'a>,
}

impl Request for Gets<'_> {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Items(Form::Gets)
    }

    fn encode(&self, _: Spoken, _: Opaque, _: &mut BytesMut) {}

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::command::testing::{check, classic, key};

    #[test]
    fn leases_are_asked_for_and_given_back() {
        let lease = Lease { key: key(), vivify: 30, recache: None, usage: false };
        let mut out = BytesMut::new();
        for lease in [lease, Lease { recache: Some(60), usage: true, ..lease }] {
            lease.encode(Spoken::default(), Opaque::FIRST.plus(7), &mut out);
        }
        assert_eq!(out, "mg p:k v f c t N30 O7\r\nmg p:k v f c t N30 R60 h l O7\r\n");
        assert_eq!(lease.grammar(classic()), Grammar::Items(Form::Gets));
        let stub = Release { key: key(), cas: CasToken::new(5), stub: true };
        check(&stub, "md p:k C5 O7\r\n", "");
        check(&Release { stub: false, ..stub }, "md p:k I C5 O7\r\n", "");
        check(&Marks { key: key() }, "mg p:k c O7\r\n", "");
        assert_eq!(Gets { key: key() }.grammar(Spoken::default()), Grammar::Items(Form::Gets));
    }
}
