//! The cached function itself.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{AttrStyle, Attribute, Block, FnArg, Pat, Type, spanned::Spanned};

use crate::{
    expand::{batch, call, companion, operation},
    model::{
        cached_fn::{CachedFn, Place},
        future::Future,
        returns::{self, Spelled},
    },
};

/// Writes the function, and what may stand beside it.
pub(crate) fn expand(model: &CachedFn) -> TokenStream {
    match model.place {
        Place::Module => {
            let function = beside_companion(model);
            let companion = companion::expand(model);
            quote!(#function #companion)
        }
        Place::Type => {
            let function = alone(model);
            let entry = model.entry.as_ref().map(|_| entry(model));
            quote!(#function #entry)
        }
    }
}

/// Input:
/// ```text
/// async fn user(db: &Db, mut id: u64) -> R { body }
/// ```
/// Output, the body having moved to `user::uncached`:
/// ```text
/// async fn user(db: &Db, id: u64) -> R {
///     let looked = ::memclient::__private::call(user::__memclient_function(),
///         user::__memclient_cache(), user::__memclient_outcome(&()), &user::__memclient_policy(),
///         user::__memclient_place()).at_hand(|key| { key.part(&id); });
///     match looked {
///         Ok(answer) => answer,
///         Err(missed) => {
///             let loader = move || user::uncached(db, id);
///             missed.get_or_load(loader).await
///         }
///     }
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
    let body = match &model.batch {
        Some(_) => batch::delegate(model),
        None => operation::load(model, &operation::policy(model)),
    };
    let body = as_future(model, &body);
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
///     let looked = ::memclient::__private::call(&FUNCTION, cache, outcome, policy,
///         ::memclient::__private::owner(&|| (), "user")).at_hand(|key| { key.part(&id); });
///     match looked {
///         Ok(answer) => answer,
///         Err(missed) => missed.get_or_load(move || async move { body }).await,
///     }
/// }
/// ```
fn alone(model: &CachedFn) -> TokenStream {
    let (inner, outer): (Vec<_>, Vec<_>) =
        model.item.attrs.iter().partition(|it| matches!(it.style, AttrStyle::Inner(_)));
    let vis = &model.item.vis;
    let default = &model.item.modifiers.defaultness;
    let signature = &model.item.sig;
    let name = call::name(model);
    let body = if let Some(batch) = &model.batch {
        batch::load_alone(model, batch, &name)
    } else {
        let (function, call) = own_call(model, &name);
        let answer = operation::answer(model, &call, &TokenStream::new(), &load_alone(model));
        quote!(#function #answer)
    };
    let body = as_future(model, &body);
    quote! {
        #( #outer )*
        #vis #default #signature {
            #( #inner )*
            #body
        }
    }
}

/// Writes the body as a loader.
fn load_alone(model: &CachedFn) -> TokenStream {
    let (returns, block) = (&model.signature.returns, &model.item.block);
    let operation = operation::load_name(model);
    let judge = operation::judge(model).map(|judge| quote!(#judge,));
    let output = &model.item.sig.output;
    match model.future() {
        None => quote!(.#operation(#judge move || -> #returns #block)),
        Some(Future::Async) => {
            let body = typed_body(block, returns);
            quote!(.#operation(#judge move || async move { #body }).await)
        }
        Some(Future::Boxed) => quote!(.#operation(#judge move || #output #block).await),
        Some(Future::Opaque) => quote!(.#operation(#judge move || #block).await),
    }
}

/// Output, beside the method `user` with `entry = user_entry`:
/// ```text
/// fn user_entry(&self, id: u64) -> Entry<impl Outcome<Return = R> + Takes<User> + Gives<User>> {
///     static FUNCTION: CachedFn = ..;
///     ::memclient::__private::call(..).entry(..)
/// }
/// ```
fn entry(model: &CachedFn) -> TokenStream {
    let Some(name) = &model.entry else { return TokenStream::new() };
    let private = model.crate_path.private();
    let vis = &model.item.vis;
    // To name an entry needs no more of `self` than a look.
    let receiver = model.signature.receiver.iter().map(|it| {
        let this = it.self_token;
        quote!(&#this)
    });
    let parameters = model.key_arguments().map(|it| {
        let (ident, ty) = (&it.ident, &it.ty);
        quote!(#ident: #ty,)
    });
    let (generics, _, where_clause) = model.parameters.of_entry.split_for_impl();
    let returns = &model.signature.returns;
    let Spelled { value, found } = returns::of(model);
    let (function, call) = own_call(model, &name.to_string());
    let (key, tags, entry) = (call::key(model), call::tags(model), call::private_ident("entry"));
    let doc = format!(
        "Returns the entry that [`Self::{}`] keeps for these arguments: to read, replace or remove \
         it.",
        model.item.sig.ident
    );
    let allow = call::allow();
    quote! {
        #[doc = #doc]
        #allow
        #vis fn #name #generics (#( #receiver, )* #( #parameters )*) -> #private::Entry<
            impl #private::Outcome<Return = #returns>
                + #private::Takes<#value>
                + #private::Gives<#found>
        >
        #where_clause
        {
            #function
            #allow
            let #entry = #call #tags.entry(#key);
            #entry
        }
    }
}

/// Writes the statement that says what a function that stands alone is, and the expression that
/// begins a call of it.
pub(super) fn own_call(model: &CachedFn, name: &str) -> (TokenStream, TokenStream) {
    let private = model.crate_path.private();
    let (function, policy, cache) =
        (call::function(model), call::policy(model).borrowed(model), call::cache(model));
    let outcome = call::outcome(model);
    // At the returned type, so that one that cannot be kept is shown there.
    let span = model.signature.returns.span();
    let private_there = model.crate_path.private_at(span);
    let call = quote_spanned!(span=> #private_there::call);
    let function = quote!(static __MEMCLIENT_FUNCTION: #private::CachedFn = #function;);
    let call = quote! {
        #call(
            &__MEMCLIENT_FUNCTION,
            #cache,
            #outcome,
            #policy,
            #private::owner(&|| (), #name),
        )
    };
    (function, call)
}

/// Writes a body as what the function returns: the future of it, where the function is none itself.
fn as_future(model: &CachedFn, body: &TokenStream) -> TokenStream {
    match model.future() {
        None | Some(Future::Async) => body.clone(),
        Some(Future::Boxed) => {
            let private = model.crate_path.private();
            quote!(#private::Box::pin(async move { #body }))
        }
        Some(Future::Opaque) => quote!(async move { #body }),
    }
}

/// Tells the compiler what an `async` block returns, so that it converts and infers in the body
/// as it would in the function.
pub(super) fn typed_body(body: &Block, returns: &Type) -> TokenStream {
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
pub(super) fn plain_binding(input: &mut FnArg) {
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
