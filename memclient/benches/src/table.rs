//! The medians as a table for people and as JSON for programs.

use std::fmt::{self, Write};

use crate::{
    contenders::{Contender, Role},
    measure::Sample,
    workload::Workload,
};

/// The medians of one workload.
pub(crate) struct Section {
    pub(crate) workload: Workload,
    pub(crate) rows: Vec<(Contender, Sample)>,
}

/// A figure of a sample.
#[derive(Clone, Copy)]
struct Figure {
    of: fn(&Sample) -> Option<f64>,
    more_is_better: bool,
    /// Operations that never ended are missing in it.
    is_latency: bool,
}

const RATE: Figure =
    Figure { of: |sample| Some(sample.rate), more_is_better: true, is_latency: false };
const CPU: Figure =
    Figure { of: |sample| Some(sample.cpu), more_is_better: false, is_latency: false };
const ALLOCATIONS: Figure =
    Figure { of: |sample| Some(sample.allocations), more_is_better: false, is_latency: false };
const P50: Figure = Figure { of: |sample| sample.p50, more_is_better: false, is_latency: true };
const P99: Figure = Figure { of: |sample| sample.p99, more_is_better: false, is_latency: true };

impl Section {
    /// Returns the best figure among the rows of this role that had no errors; latencies only where
    /// next to no task starved.
    fn best(&self, role: Role, figure: Figure) -> Option<f64> {
        let figures = self.rows.iter().filter_map(|(contender, sample)| {
            let starves = sample.starved as usize * 20 > self.workload.tasks;
            let counts = contender.role(self.workload) == role
                && sample.errors == 0
                && !(figure.is_latency && starves);
            if counts { (figure.of)(sample) } else { None }
        });
        if figure.more_is_better {
            figures.max_by(f64::total_cmp)
        } else {
            figures.min_by(f64::total_cmp)
        }
    }

    fn of(&self, contender: Contender, figure: Figure) -> Option<f64> {
        let (_, sample) = self.rows.iter().find(|(row, _)| *row == contender)?;
        (figure.of)(sample)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |figure| (figure, self.best(Role::Peer, figure), self.best(Role::Floor, figure));
        let columns = [of(RATE), of(CPU), of(ALLOCATIONS), of(P50), of(P99)];
        writeln!(f, "{}, values of {} bytes", self.workload, self.workload.size)?;
        write!(f, "  {:20}", "")?;
        for title in ["k ops/s", "cpu µs", "allocs", "p50 µs", "p99 µs"] {
            write!(f, " │{title:>9} {:>5} {:>5}", "peer", "floor")?;
        }
        writeln!(f)?;
        writeln!(f, "  {:─<20}{}", "", "─┼─────────────────────".repeat(5))?;
        for (contender, sample) in &self.rows {
            let role = contender.role(self.workload);
            let mark = if role == Role::Unconfirmed { "*" } else { "" };
            write!(f, "  {:20}", format!("{}{mark}", contender.name()))?;
            for (place, (figure, peer, floor)) in columns.iter().enumerate() {
                let value = (figure.of)(sample);
                let scale = if place == 0 { 1e-3 } else { 1.0 };
                let (peer, floor) = (Ratio(value, *peer), Ratio(value, *floor));
                let shown = value.map_or("–".to_owned(), |value| short(value * scale));
                write!(f, " │{shown:>9} {peer:>5} {floor:>5}")?;
            }
            if sample.starved > 0 {
                write!(f, "  {} tasks starved", sample.starved)?;
            }
            if sample.errors > 0 {
                let first = sample.error.as_deref().unwrap_or_default();
                write!(f, "  {} errors: {first}", sample.errors)?;
            }
            writeln!(f)?;
        }
        if self.rows.iter().any(|(row, _)| row.role(self.workload) == Role::Unconfirmed) {
            writeln!(f, "  * sends sets without asking for an answer: no peer to compare with")?;
        }
        Ok(())
    }
}

