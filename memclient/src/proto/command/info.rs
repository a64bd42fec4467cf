use bytes::BytesMut;

use crate::proto::{
    classic::Line,
    dialect::{Needs, Spoken},
    key::WireKey,
    opaque::Opaque,
    request::{Grammar, Request},
};

/// `me`: what the server knows of an item. Its reply has no room for an opaque, but names the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Info<'a> {
    pub(crate) key: WireKey<'a>,
}

impl Request for Info<'_> {
    fn needs(&self) -> Needs {
        Needs::Meta("meta_of")
    }

    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Line(Line::Info)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"me ");
        self.key.put(out);
        out.extend_from_slice(b"\r\n");
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
    fn it_writes_itself() {
        check(&Info { key: key() }, "me p:k\r\n", "");
    }
}
