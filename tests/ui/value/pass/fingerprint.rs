//! Every change that decides the bytes changes the fingerprint, and nothing else does.

use memclient::CacheValue;
use memclient_serde::Fingerprint;
use serde::{Deserialize, Serialize};

/// Declares a module with a type `User` of the given form.
macro_rules! forms {
    ($($name:ident: $(#[$attribute:meta])* { $($body:tt)* })*) => {
        $(mod $name {
            use super::*;

            #[derive(CacheValue, Clone, Deserialize, Serialize)]
            #[allow(dead_code)]
            $(#[$attribute])*
            pub struct User { $($body)* }
        })*
        fn fingerprints() -> Vec<(&'static str, Fingerprint)> {
            vec![$((stringify!($name), Fingerprint::of::<$name::User>())),*]
        }
    };
}

mod inner {
    use super::*;

    #[derive(CacheValue, Clone, Default, Deserialize, Serialize)]
    pub struct Age(u32);

    pub mod changed {
        use super::*;

        #[derive(CacheValue, Clone, Default, Deserialize, Serialize)]
        pub struct Age(u64);
    }
}

/// Has no schema.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Foreign;

forms! {
    base: { id: u64, age: inner::Age }
    version: #[cache(version = 1)] { id: u64, age: inner::Age }
    later_version: #[cache(version = 2)] { id: u64, age: inner::Age }
    format: #[cache(codec = "json")] { id: u64, age: inner::Age }
    field_name: { number: u64, age: inner::Age }
    field_type: { id: u32, age: inner::Age }
    order: { age: inner::Age, id: u64 }
    nested: { id: u64, age: inner::changed::Age }
    more: { id: u64, age: inner::Age, more: bool }
    less: { id: u64 }
    container: #[serde(rename_all = "UPPERCASE")] { id: u64, age: inner::Age }
    renamed: { #[serde(rename = "i")] id: u64, age: inner::Age }
    left_out: { id: u64, age: inner::Age, #[serde(skip)] cached: Foreign }
    opaque: { id: u64, #[cache(opaque)] age: inner::Age }
    opaque_of_another: { id: u64, #[cache(opaque)] age: Foreign }
}

mod same {
    use super::*;

    /// Comments, other attributes and visibility have no say.
    #[derive(Clone, Debug, Deserialize, Serialize, CacheValue)]
    #[allow(dead_code)]
    pub struct User {
        /// The number.
        pub id: u64,
        #[allow(unused)]
        age: same_inner::Age,
    }

    mod same_inner {
        use super::*;

        #[derive(CacheValue, Clone, Debug, Deserialize, Serialize)]
        pub struct Age(pub u32);
    }
}

fn main() {
    let all = fingerprints();
    for (index, (name, fingerprint)) in all.iter().enumerate() {
        for (other, same) in &all[..index] {
            assert_ne!(fingerprint, same, "{name} and {other}");
        }
    }
    assert_eq!(
        Fingerprint::of::<same::User>(),
        Fingerprint::of::<base::User>()
    );
}
