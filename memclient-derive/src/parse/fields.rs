//! `#[cache(...)]` on types, variants and fields, for the derives.

use syn::{
    Attribute, LitStr, Member, Path, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::{
    diag::{Diag, Slot},
    parse::{
        Entry, Given,
        cached::{Compress, read_choice, read_compress},
        option, read_crate, read_options, read_text, read_version,
    },
};

/// What stands on the struct or enum.
///
/// One list for both derives, because both may stand on one type and see the same attribute.
#[derive(Default)]
pub(crate) struct ContainerOptions {
    pub(crate) version: Slot<u32>,
    pub(crate) codec: Slot<Codec>,
    pub(crate) compress: Slot<Compress>,
    pub(crate) opaque: Slot<()>,
    pub(crate) entity: Slot<Vec<Member>>,
    pub(crate) prefix: Slot<LitStr>,
    pub(crate) crate_path: Slot<Path>,
}

/// What stands between the parentheses of `entity(..)`.
#[derive(Default)]
struct EntityOptions {
    key: Slot<Vec<Member>>,
}

/// What stands on a variant.
#[derive(Default)]
pub(crate) struct VariantOptions {
    pub(crate) rename: Slot<LitStr>,
}

/// What stands on a field.
#[derive(Default)]
pub(crate) struct FieldOptions {
    pub(crate) skip: Slot<()>,
    pub(crate) opaque: Slot<()>,
}

/// The format of a value as the user names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Codec {
    Bincode,
    Json,
}

impl ContainerOptions {
    pub(crate) fn parse(attributes: &[Attribute], diag: &mut Diag) -> Self {
        read_attributes(CONTAINER, attributes, diag)
    }
}

impl VariantOptions {
    pub(crate) fn parse(attributes: &[Attribute], diag: &mut Diag) -> Self {
        read_attributes(VARIANT, attributes, diag)
    }
}

impl FieldOptions {
    pub(crate) fn parse(attributes: &[Attribute], diag: &mut Diag) -> Self {
        read_attributes(FIELD, attributes, diag)
    }
}

/// An option that belongs elsewhere.
macro_rules! misplaced {
    ($name:literal $place:literal) => {
        Entry {
            name: $name,
            usage: "",
            read: |given, _, _, _| {
                let message = concat!("`", $name, "` belongs ", $place);
                Err(syn::Error::new_spanned(given.name, message))
            },
        }
    };
}

