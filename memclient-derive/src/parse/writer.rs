//! The arguments of `#[invalidates(...)]` and `#[cache_put(...)]`.

use proc_macro2::TokenStream;
use syn::{
    Expr, ExprAssign, Ident, Path, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use crate::{
    diag::{Diag, Slot},
    parse::{Entry, Given, nearest, option, read_crate, read_expr, read_options},
};

/// What the user wrote.
#[derive(Default)]
pub(crate) struct WriterOptions {
    /// Entries, with the value for each, if one is given.
    pub(crate) targets: Vec<(Expr, Option<Expr>)>,
    pub(crate) when: Slot<When>,
    pub(crate) crate_path: Slot<Path>,
}

/// After which results something is done.
pub(crate) enum When {
    Ok(Ident),
    Err(Ident),
    Always,
}

impl WriterOptions {
    /// Reads the tokens between the parentheses; mistakes go to `diag`.
    pub(crate) fn parse(arguments: TokenStream, diag: &mut Diag) -> Self {
        let mut options = Self::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if is_option(input) {
                    read_one(input, &mut options, diag)?;
                } else {
                    options.targets.push(read_target(input)?);
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        let read = read.parse2(arguments);
        diag.ok(read);
        options
    }
}

const OPTIONS: &[Entry<WriterOptions>] = &[
    option!("when", "when = Ok", when, read_when),
    option!("crate", "crate = path::to::memclient", crate_path, read_crate),
];

/// Tells whether `name = ..` comes next; a target begins with a call.
fn is_option(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==])
}

/// Reads one option by itself, as the table reads a list of them.
fn read_one(
    input: ParseStream<'_>,
    options: &mut WriterOptions,
    diag: &mut Diag,
) -> syn::Result<()> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.extend([input.parse::<proc_macro2::TokenTree>()?]);
    }
    let read = |input: ParseStream<'_>| {
        read_options(OPTIONS, input, options, diag);
        Ok(())
    };
    read.parse2(tokens)
}

fn read_target(input: ParseStream<'_>) -> syn::Result<(Expr, Option<Expr>)> {
    match read_expr(input)? {
        Expr::Assign(ExprAssign { left, right, .. }) => Ok((*left, Some(*right))),
        target => Ok((target, None)),
    }
}

fn read_when(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<When> {
    given.equals(input)?;
    if !input.peek(Ident) {
        return Err(given.misuse());
    }
    let word: Ident = input.parse()?;
    let text = word.to_string();
    match text.as_str() {
        "Ok" => Ok(When::Ok(word)),
        "Err" => Ok(When::Err(word)),
        "always" => Ok(When::Always),
        _ => {
            let near = nearest(&text, ["Ok", "Err", "always"].into_iter())
                .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            let message = format!("`when` is one of `Ok`, `Err`, `always`{near}");
            Err(syn::Error::new_spanned(word, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn read(arguments: TokenStream) -> (WriterOptions, Vec<String>) {
        let mut diag = Diag::new();
        let options = WriterOptions::parse(arguments, &mut diag);
        let errors = match diag.finish() {
            Ok(()) => Vec::new(),
            Err(all) => all.into_iter().map(|error| error.to_string()).collect(),
        };
        (options, errors)
    }

    #[test]
    fn targets_and_options_may_be_mixed() {
        let (options, errors) = read(quote!(
            user(u.id),
            when = Err,
            shop::price(&a, 7) = price * 2,
            crate = mc,
            self.entry(7),
        ));
        assert!(errors.is_empty(), "{errors:?}");
        let values: Vec<_> = options.targets.iter().map(|(_, value)| value.is_some()).collect();
        assert_eq!(values, [false, true, false]);
        assert!(matches!(options.when.get(), Some(When::Err(_))));
        assert!(options.crate_path.get().is_some());
    }

    #[test]
    fn a_wrong_option_is_told_with_the_right_one() {
        let check = |arguments, expected: &str| {
            let (_, errors) = read(arguments);
            assert_eq!(errors, [expected]);
        };
        check(quote!(wehn = Ok), "unknown option `wehn`: did you mean `when`?");
        check(quote!(when = Okay), "`when` is one of `Ok`, `Err`, `always`");
        check(
            quote!(when = alway),
            "`when` is one of `Ok`, `Err`, `always`: did you mean `always`?",
        );
        check(quote!(when = "Ok"), "write `when` as `when = Ok`");
        check(quote!(when = Ok, user(1), when = Ok), "`when` is given twice: keep one");
    }
}
