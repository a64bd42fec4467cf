//! Values that are smaller on the wire than in the program.

use std::{
    future,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, Client, Compression, Event, Policy, Ttl, Value, cached};
use memclient_tests::Memcached;

const TTL: Ttl = Ttl::secs(60);

/// Every compression, with the bits that name it.
const ALL: [(Compression, u32); 3] =
    [(Compression::zlib(6), 8), (Compression::zstd(3), 0x1000), (Compression::lz4(), 0x2000)];

fn text() -> String {
    "what is said often enough ".repeat(100)
}

fn client(server: &Memcached, compression: Compression) -> Client {
    Client::builder().server(server.address()).compression(compression).build().unwrap()
}

fn cache(server: &Memcached, compression: Compression) -> Cache {
    let client = Client::new(server.address()).unwrap();
    Cache::builder().backend(client).compression(compression).build().unwrap()
}

#[tokio::test]
async fn every_way_to_store_compresses_and_every_client_reads_it() {
    let server = Memcached::start().await.unwrap();
    let reader = Client::new(server.address()).unwrap();
    for (compression, bits) in ALL {
        let client = client(&server, compression);
        let _ = client.set("set", text(), TTL).await.unwrap();
        let _ = client.delete("add").await.unwrap();
        let _ = client.add("add", text(), TTL).await.unwrap();
        let _ = client.replace("set", text(), TTL).await.unwrap();
        for outcome in client.set_many([("many", text()), ("more", text())], TTL).await {
            assert!(outcome.unwrap().is_stored());
        }
        let _ = reader.set("cas", "old", TTL).await.unwrap();
        let cas = reader.gets("cas").await.unwrap().unwrap().cas;
        let _ = client.cas("cas", text(), TTL, cas).await.unwrap();
        for key in ["set", "add", "many", "more", "cas"] {
            let item = server.item(key).await.unwrap().unwrap();
            assert_eq!(item.flags, 16 | bits, "{key}");
            assert!(item.data.len() < 200, "{key}");
            let value = reader.get(key).await.unwrap().unwrap();
            assert_eq!(value.data(), &item.data, "{key}");
            assert_eq!(value.decode::<String>().unwrap(), text(), "{key}");
            assert_eq!(value.decompressed(1 << 20).unwrap(), Value::of(text()).unwrap(), "{key}");
        }
    }
}

#[tokio::test]
async fn what_is_short_counted_or_added_is_sent_as_it_is() {
    let server = Memcached::start().await.unwrap();
    for (compression, _) in ALL {
        let client = client(&server, compression.threshold(1));
        let _ = client.set("n", 10_u64, TTL).await.unwrap();
        assert_eq!(client.incr("n", 5).await.unwrap(), Some(15));
        let _ = client.set("short", "abc", TTL).await.unwrap();
        let _ = client.append("short", text()).await.unwrap();
        let _ = client.prepend("short", text()).await.unwrap();
        let value = client.get("short").await.unwrap().unwrap();
        assert_eq!(value.flags(), 16);
        assert_eq!(value.decode::<String>().unwrap(), text() + "abc" + &text());
    }
}

#[tokio::test]
async fn a_value_that_only_compressed_fits_the_server_is_stored() {
    let server = Memcached::start().await.unwrap();
    let large = text().repeat(1000);
    assert!(Client::new(server.address()).unwrap().set("k", &large, TTL).await.is_err());
    for (compression, _) in ALL {
        let client = client(&server, compression);
        assert!(client.set("k", &large, TTL).await.unwrap().is_stored());
        assert_eq!(client.get("k").await.unwrap().unwrap().decode::<String>().unwrap(), large);
    }
}

