//! The odds as text.

use super::{Jump, Odds, Tally};
use crate::run::Verdict;
use crate::trace::{Happening, Millis, Moment};
use core::fmt;

const BAR: u64 = 30;

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval();
        write!(f, "{:.0}% ({:.0}–{:.0}%)", self.share() * 100.0, low * 100.0, high * 100.0)
    }
}

impl fmt::Display for Odds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} steps, {}: {}", self.seed, self.steps, Millis(self.end), self.verdict)?;
        let what = if self.verdict == Verdict::Passed { "fail" } else { "fail so" };
        writeln!(f, "{:>16}  {:>9}  futures that {what}, with 95% confidence", "from", "step")?;
        for tally in &self.tallies {
            let filled = (tally.failed * BAR).div_ceil(tally.futures.max(1));
            let bar: String = (0..BAR).map(|nth| if nth < filled { '█' } else { '·' }).collect();
            let words = tally.to_string();
            write!(f, "{:>16}  {:>9}  {words:>15}  {bar}", Millis(tally.at).to_string(), tally.step)?;
            if tally.failed_otherwise > 0 {
                write!(f, "  {} fail otherwise", tally.failed_otherwise)?;
            }
            writeln!(f)?;
        }
        match &self.jump {
            None => writeln!(f, "nowhere did the failure become more likely")?,
            Some(jump) => write!(f, "{jump}")?,
        }
        match self.inevitable_from() {
            Some(tally) if self.verdict != Verdict::Passed => {
                writeln!(f, "from {} (step {}) on every future failed", Millis(tally.at), tally.step)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (&self.before, &self.after);
        let steps = match after.step - before.step {
            1 => format!("in step {}", after.step),
            _ => format!("between step {} and step {}", before.step, after.step),
        };
        writeln!(f, "the greatest leap: {before} to {after} {steps}, at {}", Millis(after.at))?;
        if !self.is_significant() {
            writeln!(
                f,
                "  the intervals overlap: the failure crept up, or more futures are needed to see a leap"
            )?;
        }
        let mut part = |sign: char, moments: &[Moment]| {
            moments.iter().try_for_each(|moment| writeln!(f, "  {sign} {moment}"))
        };
        part(' ', &self.earlier)?;
        part('>', &self.between)?;
        part(' ', &self.later)?;
        self.strikes.iter().try_for_each(|strike| writeln!(f, "  > the fault {} began", strike.fault))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", Millis(self.at), self.node, self.what.kind())?;
        match &self.what {
            Happening::Sent { to, id, text } => write!(f, " to {to}, message {id}: {text}"),
            Happening::Ended { id, .. } => write!(f, ", message {id}"),
            what => match what.text() {
                text if text.is_empty() => Ok(()),
                text => write!(f, " {text}"),
            },
        }
    }
}
