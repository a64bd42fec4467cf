//! Every operation of the client against a real memcached, on every transport.

use std::{
    net::TcpListener,
    ops::RangeInclusive,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use memclient::{
    CasOutcome, CasToken, Client, ClientBuilder, Deleted, Delivery, Stored, Touched, Ttl, TtlLeft,
    Value,
};
use memclient_tests::{Item, Memcached, Scripted};

/// Makes a test of each function and transport.
macro_rules! on_every_transport {
    ($($promise:ident)*) => {$(
        mod $promise {
            use super::At;

            #[tokio::test]
            async fn over_tcp() {
                super::$promise(&At::tcp().await).await;
            }

            #[tokio::test]
            async fn over_ipv6() {
                if let Some(at) = At::ipv6().await {
                    super::$promise(&at).await;
                }
            }

            #[tokio::test]
            async fn over_a_unix_socket() {
                super::$promise(&At::unix().await).await;
            }

            #[tokio::test]
            async fn with_a_key_prefix() {
                super::$promise(&At::prefixed().await).await;
            }
        }
    )*};
}

on_every_transport! {
    a_get_returns_the_value_or_nothing
    a_gets_returns_a_version_that_changes_with_the_item
    get_many_answers_in_order_and_each_repeated_key
    get_many_of_nothing_sends_nothing
    a_bad_key_fails_its_own_answer_of_get_many
    batches_of_five_thousand_keys_are_whole
    set_many_stores_each_entry
    set_many_of_nothing_sends_nothing
    a_bad_entry_fails_its_own_outcome_of_set_many
    a_set_replaces_the_item
    an_add_stores_only_where_nothing_is
    a_replace_stores_only_over_an_item
    append_and_prepend_grow_an_item_and_keep_its_flags
    a_cas_stores_over_the_version_that_was_read_only
    a_delete_says_whether_there_was_an_item
    a_delete_if_spares_another_version
    a_touch_gives_another_life
    a_counter_counts_up_and_down
    a_counter_wraps_at_the_top_and_stops_at_zero
    what_is_no_number_is_refused_in_the_servers_words
    the_version_is_told_by_server
    a_flush_removes_every_item
    a_later_flush_leaves_the_items_for_now
    a_life_of_31_days_is_one
    a_life_below_a_second_is_not_for_ever
    a_life_of_nothing_is_over_at_once
    a_life_until_a_time_is_counted_from_now
    an_endless_life_is_told
    all_bits_of_the_flags_come_back
    no_byte_of_a_value_means_anything
    an_empty_value_is_a_hit
    a_value_as_large_as_the_server_takes_comes_back
    a_key_of_the_full_length_is_a_key
    unicode_keys_are_keys_where_they_are_allowed
    the_prefix_stands_before_the_key_on_the_wire
}

async fn a_get_returns_the_value_or_nothing(at: &At) {
    assert_eq!(at.client.get("k").await.unwrap(), None);

    at.put("k", "value").await;

    assert_eq!(at.text("k").await.as_deref(), Some("value"));
}

async fn a_gets_returns_a_version_that_changes_with_the_item(at: &At) {
    assert!(at.client.gets("k").await.unwrap().is_none());
    at.put("k", "1").await;
    let first = at.version("k").await;
    assert_eq!(at.version("k").await, first);

    at.put("k", "2").await;

    assert_ne!(at.version("k").await, first);
}

async fn get_many_answers_in_order_and_each_repeated_key(at: &At) {
    at.put("a", "A").await;
    at.put("b", "B").await;

    let answers = at.client.get_many(&["b", "none", "a", "b", "none", "b"]).await;

    let texts: Vec<_> =
        answers.into_iter().map(|answer| answer.unwrap().map(|value| text(&value))).collect();
    let expected = [Some("B"), None, Some("A"), Some("B"), None, Some("B")];
    assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
}

async fn get_many_of_nothing_sends_nothing(at: &At) {
    let before = at.stat("total_connections").await;

    assert!(at.client.get_many::<&str>(&[]).await.is_empty());

    // The look itself is one more.
    assert_eq!(at.stat("total_connections").await, before + 1);
}

async fn a_bad_key_fails_its_own_answer_of_get_many(at: &At) {
    at.put("a", "A").await;

    let answers = at.client.get_many(&["a", "two words", "none", ""]).await;

    let [good, bad, miss, empty] = &answers[..] else { panic!("not four answers: {answers:?}") };
    assert_eq!(good.as_ref().unwrap().as_ref().map(text), Some("A".into()));
    assert!(bad.as_ref().is_err_and(|error| error.as_key_error().is_some()));
    assert!(miss.as_ref().unwrap().is_none());
    assert!(empty.as_ref().is_err_and(memclient::Error::is_input));
}

async fn batches_of_five_thousand_keys_are_whole(at: &At) {
    let keys: Vec<String> = (0..5000).map(|number| format!("key:{number}")).collect();
    let stored = keys.iter().step_by(2);

    let outcomes = at.client.set_many(stored.map(|key| (key, key.as_str())), Ttl::Never).await;
    let answers = at.client.get_many(&keys).await;

    assert_eq!(outcomes.len(), 2500);
    assert!(outcomes.into_iter().all(|it| it.unwrap().is_stored()));
    assert_eq!(answers.len(), 5000);
    for (number, (key, answer)) in keys.iter().zip(answers).enumerate() {
        let expected = number.is_multiple_of(2).then(|| key.clone());
        assert_eq!(answer.unwrap().as_ref().map(text), expected);
    }
}

async fn set_many_stores_each_entry(at: &At) {
    let outcomes = at.client.set_many([("a", "1"), ("b", "2"), ("a", "3")], Ttl::secs(100)).await;

    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.into_iter().all(|it| it.unwrap().is_stored()));
    assert_eq!(at.text("a").await.as_deref(), Some("3"));
    assert_eq!(at.text("b").await.as_deref(), Some("2"));
    assert!(at.seconds_left("b").await <= 100);
}

