//! What the visitor reads.

use crate::collection::Exhibit;
use crate::hunt::{Control, Outcome};
use crate::setups::Setup;
use serde_json::json;

pub(crate) fn list(exhibits: &[Exhibit], setups: &[Setup], json: bool) {
    if json {
        for Exhibit { krate, name, source, says } in exhibits {
            println!("{}", json!({ "exhibit": name, "crate": krate, "source": source, "says": says }));
        }
        return;
    }
    for exhibit in exhibits {
        println!("{:6} {:30} {}\n{:38}{}", exhibit.krate, exhibit.name, exhibit.source, "", exhibit.says);
    }
    println!();
    for setup in setups {
        println!("setup  {:30} {}", setup.name, setup.says);
    }
}

pub(crate) fn head(json: bool) {
    if !json {
        println!(
            "\n{:30} {:36} {:10} {:13} {:>6} {:>8} {:>6}",
            "exhibit", "source", "caught by", "setup", "seeds", "CPU s", "faults"
        );
    }
}

pub(crate) fn row(exhibit: &Exhibit, outcome: &Outcome, json: bool) {
    let cpu = outcome.cpu.as_secs_f64();
    if json {
        let caught = outcome.caught.as_ref().map(|caught| {
            json!({
                "by": caught.by.to_string(), "setup": caught.setup, "seed": caught.seed,
                "faults": caught.faults, "verdict": caught.verdict.to_string(),
            })
        });
        let line = json!({
            "exhibit": exhibit.name, "crate": exhibit.krate, "source": exhibit.source, "says": exhibit.says,
            "seeds": outcome.runs, "cpu_s": cpu, "reached": outcome.reached, "caught": caught,
        });
        return println!("{line}");
    }
    let Exhibit { name, source, .. } = exhibit;
    match &outcome.caught {
        Some(caught) => println!(
            "{name:30} {source:36} {:10} {:13} {:>6} {cpu:>8.2} {:>6}  {}",
            caught.by, caught.setup, outcome.runs, caught.faults, caught.verdict
        ),
        None if outcome.reached => {
            println!("{name:30} {source:36} {:24} {:>6} {cpu:>8.2}", "SURVIVED", outcome.runs);
        }
        None => println!("{name:30} {source:36} {:24} {:>6} {cpu:>8.2}", "NEVER REACHED", outcome.runs),
    }
}

pub(crate) fn control(setup: &Setup, control: &Control, json: bool) {
    let Control { runs, alarm } = control;
    let alarm = alarm.as_ref().map(|(seed, verdict)| format!("seed {seed}: {verdict}"));
    if json {
        return println!("{}", json!({ "control": setup.name, "runs": runs, "alarm": alarm }));
    }
    match alarm {
        None => println!("control {:13} {runs:>6} runs of the correct code, no alarm", setup.name),
        Some(alarm) => println!("control {:13} FALSE ALARM after {runs} runs: {alarm}", setup.name),
    }
}
