#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| memclient::__fuzzing::header(input));