async fn set_many_of_nothing_sends_nothing(at: &At) {
    let before = at.stat("total_connections").await;
    let nothing: [(&str, &str); 0] = [];

    assert!(at.client.set_many(nothing, Ttl::Never).await.is_empty());

    assert_eq!(at.stat("total_connections").await, before + 1);
}

async fn a_bad_entry_fails_its_own_outcome_of_set_many(at: &At) {
    let entries = [("a", "A"), ("two words", "x"), ("b", "B")];

    let outcomes = at.client.set_many(entries, Ttl::Never).await;

    let [first, bad, last] = &outcomes[..] else { panic!("not three outcomes: {outcomes:?}") };
    assert!(first.as_ref().unwrap().is_stored() && last.as_ref().unwrap().is_stored());
    let bad = bad.as_ref().unwrap_err();
    assert!(bad.as_key_error().is_some());
    assert_eq!(bad.command(), Some("set"));
    assert_eq!(at.text("b").await.as_deref(), Some("B"));
}

async fn a_set_replaces_the_item(at: &At) {
    at.put("k", "a long first value").await;

    at.put("k", "2").await;

    let item = Item { flags: 16, data: b"2".to_vec() };
    assert_eq!(at.held("k").await, Some(item));
}

async fn an_add_stores_only_where_nothing_is(at: &At) {
    let add = async |value: &str| at.client.add("k", value, Ttl::Never).await.unwrap();

    assert_eq!(add("1").await, Stored::Stored);
    assert_eq!(add("2").await, Stored::NotStored);

    assert_eq!(at.text("k").await.as_deref(), Some("1"));
}

async fn a_replace_stores_only_over_an_item(at: &At) {
    let replace = async |value: &str| at.client.replace("k", value, Ttl::Never).await.unwrap();

    assert_eq!(replace("1").await, Stored::NotStored);
    assert!(at.held("k").await.is_none());
    at.put("k", "2").await;
    assert_eq!(replace("3").await, Stored::Stored);

    assert_eq!(at.text("k").await.as_deref(), Some("3"));
}

async fn append_and_prepend_grow_an_item_and_keep_its_flags(at: &At) {
    let client = &at.client;
    assert_eq!(client.append("k", "x").await.unwrap(), Stored::NotStored);
    assert_eq!(client.prepend("k", "x").await.unwrap(), Stored::NotStored);
    assert!(at.held("k").await.is_none());
    at.set("k", Value::new("b", 7)).await;

    assert_eq!(client.append("k", "c").await.unwrap(), Stored::Stored);
    assert_eq!(client.prepend("k", "a").await.unwrap(), Stored::Stored);

    let item = Item { flags: 7, data: b"abc".to_vec() };
    assert_eq!(at.held("k").await, Some(item));
}

async fn a_cas_stores_over_the_version_that_was_read_only(at: &At) {
    let cas = async |value: &str, token| {
        let outcome = at.client.cas("k", value, Ttl::Never, token).await;
        outcome.unwrap()
    };
    assert_eq!(cas("0", CasToken::new(1)).await, CasOutcome::NotFound);
    at.put("k", "1").await;
    let version = at.version("k").await;

    assert_eq!(cas("2", version).await, CasOutcome::Stored);
    assert_eq!(cas("3", version).await, CasOutcome::Exists);

    assert_eq!(at.text("k").await.as_deref(), Some("2"));
}

