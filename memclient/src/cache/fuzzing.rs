//! What holds of the headers of entries, whatever the server keeps; `tests/fuzz` looks for bytes of
//! which it does not.

use bytes::Bytes;

use super::header::{Header, without_header};
use crate::wire::Value;

/// Reads a header off an item: what is whole comes to the same bytes when it is put on again.
pub(crate) fn header(input: &[u8]) {
    let [flags, data @ ..] = input else { return };
    let data = Bytes::copy_from_slice(data);
    let value = Value::new(data.clone(), u32::from(*flags));
    let found = Header::split(&value);
    let bare = without_header(&value);
    let (Some((header, rest)), Some(bare)) = (&found, &bare) else {
        assert!(found.is_none() && bare.is_none());
        return;
    };
    assert_eq!(bare.data(), rest);
    assert!(data.ends_with(rest));
    assert!(header.0.len() <= data.len(), "more tags than bytes");
    let own: Vec<_> = header.0.iter().map(|(key, _)| key.clone()).collect();
    assert!(header.names(&own) && header.names(&[]));
    let tags = header.0.iter().map(|(key, generation)| (key, *generation));
    match Header::join(tags, bare) {
        Some(joined) => assert_eq!(joined.data(), &data),
        None => panic!("what was read cannot be written"),
    }
}
