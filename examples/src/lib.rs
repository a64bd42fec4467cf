//! What the example programs share: walking a directory tree, a table, and a line of progress.

pub mod progress;
pub mod table;
pub mod tree;

/// The code in the project's README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// So does that for those who come from pymemcache.
#[cfg(doctest)]
#[doc = include_str!("../../docs/pymemcache.md")]
struct Pymemcache;

/// And each case of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
struct Guide;
