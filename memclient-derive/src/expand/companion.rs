//! The type of the function's name that carries the rest: `user::invalidate`, `user::peek`, ….

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, TokenStreamExt, format_ident, quote, quote_spanned};
use syn::{AttrStyle, FnArg, Ident, PatType, spanned::Spanned};

use crate::{
    expand::{
        batch,
        call::{self, Policy},
        operation,
    },
    model::{
        batch::Batch,
        cached_fn::CachedFn,
        generics::turbofish,
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
    let is_own = model.batch.as_ref().is_none_or(Batch::is_own);
    let pieces = is_own.then(|| pieces(model));
    let operations = is_own.then(|| operations(model));
    let call = call(model);
    let reserved = reserved(model);
    quote! {
        #reserved

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
            #call
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

/// Writes an item whose name says what is wrong when a second function of the module has the same
/// name for its entries in the same cache.
fn reserved(model: &CachedFn) -> Option<TokenStream> {
    let name = model.name.as_ref()?;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let readable: String = name.value().chars().map(plain).collect();
    // The cache goes into the sum, and what the readable name has lost.
    let whole = format!("{} {}", name.value(), model.cache.to_token_stream());
    let sum = whole.bytes().fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte));
    let span = name.span().resolved_at(Span::call_site());
    let ident =
        format_ident!("only_one_cached_function_may_have_the_name_{readable}_{sum:x}", span = span);
    Some(quote_spanned! {span=>
        #[doc(hidden)]
        #[allow(dead_code, non_camel_case_types, missing_debug_implementations, unreachable_pub)]
        enum #ident {}
    })
}

/// Writes what all operations share, so that the user's expressions stand in one place.
fn pieces(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let vis = &model.item.vis;
    let (function, cache) = (call::function(model), call::cache(model));
    let policy = call::policy(model);
    let (policy_type, policy) = match &policy {
        Policy::Constant(_) => (quote!(&'static #private::Policy), policy.borrowed(model)),
        Policy::Found(written) => (quote!(#private::Policy), written.clone()),
    };
    let (outcome, place) = (outcome(model), call::place(model));
    let returned = Ident::new("returned", Span::mixed_site());
    let judge = operation::verdict(model, &returned).map(|verdict| {
        let (generics, _, where_clause) = model.parameters.of_entry.split_for_impl();
        let returns = &model.signature.returns;
        quote! {
            fn __memclient_judge #generics (#returned: &#returns) -> #private::Verdict
            #where_clause
            {
                #verdict
            }
        }
    });
    let written = written(model, vis);
    quote! {
        fn __memclient_place() -> &'static str {
            #place
        }

        fn __memclient_function() -> &'static #private::CachedFn {
            static FUNCTION: #private::CachedFn = #function;
            &FUNCTION
        }

        fn __memclient_policy() -> #policy_type {
            #policy
        }

        fn __memclient_cache() -> #private::CallCache {
            #cache
        }

        #outcome
        #judge
        #written
    }
}

/// Writes the shape of the result once, behind an opaque type: a result that cannot be kept is then
/// one error and not one in every function.
///
/// The argument is a lifetime for what the written type leaves open.
fn outcome(model: &CachedFn) -> TokenStream {
    let returns = &model.signature.returns;
    let private = model.crate_path.private_at(returns.span());
    let Spelled { value, found } = returns::of(model);
    let (generics, _, where_clause) = model.parameters.of_entry.split_for_impl();
    let outcome = call::outcome(model);
    let of_entry = if model.batch.is_some() {
        quote!(::core::option::Option<#value>)
    } else {
        quote!(#returns)
    };
    let shape = quote_spanned! {returns.span()=>
        impl #private::Outcome<Return = #of_entry>
            + #private::Takes<#value>
            + #private::Gives<#value>
            + #private::Gives<#found>
    };
    let vis = &model.item.vis;
    quote! {
        #[doc(hidden)]
        #vis fn __memclient_outcome #generics (_: &()) -> #shape
        #where_clause
        {
            #outcome
        }
    }
}

/// Writes what `#[invalidates(..)]` and `#[cache_put(..)]` call: the entry before the writer runs,
/// and the value after it.
fn written(model: &CachedFn, vis: &syn::Visibility) -> TokenStream {
    let private = model.crate_path.private();
    let Spelled { value, .. } = returns::of(model);
    let (generics, _, where_clause) = model.parameters.of_entry.split_for_impl();
    let parameters = key_parameters(model);
    let entry = operation::entry(model, &operation::policy(model));
    let (target, returned) =
        (Ident::new("target", Span::mixed_site()), Ident::new("returned", Span::mixed_site()));
    let types = turbofish(&model.parameters.of_entry);
    let function = &model.item.sig.ident;
    let living = model.ttl_for.as_ref().map(|life| {
        let private = model.crate_path.private_at(life.span());
        quote_spanned!(life.span()=>
            let #target = #private::living::<#value, _>(#target, #returned, #life);
        )
    });
    quote! {
        #[doc(hidden)]
        #vis fn __memclient_target #generics (#parameters) -> #private::Target
        #where_clause
        {
            #entry.into_target()
        }

        #[doc(hidden)]
        #vis fn __memclient_put #generics (
            #target: #private::Target,
            #returned: &impl #private::Holds<#value>,
        ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send
        #where_clause
        {
            #living
            #private::put(#target, #function::__memclient_outcome #types(&()), #returned)
        }

        #[doc(hidden)]
        #vis fn __memclient_put_blocking #generics (
            #target: #private::Target,
            #returned: &impl #private::Holds<#value>,
        )
        #where_clause
        {
            #living
            #private::put_blocking(&#target, #function::__memclient_outcome #types(&()), #returned);
        }
    }
}

fn operations(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let Spelled { value, found } = returns::of(model);
    let done = quote!(::core::result::Result<(), #private::Error>);
    let value_name = Ident::new("value", Span::mixed_site());

    let invalidate = Operation {
        doc: "Has the next call run the function again for these arguments.\n\n\
              # Errors\n\n\
              Fails when the cache cannot be reached: the old result may then still be there.",
        name: "invalidate",
        returns: done.clone(),
        ..Operation::default()
    };
    let remove = Operation {
        doc: "Removes the result for these arguments, also where a stale one could still be \
              answered; true where there was one.\n\n\
              # Errors\n\n\
              Fails when the cache cannot be reached: the old result may then still be there.",
        name: "remove",
        returns: quote!(::core::result::Result<bool, #private::Error>),
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
    let with_meta = Operation {
        doc: "Returns what is stored for these arguments with where it came from, how fresh and how \
              old it is; its value is `None` where it is known that there is none.\n\n\
              # Errors\n\n\
              Fails when the cache cannot be reached.",
        name: "with_meta",
        returns: quote! {
            ::core::result::Result<
                ::core::option::Option<#private::KeptEntry<#value>>,
                #private::Error,
            >
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
        policy: put_policy(model, &value_name),
        returns: done,
    };
    let operations =
        [invalidate, remove, peek, with_meta, put].map(|operation| operation.expand(model));
    let key = key(model);
    let refresh = model.batch.is_none().then(|| refresh(model));
    quote!(#key #( #operations )* #refresh)
}

/// Writes the policy for a value that says how long it is kept, if it does.
fn put_policy(model: &CachedFn, value_name: &Ident) -> Option<TokenStream> {
    let life = model.ttl_for.as_ref()?;
    let private = model.crate_path.private_at(life.span());
    let value = returns::of(model).value;
    let usual = operation::policy(model);
    Some(quote_spanned!(life.span()=>
        &#private::over(#private::life_of::<#value, _>(#value_name, #life), #usual)
    ))
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
    /// The policy, where it is not the function's.
    policy: Option<TokenStream>,
    returns: TokenStream,
}

impl Operation {
    fn expand(&self, model: &CachedFn) -> TokenStream {
        let Self { doc, name, last, argument, returns, .. } = self;
        let vis = &model.item.vis;
        let asyncness = asyncness(model);
        let usual = operation::policy(model);
        let policy = self.policy.as_ref().unwrap_or(&usual);
        let body = operation::ask(model, name, policy, argument);
        let name = Ident::new(name, Span::call_site());
        let (generics, _, where_clause) = model.parameters.of_entry.split_for_impl();
        let parameters = key_parameters(model);
        quote! {
            #[doc = #doc]
            #vis #asyncness fn #name #generics (#parameters #last) -> #returns
            #where_clause
            {
                #body
            }
        }
    }
}

fn key(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let vis = &model.item.vis;
    let (generics, _, where_clause) = model.parameters.of_entry.split_for_impl();
    let parameters = key_parameters(model);
    let body =
        operation::operate(model, &operation::policy(model), &TokenStream::new(), &quote!(.key()));
    quote! {
        /// Returns the key under which the result for these arguments is stored.
        #vis fn key #generics (#parameters) -> #private::Key
        #where_clause
        {
            #body
        }
    }
}

fn refresh(model: &CachedFn) -> TokenStream {
    let (vis, asyncness, returns) = (&model.item.vis, asyncness(model), &model.signature.returns);
    let (generics, _, where_clause) = model.parameters.all.split_for_impl();
    let parameters = all_parameters(model);
    let body = operation::refresh(model);
    quote! {
        /// Runs the function and stores what it returns, whatever is stored now.
        #vis #asyncness fn refresh #generics (#( #parameters ),*) -> #returns
        #where_clause
        {
            #body
        }
    }
}

fn call(model: &CachedFn) -> TokenStream {
    let private = model.crate_path.private();
    let (vis, asyncness, returns) = (&model.item.vis, asyncness(model), &model.signature.returns);
    let (generics, _, where_clause) = model.parameters.all.split_for_impl();
    let parameters = all_parameters(model);
    let policy = Ident::new("policy", Span::mixed_site());
    let body = if let Some(batch) = &model.batch {
        batch::load(model, batch, &policy)
    } else {
        let usual = operation::policy(model);
        operation::load(model, &quote!(&#private::over(#policy, #usual)))
    };
    quote! {
        /// Calls the function with a policy of this call's own; what it does not set is as usual.
        #vis #asyncness fn call #generics (
            #policy: #private::Policy,
            #( #parameters ),*
        ) -> #returns
        #where_clause
        {
            #body
        }
    }
}

fn asyncness(model: &CachedFn) -> Option<TokenStream> {
    model.is_async().then(|| quote!(async))
}

fn key_parameters(model: &CachedFn) -> TokenStream {
    let parameters = model.key_arguments().map(|it| {
        let (ident, ty) = (&it.ident, &it.ty);
        quote!(#ident: #ty,)
    });
    quote!(#( #parameters )*)
}

fn all_parameters(model: &CachedFn) -> impl Iterator<Item = TokenStream> {
    let types = model.item.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(PatType { ty, .. }) => Some(ty),
        FnArg::Receiver(_) => None,
    });
    let names = model.signature.arguments.iter().map(|it| &it.ident);
    names.zip(types).map(|(name, ty)| quote!(#name: #ty))
}
