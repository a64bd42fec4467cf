//! How a memcached process is started, and when it counts as started.

use std::{
    fmt,
    fs::{self, File},
    io,
    net::{IpAddr, SocketAddr},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    child::{self, Reaped},
    raw::{self, Access, Until},
};

/// How long a server may take until it answers, or until a signal has its effect.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// How often a condition is looked at again.
const TICK: Duration = Duration::from_millis(2);

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    AnyPort(IpAddr),
    Port(SocketAddr),
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyPort(ip) => ip.fmt(f),
            Self::Port(address) => address.fmt(f),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Starts the process and waits until it answers. Returns the place with its port filled in.
pub(crate) fn launch(
    arguments: &[String],
    place: &Place,
    access: &Access,
    directory: &Path,
) -> io::Result<(Reaped, Place)> {
    let messages = directory.join("stderr");
    let port_file = directory.join("port");
    let mut command = child::tied(&binary()?);
    command
        .args(["-U", "0", "-m", "64", "-t", "2"])
        .env("MEMCACHED_PORT_FILENAME", &port_file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&messages)?);
    // The server refuses to run as root unless told so. The directory is ours, so it shows who
    // we are.
    if fs::metadata(directory)?.uid() == 0 {
        command.args(["-u", "root"]);
    }
    match place {
        Place::AnyPort(ip) => command.args(["-l", &ip.to_string(), "-p", "-1"]),
        Place::Port(address) => {
            command.args(["-l", &address.ip().to_string(), "-p", &address.port().to_string()])
        }
        Place::Socket(path) => command.arg("-s").arg(path),
    };
    command.args(arguments);

    let mut process = Reaped::spawn(command)?;
    let said = || fs::read_to_string(&messages).unwrap_or_default().trim().to_owned();
    let place = wait(
        || {
            if let Some(status) = process.ended()? {
                let said = said();
                return Err(io::Error::other(format!("memcached ended with {status}: {said}")));
            }
            let place = match place {
                Place::AnyPort(ip) => match fs::read_to_string(&port_file) {
                    Ok(text) => written_port(&text).map(|port| Place::Port((*ip, port).into())),
                    Err(_) => None,
                },
                known => Some(known.clone()),
            };
            let Some(place) = place else { return Ok(None) };
            Ok(answers(&place, access, process.pid()).then_some(place))
        },
        || format!("memcached did not answer in time: {}", said()),
    )?;
    Ok((process, place))
}

/// Tells whether it is this process that answers there: on a port that somebody else holds, it is
/// somebody else.
fn answers(place: &Place, access: &Access, pid: u32) -> bool {
    let own = format!("STAT pid {pid}\r\n");
    raw::exchange(&place.to_string(), access, b"stats\r\n", Until::Ends(b"END\r\n"))
        .is_ok_and(|answer| answer.starts_with(own.as_bytes()))
}

/// Asks until there is an answer, or gives up with the message of `late`.
pub(crate) fn wait<T>(
    mut ask: impl FnMut() -> io::Result<Option<T>>,
    late: impl FnOnce() -> String,
) -> io::Result<T> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, late()));
        }
        thread::sleep(TICK);
    }
}

/// Reads the port from a line such as `TCP INET: 40123` or `TCP INET6: 40123`.
fn written_port(text: &str) -> Option<u16> {
    text.lines()
        .filter(|line| line.starts_with("TCP INET"))
        .find_map(|line| line.rsplit(": ").next()?.trim().parse().ok())
}

fn binary() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("MEMCACHED") {
        return Ok(path.into());
    }
    child::find("memcached", &["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]).ok_or_else(
        || {
            io::Error::new(
                io::ErrorKind::NotFound,
                "memcached was not found: run scripts/test, which installs it",
            )
        },
    )
}
