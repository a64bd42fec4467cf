//! Keys that people can read and that never stand for two things.

use std::{fmt, sync::Arc};

use self::buffer::Buffer;

mod buf;
mod buffer;
mod escape;
mod impls;

pub use self::buf::KeyBuf;

/// Writes a value into a key.
///
/// # The grammar
///
/// Parts of a key are joined by `:`. What stands in a part follows from its type, and two different
/// values of one type never write the same:
///
/// | type | written | |
/// |---|---|---|
/// | text, `char`, paths | with `%XX` for controls, spaces, bytes that are not ASCII and <code>: , ( ) [ ] { } % ' # ~ + =</code> | `a%3Ab`; empty: `''` |
/// | bytes (`&[u8]`, `Vec<u8>`, `[u8; N]`, `Bytes`) | as they are if all are letters, digits and the signs that text keeps, else in hex | `abc`, `'00ff'`; empty: `''` |
/// | integers, `bool` | digits, `true`, `false` | `-7` |
/// | floats | the shortest text that reads back the same; all NaN are one | `1.0`, `-0.0`, `NaN` |
/// | `Option` | `~` for `None`, `+` before the value in `Some` | `~`, `+7` |
/// | lists, ordered sets, arrays | | `[1,2]` |
/// | ordered maps | | `{a=1,b=2}` |
/// | tuples, structs, `()` | newtypes as what they hold | `(1,a)`, `()` |
/// | variants | the name, then the fields | `Red`, `Rgb(1,2,3)` |
/// | durations, times | seconds, for times since 1970 | `1.5s`, `-3s` |
/// | addresses | IPv6 in brackets | `10.0.0.1`, `[::1]:80` |
/// | references and smart pointers | as what they point to | |
///
/// Maps and sets without an order cannot be keys.
///
/// # For implementors
///
/// Derive it. By hand: what is written must differ wherever the values differ in what the key is
/// to tell apart, and must not depend on anything else.
///
/// ```
/// use memclient_serde::{CacheKey, KeyWriter};
///
/// struct Page {
///     path: String,
///     number: u32,
/// }
///
/// impl CacheKey for Page {
///     fn write_key(&self, key: &mut KeyWriter) {
///         let mut fields = key.tuple();
///         fields.item(&self.path);
///         fields.item(&self.number);
///         fields.finish();
///     }
/// }
///
/// let mut key = KeyWriter::new(250);
/// key.raw("shop:page");
/// key.part(&Page { path: "a,b".into(), number: 2 });
/// assert_eq!(key.finish().as_str(), "shop:page:(a%2Cb,2)");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a cache key",
    label = "`{Self}` does not implement `CacheKey`",
    note = "derive it for a type of yours: `#[derive(CacheKey)]`",
    note = "an argument that does not change the result is left out with `skip(..)`",
    note = "`HashMap` and `HashSet` have no order: use `BTreeMap` and `BTreeSet`"
)]
pub trait CacheKey {
    /// Writes the value.
    fn write_key(&self, key: &mut KeyWriter);

    /// Writes a list of values; bytes have a shorter way than one by one.
    #[doc(hidden)]
    fn write_list(list: &[Self], key: &mut KeyWriter)
    where
        Self: Sized,
    {
        let mut items = key.list();
        for item in list {
            items.item(item);
        }
        items.finish();
    }
}

/// Writes a key, part by part.
///
/// The text grows in place, without allocation, up to the limit. A longer key keeps its head
/// readable and ends in `#` and 32 characters of a cryptographic hash (160 bits of BLAKE3) of the
/// whole text; `#` stands nowhere else, so a hashed key is never another one's plain text.
///
/// ```
/// use memclient_serde::KeyWriter;
///
/// let mut key = KeyWriter::new(250);
/// key.raw("shop:user.kjq2mabc");
/// key.part("a b");
/// key.part(&[1, 2]);
/// key.part(&(Some(7), None::<u8>));
/// assert_eq!(key.finish().as_str(), "shop:user.kjq2mabc:a%20b:[1,2]:(+7,~)");
/// ```
pub struct KeyWriter(Buffer);

impl KeyWriter {
    /// Starts an empty key that will have at most `limit` bytes.
    ///
    /// A limit under 33, which a hash needs, or over 250, which is the most a server takes, is
    /// replaced by the nearest of the two.
    pub fn new(limit: usize) -> Self {
        Self(Buffer::new(limit))
    }

    /// Writes the head of a key: text of the program's own, such as `namespace:name.fingerprint`.
    ///
    /// It is written as it is, `:` included; only bytes that could not stand in a key, or that mean
    /// something in parts, are escaped.
    pub fn raw(&mut self, head: &str) {
        escape::head(head.as_bytes(), &mut |bytes: &[u8]| self.0.push(bytes));
    }

