//! What is stored comes back.

use std::sync::Arc;

use super::law::{Law, key_of};
use crate::{backend::CacheBackend, wire::Value};

/// A read after a set gives the same bytes and flags.
pub async fn a_stored_value_comes_back<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a stored value comes back", backend);
    let key = law.key("");
    law.put(&key, Value::new("value", 5)).await;
    law.holds(&key, Some(Value::new("value", 5))).await;
}

/// An item without bytes is an item.
pub async fn an_empty_value_is_a_hit<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("an empty value is a hit", backend);
    let key = law.key("");
    law.put(&key, Value::new("", 5)).await;
    law.holds(&key, Some(Value::new("", 5))).await;
}

/// No byte of a value means anything to the backend, protocol words neither.
pub async fn bytes_of_every_kind_come_back<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("bytes of every kind come back", backend);
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let values: [&[u8]; 6] =
        [&all, b"\r\n", b"END\r\n", b"\0", b"VALUE k 0 1\r\nx\r\nEND\r\n", b"HD\r\nEN\r\n"];
    for (n, bytes) in values.into_iter().enumerate() {
        let key = law.key(&n.to_string());
        law.put(&key, Value::new(bytes.to_vec(), 0)).await;
        law.holds(&key, Some(Value::new(bytes.to_vec(), 0))).await;
    }
}

/// Flags are 32 bits that the backend does not touch.
pub async fn all_bits_of_the_flags_come_back<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("all bits of the flags come back", backend);
    for flags in [0, 1, 1 << 16, i32::MAX as u32, 1 << 31, u32::MAX] {
        let key = law.key(&flags.to_string());
        law.put(&key, Value::new("v", flags)).await;
        law.holds(&key, Some(Value::new("v", flags))).await;
    }
}

/// A key may have as many bytes as the backend says, and the last of them counts.
pub async fn a_key_of_the_full_length_is_a_key<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a key of the full length is a key", backend);
    let head = law.key("");
    let long = |last: char| {
        let mut name = head.to_string();
        let room = law.backend.max_key().saturating_sub(1 + name.len());
        name.extend(std::iter::repeat_n('x', room));
        name.push(last);
        key_of(&name)
    };
    law.put(&long('a'), Value::new("a", 0)).await;
    law.holds(&long('a'), Some(Value::new("a", 0))).await;
    law.holds(&long('b'), None).await;
}

/// A miss is an answer and no error.
pub async fn a_key_never_written_is_a_miss<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a key never written is a miss", backend);
    law.holds(&law.key(""), None).await;
}

/// Nothing of the old item stays.
pub async fn a_set_replaces_bytes_and_flags<B: CacheBackend>(backend: &Arc<B>) {
    let law = Law::new("a set replaces bytes and flags", backend);
    let key = law.key("");
    law.put(&key, Value::new("a long first value", 1)).await;
    law.holds(&key, Some(Value::new("a long first value", 1))).await;
    law.put(&key, Value::new("short", 0)).await;
    law.holds(&key, Some(Value::new("short", 0))).await;
}
