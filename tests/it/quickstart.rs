//! The quickstart example, run as a user runs it.

use std::{fs, path::Path, time::Duration};

use memclient_tests::{Memcached, Output, Program};
use tempfile::TempDir;

#[tokio::test]
async fn without_a_server_the_near_tier_answers_after_the_first_pass() {
    let directory = tree(5);
    let closed = closed_address().await;

    let output = run(directory.path(), &closed).await;

    let summary = Summary::of(&output);
    assert_eq!(summary.far_hits(), 0);
    assert_eq!(summary.passes[0].loads, 5, "{}", output.stdout);
    assert_eq!(summary.passes[0].near_hits, 0);
    for pass in &summary.passes[1..] {
        assert_eq!((pass.near_hits, pass.loads), (5, 0), "{}", output.stdout);
    }
    assert!(output.stderr.contains(&closed), "{}", output.stderr);
    assert!(output.stderr.contains("warning"), "{}", output.stderr);
}

#[tokio::test]
async fn a_second_process_is_answered_by_memcached_for_every_unchanged_file() {
    let directory = tree(7);
    let server = Memcached::start().await.unwrap();
    let first = run(directory.path(), &server.address()).await;
    let loaded = Summary::of(&first);
    assert_eq!(loaded.loads(), 7, "{}", first.stdout);
    assert_eq!(loaded.passes[0].far_hits, 0, "{}", first.stdout);

    let second = run(directory.path(), &server.address()).await;

    let answered = Summary::of(&second);
    assert_eq!(answered.loads(), 0, "{}", second.stdout);
    assert_eq!(answered.passes[0].far_hits, 7, "{}", second.stdout);
    assert_eq!(answered.passes[2].near_hits, 7, "{}", second.stdout);
    assert_eq!(answered.totals, loaded.totals);
    assert_eq!(second.stderr, "");
}

#[tokio::test]
async fn the_servers_may_be_named_by_a_url_with_credentials() {
    let directory = tree(3);
    let server = Memcached::builder().auth("ann", "secret").start().await.unwrap();
    let url = format!("memcache://ann:secret@{}?timeout=5s&connect_timeout=5s", server.address());
    run(directory.path(), &url).await;

    let second = run(directory.path(), &url).await;

    assert_eq!(Summary::of(&second).passes[0].far_hits, 3, "{}", second.stdout);
    assert!(!format!("{second:?}").contains("secret"), "{second:?}");
}

#[tokio::test]
async fn a_changed_file_is_loaded_anew_and_a_new_one_too() {
    let directory = tree(6);
    let server = Memcached::start().await.unwrap();
    let before = Summary::of(&run(directory.path(), &server.address()).await);
    fs::write(directory.path().join("file-2.txt"), "one more line\n").unwrap();
    fs::write(directory.path().join("new.txt"), "new\n").unwrap();

    let output = run(directory.path(), &server.address()).await;

    let after = Summary::of(&output);
    assert_eq!(after.loads(), 2, "{}", output.stdout);
    assert_eq!(after.passes[0].far_hits, 5, "{}", output.stdout);
    assert_ne!(after.totals, before.totals);
}

#[tokio::test]
async fn a_server_that_stops_meanwhile_changes_no_result() {
    let directory = tree(3000);
    let mut server = Memcached::start().await.unwrap();
    let calm = Summary::of(&run(directory.path(), &closed_address().await).await);

    let address = server.address();
    let path = directory.path().to_owned();
    let running = tokio::spawn(async move { run(&path, &address).await });
    // The first items are the sign that it is in the midst of its first pass.
    while count(&server, "curr_items").await < 100 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let stored = count(&server, "curr_items").await;
    server.stop().unwrap();
    let output = running.await.unwrap();

    assert!(stored < 3000, "it was over before the server stopped");
    let disturbed = Summary::of(&output);
    assert_eq!(disturbed.totals, calm.totals);
    // Each question has its answer from somewhere.
    for Pass { near_hits, far_hits, loads } in disturbed.passes {
        assert_eq!(near_hits + far_hits + loads, 3000, "{}", output.stdout);
    }
    assert!(output.stderr.contains("warning"), "{}", output.stderr);
}

