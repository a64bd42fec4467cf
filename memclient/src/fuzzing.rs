//! What the programs of `tests/fuzz` call with any bytes: each function holds for all of them. The
//! corpus that they have found is replayed here.

pub use self::targets::{address, encode, header, reply_classic, reply_meta};

#[allow(clippy::missing_panics_doc, reason = "a panic is the finding")]
mod targets {
    use crate::{
        cache, client,
        client::{Client, ClientBuilder},
        net::Address,
        proto,
    };

    /// Reads replies of the meta dialect.
    pub fn reply_meta(input: &[u8]) {
        proto::fuzzing::reply_meta(input);
    }

    /// Reads replies of the classic dialect.
    pub fn reply_classic(input: &[u8]) {
        proto::fuzzing::reply_classic(input);
    }

    /// Writes one request.
    pub fn encode(input: &[u8]) {
        client::fuzzing::encode(input);
    }

    /// Reads the header of an entry.
    pub fn header(input: &[u8]) {
        cache::fuzzing::header(input);
    }

    /// Reads an address, and a URL: what is taken reads the same when it is shown, and no password is
    /// shown.
    pub fn address(input: &[u8]) {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Ok(address) = text.parse::<Address>() {
            let shown = address.to_string();
            // The path of a socket is shown bare, and only one from the root is read so again.
            let is_bare = matches!(&address, Address::Unix(path) if path.is_relative());
            match shown.parse::<Address>() {
                Ok(again) => assert!(is_bare || again == address, "{text:?} is shown as {shown:?}"),
                Err(error) => assert!(is_bare, "{text:?} is shown as {shown:?}: {error}"),
            }
        }
        if let Err(error) = builder(text).build() {
            assert!(error.is_input(), "{text:?}: {error:?}");
        }
        // What stands before an @ may be a password, and is not to be seen.
        if !text.contains('@') {
            return;
        }
        let secret = "correct-horse";
        let with_password = format!("memcache://ann:{secret}{text}");
        let shown = match builder(&with_password).build() {
            Ok(client) => format!("{client:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(text.contains(secret) || !shown.contains(secret), "{with_password:?}: {shown}");
    }

    fn builder(text: &str) -> ClientBuilder {
        Client::builder().server(text)
    }
}

#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{address, encode, header, replay::replay, reply_classic, reply_meta};

    #[test]
    fn the_corpus_of_meta_replies_holds() {
        replay("reply_meta", reply_meta);
    }

    #[test]
    fn the_corpus_of_classic_replies_holds() {
        replay("reply_classic", reply_classic);
    }

    #[test]
    fn the_corpus_of_requests_holds() {
        replay("encode", encode);
    }

    #[test]
    fn the_corpus_of_addresses_holds() {
        replay("address", address);
    }

    #[test]
    fn the_corpus_of_headers_holds() {
        replay("header", header);
    }
}
