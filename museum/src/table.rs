//! What the visitor reads.

use crate::collection::Exhibit;
use crate::hunt::{Control, Noticed, Outcome};
use crate::setups::Setup;
use serde_json::json;

/// Prints for people, or one JSON object a line.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    pub(crate) json: bool,
}

impl Table {
    pub(crate) fn list(self, exhibits: &[&Exhibit], setups: &[Setup]) {
        for Exhibit { room, name, source, says, .. } in exhibits {
            if self.json {
                println!("{}", json!({ "exhibit": name, "crate": room, "source": source, "says": says }));
            } else {
                println!("{room:6} {name:30} {source}\n{:38}{says}", "");
            }
        }
        if !self.json {
            println!();
            for Setup { room, name, says, .. } in setups {
                println!("{room:6} {name:30} {says}");
            }
        }
    }

    pub(crate) fn head(self, exhibits: &str, source: &str) {
        if !self.json {
            println!(
                "\n{exhibits:30} {source:33} {:9} {:13} {:>6} {:>8} {:>6} {:>6} {:>6}",
                "caught by", "setup", "seeds", "states", "CPU s", "faults", "shrunk"
            );
        }
    }

    /// One exhibit; `proof` says why it need not be caught.
    pub(crate) fn row(self, exhibit: &Exhibit, outcome: &Outcome, proof: Option<&str>) {
        let Outcome { caught, runs, states, reached, .. } = outcome;
        let cpu = outcome.cpu.as_secs_f64();
        let Exhibit { room, name, source, says, .. } = exhibit;
        if self.json {
            let caught = caught.as_ref().map(|it| {
                json!({ "by": it.alarm.by.to_string(), "says": it.alarm.says, "setup": it.setup, "seed": it.seed, "faults": it.faults, "shrunk": it.shrunk })
            });
            return println!(
                "{}",
                json!({
                    "exhibit": name, "crate": room, "source": source, "says": says, "seeds": runs, "states": states,
                    "cpu_s": cpu, "reached": reached, "caught": caught, "proof": proof,
                })
            );
        }
        let shrunk = caught.as_ref().and_then(|it| it.shrunk).map_or(String::new(), |left| left.to_string());
        let (by, setup, faults, words) = match (caught, proof) {
            (Some(it), None) => {
                (it.alarm.by.to_string(), it.setup, it.faults.to_string(), it.alarm.says.as_str())
            }
            (Some(it), Some(_)) => {
                ("REFUTED".to_owned(), it.setup, it.faults.to_string(), it.alarm.says.as_str())
            }
            (None, Some(proof)) => ("proof".to_owned(), "", String::new(), proof),
            (None, None) if *reached => ("SURVIVED".to_owned(), "", String::new(), ""),
            (None, None) => ("UNREACHED".to_owned(), "", String::new(), ""),
        };
        println!(
            "{name:30} {source:33} {by:9} {setup:13} {runs:>6} {states:>8} {cpu:>6.2} {faults:>6} {shrunk:>6}  {words}"
        );
    }

    /// A judge that looked away.
    pub(crate) fn judge(self, judge: &Exhibit, noticed: Option<&Noticed>) {
        let Exhibit { room, name, says, .. } = judge;
        if self.json {
            let noticed = noticed.map(|it| {
                let instead = it.instead.as_ref().map(|alarm| &alarm.says);
                json!({ "exhibit": it.exhibit, "setup": it.setup, "seed": it.seed, "instead": instead })
            });
            return println!("{}", json!({ "judge": name, "crate": room, "says": says, "noticed": noticed }));
        }
        let words = match noticed {
            None => "NOBODY NOTICES".to_owned(),
            Some(Noticed { exhibit, setup, seed, instead }) => {
                let what = exhibit.as_deref().unwrap_or("the correct code");
                let then = instead.as_ref().map_or("is not caught".to_owned(), |alarm| {
                    format!("makes the {} say: {}", alarm.by, alarm.says.chars().take(60).collect::<String>())
                });
                format!("noticed: {what} ({setup}, seed {seed}) {then}")
            }
        };
        println!("asleep {name:30} {words}");
    }

    pub(crate) fn control(self, setup: &Setup, control: &Control) {
        let Control { runs, states, finished, alarm } = control;
        let alarm = alarm.as_ref().map(|(seed, alarm)| format!("seed {seed}: {}: {}", alarm.by, alarm.says));
        if self.json {
            let line = json!({
                "control": setup.name, "crate": setup.room, "seeds": runs, "states": states, "finished": finished,
                "alarm": alarm,
            });
            return println!("{line}");
        }
        let how_much = match (states, finished) {
            (0, _) => format!("{runs} runs"),
            (_, true) => format!("all {states} states"),
            (_, false) => format!("{states} states"),
        };
        let verdict = alarm.map_or("no alarm".to_owned(), |alarm| format!("FALSE ALARM: {alarm}"));
        println!("control {:6} {:13} {how_much} of the correct code: {verdict}", setup.room, setup.name);
    }

    /// A summary over the rows.
    pub(crate) fn sum(self, outcomes: &[Outcome]) {
        if self.json {
            return;
        }
        let caught = outcomes.iter().filter(|outcome| outcome.caught.is_some()).count();
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        println!(
            "\n{caught} of {} caught; the usual one after {} runs and {:.2} CPU seconds, the hardest after {:.1}",
            outcomes.len(),
            median(outcomes.iter().map(|outcome| outcome.runs as f64).collect()),
            median(outcomes.iter().map(|outcome| outcome.cpu.as_secs_f64()).collect()),
            outcomes.iter().map(|outcome| outcome.cpu.as_secs_f64()).fold(0.0, f64::max),
        );
    }
}
