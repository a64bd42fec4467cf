//! A memcached in memory, as far as clients in a simulation ask: the meta commands and the classic
//! ones for items.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    task::JoinSet,
    time::Instant,
};

use super::network::End;

/// Its items, which all of its connections share.
#[derive(Clone, Default)]
pub(super) struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    items: BTreeMap<Vec<u8>, Item>,
    last_cas: u64,
    /// How often it has crashed.
    crashes: u64,
}

#[derive(Clone, Default)]
struct Item {
    data: Vec<u8>,
    flags: u32,
    cas: u64,
    expires: Option<Instant>,
    stale: bool,
    token_sent: bool,
}

impl Server {
    /// Serves what is accepted until the network is gone.
    pub(super) async fn run(self, mut accepted: mpsc::UnboundedReceiver<End>) {
        let mut connections = JoinSet::new();
        while let Some(end) = accepted.recv().await {
            connections.spawn(self.clone().serve(end));
        }
        while connections.join_next().await.is_some() {}
    }

    /// Forgets everything, as a crash does; versions are counted anew.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        *state = State { crashes: state.crashes + 1, ..State::default() };
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self, mut end: End) {
        let mut buffer = BytesMut::new();
        loop {
            match end.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let mut out = Vec::new();
            while let Some(reply) = self.state().answer(&mut buffer) {
                out.extend(reply);
            }
            if end.write_all(&out).await.is_err() {
                return;
            }
        }
    }
}

impl State {
    /// Takes the next command off, if it is whole, and carries it out.
    fn answer(&mut self, buffer: &mut BytesMut) -> Option<Vec<u8>> {
        let end = buffer.windows(2).position(|two| two == b"\r\n")?;
        let line = String::from_utf8(buffer[..end].to_vec()).expect("keys here are ASCII");
        let words: Vec<&str> = line.split(' ').collect();
        let size: Option<usize> = match words[0] {
            "set" | "add" | "replace" | "cas" => Some(words[4].parse().expect("a size")),
            "ms" => Some(words[2].parse().expect("a size")),
            _ => None,
        };
        let start = end + 2;
        let mut data = Vec::new();
        if let Some(size) = size {
            let block = buffer.get(start..start + size + 2)?;
            assert!(block.ends_with(b"\r\n"), "{line}: the data does not end where it should");
            data = block[..size].to_vec();
        }
        buffer.advance(start + size.map_or(0, |size| size + 2));
        let now = Instant::now();
        self.items.retain(|_, item| item.expires.is_none_or(|expires| expires > now));
        Some(match words[0] {
            "version" => b"VERSION 1.6.18\r\n".to_vec(),
            "stats" => {
                let pid = self.crashes + 1;
                format!("STAT pid {pid}\r\nSTAT uptime 5\r\nSTAT time 15\r\nEND\r\n").into_bytes()
            }
            "mg" => self.meta_get(&words),
            "ms" => self.meta_set(&words, data),
            "md" => self.meta_delete(&words),
            "ma" => self.meta_count(&words),
            "get" | "gets" => self.get(&words),
            "set" | "add" | "replace" | "cas" => self.store(&words, data),
            "delete" => self.delete(words[1]),
            "incr" | "decr" => self.count(&words),
            _ => panic!("no server knows this: {line}"),
        })
    }

    fn next_cas(&mut self) -> u64 {
        self.last_cas += 1;
        self.last_cas
    }

    fn meta_get(&mut self, words: &[&str]) -> Vec<u8> {
        let flags = Flags(&words[2..]);
        let key = words[1].as_bytes();
        let mut won = false;
        if !self.items.contains_key(key) {
            let Some(ttl) = flags.number('N') else { return flags.reply("EN", None, "") };
            let stub = Item { cas: self.next_cas(), expires: expiry(ttl), ..Item::default() };
            self.items.insert(key.to_vec(), stub);
            won = true;
        }
        let item = self.items.get_mut(key).expect("it was made");
        if let Some(ttl) = flags.number('T') {
            item.expires = expiry(ttl);
        }
        let left = item.expires.map(|expires| expires - Instant::now());
        let recache = flags.number('R').map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
        let is_late = left.is_some_and(|left| recache.is_some_and(|recache| left < recache));
        won |= !item.token_sent && (item.stale || is_late);
        let mut marks = String::new();
        if item.stale {
            marks += " X";
        }
        if won {
            marks += " W";
        } else if item.token_sent {
            marks += " Z";
        }
        item.token_sent |= won;
        let item = item.clone();
        flags.reply(if flags.has('v') { "VA" } else { "HD" }, Some(&item), &marks)
    }

    fn meta_set(&mut self, words: &[&str], data: Vec<u8>) -> Vec<u8> {
        let flags = Flags(&words[3..]);
        let key = words[1].as_bytes();
        let there = self.items.get(key);
        let code = match (there, flags.number('C')) {
            (None, Some(_)) => "NF",
            (Some(item), Some(cas)) if item.cas != cas.unsigned_abs() => "EX",
            _ => match (flags.text('M'), there) {
                (Some("E"), Some(_)) | (Some("R"), None) => "NS",
                _ => "HD",
            },
        };
        if code == "HD" {
            let expires = expiry(flags.number('T').unwrap_or_default());
            let bits = flags.number('F').unwrap_or_default();
            let flags = u32::try_from(bits).expect("flags have 32 bits");
            let cas = self.next_cas();
            let item = Item { data, flags, cas, expires, ..Item::default() };
            self.items.insert(key.to_vec(), item);
        }
        flags.reply(code, None, "")
    }

