//! The arguments of `#[cached(...)]`.

use proc_macro2::TokenStream;
use syn::{
    Expr, ExprLit, ExprPath, Ident, Lit, LitBool, LitStr, Path, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::{
    diag::{Diag, Slot},
    parse::{
        Entry, Given,
        duration::{self, Resolution},
        nearest, option, read_crate, read_expr, read_options, read_text, read_version, text,
    },
};

/// What the user wrote, each option at most once.
#[derive(Default)]
pub(crate) struct CachedOptions {
    pub(crate) ttl: Slot<Time>,
    pub(crate) none: Slot<Time>,
    pub(crate) grace: Slot<Time>,
    pub(crate) soft_timeout: Slot<Time>,
    pub(crate) timeout: Slot<Time>,
    pub(crate) throttle: Slot<Time>,
    pub(crate) lease: Slot<Time>,
    pub(crate) near: Slot<Time>,
    pub(crate) single_flight: Slot<Expr>,
    pub(crate) ttl_for: Slot<Expr>,
    pub(crate) jitter: Slot<Expr>,
    pub(crate) early: Slot<Expr>,
    pub(crate) refresh: Slot<Refresh>,
    pub(crate) cache_if: Slot<Expr>,
    pub(crate) on_error: Slot<OnError>,
    pub(crate) fail: Slot<Fail>,
    pub(crate) batch: Slot<Ident>,
    pub(crate) share: Slot<Share>,
    pub(crate) codec: Slot<Word>,
    pub(crate) compress: Slot<Compress>,
    pub(crate) skip: Slot<Vec<Ident>>,
    pub(crate) key: Slot<Vec<Expr>>,
    pub(crate) tags: Slot<Vec<Expr>>,
    pub(crate) name: Slot<LitStr>,
    pub(crate) version: Slot<u32>,
    pub(crate) cache: Slot<Expr>,
    pub(crate) entry: Slot<Ident>,
    pub(crate) associated: Slot<()>,
    pub(crate) crate_path: Slot<Path>,
}

/// A length of time.
pub(crate) enum Time {
    /// Written as text and read while compiling.
    Millis(u64, LitStr),
    /// An expression of the type `Duration`.
    Expr(Expr),
}

/// Who loads again what is stale or about to end.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Refresh {
    Caller,
    Background,
}

/// What becomes of an `Err`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum OnError {
    /// A stale value is answered in its place where there is one.
    Stale,
    /// It is kept like a value.
    Cache,
}

/// What a call does where the cache cannot be reached.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Fail {
    /// It runs the function.
    Open,
    /// It returns an error.
    Closed,
}

/// One of a few words, such as the name of a codec.
pub(crate) struct Word {
    pub(crate) word: &'static str,
    pub(crate) text: LitStr,
}

/// Whose entries a batch answers from.
pub(crate) enum Share {
    /// Those of a function that takes what the batch takes, but one of its keys.
    Function(ExprPath),
    /// Those that a function has for these arguments.
    Call(ExprPath, Punctuated<Expr, Token![,]>),
}

