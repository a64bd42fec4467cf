//! The operations of the engine on the entry of one key, called by way of the companion's pieces.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use crate::{expand::call, model::cached_fn::CachedFn};

/// Writes the body that asks the cache first, by way of the companion.
pub(super) fn load(model: &CachedFn, operation: &str) -> TokenStream {
    let function = &model.item.sig.ident;
    let arguments = model.signature.arguments.iter().map(|it| &it.ident);
    let (allow, loader) = (call::allow(), call::private_ident("loader"));
    let load = quote! {
        #allow
        let #loader = move || #function::uncached(#( #arguments ),*);
    };
    operate(model, operation, &load, &quote!(#loader))
}

/// Writes the statements of one operation of the engine on the entry of the key.
///
/// The key is written before `prepare`, which may move the arguments away.
pub(super) fn operate(
    model: &CachedFn,
    operation: &str,
    prepare: &TokenStream,
    argument: &TokenStream,
) -> TokenStream {
    let private = model.crate_path.private();
    let function = &model.item.sig.ident;
    let (key, allow) = (call::key(model), call::allow());
    let (cache_name, call_name) = (call::private_ident("cache"), call::private_ident("call"));
    let operation = operation_name(model, operation);
    let wait = (model.is_async() && operation != "key").then(|| quote!(.await));
    quote! {
        let #cache_name = #function::__memclient_cache();
        #allow
        let #call_name = #private::call(
            #function::__memclient_function(),
            &#cache_name,
            #function::__memclient_outcome(&()),
            #function::__memclient_policy(),
            #key,
        );
        #prepare
        #call_name.#operation(#argument) #wait
    }
}

fn operation_name(model: &CachedFn, operation: &str) -> Ident {
    let is_blocking = !model.is_async() && operation != "key";
    let suffix = if is_blocking { "_blocking" } else { "" };
    Ident::new(&format!("{operation}{suffix}"), Span::call_site())
}
