use std::{collections::BTreeMap, fmt::Debug};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Bincode, Codec, EncodeErrorKind, Json};

#[derive(Debug, Deserialize, Serialize)]
struct Plain {
    id: u64,
    small: i8,
    wide: i128,
    ratio: f64,
    half: f32,
    letter: char,
    name: String,
    sure: bool,
    pair: (u16, Option<i32>),
    four: [u16; 4],
}

#[derive(Debug, Deserialize, Serialize)]
struct Nested {
    maybe: Option<Box<Plain>>,
    list: Vec<Plain>,
    names: BTreeMap<String, Vec<u8>>,
    numbers: BTreeMap<u32, Kind>,
    kind: Kind,
    nothing: (),
}

#[derive(Debug, Deserialize, Serialize)]
enum Kind {
    Unit,
    Newtype(Option<u8>),
    Tuple(i16, String),
    Struct { at: u32, by: Box<str> },
}

#[derive(Debug, Deserialize, Serialize)]
enum Tree {
    Leaf(u8),
    Node(Box<Tree>, Box<Tree>),
    Many(Vec<Tree>),
    Named { map: BTreeMap<String, Tree> },
    Maybe(Option<Box<Tree>>),
}

#[derive(Debug, Deserialize, Serialize)]
struct List {
    head: (),
    tail: Option<Box<List>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Unit;

#[derive(Debug, Deserialize, Serialize)]
struct Large([u64; 32]);

/// What only a format that names its parts can read.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tagged {
    One { value: i64 },
    Other(BTreeMap<String, String>),
    Nothing,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<Option<u8>>),
}

#[derive(Debug, Deserialize, Serialize)]
struct Loose {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<u32>,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

/// Reads a value of one of several types in one of the formats, which the first byte chooses: what
/// can be read can be written, and is read as the same again.
pub fn decode(input: &[u8]) {
    let [choice, data @ ..] = input else { return };
    match choice % 28 {
        0 => same::<Bincode, Plain>(data),
        1 => same::<Bincode, Nested>(data),
        2 => same::<Bincode, Tree>(data),
        3 => same::<Bincode, List>(data),
        4 => same::<Bincode, Vec<()>>(data),
        5 => same::<Bincode, Vec<Unit>>(data),
        6 => same::<Bincode, Vec<Vec<()>>>(data),
        7 => same::<Bincode, BTreeMap<Vec<()>, Option<Box<Large>>>>(data),
        8 => same::<Bincode, Vec<Option<Box<Large>>>>(data),
        9 => same::<Bincode, (Kind, Option<Option<u8>>, String)>(data),
        10 => same::<Bincode, BTreeMap<i64, Vec<Tree>>>(data),
        11 => same::<Bincode, (u128, i64, Vec<char>, Box<[f32]>)>(data),
        12 => same::<Json, Plain>(data),
        13 => same::<Json, Nested>(data),
        14 => same::<Json, Tree>(data),
        15 => same::<Json, List>(data),
        16 => same::<Json, Vec<()>>(data),
        17 => same::<Json, Vec<Unit>>(data),
        18 => same::<Json, Vec<Vec<()>>>(data),
        19 => same::<Json, Vec<Option<Box<Large>>>>(data),
        20 => same::<Json, (Kind, Option<u8>, String)>(data),
        21 => same::<Json, BTreeMap<i64, Vec<Tree>>>(data),
        22 => same::<Json, (u128, i64, Vec<char>, Box<[f32]>)>(data),
        23 => same::<Json, Tagged>(data),
        24 => same::<Json, Vec<Untagged>>(data),
        25 => same::<Json, Loose>(data),
        26 => same::<Json, f64>(data),
        _ => same::<Json, BTreeMap<String, Kind>>(data),
    }
}

fn same<C: Codec, T: Debug + DeserializeOwned + Serialize>(data: &[u8]) {
    let Ok(value) = C::decode::<T>(data) else { return };
    let bytes = match C::encode(&value) {
        Ok(bytes) => bytes,
        // Longer bytes may say the same, and pay for more elements without bytes.
        Err(error) if error.kind() == EncodeErrorKind::Limit && data.len() > 1 => return,
        Err(error) => panic!("{value:?} is read and not written: {error}"),
    };
    match C::decode::<T>(&bytes) {
        Ok(again) => assert_eq!(format!("{again:?}"), format!("{value:?}")),
        Err(error) => panic!("{value:?} is written and not read: {error}"),
    }
}
