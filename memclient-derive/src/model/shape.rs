//! Structs and enums as the derives see them.

use std::{iter, slice};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, Member, Type, ext::IdentExt};

use crate::{
    crate_path::CratePath,
    diag::Diag,
    parse::{
        cached::Compress,
        fields::{Codec, ContainerOptions, FieldOptions, VariantOptions},
    },
};

/// A struct or an enum.
pub(crate) struct Shape {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) body: Body,
    pub(crate) serde: Vec<Serde>,
    /// The types that serde reads and writes in its place: `from`, `try_from` and `into`.
    pub(crate) proxies: Vec<Type>,
    pub(crate) version: Option<u32>,
    pub(crate) codec: Option<Codec>,
    pub(crate) compress: Option<Compress>,
    /// Its name stands for its shape.
    pub(crate) opaque: bool,
    /// The fields that are its own key, where it has one.
    pub(crate) entity: Option<Vec<Member>>,
    /// What its keys begin with.
    pub(crate) prefix: Option<String>,
    pub(crate) crate_path: CratePath,
}

/// What a type is made of.
pub(crate) enum Body {
    Struct(Variant),
    Enum(Vec<Variant>),
}

/// The fields of a struct or of one variant.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    /// Its name in keys.
    pub(crate) key_name: String,
    pub(crate) style: Style,
    pub(crate) fields: Vec<Field>,
    pub(crate) serde: Vec<Serde>,
}

/// One `#[serde(..)]` attribute.
pub(crate) struct Serde {
    pub(crate) text: String,
    /// The names of its options, such as `rename` of `rename = "n"`.
    pub(crate) options: Vec<Ident>,
}

/// How fields are written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Style {
    Named,
    Tuple,
    Unit,
}

/// One field.
pub(crate) struct Field {
    /// Its name, or its place as text.
    pub(crate) name: String,
    pub(crate) member: Member,
    pub(crate) ty: Type,
    pub(crate) serde: Vec<Serde>,
    /// Serde leaves the field or its variant out, so that its type has no say in the bytes.
    pub(crate) is_left_out: bool,
    pub(crate) skip: bool,
    pub(crate) opaque: bool,
}

impl Shape {
    /// Reads a type and its `#[cache(..)]` options; mistakes go to `diag`.
    pub(crate) fn new(input: DeriveInput, diag: &mut Diag) -> Option<Self> {
        let mut options = ContainerOptions::parse(&input.attrs, diag);
        let body = match &input.data {
            Data::Struct(data) => Body::Struct(Variant::new(&input.ident, &data.fields, &[], diag)),
            Data::Enum(data) => Body::Enum(
                data.variants
                    .iter()
                    .map(|variant| {
                        Variant::new(&variant.ident, &variant.fields, &variant.attrs, diag)
                    })
                    .collect(),
            ),
            Data::Union(data) => {
                diag.error(
                    data.union_token,
                    "a union does not know which of its fields is there: use an enum",
                );
                return None;
            }
        };
        let is_opaque = options.opaque.get().is_some();
        Some(Self {
            serde: Serde::read_all(&input.attrs),
            proxies: if is_opaque { Vec::new() } else { proxies(&input.attrs) },
            body,
            version: options.version.take(),
            codec: options.codec.take(),
            compress: options.compress.take(),
            opaque: is_opaque,
            entity: options.entity.take(),
            prefix: options.prefix.take().map(|prefix| prefix.value()),
            crate_path: CratePath::new(options.crate_path.take()),
            ident: input.ident,
            generics: input.generics,
        })
    }

    /// Returns the `#[serde(..)]` attributes that decide the bytes: those on the type, its variants,
    /// and the fields that are written.
    pub(crate) fn serde_of_bytes(&self) -> impl Iterator<Item = &Serde> {
        let on_variants = self.variants().iter().flat_map(|variant| &variant.serde);
        let written = self.fields().filter(|field| !field.is_left_out);
        let on_fields = written.flat_map(|field| &field.serde);
        self.serde.iter().chain(on_variants).chain(on_fields)
    }

