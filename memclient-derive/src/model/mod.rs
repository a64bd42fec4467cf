//! Options and syntax, checked against each other: what stands here can be written out.

mod agree;
pub(crate) mod batch;
pub(crate) mod bounds;
pub(crate) mod cached_fn;
pub(crate) mod future;
pub(crate) mod generics;
pub(crate) mod key;
pub(crate) mod mentions;
pub(crate) mod returns;
pub(crate) mod shape;
pub(crate) mod signature;
pub(crate) mod value;
pub(crate) mod writer;
