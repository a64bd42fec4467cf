//! Into how many commands the gets under way go, so that neither side waits for the other.
//!
//! With few commands under way the client has read every answer before it writes again, and the server
//! sleeps meanwhile; with many the server spends its time on writing small answers. Which number is best
//! depends on what a system call and a waking cost: of two machines that were measured four was best on
//! one and twelve on the other, each 1.4 to 1.8 times as fast as the other number. So it is learnt: a
//! server that is often found idle gets more commands.

/// The bounds of what is learnt.
const FEWEST: u32 = 4;
const MOST: u32 = 12;

/// How many steps make one command more, and how many steps forward is a flush that finds the server
/// idle. Each other flush is one step back, so the number stays where one of fifty finds it idle.
const COMMAND: u32 = 512;
const IDLE: u32 = 49;

/// How many commands are under way together.
#[derive(Debug)]
pub(super) struct Depth {
    steps: u32,
}

impl Depth {
    pub(super) fn new() -> Self {
        Self { steps: FEWEST * COMMAND }
    }

    /// Notes a flush, and whether until then everything was answered.
    pub(super) fn note(&mut self, is_idle: bool) {
        let steps = if is_idle { self.steps + IDLE } else { self.steps - 1 };
        self.steps = steps.clamp(FEWEST * COMMAND, MOST * COMMAND);
    }

    /// Returns how many of so many keys are in one command.
    pub(super) fn share(&self, keys: usize) -> usize {
        keys / ((self.steps + COMMAND / 2) / COMMAND) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(depth: &mut Depth, flushes: usize, is_idle: impl Fn(usize) -> bool) -> usize {
        (0..flushes).for_each(|flush| depth.note(is_idle(flush)));
        depth.share(120)
    }

    #[test]
    fn a_server_that_is_idle_now_and_then_gets_more_commands_up_to_a_dozen() {
        let mut depth = Depth::new();
        assert_eq!(depth.share(120), 30);
        assert_eq!(shares(&mut depth, 1000, |flush| flush % 20 == 0), 17);
        assert_eq!(shares(&mut depth, 10_000, |flush| flush % 20 == 0), 10);
    }

    #[test]
    fn one_that_hardly_ever_is_gets_fewer_and_no_less_than_four() {
        let mut depth = Depth::new();
        shares(&mut depth, 1000, |_| true);
        assert_eq!(shares(&mut depth, 10_000, |flush| flush % 100 == 0), 30);
        assert_eq!(shares(&mut depth, 1_000_000, |_| false), 30);
    }
}