    /// Tells whether all of its bytes are those of other types, so that its fields have no say.
    pub(crate) fn has_proxy(&self) -> bool {
        let has = |name| self.serde.iter().any(|it| it.has(name));
        has("into") && (has("from") || has("try_from"))
    }

    /// Returns every field of every variant.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.variants().iter().flat_map(|variant| &variant.fields)
    }

    fn variants(&self) -> &[Variant] {
        match &self.body {
            Body::Struct(variant) => slice::from_ref(variant),
            Body::Enum(variants) => variants,
        }
    }
}

impl Variant {
    fn new(ident: &Ident, fields: &Fields, attributes: &[Attribute], diag: &mut Diag) -> Self {
        let mut options = VariantOptions::parse(attributes, diag);
        let serde = Serde::read_all(attributes);
        let renamed = options.rename.take().map(|name| name.value());
        let key_name = renamed.unwrap_or_else(|| ident.unraw().to_string());
        let style = match fields {
            Fields::Named(_) => Style::Named,
            Fields::Unnamed(_) => Style::Tuple,
            Fields::Unit => Style::Unit,
        };
        let fields = iter::zip(fields, fields.members())
            .map(|(field, member)| {
                let options = FieldOptions::parse(&field.attrs, diag);
                let own = Serde::read_all(&field.attrs);
                Field {
                    is_left_out: is_left_out(&own) || is_left_out(&serde),
                    name: match &member {
                        Member::Named(name) => name.unraw().to_string(),
                        Member::Unnamed(index) => index.index.to_string(),
                    },
                    member,
                    ty: field.ty.clone(),
                    serde: own,
                    skip: options.skip.get().is_some(),
                    opaque: options.opaque.get().is_some(),
                }
            })
            .collect();
        Self { ident: ident.clone(), key_name, style, fields, serde }
    }
}

impl Serde {
    fn read_all(attributes: &[Attribute]) -> Vec<Self> {
        attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("serde"))
            .map(|attribute| Self {
                text: canonical(&attribute.meta.to_token_stream()),
                options: option_names(attribute),
            })
            .collect()
    }

    /// Returns the option of this name, if it stands in the attribute.
    pub(crate) fn option(&self, name: &str) -> Option<&Ident> {
        self.options.iter().find(|it| *it == name)
    }

    fn has(&self, name: &str) -> bool {
        self.option(name).is_some()
    }
}

fn is_left_out(serde: &[Serde]) -> bool {
    let has = |name| serde.iter().any(|it| it.has(name));
    has("skip") || (has("skip_serializing") && has("skip_deserializing"))
}

/// Returns the types that `from = ".."` and its like name; what is no type is for serde to refuse.
fn proxies(attributes: &[Attribute]) -> Vec<Type> {
    let mut proxies: Vec<Type> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let _ = attribute.parse_nested_meta(|option| {
            let is_proxy = ["from", "try_from", "into"].iter().any(|it| option.path.is_ident(it));
            if option.input.peek(syn::token::Paren) {
                let inside;
                syn::parenthesized!(inside in option.input);
                inside.parse::<TokenStream>()?;
            } else if option.input.peek(syn::Token![=]) {
                let value: syn::Expr = option.value()?.parse()?;
                if is_proxy {
                    proxies.extend(type_in(&value));
                }
            }
            Ok(())
        });
    }
    proxies
}

fn type_in(value: &syn::Expr) -> Option<Type> {
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => text.parse().ok(),
        _ => None,
    }
}

/// Returns the first word of the list and each that stands behind a comma.
fn option_names(attribute: &Attribute) -> Vec<Ident> {
    let syn::Meta::List(list) = &attribute.meta else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let mut is_start = true;
    for tree in list.tokens.clone() {
        match tree {
            TokenTree::Ident(name) if is_start => names.push(name),
            TokenTree::Punct(sign) if sign.as_char() == ',' => {
                is_start = true;
                continue;
            }
            _ => {}
        }
        is_start = false;
    }
    names
}

