//! Two backends as one: a near one in this process before a far one that processes share.

mod copies;
mod generations;
mod read;
mod revalidate;
#[cfg(test)]
#[cfg(feature = "moka")]
mod testing;
mod tiered;
mod write;

pub use self::tiered::Tiered;
