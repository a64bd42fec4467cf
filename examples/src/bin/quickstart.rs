//! Reports on every file of a directory tree, several times over, with a cached function.
//!
//! `cargo run` looks at the present directory, `cargo run -- PATH` at any other. With a memcached
//! on 127.0.0.1:11211, or the servers named in `MEMCACHED_SERVERS`, reports are kept there too, and
//! a second run is answered by memcached; without one they are kept in this process.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, UNIX_EPOCH},
};

use memclient::{Cache, CacheKey, CacheStats, CacheValue, Client, Event, cached};
use memclient_examples::{
    progress::Progress,
    table::{Table, count, duration},
    tree,
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

const PASSES: usize = 3;

/// How many files are asked for at the same time.
const AT_ONCE: usize = 32;

/// What is to be known of a file.
#[derive(CacheValue, Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Report {
    lines: u64,
    words: u64,
    bytes: u64,
    digest: String,
}

/// A file as it is now: another length or time of change is another key.
#[derive(CacheKey, Clone, Debug)]
struct Version {
    path: String,
    bytes: u64,
    changed: u128,
}

/// Reads a file and counts. The version says all that the result depends on, so it alone is the
/// key.
#[cached(ttl = "1h", name = "report", skip(path))]
async fn report(path: &Path, version: Version) -> io::Result<Report> {
    let content = tokio::fs::read(path).await?;
    let lines = content.split_inclusive(|&byte| byte == b'\n').count();
    let words = content.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
    Ok(Report {
        lines: lines as u64,
        words: words as u64,
        bytes: content.len() as u64,
        digest: blake3::hash(&content).to_string(),
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    let root = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    match run(&root).await {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has left: nothing to complain of, and nobody to complain to.
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(root: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let files: Arc<[PathBuf]> = tree::files(root)?.into();
    if files.is_empty() {
        return Err(format!("there is no file to read under {}", root.display()).into());
    }
    let backend = Backend::find().await?;
    let cache = backend.install()?;

    let mut out = io::stdout().lock();
    writeln!(out, "{} files under {}\n", count(files.len()), root.display())?;
    let mut table = Table::new(["pass", "near tier", "memcached", "function", "took"]);
    table.head(&mut out)?;
    let mut totals = Totals::default();
    for pass in 1..=PASSES {
        let (before, began) = (cache.stats(), Instant::now());
        totals = read_all(&files, pass).await;
        let (stats, took) = (cache.stats().since(before), began.elapsed());
        table.row(
            &mut out,
            [
                count(pass),
                count(stats.near_hits),
                count(stats.far_hits),
                count(stats.loads),
                duration(took),
            ],
        )?;
    }
    table.foot(&mut out)?;
    writeln!(out)?;
    totals.show(&mut out)?;
    writeln!(out, "{}", backend.last_word(cache.stats()))?;
    Ok(())
}

/// Asks for the report on every file, many at a time; a file that cannot be read is counted and
/// passed over.
async fn read_all(files: &Arc<[PathBuf]>, pass: usize) -> Totals {
    let next = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (files, next) = (Arc::clone(files), Arc::clone(&next));
        readers.spawn(async move {
            let mut reports = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = files.get(place) else { return reports };
                let report = match version(path) {
                    Ok(version) => report(path, version).await,
                    Err(error) => Err(error),
                };
                reports.push((place, report));
            }
        });
    }
    let progress = Progress::show(pass, files.len(), next);
    let mut reports: Vec<_> = readers.join_all().await.into_iter().flatten().collect();
    drop(progress);
    reports.sort_by_key(|(place, _)| *place);

    let mut totals = Totals::default();
    for (path, (_, report)) in files.iter().zip(reports) {
        match report {
            Ok(report) => totals.add(path, &report),
            Err(error) => totals.unreadable.push(format!("{}: {error}", path.display())),
        }
    }
    totals
}

fn version(path: &Path) -> io::Result<Version> {
    let metadata = fs::metadata(path)?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let path = fs::canonicalize(path)?.to_string_lossy().into_owned();
    Ok(Version { path, bytes: metadata.len(), changed })
}

/// What stands behind the cache.
enum Backend {
    Memcached { servers: String, named: bool, client: Client },
    InProcess { why: Option<String> },
}

impl Backend {
    /// Takes the servers that the environment names, else one on the default port, else none.
    ///
    /// Only a server that nobody named may be absent without a word.
    async fn find() -> memclient::Result<Self> {
        let named = env::var_os("MEMCACHED_SERVERS").is_some();
        let client = Client::from_env()?;
        let servers = client.servers().collect::<Vec<_>>().join(", ");
        let answers = client.versions().await;
        let failure = answers.iter().find_map(|(_, version)| version.as_ref().err());
        match failure {
            None => Ok(Self::Memcached { servers, named, client }),
            // Some of several servers answer: the cache does without the others.
            Some(error) if answers.iter().any(|(_, version)| version.is_ok()) => {
                eprintln!("warning: {error}; going on without it");
                Ok(Self::Memcached { servers, named, client })
            }
            Some(error) if named => {
                eprintln!("warning: {error}; going on in this process alone");
                Ok(Self::InProcess { why: Some(format!("{servers} did not answer")) })
            }
            Some(_) => Ok(Self::InProcess { why: None }),
        }
    }

    fn install(&self) -> memclient::Result<Cache> {
        let builder = Cache::builder().namespace("quickstart").observer(warn);
        match self {
            Self::Memcached { client, .. } => builder.backend(client.clone()).install(),
            Self::InProcess { .. } => builder.install(),
        }
    }

    fn last_word(&self, stats: CacheStats) -> String {
        match self {
            Self::Memcached { servers, .. } if stats.backend_errors > 0 => format!(
                "Ran on this process and memcached at {servers}, which failed {} times: the function stood in.",
                count(stats.backend_errors)
            ),
            Self::Memcached { servers, named, .. } => {
                let found =
                    if *named { "named in MEMCACHED_SERVERS" } else { "found on the default port" };
                format!(
                    "Ran on this process and memcached at {servers}, {found}: run it again, and memcached answers."
                )
            }
            Self::InProcess { why } => {
                let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                format!(
                    "Ran on this process alone{why}: start `memcached`, or set MEMCACHED_SERVERS=host:port, \
                     to keep reports between runs."
                )
            }
        }
    }
}

fn warn(event: &Event<'_>) {
    match event {
        Event::BackendDown { error } => eprintln!("warning: {error}; going on without it"),
        Event::BackendUp => eprintln!("memcached is back"),
        other => eprintln!("warning: {other:?}"),
    }
}

/// What all reports come to.
#[derive(Default)]
struct Totals {
    files: u64,
    sum: Report,
    longest: Option<(PathBuf, u64)>,
    unreadable: Vec<String>,
}

impl Totals {
    fn add(&mut self, path: &Path, report: &Report) {
        self.files += 1;
        self.sum.lines += report.lines;
        self.sum.words += report.words;
        self.sum.bytes += report.bytes;
        if self.longest.as_ref().is_none_or(|(_, lines)| report.lines > *lines) {
            self.longest = Some((path.to_owned(), report.lines));
        }
        self.sum.digest =
            blake3::hash((self.sum.digest.clone() + &report.digest).as_bytes()).to_string();
    }

    fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let Report { lines, words, bytes, digest } = &self.sum;
        writeln!(
            out,
            "{} lines, {} words, {} bytes in {} files",
            count(*lines),
            count(*words),
            count(*bytes),
            count(self.files)
        )?;
        if let Some((path, lines)) = &self.longest {
            writeln!(out, "the longest is {} with {} lines", path.display(), count(*lines))?;
        }
        writeln!(out, "digest of all  {}", digest.get(..32).unwrap_or(digest))?;
        if let Some(first) = self.unreadable.first() {
            writeln!(
                out,
                "{} could not be read, the first: {first}",
                count(self.unreadable.len())
            )?;
        }
        writeln!(out)
    }
}
