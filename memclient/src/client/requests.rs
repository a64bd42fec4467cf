//! The requests of a batch, which are made when their turn comes.
//!
//! They are held while the batch is under way, and so have types with names: of closures over borrowed
//! keys the compiler cannot tell whether they may go to another thread.

use std::slice;

use super::{Client, call::OVERHEAD};
use crate::{
    conn::Ask,
    error::Result,
    proto::{
        Request, WireKey,
        command::{Confirm, Delete, Gat, Get, Lease, Release, Store, Touch},
    },
};

/// A request as it stands in a batch.
pub(super) trait Batched: Copy + Send + Sync + Unpin {
    type Request: Request + Sync;

    /// Returns how a part of the batch is asked for.
    fn ask(part: &[Self]) -> Ask<'_, Self::Request>;

    /// Returns the key, which decides the node.
    fn key(&self) -> WireKey<'_>;

    /// Returns about how many bytes the request has.
    fn bytes(&self) -> usize;
}

impl Batched for WireKey<'_> {
    type Request = Get<'static>;

    fn ask(part: &[Self]) -> Ask<'_, Self::Request> {
        Ask::Values(part)
    }

    fn key(&self) -> WireKey<'_> {
        *self
    }

    fn bytes(&self) -> usize {
        self.len() + 1
    }
}

macro_rules! batched {
    ($($request:ident: $data:expr,)*) => {$(
        impl Batched for $request<'_> {
            type Request = Self;

            fn ask(part: &[Self]) -> Ask<'_, Self> {
                Ask::Run(part)
            }

            fn key(&self) -> WireKey<'_> {
                self.key
            }

            fn bytes(&self) -> usize {
                let data: fn(&Self) -> usize = $data;
                self.key.len() + data(self) + OVERHEAD
            }
        }
    )*};
}

batched! {
    Confirm: |_| 0,
    Delete: |_| 0,
    Gat: |_| 0,
    Get: |_| 0,
    Lease: |_| 0,
    Release: |_| 0,
    Store: |store| store.data.len(),
    Touch: |_| 0,
}

/// One request for each of some entries; `how` is what they have in common.
pub(super) struct Requests<'a, E, H, R> {
    client: &'a Client,
    entries: slice::Iter<'a, E>,
    how: H,
    make: fn(&'a Client, &'a E, H) -> Result<R>,
}

impl Client {
    /// Returns the requests that `make` makes.
    pub(super) fn requests<'a, E, H: Copy, R>(
        &'a self,
        entries: &'a [E],
        how: H,
        make: fn(&'a Client, &'a E, H) -> Result<R>,
    ) -> Requests<'a, E, H, R> {
        Requests { client: self, entries: entries.iter(), how, make }
    }
}

impl<E, H: Copy, R> Iterator for Requests<'_, E, H, R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        let entry = self.entries.next()?;
        Some((self.make)(self.client, entry, self.how))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<E, H: Copy, R> ExactSizeIterator for Requests<'_, E, H, R> {}
