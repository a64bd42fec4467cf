//! Only the command that was called reaches the server, whatever stands in the texts it is called
//! with: hostile texts, crossed with every place where a user's bytes go into a line.
//!
//! What a text does is measured by a harmless one in its place. Either it is refused, with a typed
//! error and before any byte, or the server hears the same words with this text where the harmless
//! one was, and nothing else.

mod cached;
mod keys;
mod operations;
mod words;

use std::sync::{Arc, Mutex};

use memclient::{Client, ClientBuilder, Delivery, Error};
use memclient_tests::{Request, Scripted};

/// What stands in for a text that nobody could object to.
const HARMLESS: &str = "harmless";

/// Returns the hostile texts; those that are no UTF-8 can only come where bytes are taken.
fn hostile() -> Vec<Vec<u8>> {
    let texts: &[&[u8]] = &[
        b"",
        b" ",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b"\x7f",
        b" k",
        b"k ",
        b"k\n",
        b"k\r",
        b"k\t",
        b"k\0",
        b"k\x01",
        b"k\x0b",
        b"k\x0c",
        b"k\x1b[2J",
        b"k\x7f",
        b"k\x85",
        b"k\xff\xfe",
        b"\xc0\x8d\xc0\x8a",
        "k\u{85}flush_all".as_bytes(),
        "k\u{a0}v".as_bytes(),
        "k\u{2028}flush_all".as_bytes(),
        "\u{feff}k".as_bytes(),
        "\u{010d}\u{010a}flush_all".as_bytes(),
        b"k v",
        b"k canary",
        b"k noreply",
        b"k 0 0 4",
        b"k 0 0 4\r\nevil",
        b"k\r\nflush_all",
        b"k\r\nflush_all\r\n",
        b"k\nflush_all\n",
        b"k\rflush_all\r",
        b"\r\nflush_all\r\n",
        b"k\r\nset canary 0 0 4\r\nevil\r\n",
        b"k\r\nms canary 4\r\nevil\r\n",
        b"k\r\ndelete canary\r\n",
        b"k\r\nmd canary q\r\n",
        b"k\0\r\nflush_all\r\n",
        b"k\r\nquit\r\n",
        b"END\r\n",
        // These are texts like any other, and have to stay as they are.
        b"%0d%0aflush_all%0d%0a",
        b"k\\r\\nflush_all",
        b"noreply",
        b"q",
        b"O1",
        b"0",
        b"-1",
        b"${jndi:ldap://h}",
        b"'\";--",
        b"../../etc/passwd",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
    for length in [250, 251, 64 * 1024] {
        all.push(vec![b'k'; length]);
    }
    // As long as a key may be, and with an end of line within that.
    all.push([&[b'k'; 248][..], b"\r\n"].concat());
    all
}

/// Returns those of the hostile texts that are UTF-8.
fn hostile_utf_8() -> Vec<String> {
    hostile().into_iter().filter_map(|text| String::from_utf8(text).ok()).collect()
}

/// Tells whether the text is one word of printable ASCII, or of that and of bytes from 0x80 up.
fn is_word(text: &[u8], unicode: bool) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() || unicode && byte >= 0x80;
    !text.is_empty() && text.iter().all(|&byte| fits(byte))
}

/// Holds an error to what it has to say of a text that was refused.
#[track_caller]
fn assert_refused(error: &Error, what: &str) {
    assert!(error.is_input() && !error.is_retryable(), "{what}: {error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent, "{what}");
}

/// A server with no items that answers every command, and keeps what it was asked.
struct Recorder {
    server: Scripted,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Recorder {
    fn start() -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let server = Scripted::answering(move |request: &Request| {
            // A handshake is nobody's call.
            if request.line != b"version" {
                ear.lock().unwrap().push(request.clone());
            }
            answer(request)
        });
        Self { server: server.unwrap(), heard }
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder().server(self.server.address()).max_pool_size(1)
    }

    fn address(&self) -> String {
        self.server.address()
    }

    /// Returns what was asked since the last time.
    fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// Expects that nothing was asked, and that nothing without an end of line lies between what was
    /// asked before and the next call.
    async fn heard_nothing(&self, client: &Client, what: &str) {
        assert_eq!(client.get(HARMLESS).await.unwrap(), None, "{what}");
        let heard = self.take();
        assert_eq!(heard.len(), 1, "{what}: {heard:?}");
        let key = heard[0].words().swap_remove(1);
        assert!(key.ends_with(HARMLESS), "{what}: {heard:?}");
    }

    /// Returns every byte that came on all connections.
    fn bytes(&self) -> Vec<u8> {
        self.server.received()
    }
}

fn answer(request: &Request) -> String {
    let words = request.words();
    let is_opaque =
        |word: &&String| word.strip_prefix('O').is_some_and(|number| number.parse::<u64>().is_ok());
    let opaque = words.iter().skip(2).find(is_opaque).map_or("", String::as_str);
    match words.first().map_or("", String::as_str) {
        "version" => "VERSION 1.6.18\r\n".into(),
        "mg" => format!("EN {opaque}\r\n"),
        "ms" | "md" => format!("HD {opaque}\r\n"),
        "ma" => format!("VA 1 {opaque}\r\n1\r\n"),
        "me" => "EN\r\n".into(),
        "get" | "gets" | "gat" | "gats" | "stats" => "END\r\n".into(),
        "set" | "add" | "replace" | "append" | "prepend" | "cas" => "STORED\r\n".into(),
        "delete" => "DELETED\r\n".into(),
        "touch" => "TOUCHED\r\n".into(),
        "incr" | "decr" => "1\r\n".into(),
        "flush_all" | "verbosity" | "cache_memlimit" => "OK\r\n".into(),
        _ => "ERROR\r\n".into(),
    }
}