#[tokio::test]
async fn a_cache_compresses_and_one_without_the_setting_reads() {
    let server = Memcached::start().await.unwrap();
    for (compression, bits) in ALL {
        let cache = cache(&server, compression);
        let name = format!("text-{bits}");
        let texts = cache.typed::<String>(&name);
        assert_eq!(texts.get_or_load("k", || future::ready(text())).await, text());
        let item = server.item(&texts.key("k").to_string()).await.unwrap().unwrap();
        assert_eq!(item.flags & 0xffff, 0x8000 | 16 | bits);
        assert_ne!(item.flags >> 16 & 0xff, 0, "the time to load it stands there too");
        assert!(item.data.len() < 200);
        assert_eq!(texts.get("k").await.unwrap(), Some(text()));
        assert_eq!(cache.stats().near_hits, 1);

        let other = self::cache(&server, Compression::NONE);
        assert_eq!(other.typed::<String>(&name).get("k").await.unwrap(), Some(text()));
        assert_eq!(other.typed::<String>(&name).get("k").await.unwrap(), Some(text()));
        assert_eq!((other.stats().far_hits, other.stats().near_hits), (1, 1));
    }
}

#[tokio::test]
async fn a_handle_may_say_otherwise_than_its_cache() {
    let server = Memcached::start().await.unwrap();
    let cache = cache(&server, Compression::lz4());
    let off = Policy::new().compression(Compression::NONE);
    for (policy, flags) in [(Policy::new(), 16 | 0x2000), (off, 16)] {
        let texts = cache.typed::<String>("text").policy(policy);
        texts.put("k", &text()).await.unwrap();
        let item = server.item(&texts.key("k").to_string()).await.unwrap().unwrap();
        assert_eq!(item.flags & 0x7fff, flags);
    }
}

#[tokio::test]
async fn a_cached_function_compresses_as_its_cache_says() {
    static LOADS: AtomicUsize = AtomicUsize::new(0);
    static SERVER: LazyLock<Memcached> =
        LazyLock::new(|| Memcached::builder().start_blocking().unwrap());
    static CACHE: LazyLock<Cache> = LazyLock::new(|| cache(&SERVER, Compression::zstd(3)));

    #[cached(cache = CACHE)]
    async fn words(count: usize) -> Vec<String> {
        LOADS.fetch_add(1, Ordering::Relaxed);
        future::ready(vec!["word".to_owned(); count]).await
    }

    assert_eq!(words(1000).await.len(), 1000);
    let item = SERVER.item(&words::key(1000).to_string()).await.unwrap().unwrap();
    assert_eq!(item.flags & 0xf000, 0x9000);
    assert_eq!(words(1000).await.len(), 1000);
    assert_eq!(LOADS.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_compressed_entry_that_cannot_be_read_is_a_miss_and_told() {
    let server = Memcached::start().await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let told = Arc::clone(&told);
        move |event: &Event<'_>| {
            if let Event::Undecodable { error, .. } = event {
                told.lock().unwrap().push(error.kind());
            }
        }
    };
    let client = Client::new(server.address()).unwrap();
    let cache = Cache::builder().backend(client.clone()).observer(observer).build().unwrap();
    let texts = cache.typed::<String>("text");
    let cases = [
        (8, &b"\x78\x9c\xff\xff"[..], "Corrupt"),
        (0x1000, b"\x28\xb5\x2f\xfd\xff", "Corrupt"),
        (0x2000, b"\x10\0\0\0\xff", "Corrupt"),
        // They claim a byte more than 64 MiB.
        (0x1000, b"\x28\xb5\x2f\xfd\xa0\x01\0\0\x04\x09\0\0x", "Limit"),
        (0x2000, b"\x01\0\0\x04\x10x", "Limit"),
        (0x3000, b"x", "UnsupportedCompression"),
    ];
    for (number, (bits, bytes, kind)) in cases.into_iter().enumerate() {
        let damaged = Value::new(bytes, 16 | bits);
        let _ = client.set(texts.key(&number), damaged, Duration::from_secs(60)).await.unwrap();
        assert_eq!(texts.get(&number).await.unwrap(), None);
        assert_eq!(texts.get_or_load(&number, || future::ready(text())).await, text());
        assert_eq!(texts.get(&number).await.unwrap(), Some(text()));
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert_eq!(told.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>(), [kind; 2]);
    }
    assert_eq!(cache.stats().undecodable, 12);
    assert_eq!(cache.stats().backend_errors, 0);
}
