//! What holds of every request, whatever it is asked to carry: it is refused, or is exactly one
//! command, which a server reads with the same arguments. `tests/fuzz` looks for others.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a panic is the finding")]

mod input;
mod reference;

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use bytes::BytesMut;

use self::{
    input::Input,
    reference::{Command, text},
};
use super::{Client, raw};
use crate::{
    proto::{
        Dialect, Grammar, Opaque, Request, Spoken, WireKey,
        command::{
            Confirm, Count, Counting, Delete, Gat, Get, Info, Lease, Marks, Raw, Release, ReplyEnd,
            Store, StoreMode, Touch,
        },
    },
    wire::{CasToken, Ttl},
};

const PREFIX: &str = "p:";

/// With and without a prefix, with ASCII keys and with others.
static CLIENTS: LazyLock<[Client; 4]> = LazyLock::new(|| {
    [("", false), (PREFIX, false), ("", true), (PREFIX, true)].map(|(prefix, unicode)| {
        let builder = Client::builder().key_prefix(prefix).allow_unicode_keys(unicode);
        builder.build().expect("the options are sound")
    })
});

/// Writes one request of any kind in either dialect.
pub(crate) fn encode(input: &[u8]) {
    let mut input = Input(input);
    let which = input.choice(4);
    let client = &CLIENTS[usize::from(which)];
    let spoken =
        Spoken::choose(if input.flag() { Dialect::Classic } else { Dialect::Meta }, "1.6.18");
    let spoken = spoken.expect("the version is known to have both");
    let opaque = Opaque::FIRST.plus(usize::try_from(input.number()).unwrap_or_default());
    if input.choice(16) == 0 {
        return raw_line(&mut input);
    }

    let written = input.text();
    let prefix = if which % 2 == 1 { PREFIX.as_bytes() } else { b"" };
    let on_wire = [prefix, written].concat();
    let allowed = |byte: &u8| (0x21..=0x7e).contains(byte) || which >= 2 && *byte >= 0x80;
    let sound = !written.is_empty() && on_wire.len() <= 250 && written.iter().all(allowed);
    let key = client.key(written);
    assert_eq!(key.is_ok(), sound, "{:?}", written.escape_ascii().to_string());
    let Ok(key) = key else { return };
    let ttl = ttl(&mut input);
    let Ok(ttl) = client.ttl(ttl) else { return };

    let case = Case { spoken, opaque, key, on_wire: &on_wire, ttl };
    case.write_any(&mut input);
}

/// Any time to live.
fn ttl(input: &mut Input<'_>) -> Ttl {
    let time = Duration::new(input.number(), u32::from(input.byte()));
    match input.choice(4) {
        0 => Ttl::Never,
        1 => Ttl::Immediately,
        2 => Ttl::After(time),
        _ => SystemTime::UNIX_EPOCH.checked_add(time).map_or(Ttl::Never, Ttl::At),
    }
}

/// A line of the caller's own is refused, or is one line, and is sent as it is.
fn raw_line(input: &mut Input<'_>) {
    let line = input.0;
    if raw::check(line).is_err() {
        return;
    }
    let mut out = BytesMut::new();
    Raw { line, end: ReplyEnd::Line }.encode(Spoken::default(), Opaque::FIRST, &mut out);
    assert_eq!(out, [line, b"\r\n"].concat());
    assert!(!line.iter().any(u8::is_ascii_control));
}

/// What every request of one input has in common.
struct Case<'a> {
    spoken: Spoken,
    opaque: Opaque,
    key: WireKey<'a>,
    on_wire: &'a [u8],
    ttl: i32,
}

