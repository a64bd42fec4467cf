//! What another client may have stored under a key of ours, with our flags: each such value is a miss
//! that is counted, and costs its reader no more than what is documented, in bytes and in stack.

use std::{fmt::Debug, future, io::Write, time::Duration};

use bytes::Bytes;
use memclient::{Cache, CacheValue, Client, Compression, Policy, TypedCache, Value};
use memclient_serde::{Flags, Payload};
use memclient_tests::Memcached;
use serde::{Deserialize, Serialize};

use super::{allocated, alone};

const TYPED: u32 = 0x8000;
const BINCODE: u32 = TYPED | 0x100;
const JSON: u32 = TYPED | 0x200;
const ZLIB: u32 = 8;
const ZSTD: u32 = 0x1000;
const LZ4: u32 = 0x2000;
const HEADER: u32 = 0x100_0000;

/// A length of 2^40, and a byte more.
const BOMB: &[u8] = b"\xfd\0\0\0\0\0\x01\0\0\x01";

/// What a value without tricks may cost: what carries it, and little else.
const LITTLE: usize = 8 << 20;
/// The most that decompression may take, and the copies on the way there.
const DECOMPRESSED: usize = 3 * Compression::LIMIT;
/// The elements of a value as documented, and as much again while their list grows.
const ELEMENTS: usize = 2 * (128 << 20);
/// The same for a value of nearly as many bytes as may be decompressed.
const MOST_ELEMENTS: usize = 2 * 4 * Compression::LIMIT;

#[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
struct User {
    id: u64,
    name: String,
    tags: Vec<String>,
}

#[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
enum Chain {
    #[default]
    End,
    Link(Box<Chain>),
}

#[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Tree {
    children: Vec<Tree>,
}

/// Each level moves kilobytes through the stack.
#[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cache(codec = "json")]
#[serde(default)]
struct Fat {
    field: Sparse,
    next: Option<Box<Fat>>,
}

#[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cache(codec = "json")]
struct Named {
    children: Vec<Named>,
}

/// A kibibyte that may be left out.
type Sparse = Option<[[u64; 32]; 4]>;

struct Ground {
    _server: Memcached,
    client: Client,
    cache: Cache,
}

impl Ground {
    async fn new() -> Self {
        let server = Memcached::start().await.unwrap();
        let client = Client::new(server.address()).unwrap();
        let backend = Client::new(server.address()).unwrap();
        let cache = Cache::builder().backend(backend).without_near().build().unwrap();
        Self { _server: server, client, cache }
    }

    fn typed<T: CacheValue>(&self) -> TypedCache<T> {
        self.cache.typed("value")
    }

    /// Checks that the value is a miss for every way of reading, that each counts it, and that none
    /// costs more than `most` bytes.
    async fn refused<T: CacheValue + Debug + Default + PartialEq>(
        &self,
        what: &str,
        data: impl Into<Bytes>,
        flags: u32,
        most: usize,
    ) {
        let told = self.cache.stats().undecodable;
        self.missed::<T>(what, data, flags, most).await;
        assert_eq!(self.cache.stats().undecodable, told + 3, "{what}");
    }

    /// Stores the bytes as another client would, and reads them by every way that reads values.
    async fn missed<T: CacheValue + Debug + Default + PartialEq>(
        &self,
        what: &str,
        data: impl Into<Bytes>,
        flags: u32,
        most: usize,
    ) {
        let values = self.typed::<T>();
        let item = Value::new(data, flags);
        let stored = self.client.set(values.key(&1), item, Duration::from_secs(60)).await;
        assert!(stored.unwrap().is_stored(), "{what}");

        let before = allocated();
        assert_eq!(values.get(&1).await.unwrap(), None, "{what}");
        let cost = allocated() - before;
        println!("{what}: {cost} bytes");
        assert!(cost <= most, "{what}: {cost} bytes");

        let many = values.get_many(&[1, 2]).await;
        assert!(many.into_iter().all(|read| read.unwrap().is_none()), "{what}");
        let loaded = values.get_or_load(&1, || future::ready(T::default())).await;
        assert_eq!(loaded, T::default(), "{what}");
        assert_eq!(values.get(&1).await.unwrap(), Some(T::default()), "{what}: stored again");
    }
}

impl Default for User {
    fn default() -> Self {
        Self { id: 7, name: "Ada".into(), tags: vec!["a".into()] }
    }
}

