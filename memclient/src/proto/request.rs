use bytes::BytesMut;

use super::{classic::Line, meta::Verb, opaque::Opaque};

/// A request that can write itself, any number of times.
pub(crate) trait Request {
    /// Returns what the reply to this request must look like.
    fn grammar(&self) -> Grammar;

    /// Appends the request; a meta request carries `opaque`, which the reply echoes.
    fn encode(&self, opaque: Opaque, out: &mut BytesMut);
}

/// What the reply to a request must look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Grammar {
    /// A reply of the meta commands, echoing the request's opaque.
    Meta(Verb),
    /// One line of the classic commands.
    Line(Line),
}
