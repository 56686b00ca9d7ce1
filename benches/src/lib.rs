//! What every benchmark here needs: contestants timed in turn, and a table that shows ratios beside the machine's noise.
//!
//! ```
//! use synod_benches::Contest;
//!
//! let numbers: Vec<u64> = (0..100).collect();
//! let mut contest = Contest::new("summing 100 numbers", "number", 100);
//! contest.enter("by hand", || {
//!     let mut sum = 0;
//!     for number in &numbers { sum += std::hint::black_box(number); }
//!     std::hint::black_box(sum);
//! });
//! contest.enter("iterator", || {
//!     std::hint::black_box(numbers.iter().map(std::hint::black_box).sum::<u64>());
//! });
//! let results = contest.run(5);
//! assert_eq!(results.rows.len(), 2);
//! println!("{results}");
//! ```
#![forbid(unsafe_code)]

pub mod explore;
mod table;

pub use table::Table;

use core::fmt;
use cpu_time::ProcessTime;

/// Contestants that do the same work, timed in turn in one process, so that whatever disturbs the machine disturbs them
/// all. The first to enter is the one that the others are compared with.
pub struct Contest<'a> {
    title: String,
    unit: String,
    units: u64,
    contestants: Vec<(String, Box<dyn FnMut() + 'a>)>,
    steady: bool,
}

impl<'a> Contest<'a> {
    /// A contest whose rounds consist of `units` of work each, called `unit` in the table.
    #[must_use]
    pub fn new(title: &str, unit: &str, units: u64) -> Self {
        Self { title: title.to_owned(), unit: unit.to_owned(), units, contestants: Vec::new(), steady: false }
    }

    /// Each turn begins with a round that does not count, so that what is measured is not how fast the caches fill again after the others.
    #[must_use]
    pub fn steady(mut self) -> Self {
        self.steady = true;
        self
    }

    /// Enters a contestant; `round` does all the units of one round. It should take a millisecond or more.
    pub fn enter(&mut self, name: &str, round: impl FnMut() + 'a) {
        self.contestants.push((name.to_owned(), Box::new(round)));
    }

    /// Runs a round to warm up and then `rounds` that count, and measures CPU time. Each round begins with another
    /// contestant.
    pub fn run(mut self, rounds: usize) -> Results {
        let mut samples = vec![Vec::with_capacity(rounds); self.contestants.len()];
        for round in 0..=rounds {
            for turn in 0..self.contestants.len() {
                let place = (turn + round) % self.contestants.len();
                let (Some((_, run)), Some(samples)) =
                    (self.contestants.get_mut(place), samples.get_mut(place))
                else {
                    continue;
                };
                if self.steady {
                    run();
                }
                let begin = ProcessTime::now();
                run();
                let spent = begin.elapsed();
                if round > 0 {
                    samples.push(spent.as_nanos() as f64 / self.units as f64);
                }
            }
        }
        let names = self.contestants.into_iter().map(|(name, _)| name);
        let baseline = samples.first().cloned().unwrap_or_default();
        let rows = names.zip(&samples).map(|(name, samples)| Row::new(name, samples, &baseline)).collect();
        Results { title: self.title, unit: self.unit, rounds, rows }
    }
}

/// What a contest gave. Displayed as a table.
#[derive(Clone, Debug)]
pub struct Results {
    title: String,
    unit: String,
    rounds: usize,
    /// One row for each contestant, in the order in which they entered.
    pub rows: Vec<Row>,
}

/// What one contestant needed, in nanoseconds of CPU time for each unit of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The contestant.
    pub name: String,
    /// The quickest round.
    pub least: f64,
    /// The median over the rounds.
    pub median: f64,
    /// The machine's noise: the distance from the first to the third quartile, as a part of the median.
    pub noise: f64,
    /// The median over the rounds of this contestant's time divided by the first contestant's in the same round.
    pub ratio: f64,
}

impl Row {
    fn new(name: String, samples: &[f64], baseline: &[f64]) -> Self {
        let ratios: Vec<_> = samples.iter().zip(baseline).map(|(ours, theirs)| ours / theirs).collect();
        let median = quantile(samples, 0.5);
        let noise = (quantile(samples, 0.75) - quantile(samples, 0.25)) / median;
        Self { name, least: quantile(samples, 0.0), median, noise, ratio: quantile(&ratios, 0.5) }
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        writeln!(f, "{} ({} rounds in turn, CPU ns for each {})", self.title, self.rounds, self.unit)?;
        writeln!(f, "  {:width$}  {:>10}  {:>10}  {:>7}  {:>6}", "", "least", "median", "noise", "ratio")?;
        for Row { name, least, median, noise, ratio } in &self.rows {
            let noise = format!("±{:.1} %", noise * 50.0);
            writeln!(f, "  {name:width$}  {least:>10.1}  {median:>10.1}  {noise:>7}  {ratio:>6.2}")?;
        }
        Ok(())
    }
}

/// The value below which this part of the samples lies; not a number where there are none.
fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (part * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::RefCell;

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is twice as slow in the second half: the ratio does not notice.
        let baseline = [10.0, 10.0, 20.0, 20.0, 20.0];
        let samples = baseline.map(|sample| sample * 1.5);
        let row = Row::new("x".to_owned(), &samples, &baseline);
        assert_eq!((row.least, row.median, row.ratio), (15.0, 30.0, 1.5));
        assert_eq!(row.noise, 0.5);
    }

    #[test]
    fn every_contestant_runs_each_round_and_the_first_place_goes_round() {
        let turns = RefCell::new(String::new());
        let mut contest = Contest::new("turns", "turn", 1);
        contest.enter("a", || turns.borrow_mut().push('a'));
        contest.enter("b", || turns.borrow_mut().push('b'));
        let results = contest.run(2);
        assert_eq!(*turns.borrow(), "abbaab");
        let table = results.to_string();
        assert!(
            table.starts_with("turns (2 rounds in turn, CPU ns for each turn)\n")
                && table.lines().count() == 4
        );
    }

    #[test]
    fn nothing_is_no_number() {
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), 2.0);
    }
}