async fn a_delete_says_whether_there_was_an_item(at: &At) {
    at.put("k", "v").await;

    assert_eq!(at.client.delete("k").await.unwrap(), Deleted::Deleted);
    assert_eq!(at.client.delete("k").await.unwrap(), Deleted::NotFound);

    assert!(at.held("k").await.is_none());
}

async fn a_delete_if_spares_another_version(at: &At) {
    let delete_if = async |version| at.client.delete_if("k", version).await.unwrap();
    assert_eq!(delete_if(CasToken::new(1)).await, Deleted::NotFound);
    at.put("k", "1").await;
    let old = at.version("k").await;
    at.put("k", "2").await;

    assert_eq!(delete_if(old).await, Deleted::Exists);
    assert_eq!(at.text("k").await.as_deref(), Some("2"));
    assert_eq!(delete_if(at.version("k").await).await, Deleted::Deleted);

    assert!(at.held("k").await.is_none());
}

async fn a_touch_gives_another_life(at: &At) {
    let touch = async |ttl: Ttl| at.client.touch("k", ttl).await.unwrap();
    assert_eq!(touch(Ttl::secs(100)).await, Touched::NotFound);
    at.put("k", "v").await;

    assert_eq!(touch(Ttl::secs(100)).await, Touched::Touched);
    assert!((90..=100).contains(&at.seconds_left("k").await));
    assert_eq!(touch(Ttl::Immediately).await, Touched::Touched);

    assert_eq!(at.client.get("k").await.unwrap(), None);
}

async fn a_counter_counts_up_and_down(at: &At) {
    let client = &at.client;
    assert_eq!(client.incr("n", 1).await.unwrap(), None);
    assert_eq!(client.decr("n", 1).await.unwrap(), None);
    at.set("n", Value::of(7u64).unwrap()).await;

    assert_eq!(client.incr("n", 3).await.unwrap(), Some(10));
    assert_eq!(client.decr("n", 1).await.unwrap(), Some(9));

    // The server pads the lost digit with a space, which is no part of the number.
    assert_eq!(at.held("n").await.unwrap().data, b"9 ");
    let value = client.get("n").await.unwrap().unwrap();
    assert_eq!(value.decode::<u64>().unwrap(), 9);
}

async fn a_counter_wraps_at_the_top_and_stops_at_zero(at: &At) {
    at.set("n", Value::of(u64::MAX - 1).unwrap()).await;

    assert_eq!(at.client.incr("n", 1).await.unwrap(), Some(u64::MAX));
    assert_eq!(at.client.incr("n", 3).await.unwrap(), Some(2));
    assert_eq!(at.client.decr("n", u64::MAX).await.unwrap(), Some(0));
}

async fn what_is_no_number_is_refused_in_the_servers_words(at: &At) {
    at.put("k", "seven").await;

    for outcome in [at.client.incr("k", 1).await, at.client.decr("k", 1).await] {
        let error = outcome.unwrap_err();
        assert_eq!(error.delivery(), Delivery::Refused);
        let words = error.server_message().unwrap();
        assert!(words.contains("non-numeric value"), "{words}");
        assert_eq!(error.node(), at.client.servers().next());
    }

    assert_eq!(at.text("k").await.as_deref(), Some("seven"));
}

async fn the_version_is_told_by_server(at: &At) {
    let version = at.client.version().await.unwrap();
    let raw = at.server.raw("version\r\n").await.unwrap();
    assert_eq!(raw, format!("VERSION {version}\r\n").into_bytes());

    let versions = at.client.versions().await;

    let [(server, told)] = &versions[..] else { panic!("not one server: {versions:?}") };
    assert_eq!(Some(server.as_str()), at.client.servers().next());
    assert_eq!(*told.as_ref().unwrap(), version);
}

async fn a_flush_removes_every_item(at: &At) {
    at.put("a", "1").await;
    at.put("b", "2").await;

    at.client.flush_all().await.unwrap();

    assert!(at.held("a").await.is_none() && at.held("b").await.is_none());
}

async fn a_later_flush_leaves_the_items_for_now(at: &At) {
    at.put("k", "v").await;

    at.client.flush_all_after(Duration::from_secs(100)).await.unwrap();

    assert_eq!(at.text("k").await.as_deref(), Some("v"));
}

