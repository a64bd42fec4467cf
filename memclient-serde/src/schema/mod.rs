//! The shape of a type, written down so that it can be compared.

use std::{any::type_name, collections::HashMap, fmt};

use crate::{flags::Flags, format::Format};

mod fingerprint;
mod impls;

pub use self::fingerprint::Fingerprint;

/// Describes the shape of a type: its name, its parts, and what decides how it is written.
///
/// Derived together with [`CacheValue`](crate::value::CacheValue). A type whose parts change gets
/// another [`Fingerprint`], and so does every type that contains it. A change that no description
/// shows, such as another unit of a number, is made known with [`SchemaWriter::version`].
///
/// ```
/// use memclient_serde::{Fingerprint, Schema, SchemaWriter};
///
/// struct Celsius(f64);
///
/// impl Schema for Celsius {
///     fn describe(schema: &mut SchemaWriter) {
///         schema.name("Celsius");
///         schema.field("0");
///         schema.nested::<f64>();
///     }
/// }
///
/// assert_ne!(Fingerprint::of::<Celsius>(), Fingerprint::of::<f64>());
/// ```
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` is not described",
    label = "`{Self}` does not implement `Schema`",
    note = "derive it for a type of yours: `#[derive(Clone, CacheValue, Serialize, Deserialize)]`",
    note = "for a field of a foreign type, `#[cache(opaque)]` takes its name for its shape",
    note = "for a type that serde converts to another, `#[cache(opaque)]` stands on the type"
)]
pub trait Schema {
    /// Writes the description. It must be the same in every run of the same program.
    fn describe(schema: &mut SchemaWriter);

    /// Tells apart types that have one name, such as those of two versions of one crate. It stands in
    /// no fingerprint.
    #[doc(hidden)]
    fn place() -> u64 {
        0
    }
}

/// Names a place in the source and those of the types that stand there, in 64 bits (FNV-1a).
#[doc(hidden)]
pub fn declared_at(file: &str, line: u32, column: u32, types: &[u64]) -> u64 {
    let types = types.iter().flat_map(|place| place.to_le_bytes());
    let [line, column] = [line, column].map(u32::to_le_bytes);
    let bytes = file.bytes().chain(line).chain(column).chain(types);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Takes down the description of a type.
///
/// Everything written is framed with its kind and length, so that no two descriptions run together
/// to the same bytes.
pub struct SchemaWriter {
    hasher: blake3::Hasher,
    /// Which mention described a type.
    described: HashMap<(&'static str, u64), u64>,
    mentions: u64,
    /// The mention whose type is being described.
    current: u64,
}

impl SchemaWriter {
    /// Writes the name of the type.
    pub fn name(&mut self, name: &str) {
        self.frame(Word::Name, name.as_bytes());
    }

    /// Writes a version that its author raises when the meaning changes and the shape does not.
    pub fn version(&mut self, version: u32) {
        self.frame(Word::Version, &version.to_le_bytes());
    }

    /// Writes the name of a field; its type is written next.
    pub fn field(&mut self, name: &str) {
        self.frame(Word::Field, name.as_bytes());
    }

    /// Writes the name of a variant; its fields are written next.
    pub fn variant(&mut self, name: &str) {
        self.frame(Word::Variant, name.as_bytes());
    }

    /// Writes the format that values of the type are stored in.
    pub fn format(&mut self, format: Format) {
        let bits = Flags::of(format).bits();
        self.frame(Word::Format, &bits.to_le_bytes());
    }

    /// Writes something else that decides the stored bytes, such as a serde attribute.
    pub fn attribute(&mut self, text: &str) {
        self.frame(Word::Attribute, text.as_bytes());
    }

    /// Writes a fixed number of elements.
    pub fn length(&mut self, length: usize) {
        self.frame(Word::Length, &(length as u64).to_le_bytes());
    }

    /// Writes the name of a type in place of its description, for types that have none.
    pub fn opaque(&mut self, name: &str) {
        self.frame(Word::Opaque, name.as_bytes());
    }

    /// Writes the description of a type inside this one.
    ///
    /// A type is described where it is mentioned first; each further mention, one inside its own
    /// description included, says which it was. So recursive types end, and a large family of types
    /// that mention each other is walked once.
    pub fn nested<T: Schema + ?Sized>(&mut self) {
        self.frame(Word::Enter, &[]);
        self.mentions += 1;
        let outer = std::mem::replace(&mut self.current, self.mentions);
        self.transparent::<T>();
        self.current = outer;
        self.frame(Word::Leave, &[]);
    }

    /// Writes the description of another type as that of this one.
    ///
    /// This is for wrappers that leave no trace in the bytes, such as `Box`.
    pub fn transparent<T: Schema + ?Sized>(&mut self) {
        // Name and place only tell types apart within this run; they are nothing to hash, because
        // the compiler may spell them differently tomorrow.
        let identity = (type_name::<T>(), T::place());
        if let Some(&first) = self.described.get(&identity) {
            self.current = first;
            return self.frame(Word::Again, &first.to_le_bytes());
        }
        self.described.insert(identity, self.current);
        T::describe(self);
        // A wrapper around a type that was met before is that type from now on.
        self.described.insert(identity, self.current);
    }

    fn new() -> Self {
        Self { hasher: blake3::Hasher::new(), described: HashMap::new(), mentions: 0, current: 0 }
    }

    fn finish(self) -> Fingerprint {
        let hash = self.hasher.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        Fingerprint::from_bits(u64::from_be_bytes(first))
    }

    fn frame(&mut self, word: Word, bytes: &[u8]) {
        self.hasher.update(&[word as u8]);
        self.hasher.update(&(bytes.len() as u64).to_le_bytes());
        self.hasher.update(bytes);
    }
}

impl Fingerprint {
    /// Computes the fingerprint of a type.
    ///
    /// This walks the whole type: keep the result rather than asking again.
    pub fn of<T: Schema + ?Sized>() -> Self {
        let mut schema = SchemaWriter::new();
        schema.nested::<T>();
        schema.finish()
    }
}

impl fmt::Debug for SchemaWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaWriter").field("mentions", &self.mentions).finish_non_exhaustive()
    }
}

/// The kinds of frames. The numbers are hashed: they never change and are never used again.
#[derive(Clone, Copy)]
enum Word {
    Name = 1,
    Version = 2,
    Field = 3,
    Variant = 4,
    Format = 5,
    Attribute = 6,
    Length = 7,
    Opaque = 8,
    Enter = 9,
    Leave = 10,
    Again = 11,
}
