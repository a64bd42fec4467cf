//! The requests, one subject per file: each writes itself in either dialect, or says what it needs.

mod auth;
mod count;
mod info;
mod lease;
mod modify;
mod retrieve;
mod server;
mod store;

pub use self::server::ReplyEnd;
pub(crate) use self::{
    auth::Auth,
    count::{Count, Counting},
    info::Info,
    lease::{Gets, Lease, Marks, Release},
    modify::{Delete, Touch},
    retrieve::{Confirm, Gat, Get, GetAgain},
    server::{FlushAll, MemLimit, Raw, Shutdown, Stats, Verbosity, Version},
    store::{Store, StoreMode},
};
use super::{ascii::put_flag, opaque::Opaque};

/// Ends a meta request.
fn end(out: &mut bytes::BytesMut, opaque: Opaque) {
    put_flag(out, b'O', opaque.get());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod testing {
    use bytes::BytesMut;

    use crate::{
        proto::{Dialect, Opaque, Request, Spoken, WireKey},
        wire::{Charset, KeyRef},
    };

    pub(super) fn classic() -> Spoken {
        Spoken::choose(Dialect::Classic, "1.6.18").unwrap()
    }

    pub(super) fn key() -> WireKey<'static> {
        WireKey { prefix: b"p:", key: KeyRef::new(b"k", Charset::Ascii).unwrap() }
    }

    /// Holds what a request writes in both dialects against what is expected; an empty text where
    /// it cannot be said.
    #[track_caller]
    pub(super) fn check(request: &impl Request, meta: &str, classic_text: &str) {
        for (spoken, expected) in [(Spoken::default(), meta), (classic(), classic_text)] {
            let mut out = BytesMut::new();
            assert_eq!(spoken.check(request.needs()).is_err(), expected.is_empty());
            if !expected.is_empty() {
                request.encode(spoken, Opaque::FIRST.plus(7), &mut out);
                assert_eq!(out, expected);
            }
        }
    }
}