async fn a_life_of_31_days_is_one(at: &At) {
    let days = 31 * 24 * 60 * 60;

    at.put_for("k", Duration::from_secs(days)).await;

    assert!(about(days).contains(&at.seconds_left("k").await));
}

async fn a_life_below_a_second_is_not_for_ever(at: &At) {
    at.put_for("k", Duration::from_millis(1)).await;

    // Within its second the item may be there or not, but not for longer.
    if let Some(item) = at.client.gets("k").await.unwrap() {
        assert!(matches!(item.ttl_left, TtlLeft::Left(left) if left <= Duration::from_secs(1)));
    }
}

async fn a_life_of_nothing_is_over_at_once(at: &At) {
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for ttl in
        [Ttl::Immediately, Ttl::After(Duration::ZERO), Ttl::At(past), Ttl::At(SystemTime::now())]
    {
        at.put("k", "old").await;

        at.put_for("k", ttl).await;

        assert_eq!(at.client.get("k").await.unwrap(), None, "{ttl:?}");
    }
}

async fn a_life_until_a_time_is_counted_from_now(at: &At) {
    at.put_for("k", SystemTime::now() + Duration::from_secs(1000)).await;

    assert!(about(1000).contains(&at.seconds_left("k").await));
}

async fn an_endless_life_is_told(at: &At) {
    at.put_for("k", Ttl::Never).await;

    let item = at.client.gets("k").await.unwrap().unwrap();
    assert_eq!(item.ttl_left, TtlLeft::Never);
}

async fn all_bits_of_the_flags_come_back(at: &At) {
    for flags in [0, 1, 1 << 16, 1 << 31, u32::MAX] {
        let value = Value::new("v", flags);

        at.set("k", value.clone()).await;

        assert_eq!(at.client.get("k").await.unwrap(), Some(value));
        assert_eq!(at.held("k").await.unwrap().flags, flags);
    }
}

async fn no_byte_of_a_value_means_anything(at: &At) {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    for data in [&all[..], b"\r\n", b"\0", b"END\r\n", b"EN O1\r\n", b"\r\nflush_all\r\n"] {
        let value = Value::of(data).unwrap();

        at.set("k", value.clone()).await;

        assert_eq!(at.client.get("k").await.unwrap(), Some(value));
    }
    assert_eq!(at.stat("cmd_flush").await, 0);
}

async fn an_empty_value_is_a_hit(at: &At) {
    at.set("k", Value::new("", 0)).await;

    let value = at.client.get("k").await.unwrap();
    assert_eq!(value, Some(Value::new("", 0)));
}

async fn a_value_as_large_as_the_server_takes_comes_back(at: &At) {
    // What the server needs for itself has to fit into its megabyte too.
    let data: Bytes = (0..(1 << 20) - 512).map(|place: u32| place.to_le_bytes()[0]).collect();

    at.set("k", Value::new(data.clone(), 0)).await;

    let value = at.client.get("k").await.unwrap().unwrap();
    assert!(*value.data() == data, "other bytes came back");
}

async fn a_key_of_the_full_length_is_a_key(at: &At) {
    let key = "k".repeat(250 - at.prefix.len());

    at.put(&key, "v").await;

    assert_eq!(at.text(&key).await.as_deref(), Some("v"));
    assert_eq!(at.held(&key).await.unwrap().data, b"v");
    let longer = at.client.get(format!("{key}k")).await;
    assert!(longer.is_err_and(|error| error.is_input()));
}

async fn unicode_keys_are_keys_where_they_are_allowed(at: &At) {
    let client = at.builder().allow_unicode_keys(true).build().unwrap();

    let stored = client.set("Grüße-世界-🌍", "v", Ttl::Never).await.unwrap();

    assert!(stored.is_stored());
    assert_eq!(at.held("Grüße-世界-🌍").await.unwrap().data, b"v");
    let refused = at.client.get("Grüße-世界-🌍").await;
    assert!(refused.is_err_and(|error| error.as_key_error().is_some()));
}

async fn the_prefix_stands_before_the_key_on_the_wire(at: &At) {
    at.put("k", "v").await;
    at.client.set_many([("l", "v")], Ttl::Never).await.remove(0).unwrap().is_stored();

    for key in ["k", "l"] {
        let whole = format!("{}{key}", at.prefix);
        assert!(at.server.item(&whole).await.unwrap().is_some());
        let bare = at.server.item(key).await.unwrap();
        assert_eq!(bare.is_some(), at.prefix.is_empty());
    }
    assert_eq!(at.client.delete("k").await.unwrap(), Deleted::Deleted);
    assert!(at.held("k").await.is_none());
}

