//! Keeps together what a `macro_rules!` macro has put in as one expression.
//!
//! In `$a * 2` the compiler holds `$a` together with invisible parentheses. It forgets these when
//! the code comes back from a macro like ours, so that `1 + 2` for `$a` would become `1 + 2 * 2`.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{
    Expr, ExprParen, Macro, token,
    visit_mut::{self, VisitMut},
};

/// Puts visible parentheses where invisible ones have a meaning.
pub(crate) struct KeepGroups;

impl VisitMut for KeepGroups {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        if let Expr::Group(group) = expr {
            let mut inner = (*group.expr).clone();
            if is_loose(&inner) {
                inner = Expr::Paren(ExprParen {
                    attrs: Vec::new(),
                    paren_token: token::Paren::default(),
                    expr: Box::new(inner),
                });
            }
            *expr = inner;
        }
    }

    fn visit_macro_mut(&mut self, call: &mut Macro) {
        call.tokens = kept(call.tokens.clone());
    }
}

/// What is handed to a further macro is tokens only; those that read as an operation are one.
fn kept(tokens: TokenStream) -> TokenStream {
    let keep = |tree| match tree {
        TokenTree::Group(group) => {
            let inside = kept(group.stream());
            let is_operation = || syn::parse2(inside.clone()).is_ok_and(|expr| is_loose(&expr));
            let delimiter = match group.delimiter() {
                Delimiter::None if is_operation() => Delimiter::Parenthesis,
                other => other,
            };
            let mut again = Group::new(delimiter, inside);
            again.set_span(group.span());
            TokenTree::Group(again)
        }
        other => other,
    };
    tokens.into_iter().map(keep).collect()
}

/// Tells whether an operator beside the expression could take a part of it.
pub(crate) fn is_loose(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Assign(_)
            | Expr::Binary(_)
            | Expr::Break(_)
            | Expr::Cast(_)
            | Expr::Closure(_)
            | Expr::Let(_)
            | Expr::Range(_)
            | Expr::Reference(_)
            | Expr::Return(_)
            | Expr::Unary(_)
    )
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use quote::{ToTokens, quote};

    use super::*;

    fn check(tokens: TokenStream, expected: &TokenStream) {
        let mut expr: Expr = syn::parse2(tokens).unwrap();
        KeepGroups.visit_expr_mut(&mut expr);
        assert_eq!(expr.to_token_stream().to_string(), expected.to_string());
    }

    fn invisible(tokens: TokenStream) -> Group {
        let mut group = Group::new(Delimiter::None, tokens);
        group.set_span(Span::call_site());
        group
    }

    #[test]
    fn an_operation_that_was_put_in_stays_together() {
        let sum = invisible(quote!(1 + 2));
        check(quote!(a * #sum), &quote!(a * (1 + 2)));
        check(quote!(f(|x| x * #sum)), &quote!(f(|x| x * (1 + 2))));
        check(quote!(vec![a * #sum]), &quote!(vec![a * (1 + 2)]));
    }

    #[test]
    fn what_cannot_fall_apart_gets_no_parentheses() {
        let name = invisible(quote!(a.b));
        check(quote!(#name * 2), &quote!(a.b * 2));
        let call = invisible(quote!(f(1 + 2)));
        check(quote!(#call * 2), &quote!(f(1 + 2) * 2));
    }
}
