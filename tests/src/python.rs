//! pymemcache, as the other side of interoperability.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use serde_json::Value;

use crate::process::{Output, Program, target_directory};

/// The release whose behaviour the tests were written against.
const REQUIREMENT: &str = "pymemcache==4.0.0";

/// Long enough for a virtual environment and a download on a slow day.
const SETUP: Duration = Duration::from_secs(180);

/// A Python interpreter that has pymemcache.
#[derive(Clone, Debug)]
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// Finds an interpreter with pymemcache, or makes a virtual environment with it in the target
    /// directory, once for all tests.
    ///
    /// Returns `None`, and prints why, where that cannot be done.
    ///
    /// # Cancel safety
    ///
    /// An environment that was given up is finished all the same, for the next one who asks.
    pub async fn find() -> Option<Self> {
        static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let found = tokio::task::spawn_blocking(|| FOUND.get_or_init(prepare).clone())
            .await
            .unwrap_or_else(|error| Err(error.to_string()));
        match found {
            Ok(interpreter) => Some(Self { interpreter }),
            Err(reason) => {
                eprintln!("no pymemcache here, so nothing is compared with it: {reason}");
                None
            }
        }
    }

    /// Stores one value of each kind with pymemcache under keys that begin with `prefix`, and
    /// returns what was stored.
    ///
    /// # Errors
    ///
    /// Fails with Python's own message.
    pub async fn write(&self, address: &str, prefix: &str) -> io::Result<Vec<PyValue>> {
        self.interop(&["write", address, prefix]).await
    }

    /// Reads keys with pymemcache and returns what Python makes of them, in order.
    ///
    /// # Errors
    ///
    /// Fails with Python's own message.
    pub async fn read(&self, address: &str, keys: &[&str]) -> io::Result<Vec<PyValue>> {
        self.interop(&[&["read", address], keys].concat()).await
    }

    /// Stores values with pymemcache's `CompressedSerde` (zlib, from 21 bytes on) under keys that
    /// begin with `prefix`, and returns what was stored.
    ///
    /// # Errors
    ///
    /// Fails with Python's own message.
    pub async fn write_compressed(&self, address: &str, prefix: &str) -> io::Result<Vec<PyValue>> {
        self.interop(&["write-compressed", address, prefix]).await
    }

    /// Reads keys with pymemcache's `compressed_serde` and returns what Python makes of them, in
    /// order.
    ///
    /// # Errors
    ///
    /// Fails with Python's own message.
    pub async fn read_compressed(&self, address: &str, keys: &[&str]) -> io::Result<Vec<PyValue>> {
        self.interop(&[&["read-compressed", address], keys].concat()).await
    }

    /// Returns a program that runs the Python file at `path`.
    pub fn program(&self, path: impl AsRef<Path>) -> Program {
        Program::new(&self.interpreter).arg(path.as_ref())
    }

    async fn interop(&self, arguments: &[&str]) -> io::Result<Vec<PyValue>> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/interop.py");
        let output = self.program(script).args(arguments).run().await?;
        if !output.status.success() {
            return Err(io::Error::other(format!("interop.py failed: {}", output.stderr)));
        }
        let values: Vec<Value> = serde_json::from_str(&output.stdout)?;
        values
            .iter()
            .map(PyValue::parse)
            .collect::<Option<_>>()
            .ok_or_else(|| io::Error::other(format!("interop.py said: {}", output.stdout)))
    }
}

/// A value as Python sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PyValue {
    /// The key.
    pub key: String,
    /// The name of the Python type: `str`, `int`, `bytes`, `NoneType` for a miss, others if pickled.
    pub kind: String,
    /// Text as it is, integers in decimal, bytes in lower-case hexadecimal, others as `repr`.
    pub text: String,
}

impl PyValue {
    fn parse(value: &Value) -> Option<Self> {
        let field = |name| value.get(name)?.as_str().map(str::to_owned);
        Some(Self { key: field("key")?, kind: field("kind")?, text: field("text")? })
    }
}

fn prepare() -> Result<PathBuf, String> {
    let system = PathBuf::from("python3");
    let check = |interpreter: &Path| {
        Program::new(interpreter)
            .args(["-c", "import pymemcache; print(pymemcache.__version__)"])
            .run_blocking()
            .map_err(|error| error.to_string())
    };
    let version = REQUIREMENT.rsplit('=').next().unwrap_or_default();
    if check(&system)?.stdout.trim() == version {
        return Ok(system);
    }
    let target = target_directory().map_or_else(std::env::temp_dir, |(target, _)| target);
    let parent = target.join("tmp");
    let home = parent.join(format!("python-{REQUIREMENT}"));
    let interpreter = home.join("bin/python3");
    if check(&interpreter).is_ok_and(|output| output.status.success()) {
        return Ok(interpreter);
    }

    // Made aside and renamed when whole: tests of several processes may be here at once.
    fs::create_dir_all(&parent).map_err(|error| error.to_string())?;
    let draft = tempfile::Builder::new()
        .prefix("python-")
        .tempdir_in(&parent)
        .map_err(|error| error.to_string())?;
    let python = draft.path().join("bin/python3");
    step(&Program::new(&system).args(["-m", "venv"]).arg(draft.path()))?;
    step(&Program::new(&python).args(["-m", "pip", "install", "--quiet", REQUIREMENT]))?;
    if fs::rename(draft.path(), &home).is_err() && !interpreter.exists() {
        // What stands there is the rest of something broken.
        let _ = fs::remove_dir_all(&home);
        fs::rename(draft.path(), &home).map_err(|error| error.to_string())?;
    }
    let output = check(&interpreter)?;
    if output.status.success() { Ok(interpreter) } else { Err(output.stderr) }
}

fn step(program: &Program) -> Result<Output, String> {
    let output = program.clone().limit(SETUP).run_blocking().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(format!("{}{}", output.stdout, output.stderr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcached::Memcached;

    #[tokio::test]
    async fn what_pymemcache_writes_it_reads_again_and_the_flags_are_its_own() {
        let Some(python) = Python::find().await else {
            return;
        };
        let server = Memcached::start().await.unwrap();

        let written = python.write(&server.address(), "it:").await.unwrap();

        let keys: Vec<_> = written.iter().map(|value| value.key.as_str()).collect();
        assert_eq!(python.read(&server.address(), &keys).await.unwrap(), written);
        for (kind, flags) in [("str", 16), ("int", 2), ("bytes", 0), ("dict", 1)] {
            let value = written.iter().find(|value| value.kind == kind).unwrap();
            let item = server.item(&value.key).await.unwrap().unwrap();
            assert_eq!(item.flags, flags, "{value:?}");
        }
    }

    #[tokio::test]
    async fn pymemcache_speaks_through_a_unix_socket() {
        let Some(python) = Python::find().await else {
            return;
        };
        let server = Memcached::unix().await.unwrap();
        server.raw("set n 2 0 2\r\n-7\r\n").await.unwrap();

        let read = python.read(&server.address(), &["n", "none"]).await.unwrap();

        let shown: Vec<_> =
            read.iter().map(|value| (value.kind.as_str(), value.text.as_str())).collect();
        assert_eq!(shown, [("int", "-7"), ("NoneType", "None")]);
    }

    #[tokio::test]
    async fn an_error_in_python_is_shown() {
        let Some(python) = Python::find().await else {
            return;
        };

        let error = python.read("127.0.0.1:1", &["k"]).await.unwrap_err();

        assert!(error.to_string().contains("ConnectionRefused"), "{error}");
    }
}
