//! The pieces from which one call of the engine is put together.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Expr, Ident, ext::IdentExt, spanned::Spanned};

use crate::{
    model::cached_fn::{CachedFn, KeyPart, Place},
    parse::{cached::Time, groups},
};

/// The lints that generated code breaks on purpose; the user's own code is never under it.
pub(super) fn allow() -> TokenStream {
    quote! {
        #[allow(
            dead_code,
            unknown_lints,
            opaque_hidden_inferred_bound,
            mismatched_lifetime_syntaxes,
            elided_lifetimes_in_paths,
            unreachable_pub,
            unused_qualifications,
            single_use_lifetimes,
            unused_lifetimes,
            clippy::all,
            clippy::pedantic,
            clippy::nursery
        )]
    }
}

/// ```text
/// ::memclient::__private::CachedFn::new(::core::module_path!(), "user").version(2)
/// ```
pub(super) fn function(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let ident = model.item.sig.ident.unraw().to_string();
    let name = model.name.iter();
    let version = model.version.iter();
    quote! {
        #private::CachedFn::new(::core::module_path!(), #ident)
            #( .name(#name) )*
            #( .version(#version) )*
    }
}

/// ```text
/// ::memclient::__private::Policy::new().ttl(::core::time::Duration::from_secs(600))
/// ```
pub(super) fn policy(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let ttl = model.ttl.iter().map(time);
    let none = model.none.iter().map(time);
    quote! {
        #private::Policy::new()
            #( .ttl(#ttl) )*
            #( .none(#none) )*
    }
}

/// ```text
/// ::memclient::__private::cache_ref(&CACHE)
/// ```
pub(super) fn cache(model: &CachedFn) -> TokenStream {
    let Some(cache) = &model.cache else {
        let private = model.crate_path.private();
        return quote!(#private::installed());
    };
    let private = model.crate_path.private_at(cache.span());
    let cache = borrowed(cache);
    quote_spanned!(cache.span()=> #private::cache_ref(#cache))
}

/// The shape of what the function returns, found by type.
///
/// ```text
/// { use probe::*; (&&&&Probe::<Result<User, E>>::new()).outcome() }
/// ```
pub(super) fn outcome(model: &CachedFn) -> TokenStream {
    let returns = &model.signature.returns;
    let span = returns.span();
    let private = model.crate_path.private_at(span);
    let outcome = quote_spanned! {span=> {
        #[allow(unused_imports)]
        use #private::probe::*;
        (&&&&#private::Probe::<#returns>::new()).outcome()
    }};
    let Some(none) = &model.none else {
        return outcome;
    };
    // Points at `none` when the function cannot return one.
    let span = match none {
        Time::Seconds(_, text) => text.span(),
        Time::Expr(expr) => expr.span(),
    };
    let private = model.crate_path.private_at(span);
    let name = Ident::new("__memclient_outcome", span.resolved_at(Span::mixed_site()));
    quote_spanned! {span=> {
        let #name = #outcome;
        #private::may_be_absent(#name)
    }}
}

/// ```text
/// |key: &mut KeyWriter| { user::__memclient_place(key); KeyWriter::part(key, &id); }
/// ```
pub(super) fn key(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let key = private_ident("key");
    let place = match model.place {
        Place::Module => {
            let function = &model.item.sig.ident;
            quote!(#function::__memclient_place(#key);)
        }
        Place::Type => owner(model, &key),
    };
    let parts = model.key.iter().map(|part| {
        let (span, part) = match part {
            KeyPart::Argument(name) => (name.span(), quote_spanned!(name.span()=> &#name)),
            KeyPart::Expr(expr) => (expr.span(), borrowed(expr)),
        };
        quote_spanned!(span=> #private::KeyWriter::part(#key, #part);)
    });
    quote! {
        |#key: &mut #private::KeyWriter| {
            #place
            #( #parts )*
        }
    }
}

/// Writes where a function of a module stands, when its module and name do not say it: functions
/// of one name may stand in the bodies of several.
pub(super) fn place(model: &CachedFn, key: &Ident) -> TokenStream {
    let private = model.crate_path.private();
    let function = &model.item.sig.ident;
    let name = function.unraw().to_string();
    if model.name.is_some() {
        return quote!(let _ = #key;);
    }
    quote! {
        let path = ::core::any::type_name::<#function>();
        if path != ::core::concat!(::core::module_path!(), "::", #name) {
            #private::KeyWriter::raw(#key, ":");
            #private::KeyWriter::raw(#key, path);
        }
    }
}

/// Writes the type that a function belongs to, with its parameters, and the trait if it is of one:
/// functions of one name may be in each. The type of a closure is all of that followed by the names
/// of the function and the closure.
fn owner(model: &CachedFn, key: &Ident) -> TokenStream {
    let private = model.crate_path.private();
    let path = private_ident("path");
    let name = format!("::{}", model.item.sig.ident.unraw());
    quote! {
        let #path = ::core::any::type_name_of_val(&|| ());
        let #path = #path.trim_end_matches("::{{closure}}").trim_end_matches(#name);
        #private::KeyWriter::raw(#key, ":");
        #private::KeyWriter::raw(#key, #path);
    }
}

/// A name that no name of the user's can be.
pub(super) fn private_ident(name: &str) -> Ident {
    format_ident!("__memclient_{name}", span = Span::mixed_site())
}

fn time(time: &Time) -> TokenStream {
    match time {
        Time::Seconds(seconds, text) => {
            quote_spanned!(text.span()=> ::core::time::Duration::from_secs(#seconds))
        }
        Time::Expr(expr) => quote!(#expr),
    }
}

/// Puts `&` before an expression, with parentheses where it would take only a part.
fn borrowed(expr: &Expr) -> TokenStream {
    if groups::is_loose(expr) && !matches!(expr, Expr::Reference(_) | Expr::Unary(_)) {
        quote_spanned!(expr.span()=> &(#expr))
    } else {
        quote_spanned!(expr.span()=> &#expr)
    }
}
