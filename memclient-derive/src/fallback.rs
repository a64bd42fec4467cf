//! What is written when the user made a mistake: the item as it was, and the errors.
//!
//! With the item gone, every use of it would be an error of its own and hide the one that counts.

use proc_macro2::TokenStream;
use quote::quote;

/// Writes the item unchanged behind the errors.
pub(crate) fn item(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let errors = error.to_compile_error();
    quote!(#errors #item)
}

/// Writes the errors of a derive, whose item stands anyway.
pub(crate) fn derive(error: &syn::Error) -> TokenStream {
    error.to_compile_error()
}

/// Says what an attribute was put on, when it is no function with a body.
pub(crate) fn not_a_function(item: &TokenStream, attribute: &str, error: syn::Error) -> syn::Error {
    if let Ok(declared) = syn::parse2::<syn::TraitItemFn>(item.clone()) {
        return syn::Error::new_spanned(
            declared.sig,
            format_args!(
                "a declaration has no body: put `#[{attribute}(..)]` on the functions that implement \
                 it"
            ),
        );
    }
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Impl(block)) => syn::Error::new_spanned(
            block.impl_token,
            format_args!("`#[{attribute}(..)]` belongs on each of the functions inside"),
        ),
        Ok(_) => syn::Error::new_spanned(
            item,
            format_args!("`#[{attribute}(..)]` belongs on a function"),
        ),
        Err(_) => error,
    }
}
