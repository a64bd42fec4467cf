//! What the programs of `tests/fuzz` call with any bytes: each function holds for all of them. The
//! corpus that they have found is replayed here.

#![allow(clippy::missing_panics_doc, reason = "a panic is the finding")]

#[cfg(all(feature = "bincode", feature = "json"))]
mod decode;
mod decompress;
mod flags;

#[cfg(all(feature = "bincode", feature = "json"))]
pub use self::decode::decode;
pub use self::{decompress::decompress, flags::flags};

#[cfg(test)]
#[path = "../../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{decompress, flags, replay::replay};

    #[test]
    fn the_corpus_of_flags_holds() {
        replay("flags", flags);
    }

    #[cfg(all(feature = "bincode", feature = "json"))]
    #[test]
    fn the_corpus_of_values_holds() {
        replay("decode", super::decode);
    }

    #[test]
    fn the_corpus_of_compressed_values_holds() {
        replay("decompress", decompress);
    }
}
