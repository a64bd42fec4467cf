#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| memclient_serde::__fuzzing::decode(input));
