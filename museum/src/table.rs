//! What the visitor reads.

use crate::collection::Exhibit;
use crate::hunt::{Catch, Control, How, Noticed, Outcome, Small};
use crate::setups::Setup;
use serde_json::json;

/// How it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Wide lines for a terminal.
    Text,
    /// One object a line.
    Json,
    /// The rows of the exhibits, and nothing else.
    Markdown,
}

/// Prints what was found.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    pub(crate) form: Form,
}

impl Table {
    pub(crate) fn list(self, exhibits: &[&Exhibit], setups: &[Setup]) {
        for Exhibit { room, name, source, says, .. } in exhibits {
            if self.form == Form::Json {
                println!("{}", json!({ "exhibit": name, "crate": room, "source": source, "says": says }));
            } else {
                println!("{room:9} {name:30} {source}\n{:41}{says}", "");
            }
        }
        if self.form != Form::Json {
            println!();
            for Setup { room, name, says, .. } in setups {
                println!("{room:9} {name:30} {says}");
            }
        }
    }

    pub(crate) fn head(self, exhibits: &str, source: &str) {
        match self.form {
            Form::Text => println!(
                "\n{exhibits:30} {source:33} {:9} {:13} {:>6} {:>6} {:>6} {:>6}  {:9} {:>10}  {:20}",
                "caught by", "setup", "seeds", "CPU s", "faults", "shrunk", "explorer", "states", "also by"
            ),
            Form::Markdown => println!(
                "| {exhibits} | {source} | caught by | in | runs | CPU s | faults | shrunk to | explorer, states | also by |\n\
                 |---|---|---|---|---|---|---|---|---|---|"
            ),
            Form::Json => {}
        }
    }

    /// One exhibit; `proof` says why it need not be caught.
    pub(crate) fn row(self, exhibit: &Exhibit, outcome: &Outcome, proof: Option<&str>) {
        if self.form == Form::Json {
            return println!("{}", json(exhibit, outcome, proof));
        }
        let Exhibit { name, source, says, .. } = exhibit;
        let first = outcome.by_seed().or_else(|| outcome.caught.first());
        let (by, words) = match (first, proof) {
            (Some(catch), None) => (catch.alarm.by.to_string(), catch.alarm.says.as_str()),
            (Some(catch), Some(_)) => ("REFUTED".to_owned(), catch.alarm.says.as_str()),
            (None, Some(proof)) if outcome.reached => ("proof".to_owned(), proof),
            (None, None) if outcome.reached => ("SURVIVED".to_owned(), ""),
            (None, _) => ("UNREACHED".to_owned(), ""),
        };
        let setup = first.map_or("", |catch| catch.setup);
        let faults = first.map_or(String::new(), |catch| catch.faults.to_string());
        let shrunk = outcome.small.map_or(String::new(), |small| small.faults.to_string());
        let (place, states) = match outcome.by_states() {
            Some((catch, states)) => (catch.setup, states.to_string()),
            None => ("-", format!(">{}", outcome.states)),
        };
        let known = first.map(|catch| catch.alarm.by);
        let others = outcome.caught.iter().filter(|catch| matches!(catch.how, How::Seed(_)));
        let others: Vec<_> = others
            .map(|catch| catch.alarm.by)
            .filter(|by| Some(*by) != known)
            .map(|by| by.to_string())
            .collect();
        if self.form == Form::Markdown {
            let explored =
                outcome.by_states().map_or(String::new(), |(_, states)| format!("{place}, {states}"));
            return println!(
                "| {name}: {says} | {source} | {by} | {setup} | {} | {:.2} | {faults} | {shrunk} | {explored} | {} |",
                outcome.runs,
                outcome.cpu.as_secs_f64(),
                others.join(", "),
            );
        }
        println!(
            "{name:30} {source:33} {by:9} {setup:13} {:>6} {:>6.2} {faults:>6} {shrunk:>6}  {place:9} {states:>10}  {:20}  {words}",
            outcome.runs,
            outcome.cpu.as_secs_f64(),
            others.join(", "),
        );
    }

