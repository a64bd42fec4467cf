//! Options and syntax, checked against each other: what stands here can be written out.

pub(crate) mod bounds;
pub(crate) mod cached_fn;
mod mentions;
pub(crate) mod returns;
pub(crate) mod shape;
pub(crate) mod signature;
pub(crate) mod value;
