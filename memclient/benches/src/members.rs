//! Several processes of this program, told and heard line by line.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

/// The first word of a member's command line.
const MEMBER: &str = "member";

/// Running members, killed when the handle is dropped.
pub(crate) struct Members {
    children: Vec<Child>,
    said: Receiver<(usize, String)>,
}

/// Returns the words for a member, if this process is one.
pub(crate) fn arguments() -> Option<Vec<String>> {
    let mut arguments = env::args().skip(1);
    (arguments.next().as_deref() == Some(MEMBER)).then(|| arguments.collect())
}

/// Says a line to the process that started this one.
pub(crate) fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    // Whoever does not listen any more will end this process.
    let _ = stdout.write_all(format!("{line}\n").as_bytes());
    let _ = stdout.flush();
}

/// Waits for the next line that this process is told.
pub(crate) fn told() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

impl Members {
    /// Starts members with these words, and waits until each of them has said a line.
    pub(crate) fn start(size: usize, arguments: &[&str]) -> io::Result<Self> {
        let (mouth, said) = mpsc::channel();
        let mut members = Self { children: Vec::with_capacity(size), said };
        for number in 0..size {
            let mut command = Command::new(env::current_exe()?);
            command.arg(MEMBER).args(arguments);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            if let Some(output) = child.stdout.take() {
                let mouth = mouth.clone();
                thread::spawn(move || {
                    for line in BufReader::new(output).lines().map_while(Result::ok) {
                        // Nobody listens where the members are being dropped.
                        let _ = mouth.send((number, line));
                    }
                });
            }
            members.children.push(child);
        }
        for _ in 0..size {
            members.hear().ok_or_else(|| io::Error::other("a member has ended at once"))?;
        }
        Ok(members)
    }

    /// Tells all members a line; those that have ended do not hear it.
    pub(crate) fn tell(&mut self, line: &str) {
        for child in &mut self.children {
            if let Some(input) = &mut child.stdin {
                let _ = input.write_all(format!("{line}\n").as_bytes());
            }
        }
    }

    /// Returns what is said next, and by which member; `None` once all have ended.
    pub(crate) fn hear(&mut self) -> Option<(usize, String)> {
        self.said.recv().ok()
    }

    /// Kills a member, and waits for its end.
    pub(crate) fn kill(&mut self, member: usize) -> io::Result<()> {
        let Some(child) = self.children.get_mut(member) else { return Ok(()) };
        child.kill()?;
        child.wait().map(|_| ())
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Both fail only where the member has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