#[tokio::test]
async fn a_later_flush_comes() {
    let at = At::tcp().await;
    at.put("k", "v").await;

    at.client.flush_all_after(Duration::from_millis(1)).await.unwrap();

    let gone = async {
        while at.client.get("k").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the item is still there");
}

#[tokio::test]
async fn lives_are_sent_in_whole_seconds_rounded_up() {
    let server = Scripted::answering(|request| match request.words() {
        words if words[0] == "version" => "VERSION 1.6.18\r\n".to_owned(),
        words => format!("HD {}\r\n", words.last().unwrap()),
    })
    .unwrap();
    let client = Client::new(server.address()).unwrap();

    for (millis, seconds) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (59_500, 60)] {
        let key = format!("k{millis}");
        let ttl = Duration::from_millis(millis);
        assert!(client.set(&key, "v", ttl).await.unwrap().is_stored());
        let sent = String::from_utf8(server.received()).unwrap();
        let line = sent.lines().find(|line| line.contains(&key)).unwrap();
        assert!(line.contains(&format!(" T{seconds} ")), "{line}");
    }
}

/// A server, and a client that reaches it in one of the ways there are.
struct At {
    server: Memcached,
    address: String,
    prefix: &'static str,
    client: Client,
}

impl At {
    async fn tcp() -> Self {
        let server = Memcached::start().await.unwrap();
        let address = server.address();
        Self::new(server, address, "")
    }

    async fn unix() -> Self {
        let server = Memcached::unix().await.unwrap();
        let address = server.address();
        Self::new(server, address, "")
    }

    async fn prefixed() -> Self {
        let server = Memcached::start().await.unwrap();
        let address = server.address();
        Self::new(server, address, "shop:")
    }

    /// Returns nothing, and says so, on a machine without IPv6.
    async fn ipv6() -> Option<Self> {
        for _ in 0..20 {
            let Ok(listener) = TcpListener::bind("[::1]:0") else {
                eprintln!("there is no IPv6 here, so nothing is tried with it");
                return None;
            };
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let builder = Memcached::builder().on_port(port).arg("-l").arg("::1");
            // Somebody else may have taken the port meanwhile.
            if let Ok(server) = builder.start().await {
                return Some(Self::new(server, format!("[::1]:{port}"), ""));
            }
        }
        panic!("no port was free on ::1 and 127.0.0.1 twenty times");
    }

    fn new(server: Memcached, address: String, prefix: &'static str) -> Self {
        let client = builder(&address, prefix).build().unwrap();
        Self { server, address, prefix, client }
    }

    fn builder(&self) -> ClientBuilder {
        builder(&self.address, self.prefix)
    }

    async fn put(&self, key: &str, text: &str) {
        self.set(key, Value::of(text).unwrap()).await;
    }

    async fn put_for(&self, key: &str, ttl: impl Into<Ttl>) {
        let stored = self.client.set(key, "v", ttl).await.unwrap();
        assert!(stored.is_stored());
    }

    async fn set(&self, key: &str, value: Value) {
        let stored = self.client.set(key, value, Ttl::Never).await.unwrap();
        assert!(stored.is_stored());
    }

    async fn text(&self, key: &str) -> Option<String> {
        self.client.get(key).await.unwrap().as_ref().map(text)
    }

    async fn version(&self, key: &str) -> CasToken {
        self.client.gets(key).await.unwrap().unwrap().cas
    }

    async fn seconds_left(&self, key: &str) -> u64 {
        match self.client.gets(key).await.unwrap().unwrap().ttl_left {
            TtlLeft::Left(left) => left.as_secs(),
            other => panic!("{key} lives {other:?}"),
        }
    }

    /// Returns what the server holds, asked on a plain connection.
    async fn held(&self, key: &str) -> Option<Item> {
        let key = format!("{}{key}", self.prefix);
        self.server.item(&key).await.unwrap()
    }

    async fn stat(&self, name: &str) -> u64 {
        let value = self.server.stat(name).await.unwrap();
        value.unwrap().parse().unwrap()
    }
}

fn builder(address: &str, prefix: &str) -> ClientBuilder {
    let builder = Client::builder().server(address).timeout(Duration::from_secs(10));
    if prefix.is_empty() { builder } else { builder.key_prefix(prefix) }
}

/// Seconds until a date, as a server may count them: in the first moments of its life its clock is a
/// minute behind.
fn about(seconds: u64) -> RangeInclusive<u64> {
    seconds - 90..=seconds + 90
}

fn text(value: &Value) -> String {
    value.decode().unwrap()
}
