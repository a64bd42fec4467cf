//! Texts with values in braces, as `format!` has them, whose values may be any expression.

use quote::quote;
use syn::{Expr, ExprLit, Lit, LitStr, parse_quote_spanned};

/// Returns a text of the form `"org:{user.org}"` as the expression that puts it together; any other
/// expression as it is.
pub(crate) fn formatted(expr: Expr) -> syn::Result<Expr> {
    match &expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().contains(['{', '}']) => {
            put_together(text)
        }
        _ => Ok(expr),
    }
}

fn put_together(text: &LitStr) -> syn::Result<Expr> {
    let written = text.value();
    let (mut format, mut values) = (String::new(), Vec::<Expr>::new());
    let mut rest = written.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        format.push_str(before);
        if let Some(behind) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            format.push_str(&brace[..2]);
            rest = behind;
            continue;
        }
        let value = brace.strip_prefix('{').and_then(|behind| behind.split_once('}'));
        let Some((value, behind)) = value else {
            return Err(syn::Error::new_spanned(
                text,
                "a brace has no partner: write `{value}`, or `{{` and `}}` for the braces themselves",
            ));
        };
        let value = LitStr::new(value, text.span()).parse().map_err(|_| {
            syn::Error::new_spanned(
                text,
                format_args!("`{{{value}}}` is no value: write an expression between the braces"),
            )
        })?;
        format.push_str("{}");
        values.push(value);
        rest = behind;
    }
    format.push_str(rest);
    let format = LitStr::new(&format, text.span());
    let values = quote!(#( , #values )*);
    Ok(parse_quote_spanned!(text.span()=> ::std::format!(#format #values)))
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn check(expr: Expr, expected: &Expr) {
        let formatted = formatted(expr).unwrap();
        assert_eq!(formatted.to_token_stream().to_string(), expected.to_token_stream().to_string());
    }

    #[test]
    fn values_of_any_form_are_put_into_their_places() {
        check(parse_quote!("all"), &parse_quote!("all"));
        check(parse_quote!(name), &parse_quote!(name));
        check(parse_quote!("org:{org}"), &parse_quote!(::std::format!("org:{}", org)));
        check(
            parse_quote!("{u.org}:{{x}}:{f(7)}!"),
            &parse_quote!(::std::format!("{}:{{x}}:{}!", u.org, f(7))),
        );
    }

    #[test]
    fn a_brace_without_a_partner_is_explained() {
        for text in ["org:{org", "org}", "{}", "{a b}"] {
            let text = LitStr::new(text, proc_macro2::Span::call_site());
            assert!(formatted(parse_quote!(#text)).is_err());
        }
    }
}
