use bytes::BytesMut;

use super::end;
use crate::{
    proto::{
        ascii::{put, put_flag},
        classic::Line,
        dialect::{Needs, Spoken, Version},
        key::WireKey,
        meta::Verb,
        opaque::Opaque,
        request::{Grammar, Request},
    },
    wire::CasToken,
};

/// Another time to live, no value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) ttl: i32,
}

impl Request for Touch<'_> {
    fn needs(&self) -> Needs {
        Needs::Classic("touch", Version(1, 4, 8))
    }

    fn grammar(&self, spoken: Spoken) -> Grammar {
        if spoken.is_meta() { Grammar::Meta(Verb::Touch) } else { Grammar::Line(Line::Touched) }
    }

    fn may_win(&self) -> bool {
        true
    }

    fn encode(&self, spoken: Spoken, opaque: Opaque, out: &mut BytesMut) {
        if spoken.is_meta() {
            out.extend_from_slice(b"mg ");
            self.key.put(out);
            put_flag(out, b'T', self.ttl);
            return end(out, opaque);
        }
        out.extend_from_slice(b"touch ");
        self.key.put(out);
        out.extend_from_slice(b" ");
        put(out, self.ttl);
        out.extend_from_slice(b"\r\n");
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

/// A delete, of one version if named, or the mark that the item is stale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delete<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) cas: Option<CasToken>,
    /// How long the item is to stay as a stale one; the classic dialect only knows how to remove it.
    pub(crate) stale: Option<i32>,
}

impl Request for Delete<'_> {
    fn needs(&self) -> Needs {
        match self.cas {
            None => Needs::Nothing,
            Some(_) => Needs::Meta("a delete of one version"),
        }
    }

    fn grammar(&self, spoken: Spoken) -> Grammar {
        if spoken.is_meta() { Grammar::Meta(Verb::Delete) } else { Grammar::Line(Line::Deleted) }
    }

    fn encode(&self, spoken: Spoken, opaque: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(if spoken.is_meta() { b"md " } else { b"delete " });
        self.key.put(out);
        if !spoken.is_meta() {
            return out.extend_from_slice(b"\r\n");
        }
        if let Some(ttl) = self.stale {
            out.extend_from_slice(b" I");
            put_flag(out, b'T', ttl);
        }
        if let Some(cas) = self.cas {
            put_flag(out, b'C', cas.sent_to(spoken.incarnation()));
        }
        end(out, opaque);
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::command::testing::{check, key};

    #[test]
    fn changes_write_themselves() {
        check(&Touch { key: key(), ttl: -1 }, "mg p:k T-1 O7\r\n", "touch p:k -1\r\n");
        let delete = Delete { key: key(), cas: None, stale: None };
        check(&delete, "md p:k O7\r\n", "delete p:k\r\n");
        let stale = Delete { stale: Some(60), ..delete };
        check(&stale, "md p:k I T60 O7\r\n", "delete p:k\r\n");
        let cas = Some(CasToken::new(9));
        check(&Delete { cas, ..delete }, "md p:k C9 O7\r\n", "");
        check(&Delete { cas, ..stale }, "md p:k I T60 C9 O7\r\n", "");
    }
}
