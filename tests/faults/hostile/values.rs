//! Values that another client could have stored under keys of ours: each is a miss that is counted.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::Write as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use flate2::{Compression, write::DeflateEncoder};
use memclient::{Cache, CacheValue, Client, Event, Value};
use memclient_tests::{Memcached, Peak};
use serde::{Deserialize, Serialize};

use crate::HANG;

/// How much memory a value may cost beyond itself, in KiB.
const ROOM: usize = 8 << 10;

/// How large a decompressed value may be, and how much small elements may take, in KiB.
const DECOMPRESSED: usize = 64 << 10;
const ELEMENTS: usize = 128 << 10;

/// What stands in flags beside the format, as clients of ours write it.
const TYPED: u32 = 1 << 15;
const BINCODE: u32 = 1 << 8 | TYPED;
const JSON: u32 = 2 << 8 | TYPED;
const TEXT: u32 = 1 << 4 | TYPED;
const ZLIB: u32 = 1 << 3;
const ZSTD: u32 = 1 << 12;
const LZ4: u32 = 2 << 12;
const HEADER: u32 = 1 << 24;

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Chain {
    End,
    Link(Box<Chain>),
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Tree {
    children: Vec<Tree>,
}

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cache(codec = "json")]
struct Text {
    text: String,
    children: Vec<Text>,
}

#[tokio::test]
async fn no_value_that_somebody_stored_does_more_than_miss() {
    let stage = Stage::start().await;
    println!("| value | read as | outcome | time | peak memory |");
    println!("|---|---|---|---|---|");
    stage.lengths().await;
    stage.nesting().await;
    stage.bombs().await;
    stage.flags().await;
    stage.headers().await;
}

