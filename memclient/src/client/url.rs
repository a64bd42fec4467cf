//! Servers and options as one text: `memcache://user:password@host,host/prefix?option=value`.
//!
//! Only this file knows the form, and [`OPTIONS`] names every option once. No error repeats what
//! stands before an `@`.

use std::{str, time::Duration};

use percent_encoding::percent_decode_str;

use super::ClientBuilder;
use crate::{
    error::{Error, Result},
    proto::Dialect,
};

impl ClientBuilder {
    /// Adds the servers of a URL, and sets the options that it has:
    ///
    /// ```text
    /// memcache://[user:password@]host[:port][,host[:port]]…[/prefix][?option=value[&…]]
    /// memcaches://…            the same over TLS
    /// memcache:///run/m.sock   a unix socket; its prefix is the option key_prefix
    /// ```
    /// A host is written as for [`ClientBuilder::server`], IPv6 in brackets. Every option has the
    /// name of its method here:
    ///
    /// | option | value |
    /// |---|---|
    /// | `connect_timeout`, `timeout`, `keepalive_interval` | `250ms`, `2s`, `1m` |
    /// | `keepalive`, `pool_idle_timeout` | the same, or `off` |
    /// | `no_delay`, `allow_unicode_keys`, `default_noreply`, `fail_open_reads` | `true` or `false` |
    /// | `dialect` | `auto`, `meta` or `classic` |
    /// | `keepalive_count`, `min_pool_size`, `max_pool_size` | a number |
    /// | `max_value_size` | bytes, or `512KiB`, `8MiB`, `1GiB` |
    /// | `key_prefix` | text |
    /// | `tls_root_file`, `tls_certificate_file`, `tls_key_file` | a path |
    /// | `tls_server_name` | a host name or IP address |
    ///
    /// User, password, host, prefix and values are percent-encoded: in them `%`, `/`, `?`, `#`, `@`,
    /// `&` and `,` are written `%25`, `%2F`, `%3F`, `%23`, `%40`, `%26` and `%2C`. What is
    /// misspelled is an error of [`ClientBuilder::build`]. No error repeats user or password.
    ///
    /// ```
    /// use memclient::Client;
    ///
    /// let client = Client::builder().url("memcache://cache-1,cache-2:11212/shop:?timeout=250ms");
    /// let client = client.build()?;
    /// assert_eq!(client.servers().collect::<Vec<_>>(), ["cache-1:11211", "cache-2:11212"]);
    /// # Ok::<(), memclient::Error>(())
    /// ```
    pub fn url(self, url: impl AsRef<str>) -> Self {
        let before = self.clone();
        match read(self, url.as_ref()) {
            Ok(builder) => builder,
            Err(mistake) => before.remember(mistake),
        }
    }
}

/// An option by the name of its method, what its value looks like, and how it is set; `None` where
/// the value does not look so.
struct UrlOption {
    name: &'static str,
    value: &'static str,
    set: fn(ClientBuilder, &str) -> Option<ClientBuilder>,
}

const TIME: &str = "a time such as 250ms, 2s or 1m";
const SWITCH: &str = "true or false";
const NUMBER: &str = "a number";

const OPTIONS: &[UrlOption] = &[
    option("allow_unicode_keys", SWITCH, |builder, value| {
        Some(builder.allow_unicode_keys(switch(value)?))
    }),
    option("connect_timeout", TIME, |builder, value| Some(builder.connect_timeout(time(value)?))),
    option("default_noreply", SWITCH, |builder, value| {
        Some(builder.default_noreply(switch(value)?))
    }),
    option("dialect", "auto, meta or classic", |builder, value| {
        Some(builder.dialect(match value {
            "auto" => Dialect::Auto,
            "meta" => Dialect::Meta,
            "classic" => Dialect::Classic,
            _ => return None,
        }))
    }),
    option("fail_open_reads", SWITCH, |builder, value| {
        Some(builder.fail_open_reads(switch(value)?))
    }),
    option("keepalive", "a time such as 60s, or off", |builder, value| {
        Some(builder.keepalive(if value == "off" { None } else { Some(time(value)?) }))
    }),
    option("keepalive_count", NUMBER, |builder, value| {
        Some(builder.keepalive_count(u32::try_from(number(value)?).ok()?))
    }),
    option("keepalive_interval", TIME, |builder, value| {
        Some(builder.keepalive_interval(time(value)?))
    }),
    option("key_prefix", "text", |builder, value| Some(builder.key_prefix(value))),
    option("max_pool_size", NUMBER, |builder, value| {
        Some(builder.max_pool_size(usize::try_from(number(value)?).ok()?))
    }),
    option("max_value_size", "a number of bytes, or such as 512KiB or 8MiB", |builder, value| {
        Some(builder.max_value_size(usize::try_from(size(value)?).ok()?))
    }),
    option("min_pool_size", NUMBER, |builder, value| {
        Some(builder.min_pool_size(usize::try_from(number(value)?).ok()?))
    }),
    option("no_delay", SWITCH, |builder, value| Some(builder.no_delay(switch(value)?))),
    option("pool_idle_timeout", "a time such as 60s, or off", |builder, value| {
        Some(builder.pool_idle_timeout(if value == "off" { None } else { Some(time(value)?) }))
    }),
    option("timeout", TIME, |builder, value| Some(builder.timeout(time(value)?))),
    #[cfg(feature = "__tls")]
    option("tls_certificate_file", "a path", |builder, value| {
        Some(builder.with_tls(|tls| tls.certificate_file(value)))
    }),
    #[cfg(feature = "__tls")]
    option("tls_key_file", "a path", |builder, value| {
        Some(builder.with_tls(|tls| tls.key_file(value)))
    }),
    #[cfg(feature = "__tls")]
    option("tls_root_file", "a path", |builder, value| {
        Some(builder.with_tls(|tls| tls.root_file(value)))
    }),
    #[cfg(feature = "__tls")]
    option("tls_server_name", "a host name or an IP address", |builder, value| {
        Some(builder.with_tls(|tls| tls.server_name(value)))
    }),
];

