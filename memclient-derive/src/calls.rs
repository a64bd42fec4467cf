//! What each macro does, from tokens to tokens.

use proc_macro2::TokenStream;
use syn::{DeriveInput, ItemFn, visit_mut::VisitMut};

use crate::{
    diag::Diag,
    expand, fallback,
    model::{
        cached_fn::CachedFn,
        shape::Shape,
        writer::{Task, Writer},
    },
    parse::{cached::CachedOptions, groups::KeepGroups, writer::WriterOptions},
};

/// Writes what stands in the place of a cached function.
pub(crate) fn cached(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    match cached_fn(arguments, item) {
        Ok(model) => expand::cached_fn::expand(&model),
        Err(error) => fallback::item(item, &error),
    }
}

/// Writes what stands in the place of a function that writes.
pub(crate) fn written(arguments: TokenStream, item: &TokenStream, task: Task) -> TokenStream {
    match writer(arguments, item, task) {
        Ok(model) => expand::writer::expand(&model),
        Err(error) => fallback::item(item, &error),
    }
}

/// Writes what stands behind a type with a derive, as `expand` says it of a type that passes
/// `check`.
pub(crate) fn derived(
    input: TokenStream,
    check: fn(&Shape, &mut Diag),
    expand: fn(&Shape) -> TokenStream,
) -> TokenStream {
    match shape(input, check) {
        Ok(shape) => expand(&shape),
        Err(error) => fallback::derive(&error),
    }
}

fn cached_fn(arguments: TokenStream, item: &TokenStream) -> syn::Result<CachedFn> {
    let mut diag = Diag::new();
    let options = CachedOptions::parse(arguments, &mut diag);
    let model = diag
        .ok(function(item, "cached"))
        .and_then(|function| CachedFn::new(function, options, &mut diag));
    diag.finish()?;
    model.ok_or_else(lost)
}

fn writer(arguments: TokenStream, item: &TokenStream, task: Task) -> syn::Result<Writer> {
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
fn function(item: &TokenStream, attribute: &str) -> syn::Result<ItemFn> {
    let mut function = syn::parse2::<ItemFn>(item.clone())
        .map_err(|error| fallback::not_a_function(item, attribute, error))?;
    KeepGroups.visit_item_fn_mut(&mut function);
    Ok(function)
}

fn shape(input: TokenStream, check: fn(&Shape, &mut Diag)) -> syn::Result<Shape> {
    let input: DeriveInput = syn::parse2(input)?;
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
