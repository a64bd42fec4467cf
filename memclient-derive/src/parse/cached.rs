//! The arguments of `#[cached(...)]`.

use proc_macro2::TokenStream;
use syn::{
    Expr, ExprLit, Ident, Lit, LitStr, Path, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::{
    diag::{Diag, Slot},
    parse::{Entry, Given, duration, read_crate, read_expr, read_options, read_version},
};

/// What the user wrote, each option at most once.
#[derive(Default)]
pub(crate) struct CachedOptions {
    pub(crate) ttl: Slot<Time>,
    pub(crate) none: Slot<Time>,
    pub(crate) skip: Slot<Vec<Ident>>,
    pub(crate) key: Slot<Vec<Expr>>,
    pub(crate) name: Slot<LitStr>,
    pub(crate) version: Slot<u32>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) crate_path: Slot<Path>,
}

/// A length of time.
pub(crate) enum Time {
    /// Written as text and read while compiling.
    Seconds(u64, LitStr),
    /// An expression of the type `Duration`.
    Expr(Expr),
}

impl CachedOptions {
    /// Reads the tokens between the parentheses; mistakes go to `diag`.
    pub(crate) fn parse(arguments: TokenStream, diag: &mut Diag) -> Self {
        let mut options = Self::default();
        let read = |input: ParseStream<'_>| {
            read_options(OPTIONS, input, &mut options, diag);
            Ok(())
        };
        let read = read.parse2(arguments);
        diag.ok(read);
        options
    }
}

/// Every option of `#[cached(...)]`.
const OPTIONS: &[Entry<CachedOptions>] = &[
    Entry {
        name: "ttl",
        usage: r#"ttl = "10m""#,
        read: |given, input, options, diag| {
            let time = read_time(given, input)?;
            options.ttl.set(given.name, time, diag);
            Ok(())
        },
    },
    Entry {
        name: "none",
        usage: r#"none = "30s""#,
        read: |given, input, options, diag| {
            let time = read_time(given, input)?;
            options.none.set(given.name, time, diag);
            Ok(())
        },
    },
    Entry {
        name: "skip",
        usage: "skip(argument, ..)",
        read: |given, input, options, diag| {
            let names = read_names.parse2(given.list(input)?)?;
            if names.is_empty() {
                return Err(given.misuse());
            }
            let names = names.into_iter().collect();
            options.skip.set(given.name, names, diag);
            Ok(())
        },
    },
    Entry {
        name: "key",
        usage: "key(expression, ..)",
        read: |given, input, options, diag| {
            let parts = read_parts.parse2(given.list(input)?)?;
            if parts.is_empty() {
                return Err(given.misuse());
            }
            let parts = parts.into_iter().collect();
            options.key.set(given.name, parts, diag);
            Ok(())
        },
    },
    Entry {
        name: "name",
        usage: r#"name = "shop.user""#,
        read: |given, input, options, diag| {
            let name = read_name(given, input)?;
            options.name.set(given.name, name, diag);
            Ok(())
        },
    },
    Entry {
        name: "version",
        usage: "version = 2",
        read: |given, input, options, diag| {
            let version = read_version(given, input)?;
            options.version.set(given.name, version, diag);
            Ok(())
        },
    },
    Entry {
        name: "cache",
        usage: "cache = CACHE",
        read: |given, input, options, diag| {
            given.equals(input)?;
            let cache = read_expr(input)?;
            options.cache.set(given.name, cache, diag);
            Ok(())
        },
    },
    Entry {
        name: "crate",
        usage: "crate = path::to::memclient",
        read: |given, input, options, diag| {
            let path = read_crate(given, input)?;
            options.crate_path.set(given.name, path, diag);
            Ok(())
        },
    },
];

