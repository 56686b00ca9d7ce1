//! `synod ring plan`: the fewest moves of partitions, certified, in steps.

use super::description::{Entry, Names, is_json, one};
use super::{Balance, svg};
use crate::console::{Complaint, Console, Outcome, read, write};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use synod_core::NodeId;
use synod_hashring::Cluster;
use synod_partition::{
    Balance as Evenness, Limits, Partition, PartitionId, Plan, Replication, Request, audit, verify,
};

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
        let (request, names) = request(&text, is_json(&self.file, &text)).map_err(|error| wrong(&error))?;
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
            write(svg, &picture(self.file.file_name().unwrap_or_default(), &request, &names, &plan))?;
            if !self.json {
                console.say(format_args!("\ndrawn: {}", svg.display()));
            }
        }
        Ok(Outcome::Well)
    }
}

/// The whole file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cluster: Vec<Entry>,
    partitions: Vec<Piece>,
    spread: Copies,
    #[serde(default)]
    balance: Wanted,
    #[serde(default)]
    move_cost: u64,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    id: u64,
    #[serde(default = "one")]
    size: u64,
    #[serde(default)]
    load: u64,
    #[serde(default)]
    group: u32,
    #[serde(default)]
    owners: Vec<u64>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Copies {
    copies: u8,
    zones: u8,
    per_zone: u8,
    level: u8,
}

/// As the planner has it, but for the names of fields in TOML, which are no numbers.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
enum Wanted {
    #[default]
    Even,
    Within {
        ppm: u32,
    },
    Usable,
    Quotas(BTreeMap<String, (u64, u64)>),
}

impl Wanted {
    fn balance(self, cluster: &Cluster) -> Result<Evenness, String> {
        Ok(match self {
            Self::Even => Evenness::Even,
            Self::Within { ppm } => Evenness::Within { ppm },
            Self::Usable => Evenness::Usable,
            Self::Quotas(quotas) => {
                let of = |(node, quota): (String, (u64, u64))| {
                    let id = node.parse().ok().map(NodeId).filter(|id| cluster.find(*id).is_some());
                    let id = id.ok_or_else(|| {
                        format!("`Quotas` names `{node}`, and no node of the cluster has this id")
                    })?;
                    Ok((id, quota))
                };
                Evenness::Quotas(quotas.into_iter().map(of).collect::<Result<_, String>>()?)
            }
        })
    }
}

/// What is wanted, and what its nodes are called.
fn request(text: &str, json: bool) -> Result<(Request, Names), String> {
    let file: File = if json {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(text).map_err(|error| error.to_string())?
    };
    let names = Names::of(&file.cluster);
    let cluster = Cluster::new(file.cluster.iter().map(Entry::node)).map_err(|error| error.to_string())?;
    let balance = file.balance.balance(&cluster)?;
    let Copies { copies, zones, per_zone, level } = file.spread;
    let spread = Replication::new(copies).across(zones).at_most(per_zone).of_level(level);
    let partitions = file.partitions.into_iter().map(|Piece { id, size, load, group, owners }| Partition {
        id: PartitionId(id),
        size,
        load,
        group,
        owners: owners.into_iter().map(NodeId).collect(),
    });
    let request = Request::new(cluster, partitions, spread).map_err(|error| error.to_string())?;
    let request = request.balance(balance).move_cost(file.move_cost).map_err(|error| error.to_string())?;
    Ok((request, names))
}

/// How much each node keeps before and after, as parts of all that is kept then.
fn picture(file: &OsStr, request: &Request, names: &Names, plan: &Plan) -> String {
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
    let copied: u128 = plan.moves.iter().map(|each| u128::from(each.size)).sum();
    let heading = format!("{}: {} moves, {copied} to copy", file.display(), plan.moves.len());
    let what = "Kept, beside the fair share by weight (dashed); pale before, full after";
    svg::chart(&heading, what, &before, &after, &|id| names.told(id))
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
            let (good, names) = request(text, json).unwrap();
            let picture = picture(OsStr::new("cluster.json"), &good, &names, &good.plan().unwrap());
            assert!(picture.ends_with("</svg>\n"));
            let mut planned = 0;
            for at in 0..text.len() {
                for other in ["", "-", "9999999999999999999", "\"", "[", "\u{1F980}"] {
                    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    if let Ok(plan) = request(&changed, json).map(|(request, _)| request.plan()) {
                        planned += u32::from(plan.is_ok());
                    }
                }
                let _ = request(&text[..at], json);
            }
            assert!(planned > 20, "{planned}");
        }
    }
}
