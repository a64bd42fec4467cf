//! A password, looked for in everything that a program can see of it.

use std::{
    any::Any,
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
};

use memclient::{Address, AnyBackend, Cache, Client, ClientBuilder, Event, ReplyEnd, Tls, Ttl};
use memclient_tests::{Memcached, Request, Script, Scripted};
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{failed, hasty, root_of, whole, within};

const PASSWORD: &str = "hunter2-97";

#[tokio::test]
async fn nobody_is_shown_a_password() {
    let mut seen = Vec::new();
    let cases = Cases::new().await;
    for (what, builder) in cases.builders {
        let before = seen.len();
        see_all_of(builder, &mut seen).await;
        assert!(seen.len() > before + 15, "{what}: {}", seen.len() - before);
    }
    drop(cases.servers);
    see_what_cannot_be_read(&mut seen);

    let bytes = format!("{:?}", PASSWORD.as_bytes());
    for text in seen {
        assert!(!text.contains(PASSWORD), "{text}");
        assert!(!text.contains(bytes.trim_matches(['[', ']'])), "{text}");
    }
}

/// Clients with the password, none of which comes to a server that takes it.
#[derive(Default)]
struct Cases {
    builders: Vec<(&'static str, ClientBuilder)>,
    /// The servers, which have to be there for as long as the test.
    servers: Vec<Box<dyn Any>>,
}

impl Cases {
    async fn new() -> Self {
        let mut cases = Self::default();
        for script in [
            // Servers that repeat what they hear, or quote it.
            Script::new().expect_line().expect_line().send(format!("ann {PASSWORD}\r\n")),
            Script::new().expect_line().send(format!("CLIENT_ERROR no {PASSWORD} of ann\r\n")),
            Script::new().expect_line().send(format!("SERVER_ERROR {PASSWORD}\r\n")),
            Script::new().expect_line().send(format!("VALUE a 0 14\r\nann {PASSWORD}\r\nEND\r\n")),
            Script::new().expect_line().expect_line().close(),
            // One that is silent.
            Script::new(),
        ] {
            let server = Scripted::start(script).unwrap();
            cases.add("a script", hasty(&server.address()).credentials("ann", PASSWORD));
            cases.add("a script by URL", hasty(&by_url(&server.address())));
            cases.servers.push(Box::new(server));
        }
        let echo = |request: &Request| format!("{}\r\n", request.text());
        let echo = Scripted::answering(echo).unwrap();
        let locked = Memcached::builder().auth("ann", "another").start().await.unwrap();
        let secure = Memcached::builder().tls().start().await.unwrap();
        let tls = |address: &str, tls| hasty(address).tls(tls).credentials("ann", PASSWORD);
        cases.add("an echo", hasty(&by_url(&echo.address())));
        cases.add("a refusal", hasty(&by_url(&locked.address())));
        cases.add("no TLS", tls(&echo.address(), Tls::new()));
        cases.add("no TLS by URL", hasty(&by_url(&echo.address()).replace("e:/", "es:/")));
        cases.add("an unknown authority", tls(&secure.address(), Tls::new()));
        let other = root_of(&secure).server_name("other.example");
        cases.add("another name", tls(&secure.address(), other));
        cases.add("nobody", hasty(&by_url("127.0.0.1:1")));
        cases.add("a missing socket", hasty("/no/such.sock").credentials("ann", PASSWORD));
        cases.servers.push(Box::new((echo, locked, secure)));
        cases
    }