    fn meta_delete(&mut self, words: &[&str]) -> Vec<u8> {
        let flags = Flags(&words[2..]);
        let key = words[1].as_bytes();
        let cas = self.next_cas();
        let code = match (self.items.get_mut(key), flags.number('C')) {
            (None, _) => "NF",
            (Some(item), Some(cas)) if item.cas != cas.unsigned_abs() => "EX",
            (Some(item), _) if flags.has('I') => {
                if let Some(ttl) = flags.number('T') {
                    item.expires = expiry(ttl);
                }
                (item.stale, item.token_sent, item.cas) = (true, false, cas);
                "HD"
            }
            (Some(_), _) => {
                self.items.remove(key);
                "HD"
            }
        };
        flags.reply(code, None, "")
    }

    fn meta_count(&mut self, words: &[&str]) -> Vec<u8> {
        let flags = Flags(&words[2..]);
        let delta = flags.number('D').unwrap_or(1).unsigned_abs();
        match self.change(words[1], delta, flags.text('M') == Some("D")) {
            Some(item) => flags.reply("VA", Some(&item), ""),
            None => flags.reply("NF", None, ""),
        }
    }

    fn get(&mut self, words: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for key in &words[1..] {
            let Some(item) = self.items.get(key.as_bytes()) else { continue };
            out.extend(format!("VALUE {key} {} {}", item.flags, item.data.len()).into_bytes());
            if words[0] == "gets" {
                out.extend(format!(" {}", item.cas).into_bytes());
            }
            out.extend([b"\r\n", &item.data[..], b"\r\n"].concat());
        }
        out.extend(b"END\r\n");
        out
    }

    fn store(&mut self, words: &[&str], data: Vec<u8>) -> Vec<u8> {
        let key = words[1].as_bytes();
        let there = self.items.get(key).map(|item| item.cas);
        let refusal = match (words[0], there) {
            ("add", Some(_)) | ("replace", None) => Some("NOT_STORED"),
            ("cas", None) => Some("NOT_FOUND"),
            ("cas", Some(cas)) if Ok(cas) != words[5].parse() => Some("EXISTS"),
            _ => None,
        };
        if let Some(refusal) = refusal {
            return format!("{refusal}\r\n").into_bytes();
        }
        let flags = words[2].parse().expect("flags");
        let expires = expiry(words[3].parse().expect("a time to live"));
        let cas = self.next_cas();
        self.items.insert(key.to_vec(), Item { data, flags, cas, expires, ..Item::default() });
        b"STORED\r\n".to_vec()
    }

    fn delete(&mut self, key: &str) -> Vec<u8> {
        let found = self.items.remove(key.as_bytes()).is_some();
        if found { b"DELETED\r\n".to_vec() } else { b"NOT_FOUND\r\n".to_vec() }
    }

    fn count(&mut self, words: &[&str]) -> Vec<u8> {
        let delta = words[2].parse().expect("a delta");
        match self.change(words[1], delta, words[0] == "decr") {
            Some(item) => [&item.data[..], b"\r\n"].concat(),
            None => b"NOT_FOUND\r\n".to_vec(),
        }
    }

    fn change(&mut self, key: &str, delta: u64, down: bool) -> Option<Item> {
        let cas = self.next_cas();
        let item = self.items.get_mut(key.as_bytes())?;
        let number: u64 = std::str::from_utf8(&item.data).ok()?.parse().ok()?;
        let number = if down { number.saturating_sub(delta) } else { number.wrapping_add(delta) };
        item.data = number.to_string().into_bytes();
        item.cas = cas;
        Some(item.clone())
    }
}

/// The flags of a meta command.
struct Flags<'a>(&'a [&'a str]);

impl<'a> Flags<'a> {
    fn text(&self, letter: char) -> Option<&'a str> {
        self.0.iter().find_map(|flag| flag.strip_prefix(letter))
    }

    fn has(&self, letter: char) -> bool {
        self.text(letter).is_some()
    }

    fn number(&self, letter: char) -> Option<i64> {
        self.text(letter).map(|text| text.parse().expect("a number"))
    }

    /// Writes a reply; without an item only the opaque comes back.
    fn reply(&self, code: &str, item: Option<&Item>, marks: &str) -> Vec<u8> {
        let mut words = vec![code.to_owned()];
        if let ("VA", Some(item)) = (code, item) {
            words.push(item.data.len().to_string());
        }
        for flag in self.0 {
            words.extend(match (&flag[..1], item) {
                ("O", _) => Some((*flag).to_owned()),
                ("f", Some(item)) => Some(format!("f{}", item.flags)),
                ("c", Some(item)) => Some(format!("c{}", item.cas)),
                ("t", Some(item)) => Some(match item.expires {
                    Some(expires) => format!("t{}", (expires - Instant::now()).as_secs()),
                    None => "t-1".to_owned(),
                }),
                ("h", Some(_)) => Some("h1".to_owned()),
                ("l", Some(_)) => Some("l0".to_owned()),
                _ => None,
            });
        }
        let mut out = words.join(" ");
        out += marks;
        out += "\r\n";
        let mut out = out.into_bytes();
        if let ("VA", Some(item)) = (code, item) {
            out.extend([&item.data[..], b"\r\n"].concat());
        }
        out
    }
}

/// Returns when an item goes; there are no dates in a simulation.
fn expiry(ttl: i64) -> Option<Instant> {
    match u64::try_from(ttl) {
        Ok(0) => None,
        Ok(seconds) => Some(Instant::now() + Duration::from_secs(seconds)),
        Err(_) => Some(Instant::now()),
    }
}
