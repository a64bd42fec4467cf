//! Several processes of one program, talked to line by line.

use std::{
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{ChildStdin, Stdio},
    thread,
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::child::{self, Reaped};

/// Processes that run the same program with the same arguments, killed when the handle is dropped.
///
/// They are told lines on their standard input, and what they say on their standard output is heard
/// line by line, in the order in which it came. What they write to standard error is passed on.
#[derive(Debug)]
pub struct Fleet {
    members: Vec<Member>,
    said: UnboundedReceiver<(usize, Heard)>,
}

/// What a member of a [`Fleet`] let hear.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// A line, without its end.
    Line(String),
    /// The member has ended, or can no longer be heard.
    End,
}

#[derive(Debug)]
struct Member {
    process: Reaped,
    ear: Option<ChildStdin>,
}

impl Fleet {
    /// Starts so many processes of a program.
    ///
    /// # Errors
    ///
    /// Fails if one of them cannot be started; those that were are killed.
    pub fn start<A: AsRef<str>>(
        program: impl AsRef<Path>,
        arguments: &[A],
        size: usize,
    ) -> io::Result<Self> {
        let (mouth, said) = unbounded_channel();
        let mut members = Vec::with_capacity(size);
        for number in 0..size {
            let mut command = child::tied(program.as_ref());
            command.args(arguments.iter().map(AsRef::as_ref));
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut process = Reaped::spawn(command)?;
            let ear = process.handle().stdin.take();
            if let Some(output) = process.handle().stdout.take() {
                let mouth = mouth.clone();
                thread::spawn(move || listen(number, output, &mouth));
            }
            members.push(Member { process, ear });
        }
        Ok(Self { members, said })
    }

    /// Returns how many processes were started.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Tells a member a line.
    ///
    /// # Errors
    ///
    /// Fails if there is no such member, or if it has ended.
    pub fn tell(&mut self, member: usize, line: &str) -> io::Result<()> {
        let ear = self.members.get_mut(member).and_then(|member| member.ear.as_mut());
        let ear = ear.ok_or_else(|| io::Error::other(format!("member {member} is not there")))?;
        ear.write_all(format!("{line}\n").as_bytes())
    }

    /// Tells every member a line; those that have ended do not hear it.
    pub fn tell_all(&mut self, line: &str) {
        for member in 0..self.size() {
            _ = self.tell(member, line);
        }
    }

    /// Returns what is said next, and by which member; `None` once all of them have ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn hear(&mut self) -> Option<(usize, Heard)> {
        self.said.recv().await
    }

    /// Kills a member with SIGKILL, and waits for its end. One that has ended is no error.
    ///
    /// # Errors
    ///
    /// Fails if there is no such member, or if the system refuses.
    pub fn kill(&mut self, member: usize) -> io::Result<()> {
        let found = self.members.get_mut(member);
        let found = found.ok_or_else(|| io::Error::other(format!("member {member} is unknown")))?;
        found.ear = None;
        found.process.kill().map(|_| ())
    }
}

/// Passes on what a member says until it ends.
fn listen(member: usize, output: impl io::Read, mouth: &UnboundedSender<(usize, Heard)>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        // Nobody listens any more: the fleet is being dropped.
        _ = mouth.send((member, Heard::Line(line)));
    }
    _ = mouth.send((member, Heard::End));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Heard {
        Heard::Line(text.to_owned())
    }

    #[tokio::test]
    async fn each_member_hears_and_is_heard_until_it_ends() {
        let mut fleet =
            Fleet::start("sh", &["-c", "while read line; do echo got $line; done"], 2).unwrap();
        assert_eq!(fleet.size(), 2);
        fleet.tell(1, "one").unwrap();
        assert_eq!(fleet.hear().await, Some((1, line("got one"))));
        fleet.kill(1).unwrap();
        assert_eq!(fleet.hear().await, Some((1, Heard::End)));
        assert!(fleet.tell(1, "more").is_err());
        fleet.tell_all("all");
        assert_eq!(fleet.hear().await, Some((0, line("got all"))));
        fleet.kill(0).unwrap();
        assert_eq!(fleet.hear().await, Some((0, Heard::End)));
        assert_eq!(fleet.hear().await, None);
    }
}
