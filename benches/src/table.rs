//! The table with which a benchmark ends.

use core::fmt;

/// What a benchmark found, a line for each comparison: what was done, our figure, the peer's, their ratio and the noise.
///
/// ```
/// use synod_benches::Table;
///
/// let mut table = Table::default();
/// table.row("sorting", "3.0 ms", "9.0 ms (by hand)", Some(3.0), Some(0.02));
/// table.quote("sorting", "3.0 ms", "5 ms (their README)");
/// assert!(table.to_string().contains("| sorting | 3.0 ms | 5 ms (their README) | quoted |"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<[String; 5]>,
}

impl Table {
    /// Adds a comparison that was run. `ratio` above 1 is in our favour; `noise` is as in [`Row`](crate::Row).
    pub fn row(
        &mut self,
        what: &str,
        ours: impl Into<String>,
        peer: impl Into<String>,
        ratio: Option<f64>,
        noise: Option<f64>,
    ) {
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let noise = noise.map_or_else(|| "one run".to_owned(), |noise| format!("±{:.1} %", noise * 50.0));
        self.rows.push([what.to_owned(), ours.into(), peer.into(), ratio, noise]);
    }

    /// Adds a peer's figure that was measured elsewhere. It gets no ratio: the machine was another.
    pub fn quote(&mut self, what: &str, ours: impl Into<String>, peer: impl Into<String>) {
        self.rows.push([what.to_owned(), ours.into(), peer.into(), "quoted".to_owned(), "-".to_owned()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | ours | peer | ratio | noise |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}