fn read_time(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Time> {
    given.equals(input)?;
    let value = read_expr(input)?;
    let Expr::Lit(ExprLit { lit, .. }) = &value else {
        return Ok(Time::Expr(value));
    };
    let Lit::Str(text) = lit else {
        return Err(syn::Error::new_spanned(
            lit,
            format_args!(
                "a time needs its unit: write `{} = \"10m\"`, or an expression of the type `Duration`",
                given.name
            ),
        ));
    };
    match duration::seconds(&text.value()) {
        Ok(seconds) => Ok(Time::Seconds(seconds, text.clone())),
        Err(message) => Err(syn::Error::new_spanned(text, message)),
    }
}

/// `self` is a name here, so keywords are let through; whether an argument has the name is
/// checked against the function.
fn read_names(input: ParseStream<'_>) -> syn::Result<Punctuated<Ident, Token![,]>> {
    Punctuated::parse_terminated_with(input, |input| {
        if input.peek(Ident::peek_any) {
            return input.call(Ident::parse_any);
        }
        Err(input.error("`skip(..)` takes names of arguments"))
    })
}

fn read_parts(input: ParseStream<'_>) -> syn::Result<Punctuated<Expr, Token![,]>> {
    Punctuated::parse_terminated_with(input, read_expr)
}

fn read_name(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<LitStr> {
    given.equals(input)?;
    if !input.peek(LitStr) {
        return Err(given.misuse());
    }
    let name: LitStr = input.parse()?;
    let text = name.value();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
    if text.is_empty() || text.len() > LONGEST_NAME || !text.bytes().all(allowed) {
        return Err(syn::Error::new_spanned(
            name,
            format_args!(
                "a name stands in every key: 1 to {LONGEST_NAME} ASCII letters, digits and `. _ - / :`"
            ),
        ));
    }
    Ok(name)
}

/// Leaves most of the 250 bytes of a key to its parts.
const LONGEST_NAME: usize = 80;

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn errors(arguments: TokenStream) -> Vec<String> {
        let mut diag = Diag::new();
        CachedOptions::parse(arguments, &mut diag);
        match diag.finish() {
            Ok(()) => Vec::new(),
            Err(all) => all.into_iter().map(|error| error.to_string()).collect(),
        }
    }

    fn check(arguments: TokenStream, expected: &str) {
        let shown = arguments.to_string();
        assert_eq!(errors(arguments), [expected], "{shown}");
    }

    #[test]
    fn every_option_is_read() {
        let mut diag = Diag::new();
        let options = CachedOptions::parse(
            quote!(
                ttl = "1h30m",
                none = TTL / 2,
                skip(db, self),
                key(self.tenant, id % 7),
                name = "shop.user",
                version = 3,
                cache = CACHE,
                crate = crate::deps::memclient,
            ),
            &mut diag,
        );
        diag.finish().unwrap();
        assert!(matches!(
            options.ttl.get(),
            Some(Time::Seconds(5400, text)) if text.value() == "1h30m"
        ));
        assert!(matches!(options.none.get(), Some(Time::Expr(_))));
        assert_eq!(options.skip.get().unwrap().len(), 2);
        assert_eq!(options.key.get().unwrap().len(), 2);
        assert_eq!(options.name.get().unwrap().value(), "shop.user");
        assert_eq!(options.version.get(), Some(&3));
        assert!(options.cache.get().is_some());
        assert!(options.crate_path.get().is_some());
    }

    #[test]
    fn no_option_is_needed() {
        assert!(errors(quote!()).is_empty());
    }

    #[test]
    fn an_unknown_option_is_named_with_its_neighbour() {
        check(quote!(tll = "1m"), "unknown option `tll`: did you mean `ttl`?");
        check(
            quote!(expire = "1m"),
            "unknown option `expire`: there are `ttl`, `none`, `skip`, `key`, `name`, `version`, \
             `cache`, `crate`",
        );
    }

    #[test]
    fn an_option_given_twice_is_refused() {
        check(quote!(ttl = "1m", ttl = "2m"), "`ttl` is given twice: keep one");
        check(quote!(skip(a), skip(b)), "`skip` is given twice: keep one");
    }

    #[test]
    fn a_wrong_form_shows_the_right_one() {
        check(quote!(ttl), r#"write `ttl` as `ttl = "10m"`"#);
        check(quote!(ttl = ), r#"write `ttl` as `ttl = "10m"`"#);
        check(quote!(ttl("10m")), r#"write `ttl` as `ttl = "10m"`"#);
        check(quote!(skip = db), "write `skip` as `skip(argument, ..)`");
        check(quote!(skip()), "write `skip` as `skip(argument, ..)`");
        check(quote!(key()), "write `key` as `key(expression, ..)`");
        check(quote!(name = user), r#"write `name` as `name = "shop.user"`"#);
        check(quote!(skip(db.pool)), "expected `,`");
        check(quote!(skip("db")), "`skip(..)` takes names of arguments");
    }

    #[test]
    fn a_wrong_value_is_refused() {
        check(
            quote!(ttl = 10),
            "a time needs its unit: write `ttl = \"10m\"`, or an expression of the type `Duration`",
        );
        check(quote!(ttl = "10"), "`10` has no unit: write \"10s\", or one of `m`, `h`, `d`, `w`");
        let version = "a version is a whole number from 0 to 4294967295: write `version = 2`";
        check(quote!(version = "2"), version);
        check(quote!(version = 4_294_967_296), version);
        check(quote!(version = -1), version);
        check(quote!(crate = "memclient"), "write the path of the crate without quotes");
        let name = "a name stands in every key: 1 to 80 ASCII letters, digits and `. _ - / :`";
        check(quote!(name = ""), name);
        check(quote!(name = "two words"), name);
        check(quote!(name = "über"), name);
    }

    #[test]
    fn one_mistake_does_not_hide_the_next() {
        let all = errors(quote!(ttl = "1y", foo(a, b) = 3, version = x, none = "0s" "1s", skip(a)));
        assert_eq!(all.len(), 4, "{all:?}");
    }
}
