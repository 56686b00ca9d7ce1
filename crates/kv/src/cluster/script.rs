//! Scripts of such clusters: what their settings say, and how they are shrunk.

use super::{Cluster, Mischief, Settings, judged, simulation};
use core::time::Duration;
use synod_raft::Raft;
use synod_sim::{Script, Shrinker, Sim};

/// Why no cluster can be set up as a script says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSetting {
    /// The value is none for this setting.
    #[error("`set {name} {value}`: expected {expected}")]
    Value {
        /// The setting.
        name: String,
        /// Its value.
        value: String,
        /// What it could be.
        expected: &'static str,
    },
    /// There is no such setting.
    #[error(
        "`set {0}`: there is no such setting; there are protocol, nodes, clients, keys, gets-percent, operations, pause-max-ms, patience-ms, reads, leases, guard-ms, drift-bound-ppm, transfers-every, checkpoint-every, job-max-ms, changes-ms, replacements, rules, witness, priorities, resigns-every, demands-every, sessions, specified and sabotage"
    )]
    Unknown(String),
}

const SHORT_QUORUM: &str = "short-quorum";
const RENUMBERED_RETRY: &str = "renumbered-retry";
const NODES_MAX: u64 = 31;
const CLIENTS_MAX: u64 = 1_000;

impl Settings {
    /// Writes into a script what [`from_script`](Self::from_script) needs to set the same cluster up again. What is broken in the
    /// driver stands in the script's dials already.
    pub fn describe(&self, script: &mut Script) {
        let mut set = |name: &str, value: String| drop(script.settings.insert(name.to_owned(), value));
        set("protocol", "raft".to_owned());
        set("nodes", self.nodes.to_string());
        set("clients", self.clients.to_string());
        set("keys", self.keys.to_string());
        set("gets-percent", self.gets_percent.to_string());
        set("operations", self.operations.to_string());
        set("pause-max-ms", self.pause_max.as_millis().to_string());
        set("patience-ms", self.patience.as_millis().to_string());
        set("reads", self.reads.to_string());
        set("leases", self.leases.to_string());
        if let Some(span) = self.lease_guard {
            set("guard-ms", span.as_millis().to_string());
        }
        set("drift-bound-ppm", self.clock_drift_ppm_max.to_string());
        set("transfers-every", self.transfers_every.to_string());
        set("checkpoint-every", self.checkpoint_every.to_string());
        set("job-max-ms", self.job_max.as_millis().to_string());
        if let Some(changes) = self.changes {
            set("changes-ms", changes.as_millis().to_string());
            set("replacements", self.replacements.to_string());
            set("rules", self.rules.to_string());
        }
        for (name, on) in [
            ("witness", self.witness),
            ("priorities", self.priorities),
            ("sessions", self.sessions),
            ("specified", self.specified),
        ] {
            if on {
                set(name, "true".to_owned());
            }
        }
        for (name, every) in [("resigns-every", self.resigns_every), ("demands-every", self.demands_every)] {
            if every > 0 {
                set(name, every.to_string());
            }
        }
        match self.sabotage {
            Some(Mischief::ShortQuorum) => set("sabotage", SHORT_QUORUM.to_owned()),
            Some(Mischief::RenumberedRetry) => set("sabotage", RENUMBERED_RETRY.to_owned()),
            _ => {}
        }
    }