/// How values are compressed.
pub(crate) enum Compress {
    Word(Word),
    /// An expression of the type `Compression`.
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
    option!("ttl", r#"ttl = "10m""#, ttl, read_seconds),
    option!("ttl_for", "ttl_for = |value| value.life()", ttl_for, read_value),
    option!("none", r#"none = "30s""#, none, read_seconds),
    option!("skip", "skip(argument, ..)", skip, read_skip),
    option!("key", "key(expression, ..)", key, read_key),
    option!("tags", r#"tags("org:{org}", ..)"#, tags, read_tags),
    option!("name", r#"name = "shop.user""#, name, read_name),
    option!("version", "version = 2", version, read_version),
    option!("cache", "cache = CACHE", cache, read_value),
    option!("grace", r#"grace = "1h""#, grace, read_seconds),
    option!("refresh", r#"refresh = "background""#, refresh, read_refresh),
    option!("early", "early = false", early, read_value),
    option!("jitter", "jitter = 10", jitter, read_jitter),
    option!("soft_timeout", r#"soft_timeout = "50ms""#, soft_timeout, read_millis),
    option!("timeout", r#"timeout = "30s""#, timeout, read_millis),
    option!("throttle", r#"throttle = "1s""#, throttle, read_millis),
    option!("lease", r#"lease = "5s""#, lease, read_seconds),
    option!("single_flight", "single_flight = false", single_flight, read_value),
    option!("near", r#"near = "5s""#, near, read_near),
    option!("cache_if", "cache_if = |value| value.is_final", cache_if, read_value),
    option!("on_error", r#"on_error = "cache""#, on_error, read_on_error),
    option!("fail", r#"fail = "closed""#, fail, read_fail),
    option!("codec", r#"codec = "json""#, codec, read_codec),
    option!("compress", r#"compress = "zlib""#, compress, read_compress_or_none),
    option!("batch", "batch = ids", batch, read_entry),
    option!("share", "share = user", share, read_share),
    option!("entry", "entry = user_entry", entry, read_entry),
    option!("associated", "associated", associated, Given::alone),
    option!("crate", "crate = path::to::memclient", crate_path, read_crate),
];

fn read_value(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Expr> {
    given.equals(input)?;
    read_expr(input)
}

fn read_seconds(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Time> {
    read_time(given, input, Resolution::Seconds)
}

fn read_millis(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Time> {
    read_time(given, input, Resolution::Milliseconds)
}

/// `false` keeps nothing near.
fn read_near(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Time> {
    let ahead = input.fork();
    if ahead.parse::<Token![=]>().is_ok()
        && let Ok(word) = ahead.parse::<LitBool>()
        && !word.value
    {
        given.equals(input)?;
        let word: LitBool = input.parse()?;
        return Ok(Time::Millis(0, LitStr::new("0s", word.span)));
    }
    read_time(given, input, Resolution::Seconds)
}

fn read_time(
    given: &Given<'_>,
    input: ParseStream<'_>,
    resolution: Resolution,
) -> syn::Result<Time> {
    let value = read_value(given, input)?;
    let Expr::Lit(ExprLit { lit, .. }) = &value else {
        return Ok(Time::Expr(value));
    };
    let Lit::Str(text) = lit else {
        return Err(syn::Error::new_spanned(
            lit,
            format_args!(
                "a time needs its unit: write `{}`, or an expression of the type `Duration`",
                given.usage
            ),
        ));
    };
    match duration::millis(&text.value(), resolution) {
        Ok(millis) => Ok(Time::Millis(millis, text.clone())),
        Err(message) => Err(syn::Error::new_spanned(text, message)),
    }
}

/// A number is checked here; an expression is of the type `u8`.
fn read_jitter(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Expr> {
    let value = read_value(given, input)?;
    let Expr::Lit(ExprLit { lit, .. }) = &value else {
        return Ok(value);
    };
    let percent = match lit {
        Lit::Int(number) => number.base10_parse::<u8>().ok(),
        _ => None,
    };
    if percent.is_some_and(|percent| percent <= 100) {
        return Ok(value);
    }
    Err(syn::Error::new_spanned(
        lit,
        "`jitter` is a number of percent from 0 to 100: write `jitter = 10`",
    ))
}

fn read_refresh(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Refresh> {
    read_choice(given, input, [("background", Refresh::Background), ("caller", Refresh::Caller)])
}

fn read_on_error(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<OnError> {
    read_choice(given, input, [("cache", OnError::Cache), ("stale", OnError::Stale)])
}

fn read_fail(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Fail> {
    read_choice(given, input, [("closed", Fail::Closed), ("open", Fail::Open)])
}

pub(crate) fn read_choice<T, const N: usize>(
    given: &Given<'_>,
    input: ParseStream<'_>,
    choices: [(&'static str, T); N],
) -> syn::Result<T> {
    let word = read_word(given, input, &choices.each_ref().map(|(word, _)| *word))?;
    let chosen = choices.into_iter().find(|(known, _)| *known == word.word);
    chosen.map(|(_, value)| value).ok_or_else(|| given.misuse())
}

fn read_codec(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Word> {
    read_word(given, input, &["bincode", "json"])
}

fn read_compress_or_none(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Compress> {
    read_compress(given, input, &["zlib", "zstd", "lz4", "none"])
}

pub(crate) fn read_compress(
    given: &Given<'_>,
    input: ParseStream<'_>,
    words: &[&'static str],
) -> syn::Result<Compress> {
    let ahead = input.fork();
    ahead.parse::<Token![=]>().ok();
    if input.peek(Token![=]) && !ahead.peek(LitStr) {
        return read_value(given, input).map(Compress::Expr);
    }
    read_word(given, input, words).map(Compress::Word)
}

/// Reads `name = "word"`, one of `words`.
fn read_word(
    given: &Given<'_>,
    input: ParseStream<'_>,
    words: &[&'static str],
) -> syn::Result<Word> {
    let text = read_text(given, input)?;
    let written = text.value();
    if let Some(word) = words.iter().find(|word| **word == written) {
        return Ok(Word { word, text });
    }
    let all: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    let all = all.join(", ");
    let name = given.name;
    let message = nearest(&written, words.iter().copied()).map_or_else(
        || format!("`{name}` is one of {all}"),
        |near| format!("`{name}` is one of {all}: did you mean \"{near}\"?"),
    );
    Err(syn::Error::new_spanned(text, message))
}

fn read_entry(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Ident> {
    given.equals(input)?;
    if !input.peek(Ident) {
        return Err(given.misuse());
    }
    input.parse()
}

fn read_share(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Share> {
    match read_value(given, input)? {
        Expr::Path(function) if function.qself.is_none() => Ok(Share::Function(function)),
        Expr::Call(call) => match *call.func {
            Expr::Path(function) if function.qself.is_none() => {
                Ok(Share::Call(function, call.args))
            }
            other => Err(misplaced_share(&other)),
        },
        other => Err(misplaced_share(&other)),
    }
}

fn misplaced_share(expr: &Expr) -> syn::Error {
    syn::Error::new_spanned(
        expr,
        "`share` names the cached function of one key: write `share = user`, or \
         `share = user(org, *ids)` with the arguments of its key",
    )
}

fn read_skip(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let names = read_names.parse2(given.list(input)?)?;
    if names.is_empty() {
        return Err(given.misuse());
    }
    Ok(names.into_iter().collect())
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

fn read_key(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let parts = read_parts.parse2(given.list(input)?)?;
    if parts.is_empty() {
        return Err(given.misuse());
    }
    Ok(parts.into_iter().collect())
}

/// A text may have values in it: `"org:{user.org}"`.
fn read_tags(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    read_key(given, input)?.into_iter().map(text::formatted).collect()
}

fn read_parts(input: ParseStream<'_>) -> syn::Result<Punctuated<Expr, Token![,]>> {
    Punctuated::parse_terminated_with(input, read_expr)
}

fn read_name(given: &Given<'_>, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = read_text(given, input)?;
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
                tags("all", "org:{user.org}", name),
                name = "shop.user",
                version = 3,
                cache = CACHE,
                grace = "1h",
                refresh = "background",
                early = LATE,
                jitter = 10,
                soft_timeout = "50ms",
                timeout = LONG,
                throttle = "1s",
                lease = "5s",
                near = false,
                single_flight = false,
                ttl_for = |user| user.life(),
                cache_if = |user| user.active,
                on_error = "stale",
                fail = "closed",
                batch = ids,
                share = users::user(org, *ids),
                codec = "json",
                compress = "zstd",
                entry = user_entry,
                associated,
                crate = crate::deps::memclient,
            ),
            &mut diag,
        );
        diag.finish().unwrap();
        assert!(matches!(
            options.ttl.get(),
            Some(Time::Millis(5_400_000, text)) if text.value() == "1h30m"
        ));
        assert!(matches!(options.none.get(), Some(Time::Expr(_))));
        assert_eq!(options.skip.get().unwrap().len(), 2);
        assert_eq!(options.key.get().unwrap().len(), 2);
        assert_eq!(options.tags.get().unwrap().len(), 3);
        assert_eq!(options.name.get().unwrap().value(), "shop.user");
        assert_eq!(options.version.get(), Some(&3));
        assert!(options.cache.get().is_some());
        assert!(matches!(options.grace.get(), Some(Time::Millis(3_600_000, _))));
        assert!(options.refresh.get() == Some(&Refresh::Background));
        assert!(options.early.get().is_some() && options.jitter.get().is_some());
        assert!(matches!(options.soft_timeout.get(), Some(Time::Millis(50, _))));
        assert!(matches!(options.timeout.get(), Some(Time::Expr(_))));
        assert!(matches!(options.throttle.get(), Some(Time::Millis(1000, _))));
        assert!(matches!(options.lease.get(), Some(Time::Millis(5000, _))));
        assert!(options.cache_if.get().is_some() && options.ttl_for.get().is_some());
        assert!(matches!(options.near.get(), Some(Time::Millis(0, _))));
        assert!(options.single_flight.get().is_some());
        assert!(options.batch.get().is_some_and(|ids| ids == "ids"));
        assert!(matches!(options.share.get(), Some(Share::Call(_, keys)) if keys.len() == 2));
        assert!(options.on_error.get() == Some(&OnError::Stale));
        assert!(options.fail.get() == Some(&Fail::Closed));
        assert!(options.codec.get().is_some_and(|codec| codec.word == "json"));
        assert!(matches!(options.compress.get(), Some(Compress::Word(it)) if it.word == "zstd"));
        assert!(options.entry.get().is_some_and(|name| name == "user_entry"));
        assert!(options.associated.get().is_some());
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
            "unknown option `expire`: there are `ttl`, `ttl_for`, `none`, `skip`, `key`, `tags`, `name`, `version`, \
             `cache`, `grace`, `refresh`, `early`, `jitter`, `soft_timeout`, `timeout`, `throttle`, \
             `lease`, `single_flight`, `near`, `cache_if`, `on_error`, `fail`, `codec`, `compress`, \
             `batch`, `share`, `entry`, `associated`, `crate`",
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
        check(quote!(tags = "all"), r#"write `tags` as `tags("org:{org}", ..)`"#);
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
    fn a_wrong_word_lists_the_right_ones() {
        check(
            quote!(refresh = "backgruond"),
            "`refresh` is one of \"background\", \"caller\": did you mean \"background\"?",
        );
        check(quote!(codec = "xml"), "`codec` is one of \"bincode\", \"json\"");
        check(
            quote!(fail = "close"),
            "`fail` is one of \"closed\", \"open\": did you mean \"closed\"?",
        );
        check(quote!(codec = json), r#"write `codec` as `codec = "json"`"#);
        check(
            quote!(compress = "gzip"),
            "`compress` is one of \"zlib\", \"zstd\", \"lz4\", \"none\"",
        );
        check(quote!(compress), r#"write `compress` as `compress = "zlib"`"#);
        let jitter = "`jitter` is a number of percent from 0 to 100: write `jitter = 10`";
        check(quote!(jitter = 101), jitter);
        check(quote!(jitter = "10%"), jitter);
        check(quote!(entry = "user"), "write `entry` as `entry = user_entry`");
        check(quote!(associated = true), "`associated` takes no value");
    }

    #[test]
    fn one_mistake_does_not_hide_the_next() {
        let all = errors(quote!(ttl = "1y", foo(a, b) = 3, version = x, none = "0s" "1s", skip(a)));
        assert_eq!(all.len(), 4, "{all:?}");
    }
}
