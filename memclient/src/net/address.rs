use std::{fmt, net::Ipv6Addr, path::PathBuf, str::FromStr};

use crate::error::Error;

/// memcached's port where none is named.
const DEFAULT_PORT: u16 = 11211;

/// Where a memcached server listens.
///
/// Written as `host`, `host:port`, `[v6]:port`, a bare IPv6 address, `/path/of/a.socket` or
/// `unix:path`; the port is 11211 where none is named. Displays as pymemcache names its nodes:
/// `host:port`, or the path. Several servers with their options are a URL, see
/// [`ClientBuilder::url`](crate::ClientBuilder::url).
///
/// ```
/// use memclient::Address;
///
/// let address: Address = "cache-1.internal".parse()?;
/// assert_eq!(address.to_string(), "cache-1.internal:11211");
/// assert!("cache-1:99999".parse::<Address>().is_err());
/// # Ok::<(), memclient::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// A host by name or IP address, resolved again at every connect.
    Tcp {
        /// The name or IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix domain socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.contains('@') && !text.starts_with("unix:") && !text.starts_with('/') {
            return Err(refused(
                "…@…",
                "set user and password by `credentials`, or write memcache://user:password@host",
            ));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(text, path);
        }
        if text.starts_with('/') {
            return unix(text, text);
        }
        if text == "unix" {
            // A host of this name would be shown as what is read as a socket.
            return unix(text, "");
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return tcp(text, text, None);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let Some((host, rest)) = rest.split_once(']') else {
                return Err(refused(text, "the bracket is not closed"));
            };
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(refused(text, "only an IPv6 address stands in brackets"));
            }
            return match (rest, rest.strip_prefix(':')) {
                ("", _) => tcp(text, host, None),
                (_, Some(port)) => tcp(text, host, Some(port)),
                _ => Err(refused(text, "only a port may follow the bracket")),
            };
        }
        match text.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                Err(refused(text, "write an IPv6 address with a port as [address]:port"))
            }
            Some((host, port)) => tcp(text, host, Some(port)),
            None => tcp(text, text, None),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

fn unix(text: &str, path: &str) -> Result<Address, Error> {
    if path.is_empty() || path.contains('\0') {
        return Err(refused(text, "name the path of the socket, as in unix:/run/memcached.sock"));
    }
    Ok(Address::Unix(path.into()))
}

fn tcp(text: &str, host: &str, port: Option<&str>) -> Result<Address, Error> {
    if host.is_empty() {
        return Err(refused(text, "the host is missing"));
    }
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || byte >= 0x80;
    if host.parse::<Ipv6Addr>().is_err() && !host.bytes().all(name) {
        return Err(refused(text, "a host has letters, digits, dots and dashes only"));
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => match port.parse() {
            Ok(port) if port > 0 && !text.contains('+') => port,
            _ => return Err(refused(text, "the port is a number from 1 to 65535")),
        },
    };
    Ok(Address::Tcp { host: host.to_owned(), port })
}

/// Shows the text up to its first colon: behind it may stand the password of a user, where the host
/// was forgotten. What is as long as a port and a number is one.
fn refused(text: &str, complaint: &str) -> Error {
    let is_port = |text: &str| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let shown = match text.split_once(':') {
        Some((head, rest)) if !is_port(rest) => format!("{}:…", head.escape_debug()),
        _ => text.escape_debug().to_string(),
    };
    Error::address(&shown, complaint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(
            text.parse::<Address>().ok().map(|address| address.to_string()).as_deref(),
            expected,
            "{text}"
        );
    }

    #[test]
    fn every_form_is_read_and_shown() {
        check("localhost", Some("localhost:11211"));
        check("localhost:11212", Some("localhost:11212"));
        check("127.0.0.1:1", Some("127.0.0.1:1"));
        check("::1", Some("[::1]:11211"));
        check("[::1]", Some("[::1]:11211"));
        check("[fe80::1]:7", Some("[fe80::1]:7"));
        check("/run/m.sock", Some("/run/m.sock"));
        check("unix:m.sock", Some("m.sock"));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_guessed() {
        for text in [
            "",
            ":1",
            "h:",
            "h:0",
            "h:65536",
            "h:+1",
            "h:-1",
            "h:x",
            "fe80::1:112110",
            "[::1",
            "[::1]x",
            "[h]:1",
            "unix:",
            "a b",
            "h\r\n",
            "rel/path",
            "[]:1",
            "h:1:2",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for text in [
            "ann:secret@h:1",
            "secret@h",
            "ann:pass@secret",
            "memcache://ann:secret@h",
            "memcache://ann:secret",
            "ann:secret",
            "ann:sec:secret",
            "ann:secret word",
            ":secret",
            "[ann:secret",
            "http//ann:secret",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
        check("unix:/a@b", Some("/a@b"));
    }

    #[test]
    fn a_port_that_is_none_is_shown() {
        for text in ["host:99999", "host:0", "[::1]:99999"] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            let shown = if text.starts_with('[') { "[:…" } else { text };
            assert!(error.starts_with(&format!("'{shown}' is no server address")), "{error}");
        }
    }

    #[test]
    fn what_is_shown_of_a_refused_address_is_one_line() {
        let error = "h\r\nset: k".parse::<Address>().unwrap_err().to_string();
        assert!(error.starts_with(r"'h\r\nset:…' is no server address"), "{error}");
    }

    #[test]
    fn shown_addresses_are_read_back() {
        for text in ["localhost:1", "[::1]:2", "/a/b"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }
}
