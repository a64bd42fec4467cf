//! How often this machine has dialed, as the kernel counts it.

use std::fs;

use crate::peers::Outcome;

/// The dials of all processes of this network namespace, since it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dials {
    /// All of them, refused or not.
    pub(super) all: u64,
    /// Those that came to nothing.
    pub(super) refused: u64,
}

impl Dials {
    /// Reads the counters.
    pub(super) fn now() -> Outcome<Self> {
        let text = fs::read_to_string("/proc/net/snmp")
            .map_err(|error| format!("dials can be counted on Linux only: {error}"))?;
        Self::parse(&text).ok_or_else(|| "the kernel does not say how often it dialed".into())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
        let names = lines.next()?.split_whitespace();
        let figures: Vec<(&str, &str)> = names.zip(lines.next()?.split_whitespace()).collect();
        let figure = |name| {
            let (_, figure) = figures.iter().find(|(known, _)| *known == name)?;
            figure.parse().ok()
        };
        Some(Self { all: figure("ActiveOpens")?, refused: figure("AttemptFails")? })
    }

    /// Returns what has come since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            refused: self.refused.saturating_sub(before.refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_are_found_by_their_names() {
        let text = "Ip: Forwarding\nIp: 1\nTcp: MaxConn ActiveOpens PassiveOpens AttemptFails\n\
                    Tcp: -1 12 3 4\nUdp: InDatagrams\nUdp: 0\n";
        let Dials { all, refused } = Dials::parse(text).unwrap();
        assert_eq!((all, refused), (12, 4));
        assert!(Dials::parse("Tcp: ActiveOpens\n").is_none());
    }
}
