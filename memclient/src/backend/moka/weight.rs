//! What an item counts towards the budget.

use super::item::Item;
use crate::wire::{Key, Value};

/// What an item takes beyond the bytes of its key and its value, as measured on a 64-bit machine
/// with the allocator of glibc: the item and its reference counts, the slot in the hash table, the
/// places in the eviction queues and in the timer wheel, eleven blocks in all, and what the
/// allocator needs beside them.
const OVERHEAD: usize = 700;

/// What a decoded form takes beyond its own size and the bytes that it was made of: its reference
/// counts, and what the allocator needs beside two blocks.
const FORM_OVERHEAD: usize = 80;

/// The client reads into chunks of this size; a shorter value may be a slice of one.
const READ_CHUNK: usize = 64 * 1024;

pub(super) fn weight(key: &Key, item: &Item) -> u32 {
    let value = &item.value;
    // How much a form owns cannot be asked; most own about as much as they were encoded to.
    let form = value.decoded_size().map_or(0, |size| size + value.len() + FORM_OVERHEAD);
    let bytes = value.len().saturating_add(form).saturating_add(key.as_bytes().len() + OVERHEAD);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Returns the value in a buffer that is not much larger than itself.
///
/// A value that was read from a server is a slice of a read buffer, and kept, it would keep all of
/// that from being freed while the budget counts the slice alone. `Bytes` does not tell how large
/// its buffer is, so whatever may be a part of a chunk is copied. A value with its decoded form was
/// encoded here, into a buffer of its own.
pub(super) fn unpinned(value: Value) -> Value {
    if value.has_decoded() || value.len() >= READ_CHUNK { value } else { value.into_owned() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::backend::{MokaBackend, moka::testing::key, op::Set};

    #[test]
    fn the_budget_holds() {
        const BUDGET: u64 = 64 * 1024;
        let backend = MokaBackend::builder().max_bytes(BUDGET).build();
        for n in 0..2_000 {
            let key = Key::new(n.to_string()).unwrap();
            assert!(
                backend
                    .store(&key, Value::new(vec![0; 1024], 0), Set::default())
                    .unwrap()
                    .is_stored()
            );
        }
        assert!(backend.bytes() <= BUDGET);
        assert!(backend.len() > 10);
    }

    #[test]
    fn a_kept_slice_does_not_pin_its_buffer() {
        let backend = MokaBackend::new();
        let buffer = Bytes::from(vec![7; READ_CHUNK]);
        let slice = Value::new(buffer.slice(10..20), 0);
        assert!(backend.store(&key(), slice, Set::default()).unwrap().is_stored());
        assert!(buffer.is_unique());
    }
}
