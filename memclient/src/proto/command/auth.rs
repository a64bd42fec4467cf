use bytes::BytesMut;

use crate::{
    proto::{
        ascii,
        classic::Line,
        dialect::Spoken,
        opaque::Opaque,
        request::{Grammar, Request},
    },
    wire::Credentials,
};

/// `set auth 0 0 <bytes>`, with user and password as its data: the text authentication of a server
/// that was started with `-Y`. Nothing else may be under way beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Auth<'a>(pub(crate) &'a Credentials);

impl Request for Auth<'_> {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Line(Line::Stored)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        let (user, password) = (self.0.user(), self.0.password());
        out.extend_from_slice(b"set auth 0 0 ");
        ascii::put(out, (user.len() + 1 + password.len()) as u64);
        for part in ["\r\n", user, " ", password, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_the_data_of_a_set() {
        let credentials = Credentials::new("ann", "secret").unwrap();
        let mut out = BytesMut::new();
        Auth(&credentials).encode(Spoken::default(), Opaque::FIRST, &mut out);
        assert_eq!(out, "set auth 0 0 10\r\nann secret\r\n");
    }
}
