//! `synod ring`: who owns what in a cluster, what a change would move, and a drawing of both.

mod change;
mod description;
mod planning;
mod svg;
mod view;

use crate::console::{Complaint, Console, Outcome, write};
use change::{Change, apply};
use description::Description;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use svg::Side;
use synod_core::NodeId;
use synod_hashring::{CIRCLE, CopiesDiff, CopiesMove, Diff, Infeasible, Placement, Spread, shares};
use view::View;

/// Show who owns what in a cluster, and what would move if nodes came or went; plan the fewest moves of partitions.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_long_help = LONG_HELP)]
pub(crate) struct Ring {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    show: Option<ShowRing>,
}

/// What else there is to do with a cluster.
#[derive(Debug, clap::Subcommand)]
enum Task {
    Plan(planning::PlanMoves),
}

impl Ring {
    pub(crate) fn run(self, console: &mut Console) -> Result<Outcome, Complaint> {
        match (self.task, self.show) {
            (Some(Task::Plan(plan)), _) => plan.run(console),
            (None, Some(show)) => show.run(console),
            (None, None) => Err(Complaint::Usage("name the file that describes the cluster".to_owned())),
        }
    }
}

/// Show who owns what in a cluster, and what would move if nodes came or went.
///
/// The cluster is described in TOML or JSON: nodes with identities, weights and zones, and how keys are placed. Changes are applied in
/// the order join, leave, drain, weigh; what they move is exact, checked by look-ups, and stands beside the least that any algorithm
/// could have moved.
#[derive(Debug, clap::Args)]
struct ShowRing {
    /// The description of the cluster
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Another placement than the file's: `ring:160`, `rendezvous`, `slots:1024 xxh64:0` …
    #[arg(long, value_name = "ALGORITHM [HASH]")]
    placement: Option<String>,
    /// A node joins; `ID@POSITION` where points are given
    #[arg(long, value_name = "ID[:WEIGHT[:ZONE]]", value_parser = change::joining)]
    join: Vec<Change>,
    /// A node leaves
    #[arg(long, value_name = "ID", value_parser = change::leaving)]
    leave: Vec<Change>,
    /// A node is emptied and stays
    #[arg(long, value_name = "ID", value_parser = change::draining)]
    drain: Vec<Change>,
    /// A node has another weight
    #[arg(long, value_name = "ID:WEIGHT", value_parser = change::weighing)]
    weigh: Vec<Change>,
    /// Show the owners of this key; may be given again
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Print at most so many of the ranges that move
    #[arg(long, value_name = "N", default_value_t = 8)]
    moves: usize,
    /// Draw the ring, before and after, and the balance
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print one JSON object, with every move
    #[arg(long)]
    json: bool,
}

const LONG_HELP: &str = "\
Examples:
  synod ring cluster.toml                                     who owns what
  synod ring cluster.toml --key user_123                      and this key
  synod ring cluster.toml --join 6:2 --svg plan.svg           what a node would take
  synod ring cluster.toml --leave 3 --json                    every range that moves
  synod ring cluster.toml --placement jump-back --join 6      another algorithm

The file, as TOML (JSON has the same names):
  placement = \"ring:160 xxh64:0\"   algorithm and hash function
  copies = 3                        for --key, and for what a change copies
  across = [2, 3]                   in two zones, and three racks at least
  [[node]]
  id = 1
  name = \"alpha\"                    optional, as is all that follows
  weight = 2
  zone = \"eu/a\"
  draining = false
Points of a ring that are given, of so many bits (64 if it is not said):
  bits = 32
  [[points]]
  at = 90
  node = 1

Exit code: 0, or 3 for bad input.";

/// How much a node owns, and would own by its weight, as parts of 1.
#[derive(Clone, Copy, Debug)]
struct Balance {
    id: NodeId,
    owned: f64,
    fair: f64,
}

fn balance(view: &View) -> Vec<Balance> {
    let cluster = view.cluster();
    let weight = cluster.weight().max(1) as f64;
    let rows = shares(view).into_iter().zip(cluster.nodes());
    rows.map(|((id, share), node)| Balance {
        id,
        owned: share as f64 / CIRCLE as f64,
        fair: node.share() as f64 / weight,
    })
    .collect()
}

/// What a change makes of a placement.
struct After {
    view: View,
    diff: Diff,
    /// Where several nodes keep everything: what they copy.
    copies: Option<Result<CopiesDiff, Infeasible>>,
}

impl After {
    /// A plan that look-ups do not confirm is not shown.
    fn of(before: &View, view: View, spread: Spread) -> Result<Self, String> {
        let flawed = |flaw| format!("internal error: {flaw}");
        let diff = Diff::between(before, &view);
        diff.verify(before, &view).map_err(flawed)?;
        let (old, new) = ((before, spread), (&view, spread));
        let copies = (spread.count() > 1).then(|| CopiesDiff::between(old, new));
        if let Some(Ok(copies)) = &copies {
            copies.verify(old, new).map_err(flawed)?;
        }
        Ok(Self { view, diff, copies })
    }
}