impl Case<'_> {
    fn write_any(&self, input: &mut Input<'_>) {
        let (key, ttl) = (self.key, self.ttl);
        match input.choice(10) {
            0 | 1 => self.store(input),
            2 => self.count(input),
            3 => self.delete(input),
            4 => {
                let (details, usage) = (input.flag(), input.flag());
                let flags = if details { &b"vfct"[..] } else { b"vf" };
                let flags = [flags, if usage { b"hl" } else { b"" }].concat();
                let word = if details { "gets" } else { "get" };
                self.read(&Get { key, details, usage }, &flags, word);
            }
            5 => {
                let cas = input.flag();
                let words = (format!("gat {ttl}"), format!("gats {ttl}"));
                let words = if cas { words.1 } else { words.0 };
                let command =
                    self.read(&Gat { key, ttl, cas }, if cas { b"vfcT" } else { b"vfT" }, &words);
                has_number(command.as_ref(), b'T', Some(i64::from(ttl)));
            }
            6 => {
                let recache = input.flag().then_some(ttl);
                let usage = input.flag();
                let lease = Lease { key, vivify: ttl, recache, usage };
                let mut flags = b"vfctN".to_vec();
                flags.extend(recache.map(|_| b'R'));
                flags.extend(if usage { &b"hl"[..] } else { b"" });
                let command = self.read(&lease, &flags, "gets");
                has_number(command.as_ref(), b'N', Some(i64::from(ttl)));
                has_number(command.as_ref(), b'R', recache.map(i64::from));
            }
            7 => {
                let Some(command) = self.written(&Touch { key, ttl }) else { return };
                if self.spoken.is_meta() {
                    self.is_meta(&command, "mg", b"T");
                    has_number(Some(&command), b'T', Some(i64::from(ttl)));
                } else {
                    self.is_classic(&command, "touch", &[ttl.to_string()]);
                }
            }
            8 => {
                let (cas, stub) = (input.number(), input.flag());
                let Some(command) = self.written(&Release { key, cas: CasToken::new(cas), stub })
                else {
                    return;
                };
                self.is_meta(&command, "md", if stub { b"C" } else { b"IC" });
                has_number(Some(&command), b'C', Some(cas));
            }
            _ => {
                if let Some(command) = self.written(&Info { key }) {
                    assert_eq!(command.words, [b"me", self.on_wire]);
                }
                if let Some(command) = self.written(&Marks { key }) {
                    self.is_meta(&command, "mg", b"c");
                }
                if let Some(command) = self.written(&Confirm { key }) {
                    self.is_meta(&command, "mg", b"ct");
                }
            }
        }
    }

    fn store(&self, input: &mut Input<'_>) {
        let modes = [
            (StoreMode::Set, "set", None),
            (StoreMode::Add, "add", Some("E")),
            (StoreMode::Replace, "replace", Some("R")),
            (StoreMode::Append, "append", Some("A")),
            (StoreMode::Prepend, "prepend", Some("P")),
        ];
        let (mode, word, letter) = modes[usize::from(input.choice(5))];
        let flags = u32::try_from(input.number() & u64::from(u32::MAX)).unwrap_or_default();
        let cas = input.maybe_number();
        let (key, ttl, data) = (self.key, self.ttl, input.text());
        let store = Store { key, data, flags, ttl, mode, cas: cas.map(CasToken::new) };
        let Some(command) = self.written(&store) else { return };
        assert_eq!(command.data.as_deref(), Some(data));
        if !self.spoken.is_meta() {
            let numbers = [flags.to_string(), ttl.to_string(), data.len().to_string()];
            let version = cas.map(|cas| cas.to_string());
            let numbers: Vec<String> = numbers.into_iter().chain(version).collect();
            return self.is_classic(&command, if cas.is_some() { "cas" } else { word }, &numbers);
        }
        let mut expected = Vec::new();
        expected.extend((flags != 0).then_some(b'F'));
        expected.extend((ttl != 0).then_some(b'T'));
        expected.extend(letter.map(|_| b'M'));
        expected.extend(cas.map(|_| b'C'));
        self.is_meta(&command, "ms", &expected);
        has_number(Some(&command), b'F', (flags != 0).then_some(flags));
        has_number(Some(&command), b'T', (ttl != 0).then_some(ttl));
        has_number(Some(&command), b'C', cas);
        assert_eq!(command.flag(b'M'), letter);
    }

    fn count(&self, input: &mut Input<'_>) {
        let (up, delta) = (input.flag(), input.number());
        let initial = input.maybe_number().map(|initial| (initial, self.ttl));
        let counting = if up { Counting::Up } else { Counting::Down };
        let Some(command) = self.written(&Count { key: self.key, counting, delta, initial }) else {
            return;
        };
        if !self.spoken.is_meta() {
            let word = if up { "incr" } else { "decr" };
            return self.is_classic(&command, word, &[delta.to_string()]);
        }
        let mut expected = b"vD".to_vec();
        expected.extend((!up).then_some(b'M'));
        expected.extend(initial.map_or(&b""[..], |_| b"JN"));
        self.is_meta(&command, "ma", &expected);
        has_number(Some(&command), b'D', Some(delta));
        has_number(Some(&command), b'J', initial.map(|(initial, _)| initial));
        has_number(Some(&command), b'N', initial.map(|(_, ttl)| ttl));
        assert_eq!(command.flag(b'M'), (!up).then_some("D"));
    }

    fn delete(&self, input: &mut Input<'_>) {
        let (cas, stale) = (input.maybe_number(), input.flag().then_some(self.ttl));
        let delete = Delete { key: self.key, cas: cas.map(CasToken::new), stale };
        let Some(command) = self.written(&delete) else { return };
        if !self.spoken.is_meta() {
            return self.is_classic(&command, "delete", &[]);
        }
        let mut expected = Vec::new();
        expected.extend(stale.map_or(&b""[..], |_| b"IT"));
        expected.extend(cas.map(|_| b'C'));
        self.is_meta(&command, "md", &expected);
        has_number(Some(&command), b'T', stale);
        has_number(Some(&command), b'C', cas);
    }

    /// Writes a request that asks for an item; returns the command of the meta dialect.
    fn read(&self, request: &impl Request, flags: &[u8], words: &str) -> Option<Command> {
        if let Grammar::Items(form) = request.grammar(self.spoken) {
            let mut out = BytesMut::new();
            form.put(&mut out);
            out.extend_from_slice(b" ");
            self.key.put(&mut out);
            out.extend_from_slice(b"\r\n");
            let command = Command::read(&out);
            let words = words.split(' ').map(str::as_bytes).chain([self.on_wire]);
            assert!(command.words.iter().map(Vec::as_slice).eq(words), "{command:?}");
            return None;
        }
        let command = self.written(request)?;
        self.is_meta(&command, "mg", flags);
        Some(command)
    }

    /// Writes the request and reads it again; `None` where it cannot be said.
    fn written(&self, request: &impl Request) -> Option<Command> {
        if self.spoken.check(request.needs()).is_err() {
            return None;
        }
        let mut out = BytesMut::new();
        request.encode(self.spoken, self.opaque, &mut out);
        Some(Command::read(&out))
    }

    /// Makes sure that the command is this one, about the key, and has no flags but these and its
    /// opaque.
    #[track_caller]
    fn is_meta(&self, command: &Command, word: &str, flags: &[u8]) {
        assert_eq!(command.words[..2], [word.as_bytes(), self.on_wire]);
        let behind = if word == "ms" { 3 } else { 2 };
        let mut found: Vec<u8> = command.words[behind..].iter().map(|flag| flag[0]).collect();
        let mut expected = [flags, b"O"].concat();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(text(&found), text(&expected), "{command:?}");
        has_number(Some(command), b'O', Some(self.opaque.get()));
    }

    /// Makes sure that the command is this one, about the key, with these arguments.
    #[track_caller]
    fn is_classic(&self, command: &Command, word: &str, arguments: &[String]) {
        let arguments = arguments.iter().map(String::as_bytes);
        let words = [word.as_bytes(), self.on_wire].into_iter().chain(arguments);
        assert!(command.words.iter().map(Vec::as_slice).eq(words), "{command:?}");
    }
}

/// Makes sure that a flag of the command, if there is a command, has this number.
#[track_caller]
fn has_number(command: Option<&Command>, letter: u8, number: Option<impl ToString>) {
    let Some(command) = command else { return };
    assert_eq!(command.flag(letter), number.map(|number| number.to_string()).as_deref());
}
