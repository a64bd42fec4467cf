//! The files of a directory tree.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Returns the regular files under `root`, in order of their paths; `root` itself where it is a
/// file.
///
/// Hidden directories and those that build tools fill are passed over, and so are links, which may
/// go in circles. A directory that may not be read is as good as empty.
///
/// # Errors
/// When `root` itself cannot be read; the error names it.
pub fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot read {}: {error}", root.display()))
    };
    if fs::metadata(root).map_err(named)?.is_file() {
        return Ok(vec![root.to_owned()]);
    }
    let mut directories = Vec::new();
    let mut files = Vec::new();
    sort(fs::read_dir(root).map_err(named)?, &mut directories, &mut files);
    while let Some(directory) = directories.pop() {
        if let Ok(entries) = fs::read_dir(directory) {
            sort(entries, &mut directories, &mut files);
        }
    }
    files.sort();
    Ok(files)
}

fn sort(entries: fs::ReadDir, directories: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) {
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            Ok(kind) if kind.is_dir() && !is_passed_over(&entry) => directories.push(entry.path()),
            _ => {}
        }
    }
}

fn is_passed_over(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    name.starts_with('.') || ["target", "node_modules"].contains(&&*name)
}