    /// A judge that looked away.
    pub(crate) fn judge(self, judge: &Exhibit, noticed: Option<&Noticed>) {
        let Exhibit { room, name, says, .. } = judge;
        if self.form == Form::Json {
            let noticed = noticed.map(|it| {
                let instead = it.instead.as_ref().map(|alarm| &alarm.says);
                json!({ "exhibit": it.exhibit, "setup": it.setup, "how": how(it.how), "instead": instead })
            });
            return println!("{}", json!({ "judge": name, "crate": room, "says": says, "noticed": noticed }));
        }
        let words = match noticed {
            None => "NOBODY NOTICES".to_owned(),
            Some(Noticed { exhibit, setup, how, instead }) => {
                let how = match how {
                    How::Seed(seed) => format!("seed {seed}"),
                    How::States(states) => format!("{states} states"),
                };
                let what = exhibit.as_deref().unwrap_or("the correct code");
                let then = instead.as_ref().map_or("is not caught".to_owned(), |alarm| {
                    format!("makes the {} say: {}", alarm.by, alarm.says.chars().take(60).collect::<String>())
                });
                format!("noticed: {what} ({setup}, {how}) {then}")
            }
        };
        if self.form == Form::Text {
            println!("asleep {name:30} {words}");
        }
    }

    pub(crate) fn control(self, setup: &Setup, control: &Control) {
        let Control { runs, states, finished, alarm } = control;
        let alarm = alarm.as_ref().map(|(seed, alarm)| format!("seed {seed}: {}: {}", alarm.by, alarm.says));
        if self.form == Form::Json {
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
        if self.form == Form::Markdown && alarm.is_none() {
            return;
        }
        let verdict = alarm.map_or("no alarm".to_owned(), |alarm| format!("FALSE ALARM: {alarm}"));
        println!("control {:9} {:13} {how_much} of the correct code: {verdict}", setup.room, setup.name);
    }

    /// A summary over the rows.
    pub(crate) fn sum(self, outcomes: &[Outcome]) {
        if self.form == Form::Json {
            return;
        }
        let caught = outcomes.iter().filter(|outcome| !outcome.caught.is_empty()).count();
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        println!(
            "\n{caught} of {} caught; the usual one after {} runs and {:.3} CPU seconds, the hardest after {:.1}",
            outcomes.len(),
            median(outcomes.iter().map(|outcome| outcome.runs as f64).collect()),
            median(outcomes.iter().map(|outcome| outcome.cpu.as_secs_f64()).collect()),
            outcomes.iter().map(|outcome| outcome.cpu.as_secs_f64()).fold(0.0, f64::max),
        );
        let states: Vec<f64> =
            outcomes.iter().filter_map(|outcome| Some(outcome.by_states()?.1 as f64)).collect();
        println!(
            "{} of them by the explorer too, the usual one after {} states",
            states.len(),
            median(states)
        );
        let left: Vec<f64> =
            outcomes.iter().filter_map(|outcome| Some(outcome.small?.faults as f64)).collect();
        if !left.is_empty() {
            let most = left.iter().copied().fold(0.0, f64::max);
            println!("shrunk: {} fault events in the usual one, {most} in the greatest", median(left));
        }
    }
}

fn how(how: How) -> serde_json::Value {
    match how {
        How::Seed(seed) => json!({ "seed": seed }),
        How::States(states) => json!({ "states": states }),
    }
}

fn json(exhibit: &Exhibit, outcome: &Outcome, proof: Option<&str>) -> serde_json::Value {
    let catch = |Catch { alarm, setup, how: by, faults }: &Catch| {
        json!({
            "by": alarm.by.to_string(), "says": alarm.says, "setup": setup, "how": how(*by), "faults": faults,
        })
    };
    let small = outcome.small.map(|Small { faults, setup, seed, of }| {
        json!({ "faults": faults, "setup": setup, "seed": seed, "of": of })
    });
    let Exhibit { room, name, source, says, .. } = exhibit;
    json!({
        "exhibit": name, "crate": room, "source": source, "says": says, "seeds": outcome.runs,
        "states": outcome.states, "cpu_s": outcome.cpu.as_secs_f64(), "reached": outcome.reached,
        "caught": outcome.caught.iter().map(catch).collect::<Vec<_>>(), "shrunk": small, "proof": proof,
    })
}
