//! `#[derive(CacheValue)]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Generics, Ident, ext::IdentExt, parse_quote, parse_quote_spanned, spanned::Spanned};

use crate::{
    expand::derive_entity,
    model::{
        bounds,
        shape::{Body, Field, Shape, Style, Variant, canonical},
    },
    parse::{cached::Compress, fields::Codec},
};

/// Input:
/// ```text
/// #[cache(version = 2)]
/// #[serde(rename_all = "camelCase")]
/// struct User { id: u64, #[cache(opaque)] home: Url }
/// ```
/// Output:
/// ```text
/// impl Schema for User {
///     fn describe(schema: &mut SchemaWriter) {
///         schema.name("User");
///         schema.version(2);
///         schema.format(<DefaultCodec as Codec>::FORMAT);
///         schema.attribute("serde ( rename_all = \"camelCase\" )");
///         schema.field("id");
///         schema.nested::<u64>();
///         schema.field("home");
///         schema.opaque("Url");
///     }
/// }
/// impl CacheValue for User {
///     fn encode(&self) -> Result<Payload, EncodeError> { encode_with::<DefaultCodec, _>(self) }
///     fn decode(payload: &Payload) -> Result<Self, DecodeError> { decode_with::<DefaultCodec, _>(payload) }
/// }
/// ```
pub(crate) fn expand(shape: &Shape) -> TokenStream {
    let schema = schema(shape);
    let value = value(shape);
    let entity = derive_entity::expand(shape);
    quote!(#schema #value #entity)
}

fn schema(shape: &Shape) -> TokenStream {
    let private = shape.crate_path.private();
    let ident = &shape.ident;
    let name = ident.unraw().to_string();
    let mut generics = shape.generics.clone();
    let described = shape.fields().filter(|field| is_described(shape, field));
    let described = described.map(|field| &field.ty).chain(&shape.proxies);
    let parameters = bounds::of_parameters(&shape.generics, described);
    for ty in &parameters {
        let bound = parse_quote_spanned!(ty.span()=> #ty: #private::Schema);
        generics.make_where_clause().predicates.push(bound);
    }
    let (declared, used, where_clause) = generics.split_for_impl();
    let codec = codec(shape);
    let version = shape.version.iter();
    let attributes = shape.serde.iter().map(|it| &it.text);
    let writer = Ident::new("schema", Span::mixed_site());
    let proxies = shape
        .proxies
        .iter()
        .map(|ty| quote_spanned!(ty.span()=> #private::SchemaWriter::nested::<#ty>(#writer);));
    let body: Vec<_> = match &shape.body {
        _ if shape.opaque => vec![quote!(#private::SchemaWriter::opaque(#writer, #name);)],
        _ if shape.has_proxy() => Vec::new(),
        Body::Struct(variant) => fields(shape, variant, &writer),
        Body::Enum(variants) => {
            variants.iter().flat_map(|variant| self::variant(shape, variant, &writer)).collect()
        }
    };
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #declared #private::Schema for #ident #used #where_clause {
            fn describe(#writer: &mut #private::SchemaWriter) {
                #private::SchemaWriter::name(#writer, #name);
                #( #private::SchemaWriter::version(#writer, #version); )*
                #private::SchemaWriter::format(#writer, <#codec as #private::Codec>::FORMAT);
                #( #private::SchemaWriter::attribute(#writer, #attributes); )*
                #( #proxies )*
                #( #body )*
            }

            fn place() -> u64 {
                #private::declared_at(
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                    &[#( <#parameters as #private::Schema>::place() ),*],
                )
            }
        }
    }
}

fn value(shape: &Shape) -> TokenStream {
    let private = shape.crate_path.private();
    let ident = &shape.ident;
    let generics = value_generics(shape);
    let (declared, used, where_clause) = generics.split_for_impl();
    let codec = codec(shape);
    let payload = Ident::new("payload", Span::mixed_site());
    // At the name of the type, so that a missing `Serialize` is shown there; but `self` is not that of
    // the macro that the name may come from.
    let span = ident.span().resolved_at(Span::call_site());
    let encode = quote_spanned!(span=> #private::encode_with::<#codec, Self>(self));
    let compress = compress(shape);
    let decode = quote_spanned!(span=> #private::decode_with::<#codec, Self>(#payload));
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_qualifications, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #declared #private::CacheValue for #ident #used #where_clause {
            fn encode(
                &self,
            ) -> ::core::result::Result<#private::Payload, #private::EncodeError> {
                #encode #compress
            }

            fn decode(
                #payload: &#private::Payload,
            ) -> ::core::result::Result<Self, #private::DecodeError> {
                #decode
            }
        }
    }
}

/// A generic type is a value where its arguments make it one; of others the compiler says what is
/// missing.
fn value_generics(shape: &Shape) -> Generics {
    let mut generics = shape.generics.clone();
    if shape.generics.type_params().next().is_none() {
        return generics;
    }
    let private = shape.crate_path.private();
    let clause = generics.make_where_clause();
    clause.predicates.push(parse_quote! {
        Self: #private::Schema
            + #private::Serialize
            + #private::DeserializeOwned
            + ::core::clone::Clone
            + ::core::marker::Send
            + ::core::marker::Sync
            + 'static
    });
    generics
}

fn variant(shape: &Shape, variant: &Variant, writer: &Ident) -> Vec<TokenStream> {
    let private = shape.crate_path.private();
    let name = variant.ident.unraw().to_string();
    let attributes = variant.serde.iter().map(|it| &it.text);
    let mut written = vec![quote! {
        #private::SchemaWriter::variant(#writer, #name);
        #( #private::SchemaWriter::attribute(#writer, #attributes); )*
    }];
    written.extend(fields(shape, variant, writer));
    written
}

fn fields(shape: &Shape, variant: &Variant, writer: &Ident) -> Vec<TokenStream> {
    let private = shape.crate_path.private();
    // Formats with names write these three differently, and there is no field to tell them apart.
    let empty = match variant.style {
        Style::Named => Some("{}"),
        Style::Tuple => Some("()"),
        Style::Unit => None,
    };
    if variant.fields.is_empty() {
        let written =
            empty.map(|style| quote!(#private::SchemaWriter::attribute(#writer, #style);));
        return written.into_iter().collect();
    }
    variant.fields.iter().map(|it| field(shape, it, writer)).collect()
}

fn field(shape: &Shape, field: &Field, writer: &Ident) -> TokenStream {
    let private = shape.crate_path.private();
    let (name, ty) = (&field.name, &field.ty);
    let attributes = field.serde.iter().map(|it| &it.text);
    let described = if field.opaque {
        let text = canonical(&ty.to_token_stream());
        Some(quote!(#private::SchemaWriter::opaque(#writer, #text);))
    } else if is_described(shape, field) {
        Some(quote_spanned!(ty.span()=> #private::SchemaWriter::nested::<#ty>(#writer);))
    } else {
        None
    };
    quote! {
        #private::SchemaWriter::field(#writer, #name);
        #( #private::SchemaWriter::attribute(#writer, #attributes); )*
        #described
    }
}

fn is_described(shape: &Shape, field: &Field) -> bool {
    !field.opaque && !field.is_left_out && !shape.opaque && !shape.has_proxy()
}

/// Returns what is done to the written value.
fn compress(shape: &Shape) -> Option<TokenStream> {
    let private = shape.crate_path.private();
    let compression = match shape.compress.as_ref()? {
        Compress::Expr(expr) => quote!(#expr),
        Compress::Word(word) => {
            let private = shape.crate_path.private_at(word.text.span());
            let name = Ident::new(word.word, word.text.span());
            quote_spanned!(word.text.span()=> #private::compress::#name())
        }
    };
    let payload = Ident::new("payload", Span::mixed_site());
    Some(quote! {
        .map(|#payload| #private::Payload::compressed(#payload, #compression))
    })
}

fn codec(shape: &Shape) -> TokenStream {
    let private = shape.crate_path.private();
    match shape.codec {
        Some(Codec::Bincode) => quote!(#private::Bincode),
        Some(Codec::Json) => quote!(#private::Json),
        None => quote!(#private::DefaultCodec),
    }
}
