//! A table whose rows appear as they are known.

use std::{
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

/// A table of right-aligned columns.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    titles: [&'static str; COLUMNS],
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    const WIDTH: usize = 11;

    /// Returns a table with these titles.
    pub const fn new(titles: [&'static str; COLUMNS]) -> Self {
        Self { titles }
    }

    /// Writes the titles.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn head(&self, out: &mut impl Write) -> io::Result<()> {
        Self::rule(out, ["┌", "┬", "┐"])?;
        Self::cells(out, self.titles)?;
        Self::rule(out, ["├", "┼", "┤"])
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn row(&mut self, out: &mut impl Write, cells: [String; COLUMNS]) -> io::Result<()> {
        Self::cells(out, cells)?;
        out.flush()
    }

    /// Writes the line below the last row.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn foot(&self, out: &mut impl Write) -> io::Result<()> {
        Self::rule(out, ["└", "┴", "┘"])
    }

    fn cells(out: &mut impl Write, cells: [impl Display; COLUMNS]) -> io::Result<()> {
        for cell in cells {
            write!(out, "│ {:>1$} ", cell.to_string(), Self::WIDTH)?;
        }
        writeln!(out, "│")
    }

    fn rule(out: &mut impl Write, [left, middle, right]: [&str; 3]) -> io::Result<()> {
        let line = "─".repeat(Self::WIDTH + 2);
        writeln!(out, "{left}{}{right}", vec![line; COLUMNS].join(middle))
    }
}

/// Returns a count with its thousands apart.
pub fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Returns a duration in the unit that suits it.
pub fn duration(duration: Duration) -> String {
    match duration.as_micros() {
        micros if micros < 1_000 => format!("{micros} µs"),
        micros if micros < 1_000_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", duration.as_secs_f64()),
    }
}
