//! The operations of the engine on the entry of one key, called by way of the companion's pieces.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use crate::{
    expand::call,
    model::{
        cached_fn::{CachedFn, Place},
        generics::turbofish,
        returns,
    },
};

/// Writes the body that asks the cache first, by way of the companion and with this policy.
pub(super) fn load(model: &CachedFn, policy: &TokenStream) -> TokenStream {
    let (prepare, loader) = loader(model);
    let operation = load_name(model);
    let judge = judge(model).map(|judge| quote!(#judge,));
    let load = waiting(model, &quote!(.#operation(#judge #loader)));
    answer(model, &call(model, policy), &prepare, &load)
}

/// Writes the statements that answer with what is at hand, and else with what `load` gets; `prepare`
/// may move the arguments away, of which the key is written before.
pub(super) fn answer(
    model: &CachedFn,
    call: &TokenStream,
    prepare: &TokenStream,
    load: &TokenStream,
) -> TokenStream {
    let (allow, looked) = (call::allow(), call::private_ident("looked"));
    let (answer, missed) = (call::private_ident("answer"), call::private_ident("missed"));
    let (key, tags) = (call::key(model), call::tags(model));
    let at_hand = Ident::new(
        if model.in_background { "at_hand_or_early" } else { "at_hand" },
        Span::call_site(),
    );
    quote! {
        #allow
        let #looked = #call #tags.#at_hand(#key);
        match #looked {
            ::core::result::Result::Ok(#answer) => #answer,
            ::core::result::Result::Err(#missed) => {
                #prepare
                #missed #load
            }
        }
    }
}

/// Writes the body that runs the function whatever is known, by way of the companion.
pub(super) fn refresh(model: &CachedFn) -> TokenStream {
    let (prepare, loader) = loader(model);
    let operation = name(model, "refresh");
    let private = model.crate_path.private();
    let judge = judge(model).unwrap_or_else(|| quote!(|_| #private::Verdict::Keep));
    let refresh = waiting(model, &quote!(.#operation(#judge, #loader)));
    operate(model, &policy(model), &prepare, &refresh)
}

/// Writes the body of an operation that does not run the function, with this policy.
pub(super) fn ask(
    model: &CachedFn,
    operation: &str,
    policy: &TokenStream,
    argument: &TokenStream,
) -> TokenStream {
    let operation = name(model, operation);
    let ask = waiting(model, &quote!(.#operation(#argument)));
    operate(model, policy, &TokenStream::new(), &ask)
}

/// Writes the statements that find the entry and use it.
///
/// The key is written before `prepare`, which may move the arguments away.
pub(super) fn operate(
    model: &CachedFn,
    policy: &TokenStream,
    prepare: &TokenStream,
    used: &TokenStream,
) -> TokenStream {
    let (allow, name) = (call::allow(), call::private_ident("entry"));
    let entry = entry(model, policy);
    quote! {
        #allow
        let #name = #entry;
        #prepare
        #name #used
    }
}

/// Writes the expression that finds the entry, by way of the companion and with this policy.
pub(super) fn entry(model: &CachedFn, policy: &TokenStream) -> TokenStream {
    let call = call(model, policy);
    let (key, tags) = (call::key(model), call::tags(model));
    quote!(#call #tags.entry(#key))
}

/// Writes the policy of the function, by way of the companion.
pub(super) fn policy(model: &CachedFn) -> TokenStream {
    let function = &model.item.sig.ident;
    quote!(&#function::__memclient_policy())
}

/// Writes the expression that begins a call, by way of the companion.
fn call(model: &CachedFn, policy: &TokenStream) -> TokenStream {
    let private = model.crate_path.private();
    let function = &model.item.sig.ident;
    let types = turbofish(&model.parameters.of_entry);
    quote! {
        #private::call(
            #function::__memclient_function(),
            #function::__memclient_cache(),
            #function::__memclient_outcome #types(&()),
            #policy,
            #function::__memclient_place(),
        )
    }
}

/// Returns the name of the operation that loads where nothing is kept.
pub(super) fn load_name(model: &CachedFn) -> Ident {
    let place = if model.in_background { "_in_background" } else { "" };
    let only_some = if model.is_judged() { "_if" } else { "" };
    name(model, &format!("get_or_load{place}{only_some}"))
}

/// Writes what judges whether and how long a result is kept, if something does.
pub(super) fn judge(model: &CachedFn) -> Option<TokenStream> {
    if model.place == Place::Module && model.is_judged() {
        let function = &model.item.sig.ident;
        let types = turbofish(&model.parameters.of_entry);
        return Some(quote!(#function::__memclient_judge #types));
    }
    let returned = call::private_ident("returned");
    let verdict = verdict(model, &returned)?;
    Some(quote!(|#returned: &_| #verdict))
}

/// Writes the question whether and how long a result is kept, if there is one.
pub(super) fn verdict(model: &CachedFn, returned: &Ident) -> Option<TokenStream> {
    let value = returns::of(model).value;
    let returns = &model.signature.returns;
    let keeps = model.cache_if.as_ref().map(|judge| {
        let private = model.crate_path.private_at(judge.span());
        quote_spanned!(judge.span()=> #private::keeps::<#value, #returns>(#returned, #judge))
    });
    let lives = model.ttl_for.as_ref().map(|life| {
        let private = model.crate_path.private_at(life.span());
        quote_spanned!(life.span()=> #private::lives::<#value, #returns, _>(#returned, #life))
    });
    match (keeps, lives) {
        (Some(keeps), Some(lives)) => Some(quote!(#keeps.and(|| #lives))),
        (keeps, lives) => keeps.or(lives),
    }
}

fn loader(model: &CachedFn) -> (TokenStream, TokenStream) {
    let function = &model.item.sig.ident;
    let types = turbofish(&model.parameters.all);
    let arguments = model.signature.arguments.iter().map(|it| &it.ident);
    let (allow, loader) = (call::allow(), call::private_ident("loader"));
    let prepare = quote! {
        #allow
        let #loader = move || #function::uncached #types(#( #arguments ),*);
    };
    (prepare, quote!(#loader))
}

fn waiting(model: &CachedFn, operation: &TokenStream) -> TokenStream {
    let wait = model.is_async().then(|| quote!(.await));
    quote!(#operation #wait)
}

fn name(model: &CachedFn, operation: &str) -> Ident {
    let suffix = if model.is_async() { "" } else { "_blocking" };
    Ident::new(&format!("{operation}{suffix}"), Span::call_site())
}