    /// The settings that a script gives; those that it does not mention are the usual ones.
    ///
    /// # Errors
    /// When a setting is unknown or cannot have its value.
    pub fn from_script(script: &Script) -> Result<Self, BadSetting> {
        let mut settings = Self { storm: script.storm, ..Self::default() };
        for (name, value) in &script.settings {
            let bad = |expected| BadSetting::Value { name: name.clone(), value: value.clone(), expected };
            let number = |least: u64, most: u64, expected| {
                let number = value.parse().ok().filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| bad(expected))
            };
            match name.as_str() {
                "protocol" if value == "raft" => {}
                "protocol" => return Err(bad("`raft`")),
                "nodes" => settings.nodes = number(1, NODES_MAX, "a number from 1 to 31")? as usize,
                "clients" => settings.clients = number(1, CLIENTS_MAX, "a number from 1 to 1000")?,
                "keys" => settings.keys = number(1, u64::MAX, "a number above 0")?,
                "operations" => settings.operations = number(0, u64::MAX, "a number")?,
                "pause-max-ms" => {
                    settings.pause_max = Duration::from_millis(number(0, u64::MAX, "milliseconds")?);
                }
                "patience-ms" => {
                    settings.patience = Duration::from_millis(number(1, u64::MAX, "milliseconds")?);
                }
                "gets-percent" => settings.gets_percent = number(0, 100, "a number up to 100")?,
                "reads" => settings.reads = value.parse().map_err(|_| bad("true or false"))?,
                "leases" => settings.leases = value.parse().map_err(|_| bad("true or false"))?,
                "guard-ms" => {
                    settings.lease_guard = Some(Duration::from_millis(number(1, 60_000, "milliseconds")?));
                }
                "drift-bound-ppm" => {
                    settings.clock_drift_ppm_max = number(0, 500_000, "a number from 0 to 500000")? as u32;
                }
                "transfers-every" => settings.transfers_every = number(0, u64::MAX, "a number")?,
                "checkpoint-every" => settings.checkpoint_every = number(0, u64::MAX, "a number")?,
                "job-max-ms" => settings.job_max = Duration::from_millis(number(1, 60_000, "milliseconds")?),
                "changes-ms" => {
                    settings.changes = Some(Duration::from_millis(number(1, u64::MAX, "milliseconds")?));
                }
                "specified" => settings.specified = value.parse().map_err(|_| bad("true or false"))?,
                "witness" => settings.witness = value.parse().map_err(|_| bad("true or false"))?,
                "priorities" => settings.priorities = value.parse().map_err(|_| bad("true or false"))?,
                "sessions" => settings.sessions = value.parse().map_err(|_| bad("true or false"))?,
                "resigns-every" => settings.resigns_every = number(0, u64::MAX, "a number")?,
                "demands-every" => settings.demands_every = number(0, u64::MAX, "a number")?,
                "rules" => settings.rules = value.parse().map_err(|_| bad("true or false"))?,
                "replacements" => settings.replacements = value.parse().map_err(|_| bad("true or false"))?,
                "sabotage" if value == SHORT_QUORUM => settings.sabotage = Some(Mischief::ShortQuorum),
                "sabotage" if value == RENUMBERED_RETRY => {
                    settings.sabotage = Some(Mischief::RenumberedRetry);
                }
                "sabotage" => {
                    return Err(bad("`short-quorum` or `renumbered-retry`; a broken driver is a dial"));
                }
                _ => return Err(BadSetting::Unknown(name.clone())),
            }
        }
        Ok(settings)
    }
}

/// The recipe for the run of a script, with all that must hold: progress, convergence, Raft's five safety properties and
/// linearizability. Give it [`Script::tape`].
///
/// # Errors
/// When a setting is unknown or cannot have its value.
pub fn scripted(script: &Script) -> Result<Sim<Raft, Cluster>, BadSetting> {
    let settings = Settings::from_script(script)?;
    let sim = simulation(&settings).map_err(|_| BadSetting::Value {
        name: "nodes".to_owned(),
        value: script.setting("nodes").unwrap_or_default().to_owned(),
        expected: "a number from 1 to 31",
    })?;
    Ok(judged(sim, &settings))
}

/// A shrinker for scripts of this cluster: it makes do with fewer operations, clients, keys and nodes where it can.
#[must_use]
pub fn shrinker<'a>() -> Shrinker<'a, Raft, Cluster> {
    Shrinker::new(|script| scripted(script).ok())
        .knob("operations", 0)
        .knob("clients", 1)
        .knob("nodes", 1)
        .knob("keys", 1)
}