#[tokio::test]
async fn a_missing_path_is_an_error_that_names_it() {
    let directory = tree(1);
    let missing = directory.path().join("no-such-directory");

    let program = Program::example("quickstart").await.unwrap();
    let output = program.arg(&missing).run().await.unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.contains(missing.to_str().unwrap()), "{}", output.stderr);
    assert_eq!(output.stdout, "");
}

#[tokio::test]
async fn a_malformed_server_is_an_error_that_quotes_it() {
    let directory = tree(1);

    let program = quickstart(directory.path(), "host:99999").await;
    let output = program.run().await.unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.contains("host:99999"), "{}", output.stderr);
}

/// What the program said that does not depend on its wording.
#[derive(Debug)]
struct Summary {
    passes: Vec<Pass>,
    /// The lines between the table and the last word: totals, the longest file, the digest.
    totals: Vec<String>,
}

#[derive(Debug)]
struct Pass {
    near_hits: u64,
    far_hits: u64,
    loads: u64,
}

impl Summary {
    #[track_caller]
    fn of(output: &Output) -> Self {
        assert!(output.status.success(), "{output:?}");
        let rows = output.stdout.lines().filter_map(Pass::read);
        let passes: Vec<_> = rows.collect();
        assert_eq!(passes.len(), 3, "{}", output.stdout);
        let totals: Vec<_> = output
            .stdout
            .lines()
            .skip_while(|line| !line.starts_with('└'))
            .skip(1)
            .filter(|line| !line.is_empty() && !line.starts_with("Ran on"))
            .map(str::to_owned)
            .collect();
        let has_digest = totals.iter().any(|line| line.contains("digest"));
        assert!(has_digest, "{}", output.stdout);
        Self { passes, totals }
    }

    fn loads(&self) -> u64 {
        self.passes.iter().map(|pass| pass.loads).sum()
    }

    fn far_hits(&self) -> u64 {
        self.passes.iter().map(|pass| pass.far_hits).sum()
    }
}

impl Pass {
    /// Reads a row of the table; `None` for its titles and whatever is not in it.
    fn read(line: &str) -> Option<Self> {
        let cells: Vec<_> = line.split('│').map(str::trim).collect();
        let ["", pass, near, far, loads, _took, ""] = cells[..] else {
            return None;
        };
        number(pass)?;
        Some(Self { near_hits: number(near)?, far_hits: number(far)?, loads: number(loads)? })
    }
}

/// Reads a count whose thousands stand apart.
fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    digits.parse().ok()
}

async fn run(directory: &Path, servers: &str) -> Output {
    quickstart(directory, servers).await.run().await.unwrap()
}

/// Returns the program on its way through the directory that it is started in.
async fn quickstart(directory: &Path, servers: &str) -> Program {
    let program = Program::example("quickstart").await.unwrap();
    program.directory(directory).env("MEMCACHED_SERVERS", servers)
}

/// Makes a tree of so many files, some of them in a directory of their own.
fn tree(files: u32) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("more")).unwrap();
    for number in 0..files {
        let folder = if number % 3 == 0 { "more/" } else { "" };
        let path = directory.path().join(format!("{folder}file-{number}.txt"));
        fs::write(path, format!("file {number}\n").repeat(number as usize % 50 + 1)).unwrap();
    }
    directory
}

/// Returns an address at which nobody listens any more.
async fn closed_address() -> String {
    let mut server = Memcached::start().await.unwrap();
    server.stop().unwrap();
    server.address()
}

async fn count(server: &Memcached, name: &str) -> u64 {
    let value = server.stat(name).await.unwrap().unwrap();
    value.parse().unwrap()
}
