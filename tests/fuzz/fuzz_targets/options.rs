#![no_main]
#![allow(dead_code, reason = "the macros themselves are not among the modules")]

#[path = "../../../memclient-derive/src/calls.rs"]
mod calls;
#[path = "../../../memclient-derive/src/crate_path.rs"]
mod crate_path;
#[path = "../../../memclient-derive/src/diag.rs"]
mod diag;
#[path = "../../../memclient-derive/src/expand/mod.rs"]
mod expand;
#[path = "../../../memclient-derive/src/fallback.rs"]
mod fallback;
#[path = "../../../memclient-derive/src/fuzzing.rs"]
mod fuzzing;
#[path = "../../../memclient-derive/src/model/mod.rs"]
mod model;
#[path = "../../../memclient-derive/src/parse/mod.rs"]
mod parse;

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::options(input));
