//! Syntax to options: tables of what may be written, one entry for each option.

pub(crate) mod cached;
pub(crate) mod duration;
pub(crate) mod fields;
pub(crate) mod groups;
pub(crate) mod text;
pub(crate) mod writer;

use proc_macro2::TokenStream;
use syn::{Ident, LitStr, Path, Token, ext::IdentExt, parse::ParseStream, visit_mut::VisitMut};

use crate::{diag::Diag, parse::groups::KeepGroups};

/// One option: its name, how it is written, and what reads it.
///
/// Adding an option is adding an entry and the field that it fills: the parser, the check against
/// a second mention, and "did you mean" all work from the table.
pub(crate) struct Entry<O> {
    pub(crate) name: &'static str,
    /// Empty for an option that belongs elsewhere, which is not offered.
    pub(crate) usage: &'static str,
    pub(crate) read: fn(&Given<'_>, ParseStream<'_>, &mut O, &mut Diag) -> syn::Result<()>,
}

/// The name of an option as the user wrote it, with its usage for errors.
pub(crate) struct Given<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) usage: &'static str,
}

impl Given<'_> {
    /// Reads the `=` of `name = value`.
    pub(crate) fn equals(&self, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.peek(Token![=]) {
            return Err(self.misuse());
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(self.misuse());
        }
        Ok(())
    }

    /// Reads the parenthesis of `name(a, b)` and returns its inside.
    pub(crate) fn list(&self, input: ParseStream<'_>) -> syn::Result<TokenStream> {
        if !input.peek(syn::token::Paren) {
            return Err(self.misuse());
        }
        let inside;
        syn::parenthesized!(inside in input);
        inside.parse()
    }

    /// Refuses a value behind an option that has none.
    pub(crate) fn alone(&self, input: ParseStream<'_>) -> syn::Result<()> {
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(());
        }
        Err(input.error(format_args!("`{}` takes no value", self.name)))
    }

    pub(crate) fn misuse(&self) -> syn::Error {
        let Self { name, usage } = self;
        syn::Error::new_spanned(name, format_args!("write `{name}` as `{usage}`"))
    }
}

/// An option whose value is read by a function of `Given` and the tokens behind the name.
macro_rules! option {
    ($name:literal, $usage:literal, $field:ident, $read:expr) => {
        Entry {
            name: $name,
            usage: $usage,
            read: |given, input, options, diag| {
                let value = $read(given, input)?;
                options.$field.set(given.name, value, diag);
                Ok(())
            },
        }
    };
}
pub(crate) use option;

/// Reads a comma-separated list of options; after a mistake it goes on with the next option.
pub(crate) fn read_options<O>(
    table: &[Entry<O>],
    input: ParseStream<'_>,
    options: &mut O,
    diag: &mut Diag,
) {
    while !input.is_empty() {
        if let Err(error) = read_option(table, input, options, diag) {
            diag.push(error);
            skip_to_comma(input);
        }
        // Nothing is lost here: `read_option` stops at a comma or at the end.
        let _ = input.parse::<Option<Token![,]>>();
    }
}

/// Reads `name = "text"`.
pub(crate) fn read_text(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<LitStr> {
    given.equals(input)?;
    if !input.peek(LitStr) {
        return Err(given.misuse());
    }
    input.parse()
}

/// Reads `crate = path`, which all macros understand.
pub(crate) fn read_crate(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Path> {
    given.equals(input)?;
    if input.peek(LitStr) {
        return Err(input.error("write the path of the crate without quotes"));
    }
    Path::parse_mod_style(input)
}

/// Reads `version = 3`.
pub(crate) fn read_version(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<u32> {
    given.equals(input)?;
    let value = read_expr(input)?;
    let number = match &value {
        syn::Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    };
    number.ok_or_else(|| {
        syn::Error::new_spanned(
            value,
            "a version is a whole number from 0 to 4294967295: write `version = 2`",
        )
    })
}

/// Reads an expression that stays whole wherever it is written.
pub(crate) fn read_expr(input: ParseStream<'_>) -> syn::Result<syn::Expr> {
    let mut expr = input.parse()?;
    KeepGroups.visit_expr_mut(&mut expr);
    Ok(expr)
}

fn read_option<O>(
    table: &[Entry<O>],
    input: ParseStream<'_>,
    options: &mut O,
    diag: &mut Diag,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected the name of an option"));
    }
    let name = input.call(Ident::parse_any)?;
    let Some(entry) = table.iter().find(|entry| name == entry.name) else {
        let offered = table.iter().filter(|entry| !entry.usage.is_empty());
        return Err(unknown(&name, offered.map(|entry| entry.name)));
    };
    let given = Given { name: &name, usage: entry.usage };
    (entry.read)(&given, input, options, diag)?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(input
        .error(format_args!("expected `,` or the end: `{name}` is written as `{}`", entry.usage)))
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Any token tree may stand here; the only error is the end, which ends the loop.
        let _ = input.parse::<proc_macro2::TokenTree>();
    }
}

fn unknown(name: &Ident, known: impl Iterator<Item = &'static str> + Clone) -> syn::Error {
    let text = name.to_string();
    let near = nearest(&text, known.clone());
    let message = near.map_or_else(
        || {
            let all: Vec<_> = known.map(|name| format!("`{name}`")).collect();
            let there = if all.len() == 1 { "there is" } else { "there are" };
            format!("unknown option `{text}`: {there} {}", all.join(", "))
        },
        |near| format!("unknown option `{text}`: did you mean `{near}`?"),
    );
    syn::Error::new_spanned(name, message)
}

/// Returns the known name that differs least, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (distance(text, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number of letters to add, drop, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(a[i - 1] != b[j - 1]);
                let mut least =
                    (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_from_another_word() {
        let known = ["ttl", "none", "skip", "version", "crate"];
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(nearest(text, known.into_iter()), expected, "{text}");
        };
        check("tll", Some("ttl"));
        check("tlt", Some("ttl"));
        check("ttls", Some("ttl"));
        check("nones", Some("none"));
        check("skpi", Some("skip"));
        check("verzoin", Some("version"));
        check("expire", None);
        check("x", None);
    }

    #[test]
    fn distance_counts_swaps_as_one() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("acb", "abc"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