    /// Writes the head of a key that was brought into its form before.
    pub fn head(&mut self, head: &KeyHead) {
        self.0.push(&head.0);
    }

    /// Writes `:` and then the value.
    pub fn part<K: CacheKey + ?Sized>(&mut self, part: &K) {
        self.0.push(b":");
        self.item(part);
    }

    /// Writes text, escaped; empty text is `''`.
    pub fn text(&mut self, text: &str) {
        self.encoded_text(text.as_bytes());
    }

    /// Writes bytes: as they are where all of them are plain, else as `'hex'`; none are `''`.
    pub fn bytes(&mut self, bytes: &[u8]) {
        escape::bytes(bytes, &mut self.0);
    }

    /// Writes an integer in decimal digits.
    pub fn integer(&mut self, integer: impl itoa::Integer) {
        self.0.push(itoa::Buffer::new().format(integer).as_bytes());
    }

    /// Writes the name of a variant; a [`tuple`](Self::tuple) of its fields may follow.
    pub fn variant(&mut self, name: &str) {
        self.text(name);
    }

    /// Starts a group of a fixed number of values: `(a,b)`.
    pub fn tuple(&mut self) -> KeyGroup<'_> {
        KeyGroup::open(self, b"(", b")")
    }

    /// Starts a list of any number of values: `[a,b]`.
    pub fn list(&mut self) -> KeyGroup<'_> {
        KeyGroup::open(self, b"[", b"]")
    }

    /// Starts a map whose entries come in an order of their own: `{k=v,k=v}`.
    pub fn map(&mut self) -> KeyGroup<'_> {
        KeyGroup::open(self, b"{", b"}")
    }

    /// Ends the key.
    pub fn finish(self) -> KeyBuf {
        self.0.finish()
    }

    /// Writes the text of a platform's string, which need not be UTF-8.
    fn encoded_text(&mut self, bytes: &[u8]) {
        escape::text(bytes, &mut self.0);
    }

    /// Writes signs of the grammar, and what is made of harmless characters for certain.
    fn plain(&mut self, text: &str) {
        self.0.push(text.as_bytes());
    }

    /// Writes harmless characters from a formatter.
    fn plain_fmt(&mut self, text: fmt::Arguments<'_>) {
        // The buffer takes everything.
        let _ = fmt::Write::write_fmt(&mut Plain(&mut self.0), text);
    }

    /// Writes a value, and `''` for one that writes nothing, so that a list shows how many it has.
    fn item<K: CacheKey + ?Sized>(&mut self, item: &K) {
        let before = self.0.written();
        item.write_key(self);
        if self.0.written() == before {
            self.0.push(escape::EMPTY);
        }
    }
}

/// The head of many keys, escaped once: what [`KeyWriter::raw`] writes.
///
/// ```
/// use memclient_serde::{KeyHead, KeyWriter};
///
/// let head = KeyHead::new("shop:user.kjq2mabc");
/// let mut key = KeyWriter::new(250);
/// key.head(&head);
/// key.part(&7);
/// assert_eq!(key.finish().as_str(), "shop:user.kjq2mabc:7");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyHead(Arc<[u8]>);

impl KeyHead {
    /// Returns the head that this text is written as.
    pub fn new(text: &str) -> Self {
        let mut head = Vec::with_capacity(text.len());
        escape::head(text.as_bytes(), &mut |bytes: &[u8]| head.extend_from_slice(bytes));
        Self(head.into())
    }

    /// Returns true when nothing is written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for KeyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWriter").field("written", &self.0.written()).finish_non_exhaustive()
    }
}

/// A group of values being written; [`finish`](Self::finish) closes it.
#[derive(Debug)]
#[must_use = "an open group is closed with `finish`"]
pub struct KeyGroup<'w> {
    key: &'w mut KeyWriter,
    close: &'static [u8],
    empty: bool,
}

impl<'w> KeyGroup<'w> {
    fn open(key: &'w mut KeyWriter, open: &'static [u8], close: &'static [u8]) -> Self {
        key.0.push(open);
        Self { key, close, empty: true }
    }

    /// Writes a value, after a comma where it is not the first.
    pub fn item<K: CacheKey + ?Sized>(&mut self, item: &K) {
        if !std::mem::replace(&mut self.empty, false) {
            self.key.0.push(b",");
        }
        self.key.item(item);
    }

    /// Writes an entry of a map, `key=value`.
    pub fn entry<K, V>(&mut self, key: &K, value: &V)
    where
        K: CacheKey + ?Sized,
        V: CacheKey + ?Sized,
    {
        self.item(key);
        self.key.0.push(b"=");
        self.key.item(value);
    }

    /// Closes the group.
    pub fn finish(self) {
        self.key.0.push(self.close);
    }
}

struct Plain<'b>(&'b mut Buffer);

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push(text.as_bytes());
        Ok(())
    }
}
