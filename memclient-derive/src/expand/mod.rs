//! Checked models to tokens. What is printed is glue: the work is done by the library.

mod batch;
pub(crate) mod cached_fn;
mod call;
mod companion;
mod derive_entity;
pub(crate) mod derive_key;
pub(crate) mod derive_value;
mod operation;
pub(crate) mod writer;