    fn add(&mut self, what: &'static str, builder: ClientBuilder) {
        self.builders.push((what, builder));
    }
}

/// Shows a builder and all that can be made of it, and calls until something fails.
async fn see_all_of(builder: ClientBuilder, seen: &mut Vec<String>) {
    see(&builder, seen);
    let traced = Arc::new(Mutex::new(Vec::new()));
    let guard = tracing::subscriber::set_default(Ear(Arc::clone(&traced)));
    let client = builder.clone().fail_open_reads(true).build().unwrap();
    see(&client, seen);
    see(&AnyBackend::new(client.clone()), seen);
    see(&client.clone().into_blocking().unwrap(), seen);

    // What is passed over is told to `tracing`.
    assert_eq!(within(client.get("k")).await.unwrap(), None);
    let _ = within(client.unconfirmed().set("k", "v", Ttl::Never)).await;
    within(client.barrier()).await;
    let cache = Cache::builder().namespace("n").backend(client.clone());
    see(&cache, seen);
    let cache = cache.build().unwrap();
    within(cache.typed::<u64>("n").get_or_load(&1, async || 1u64)).await;
    see(&cache, seen);
    drop(guard);
    let traced = std::mem::take(&mut *traced.lock().unwrap());
    assert!(traced.len() >= 2, "{traced:?}");
    seen.extend(traced);

    // And what is not, to the caller, and to an observer of one's own.
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let client = builder.clone().observer(|_: &Event<'_>| {}).build().unwrap();
    let errors = [
        failed(builder).await,
        within(client.get("k")).await.map(drop).unwrap_err(),
        within(client.get_many(&["k"])).await.remove(0).map(drop).unwrap_err(),
        within(client.version()).await.map(drop).unwrap_err(),
        within(client.stats()).await.remove(0).1.map(drop).unwrap_err(),
        within(client.raw_command("mn", ReplyEnd::Line)).await.map(drop).unwrap_err(),
    ];
    seen.extend(errors.iter().map(whole));
    let cache = Cache::builder().backend(client).observer(move |event: &Event<'_>| {
        ear.lock().unwrap().push(format!("{event:?} {event:#?}"));
    });
    let cache = cache.build().unwrap();
    within(cache.typed::<u64>("n").get_or_load(&1, async || 1u64)).await;
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    assert!(!heard.is_empty());
    seen.extend(heard);
}

/// Shows what is said of texts that are no address, no URL and no credentials.
fn see_what_cannot_be_read(seen: &mut Vec<String>) {
    let urls = [
        "memcache://ann:{}",
        "memcache://ann:{}/shop:",
        "memcache://ann:{}?timeout=1s",
        "memcache://ann:x?{}",
        "memcache://{}@h",
        "memcache://ann:{}@",
        "memcache://ann:{}@h:x",
        "memcache://ann:{}@h/a b",
        "memcache://ann:{}@h?tiemout=1s",
        "memcache://ann:{}/@h",
        "memcache://ann:{}?@h",
        "memcache://ann:{}#@h",
        "memcache://ann:{}%@h",
        "memcache://ann:{} @h",
        "memcache://ann:{}\r\nflush_all@h",
        "memcaches://ann:{}@/run/m.sock",
        "redis://ann:{}@h",
        "ann:{}",
        "ann:{}@h",
        "h:{}",
        "ann:x:{}",
        "[ann:{}",
    ];
    for url in urls {
        let url = url.replace("{}", PASSWORD);
        let builder = Client::builder().server(&url);
        see(&builder, seen);
        if let Err(error) = builder.build() {
            seen.push(whole(&error));
        }
        match url.parse::<Address>() {
            Ok(address) => panic!("{address} was read"),
            Err(error) => seen.push(whole(&error)),
        }
    }
    for (user, password) in [("", PASSWORD), ("a b", PASSWORD), ("ann", &format!("{PASSWORD} x"))] {
        let builder = Client::builder().credentials(user, password);
        see(&builder, seen);
        seen.push(whole(&builder.build().unwrap_err()));
    }
}

fn see(thing: &impl fmt::Debug, seen: &mut Vec<String>) {
    seen.push(format!("{thing:?}"));
    seen.push(format!("{thing:#?}"));
}

fn by_url(address: &str) -> String {
    format!("memcache://ann:{PASSWORD}@{address}")
}

/// Keeps what `tracing` is told on this thread.
struct Ear(Arc<Mutex<Vec<String>>>);

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut text = Text::default();
        span.record(&mut text);
        self.0.lock().unwrap().push(text.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut text = Text::default();
        values.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The fields of an event as text.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} {value:#?} ");
    }
}
