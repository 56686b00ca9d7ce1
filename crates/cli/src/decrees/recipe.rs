//! How such clusters are run, what must hold of them, and their scripts.

use super::clients::everybody_knows;
use super::{Clients, Decrees, Number};
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_kv::cluster::{BadSetting, Mischief};
use synod_paxos::invariants::Safety;
use synod_paxos::{Config, ConfigError, QuorumRule};
use synod_sim::{Climate, Dials, Sabotage, Script, Shrinker, Sim, World};

/// How a simulated cluster is set up.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) nodes: u64,
    pub(crate) clients: u64,
    /// How many questions are begun in all.
    pub(crate) operations: u64,
    /// A client waits at most this long between an answer and its next question.
    pub(crate) pause_max: Duration,
    /// A client gives a question up after this time.
    pub(crate) patience: Duration,
    pub(crate) climate: Climate,
    pub(crate) storm: Duration,
    pub(crate) sabotage: Option<Mischief>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: 5,
            clients: 8,
            operations: 2_000,
            pause_max: Duration::from_millis(400),
            patience: Duration::from_millis(1_500),
            climate: Climate::swarm(),
            storm: Duration::from_secs(10),
            sabotage: None,
        }
    }
}

const SHORT_QUORUM: &str = "short-quorum";
/// What Paxos promises, asked after every event.
const INSIDE: &str = "agreement, validity and one value per ballot";

impl Settings {
    /// Writes into a script what [`from_script`](Self::from_script) needs to set the same cluster up again.
    pub(crate) fn describe(&self, script: &mut Script) {
        let mut set = |name: &str, value: String| drop(script.settings.insert(name.to_owned(), value));
        set("protocol", "paxos".to_owned());
        set("nodes", self.nodes.to_string());
        set("clients", self.clients.to_string());
        set("operations", self.operations.to_string());
        set("pause-max-ms", self.pause_max.as_millis().to_string());
        set("patience-ms", self.patience.as_millis().to_string());
        if self.sabotage == Some(Mischief::ShortQuorum) {
            set("sabotage", SHORT_QUORUM.to_owned());
        }
    }

    fn from_script(script: &Script) -> Result<Self, BadSetting> {
        let mut settings = Self { storm: script.storm, ..Self::default() };
        for (name, value) in &script.settings {
            let bad = |expected| BadSetting::Value { name: name.clone(), value: value.clone(), expected };
            let number = |least: u64, most: u64, expected| {
                let number = value.parse().ok().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| bad(expected))
            };
            match name.as_str() {
                "protocol" if value == "paxos" => {}
                "nodes" => settings.nodes = number(1, 31, "a number from 1 to 31")?,
                "clients" => settings.clients = number(1, 1_000, "a number from 1 to 1000")?,
                "operations" => settings.operations = number(0, u64::MAX, "a number")?,
                "pause-max-ms" => {
                    settings.pause_max = Duration::from_millis(number(0, u64::MAX, "milliseconds")?);
                }
                "patience-ms" => {
                    settings.patience = Duration::from_millis(number(1, u64::MAX, "milliseconds")?);
                }
                "sabotage" if value == SHORT_QUORUM => settings.sabotage = Some(Mischief::ShortQuorum),
                "sabotage" => return Err(bad("`short-quorum`; a broken driver is a dial")),
                _ => return Err(BadSetting::Unknown(name.clone())),
            }
        }
        Ok(settings)
    }
}

/// The recipe, with all that must hold.
pub(crate) fn simulation(settings: &Settings) -> Result<Sim<Decrees, Clients>, ConfigError> {
    let ids = (1..=settings.nodes).map(NodeId);
    let node = |id| {
        let mut config = Config::new(id, ids.clone());
        if settings.sabotage == Some(Mischief::ShortQuorum) {
            config.quorums = QuorumRule::SabotagedOneShort;
        }
        Decrees::new(config)
    };
    let first = node(NodeId(1))?;
    let nodes: Vec<Decrees> = ids.clone().map(node).collect::<Result<_, _>>()?;
    let make = move |id: NodeId| {
        let place = usize::try_from(id.0).unwrap_or(usize::MAX).saturating_sub(1);
        nodes.get(place).unwrap_or(&first).clone()
    };
    let driver = match settings.sabotage {
        Some(Mischief::EarlySend) => Some(Sabotage::EarlySend),
        Some(Mischief::LyingFsync) => Some(Sabotage::LyingFsync),
        _ => None,
    };
    let sim =
        Sim::new(usize::try_from(settings.nodes).unwrap_or(usize::MAX), make, Clients::new(settings.clone()))
            .climate(settings.climate.clone())
            .wired(1)
            .turn(move |dials: &mut Dials| dials.sabotage = driver)
            .storm(settings.storm)
            .always(INSIDE, || {
                let mut watch = Watch::default();
                move |id, node: Option<&Decrees>| watch.observe(id, node)
            })
            .eventually_after_heal("every client is served again", Duration::from_secs(30), |world| {
                world.workload().satisfied()
            })
            .eventually_after_heal("everybody knows every decree", Duration::from_secs(60), everybody_knows)
            .finally("clients agree", |world: &World<Decrees, Clients>| {
                world.workload().flaw().map_or(Ok(()), |flaw| Err(flaw.to_owned()))
            });
    Ok(guarded(sim, &settings.climate))
}

/// Guards against runs that test nothing.
fn guarded(mut sim: Sim<Decrees, Clients>, climate: &Climate) -> Sim<Decrees, Clients> {
    type Seen = World<Decrees, Clients>;
    sim = sim
        .sometimes("questions were answered", |world: &Seen| world.workload().tally().answered > 0)
        .sometimes("questions were asked side by side", |world: &Seen| world.workload().under_way() > 1)
        .sometimes("another's value was decreed", |world: &Seen| world.workload().tally().adopted > 0)
        .guarded();
    let Climate::Swarm(_) = climate else { return sim };
    sim.sometimes("a decree took more than two rounds", |world: &Seen| world.workload().tally().late > 0)
        .sometimes("a busy node refused a value", |world: &Seen| world.workload().tally().refused > 0)
}

/// The observers of all instances, and how far each node has been looked at.
#[derive(Clone, Default)]
struct Watch {
    decrees: BTreeMap<Number, Safety>,
    seen: BTreeMap<NodeId, u64>,
}

impl Watch {
    fn observe(&mut self, id: NodeId, node: Option<&Decrees>) -> Result<(), String> {
        let seen = self.seen.entry(id).or_insert(0);
        let Some(node) = node else {
            *seen = 0;
            return Ok(());
        };
        for number in node.moved(*seen) {
            let Some(paxos) = node.instance(number) else { continue };
            let safety = self.decrees.entry(number).or_default();
            safety.observe(id, paxos).map_err(|violation| format!("decree {number}: {violation}"))?;
        }
        *seen = node.steps();
        Ok(())
    }
}

/// The recipe for the run of a script.
pub(crate) fn scripted(script: &Script) -> Result<Sim<Decrees, Clients>, BadSetting> {
    simulation(&Settings::from_script(script)?).map_err(|_| BadSetting::Value {
        name: "nodes".to_owned(),
        value: script.setting("nodes").unwrap_or_default().to_owned(),
        expected: "a number from 1 to 31",
    })
}

/// A shrinker for scripts of this cluster.
pub(crate) fn shrinker<'a>() -> Shrinker<'a, Decrees, Clients> {
    Shrinker::new(|script| scripted(script).ok()).knob("operations", 0).knob("clients", 1).knob("nodes", 1)
}