impl ShowRing {
    fn run(self, console: &mut Console) -> Result<Outcome, Complaint> {
        let description = Description::read(&self.file, self.placement.as_deref())?;
        let wrong = |error: String| Complaint::Usage(format!("{}: {error}", self.file.display()));
        let placed = description.place().map_err(wrong)?;
        let changes: Vec<Change> =
            [&self.join, &self.leave, &self.drain, &self.weigh].into_iter().flatten().cloned().collect();
        let before = View::new(placed).map_err(|error| wrong(error.to_string()))?;
        let after = if changes.is_empty() {
            None
        } else {
            let placed = apply(&description, before.placed(), &changes).map_err(wrong)?;
            let view = View::new(placed).map_err(|error| wrong(error.to_string()))?;
            Some(After::of(&before, view, description.spread).map_err(wrong)?)
        };
        if self.json {
            console.say(self.object(&description, &before, after.as_ref())?);
        } else {
            self.tell(console, &description, &before, after.as_ref())?;
        }
        if let Some(path) = &self.svg {
            write(path, &self.picture(&description, &before, after.as_ref()))?;
            if !self.json {
                console.say(format_args!("\ndrawn: {}", path.display()));
            }
        }
        Ok(Outcome::Well)
    }

    fn owners(&self, description: &Description, view: &View, key: &str) -> Result<Vec<NodeId>, Complaint> {
        // The placement itself, not the slices that give it ranges.
        let owners = description.position(key).and_then(|position| {
            let owners = view.placed().owners(position, description.spread);
            Ok(owners.map_err(|error| error.to_string())?.collect())
        });
        owners.map_err(|error| Complaint::Usage(format!("{}: {error}", self.file.display())))
    }

    fn tell(
        &self,
        console: &mut Console,
        description: &Description,
        before: &View,
        after: Option<&After>,
    ) -> Result<(), Complaint> {
        let nodes = match description.cluster.len() {
            1 => "1 node".to_owned(),
            count => format!("{count} nodes"),
        };
        console.say(format_args!("{}, {nodes}", description.placement()));
        if before.is_sliced() {
            console.say("(this algorithm decides for each position anew: shown are 4096 slices of the circle, each placed as one)");
        }
        console.say("");
        table(console, description, before, after.map(|after| &after.view));
        for key in &self.key {
            let mut line =
                format!("\n{key}: {}", names(description, &self.owners(description, before, key)?));
            if let Some(After { view, .. }) = after {
                line += &format!(" → {}", names(description, &self.owners(description, view, key)?));
            }
            console.say(line);
        }
        if let Some(After { diff, copies, .. }) = after {
            plan(console, description, diff, self.moves);
            if let Some(copies) = copies {
                copying(console, description, copies);
            }
        }
        Ok(())
    }

    fn object(
        &self,
        description: &Description,
        before: &View,
        after: Option<&After>,
    ) -> Result<Value, Complaint> {
        let nodes = |view: &View| -> Vec<Value> {
            balance(view)
                .iter()
                .map(|row| json!({ "id": row.id.0, "name": description.names.given(row.id), "owned": row.owned, "fair": row.fair }))
                .collect()
        };
        let mut keys = serde_json::Map::new();
        for key in &self.key {
            let ids =
                |view| Ok(self.owners(description, view, key)?.iter().map(|id| id.0).collect::<Vec<_>>());
            let now = after.map_or(Ok(None), |after| ids(&after.view).map(Some))?;
            keys.insert(key.clone(), json!({ "before": ids(before)?, "after": now }));
        }
        let plan = after.map(|After { view, diff, copies }| {
            let range = |moved: &synod_hashring::Move| {
                let (first, last) = description.shown(&moved.range);
                json!({ "first": first, "last": last, "from": moved.from.0, "to": moved.to.0 })
            };
            json!({
                "nodes": nodes(view),
                "moved": diff.part(),
                "at_least": diff.bound() as f64 / CIRCLE as f64,
                "moves": diff.moves().iter().map(range).collect::<Vec<_>>(),
                "copies": copies.as_ref().map(|copies| copies_object(description, copies)),
            })
        });
        let placement = description.config.to_string();
        Ok(
            json!({ "placement": placement, "sliced": before.is_sliced(), "nodes": nodes(before), "keys": keys, "plan": plan }),
        )
    }

    fn picture(&self, description: &Description, before: &View, after: Option<&After>) -> String {
        let file = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let heading = format!("{file}: {}", description.placement());
        let (arcs, rows) = (before.arcs(), balance(before));
        let title = if after.is_some() { "before" } else { "now" };
        let side = Side { title, arcs: &arcs, balance: &rows };
        let name = |id| description.name(id);
        match after {
            None => svg::draw(&heading, &side, None, &name),
            Some(After { view, diff, .. }) => {
                let (arcs, rows) = (view.arcs(), balance(view));
                let changed = Side { title: "after", arcs: &arcs, balance: &rows };
                svg::draw(&heading, &side, Some((&changed, diff)), &name)
            }
        }
    }
}

fn names(description: &Description, ids: &[NodeId]) -> String {
    ids.iter().map(|id| description.name(*id)).collect::<Vec<_>>().join(", ")
}

