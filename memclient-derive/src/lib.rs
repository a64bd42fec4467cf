//! The macros of memclient. Use them through `memclient`, which re-exports them and holds the
//! functions that their output calls.
//!
//! The way through this crate: `parse` turns syntax into options, `model` checks options and item
//! against each other, `expand` writes tokens. Mistakes are gathered on the way and reported
//! together, each at the user's own tokens.

mod crate_path;
mod diag;
mod expand;
mod fallback;
mod model;
mod parse;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, visit_mut::VisitMut};

use crate::{
    diag::Diag,
    model::{
        cached_fn::CachedFn,
        shape::Shape,
        writer::{Task, Writer},
    },
    parse::{cached::CachedOptions, groups::KeepGroups, writer::WriterOptions},
};

#[doc = include_str!("../docs/cached.md")]
#[proc_macro_attribute]
pub fn cached(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = item.into();
    match cached_fn(arguments.into(), &item) {
        Ok(model) => expand::cached_fn::expand(&model).into(),
        Err(error) => fallback::item(&item, &error).into(),
    }
}

#[doc = include_str!("../docs/invalidates.md")]
#[proc_macro_attribute]
pub fn invalidates(arguments: TokenStream, item: TokenStream) -> TokenStream {
    written(arguments, item, Task::Invalidate)
}

#[doc = include_str!("../docs/cache_put.md")]
#[proc_macro_attribute]
pub fn cache_put(arguments: TokenStream, item: TokenStream) -> TokenStream {
    written(arguments, item, Task::Put)
}

#[doc = include_str!("../docs/cache_key.md")]
#[proc_macro_derive(CacheKey, attributes(cache))]
pub fn derive_cache_key(input: TokenStream) -> TokenStream {
    match shape(input, model::key::check) {
        Ok(shape) => expand::derive_key::expand(&shape).into(),
        Err(error) => fallback::derive(&error).into(),
    }
}

#[doc = include_str!("../docs/cache_value.md")]
#[proc_macro_derive(CacheValue, attributes(cache))]
pub fn derive_cache_value(input: TokenStream) -> TokenStream {
    match shape(input, model::value::check) {
        Ok(shape) => expand::derive_value::expand(&shape).into(),
        Err(error) => fallback::derive(&error).into(),
    }
}

fn cached_fn(
    arguments: proc_macro2::TokenStream,
    item: &proc_macro2::TokenStream,
) -> syn::Result<CachedFn> {
    let mut diag = Diag::new();
    let options = CachedOptions::parse(arguments, &mut diag);
    let model = diag
        .ok(function(item, "cached"))
        .and_then(|function| CachedFn::new(function, options, &mut diag));
    diag.finish()?;
    model.ok_or_else(lost)
}

fn written(arguments: TokenStream, item: TokenStream, task: Task) -> TokenStream {
    let item = item.into();
    match writer(arguments.into(), &item, task) {
        Ok(model) => expand::writer::expand(&model).into(),
        Err(error) => fallback::item(&item, &error).into(),
    }
}

fn writer(
    arguments: proc_macro2::TokenStream,
    item: &proc_macro2::TokenStream,
    task: Task,
) -> syn::Result<Writer> {
    let name = match task {
        Task::Invalidate => "invalidates",
        Task::Put => "cache_put",
    };
    let mut diag = Diag::new();
    let options = WriterOptions::parse(arguments, &mut diag);
    let model = diag
        .ok(function(item, name))
        .map(|function| Writer::new(function, options, task, &mut diag));
    diag.finish()?;
    model.ok_or_else(lost)
}

/// Reads the function that an attribute stands on.
fn function(item: &proc_macro2::TokenStream, attribute: &str) -> syn::Result<ItemFn> {
    let mut function = syn::parse2::<ItemFn>(item.clone())
        .map_err(|error| fallback::not_a_function(item, attribute, error))?;
    KeepGroups.visit_item_fn_mut(&mut function);
    Ok(function)
}

fn shape(input: TokenStream, check: fn(&Shape, &mut Diag)) -> syn::Result<Shape> {
    let input: DeriveInput = syn::parse(input)?;
    let mut diag = Diag::new();
    let shape = Shape::new(input, &mut diag);
    if let Some(shape) = &shape {
        check(shape, &mut diag);
    }
    diag.finish()?;
    shape.ok_or_else(lost)
}

/// Stands where no model was made and no error was noted, which would be our mistake.
fn lost() -> syn::Error {
    syn::Error::new(
        proc_macro2::Span::call_site(),
        "memclient could not read this item and does not know why: please report it as a bug",
    )
}