struct Stage {
    server: Memcached,
    client: Client,
    cache: Cache,
    told: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    async fn start() -> Self {
        let server = Memcached::start().await.unwrap();
        let client = Client::new(server.address()).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let observer = {
            let told = Arc::clone(&told);
            move |event: &Event<'_>| {
                if let Event::Undecodable { error, .. } = event {
                    told.lock().unwrap().push(format!("{:?}", error.kind()));
                }
            }
        };
        let cache = Cache::builder().backend(client.clone()).observer(observer).without_near();
        let stage = Self { server, client, cache: cache.build().unwrap(), told };
        // What a process sets up once is no cost of the first value.
        stage.cache.typed::<u64>("first").get(&0).await.unwrap();
        stage
    }

    /// Lengths of 2^40 elements, in ten bytes.
    #[expect(clippy::zero_sized_map_values, reason = "entries without bytes are the point")]
    async fn lengths(&self) {
        const CLAIM: &[u8] = b"\xfd\0\0\0\0\0\x01\0\0\x01";

        self.check::<(Vec<u8>, u8)>("2^40 bytes", "(Vec<u8>, u8)", BINCODE, CLAIM).await;
        self.check::<(String, u8)>("2^40 characters", "(String, u8)", BINCODE, CLAIM).await;
        self.check::<Vec<u64>>("2^40 numbers", "Vec<u64>", BINCODE, CLAIM).await;
        self.check::<Vec<String>>("2^40 texts", "Vec<String>", BINCODE, CLAIM).await;
        self.check::<Vec<()>>("2^40 units", "Vec<()>", BINCODE, CLAIM).await;
        self.check::<HashSet<()>>("2^40 units", "HashSet<()>", BINCODE, CLAIM).await;
        self.check::<Vec<[(); 32]>>("2^40 arrays of units", "Vec<[(); 32]>", BINCODE, CLAIM).await;
        self.check::<HashMap<u8, u8>>("2^40 pairs", "HashMap<u8, u8>", BINCODE, CLAIM).await;
        self.check::<BTreeMap<(), ()>>("2^40 pairs of units", "BTreeMap<(), ()>", BINCODE, CLAIM)
            .await;
        let most = b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff";
        self.check::<Vec<u64>>("2^64 - 1 numbers", "Vec<u64>", BINCODE, most).await;
        // A byte for each, and a kibibyte in memory.
        let many = [&b"\xfc\xe0\x22\x02\0"[..], &vec![0; 140_000]].concat();
        let (name, kind) = ("140,000 times nothing", "Vec<Option<[[u64; 32]; 4]>>");
        let room = ELEMENTS + ROOM;
        self.within::<Vec<Option<[[u64; 32]; 4]>>>(room, name, kind, BINCODE, &many).await;
    }

    /// A million levels.
    async fn nesting(&self) {
        const LEVELS: usize = 1_000_000;

        let name = "a million levels";
        self.check::<Chain>(name, "an enum of boxes", BINCODE, &vec![1; LEVELS]).await;
        self.check::<Tree>(name, "a struct of lists", BINCODE, &vec![1; LEVELS]).await;
        self.check::<Text>(name, "JSON", JSON, &vec![b'['; LEVELS]).await;
        let objects = br#"{"text":"","children":["#.repeat(40_000);
        self.check::<Text>("40,000 levels", "JSON", JSON, &objects).await;
        let unknown = [&br#"{"x":"#[..], &vec![b'['; LEVELS]].concat();
        self.check::<Text>("a million levels in a field that nobody reads", "JSON", JSON, &unknown)
            .await;
    }

    /// Little that becomes much.
    async fn bombs(&self) {
        for (name, bits, bomb) in [
            ("900 MiB in zlib", ZLIB, zlib_bomb(900)),
            ("4 GiB in zstd", ZSTD, zstd_bomb(4 << 30)),
            ("a claim of 2^62 bytes in zstd", ZSTD, zstd_claim(1 << 62)),
            ("200 MiB in LZ4", LZ4, lz4_bomb(200 << 20, 200 << 20)),
            ("200 MiB in LZ4 that claim to be 1,000 bytes", LZ4, lz4_bomb(1000, 200 << 20)),
            ("200 MiB in LZ4 that claim to be 64 MiB", LZ4, lz4_bomb(64 << 20, 200 << 20)),
            ("a claim of 4 GiB in LZ4", LZ4, lz4_bomb(u32::MAX, 10)),
        ] {
            self.check::<String>(name, "String", TEXT | bits, &bomb).await;
            self.check::<Vec<u64>>(name, "Vec<u64>", BINCODE | bits, &bomb).await;
        }
    }

    /// Flags that name what the value is not.
    async fn flags(&self) {
        for format in [0, 1, 2, 3, 4, 5, 15] {
            let bits = format << 8 | TYPED;
            let name = format!("format {format} over text");
            self.check::<Vec<u64>>(&name, "Vec<u64>", bits, b"hello").await;
        }
        for (name, bits) in [
            ("text", TEXT),
            ("an integer", 1 << 1),
            ("an old integer", 1 << 2),
            ("a pickle", 1),
            ("all low bits", 0x1f),
            ("all bits but of absence", !(1 << 14)),
        ] {
            self.check::<Vec<u64>>(name, "Vec<u64>", bits, b"hello").await;
        }
        self.check::<u64>("no number", "u64", 1 << 1, b"-9z").await;
        self.check::<u64>("a number of 1,000 digits", "u64", 1 << 1, &[b'9'; 1000]).await;
        self.check::<String>("no UTF-8", "String", TEXT, b"\xff\xfe").await;
        self.check::<String>("a compression that there is not", "String", TEXT | 3 << 12, b"x")
            .await;
        self.check::<String>("zlib over text", "String", TEXT | ZLIB, b"hello").await;
        self.check::<(u64, u8)>("bytes behind the value", "(u64, u8)", BINCODE, b"\x01\0\0").await;
        self.check::<(u64, u8)>("half a number", "(u64, u8)", BINCODE, b"\xfd\0\0").await;
        self.check::<bool>("neither true nor false", "bool", BINCODE, b"\x02").await;
        self.check::<char>("no character", "char", BINCODE, b"\xff").await;
        self.check::<Chain>("a variant that there is not", "an enum of boxes", BINCODE, b"\x02")
            .await;
    }

    /// Headers of tags.
    async fn headers(&self) {
        let tag = b"\x01t\0\0\0\0\0\0\0\x01";
        for (name, header) in [
            ("65,535 tags", [&b"\xff\xff"[..], &tag.repeat(65_535)].concat()),
            ("256 tags", [&b"\x01\0"[..], &tag.repeat(256)].concat()),
            ("a claim of 65,535 tags", b"\xff\xff".to_vec()),
            ("half a header", b"\0\x01\xff".to_vec()),
            ("a tag that is no key", b"\0\x01\x03a b\0\0\0\0\0\0\0\x01x".to_vec()),
            ("no header", Vec::new()),
        ] {
            self.check::<String>(name, "String", TEXT | HEADER, &header).await;
        }
    }

    /// Has another client store the bytes, and reads them as `T`.
    async fn check<T: CacheValue>(&self, name: &str, kind: &str, bits: u32, bytes: &[u8]) {
        let is_compressed = bits & (ZLIB | ZSTD | LZ4) != 0;
        let room = if is_compressed { DECOMPRESSED + ROOM } else { ROOM };
        self.within::<T>(room, name, kind, bits, bytes).await;
    }

    /// Does so in so many KiB beyond the value itself.
    async fn within<T: CacheValue>(
        &self,
        room: usize,
        name: &str,
        kind: &str,
        bits: u32,
        bytes: &[u8],
    ) {
        let values = self.cache.typed::<T>("value");
        let key = values.key(name);
        let life = Duration::from_secs(60);
        let stored = self.client.set(&key, Value::new(bytes.to_vec(), bits), life).await.unwrap();
        assert!(stored.is_stored() && self.server.stat("curr_items").await.is_ok(), "{name}");
        let (peak, began) = (Peak::begin(), Instant::now());

        let outcome = tokio::time::timeout(HANG, values.get(name)).await.expect("it hangs");

        let (time, peak) = (began.elapsed(), peak.growth());
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        assert!(matches!(outcome, Ok(None)), "{name} as {kind}");
        let [why] = &told[..] else { panic!("{name} as {kind}: not counted once: {told:?}") };
        println!("| {name} | {kind} | miss: {why} | {time:.0?} | {peak} KiB |");
        assert!(peak < (bytes.len() >> 10) + room, "{name} as {kind}: {peak} KiB");
    }
}

