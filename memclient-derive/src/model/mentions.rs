//! Which names a piece of the user's code uses.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Block, Expr, Item, Macro, Path, Signature,
    visit::{self, Visit},
};

/// Tells whether `expr` uses the variable `name`.
///
/// Inside of macros nothing is known but tokens, so a token of that name counts, and a `{name}` in
/// a format string too. Saying yes too often costs an argument that is not needed.
pub(super) fn variable(expr: &Expr, name: &Ident) -> bool {
    let mut search = Search { found: false, name: name.to_string(), whole_path: true };
    search.visit_expr(expr);
    search.found
}

/// Tells whether a function speaks of `Self`, which only functions of a type can.
pub(super) fn own_type(signature: &Signature, body: &Block) -> bool {
    let mut search = Search { found: false, name: "Self".to_owned(), whole_path: false };
    search.visit_signature(signature);
    search.visit_block(body);
    search.found
}

struct Search {
    found: bool,
    name: String,
    /// A variable is a path of one name; `Self` may also start a longer one.
    whole_path: bool,
}

impl Visit<'_> for Search {
    fn visit_path(&mut self, path: &Path) {
        let named = path.segments.first().is_some_and(|it| it.ident == self.name);
        let fits = !self.whole_path || path.segments.len() == 1;
        self.found |= named && fits && path.leading_colon.is_none();
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &Macro) {
        self.found |= token(&call.tokens, &self.name);
    }

    fn visit_item(&mut self, _: &Item) {
        // An item inside of a body has names and a `Self` of its own.
    }
}

/// Tells whether a token of this name is among `tokens`, or captured by a format string.
pub(super) fn token(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|tree| match tree {
        TokenTree::Group(group) => token(&group.stream(), name),
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Literal(literal) => captures(&literal.to_string(), name),
        TokenTree::Punct(_) => false,
    })
}

/// Tells whether a literal is a format string with `{name}` or `{name:..}` in it.
fn captures(literal: &str, name: &str) -> bool {
    literal.split('{').skip(1).any(|behind| {
        behind.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(['}', ':']))
    })
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use syn::{ItemFn, parse_quote};

    use super::*;

    #[test]
    fn a_variable_is_found_wherever_it_is_used() {
        let check = |expr: Expr, expected| {
            let name = Ident::new("id", Span::call_site());
            assert_eq!(variable(&expr, &name), expected);
        };
        check(parse_quote!(id), true);
        check(parse_quote!(id.tenant.0), true);
        check(parse_quote!((1, f(&id % 7))), true);
        check(parse_quote!(format!("{}", id)), true);
        check(parse_quote!(format!("a-{id}")), true);
        check(parse_quote!(format!("a-{id:>3}")), true);
        check(parse_quote!(user.id), false);
        check(parse_quote!(user.id()), false);
        check(parse_quote!(id::new()), false);
        check(parse_quote!(::id), false);
        check(parse_quote!(format!("id {ident}")), false);
    }

    #[test]
    fn self_types_of_inner_items_do_not_count() {
        let check = |function: ItemFn, expected| {
            assert_eq!(own_type(&function.sig, &function.block), expected);
        };
        check(
            parse_quote!(
                fn f() -> Self {
                    todo!()
                }
            ),
            true,
        );
        check(
            parse_quote!(
                fn f() -> u32 {
                    Self::LIMIT
                }
            ),
            true,
        );
        check(
            parse_quote!(
                fn f() -> u32 {
                    g(vec![Self::LIMIT])
                }
            ),
            true,
        );
        check(
            parse_quote!(
                fn f() -> u32 {
                    1
                }
            ),
            false,
        );
        check(
            parse_quote!(
                fn f() -> u32 {
                    struct A;
                    impl A {
                        fn n() -> Self {
                            A
                        }
                    }
                    1
                }
            ),
            false,
        );
    }
}
