//! The body of a function that answers for many keys at once.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{FnArg, Ident, Pat, PatType, spanned::Spanned};

use crate::{
    expand::{
        cached_fn::{own_call, typed_body},
        call,
        writer::beside,
    },
    model::{
        batch::{Batch, Shared},
        cached_fn::CachedFn,
        future::Future,
        generics::turbofish,
    },
};

/// Output, by way of the companion, which asks of the returned type what a batch must be:
/// ```text
/// users::call(Policy::new(), db, ids).await
/// ```
pub(super) fn delegate(model: &CachedFn) -> TokenStream {
    // At the returned type, so that one that is none of a batch is shown there.
    let span = model.signature.returns.span();
    let private = model.crate_path.private_at(span);
    let function = &model.item.sig.ident;
    let types = turbofish(&model.parameters.all);
    let arguments = model.signature.arguments.iter().map(|it| &it.ident);
    let wait = model.is_async().then(|| quote!(.await));
    quote_spanned!(span=> #function::call #types(#private::Policy::new(), #( #arguments ),*) #wait)
}

/// Output, in the companion:
/// ```text
/// let entries = ::memclient::__private::entries(ids.iter().cloned(),
///     |ids: &u64| users::__memclient_target(ids));
/// let loader = |missing: Vec<u64>| {
///     let db = Clone::clone(&db);
///     async move { users::uncached(db, &missing).await }
/// };
/// ::memclient::__private::get_or_load_many(users::__memclient_outcome(&()), Some(policy), None,
///     entries, loader).await
/// ```
pub(super) fn load(model: &CachedFn, batch: &Batch, policy: &Ident) -> TokenStream {
    let function = &model.item.sig.ident;
    let types = turbofish(&model.parameters.all);
    let missing = call::private_ident("missing");
    let arguments = model.signature.arguments.iter().map(|it| {
        let name = &it.ident;
        match (*name == batch.keys, batch.by_slice) {
            (true, true) => quote!(&#missing),
            (true, false) => quote!(#missing),
            (false, _) => quote!(#name),
        }
    });
    let run = quote!(#function::uncached #types(#( #arguments ),*));
    let run = if model.is_async() { quote!(async move { #run.await }) } else { run };
    let shared = batch.shared.as_ref().map(|shared| self::shared(model, batch, shared));
    let (entry, outcome) = shared.unwrap_or_else(|| {
        let types = turbofish(&model.parameters.of_entry);
        let arguments = key_arguments(model, batch, |name| quote!(#name));
        (
            quote!(#function::__memclient_target #types(#( #arguments ),*)),
            quote!(#function::__memclient_outcome #types(&())),
        )
    });
    let copies = copies(model, batch, |typed| match &*typed.pat {
        Pat::Ident(pattern) => pattern.ident.clone(),
        _ => format_ident!("_"),
    });
    answer(model, batch, Some(policy), &entry, &outcome, &quote!(#( #copies )* #run))
}

/// Output, everything inside, because nothing may stand beside a method.
pub(super) fn load_alone(model: &CachedFn, batch: &Batch, name: &str) -> TokenStream {
    let shared = batch.shared.as_ref().map(|shared| self::shared(model, batch, shared));
    let (entry, outcome) = shared.unwrap_or_else(|| {
        let (function, call) = own_call(model, name);
        let (key, tags, allow) = (call::key(model), call::tags(model), call::allow());
        let target = call::private_ident("target");
        let entry = quote!({
            #function
            #allow
            let #target = #call #tags.entry(#key).into_target();
            #target
        });
        (entry, call::outcome(model))
    });
    let private = model.crate_path.private();
    let (returns, block) = (&model.signature.returns, &model.item.block);
    let missing = call::private_ident("missing");
    let keys = typed_arguments(model).filter(|typed| is(&typed.pat, &batch.keys)).map(|typed| {
        let (pattern, ty) = (&typed.pat, &typed.ty);
        let missing = if batch.by_slice { quote!(&#missing) } else { quote!(#missing) };
        quote!(let #pattern: #ty = #missing;)
    });
    let output = &model.item.sig.output;
    let run = match model.future() {
        None => quote!(#( #keys )* #private::run(move || -> #returns #block)),
        Some(Future::Async) => {
            let body = typed_body(block, returns);
            quote!(async move { #( #keys )* #body })
        }
        Some(Future::Boxed) => {
            quote!(async move { #( #keys )* #private::run(move || #output #block).await })
        }
        Some(Future::Opaque) => {
            quote!(async move { #( #keys )* #private::run(move || #block).await })
        }
    };
    let copies = copies(model, batch, |typed| typed.pat.clone());
    answer(model, batch, None, &entry, &outcome, &quote!(#( #copies )* #run))
}

/// Writes the statements that find the entries and get their values.
fn answer(
    model: &CachedFn,
    batch: &Batch,
    policy: Option<&Ident>,
    entry: &TokenStream,
    outcome: &TokenStream,
    run: &TokenStream,
) -> TokenStream {
    let private = model.crate_path.private();
    let Batch { keys, id, .. } = batch;
    let ids = if batch.by_slice {
        quote!(::core::iter::Iterator::cloned(<[#id]>::iter(#keys)))
    } else {
        quote!(#keys)
    };
    let (allow, entries) = (call::allow(), call::private_ident("entries"));
    let (loader, missing) = (call::private_ident("loader"), call::private_ident("missing"));
    let policy = policy.map_or_else(
        || quote!(::core::option::Option::None),
        |policy| quote!(::core::option::Option::Some(#policy)),
    );
    let refuse = model.fails_closed.as_ref().map_or_else(
        || quote!(::core::option::Option::None),
        |fail| {
            let (private, returns) =
                (model.crate_path.private_at(fail.span()), &model.signature.returns);
            quote_spanned!(fail.span()=> #private::closed_many::<#returns>())
        },
    );
    // At the returned type, so that one that is none of a batch is shown there.
    let span = model.signature.returns.span();
    let private_there = model.crate_path.private_at(span);
    let (operation, wait) = if model.is_async() {
        ("get_or_load_many", Some(quote!(.await)))
    } else {
        ("get_or_load_many_blocking", None)
    };
    let operation = Ident::new(operation, span);
    let load = quote_spanned!(span=> #private_there::#operation);
    quote! {
        #allow
        let #entries = #private::entries(#ids, |#keys: &#id| #entry);
        #allow
        let #loader = |#missing: #private::Vec<#id>| { #run };
        #load(#outcome, #policy, #refuse, #entries, #loader) #wait
    }
}

/// Writes an entry of the function that shares its own, and its shape.
fn shared(model: &CachedFn, batch: &Batch, shared: &Shared) -> (TokenStream, TokenStream) {
    let private = model.crate_path.private();
    let target = beside(&shared.function, "__memclient_target");
    let outcome = beside(&shared.function, "__memclient_outcome");
    let arguments = shared.arguments.as_ref().map_or_else(
        || {
            let arguments = key_arguments(model, batch, |keys| quote!(#private::pass(#keys)));
            quote!(#( #arguments ),*)
        },
        ToTokens::to_token_stream,
    );
    let entry = quote!(#target(#arguments));
    (entry, quote!(#outcome(&())))
}

/// Writes the arguments of a key, as often as they are needed; `of_id` is what one of the many is.
fn key_arguments(
    model: &CachedFn,
    batch: &Batch,
    of_id: impl Fn(&Ident) -> TokenStream,
) -> Vec<TokenStream> {
    let private = model.crate_path.private();
    let argument = |name: &Ident| {
        if *name == batch.keys { of_id(name) } else { quote!(#private::pass(&#name)) }
    };
    model.key_arguments().map(|it| argument(&it.ident)).collect()
}

/// Writes a copy of each other argument, as the function may run more than once.
fn copies<P: ToTokens>(
    model: &CachedFn,
    batch: &Batch,
    pattern: impl Fn(&PatType) -> P,
) -> Vec<TokenStream> {
    let others = typed_arguments(model).filter(|typed| !is(&typed.pat, &batch.keys));
    let named = others.zip(model.signature.arguments.iter().filter(|it| it.ident != batch.keys));
    named
        .map(|(typed, argument)| {
            let (pattern, name) = (pattern(typed), &argument.ident);
            quote!(let #pattern = ::core::clone::Clone::clone(&#name);)
        })
        .collect()
}

fn typed_arguments(model: &CachedFn) -> impl Iterator<Item = &PatType> {
    model.item.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    })
}

fn is(pattern: &Pat, name: &Ident) -> bool {
    matches!(pattern, Pat::Ident(pattern) if pattern.ident == *name)
}
