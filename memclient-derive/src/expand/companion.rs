//! The type of the function's name that carries the rest: `user::invalidate`, `user::peek`, ….

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, TokenStreamExt, quote, quote_spanned};
use syn::{AttrStyle, FnArg, Generics, Ident, PatType, spanned::Spanned};

use crate::{
    expand::{call, operation},
    model::{
        cached_fn::CachedFn,
        returns::{self, Spelled},
    },
};

/// Output, an `enum` because it has no name among values, where the function's is:
/// ```text
/// pub enum user {}
/// impl user {
///     pub async fn uncached(db: &Db, id: u64) -> R { body }
/// }
/// impl user {
///     fn __memclient_function() -> &'static CachedFn { .. }
///     fn __memclient_outcome(_: &()) -> impl Outcome<Return = R> + Takes<User> + Gives<User> { .. }
///     pub async fn invalidate(id: u64) -> Result<(), Error> { .. }
///     ..
/// }
/// ```
pub(super) fn expand(model: &CachedFn) -> TokenStream {
    let vis = &model.item.vis;
    let function = &model.item.sig.ident;
    let allow = call::allow();
    let doc = format!(
        "What stands beside the cached function `{function}`: its entries by their keys, and the \
         function without the cache."
    );
    let uncached = uncached(model);
    let pieces = pieces(model);
    let operations = operations(model);
    quote! {
        #[doc = #doc]
        #[allow(
            dead_code,
            non_camel_case_types,
            missing_debug_implementations,
            unreachable_pub,
            clippy::upper_case_acronyms
        )]
        #vis enum #function {}

        #[allow(
            dead_code,
            unreachable_pub,
            clippy::missing_const_for_fn,
            clippy::missing_errors_doc,
            clippy::missing_panics_doc,
            clippy::must_use_candidate
        )]
        impl #function {
            #uncached
        }

        #allow
        impl #function {
            #pieces
            #operations
        }
    }
}

/// Writes the user's body under its new name, with the lint levels that the user gave it.
fn uncached(model: &CachedFn) -> TokenStream {
    let lints = model.item.attrs.iter().filter(|attribute| {
        let path = attribute.path();
        let levels = ["allow", "expect", "warn", "deny", "forbid"];
        matches!(attribute.style, AttrStyle::Outer) && levels.iter().any(|it| path.is_ident(it))
    });
    let inner = model.item.attrs.iter().filter(|it| matches!(it.style, AttrStyle::Inner(_)));
    let vis = &model.item.vis;
    let mut signature = model.item.sig.clone();
    signature.ident = Ident::new("uncached", Span::call_site());
    let block = &model.item.block;
    let mut body = TokenStream::new();
    // Between the user's own braces, where the compiler points at a missing result.
    // An argument that only the key speaks of is not unused.
    let in_key = model.key_arguments().map(|argument| &argument.ident);
    let allow = call::allow();
    block.brace_token.surround(&mut body, |body| {
        body.append_all(inner);
        body.append_all(quote!(#allow let _ = ( #( &#in_key, )* );));
        body.append_all(&block.stmts);
    });
    quote! {
        /// Runs the function itself, past the cache: nothing is read from it or stored in it.
        #( #lints )*
        #vis #signature #body
    }
}

/// Writes what all operations share, so that the user's expressions stand in one place.
fn pieces(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let (function, policy, cache) =
        (call::function(model), call::policy(model), call::cache(model));
    let outcome = outcome(model);
    let key = Ident::new("key", Span::mixed_site());
    let place = call::place(model, &key);
    quote! {
        fn __memclient_place(#key: &mut #private::KeyWriter) {
            #place
        }

        fn __memclient_function() -> &'static #private::CachedFn {
            static FUNCTION: #private::CachedFn = #function;
            &FUNCTION
        }

        fn __memclient_policy() -> #private::Policy {
            #policy
        }

        fn __memclient_cache() -> #private::CallCache {
            #cache
        }

        #outcome
    }
}

