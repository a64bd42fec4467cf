//! The macros of memclient. Use them through `memclient`, which re-exports them and holds the
//! functions that their output calls.
//!
//! The way through this crate: `parse` turns syntax into options, `model` checks options and item
//! against each other, `expand` writes tokens. Mistakes are gathered on the way and reported
//! together, each at the user's own tokens.

mod calls;
mod crate_path;
mod diag;
mod expand;
mod fallback;
#[cfg(test)]
mod fuzzing;
mod model;
mod parse;

use proc_macro::TokenStream;

use crate::model::writer::Task;

#[doc = include_str!("../docs/cached.md")]
#[proc_macro_attribute]
pub fn cached(arguments: TokenStream, item: TokenStream) -> TokenStream {
    calls::cached(arguments.into(), &item.into()).into()
}

#[doc = include_str!("../docs/invalidates.md")]
#[proc_macro_attribute]
pub fn invalidates(arguments: TokenStream, item: TokenStream) -> TokenStream {
    calls::written(arguments.into(), &item.into(), Task::Invalidate).into()
}

#[doc = include_str!("../docs/cache_put.md")]
#[proc_macro_attribute]
pub fn cache_put(arguments: TokenStream, item: TokenStream) -> TokenStream {
    calls::written(arguments.into(), &item.into(), Task::Put).into()
}

#[doc = include_str!("../docs/cache_key.md")]
#[proc_macro_derive(CacheKey, attributes(cache))]
pub fn derive_cache_key(input: TokenStream) -> TokenStream {
    calls::derived(input.into(), model::key::check, expand::derive_key::expand).into()
}

#[doc = include_str!("../docs/cache_value.md")]
#[proc_macro_derive(CacheValue, attributes(cache))]
pub fn derive_cache_value(input: TokenStream) -> TokenStream {
    calls::derived(input.into(), model::value::check, expand::derive_value::expand).into()
}
