//! What `#[derive(CacheValue)]` promises over a real memcached: two versions of a program, whose types
//! differ, never read each other's bytes.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    future,
    marker::PhantomData,
};

use memclient::{Cache, CacheValue, Client, Compression, Fingerprint, Schema};
use memclient_tests::Memcached;
use serde::{Deserialize, Serialize};

/// Two programs that share a server, the one deployed before the other.
struct Fleet {
    server: Memcached,
    old: Cache,
    new: Cache,
}

impl Fleet {
    async fn new() -> Self {
        let server = Memcached::start().await.unwrap();
        let cache = || {
            let backend = Client::new(server.address()).unwrap();
            Cache::builder().namespace("shop").backend(backend).without_near().build().unwrap()
        };
        let (old, new) = (cache(), cache());
        Self { server, old, new }
    }

    /// Checks that either program finds only what it wrote itself, whoever was first, and that there
    /// was nothing to decode.
    async fn apart<Old, New>(&self, change: &str)
    where
        Old: CacheValue + Debug + Default + PartialEq,
        New: CacheValue + Debug + Default + PartialEq,
    {
        let (old, new) = (self.old.typed::<Old>(change), self.new.typed::<New>(change));
        for key in ["old first", "new first"] {
            if key == "old first" {
                old.put(key, &Old::default()).await.unwrap();
                assert_eq!(new.get(key).await.unwrap(), None, "{change}");
            } else {
                new.put(key, &New::default()).await.unwrap();
                assert_eq!(old.get(key).await.unwrap(), None, "{change}");
            }
            let loaded = new.get_or_load(key, || future::ready(New::default())).await;
            assert_eq!(loaded, New::default(), "{change}");
            let loaded = old.get_or_load(key, || future::ready(Old::default())).await;
            assert_eq!(loaded, Old::default(), "{change}");
            assert_eq!(new.get(key).await.unwrap(), Some(New::default()), "{change}");
            assert_eq!(old.get(key).await.unwrap(), Some(Old::default()), "{change}");
        }
        let undecodable = [&self.old, &self.new].map(|cache| cache.stats().undecodable);
        assert_eq!(undecodable, [0, 0], "{change}");
    }
}

/// Declares two versions of a type `Value` for each change, and a test of all of them.
macro_rules! deploys {
    ($($change:ident: { $($old:item)* } => { $($new:item)* })*) => {
        $(mod $change {
            pub(super) mod old {
                #[allow(unused_imports)]
                use super::super::*;
                $(
                    #[allow(dead_code, unreachable_pub, reason = "only its shape counts")]
                    #[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
                    $old
                )*
            }
            pub(super) mod new {
                #[allow(unused_imports)]
                use super::super::*;
                $(
                    #[allow(dead_code, unreachable_pub, reason = "only its shape counts")]
                    #[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
                    $new
                )*
            }
        })*

        #[tokio::test]
        async fn a_changed_type_is_a_miss_in_both_directions() {
            let fleet = Fleet::new().await;
            $(fleet.apart::<$change::old::Value, $change::new::Value>(stringify!($change)).await;)*
        }
    };
}

