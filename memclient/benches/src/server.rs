//! The servers of a run: started on free loopback ports, ended when their handles are dropped.

use std::{
    io::{self, BufRead, BufReader, BufWriter, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::workload::Data;

/// What a server speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Memcached,
    Redis,
}

/// A running server.
pub(crate) struct Server {
    command: Command,
    child: Child,
    kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) version: String,
}

impl Server {
    /// Starts a server, bound to the core where one is named.
    pub(crate) fn start(kind: Kind, core: Option<usize>) -> io::Result<Self> {
        // Free when it was asked for; a race for it shows as a server that ends at once.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        Self::start_at(port, kind, core)
    }

    /// Starts a memcached that can be killed and started again.
    ///
    /// Its port is none that the system gives to those who dial: one of the many who dial it while
    /// it is down would else be given it and find itself at the other end.
    pub(crate) fn start_to_restart() -> io::Result<Self> {
        let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        let port = (21_211..32_000).find(free);
        let port = port.ok_or_else(|| io::Error::other("no port is free"))?;
        Self::start_at(port, Kind::Memcached, None)
    }

    fn start_at(port: u16, kind: Kind, core: Option<usize>) -> io::Result<Self> {
        let program = kind.program();
        let output = Command::new(program).arg("--version").output()?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string(), program]);
                command
            }
            None => Command::new(program),
        };
        let port_text = port.to_string();
        match kind {
            Kind::Memcached => {
                command.args(["-l", "127.0.0.1", "-p", &port_text, "-U", "0"]);
                command.args(["-t", "1", "-m", "512", "-c", "2048"]);
                if rustix::process::geteuid().is_root() {
                    command.args(["-u", "root"]);
                }
            }
            Kind::Redis => {
                command.args(["--bind", "127.0.0.1", "--port", &port_text]);
                command.args(["--save", "", "--appendonly", "no"]);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self { command, child, kind, address, version };
        server.await_ready()?;
        Ok(server)
    }

    /// Kills the server, which has no time to say goodbye.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    /// Starts the server again after [`Server::kill`], empty and on its port; returns how often it
    /// was dialed until it listened.
    pub(crate) fn restart(&mut self) -> io::Result<u64> {
        self.child = self.command.spawn()?;
        self.await_ready()
    }

    /// Stores the value under every key that is to be read.
    pub(crate) fn fill(&self, data: &Data) -> io::Result<()> {
        let stream = TcpStream::connect(self.address)?;
        let mut input = BufReader::new(stream.try_clone()?);
        let mut output = BufWriter::new(stream);
        let (size, mut line) = (data.value.len(), String::new());
        for keys in data.read.chunks(100) {
            for key in keys {
                match self.kind {
                    Kind::Memcached => write!(output, "set {key} 0 0 {size}\r\n")?,
                    Kind::Redis => {
                        let length = key.len();
                        write!(output, "*3\r\n$3\r\nSET\r\n${length}\r\n{key}\r\n${size}\r\n")?;
                    }
                }
                output.write_all(&data.value)?;
                output.write_all(b"\r\n")?;
            }
            output.flush()?;
            for _ in keys {
                line.clear();
                input.read_line(&mut line)?;
                if !matches!(&*line, "STORED\r\n" | "+OK\r\n") {
                    return Err(io::Error::other(format!("a set was answered with {line:?}")));
                }
            }
        }
        Ok(())
    }

    /// Waits until the server listens, and returns how often it was dialed for that.
    fn await_ready(&mut self) -> io::Result<u64> {
        for dials in 1..=1000 {
            if let Some(status) = self.child.try_wait()? {
                let program = self.kind.program();
                return Err(io::Error::other(format!("{program} ended at once: {status}")));
            }
            if TcpStream::connect(self.address).is_ok() {
                return Ok(dials);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(io::Error::other(format!("{} does not listen", self.kind.program())))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where the server has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Memcached => "memcached",
            Self::Redis => "redis-server",
        }
    }
}
