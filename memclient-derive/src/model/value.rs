//! Which types can be values.

use quote::ToTokens;
use syn::Member;

use crate::{
    diag::Diag,
    model::shape::{Body, Shape, Variant},
    parse::fields::Codec,
};

/// Notes what keeps a type from being read back as it was written.
pub(crate) fn check(shape: &Shape, diag: &mut Diag) {
    if let Some(lifetime) = shape.generics.lifetimes().next() {
        diag.error(
            lifetime,
            "a cached value outlives what it was made from, so it cannot borrow: hold `String`, \
             `Vec<T>` or `Arc<T>`",
        );
    }
    if let Some(key) = &shape.entity {
        check_entity(key, &shape.body, diag);
    }
    if shape.codec == Some(Codec::Json) {
        return;
    }
    if let Body::Enum(variants) = &shape.body {
        check_numbers(variants, diag);
    }
    for option in shape.serde_of_bytes().flat_map(|serde| &serde.options) {
        if NEEDS_NAMES.iter().any(|name| option == name) {
            diag.error(
                option,
                format_args!(
                    "bincode writes no names, so it cannot read back what `{option}` leaves open: \
                     put `#[cache(codec = \"json\")]` on the type"
                ),
            );
        }
    }
}

/// Notes what keeps fields from being the key of their own value.
fn check_entity(key: &[Member], body: &Body, diag: &mut Diag) {
    let Body::Struct(Variant { fields, .. }) = body else {
        if let Some(first) = key.first() {
            diag.error(
                first,
                "the key of an entity is a field, and an enum has none in all of its variants: make \
                 it a struct that holds the enum",
            );
        }
        return;
    };
    for (index, member) in key.iter().enumerate() {
        let name = member.to_token_stream();
        if key[..index].contains(member) {
            diag.error(member, format_args!("`{name}` is in the key twice"));
        }
        match fields.iter().find(|field| field.member == *member) {
            None => {
                let all: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
                let known = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
                diag.error(member, format_args!("`{name}` is no field: there are {known}"));
            }
            Some(field) if field.is_left_out => diag.error(
                member,
                format_args!(
                    "`{name}` is not stored, so the value would come back with another key: let serde \
                     write it"
                ),
            ),
            Some(_) => {}
        }
    }
}

/// Notes each variant that serde counts when it writes and does not count when it reads, so that
/// every variant behind it would be read as its neighbour.
fn check_numbers(variants: &[Variant], diag: &mut Diag) {
    let is_read = |variant: &Variant| variant.serde.iter().all(|it| it.option("skip").is_none());
    let last = variants.iter().rposition(is_read).unwrap_or_default();
    for option in
        variants[..last].iter().flat_map(|it| &it.serde).filter_map(|it| it.option("skip"))
    {
        diag.error(
            option,
            "bincode numbers variants, and serde numbers those behind a skipped one differently \
             when it reads: move this variant behind the others, or put \
             `#[cache(codec = \"json\")]` on the type",
        );
    }
}

/// Options of serde after which a value can be read only by the names in it. bincode would fail to
/// read it, or read one field for another.
const NEEDS_NAMES: [&str; 7] = [
    "content",
    "flatten",
    "skip_deserializing",
    "skip_serializing",
    "skip_serializing_if",
    "tag",
    "untagged",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(input: &str) -> usize {
        let mut diag = Diag::new();
        if let Some(shape) = Shape::new(syn::parse_str(input).unwrap(), &mut diag) {
            check(&shape, &mut diag);
        }
        diag.finish().err().map_or(0, |all| all.into_iter().count())
    }

    #[test]
    fn what_bincode_cannot_read_back_needs_another_format() {
        let check = |input, expected| assert_eq!(errors(input), expected, "{input}");
        check("#[serde(untagged)] enum E { A(u32) }", 1);
        check("#[serde(tag = \"t\", content = \"c\")] enum E { A(u32) }", 2);
        check("struct S { #[serde(flatten)] a: A }", 1);
        check("struct S { #[serde(skip_serializing_if = \"none\")] a: A }", 1);
        check("#[cache(codec = \"bincode\")] #[serde(untagged)] enum E { A(u32) }", 1);
        check("#[cache(codec = \"json\")] #[serde(untagged)] enum E { A(u32) }", 0);
        check("enum E { #[serde(skip)] A, B, #[serde(skip)] C, D }", 2);
        check("enum E { A, #[serde(rename = \"b\", skip)] B(u8), C }", 1);
        check("#[cache(codec = \"json\")] enum E { #[serde(skip)] A, B }", 0);
    }

    #[test]
    fn what_every_format_reads_back_is_accepted() {
        let check = |input| assert_eq!(errors(input), 0, "{input}");
        check("#[serde(rename_all = \"camelCase\")] struct S { a: u32 }");
        check("struct S { #[serde(rename = \"tag\", default)] a: u32 }");
        check("struct S { #[serde(skip)] a: u32 }");
        check("enum E { A, B, #[serde(skip)] C, #[serde(skip)] D }");
        check("enum E { #[serde(skip)] A }");
        check("enum E {}");
        check("struct S { #[serde(skip_serializing, skip_deserializing)] a: u32 }");
    }

    #[test]
    fn an_entity_has_its_key_in_fields_that_are_stored() {
        let check = |input, expected| assert_eq!(errors(input), expected, "{input}");
        check("#[cache(entity(key = id))] struct S { id: u64, a: A }", 0);
        check("#[cache(entity(key = (org, id)))] struct S { id: u64, org: u8 }", 0);
        check("#[cache(entity(key = 0))] struct S(u64, A);", 0);
        check("#[cache(entity(key = r#type))] struct S { r#type: u64 }", 0);
        check("#[cache(entity(key = 1))] struct S(u64);", 1);
        check("#[cache(entity(key = idd))] struct S { id: u64 }", 1);
        check("#[cache(entity(key = (id, id)))] struct S { id: u64 }", 1);
        check("#[cache(entity(key = id))] struct S { #[serde(skip)] id: u64 }", 1);
        check("#[cache(entity(key = id), codec = \"json\")] enum E { A { id: u64 } }", 1);
        check("#[cache(entity())] struct S { id: u64 }", 1);
        check("#[cache(entity(key = ()))] struct S { id: u64 }", 1);
        check("#[cache(entity(key = self.id))] struct S { id: u64 }", 1);
        check("#[cache(entity(kye = id))] struct S { id: u64 }", 1);
        check("#[cache(entity = id)] struct S { id: u64 }", 1);
    }

    #[test]
    fn a_value_does_not_borrow() {
        assert_eq!(errors("struct S<'a> { a: &'a str }"), 1);
    }
}
