//! The parameters of a generic function, and which of them its entries depend on.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{GenericParam, Generics, Ident, Type, WherePredicate};

use crate::model::{mentions, signature::Argument};

/// The parameters of a function, sorted by what they are needed for.
pub(crate) struct Parameters {
    /// All, for what runs the function.
    pub(crate) all: Generics,
    /// Those of the entries, for what only asks for one. Lifetimes are always among them.
    pub(crate) of_entry: Generics,
}

impl Parameters {
    /// Sorts the parameters: one that stands only in the types of arguments that are not in the key
    /// says as little about the result as they do.
    pub(super) fn new(
        generics: &Generics,
        arguments: &[Argument],
        in_key: &[bool],
        returns: &Type,
    ) -> Self {
        let mut left_out: HashSet<Ident> = names(generics)
            .filter(|name| {
                let mut uses =
                    arguments.iter().zip(in_key).filter(|(it, _)| uses(&it.ty, name)).peekable();
                uses.peek().is_some()
                    && uses.all(|(_, in_key)| !in_key)
                    && !self::uses(returns, name)
            })
            .cloned()
            .collect();
        // What a parameter of the entry names in its bounds must be there too.
        loop {
            let needed = generics
                .params
                .iter()
                .filter(|it| name(it).is_some_and(|name| !left_out.contains(name)))
                .find_map(|it| left_out.iter().find(|name| uses(it, name)).cloned());
            match needed {
                Some(name) => left_out.remove(&name),
                None => break,
            };
        }
        Self { all: generics.clone(), of_entry: without(generics, &left_out) }
    }

    /// Asks something of the types besides what the function itself asks of its parameters.
    pub(super) fn require(&mut self, predicate: &WherePredicate) {
        for generics in [&mut self.all, &mut self.of_entry] {
            generics.make_where_clause().predicates.push(predicate.clone());
        }
    }

    /// Returns the types of the entries, for their keys.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Ident> {
        self.of_entry.type_params().map(|it| &it.ident)
    }

    /// Returns the constants of the entries, for their keys.
    pub(crate) fn constants(&self) -> impl Iterator<Item = &Ident> {
        self.of_entry.const_params().map(|it| &it.ident)
    }
}

/// Writes `::<T, N>`, or nothing where there is no parameter to write.
pub(crate) fn turbofish(generics: &Generics) -> TokenStream {
    let names: Vec<_> = names(generics).collect();
    if names.is_empty() { TokenStream::new() } else { quote!(::<#( #names ),*>) }
}

fn without(generics: &Generics, left_out: &HashSet<Ident>) -> Generics {
    let mut kept = generics.clone();
    kept.params = generics
        .params
        .iter()
        .filter(|it| name(it).is_none_or(|name| !left_out.contains(name)))
        .cloned()
        .collect();
    if let Some(clause) = &mut kept.where_clause {
        let fits = |it: &&WherePredicate| left_out.iter().all(|name| !uses(*it, name));
        clause.predicates = clause.predicates.iter().filter(fits).cloned().collect();
    }
    kept
}

/// Types and constants; lifetimes are not told apart by keys.
fn names(generics: &Generics) -> impl Iterator<Item = &Ident> {
    generics.params.iter().filter_map(name)
}

fn name(parameter: &GenericParam) -> Option<&Ident> {
    match parameter {
        GenericParam::Lifetime(_) => None,
        GenericParam::Type(ty) => Some(&ty.ident),
        GenericParam::Const(constant) => Some(&constant.ident),
    }
}

fn uses(syntax: &impl ToTokens, name: &Ident) -> bool {
    mentions::token(&syntax.to_token_stream(), &name.to_string())
}

#[cfg(test)]
mod tests {
    use syn::{ItemFn, parse_quote};

    use super::*;
    use crate::{diag::Diag, model::signature::Signature};

    #[test]
    fn what_only_skipped_arguments_speak_of_is_left_out() {
        let check = |function: ItemFn, in_key: &[bool], expected: &str| {
            let mut diag = Diag::new();
            let signature = Signature::read(&function, &mut diag).unwrap();
            diag.finish().unwrap();
            let parameters = Parameters::new(
                &function.sig.generics,
                &signature.arguments,
                in_key,
                &signature.returns,
            );
            assert_eq!(turbofish(&parameters.of_entry).to_string(), expected);
        };
        check(
            parse_quote!(
                fn f<T>() -> u32 {
                    1
                }
            ),
            &[],
            ":: < T >",
        );
        check(
            parse_quote!(
                fn f<'a, T>(a: &'a T) -> u32 {
                    1
                }
            ),
            &[true],
            ":: < T >",
        );
        check(
            parse_quote!(
                fn f<E: Db>(db: E, id: u32) -> u32 {
                    1
                }
            ),
            &[false, true],
            "",
        );
        check(
            parse_quote!(
                fn f<E: Db>(db: E, id: u32) -> Result<u32, E::Error> {
                    1
                }
            ),
            &[false, true],
            ":: < E >",
        );
        check(
            parse_quote!(
                fn f<E: Db, T: From<E>>(db: E, id: T) -> u32 {
                    1
                }
            ),
            &[false, true],
            ":: < E , T >",
        );
        check(
            parse_quote!(
                fn f<E, T>(db: E, id: T) -> u32
                where
                    T: Id,
                    E: Load<T>,
                {
                    1
                }
            ),
            &[false, true],
            ":: < T >",
        );
        check(
            parse_quote!(
                fn f<const N: usize>(a: [u8; N]) -> u32 {
                    1
                }
            ),
            &[true],
            ":: < N >",
        );
    }
}