#[tokio::test]
async fn lengths_that_are_lies_cost_nothing() {
    let _alone = alone().await;
    let ground = Ground::new().await;
    let behind = |start: &[u8]| [start, BOMB].concat();
    ground.refused::<Vec<u64>>("2^40 numbers", BOMB, BINCODE, LITTLE).await;
    ground.refused::<Vec<()>>("2^40 units", BOMB, BINCODE, LITTLE).await;
    ground.refused::<Vec<Vec<()>>>("units in lists", behind(b"\x02"), BINCODE, LITTLE).await;
    ground.refused::<User>("2^40 letters", behind(b"\x07"), BINCODE, LITTLE).await;
    ground.refused::<User>("2^40 texts", behind(b"\x07\x01a"), BINCODE, LITTLE).await;
    let lists = BOMB[..9].repeat(100_000);
    ground.refused::<Tree>("lists of 2^40 in each other", lists, BINCODE, 16 << 20).await;
}

#[tokio::test]
async fn nesting_ends_long_before_the_stack() {
    let _alone = alone().await;
    let ground = Ground::new().await;
    let ones = vec![1; 1_000_000];
    ground.refused::<Chain>("a million links", ones.clone(), BINCODE, LITTLE).await;
    ground.refused::<Tree>("a million lists", ones, BINCODE, LITTLE).await;
    let lists = r#"{"children":["#.repeat(70_000);
    ground.refused::<Named>("JSON in JSON", lists, JSON, LITTLE).await;
    // Few enough levels, each of many bytes of stack: read by a thread of the usual size.
    let deep = 60;
    let fat = format!("{}null{}", r#"{"next":"#.repeat(deep), "}".repeat(deep));
    let values = ground.typed::<Fat>();
    let item = Value::new(fat, JSON);
    let _ = ground.client.set(values.key(&1), item, Duration::from_secs(60)).await.unwrap();
    let read = tokio::spawn(async move { values.get(&1).await }).await.unwrap();
    let depth = |fat: &Fat| std::iter::successors(Some(fat), |fat| fat.next.as_deref()).count();
    // Whether it is too deep hangs on how the compiler lays out frames.
    assert!(read.unwrap().is_none_or(|fat| depth(&fat) == deep));
}

#[tokio::test]
async fn bombs_burst_at_their_limit() {
    let _alone = alone().await;
    let ground = Ground::new().await;
    let beyond = Compression::LIMIT + 1;
    let zlib = zlib_of_zeros(beyond);
    ground.refused::<User>("a zlib bomb", zlib.clone(), BINCODE | ZLIB, DECOMPRESSED).await;
    ground.refused::<String>("a zlib text", zlib, TYPED | 16 | ZLIB, DECOMPRESSED).await;
    let zstd = zstd_of_zeros(beyond);
    ground.refused::<User>("a zstd bomb", zstd, BINCODE | ZSTD, DECOMPRESSED).await;
    let window = b"\x28\xb5\x2f\xfd\x00\xf8\x09\0\0x".to_vec();
    ground.refused::<User>("a zstd window of 2^41", window, BINCODE | ZSTD, LITTLE).await;
    let claim = [&b"\x28\xb5\x2f\xfd\xe0"[..], &(1_u64 << 40).to_le_bytes(), b"\x09\0\0x"];
    ground.refused::<User>("a zstd claim of 2^40", claim.concat(), BINCODE | ZSTD, LITTLE).await;
    let lz4 = |size: u32, len| [&size.to_le_bytes()[..], &vec![0xff; len]].concat();
    let claim = lz4(u32::MAX, 10);
    ground.refused::<User>("an lz4 claim of 2^32", claim, BINCODE | LZ4, LITTLE).await;
    let likely = lz4(64 << 20, 300_000);
    ground.refused::<User>("a likely lz4 claim", likely, BINCODE | LZ4, DECOMPRESSED).await;

    for (size, compression, most) in [
        (2 << 20, Compression::zlib(6), LITTLE + ELEMENTS),
        (2 << 20, Compression::zstd(3), LITTLE + ELEMENTS),
        (2 << 20, Compression::lz4(), LITTLE + ELEMENTS),
        (60 << 20, Compression::zstd(3), DECOMPRESSED + MOST_ELEMENTS),
    ] {
        let elements = Payload::new(list_of_zeros(size), Flags::BINCODE).compressed(compression);
        assert!(elements.data.len() < 16 << 10);
        let bits = elements.flags.with_typed().bits();
        let (flat, boxed) = ("elements of nothing", "boxes of nothing");
        ground.refused::<Vec<Sparse>>(flat, elements.data.clone(), bits, most).await;
        ground.refused::<Vec<Box<Sparse>>>(boxed, elements.data, bits, most).await;
    }
}

#[tokio::test]
async fn flags_and_bytes_of_others_are_misses() {
    let _alone = alone().await;
    let ground = Ground::new().await;
    let user = User::default().encode().unwrap().data;
    for format in (0..16).filter(|&format| format != 1) {
        let what = format!("the format {format}");
        ground.refused::<User>(&what, user.clone(), TYPED | format << 8, LITTLE).await;
    }
    for (what, flags) in [
        ("pickle", TYPED | 1),
        ("an integer", TYPED | 2),
        ("an old integer", TYPED | 4),
        ("text", TYPED | 16),
        ("zlib", BINCODE | ZLIB),
        ("zstd", BINCODE | ZSTD),
        ("lz4", BINCODE | LZ4),
        ("a compression of no name", BINCODE | ZSTD | LZ4),
        ("two compressions", BINCODE | ZLIB | LZ4),
        ("all flags but absence and a header", !(0x4000 | HEADER)),
    ] {
        ground.refused::<User>(what, user.clone(), flags, LITTLE).await;
    }
    let other = (7_u64, 7_u64, 7_u64).encode().unwrap().data;
    ground.refused::<User>("another type", other, BINCODE, LITTLE).await;
    ground.refused::<User>("a part", user.slice(..user.len() - 1), BINCODE, LITTLE).await;
    ground.refused::<User>("nothing", Bytes::new(), BINCODE, LITTLE).await;
    let longer = [&user[..], b"\0"].concat();
    ground.refused::<User>("more than it", longer, BINCODE, LITTLE).await;
    ground.refused::<u64>("letters", &b"seven"[..], TYPED | 2, LITTLE).await;
    ground.refused::<u64>("a long number", vec![b'9'; 500_000], TYPED | 2, LITTLE).await;
    ground.refused::<String>("no UTF-8", &b"\xff"[..], TYPED | 16, LITTLE).await;
    ground.refused::<Fat>("no JSON", &b"{]"[..], JSON, LITTLE).await;
    let digits = format!(r#"{{"field":[[{}]]}}"#, "9".repeat(500_000));
    ground.refused::<Fat>("a long number in JSON", digits, JSON, LITTLE).await;
}

#[tokio::test]
async fn a_header_that_nobody_wrote_is_a_miss() {
    let _alone = alone().await;
    let ground = Ground::new().await;
    let user = User::default().encode().unwrap().data;
    let cut = b"\xff\xff\x05ab".to_vec();
    ground.missed::<User>("a header cut off", cut, BINCODE | HEADER, LITTLE).await;
    ground.missed::<User>("no header", user, BINCODE | HEADER, LITTLE).await;
    // A tag that is the server's own command, were it a key.
    let bad = b"\0\x01\x0aa\r\nflush_al\0\0\0\0\0\0\0\0".to_vec();
    ground.missed::<User>("a tag of two lines", bad, BINCODE | HEADER, LITTLE).await;
    let mut tags = b"\xff\xff".to_vec();
    for tag in 0..0xffff {
        tags.extend_from_slice(&[b"\x05", format!("{tag:05}").as_bytes(), &[0; 8]].concat());
    }
    // Each of them is a counter that the server is asked for.
    let most = 64 << 20;
    ground.missed::<User>("many tags", tags, BINCODE | HEADER, most).await;
}

#[tokio::test]
async fn absence_is_an_answer_whoever_wrote_it() {
    let _alone = alone().await;
    let ground = Ground::new().await;
    let users = ground.typed::<User>().policy(Policy::new().none(Duration::from_secs(60)));
    let absent = Value::new(vec![0xff; 100_000], TYPED | 0x4000 | 0x100);
    let _ = ground.client.set(users.key(&1), absent, Duration::from_secs(60)).await.unwrap();
    assert_eq!(users.get(&1).await.unwrap(), None);
    let loaded = users.get_or_load(&1, || future::ready(User::default())).await;
    assert_eq!(loaded, User::default(), "a loader that has no `None` is asked");
}

fn zlib_of_zeros(mut size: usize) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    while size > 0 {
        let part = size.min(1 << 20);
        zlib.write_all(&vec![0; part]).unwrap();
        size -= part;
    }
    zlib.finish().unwrap()
}

/// A list in bincode that has this many bytes, all of its elements being zero.
fn list_of_zeros(size: usize) -> Vec<u8> {
    let mut list = vec![0; size];
    let count = u32::try_from(size - 5).unwrap();
    list[0] = 0xfc;
    list[1..5].copy_from_slice(&count.to_le_bytes());
    list
}

/// A frame that does not say its size, of blocks that are one byte repeated 2^17 times.
fn zstd_of_zeros(size: usize) -> Vec<u8> {
    const BLOCK: usize = 1 << 17;
    let mut frame = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    let blocks = size.div_ceil(BLOCK);
    for n in 1..=blocks {
        let header = u32::try_from(BLOCK << 3 | 1 << 1 | usize::from(n == blocks)).unwrap();
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}