/// How many columns of a terminal a text takes: two for what fills a square, none for what is put upon the letter before.
fn columns(text: &str) -> usize {
    let column = |char: char| match char {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    };
    text.chars().map(column).sum()
}

/// Who owns how much, before and after.
fn table(console: &mut Console, description: &Description, before: &View, after: Option<&View>) {
    let old: BTreeMap<NodeId, Balance> = balance(before).into_iter().map(|row| (row.id, row)).collect();
    let new: Option<BTreeMap<NodeId, Balance>> =
        after.map(|view| balance(view).into_iter().map(|row| (row.id, row)).collect());
    let mut ids: Vec<NodeId> =
        old.keys().copied().chain(new.iter().flat_map(|new| new.keys().copied())).collect();
    ids.sort_unstable();
    ids.dedup();
    let wide = ids.iter().map(|id| columns(&description.name(*id))).max().unwrap_or(4).max(4);
    let head =
        if new.is_some() { "     owned      fair        owned      fair" } else { "     owned      fair" };
    console.say(format_args!("  {:wide$} {head}", "node"));
    let cell = |rows: &BTreeMap<NodeId, Balance>, id: &NodeId| match rows.get(id) {
        Some(row) => format!("{:>8.3} %{:>8.3} %", row.owned * 100.0, row.fair * 100.0),
        None => format!("{:>10}{:>10}", "-", "-"),
    };
    for id in &ids {
        let name = description.name(*id);
        let gap = wide - columns(&name);
        let mut line = format!("  {name}{:gap$} {}", "", cell(&old, id));
        if let Some(new) = &new {
            line += &format!("   {}", cell(new, id));
        }
        console.say(line);
    }
    let busiest = |rows: &BTreeMap<NodeId, Balance>| {
        rows.values().filter(|row| row.fair > 0.0).map(|row| row.owned / row.fair).fold(0.0, f64::max)
    };
    let mut line = format!("\nthe busiest owns {:.3} times its fair share", busiest(&old));
    if let Some(new) = &new {
        line += &format!("; after the change {:.3} times", busiest(new));
    }
    console.say(line);
}

/// What moves, from whom to whom, and some of the ranges.
fn plan(console: &mut Console, description: &Description, diff: &Diff, ranges: usize) {
    console.say(format_args!(
        "\n{:.3} % moves, in {} ranges; no algorithm that ends with these shares moves less than {:.3} %",
        diff.part() * 100.0,
        diff.moves().len(),
        diff.bound() as f64 / CIRCLE as f64 * 100.0
    ));
    let mut pairs: BTreeMap<(NodeId, NodeId), u128> = BTreeMap::new();
    for moved in diff.moves() {
        *pairs.entry((moved.from, moved.to)).or_default() += moved.width();
    }
    for ((from, to), width) in pairs {
        let part = width as f64 / CIRCLE as f64 * 100.0;
        console.say(format_args!("  {} → {}: {part:.3} %", description.name(from), description.name(to)));
    }
    for moved in diff.moves().iter().take(ranges) {
        let (first, last) = description.shown(&moved.range);
        let (from, to) = (description.name(moved.from), description.name(moved.to));
        console.say(format_args!("  {first} to {last}: {from} → {to}"));
    }
    if diff.moves().len() > ranges {
        console.say(format_args!("  and {} more; --moves or --json show them", diff.moves().len() - ranges));
    }
}

/// Who gets how much, where several nodes keep everything.
fn copying(console: &mut Console, description: &Description, copies: &Result<CopiesDiff, Infeasible>) {
    let count = description.spread.count();
    let diff = match copies {
        Ok(diff) => diff,
        Err(missing) => return console.say(format_args!("\n{count} copies cannot be placed: {missing}")),
    };
    let part = |positions: u128| positions as f64 / CIRCLE as f64 * 100.0;
    console.say(format_args!(
        "\nwith {count} copies of everything {:.3} % of it is copied, in {} ranges; with these shares no less than {:.3} %",
        part(diff.copied()),
        diff.moves().len(),
        part(diff.bound())
    ));
    let mut got: BTreeMap<NodeId, u128> = BTreeMap::new();
    for moved in diff.moves() {
        let width = moved.copied() / moved.to.len().max(1) as u128;
        moved.to.iter().for_each(|id| *got.entry(*id).or_default() += width);
    }
    for (id, width) in got {
        console.say(format_args!("  {} gets {:.3} %", description.name(id), part(width)));
    }
}

fn copies_object(description: &Description, copies: &Result<CopiesDiff, Infeasible>) -> Value {
    let diff = match copies {
        Ok(diff) => diff,
        Err(missing) => return json!({ "impossible": missing.to_string() }),
    };
    let part = |positions: u128| positions as f64 / CIRCLE as f64;
    let ids = |ids: &[NodeId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let range = |moved: &CopiesMove| {
        let (first, last) = description.shown(&moved.range);
        json!({ "first": first, "last": last, "from": ids(&moved.from), "to": ids(&moved.to) })
    };
    json!({
        "copied": part(diff.copied()),
        "at_least": part(diff.bound()),
        "moves": diff.moves().iter().map(range).collect::<Vec<_>>(),
    })
}