/// Returns so many MiB of zeros: what is flushed after the first of them can be repeated.
fn zlib_bomb(mib: usize) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 1 << 20]).unwrap();
    encoder.flush().unwrap();
    let piece = encoder.get_ref().clone();
    [b"\x78\x9c", &piece.repeat(mib)[..], b"\x03\0\0\0\0\0"].concat()
}

/// Returns one frame of blocks that each repeat one byte (RFC 8878, `RLE_Block`).
fn zstd_bomb(size: u64) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;

    let block = |last: u32| {
        let [a, b, c, _] = (BLOCK << 3 | 1 << 1 | last).to_le_bytes();
        [a, b, c, b'z']
    };
    let blocks = usize::try_from(size / u64::from(BLOCK)).unwrap();
    [&b"\x28\xb5\x2f\xfd\0\x38"[..], &block(0).repeat(blocks - 1), &block(1)].concat()
}

/// Returns a frame that claims a size and has a block of one byte.
fn zstd_claim(size: u64) -> Vec<u8> {
    [&b"\x28\xb5\x2f\xfd\xe0"[..], &size.to_le_bytes(), b"\x09\0\0x"].concat()
}

/// Returns a block that repeats one byte, with the size that it claims.
fn lz4_bomb(claim: u32, size: usize) -> Vec<u8> {
    let ends = [0, 0x50, b'z', b'z', b'z', b'z', b'z'];
    [&claim.to_le_bytes()[..], b"\x1fz\x01\0", &vec![0xff; size / 255], &ends].concat()
}
