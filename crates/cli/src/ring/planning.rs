//! `synod ring plan`: the fewest moves of partitions, certified, in steps.

use super::description::is_json;
use super::{Balance, svg};
use crate::console::{Complaint, Console, Outcome, read, write};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use synod_core::NodeId;
use synod_partition::{Limits, Partition, Plan, Request, audit, verify};

/// Plan the fewest and smallest moves of partitions, with the proof that none are fewer, in steps that are safe one by one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LONG_HELP)]
pub(super) struct PlanMoves {
    /// What is wanted, in TOML or JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Moves that a node takes part in at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    per_node: usize,
    /// Moves at a time in all
    #[arg(long, value_name = "N")]
    at_a_time: Option<usize>,
    /// How much a node sends and receives at a time, in the unit of the sizes
    #[arg(long, value_name = "SIZE")]
    size_per_node: Option<u64>,
    /// Draw how much each node keeps, before and after
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print one JSON object: moves, steps, assignment and certificate
    #[arg(long)]
    json: bool,
}

const LONG_HELP: &str = "\
The file, as JSON (TOML has the same names):
  {
    \"cluster\": [{ \"id\": 1, \"weight\": 2, \"zone\": \"eu/a\" }, { \"id\": 2, \"draining\": true }],
    \"partitions\": [{ \"id\": 0, \"size\": 100, \"group\": 0, \"owners\": [1, 2] }],
    \"spread\": { \"copies\": 2, \"zones\": 1, \"per_zone\": 2, \"level\": 1 },
    \"balance\": \"Even\"
  }
Balance is \"Even\", \"Usable\", { \"Within\": { \"ppm\": 50000 } } or { \"Quotas\": { \"1\": [0, 10] } }.

Exit code: 0, or 3 for bad input.";

impl PlanMoves {
    pub(super) fn run(self, console: &mut Console) -> Result<Outcome, Complaint> {
        let path = self.file.display().to_string();
        let wrong = |error: &dyn core::fmt::Display| Complaint::Usage(format!("{path}: {error}"));
        let text = read(&self.file)?;
        let request = request(&text, is_json(&self.file, &text)).map_err(|error| wrong(&error))?;
        let plan = request.plan().map_err(|error| wrong(&error))?;
        // A plan that the checkers do not confirm is not shown.
        let proof = verify(&request, &plan.assignment, &plan.certificate).map_err(|flaw| wrong(&flaw))?;
        let limits = Limits {
            moves_max: self.at_a_time.unwrap_or(usize::MAX),
            per_node_max: self.per_node,
            size_per_node_max: self.size_per_node.unwrap_or(u64::MAX),
        };
        let steps = plan.steps(&request, &limits);
        audit(&request, &plan, &steps, &limits).map_err(|flaw| wrong(&flaw))?;
        if !proof.is_optimal() {
            return Err(wrong(&"internal error: the plan is not proved to be the cheapest"));
        }
        if self.json {
            let object = json!({ "plan": plan, "steps": steps });
            console.say(object);
        } else {
            console.say(plan.to_string().trim_end());
            for (number, step) in (1..).zip(&steps) {
                console.say(format_args!("step {number}: {} at a time", step.moves.len()));
                step.moves.iter().for_each(|each| console.say(format_args!("   {each}")));
            }
        }
        if let Some(svg) = &self.svg {
            write(svg, &picture(self.file.file_name().unwrap_or_default(), &request, &plan))?;
            if !self.json {
                console.say(format_args!("\ndrawn: {}", svg.display()));
            }
        }
        Ok(Outcome::Well)
    }
}

fn request(text: &str, json: bool) -> Result<Request, String> {
    if json {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    // By way of JSON's values, in which numbers may be the names of fields: those of quotas are nodes.
    let value: serde_json::Value = toml::from_str(text).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// How much each node keeps before and after, as parts of all that is kept then.
fn picture(file: &OsStr, request: &Request, plan: &Plan) -> String {
    let cluster = request.cluster();
    let weight = cluster.weight().max(1) as f64;
    let kept = |owners: &dyn Fn(&Partition) -> Vec<NodeId>| -> Vec<Balance> {
        let mut sizes: BTreeMap<NodeId, u128> = cluster.ids().iter().map(|id| (*id, 0)).collect();
        for partition in request.partitions() {
            for id in owners(partition) {
                *sizes.entry(id).or_default() += u128::from(partition.size);
            }
        }
        let total = sizes.values().sum::<u128>().max(1) as f64;
        let fair = |id| cluster.find(id).map_or(0.0, |node| cluster.share(node) as f64 / weight);
        sizes
            .into_iter()
            .map(|(id, size)| Balance { id, owned: size as f64 / total, fair: fair(id) })
            .collect()
    };
    let before = kept(&|partition| partition.owners.clone());
    let after = kept(&|partition| plan.assignment.owners(partition.id).unwrap_or_default().to_vec());
    let heading = format!("{}: {} moves, {} to copy", file.display(), plan.moves.len(), plan.cost);
    let what = "Kept, beside the fair share by weight (dashed); pale before, full after";
    svg::chart(&heading, what, &before, &after, &|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_makes_the_reader_or_the_planner_panic() {
        let json = include_str!("../../clusters/grown.json");
        let toml: String = [
            "[spread]\ncopies = 2\nzones = 1\nper_zone = 2\nlevel = 1\n[balance]\nQuotas = { 3 = [2, 3] }\n",
            "[[cluster]]\nid = 1\n[[cluster]]\nid = 2\nweight = 2\n[[cluster]]\nid = 3\nzone = \"a/b\"\n",
            "[[partitions]]\nid = 0\nsize = 10\nowners = [1, 2]\n[[partitions]]\nid = 1\nowners = [2, 1]\n",
        ]
        .concat();
        for (text, json) in [(json, true), (toml.as_str(), false)] {
            let good = request(text, json).unwrap();
            assert!(picture(OsStr::new("cluster.json"), &good, &good.plan().unwrap()).ends_with("</svg>\n"));
            let mut planned = 0;
            for at in 0..text.len() {
                for other in ["", "-", "9999999999999999999", "\"", "[", "\u{1F980}"] {
                    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    if let Ok(plan) = request(&changed, json).map(|request| request.plan()) {
                        planned += u32::from(plan.is_ok());
                    }
                }
                let _ = request(&text[..at], json);
            }
            assert!(planned > 20, "{planned}");
        }
    }
}
