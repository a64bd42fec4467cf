//! Other programs, run with a time limit.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::child::{self, Reaped};

/// How much of each output stream is kept.
const KEPT: u64 = 16 * 1024 * 1024;

/// How often a running program is looked at.
const TICK: Duration = Duration::from_millis(5);

/// A program to be run to its end, or to its time limit.
///
/// It and its descendants are killed at the limit, and when the test process ends.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    limit: Duration,
}

impl Program {
    /// Returns the program at `path`; a bare name is looked up on the search path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: None,
            // Long enough for a debug build on a busy machine.
            limit: Duration::from_secs(60),
        }
    }

    /// Builds an example of the workspace and returns it as a program.
    ///
    /// # Errors
    ///
    /// Fails with the compiler's messages if the example cannot be built.
    ///
    /// # Cancel safety
    ///
    /// A build that was given up goes on by itself and harms nothing.
    pub async fn example(name: &str) -> io::Result<Self> {
        let (target, profile) = target_directory()
            .ok_or_else(|| io::Error::other("not run by cargo: the target directory is unknown"))?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Self::new(cargo)
            .args(["build", "--quiet", "--package", "memclient-examples", "--bin", name])
            .arg("--target-dir")
            .arg(&target)
            .directory(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .limit(Duration::from_secs(600));
        if profile == "release" {
            build = build.arg("--release");
        }
        let output = build.run().await?;
        if !output.status.success() {
            let messages = output.stderr;
            return Err(io::Error::other(format!("example {name} was not built: {messages}")));
        }
        Ok(Self::new(target.join(profile).join(name)))
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|it| it.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable. The others are inherited.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the working directory. Defaults to that of the test.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets the time limit. Defaults to one minute.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the program to its end and returns what it wrote. A failing status is no error.
    ///
    /// # Errors
    ///
    /// Fails if the program cannot be started, and with [`io::ErrorKind::TimedOut`] at the limit;
    /// what it wrote until then is in the error.
    ///
    /// # Cancel safety
    ///
    /// A run that was given up goes on until its end or its limit.
    pub async fn run(self) -> io::Result<Output> {
        tokio::task::spawn_blocking(move || self.run_blocking()).await.map_err(io::Error::other)?
    }

    /// Does what [`run`](Self::run) does on the calling thread.
    ///
    /// # Errors
    ///
    /// Fails as [`run`](Self::run) does.
    pub fn run_blocking(&self) -> io::Result<Output> {
        let mut command = child::tied(&self.resolve()?);
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that descendants, which hold the pipes, can be ended too.
            .process_group(0);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let mut process = Reaped::spawn(command)?;
        let stdout = process.handle().stdout.take().map(collect);
        let stderr = process.handle().stderr.take().map(collect);

        let deadline = Instant::now() + self.limit;
        let status = loop {
            if let Some(status) = process.ended()? {
                break Some(status);
            }
            if Instant::now() >= deadline {
                break None;
            }
            thread::sleep(TICK);
        };
        // The group may be empty by now, which is what we want.
        let _ = child::signal("KILL", -i64::from(process.pid()));
        drop(process);
        let (stdout, stderr) = (text(stdout), text(stderr));
        let Some(status) = status else {
            let (path, limit) = (self.path.display(), self.limit);
            let message = format!("{path} ran longer than {limit:?}: {stdout}{stderr}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        };
        Ok(Output { status, stdout, stderr })
    }

    /// The tie to our process hides a missing program, so it is looked for first.
    fn resolve(&self) -> io::Result<PathBuf> {
        let is_bare = self.path.components().count() == 1;
        let found = match self.path.to_str() {
            Some(name) if is_bare => child::find(name, &[]),
            _ => self.path.is_file().then(|| self.path.clone()),
        };
        found.ok_or_else(|| {
            let path = self.path.display();
            io::Error::new(io::ErrorKind::NotFound, format!("{path} was not found"))
        })
    }
}

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// What it wrote to its standard error; bytes that are not UTF-8 are replaced.
    pub stderr: String,
}

/// Returns the target directory and the profile's directory name of the running test.
pub(crate) fn target_directory() -> Option<(PathBuf, String)> {
    let program = std::env::current_exe().ok()?;
    let deps = program.parent().filter(|it| it.file_name() == Some(OsStr::new("deps")))?;
    let profile = deps.parent()?;
    let target = profile.parent().map(Path::to_owned)?;
    Some((target, profile.file_name()?.to_str()?.to_owned()))
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        // What was read before an error is all there is; beyond the limit it is only drained.
        let _ = pipe.by_ref().take(KEPT).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        kept
    })
}

fn text(collector: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = collector.and_then(|it| it.join().ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn output_and_status_are_returned() {
        let program = shell("echo out $WORD; echo err >&2; exit 3").env("WORD", "there");

        let output = program.run().await.unwrap();

        assert_eq!(output.status.code(), Some(3));
        assert_eq!(output.stdout, "out there\n");
        assert_eq!(output.stderr, "err\n");
    }

    #[tokio::test]
    async fn a_program_is_killed_at_its_limit_with_its_descendants() {
        let program = shell("sleep 600 & echo $!; wait").limit(Duration::from_millis(300));

        let error = program.run().await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let text = error.to_string();
        let pid = text.rsplit_once(": ").unwrap().1.trim().parse().unwrap();
        // A killed process takes a moment to go; one that was not killed stays for ten minutes.
        let alive = || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            child::signal("0", pid).is_ok() && !state.contains(") Z ")
        };
        let patience = Instant::now() + Duration::from_secs(10);
        while alive() {
            assert!(Instant::now() < patience, "process {pid} is still there");
            thread::sleep(TICK);
        }
    }

    #[tokio::test]
    async fn a_missing_program_is_told_by_name() {
        let error = Program::new("no-such-program").run().await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("no-such-program"));
    }

    #[tokio::test]
    async fn more_output_than_a_pipe_holds_does_not_block() {
        let output = shell("head -c 1000000 /dev/zero").run().await.unwrap();

        assert_eq!(output.stdout.len(), 1_000_000);
    }
}