const CONTAINER: &[Entry<ContainerOptions>] = &[
    misplaced!("skip" "on a field"),
    misplaced!("rename" "on a variant"),
    option!("version", "version = 2", version, read_version),
    option!("codec", r#"codec = "json""#, codec, read_codec),
    option!("compress", r#"compress = "zlib""#, compress, read_type_compress),
    option!("opaque", "opaque", opaque, Given::alone),
    Entry { name: "entity", usage: "entity(key = id)", read: read_entity },
    option!("prefix", r#"prefix = "org""#, prefix, read_name),
    option!("crate", "crate = path::to::memclient", crate_path, read_crate),
];

const ENTITY: &[Entry<EntityOptions>] = &[option!("key", "key = id", key, read_members)];

const VARIANT: &[Entry<VariantOptions>] = &[
    misplaced!("skip" "on a field"),
    misplaced!("opaque" "on a field or on the type"),
    misplaced!("version" "on the type"),
    misplaced!("codec" "on the type"),
    misplaced!("compress" "on the type"),
    misplaced!("entity" "on the type"),
    misplaced!("prefix" "on the type"),
    misplaced!("crate" "on the type"),
    option!("rename", r#"rename = "name""#, rename, read_name),
];

const FIELD: &[Entry<FieldOptions>] = &[
    misplaced!("rename" "on a variant: fields have no names in keys"),
    misplaced!("version" "on the type"),
    misplaced!("codec" "on the type"),
    misplaced!("compress" "on the type"),
    misplaced!("entity" "on the type"),
    misplaced!("prefix" "on the type"),
    misplaced!("crate" "on the type"),
    option!("skip", "skip", skip, Given::alone),
    option!("opaque", "opaque", opaque, Given::alone),
];

fn read_attributes<O: Default>(table: &[Entry<O>], attributes: &[Attribute], diag: &mut Diag) -> O {
    let mut options = O::default();
    for attribute in attributes.iter().filter(|it| it.path().is_ident("cache")) {
        let read = attribute.parse_args_with(|input: ParseStream<'_>| {
            read_options(table, input, &mut options, diag);
            Ok(())
        });
        diag.ok(read);
    }
    options
}

/// Reads `entity(key = id)`; without a mistake inside, the key is there.
fn read_entity(
    given: &Given<'_>,
    input: ParseStream<'_>,
    options: &mut ContainerOptions,
    diag: &mut Diag,
) -> syn::Result<()> {
    let inside = given.list(input)?;
    if inside.is_empty() {
        return Err(given.misuse());
    }
    let mut entity = EntityOptions::default();
    let read = |input: ParseStream<'_>| {
        read_options(ENTITY, input, &mut entity, diag);
        Ok(())
    };
    read.parse2(inside)?;
    if let Some(key) = entity.key.take() {
        options.entity.set(given.name, key, diag);
    }
    Ok(())
}

/// Reads `name = field` or `name = (field, field)`.
fn read_members(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Vec<Member>> {
    given.equals(input)?;
    if input.peek(syn::token::Paren) {
        let inside;
        syn::parenthesized!(inside in input);
        let members = Punctuated::<Member, Token![,]>::parse_terminated(&inside)?;
        return if members.is_empty() {
            Err(given.misuse())
        } else {
            Ok(members.into_iter().collect())
        };
    }
    let misuse =
        |_| syn::Error::new(input.span(), "a key is a field, or several: `key = (org, id)`");
    Ok(vec![input.parse().map_err(misuse)?])
}

/// Reads `name = "text"`, where text is something that can be read in a key.
fn read_name(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = read_text(given, input)?;
    let text = name.value();
    if text.is_empty() || !text.chars().all(|it| it.is_alphanumeric() || "-_.".contains(it)) {
        return Err(syn::Error::new_spanned(
            name,
            "a name in a key is made of letters, digits, `-`, `_` and `.`",
        ));
    }
    Ok(name)
}

/// Without the option a type is not compressed: there is no word for it.
fn read_type_compress(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Compress> {
    read_compress(given, input, &["zlib", "zstd", "lz4"])
}

fn read_codec(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Codec> {
    read_choice(given, input, [("bincode", Codec::Bincode), ("json", Codec::Json)])
}

#[cfg(test)]
mod tests {
    use syn::{DeriveInput, parse_quote};

    use super::*;

    fn container(input: &DeriveInput) -> (ContainerOptions, Vec<String>) {
        let mut diag = Diag::new();
        let options = ContainerOptions::parse(&input.attrs, &mut diag);
        let errors = match diag.finish() {
            Ok(()) => Vec::new(),
            Err(all) => all.into_iter().map(|error| error.to_string()).collect(),
        };
        (options, errors)
    }

    #[test]
    fn options_of_a_type_may_be_spread_over_attributes() {
        let (options, errors) = container(&parse_quote! {
            #[cache(version = 2)]
            #[serde(transparent)]
            #[cache(codec = "json", crate = mc)]
            struct Id;
        });
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(options.version.get(), Some(&2));
        assert_eq!(options.codec.get(), Some(&Codec::Json));
        assert!(options.crate_path.get().is_some());
    }

    #[test]
    fn twice_is_seen_across_attributes() {
        let (_, errors) = container(&parse_quote! {
            #[cache(version = 2)]
            #[cache(version = 3)]
            struct Id;
        });
        assert_eq!(errors, ["`version` is given twice: keep one"]);
    }

    #[test]
    fn a_wrong_format_lists_the_right_ones() {
        let (_, errors) = container(&parse_quote! {
            #[cache(codec = "xml")]
            struct Id;
        });
        assert_eq!(errors, ["`codec` is one of \"bincode\", \"json\""]);
    }
}
