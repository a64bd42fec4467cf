//! What `#[cache(entity(..))]` adds to `#[derive(CacheValue)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Member, parse_quote, parse_quote_spanned, spanned::Spanned};

use crate::model::{
    bounds,
    shape::{Body, Field, Shape},
};

/// Input:
/// ```text
/// #[cache(entity(key = (org, id)))]
/// struct User { org: String, id: u64, name: String }
/// ```
/// Output:
/// ```text
/// impl CacheEntity for User {
///     type Key<'key> = (&'key String, &'key u64) where Self: 'key;
///     fn entity_key(&self) -> Self::Key<'_> { (&self.org, &self.id) }
/// }
/// ```
pub(super) fn expand(shape: &Shape) -> Option<TokenStream> {
    let (Some(members), Body::Struct(variant)) = (&shape.entity, &shape.body) else { return None };
    let named = |member: &Member| variant.fields.iter().find(|field| field.member == *member);
    let key: Vec<&Field> = members.iter().filter_map(named).collect();
    let private = shape.crate_path.private();
    let ident = &shape.ident;
    let mut generics = shape.generics.clone();
    if shape.generics.type_params().next().is_some() {
        let clause = generics.make_where_clause();
        clause.predicates.push(parse_quote!(Self: #private::CacheValue));
        for ty in bounds::of_parameters(&shape.generics, key.iter().map(|field| &field.ty)) {
            let bound = parse_quote_spanned!(ty.span()=> #ty: #private::CacheKey);
            clause.predicates.push(bound);
        }
    }
    let (declared, used, where_clause) = generics.split_for_impl();
    let types = key.iter().map(|field| {
        let ty = &field.ty;
        quote_spanned!(ty.span()=> &'key #ty)
    });
    let values = key.iter().map(|field| {
        let member = &field.member;
        quote!(&self.#member)
    });
    let (ty, value) = if key.len() == 1 {
        (quote!(#( #types )*), quote!(#( #values )*))
    } else {
        (quote!((#( #types, )*)), quote!((#( #values, )*)))
    };
    Some(quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #declared #private::CacheEntity for #ident #used #where_clause {
            type Key<'key> = #ty where Self: 'key;

            fn entity_key(&self) -> Self::Key<'_> {
                #value
            }
        }
    })
}
