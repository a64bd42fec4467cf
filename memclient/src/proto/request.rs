use bytes::BytesMut;

use super::{
    classic::{Block, Form, Line},
    dialect::{Needs, Spoken},
    key::WireKey,
    meta::Verb,
    opaque::Opaque,
};

/// A request that can write itself, in either dialect and any number of times.
pub(crate) trait Request {
    /// Returns what the connection must be able to do.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// Returns what the reply to this request must look like.
    fn grammar(&self, spoken: Spoken) -> Grammar;

    /// Appends the request; a meta request carries `opaque`, which the reply echoes.
    ///
    /// A request of the grammar [`Grammar::Items`] is written by whoever gathers its keys.
    fn encode(&self, spoken: Spoken, opaque: Opaque, out: &mut BytesMut);

    /// Says whether the server may make whoever asks this the one who is to refresh the item, wanted
    /// or not; an answer that says so must not be lost.
    fn may_win(&self) -> bool {
        false
    }

    /// Returns the key, if the request has one.
    fn key(&self) -> Option<WireKey<'_>> {
        None
    }
}

/// What the reply to a request must look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Grammar {
    /// A reply of the meta commands, echoing the request's opaque.
    Meta(Verb),
    /// One line of the classic commands.
    Line(Line),
    /// Lines up to one that ends them.
    Block(Block),
    /// The items of a classic `get` or one of its relatives, each with its key.
    Items(Form),
}

impl Grammar {
    /// Says whether the request carries a data block.
    pub(super) const fn has_data(self) -> bool {
        match self {
            Self::Meta(verb) => verb.has_data(),
            Self::Line(line) => line.has_data(),
            Self::Block(_) | Self::Items(_) => false,
        }
    }
}
