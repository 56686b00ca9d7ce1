//! Shorter and plainer: spans, nodes, numbers, dials, times.

use super::search::Search;
use crate::dials::{Dials, Latency, nanos};
use crate::nemesis::Strike;
use crate::script::{FaultEvent, Script};
use crate::workload::Workload;
use crate::world::Simulated;
use core::time::Duration;

const MILLISECOND: u64 = 1_000_000;

impl<P: Simulated, W: Workload<P>> Search<'_, '_, P, W> {
    /// Strikes that do less.
    pub(super) fn milder(&mut self) {
        self.phase = "fewer nodes struck";
        self.strike_fewer();
        self.phase = "shorter faults";
        self.shorten();
    }

    /// A run that is easier to read.
    pub(super) fn plainer(&mut self) {
        self.turn_knobs();
        self.milder();
        self.phase = "plainer dials";
        self.plain_dials();
        self.phase = "rounder times";
        self.round();
        self.cut_storm();
    }

    /// The world is healed as soon as the failure is there; one that shows itself only after the healing lets the storm be cut as
    /// long as it stays.
    pub(super) fn cut_storm(&mut self) {
        let storm = nanos(self.best().storm);
        if self.at() < storm {
            let end = (self.at() / MILLISECOND + 1) * MILLISECOND;
            self.with(|script| script.storm = Duration::from_nanos(end));
            return;
        }
        let (mut least, mut greatest) = (0, storm / MILLISECOND);
        while least < greatest {
            let middle = least.midpoint(greatest);
            if self.with(|script| script.storm = Duration::from_millis(middle)) {
                greatest = middle;
            } else {
                least = middle + 1 + (greatest - middle) / 8;
            }
        }
    }

    /// The best run with one change.
    fn with(&mut self, change: impl FnOnce(&mut Script)) -> bool {
        let mut candidate = self.best().clone();
        change(&mut candidate);
        self.accepts(candidate)
    }

    /// The best run with one of its strikes changed.
    fn with_strike(&mut self, nth: usize, change: impl FnOnce(&mut Strike)) -> bool {
        self.with(|script| {
            if let Some(FaultEvent::Strike(strike)) = script.faults.get_mut(nth) {
                change(strike);
            }
        })
    }

    fn strike(&self, nth: usize) -> Option<Strike> {
        match self.best().faults.get(nth)? {
            FaultEvent::Strike(strike) => Some(strike.clone()),
            FaultEvent::Hit(_) => None,
        }
    }

    /// Every number of the settings as small as it can be, by bisection: not always the smallest, but always smaller.
    pub(super) fn turn_knobs(&mut self) {
        self.phase = "operations and nodes";
        for (name, least) in self.knobs() {
            let Some(mut greatest) = self.best().setting(name).and_then(|value| value.parse::<u64>().ok())
            else {
                continue;
            };
            let mut least = least;
            while least < greatest && !self.stopped() {
                let middle = least.midpoint(greatest);
                let turned = |script: &mut Script| {
                    script.settings.insert(name.to_owned(), middle.to_string());
                };
                if self.with(turned) {
                    greatest = middle;
                } else {
                    least = middle + 1 + (greatest - middle) / 8;
                }
            }
        }
    }

    fn strike_fewer(&mut self) {
        let mut nth = 0;
        while let Some(count) = self.best().faults.get(nth).map(|_| self.strike(nth)) {
            let nodes = count.map(|strike| strike.nodes).unwrap_or_default();
            for id in nodes.iter().filter(|_| nodes.len() > 1) {
                self.with_strike(nth, |strike| {
                    if strike.nodes.len() > 1 {
                        strike.nodes.retain(|other| other != id);
                    }
                });
            }
            nth += 1;
        }
    }

    fn shorten(&mut self) {
        let mut nth = 0;
        while nth < self.best().faults.len() && !self.stopped() {
            while let Some(Strike { at, until, .. }) = self.strike(nth) {
                let lasting = until.saturating_sub(at);
                if lasting <= MILLISECOND || !self.with_strike(nth, |strike| strike.until = at + lasting / 2)
                {
                    break;
                }
            }
            while self.strike(nth).is_some_and(|strike| strike.detail > 1)
                && self.with_strike(nth, |strike| strike.detail /= 2)
            {}
            nth += 1;
        }
    }

    /// Calm weather with constant times, or as much of that as can be had.
    fn plain_dials(&mut self) {
        let plain = Dials {
            latency: Latency::Constant(Duration::from_micros(500)),
            sync: Latency::Constant(Duration::from_micros(800)),
            ..Dials::calm()
        };
        let (sabotage, bound) = (self.best().dials.sabotage, self.best().dials.storage.bound);
        let plain = Dials { sabotage, storage: crate::Storage { bound, ..plain.storage }, ..plain };
        if self.with(|script| script.dials = plain.clone()) {
            return;
        }
        let turns: [fn(&mut Dials, &Dials); 17] = [
            |dials, plain| dials.links.clone_from(&plain.links),
            |dials, plain| dials.drift_ppm_max = plain.drift_ppm_max,
            |dials, plain| dials.clock_skew_max = plain.clock_skew_max,
            |dials, plain| dials.latency.clone_from(&plain.latency),
            |dials, plain| dials.sync.clone_from(&plain.sync),
            |dials, plain| dials.storage = plain.storage,
            |dials, plain| dials.wall_error_max = plain.wall_error_max,
            |dials, plain| dials.step = plain.step,
            |dials, plain| dials.steps.clone_from(&plain.steps),
            |dials, plain| dials.syncs.clone_from(&plain.syncs),
            |dials, plain| dials.drifts_ppm.clone_from(&plain.drifts_ppm),
            |dials, plain| dials.lines.clone_from(&plain.lines),
            |dials, plain| dials.bandwidth.clone_from(&plain.bandwidth),
            |dials, plain| dials.mtu.clone_from(&plain.mtu),
            |dials, plain| dials.guard.clone_from(&plain.guard),
            |dials, plain| dials.resolve_after.clone_from(&plain.resolve_after),
            |dials, plain| dials.notices.clone_from(&plain.notices),
        ];
        for turn in turns {
            self.with(|script| turn(&mut script.dials, &plain));
        }
        let links: Vec<_> = self.best().dials.links.keys().copied().collect();
        for link in links {
            self.with(|script| drop(script.dials.links.remove(&link)));
        }
    }

    /// Moments and spans without the digits that nobody needs: all at once, or one by one.
    fn round(&mut self) {
        const UNITS: [u64; 3] = [100 * MILLISECOND, 10 * MILLISECOND, MILLISECOND];
        // One digit is enough for a span, and it never grows.
        let round = |strike: &mut Strike, unit: u64| {
            let lasting = strike.until.saturating_sub(strike.at).max(1);
            let digit = 10_u64.pow(lasting.ilog10());
            strike.at = (strike.at / unit).max(1) * unit;
            strike.until = strike.at.saturating_add(lasting / digit * digit);
        };
        for unit in UNITS {
            let all = |script: &mut Script| {
                for fault in &mut script.faults {
                    if let FaultEvent::Strike(strike) = fault {
                        round(strike, unit);
                    }
                }
            };
            if self.with(all) {
                return;
            }
        }
        for nth in 0..self.best().faults.len() {
            for unit in UNITS {
                if self.strike(nth).is_none() || self.with_strike(nth, |strike| round(strike, unit)) {
                    break;
                }
            }
        }
    }
}
