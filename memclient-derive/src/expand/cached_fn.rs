//! The cached function itself.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{AttrStyle, Attribute, Block, FnArg, Pat, Type, spanned::Spanned};

use crate::{
    expand::{call, companion, operation},
    model::cached_fn::{CachedFn, Place},
};

/// Writes the function, and its companion where one may stand.
pub(crate) fn expand(model: &CachedFn) -> TokenStream {
    match model.place {
        Place::Module => {
            let function = beside_companion(model);
            let companion = companion::expand(model);
            quote!(#function #companion)
        }
        Place::Type => alone(model),
    }
}

/// Input:
/// ```text
/// async fn user(db: &Db, mut id: u64) -> R { body }
/// ```
/// Output, the body having moved to `user::uncached`:
/// ```text
/// async fn user(db: &Db, id: u64) -> R {
///     let cache = user::__memclient_cache();
///     let call = ::memclient::__private::call(user::__memclient_function(), &cache,
///         user::__memclient_outcome(&()), user::__memclient_policy(), |key| { key.part(&id); });
///     let loader = move || user::uncached(db, id);
///     call.get_or_load(loader).await
/// }
/// ```
fn beside_companion(model: &CachedFn) -> TokenStream {
    let attributes = model
        .item
        .attrs
        .iter()
        .filter(|it| matches!(it.style, AttrStyle::Outer))
        .map(expect_to_allow);
    let vis = &model.item.vis;
    let mut signature = model.item.sig.clone();
    signature.inputs.iter_mut().for_each(plain_binding);
    let body = operation::load(model, "get_or_load");
    quote! {
        #( #attributes )*
        #vis #signature {
            #body
        }
    }
}

/// Input:
/// ```text
/// async fn user(&self, id: u64) -> R { body }
/// ```
/// Output, everything inside, because nothing may stand beside a method of a trait:
/// ```text
/// async fn user(&self, id: u64) -> R {
///     static FUNCTION: CachedFn = ..;
///     let cache = ..;
///     let call = ::memclient::__private::call(&FUNCTION, &cache, outcome, policy,
///         |key| { key.raw(owner); key.part(&id); });
///     call.get_or_load(move || async move { body }).await
/// }
/// ```
fn alone(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let (inner, outer): (Vec<_>, Vec<_>) =
        model.item.attrs.iter().partition(|it| matches!(it.style, AttrStyle::Inner(_)));
    let vis = &model.item.vis;
    let default = &model.item.modifiers.defaultness;
    let signature = &model.item.sig;
    let (function, policy, cache) =
        (call::function(model), call::policy(model), call::cache(model));
    let (outcome, key, allow) = (call::outcome(model), call::key(model), call::allow());
    let (cache_name, call_name) = (call::private_ident("cache"), call::private_ident("call"));
    // At the returned type, so that one that cannot be kept is shown there.
    let span = model.signature.returns.span();
    let private_there = model.crate_path.private_at(span);
    let call = quote_spanned!(span=> #private_there::call);
    let load = if model.is_async() {
        let body = typed_body(&model.item.block, &model.signature.returns);
        quote!(#call_name.get_or_load(move || async move { #body }).await)
    } else {
        let (returns, body) = (&model.signature.returns, &model.item.block);
        quote!(#call_name.get_or_load_blocking(move || -> #returns #body))
    };
    quote! {
        #( #outer )*
        #vis #default #signature {
            #( #inner )*
            static __MEMCLIENT_FUNCTION: #private::CachedFn = #function;
            #allow
            let #cache_name = #cache;
            #allow
            let #call_name = #call(
                &__MEMCLIENT_FUNCTION,
                &#cache_name,
                #outcome,
                #policy,
                #key,
            );
            #load
        }
    }
}

/// Tells the compiler what an `async` block returns, so that it converts and infers in the body
/// as it would in the function.
fn typed_body(body: &Block, returns: &Type) -> TokenStream {
    let statements = &body.stmts;
    let returned = call::private_ident("returned");
    quote! {
        #[allow(unreachable_code, clippy::all, clippy::pedantic, clippy::nursery)]
        if false {
            let #returned: #returns = loop {};
            return #returned;
        }
        #( #statements )*
    }
}

/// The body that needs `mut` is elsewhere, and an unneeded one would be warned of.
fn plain_binding(input: &mut FnArg) {
    if let FnArg::Typed(typed) = input
        && let Pat::Ident(pattern) = &mut *typed.pat
    {
        pattern.mutability = None;
        pattern.by_ref = None;
    }
}

/// What a lint is expected to find is in the body, which has moved.
fn expect_to_allow(attribute: &Attribute) -> TokenStream {
    if !attribute.path().is_ident("expect") {
        return attribute.to_token_stream();
    }
    match &attribute.meta {
        syn::Meta::List(list) => {
            let lints = &list.tokens;
            quote!(#[allow(#lints)])
        }
        _ => attribute.to_token_stream(),
    }
}