deploys! {
    a_field_more: { pub struct Value { id: u64 } } => { pub struct Value { id: u64, on: bool } }
    a_field_of_another_type: { pub struct Value { id: u32 } } => { pub struct Value { id: i32 } }
    a_field_of_another_name: { pub struct Value { a: u8 } } => { pub struct Value { b: u8 } }
    fields_in_another_order:
        { pub struct Value { a: u8, b: u8 } } => { pub struct Value { b: u8, a: u8 } }
    a_newtype_of_another_type: { pub struct Value(u64); } => { pub struct Value(String); }
    a_tuple_instead_of_names: { pub struct Value { a: u8, b: u8 } } => { pub struct Value(u8, u8); }
    nothing_left: { pub struct Value { a: u8 } } => { pub struct Value {} }
    braces_instead_of_none:
        { #[cache(codec = "json")] pub struct Value; } =>
        { #[cache(codec = "json")] pub struct Value {} }
    a_variant_before_the_others:
        { pub enum Value { #[default] A, B(u8) } } =>
        { pub enum Value { #[default] First, A, B(u8) } }
    variants_in_another_order:
        { pub enum Value { #[default] A, B } } => { pub enum Value { B, #[default] A } }
    a_variant_that_holds_more:
        { pub enum Value { #[default] A, B(u8) } } => { pub enum Value { #[default] A, B(u8, u8) } }
    the_format: { pub struct Value(u8, u8); } =>
        { #[cache(codec = "json")] pub struct Value(u8, u8); }
    the_version: { #[cache(version = 1)] pub struct Value(u8); } =>
        { #[cache(version = 2)] pub struct Value(u8); }
    deep_inside:
        {
            pub struct Value { a: Vec<Option<Middle>> }
            pub struct Middle { b: HashMap<String, Inner> }
            pub struct Inner(u8);
        } => {
            pub struct Value { a: Vec<Option<Middle>> }
            pub struct Middle { b: HashMap<String, Inner> }
            pub struct Inner(u16);
        }
    the_second_of_two_inside:
        {
            pub struct Value { a: [Inner; 2], b: Box<(Inner, Other)> }
            pub struct Inner(u8);
            pub struct Other(Inner);
        } => {
            pub struct Value { a: [Inner; 2], b: Box<(Inner, Other)> }
            pub struct Inner(u8);
            pub struct Other(Vec<Inner>);
        }
    in_a_recursive_type:
        { pub struct Value { next: Option<Box<Value>>, n: u8 } } =>
        { pub struct Value { next: Option<Box<Value>>, n: u16 } }
    in_types_that_contain_each_other:
        {
            pub struct Value { odd: Vec<Odd> }
            pub struct Odd { even: Vec<Value>, n: u8 }
        } => {
            pub struct Value { odd: Vec<Odd> }
            pub struct Odd { even: Vec<Value>, n: i8 }
        }
    where_recursion_leads:
        {
            pub struct Value { a: Option<Box<Value>>, b: Option<Box<Other>> }
            pub struct Other { a: Option<Box<Value>>, b: Option<Box<Other>> }
        } => {
            pub struct Value { a: Option<Box<Value>>, b: Option<Box<Other>> }
            pub struct Other { a: Option<Box<Other>>, b: Option<Box<Value>> }
        }
    an_argument:
        { pub struct Value(Page<u8>); pub struct Page<T> { items: Vec<T> } } =>
        { pub struct Value(Page<u16>); pub struct Page<T> { items: Vec<T> } }
    an_array_of_another_length: { pub struct Value([u8; 2]); } => { pub struct Value([u8; 3]); }
    an_opaque_type_of_another_version:
        { #[cache(opaque, version = 1)] pub struct Value(Foreign); } =>
        { #[cache(opaque, version = 2)] pub struct Value(Foreign, Foreign); }
    an_opaque_field_of_another_type:
        { pub struct Value { #[cache(opaque)] a: Foreign } } =>
        { pub struct Value { #[cache(opaque)] a: Vec<Foreign> } }
    serde_renames_a_field:
        { #[cache(codec = "json")] pub struct Value { a: u8 } } =>
        { #[cache(codec = "json")] pub struct Value { #[serde(rename = "b")] a: u8 } }
    serde_renames_all:
        { #[cache(codec = "json")] pub struct Value { a: u8 } } =>
        { #[cache(codec = "json")] #[serde(rename_all = "UPPERCASE")] pub struct Value { a: u8 } }
    serde_renames_a_variant:
        { #[cache(codec = "json")] pub enum Value { #[default] A } } =>
        { #[cache(codec = "json")] pub enum Value { #[default] #[serde(rename = "b")] A } }
    serde_leaves_a_field_out:
        { pub struct Value { a: u8, b: u8 } } => { pub struct Value { a: u8, #[serde(skip)] b: u8 } }
    serde_has_a_default:
        { #[cache(codec = "json")] pub struct Value { a: u8 } } =>
        { #[cache(codec = "json")] pub struct Value { #[serde(default)] a: u8 } }
    serde_has_a_tag:
        { #[cache(codec = "json")] pub enum Value { #[default] A, B { b: u8 } } } =>
        { #[cache(codec = "json")] #[serde(tag = "t")] pub enum Value { #[default] A, B { b: u8 } } }
    serde_has_another_tag:
        { #[cache(codec = "json")] #[serde(tag = "s")] pub enum Value { #[default] A } } =>
        { #[cache(codec = "json")] #[serde(tag = "t")] pub enum Value { #[default] A } }
    serde_has_no_tag:
        { #[cache(codec = "json")] pub enum Value { #[default] A, B(u8) } } =>
        { #[cache(codec = "json")] #[serde(untagged)] pub enum Value { #[default] A, B(u8) } }
    serde_flattens:
        { #[cache(codec = "json")] pub struct Value { a: BTreeMap<String, u8> } } =>
        {
            #[cache(codec = "json")]
            pub struct Value { #[serde(flatten)] a: BTreeMap<String, u8> }
        }
    serde_writes_a_field_in_another_way:
        { pub struct Value { a: u8 } } =>
        { pub struct Value { #[serde(with = "as_text")] a: u8 } }
    serde_sees_through:
        { #[cache(codec = "json")] pub struct Value { a: u8 } } =>
        { #[cache(codec = "json")] #[serde(transparent)] pub struct Value { a: u8 } }
}

/// Has no schema.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Foreign(u8);

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde has it so")]
    pub(super) fn serialize<S: Serializer>(value: &u8, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&value.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A type whose bytes are those of another, as serde's `from` and `into` make it.
macro_rules! through_wire {
    ($module:ident: $field:ty) => {
        mod $module {
            use super::*;

            #[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
            #[serde(from = "Wire", into = "Wire")]
            pub(super) struct Value(Foreign);

            #[derive(CacheValue, Clone, Default, Deserialize, Serialize)]
            pub(super) struct Wire {
                number: $field,
            }

            impl From<Wire> for Value {
                fn from(wire: Wire) -> Self {
                    Self(Foreign(u8::try_from(wire.number).unwrap_or_default()))
                }
            }

            impl From<Value> for Wire {
                fn from(value: Value) -> Self {
                    Self { number: value.0.0.into() }
                }
            }
        }
    };
}

through_wire! { narrow: u16 }
through_wire! { wide: u64 }

#[tokio::test]
async fn a_change_of_the_type_that_serde_writes_in_its_place_is_a_miss() {
    Fleet::new().await.apart::<narrow::Value, wide::Value>("through another type").await;
}

#[tokio::test]
async fn a_type_that_is_the_same_in_both_programs_is_shared() {
    mod old {
        use super::*;
        #[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
        pub(super) struct Value {
            pub(super) id: u64,
            pub(super) next: Option<Box<Value>>,
        }
    }
    mod new {
        use super::*;
        /// Has a comment.
        #[derive(Serialize, Deserialize, CacheValue, Clone, Debug, Default, PartialEq)]
        #[allow(dead_code, reason = "other attributes have no say")]
        pub(super) struct Value {
            pub(super) id: u64,
            pub(super) next: Option<Box<Node>>,
        }
        type Node = Value;
    }
    let fleet = Fleet::new().await;
    let inner = old::Value::default();
    let value = old::Value { id: 7, next: Some(Box::new(inner)) };
    fleet.old.typed("value").put("key", &value).await.unwrap();
    let read = fleet.new.typed::<new::Value>("value").get("key").await.unwrap();
    assert_eq!(read.unwrap().id, 7);
}

#[tokio::test]
async fn a_value_is_compressed_as_its_type_says() {
    #[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
    #[cache(compress = "zstd")]
    struct Long(String);

    #[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
    #[cache(codec = "json", compress = Compression::lz4().threshold(10))]
    struct Listed(Vec<u8>);

    let fleet = Fleet::new().await;
    let flags = async |key: memclient::Key| {
        let item = fleet.server.item(&key.to_string()).await.unwrap().unwrap();
        (item.flags & 0xffff, item.data.len())
    };
    let long = Long("word ".repeat(1_000));
    let longs = fleet.old.typed("long");
    longs.put("key", &long).await.unwrap();
    let (bits, size) = flags(longs.key("key")).await;
    assert_eq!(bits, 0x8000 | 0x1000 | 0x100);
    assert!(size < 100, "{size}");
    assert_eq!(fleet.new.typed("long").get("key").await.unwrap(), Some(long));

    let lists = fleet.old.typed("list");
    lists.put("key", &Listed(vec![7; 100])).await.unwrap();
    assert_eq!(flags(lists.key("key")).await.0, 0x8000 | 0x2000 | 0x200);
    assert_eq!(fleet.new.typed("list").get("key").await.unwrap(), Some(Listed(vec![7; 100])));
}

#[test]
fn types_of_one_name_and_two_places_are_told_apart() {
    fn of_pair<A: Schema, B: Schema>(_: PhantomData<A>, _: PhantomData<B>) -> [Fingerprint; 2] {
        [Fingerprint::of::<(A, B)>(), Fingerprint::of::<(Vec<A>, Vec<Option<B>>)>()]
    }
    macro_rules! local {
        ($field:ty) => {{
            // The compiler calls each of these by the name of the function around it.
            #[derive(CacheValue, Clone, Deserialize, Serialize)]
            #[allow(dead_code, unreachable_pub, reason = "only its shape counts")]
            struct Local($field);
            PhantomData::<Local>
        }};
    }
    let (a, b, c) = (local!(u8), local!(u8), local!(u16));
    assert_eq!(of_pair(a, b)[0], of_pair(b, a)[0]);
    for index in 0..2 {
        assert_ne!(of_pair(a, b)[index], of_pair(a, c)[index]);
        assert_ne!(of_pair(a, c)[index], of_pair(c, a)[index]);
    }
}

#[test]
fn a_variant_that_is_left_out_behind_the_others_changes_no_number() {
    #[derive(CacheValue, Clone, Debug, Deserialize, PartialEq, Serialize)]
    enum Value {
        A(u8),
        B(u8),
        #[serde(skip)]
        Local(Foreign),
    }
    for value in [Value::A(1), Value::B(2)] {
        assert_eq!(Value::decode(&value.encode().unwrap()).unwrap(), value);
    }
    assert!(Value::Local(Foreign(1)).encode().is_err());
}
