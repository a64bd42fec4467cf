//! Typed cache keys and values as bytes and flags.
//!
//! This crate decides how a Rust value looks in memcached, and nothing else: it opens no sockets
//! and waits for nothing. It is the ground floor of `memclient` and of use by itself, for a program
//! that has a client already.
//!
//! * [`CacheValue`] turns a value into a [`Payload`], which is its bytes and its [`Flags`], and
//!   back. Text, bytes and integers are stored as every client stores them; other types go through
//!   a [`Codec`]. Reading is bounded: no bytes, however hostile, make it panic, recurse without end
//!   or allocate more than their length justifies.
//! * [`CacheEntity`] is a value that has its own key in it.
//! * [`Compression`] makes large values smaller when they are written. Reading needs no setting: the
//!   flags name what was done, and what it may cost is bounded too.
//! * [`CacheKey`] writes a value into a key that people can read and that is never another's.
//! * [`Schema`] describes the shape of a type; its [`Fingerprint`] in the key keeps two versions of
//!   a program from reading each other's bytes.
//!
//! ```
//! use memclient_serde::{CacheValue, Fingerprint, KeyWriter};
//!
//! let mut key = KeyWriter::new(250);
//! key.raw("shop:price.");
//! key.raw(&Fingerprint::of::<u64>().to_string());
//! key.part("EUR");
//! key.part(&["tea", "a b"]);
//! assert!(key.finish().as_str().ends_with(":EUR:[tea,a%20b]"));
//!
//! let payload = 1999_u64.encode()?;
//! assert_eq!(&payload.data[..], b"1999");
//! assert_eq!(u64::decode(&payload)?, 1999);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `bincode` | yes | [`Bincode`], the default format of serde types; the crate `bincode` |
//! | `json` | no | [`Json`], for values that others read; the crate `serde_json` |
//! | `zlib` | yes | [`Compression::zlib`], which pymemcache reads and writes; `flate2` with `zlib-rs` |
//! | `zstd` | no | [`Compression::zstd`]; the crate `zstd`, which compiles C |
//! | `lz4` | no | [`Compression::lz4`]; the crate `lz4_flex` |
//!
//! Without `bincode` and `json`, text, bytes and integers are left.

#![cfg_attr(
    not(all(
        feature = "bincode",
        feature = "json",
        feature = "zlib",
        feature = "zstd",
        feature = "lz4",
    )),
    allow(rustdoc::broken_intra_doc_links, reason = "links to what a feature adds")
)]

pub mod codec;
pub mod compress;
pub mod error;
pub mod flags;
pub mod format;
pub mod key;
pub mod payload;
pub mod schema;
pub mod value;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "fuzzing/mod.rs"]
pub mod __fuzzing;
mod base32;
mod decoded;

pub use crate::{
    codec::Codec,
    compress::Compression,
    decoded::Decoded,
    error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind},
    flags::Flags,
    format::Format,
    key::{CacheKey, KeyBuf, KeyGroup, KeyHead, KeyWriter},
    payload::Payload,
    schema::{Fingerprint, Schema, SchemaWriter},
    value::{CacheEntity, CacheValue},
};

#[cfg(feature = "bincode")]
pub use crate::codec::Bincode;
#[cfg(any(feature = "bincode", feature = "json"))]
pub use crate::codec::DefaultCodec;
#[cfg(feature = "json")]
pub use crate::codec::Json;

/// What derived code calls; nothing here is for people, and all of it may change.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        codec::{
            Codec,
            stored::{decode_with, encode_with},
        },
        error::{DecodeError, EncodeError},
        key::{CacheKey, KeyGroup, KeyWriter},
        payload::Payload,
        schema::{Schema, SchemaWriter, declared_at},
        value::{CacheEntity, CacheValue},
    };

    #[cfg(feature = "bincode")]
    pub use crate::codec::Bincode;
    #[cfg(any(feature = "bincode", feature = "json"))]
    pub use crate::codec::DefaultCodec;
    #[cfg(feature = "json")]
    pub use crate::codec::Json;
}