const fn option(
    name: &'static str,
    value: &'static str,
    set: fn(ClientBuilder, &str) -> Option<ClientBuilder>,
) -> UrlOption {
    UrlOption { name, value, set }
}

fn read(builder: ClientBuilder, url: &str) -> Result<ClientBuilder> {
    let (secure, rest) = scheme(url)?;
    if rest.contains('#') {
        return Err(complaint("write a # as %23"));
    }
    let (rest, query) = split(rest, '?');
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.contains('@') || query.is_some_and(|query| query.contains('@')) {
        return Err(complaint("write /, ? and @ in user, password and values as %2F, %3F and %40"));
    }
    let mut builder = builder;
    if secure {
        builder = with_tls(builder)?;
    }
    let hosts = match authority.rsplit_once('@') {
        None => authority,
        Some((credentials, hosts)) => {
            let Some((user, password)) = credentials.split_once(':') else {
                return Err(complaint("a user needs a password: user:password@host"));
            };
            builder = builder.credentials(decode(user)?, decode(password)?);
            hosts
        }
    };
    let mut given = Vec::new();
    if hosts.is_empty() {
        let socket = decode(path)?;
        if socket.len() < 2 {
            return Err(complaint("name a host, or the path of a unix socket"));
        }
        builder.servers.push(format!("unix:{socket}").parse()?);
    } else {
        for host in hosts.split(',') {
            builder.servers.push(decode(host)?.parse()?);
        }
        let prefix = decode(path.get(1..).unwrap_or_default())?;
        if !prefix.is_empty() {
            given.push("key_prefix");
            builder = builder.key_prefix(prefix);
        }
    }
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        builder = read_option(builder, pair, secure, &mut given)?;
    }
    Ok(builder)
}

