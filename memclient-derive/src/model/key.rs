//! Which types can be keys.

use std::collections::HashMap;

use crate::{
    diag::Diag,
    model::shape::{Body, Shape},
};

/// Notes what would give two different values one key.
pub(crate) fn check(shape: &Shape, diag: &mut Diag) {
    let Body::Enum(variants) = &shape.body else {
        return;
    };
    let mut written = HashMap::new();
    for variant in variants {
        if let Some(first) = written.insert(&variant.key_name, &variant.ident) {
            diag.error(
                &variant.ident,
                format_args!(
                    "`{first}` and `{}` would both be `{}` in keys: give one of them another name \
                     with `#[cache(rename = \"..\")]`",
                    variant.ident, variant.key_name,
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_variants_never_have_one_name() {
        let check = |input: &str, expected: usize| {
            let mut diag = Diag::new();
            if let Some(shape) = Shape::new(syn::parse_str(input).unwrap(), &mut diag) {
                check(&shape, &mut diag);
            }
            let errors = diag.finish().err().map_or(0, |all| all.into_iter().count());
            assert_eq!(errors, expected, "{input}");
        };
        check("enum E { A, B }", 0);
        check("enum E { #[cache(rename = \"B\")] A, #[cache(rename = \"A\")] B }", 0);
        check("enum E { #[cache(rename = \"B\")] A, B }", 1);
        check("enum E { #[cache(rename = \"c\")] A, #[cache(rename = \"c\")] B(u8) }", 1);
    }
}
