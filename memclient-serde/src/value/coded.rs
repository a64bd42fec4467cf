//! Values of the standard library that the default codec stores.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec::{
        DefaultCodec,
        stored::{decode_with, encode_with},
    },
    error::{DecodeError, EncodeError},
    flags::Flags,
    payload::Payload,
    schema::Schema,
    value::{CacheValue, plain},
};

/// Lists are coded, but for lists of bytes, which are stored raw.
impl<T> CacheValue for Vec<T>
where
    Self: Schema + Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
{
    fn encode(&self) -> Result<Payload, EncodeError> {
        let any: &dyn Any = self;
        if let Some(bytes) = any.downcast_ref::<Vec<u8>>() {
            return Ok(Payload::new(Bytes::copy_from_slice(bytes), Flags::BYTES));
        }
        encode_with::<DefaultCodec, _>(self)
    }

    fn decode(payload: &Payload) -> Result<Self, DecodeError> {
        let mut list = Self::new();
        let any: &mut dyn Any = &mut list;
        if let Some(bytes) = any.downcast_mut::<Vec<u8>>() {
            bytes.extend_from_slice(&plain::raw(payload)?);
            return Ok(list);
        }
        decode_with::<DefaultCodec, _>(payload)
    }
}

macro_rules! coded {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> CacheValue for $type
        where
            Self: Schema + Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
        {
            fn encode(&self) -> Result<Payload, EncodeError> {
                encode_with::<DefaultCodec, _>(self)
            }

            fn decode(payload: &Payload) -> Result<Self, DecodeError> {
                decode_with::<DefaultCodec, _>(payload)
            }
        }
    )*};
}

coded! {
    [] ();
    [] bool;
    [] char;
    [] f32;
    [] f64;
    [] Duration;
    [] SystemTime;
    [] IpAddr;
    [] Ipv4Addr;
    [] Ipv6Addr;
    [] SocketAddr;
    [] SocketAddrV4;
    [] SocketAddrV6;
    [] PathBuf;
    [T] Option<T>;
    [T, E] Result<T, E>;
    [T] VecDeque<T>;
    [T] BTreeSet<T>;
    [T, S] HashSet<T, S>;
    [K, V] BTreeMap<K, V>;
    [K, V, S] HashMap<K, V, S>;
    [T, const N: usize] [T; N];
    [A] (A,);
    [A, B] (A, B);
    [A, B, C] (A, B, C);
    [A, B, C, D] (A, B, C, D);
    [A, B, C, D, E] (A, B, C, D, E);
    [A, B, C, D, E, F] (A, B, C, D, E, F);
    [A, B, C, D, E, F, G] (A, B, C, D, E, F, G);
    [A, B, C, D, E, F, G, H] (A, B, C, D, E, F, G, H);
    [A, B, C, D, E, F, G, H, I] (A, B, C, D, E, F, G, H, I);
    [A, B, C, D, E, F, G, H, I, J] (A, B, C, D, E, F, G, H, I, J);
    [A, B, C, D, E, F, G, H, I, J, K] (A, B, C, D, E, F, G, H, I, J, K);
    [A, B, C, D, E, F, G, H, I, J, K, L] (A, B, C, D, E, F, G, H, I, J, K, L);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_bytes_is_raw_and_other_lists_are_coded() {
        let bytes = vec![0_u8, 255];
        let stored = bytes.encode().unwrap();
        assert_eq!(stored, Payload::new(&b"\0\xff"[..], Flags::BYTES));
        assert_eq!(Vec::<u8>::decode(&stored).unwrap(), bytes);

        let numbers = vec![0_u16, 255];
        let stored = numbers.encode().unwrap();
        assert_eq!(stored.flags, Flags::of(<DefaultCodec as crate::codec::Codec>::FORMAT));
        assert_eq!(Vec::<u16>::decode(&stored).unwrap(), numbers);
        assert!(Vec::<u8>::decode(&stored).unwrap_err().is_format_mismatch());
        assert!(Vec::<u16>::decode(&bytes.encode().unwrap()).unwrap_err().is_format_mismatch());
    }
}
