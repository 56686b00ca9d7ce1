//! `synod ring plan`: the fewest moves of partitions, certified, in steps.

use crate::console::{Complaint, Console, Outcome};
use serde_json::json;
use std::path::PathBuf;
use synod_partition::{Limits, Request, audit, verify};

/// Plan the fewest and smallest moves of partitions, with the proof that none are fewer, in steps that are safe one by one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LONG_HELP)]
pub(super) struct PlanMoves {
    /// What is wanted, in JSON
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
    /// Print one JSON object: moves, steps, assignment and certificate
    #[arg(long)]
    json: bool,
}

const LONG_HELP: &str = "\
The file:
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
        let text = std::fs::read_to_string(&self.file)
            .map_err(|source| Complaint::Read { path: path.clone(), source })?;
        let request: Request = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
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
        Ok(Outcome::Well)
    }
}
