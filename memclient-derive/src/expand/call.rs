//! The pieces from which one call of the engine is put together.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Expr, Ident, Type, ext::IdentExt, spanned::Spanned};

use crate::{
    crate_path::CratePath,
    model::cached_fn::{CachedFn, KeyPart},
    parse::{
        cached::{Compress, Time},
        groups,
    },
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
            trivial_bounds,
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

/// Returns the name of the function.
pub(super) fn name(model: &CachedFn) -> String {
    model.item.sig.ident.unraw().to_string()
}

/// ```text
/// ::memclient::__private::CachedFn::new(::core::module_path!(), "user", (3, 1)).version(2)
/// ```
pub(super) fn function(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let ident = name(model);
    let name = model.name.iter();
    let version = model.version.iter();
    quote! {
        #private::CachedFn::new(
            ::core::module_path!(),
            #ident,
            (::core::line!(), ::core::column!()),
        )
            #( .name(#name) )*
            #( .version(#version) )*
    }
}

/// How the policy of a function is written.
pub(super) enum Policy {
    /// As one that is known while compiling.
    Constant(TokenStream),
    /// As one that is found out in each call.
    Found(TokenStream),
}

/// ```text
/// ::memclient::__private::lasting(::core::time::Duration::from_millis(600_000)).jitter(10)
/// ```
pub(super) fn policy(model: &CachedFn) -> Policy {
    let private = model.crate_path.private();
    let policy = &model.policy;
    // The setter of the time to live takes more than lengths of time, and so is no constant one.
    let is_known_ttl =
        |name: &Ident, time: &Time| name == "ttl" && matches!(time, Time::Millis(..));
    let (ttl, times): (Vec<_>, Vec<_>) =
        policy.times.iter().partition(|(name, time)| is_known_ttl(name, time));
    let ttl = ttl.first().map(|(_, ttl)| time(ttl));
    let new =
        ttl.map_or_else(|| quote!(#private::Policy::new()), |ttl| quote!(#private::lasting(#ttl)));
    let setters = times.iter().map(|(name, value)| setter(name, &time(value)));
    let none = policy.none.iter().map(time);
    let values = policy.values.iter().map(|(name, value)| setter(name, &quote!(#value)));
    let compress = policy.compress.iter().map(|compress| match compress {
        Compress::Expr(expr) => quote!(#expr),
        Compress::Word(word) => {
            let private = model.crate_path.private_at(word.text.span());
            let name = Ident::new(word.word, word.text.span());
            quote_spanned!(word.text.span()=> #private::compress::#name())
        }
    });
    let written = quote! {
        #new
            #( #setters )*
            #( .none(#none) )*
            #( #values )*
            #( .compression(#compress) )*
    };
    if policy.is_constant() { Policy::Constant(written) } else { Policy::Found(written) }
}

impl Policy {
    /// Writes a reference to it.
    pub(super) fn borrowed(&self, model: &CachedFn) -> TokenStream {
        let private = model.crate_path.private();
        match self {
            Self::Constant(written) => {
                let name = private_ident("policy");
                quote!({
                    #[allow(non_upper_case_globals)]
                    static #name: #private::Policy = #written;
                    &#name
                })
            }
            Self::Found(written) => quote!(&#written),
        }
    }
}

/// The setter of a policy has the name of the option.
fn setter(name: &Ident, value: &TokenStream) -> TokenStream {
    let name = Ident::new(&name.to_string(), Span::call_site());
    quote!(.#name(#value))
}

/// ```text
/// ::memclient::__private::cache_ref(&CACHE)
/// ```
pub(super) fn cache(model: &CachedFn) -> TokenStream {
    let Some(cache) = &model.cache else {
        let private = model.crate_path.private();
        return quote!(#private::CallCache::Installed);
    };
    let private = model.crate_path.private_at(cache.span());
    let cache = borrowed(cache);
    quote_spanned!(cache.span()=> #private::cache_ref(#cache))
}

/// The shape of what the function returns, found by type.
///
/// ```text
/// { use probe::*; (&&&&&&Probe::<Result<User, E>>::new()).__memclient_outcome() }
/// ```
pub(super) fn outcome(model: &CachedFn) -> TokenStream {
    let returns = &model.signature.returns;
    let mut outcome = match &model.batch {
        Some(_) => {
            let private = model.crate_path.private_at(returns.span());
            quote_spanned!(returns.span()=> #private::batch_outcome::<#returns>())
        }
        None => shape(&model.crate_path, returns),
    };
    if let Some(none) = &model.policy.none {
        // Points at `none` too when the function cannot return one.
        let span = match none {
            Time::Millis(_, text) => text.span(),
            Time::Expr(expr) => expr.span(),
        };
        outcome = changed(&model.crate_path, span, "may_be_absent", &outcome);
    }
    if let Some(on_error) = &model.keeps_errors {
        outcome = changed(&model.crate_path, on_error.span(), "whole", &outcome);
    }
    if let Some(codec) = &model.codec {
        let span = codec.text.span();
        let private = model.crate_path.private_at(span);
        let name = if codec.word == "json" { "Json" } else { "Bincode" };
        let name = Ident::new(name, span);
        outcome = quote_spanned!(span=> #private::coded::<_, #private::#name>(#outcome));
    }
    // What a function of many keys returns is not the shape of one of its values.
    if let (Some(fail), None) = (&model.fails_closed, &model.batch) {
        outcome = changed(&model.crate_path, fail.span(), "closed", &outcome);
    }
    outcome
}

/// Writes how the shape of a return type is found.
pub(super) fn shape(crate_path: &CratePath, returns: &Type) -> TokenStream {
    let span = returns.span();
    let private = crate_path.private_at(span);
    quote_spanned! {span=> {
        #[allow(unused_imports)]
        use #private::probe::*;
        (&&&&&&#private::Probe::<#returns>::new()).__memclient_outcome()
    }}
}

/// Writes a function of the library around the shape, to be pointed at when it does not fit.
pub(super) fn changed(
    crate_path: &CratePath,
    span: Span,
    function: &str,
    shape: &TokenStream,
) -> TokenStream {
    let private = crate_path.private_at(span);
    let function = Ident::new(function, span);
    quote_spanned!(span=> #private::#function(#shape))
}

/// Writes what the key is made of behind its head and its place: the types of the function that the
/// result depends on, and the parts.
///
/// ```text
/// |key: &mut KeyWriter| { KeyWriter::part(key, &id); }
/// ```
pub(super) fn key(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let key = private_ident("key");
    let types = model.parameters.types().map(|ty| {
        quote! {
            #private::KeyWriter::raw(#key, ":");
            #private::KeyWriter::raw(#key, ::core::any::type_name::<#ty>());
        }
    });
    let constants =
        model.parameters.constants().map(|it| quote!(#private::KeyWriter::part(#key, &#it);));
    let parts = model.key.iter().map(|part| {
        let (span, part) = match part {
            KeyPart::Argument(name) => (name.span(), quote_spanned!(name.span()=> &#name)),
            KeyPart::Expr(expr) => (expr.span(), borrowed(expr)),
        };
        quote_spanned!(span=> #private::KeyWriter::part(#key, #part);)
    });
    quote! {
        |#key: &mut #private::KeyWriter| {
            #( #types )*
            #( #constants )*
            #( #parts )*
        }
    }
}

/// Writes what gives an entry its tags, if it has some.
///
/// ```text
/// .tagged(&[::memclient::__private::tag(&::std::format!("org:{}", org))])
/// ```
pub(super) fn tags(model: &CachedFn) -> Option<TokenStream> {
    let tags = model.tags.iter().map(|tag| {
        let private = model.crate_path.private_at(tag.span());
        let tag_of = borrowed(tag);
        quote_spanned!(tag.span()=> #private::tag(#tag_of))
    });
    (!model.tags.is_empty()).then(|| quote!(.tagged(&[#( #tags ),*])))
}

/// Writes where a function of a module stands, if its name does not say it.
pub(super) fn place(model: &CachedFn) -> TokenStream {
    if model.name.is_some() {
        return quote!("");
    }
    let private = model.crate_path.private();
    let function = &model.item.sig.ident;
    let name = name(model);
    quote! {
        #private::place::<#function>(::core::concat!(::core::module_path!(), "::", #name))
    }
}

/// A name that no name of the user's can be.
pub(super) fn private_ident(name: &str) -> Ident {
    format_ident!("__memclient_{name}", span = Span::mixed_site())
}

fn time(time: &Time) -> TokenStream {
    match time {
        Time::Millis(millis, text) => {
            quote_spanned!(text.span()=> ::core::time::Duration::from_millis(#millis))
        }
        Time::Expr(expr) => quote!(#expr),
    }
}

/// Puts `&` before an expression, with parentheses where it would take only a part.
pub(super) fn borrowed(expr: &Expr) -> TokenStream {
    if groups::is_loose(expr) && !matches!(expr, Expr::Reference(_) | Expr::Unary(_)) {
        quote_spanned!(expr.span()=> &(#expr))
    } else {
        quote_spanned!(expr.span()=> &#expr)
    }
}
