//! Runs a target over all that was found for it. Each crate that has targets brings this file in.

use std::{fs, panic, path::Path};

/// Calls the target with every file of its corpus, and names those of which it does not hold.
pub(crate) fn replay(name: &str, target: fn(&[u8])) {
    // Every crate that has targets is a folder beside `tests`.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&root)
        .unwrap_or_else(|error| panic!("{}: {error}", root.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", root.display());
    let fails = |file: &&std::path::PathBuf| {
        let input = fs::read(file).unwrap();
        panic::catch_unwind(|| target(&input)).is_err()
    };
    let failed: Vec<_> = files.iter().filter(fails).collect();
    assert!(failed.is_empty(), "{name} does not hold of {failed:#?}");
}
