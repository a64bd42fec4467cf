//! `#[derive(CacheKey)]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, parse_quote_spanned, spanned::Spanned};

use crate::model::{
    bounds,
    shape::{Body, Field, Shape, Style, Variant},
};

/// Input:
/// ```text
/// enum Page { Home, Post { id: u64, #[cache(skip)] lang: String } }
/// ```
/// Output:
/// ```text
/// impl CacheKey for Page {
///     fn write_key(&self, key: &mut KeyWriter) {
///         match self {
///             Self::Home {} => { key.variant("Home"); }
///             Self::Post { id: field_0, .. } => {
///                 key.variant("Post");
///                 let mut fields = key.tuple();
///                 fields.item(field_0);
///                 fields.finish();
///             }
///         }
///     }
/// }
/// ```
pub(crate) fn expand(shape: &Shape) -> TokenStream {
    let private = shape.crate_path.private();
    let ident = &shape.ident;
    let mut generics = shape.generics.clone();
    let kept = shape.fields().filter(|field| !field.skip);
    for ty in bounds::of_parameters(&shape.generics, kept.map(|field| &field.ty)) {
        let bound = parse_quote_spanned!(ty.span()=> #ty: #private::CacheKey);
        generics.make_where_clause().predicates.push(bound);
    }
    let (declared, used, where_clause) = generics.split_for_impl();
    let key = Ident::new("key", Span::mixed_site());
    let body = body(shape, &key);
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #declared #private::CacheKey for #ident #used #where_clause {
            fn write_key(&self, #key: &mut #private::KeyWriter) {
                #body
            }
        }
    }
}

fn body(shape: &Shape, key: &Ident) -> TokenStream {
    let private = shape.crate_path.private();
    let prefix = shape.prefix.as_ref();
    match &shape.body {
        Body::Struct(variant) => {
            let (pattern, names) = pattern(variant);
            let write = match names.as_slice() {
                [] if prefix.is_some() => TokenStream::new(),
                names if prefix.is_some() => tuple(&private, names, key),
                [only] if variant.style == Style::Tuple => {
                    let span = only.span();
                    quote_spanned!(span=> #private::CacheKey::write_key(#only, #key);)
                }
                names => tuple(&private, names, key),
            };
            let prefix = prefix.iter();
            quote! {
                let Self #pattern = self;
                #( #private::KeyWriter::variant(#key, #prefix); )*
                #write
            }
        }
        Body::Enum(variants) if variants.is_empty() => quote! {
            let _ = #key;
            match *self {}
        },
        Body::Enum(variants) => {
            let arms = variants.iter().map(|variant| arm(shape, variant, key));
            quote!(match self { #( #arms )* })
        }
    }
}

fn arm(shape: &Shape, variant: &Variant, key: &Ident) -> TokenStream {
    let private = shape.crate_path.private();
    let ident = &variant.ident;
    let name = match &shape.prefix {
        Some(prefix) => format!("{prefix}.{}", variant.key_name),
        None => variant.key_name.clone(),
    };
    let (pattern, names) = pattern(variant);
    let fields = (!names.is_empty()).then(|| tuple(&private, &names, key));
    quote! {
        Self::#ident #pattern => {
            #private::KeyWriter::variant(#key, #name);
            #fields
        }
    }
}

fn tuple(private: &TokenStream, names: &[Ident], key: &Ident) -> TokenStream {
    let fields = Ident::new("fields", Span::mixed_site());
    let items = names.iter().map(|name| quote_spanned!(name.span()=> #fields.item(#name);));
    quote! {
        #[allow(unused_mut)]
        let mut #fields = #private::KeyWriter::tuple(#key);
        #( #items )*
        #fields.finish();
    }
}

/// Returns a pattern in braces, which fits variants of every style, and the names that it binds.
fn pattern(variant: &Variant) -> (TokenStream, Vec<Ident>) {
    let kept: Vec<&Field> = variant.fields.iter().filter(|field| !field.skip).collect();
    let names: Vec<Ident> = kept
        .iter()
        .enumerate()
        // The span of the type, so that a type that cannot be a key is shown as the culprit.
        .map(|(index, field)| {
            let span = field.ty.span().resolved_at(Span::mixed_site());
            format_ident!("__memclient_field_{index}", span = span)
        })
        .collect();
    let members = kept.iter().map(|field| &field.member);
    let pattern = quote!({ #( #members: #names, )* .. });
    (pattern, names)
}
