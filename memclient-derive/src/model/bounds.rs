//! Which types of a generic item need a bound of their own.

use std::collections::HashSet;

use quote::ToTokens;
use syn::{
    Generics, Type, TypePath,
    visit::{self, Visit},
};

/// Returns the type parameters that `types` use, such as `T`, and what they name through them, such
/// as `T::Id`, each once.
///
/// Bounds on parameters, as the standard derives have them, and not on the types of the fields: a
/// type that contains itself would otherwise have a bound that needs itself.
pub(crate) fn of_parameters<'a>(
    generics: &'a Generics,
    types: impl Iterator<Item = &'a Type>,
) -> Vec<TypePath> {
    let mut search = Search { generics, found: Vec::new(), texts: HashSet::new() };
    types.for_each(|ty| search.visit_type(ty));
    search.found
}

struct Search<'a> {
    generics: &'a Generics,
    found: Vec<TypePath>,
    texts: HashSet<String>,
}

impl Visit<'_> for Search<'_> {
    fn visit_type_path(&mut self, path: &TypePath) {
        let segments = &path.path.segments;
        // It holds nothing of its parameter.
        if segments.last().is_some_and(|it| it.ident == "PhantomData") {
            return;
        }
        let first = segments.first().map(|it| &it.ident);
        let is_parameter = path.qself.is_none()
            && path.path.leading_colon.is_none()
            && self.generics.type_params().any(|parameter| Some(&parameter.ident) == first);
        let text = path.to_token_stream().to_string();
        if is_parameter && self.texts.insert(text) {
            self.found.push(path.clone());
        }
        visit::visit_type_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use syn::{ItemStruct, parse_quote};

    use super::*;

    #[test]
    fn parameters_and_what_they_name_are_found_once() {
        let item: ItemStruct = parse_quote! {
            struct S<'a, T, U, V: Trait, const N: usize> {
                a: &'a [T; N],
                b: Vec<Option<T>>,
                c: PhantomData<U>,
                d: V::Id,
                e: (u32, other::T),
            }
        };
        let types = item.fields.iter().map(|field| &field.ty);
        let found: Vec<_> = of_parameters(&item.generics, types)
            .iter()
            .map(|path| path.to_token_stream().to_string())
            .collect();
        assert_eq!(found, ["T", "V :: Id"]);
    }
}
