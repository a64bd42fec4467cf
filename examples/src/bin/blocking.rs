//! The client without async: threads count the words of text files in a memcached that they share
//! with each other, and with whoever else runs this program.
//!
//! ```console
//! $ cargo run --bin blocking -- README.md ARCHITECTURE.md
//! ```
//! Without names it takes the Markdown files of the working directory. Speaks to the servers in
//! `MEMCACHED_SERVERS`, or to one on 127.0.0.1:11211, and needs one: start it with
//! `memcached -d -l 127.0.0.1`.

use std::{
    collections::HashMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use memclient::blocking::Client;

const KEPT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("blocking: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    for (server, version) in client.versions() {
        println!("{server} runs memcached {}", version?);
    }
    let files = files()?;
    let words: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = files
            .iter()
            .map(|file| {
                // All threads use one client: it shares its connections among them.
                let client = &client;
                scope.spawn(move || count(client, file))
            })
            .collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    for (file, outcome) in files.iter().zip(words) {
        match outcome {
            Ok(Ok(words)) => println!("{:>8} words in {}", words, file.display()),
            Ok(Err(error)) => println!("         no words of {}: {error}", file.display()),
            Err(_) => println!("         no words of {}: its thread panicked", file.display()),
        }
    }

    let settled = client.barrier();
    println!("{} counts were sent, {} of them failed", settled.sent, settled.failed);
    for word in ["the", "and", "a"] {
        let count = client.get(key(word))?.map(|value| value.decode::<String>()).transpose()?;
        println!("{:>8} times \"{word}\"", count.as_deref().unwrap_or("no").trim_end());
    }
    Ok(())
}

/// Counts the words of a file, and adds how often each occurs to its counter.
fn count(client: &Client, file: &Path) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let text = fs::read_to_string(file)?.to_lowercase();
    let words = text.split(|letter: char| !letter.is_ascii_alphabetic());
    let mut counts = HashMap::<&str, u64>::new();
    for word in words.filter(|word| (1..=40).contains(&word.len())) {
        *counts.entry(word).or_default() += 1;
    }
    for (word, count) in &counts {
        // A counter that is not there yet is made; whoever comes first makes it.
        let _ = client.add(key(word), "0", KEPT)?;
        client.unconfirmed().incr(key(word), *count)?;
    }
    Ok(counts.len())
}

fn key(word: &str) -> String {
    format!("words:{word}")
}

fn files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let named: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(".")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