fn scheme(url: &str) -> Result<(bool, &str)> {
    match url.trim().split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("memcache") => Ok((false, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("memcaches") => Ok((true, rest)),
        _ => Err(complaint("it begins with memcache://, or with memcaches:// for TLS")),
    }
}

fn read_option(
    builder: ClientBuilder,
    pair: &str,
    secure: bool,
    given: &mut Vec<&'static str>,
) -> Result<ClientBuilder> {
    let (name, value) = split(pair, '=');
    let Some(option) = OPTIONS.iter().find(|option| option.name == name) else {
        let names: Vec<_> = OPTIONS.iter().map(|option| option.name).collect();
        return Err(complaint(format!(
            "there is no option '{}', there are {}",
            name.escape_default(),
            names.join(", ")
        )));
    };
    let name = option.name;
    if given.contains(&name) {
        return Err(complaint(format!("'{name}' is given twice")));
    }
    if name.starts_with("tls_") && !secure {
        return Err(complaint(format!("'{name}' is for TLS: write memcaches://")));
    }
    given.push(name);
    let value = decode(value.unwrap_or_default())?;
    (option.set)(builder, &value).ok_or_else(|| {
        complaint(format!("'{name}' is {}, not '{}'", option.value, value.escape_default()))
    })
}

#[cfg(feature = "__tls")]
#[expect(clippy::unnecessary_wraps, reason = "it fails where the feature is missing")]
fn with_tls(builder: ClientBuilder) -> Result<ClientBuilder> {
    Ok(builder.with_tls(|tls| tls))
}

#[cfg(not(feature = "__tls"))]
fn with_tls(_: ClientBuilder) -> Result<ClientBuilder> {
    Err(complaint("memcaches:// needs the feature `tls` of memclient"))
}

fn complaint(text: impl AsRef<str>) -> Error {
    Error::config(format!("this is no URL of memcached servers: {}", text.as_ref()))
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn decode(text: &str) -> Result<String> {
    let hex = |digits: Option<&str>| {
        digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if text.match_indices('%').any(|(at, _)| !hex(text.get(at + 1..at + 3))) {
        return Err(complaint("two hexadecimal digits stand behind a %: a % itself is %25"));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| complaint("what is percent-encoded is not UTF-8"))
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn time(text: &str) -> Option<Duration> {
    let digits = text.find(|digit: char| !digit.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    let count = number(count)?;
    match unit {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_secs(count.checked_mul(60)?)),
        _ => None,
    }
}

fn size(text: &str) -> Option<u64> {
    for (unit, bytes) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)] {
        if let Some(count) = text.strip_suffix(unit) {
            return number(count)?.checked_mul(bytes);
        }
    }
    number(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    #[track_caller]
    fn servers(url: &str) -> Vec<String> {
        let client = Client::new(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        client.servers().map(ToOwned::to_owned).collect()
    }

    #[track_caller]
    fn refused(url: &str, reason: &str) {
        let error = Client::new(url).expect_err(url);
        let text = format!("{error} {error:?}");
        assert!(error.is_input(), "{url}: {text}");
        assert!(text.contains(reason), "{url}: {text}");
        assert!(!text.contains("secret"), "{url}: {text}");
    }

    #[test]
    fn every_form_of_host_is_read() {
        for (url, expected) in [
            ("memcache://h", &["h:11211"][..]),
            ("MEMCACHE://h:1", &["h:1"]),
            ("memcache://h:1/", &["h:1"]),
            (
                "memcache://a,b:2,[::1]:3,[fe80::1]",
                &["a:11211", "b:2", "[::1]:3", "[fe80::1]:11211"],
            ),
            ("memcache://::1", &["[::1]:11211"]),
            ("memcache://127.0.0.1:1/shop:", &["127.0.0.1:1"]),
            ("memcache://ann:secret@a,b", &["a:11211", "b:11211"]),
            ("memcache://ann:s@cret@a", &["a:11211"]),
            ("memcache://h?", &["h:11211"]),
            ("memcache:///run/m.sock", &["/run/m.sock"]),
            ("memcache://ann:secret@/run/m.sock?timeout=1s", &["/run/m.sock"]),
            ("memcache://%2Frun%2Fm.sock,b", &["/run/m.sock", "b:11211"]),
            ("memcache://unix:%2Frun%2Fm.sock", &["/run/m.sock"]),
            (" memcache://h ", &["h:11211"]),
        ] {
            assert_eq!(servers(url), expected, "{url}");
        }
    }

    #[test]
    fn every_option_sets_what_its_method_sets() {
        let url = "memcache://an%6E:p%2Fw%40%25@h/a%26b?connect_timeout=250ms&timeout=2s&no_delay=false\
            &keepalive=1m&keepalive_interval=5s&keepalive_count=7&max_pool_size=3&max_value_size=8MiB\
            &allow_unicode_keys=true&min_pool_size=2&pool_idle_timeout=90s&dialect=classic\
            &default_noreply=true&fail_open_reads=true";
        let by_methods = Client::builder()
            .server("h")
            .credentials("ann", "p/w@%")
            .key_prefix("a&b")
            .connect_timeout(Duration::from_millis(250))
            .timeout(Duration::from_secs(2))
            .no_delay(false)
            .keepalive(Duration::from_secs(60))
            .keepalive_interval(Duration::from_secs(5))
            .keepalive_count(7)
            .min_pool_size(2)
            .max_pool_size(3)
            .pool_idle_timeout(Duration::from_secs(90))
            .max_value_size(8 << 20)
            .allow_unicode_keys(true)
            .dialect(Dialect::Classic)
            .default_noreply(true)
            .fail_open_reads(true);
        let by_url = Client::builder().url(url);
        assert_eq!(format!("{by_url:?}"), format!("{by_methods:?}"));
        assert_eq!(by_url.credentials, by_methods.credentials);

        let off = Client::builder().url(
            "memcache://h?keepalive=off&pool_idle_timeout=off&key_prefix=a&max_value_size=512",
        );
        let by_methods =
            Client::builder().server("h").keepalive(None).pool_idle_timeout(None).key_prefix("a");
        assert_eq!(format!("{off:?}"), format!("{:?}", by_methods.max_value_size(512)));
    }

    #[cfg(feature = "__tls")]
    #[test]
    fn the_secure_scheme_asks_for_tls() {
        let by_url = Client::builder().url(
            "memcaches://h?tls_root_file=/ca&tls_certificate_file=/c&tls_key_file=/k&tls_server_name=n",
        );
        let tls = crate::net::Tls::new().root_file("/ca").client_certificate_files("/c", "/k");
        let by_methods = Client::builder().server("h").tls(tls.server_name("n"));
        assert_eq!(format!("{by_url:?}"), format!("{by_methods:?}"));
        assert_eq!(servers("memcaches://h"), ["h:11211"]);
        refused("memcaches:///run/m.sock", "unix sockets");
        refused("memcaches://h?tls_root_file=/no/such/file", "cannot be read");
        refused("memcaches://h?tls_key_file=/k", "no client certificate");
        refused("memcaches://h?tls_danger_accept_any_certificate=true", "there is no option");
        refused("memcache://h?tls_root_file=/ca", "memcaches://");
    }

    #[cfg(not(feature = "__tls"))]
    #[test]
    fn the_secure_scheme_names_the_feature_that_it_needs() {
        refused("memcaches://h", "feature `tls`");
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_reason_and_without_the_password() {
        for (url, reason) in [
            ("http://h", "memcache://"),
            ("redis://ann:secret@h", "memcache://"),
            ("://h", "memcache://"),
            ("memcache://", "name a host"),
            ("memcache:///", "name a host"),
            ("memcache://?timeout=1s", "name a host"),
            ("memcache://a,,b", "the host is missing"),
            ("memcache://h:0", "the port"),
            ("memcache://h:99999", "the port"),
            ("memcache://::1:11211:x", "is no server address"),
            ("memcache://h/a/b c", "invalid key"),
            ("memcache://h#x", "%23"),
            ("memcache://ann@h", "needs a password"),
            ("memcache://:secret@h", "one is empty"),
            ("memcache://ann:@h", "one is empty"),
            ("memcache://ann:sec%20ret@h", "spaces"),
            ("memcache://ann:secret%0D%0Aflush_all@h", "control"),
            ("memcache://ann:secret/x@h", "%2F"),
            ("memcache://ann:secret?x@h", "%3F"),
            ("memcache://ann:secret#x@h", "%23"),
            ("memcache://ann:secret%zz@h", "hexadecimal"),
            ("memcache://ann:secret%@h", "hexadecimal"),
            ("memcache://ann:secret%ff@h", "UTF-8"),
            ("memcache://ann:secret@h:x", "the port"),
            // Without a host, a user and a password look like one.
            ("memcache://ann:secret", "the port"),
            ("memcache://ann:secret/shop:", "the port"),
            ("memcache://ann:pass?secret", "the port"),
            ("memcache://ann:pass,secret", "the port"),
            ("memcache://ann%3Asecret", "the port"),
            ("memcache://ann:sec:secret", "[address]:port"),
            ("memcache://:secret", "the host is missing"),
            (
                "memcache://h?tiemout=1s",
                "there is no option 'tiemout', there are allow_unicode_keys",
            ),
            ("memcache://h?timeout", "'timeout' is a time such as 250ms"),
            ("memcache://h?timeout=1", "'timeout' is a time"),
            ("memcache://h?timeout=1h", "'timeout' is a time"),
            ("memcache://h?timeout=-1s", "'timeout' is a time"),
            ("memcache://h?timeout=s", "'timeout' is a time"),
            ("memcache://h?timeout=99999999999999999999s", "'timeout' is a time"),
            ("memcache://h?timeout=18446744073709551615m", "'timeout' is a time"),
            ("memcache://h?timeout=0ms", "timeout is zero"),
            ("memcache://h?timeout=1s&timeout=2s", "given twice"),
            ("memcache://h/a?key_prefix=b", "given twice"),
            ("memcache://h?no_delay=yes", "true or false"),
            ("memcache://h?dialect=binary", "'dialect' is auto, meta or classic"),
            ("memcache://h?max_pool_size=0", "max_pool_size is zero"),
            ("memcache://h?max_pool_size=+1", "a number"),
            ("memcache://h?max_pool_size=", "a number"),
            ("memcache://h?max_value_size=8MB", "a number of bytes"),
            ("memcache://h?max_value_size=99999999999999GiB", "a number of bytes"),
            ("memcache://h?keepalive=0s", "1 to 32767"),
            ("memcache://h?keepalive_count=200", "1 to 127"),
            ("memcache://h?keepalive_count=4294967297", "a number"),
        ] {
            refused(url, reason);
        }
    }

    #[test]
    fn the_documentation_has_every_option() {
        let source = include_str!("url.rs");
        let table: String = source.lines().filter(|line| line.contains("/// | `")).collect();
        for option in OPTIONS {
            assert!(table.contains(&format!("`{}`", option.name)), "{}", option.name);
        }
    }
}
