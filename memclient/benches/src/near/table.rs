//! The medians as a table.

use std::fmt;

use super::{rows::Row, spin::Figures};

/// The medians of one kind of value, spread and number of threads.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) rows: Vec<(Row, Figures)>,
}

impl Section {
    fn nanos(&self, row: Row) -> f64 {
        let found = self.rows.iter().find(|(other, _)| *other == row);
        found.map_or(f64::NAN, |(_, figures)| figures.nanos)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (moka, cached) = (self.nanos(Row::Moka), self.nanos(Row::Cached));
        let (get, load) = (self.nanos(Row::Get), self.nanos(Row::GetOrLoad));
        writeln!(f, "{}", self.title)?;
        writeln!(
            f,
            "  {:24} │{:>8} {:>8} {:>8} {:>8} {:>8} │{:>8} {:>9} {:>8}",
            "", "ns/hit", "of moka", "cached", "- get", "- load", "allocs", "suspended", "decoded"
        )?;
        writeln!(f, "  {:─<24}─┼{:─<45}┼{:─<27}", "", "", "")?;
        for (row, figures) in &self.rows {
            let Figures { nanos, allocations, suspended, decoded } = figures;
            writeln!(
                f,
                "  {:24} │{nanos:>8.0} {:>8.2} {:>8.2} {:>+8.0} {:>+8.0} │{allocations:>8.2} {suspended:>9.2} \
                 {decoded:>8.2}",
                row.name(),
                nanos / moka,
                nanos / cached,
                nanos - get,
                nanos - load,
            )?;
        }
        Ok(())
    }
}