/// Returns tokens as text that does not hang on how a compiler spaces them.
///
/// The text goes into fingerprints, which must be the same for every build of the same source.
pub(crate) fn canonical(tokens: &TokenStream) -> String {
    fn write(tokens: TokenStream, words: &mut Vec<String>) {
        for tree in tokens {
            match tree {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    words.push(open.to_owned());
                    write(group.stream(), words);
                    words.push(close.to_owned());
                }
                other => words.push(other.to_string()),
            }
        }
    }
    let mut words = Vec::new();
    write(tokens.clone(), &mut words);
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn text_of_tokens_does_not_hang_on_spacing() {
        assert_eq!(canonical(&quote!(Vec<u8>)), "Vec < u8 >");
        assert_eq!(canonical(&"Vec<u8>".parse().unwrap()), "Vec < u8 >");
        assert_eq!(canonical(&"a::b ( [ c ] )".parse().unwrap()), "a : : b ( [ c ] )");
    }

    #[test]
    fn serde_attributes_and_options_are_kept_with_their_field() {
        let mut diag = Diag::new();
        let shape = Shape::new(
            parse_quote! {
                #[serde(rename_all = "camelCase")]
                #[cache(version = 4)]
                struct User {
                    #[serde(rename = "n", skip)]
                    name: String,
                    #[cache(opaque)]
                    r#type: Foreign,
                }
            },
            &mut diag,
        );
        diag.finish().unwrap();
        let shape = shape.unwrap();
        assert_eq!(shape.serde.len(), 1);
        assert_eq!(shape.serde[0].text, "serde ( rename_all = \"camelCase\" )");
        assert_eq!(shape.version, Some(4));
        let fields: Vec<_> = shape.fields().collect();
        assert_eq!(fields[0].name, "name");
        assert!(fields[0].is_left_out);
        assert_eq!(fields[1].name, "type");
        assert!(fields[1].opaque && !fields[1].is_left_out);
    }

    #[test]
    fn types_in_its_place_are_found() {
        let check = |input: DeriveInput, expected: &[&str], whole| {
            let mut diag = Diag::new();
            let shape = Shape::new(input, &mut diag).unwrap();
            diag.finish().unwrap();
            let proxies: Vec<_> =
                shape.proxies.iter().map(|it| canonical(&it.to_token_stream())).collect();
            assert_eq!(proxies, expected);
            assert_eq!(shape.has_proxy(), whole);
        };
        check(
            parse_quote!(
                #[serde(rename_all(serialize = "x"), try_from = "a::Wire<T>")]
                #[serde(into = "u8")]
                struct S<T>(T);
            ),
            &["a : : Wire < T >", "u8"],
            true,
        );
        check(
            parse_quote!(
                #[serde(bound = "T: X", from = "u8")]
                struct S<T>(T);
            ),
            &["u8"],
            false,
        );
        check(
            parse_quote!(
                #[serde(into = "u8", from = "u8")]
                struct S(u8);
            ),
            &["u8", "u8"],
            true,
        );
        check(
            parse_quote!(
                struct S(#[serde(with = "m")] u8);
            ),
            &[],
            false,
        );
    }

    #[test]
    fn unions_and_options_on_variants_are_refused() {
        let check = |input: DeriveInput, part: &str| {
            let mut diag = Diag::new();
            Shape::new(input, &mut diag);
            let message = diag.finish().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        };
        check(parse_quote!(union U { a: u32 }), "use an enum");
        check(
            parse_quote!(
                enum E {
                    #[cache(skip)]
                    A,
                }
            ),
            "`skip` belongs on a field",
        );
        check(
            parse_quote!(
                struct S {
                    #[cache(opaqe)]
                    a: u32,
                }
            ),
            "did you mean `opaque`?",
        );
    }
}