/// What the table comes to: the figures that releases are held to.
pub(crate) struct Summary<'a>(pub(crate) &'a [Section]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "memclient in short")?;
        for section in self.0 {
            let ours = |figure| section.of(Contender::Memclient, figure);
            let peer = |figure| section.best(Role::Peer, figure);
            let rate = |other| Ratio(ours(RATE), other);
            if ours(RATE).is_none() {
                continue;
            }
            write!(
                f,
                "  {:14} {:>6} of best peer, {:>6} of redis, {:>6} of ping-pong, {:>6} of best floor",
                section.workload.to_string(),
                rate(peer(RATE)),
                rate(section.of(Contender::Redis, RATE)),
                rate(section.of(Contender::PingPong, RATE)),
                rate(section.best(Role::Floor, RATE)),
            )?;
            writeln!(
                f,
                "; cpu {:>5} of best peer; {} allocations",
                Ratio(ours(CPU), peer(CPU)),
                ours(ALLOCATIONS).map_or("–".to_owned(), short),
            )?;
        }
        Ok(())
    }
}

/// Returns every median as JSON.
pub(crate) fn json(sections: &[Section]) -> String {
    let number = |figure: Option<f64>| match figure {
        Some(figure) if figure.is_finite() => figure.to_string(),
        _ => "null".to_owned(),
    };
    let mut rows = Vec::new();
    for Section { workload, rows: samples } in sections {
        for (contender, sample) in samples {
            let mut row = String::new();
            let error = sample.error.as_deref().map_or("null".to_owned(), quoted);
            // Writing to a string does not fail.
            let _ = write!(
                row,
                "  {{\"workload\": \"{workload}\", \"bytes\": {}, \"client\": \"{}\", \
                 \"ops_per_second\": {}, \"cpu_us\": {}, \"allocations\": {}, \"p50_us\": {}, \
                 \"p99_us\": {}, \"starved\": {}, \"errors\": {}, \"error\": {error}}}",
                workload.size,
                contender.name(),
                number(Some(sample.rate)),
                number(Some(sample.cpu)),
                number(Some(sample.allocations)),
                number(sample.p50),
                number(sample.p99),
                sample.starved,
                sample.errors,
            );
            rows.push(row);
        }
    }
    format!("[\n{}\n]\n", rows.join(",\n"))
}

/// How many times the second the first is; a dash where there is none.
struct Ratio(Option<f64>, Option<f64>);

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(value), Some(base)) if base >= 0.01 => f.pad(&ratio(value / base)),
            _ => f.pad("–"),
        }
    }
}

fn ratio(ratio: f64) -> String {
    match ratio {
        100.0.. => format!("{ratio:.0}"),
        10.0.. => format!("{ratio:.1}"),
        _ => format!("{ratio:.2}"),
    }
}

fn short(figure: f64) -> String {
    match figure {
        100.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.push(' '),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::SMALL;

    fn section(rows: &[(Contender, f64, u64)]) -> Section {
        let row = |&(contender, rate, errors): &(Contender, f64, u64)| {
            (contender, Sample { rate, errors, ..Sample::default() })
        };
        let workload = Workload::parse("set@64", SMALL).unwrap();
        Section { workload, rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn the_best_peer_confirms_its_sets_and_made_no_errors() {
        let section = section(&[
            (Contender::Memclient, 9.0, 0),
            (Contender::MemcacheAsync, 8.0, 0),
            (Contender::Redis, 7.0, 0),
            (Contender::Mtop, 6.0, 1),
            (Contender::AsyncMemcached, 3.0, 0),
            (Contender::Memcache, 2.0, 0),
        ]);
        assert_eq!(section.best(Role::Peer, RATE), Some(3.0));
        assert!(section.to_string().contains(" 3.00"), "{section}");
    }

    #[test]
    fn latencies_of_a_client_that_starves_its_tasks_are_no_measure() {
        let mut section = section(&[(Contender::Mtop, 1.0, 0), (Contender::Memcache, 1.0, 0)]);
        section.rows[0].1 = Sample { p50: Some(1.0), starved: 32, ..Sample::default() };
        section.rows[1].1 = Sample { p50: Some(2.0), ..Sample::default() };
        assert_eq!(section.best(Role::Peer, P50), Some(2.0));
    }

    #[test]
    fn the_text_of_an_error_cannot_break_the_json() {
        assert_eq!(quoted("a \"b\"\r\n\\"), "\"a \\\"b\\\"  \\\\\"");
    }
}