/// Writes the shape of the result once, behind an opaque type: a result that cannot be kept is then
/// one error and not one in every function.
///
/// The argument is a lifetime for what the written type leaves open.
fn outcome(model: &CachedFn) -> TokenStream {
    let returns = &model.signature.returns;
    let private = model.crate_path.private_at(returns.span());
    let Spelled { value, found } = returns::spelled(returns);
    let (generics, where_clause) = generics(&model.item.sig.generics);
    let outcome = call::outcome(model);
    let shape = quote_spanned! {returns.span()=>
        impl #private::Outcome<Return = #returns> + #private::Takes<#value> + #private::Gives<#found>
    };
    quote! {
        fn __memclient_outcome #generics (_: &()) -> #shape
        #where_clause
        {
            #outcome
        }
    }
}

fn operations(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let Spelled { value, found } = returns::spelled(&model.signature.returns);
    let done = quote!(::core::result::Result<(), #private::Error>);
    let value_name = Ident::new("value", Span::mixed_site());

    let key = Operation {
        doc: "Returns the key under which the result for these arguments is stored.",
        name: "key",
        returns: quote!(#private::Key),
        ..Operation::default()
    };
    let invalidate = Operation {
        doc: "Removes the result for these arguments, so that the next call runs the function.\n\n\
              # Errors\n\n\
              Fails when the cache cannot be reached: the old result may then still be there.",
        name: "invalidate",
        returns: done.clone(),
        ..Operation::default()
    };
    let peek = Operation {
        doc: "Returns what is stored for these arguments, without running the function.\n\n\
              # Errors\n\n\
              Fails when the cache cannot be reached.",
        name: "peek",
        returns: quote! {
            ::core::result::Result<::core::option::Option<#found>, #private::Error>
        },
        ..Operation::default()
    };
    let put = Operation {
        doc: "Stores a result for these arguments, as if the function had returned it.\n\n\
              # Errors\n\n\
              Fails when the value cannot be written as bytes or the cache cannot be reached.",
        name: "put",
        last: quote!(#value_name: &#value),
        argument: value_name.to_token_stream(),
        returns: done,
    };
    let operations = [key, invalidate, peek, put].map(|operation| operation.expand(model));
    let refresh = refresh(model);
    quote!(#( #operations )* #refresh)
}

/// A function of the companion that takes the arguments of the key.
#[derive(Default)]
struct Operation {
    doc: &'static str,
    name: &'static str,
    /// The parameter behind those of the key.
    last: TokenStream,
    /// What is handed to the engine.
    argument: TokenStream,
    returns: TokenStream,
}

impl Operation {
    fn expand(&self, model: &CachedFn) -> TokenStream {
        let Self { doc, name, last, argument, returns } = self;
        let vis = &model.item.vis;
        let is_waiting = model.is_async() && *name != "key";
        let asyncness = is_waiting.then(|| quote!(async));
        let body = operation::operate(model, name, &TokenStream::new(), argument);
        let name = Ident::new(name, Span::call_site());
        let (generics, where_clause) = generics(&model.item.sig.generics);
        let parameters = model.key_arguments().map(|it| {
            let (ident, ty) = (&it.ident, &it.ty);
            quote!(#ident: #ty,)
        });
        quote! {
            #[doc = #doc]
            #vis #asyncness fn #name #generics (#( #parameters )* #last) -> #returns
            #where_clause
            {
                #body
            }
        }
    }
}

fn refresh(model: &CachedFn) -> TokenStream {
    let vis = &model.item.vis;
    let asyncness = &model.item.sig.asyncness;
    let returns = &model.signature.returns;
    let (generics, where_clause) = generics(&model.item.sig.generics);
    let parameters = model.item.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(PatType { ty, .. }) => Some(ty),
        FnArg::Receiver(_) => None,
    });
    let names = model.signature.arguments.iter().map(|it| &it.ident);
    let body = operation::load(model, "refresh");
    quote! {
        /// Runs the function and stores what it returns, whatever is stored now.
        #vis #asyncness fn refresh #generics (#( #names: #parameters ),*) -> #returns
        #where_clause
        {
            #body
        }
    }
}

/// Only lifetimes come this far, and every function of the companion may name them all.
fn generics(generics: &Generics) -> (impl ToTokens, impl ToTokens) {
    let (declared, _, where_clause) = generics.split_for_impl();
    (declared.to_token_stream(), where_clause.to_token_stream())
}
