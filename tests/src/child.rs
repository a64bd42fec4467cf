//! Child processes that do not outlive the tests.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        mpsc::{self, Sender},
    },
    thread,
};

/// A child process that is killed and reaped when it is dropped.
#[derive(Debug)]
pub(crate) struct Reaped {
    child: Child,
}

impl Reaped {
    /// Starts `command`.
    ///
    /// The kernel ties a child made by [`tied`] to the thread that started it, and test threads
    /// end early; so one thread that lives as long as the process starts them all.
    pub(crate) fn spawn(command: Command) -> io::Result<Self> {
        let (reply, answer) = mpsc::channel();
        spawner()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(Order { command, reply })
            .map_err(|_| io::Error::other("the thread that starts processes is gone"))?;
        let child = answer
            .recv()
            .map_err(|_| io::Error::other("the thread that starts processes is gone"))??;
        Ok(Self { child })
    }

    /// Kills the process and waits for its end. A process that has ended is no error.
    pub(crate) fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// Returns the exit status if the process has ended.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Returns the handle itself, for its pipes.
    pub(crate) fn handle(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Returns the process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        // Nobody is left to tell, and a process that cannot be killed is not ours.
        let _ = self.kill();
    }
}

/// Returns a command that runs `program` and, on Linux, dies with this process even if this
/// process is killed and runs no destructors.
pub(crate) fn tied(program: &Path) -> Command {
    static SETPRIV: OnceLock<bool> = OnceLock::new();
    let available = *SETPRIV.get_or_init(|| {
        cfg!(target_os = "linux")
            && Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "true"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    });
    if !available {
        return Command::new(program);
    }
    // We may be killed before the tie is made; the shell then sees another parent and goes no
    // further.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--", "sh", "-c", r#"[ "$PPID" = "$0" ] && exec "$@""#])
        .arg(std::process::id().to_string())
        .arg(program);
    command
}

/// Sends a signal to a process, or to a process group if `pid` is negative.
pub(crate) fn signal(name: &str, pid: i64) -> io::Result<()> {
    // The shell's own `kill`: a small machine has no program of that name.
    let status = Command::new("sh")
        .args(["-c", r#"kill -s "$0" -- "$1""#, name, &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("process {pid} could not be sent {name}")))
    }
}

/// Returns the first of `directories`, or of the search path, that has a file called `name`.
pub(crate) fn find(name: &str, directories: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(directories.iter().map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

struct Order {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

fn spawner() -> &'static Mutex<Sender<Order>> {
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for mut order in inbox {
                let started = order.command.spawn();
                if let Err(mpsc::SendError(Ok(child))) = order.reply.send(started) {
                    drop(Reaped { child });
                }
            }
        });
        Mutex::new(orders)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_the_handle_ends_the_process() {
        let mut command = tied(Path::new("sleep"));
        command.arg("600");
        let child = Reaped::spawn(command).unwrap();
        let pid = i64::from(child.pid());
        signal("0", pid).unwrap();

        drop(child);

        assert!(signal("0", pid).is_err());
    }

    #[test]
    fn a_process_outlives_the_thread_that_asked_for_it() {
        let mut child = thread::spawn(|| {
            let mut command = tied(Path::new("sleep"));
            command.arg("600");
            Reaped::spawn(command).unwrap()
        })
        .join()
        .unwrap();

        thread::sleep(std::time::Duration::from_millis(50));

        assert!(child.ended().unwrap().is_none());
    }
}
