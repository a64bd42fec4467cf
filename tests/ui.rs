//! What the macros accept, and what they say about what they do not.
//!
//! Each file under `ui/*/pass` is a program that must compile and run. Each under `ui/*/fail` makes
//! one mistake; the message stands beside it. After a wanted change of messages run
//! `TRYBUILD=overwrite cargo test -p memclient-tests --test ui` and read the difference.

#[test]
fn right_forms_run_and_wrong_ones_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/*/pass/*.rs");
    cases.compile_fail("ui/*/fail/*.rs");
}
