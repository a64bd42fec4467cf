//! Two backends as one: a near one in this process before a far one that processes share.

mod generations;
mod tiered;

pub use self::tiered::Tiered;
