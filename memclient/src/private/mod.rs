//! The only names that generated code uses. Not for people: all of it may change with every
//! release.

mod batch;
mod cache_ref;
mod call;
mod closed;
pub mod compress;
mod entry;
mod load;
mod outcome;
mod place;
pub mod probe;
mod recoded;
mod tag;
mod verdict;
mod writer;

#[cfg(feature = "bincode")]
pub use memclient_serde::Bincode;
#[cfg(any(feature = "bincode", feature = "json"))]
pub use memclient_serde::DefaultCodec;
#[cfg(feature = "json")]
pub use memclient_serde::Json;
pub use std::{boxed::Box, vec::Vec};

pub use memclient_serde::{
    __private::{declared_at, decode_with, encode_with},
    CacheEntity, CacheKey, CacheValue, Codec, DecodeError, EncodeError, KeyGroup, KeyWriter,
    Payload, Schema, SchemaWriter,
};
pub use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    batch::{
        Batch, Pass, batch_outcome, entries, get_or_load_many, get_or_load_many_blocking, pass,
    },
    cache_ref::{CacheRef, CallCache, cache_ref},
    call::{Call, call, lasting, over},
    closed::{Closed, FromFailure, closed, closed_many},
    entry::{Entry, IntoTarget, Target, target},
    load::Missed,
    outcome::{
        Fallible, FallibleOptional, Gives, Holds, MayBeAbsent, Optional, Outcome, Plain, Takes,
        Whole, may_be_absent, whole,
    },
    place::{owner, place},
    probe::Probe,
    recoded::{Coded, Recoded, coded},
    tag::{TagText, tag},
    verdict::{Verdict, keeps, life_of, lives},
    writer::{
        Ends, MayFail, invalidate_entry, invalidate_entry_blocking, invalidate_tag,
        invalidate_tag_blocking, living, may_fail, put, put_blocking, put_entry,
        put_entry_blocking, run, tag_target,
    },
};
pub use crate::{
    cache::{Cache, CachedFn, Entry as KeptEntry, Policy, Share},
    error::Error,
    wire::Key,
};
