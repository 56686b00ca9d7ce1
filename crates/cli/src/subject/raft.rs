//! A key-value store on Raft.

use super::{Request, Subject, Tally};
use crate::picture;
use core::fmt::Display;
use core::ops::Range;
use std::sync::PoisonError;
use synod_core::NodeId;
use synod_kv::cluster::{self, Cluster, Settings, Transcript};
use synod_kv::cluster::{judged, with_features, with_guards, with_transcript};
use synod_raft::{Raft, Role};
use synod_sim::trace::Stretch;
use synod_sim::{Report, Script, Shrinker, Sim, Tape};

pub(crate) struct RaftSubject {
    settings: Settings,
    plain: bool,
}

impl RaftSubject {
    fn of_seed(&self, seed: u64) -> Settings {
        if self.plain { self.settings.clone() } else { self.settings.featured(seed) }
    }
}

impl Subject for RaftSubject {
    type Protocol = Raft;
    type Clients = Cluster;

    const NAME: &'static str = "raft";
    const TITLE: &'static str = "Raft";

    fn of(request: Request) -> Self {
        let mut settings = Settings::default();
        settings.nodes = usize::try_from(request.nodes).unwrap_or(usize::MAX);
        settings.clients = request.clients;
        settings.operations = request.operations;
        settings.climate = request.climate;
        settings.storm = request.storm;
        settings.specified = request.specified;
        settings.sabotage = request.sabotage;
        Self { settings, plain: request.plain }
    }

    fn simulation(&self, seed: u64) -> Result<Sim<Raft, Cluster>, String> {
        let settings = self.of_seed(seed);
        let sim = cluster::simulation(&settings).map_err(|error| error.to_string())?;
        let sim = with_guards(judged(sim, &settings), &self.settings);
        Ok(if self.plain { sim } else { with_features(sim, &self.settings) })
    }

    fn steps(&self, tape: Tape) -> Result<Option<String>, String> {
        let transcript = Transcript::default();
        let seed = tape.seed();
        with_transcript(self.simulation(seed)?, &transcript).run_tape(tape, 0..0);
        let notes = transcript.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(crate::validate::written(seed, &notes)))
    }

    fn describe(&self, script: &mut Script) {
        self.of_seed(script.seed).describe(script);
    }

    fn scripted(script: &Script) -> Result<Sim<Raft, Cluster>, String> {
        cluster::scripted(script).map_err(|error| error.to_string())
    }

    fn shrinker<'a>() -> Shrinker<'a, Raft, Cluster> {
        cluster::shrinker()
    }

    fn portrait(_: NodeId, raft: &Raft) -> String {
        let role = match raft.role() {
            Role::Leader => "leader",
            Role::Follower => "follower",
            _ => "candidate",
        };
        let (commit, last) = (raft.commit_index().0, raft.last_index().0);
        format!("{role}, term {}, commit {commit}, last {last}", raft.term().0)
    }

    fn detail(raft: &Raft) -> impl Display {
        format!("{raft:#?}")
    }

    fn tally(clients: &Cluster) -> Tally {
        let tally = clients.tally();
        let more = vec![
            ("elections", tally.elections),
            ("reads", tally.reads),
            ("memberships", tally.memberships),
            ("transfers", tally.transfers),
            ("installed", tally.installed),
            ("repeated", tally.repeated),
        ];
        Tally { ok: tally.ok, unknown: tally.unknown, failed: tally.failed, more }
    }

    fn window(report: &Report<Cluster>) -> Range<u64> {
        picture::window(report)
    }

    fn operations(report: &Report<Cluster>, window: &Range<u64>) -> Vec<Stretch> {
        picture::operations_in(report, window)
    }

    fn findings(report: &Report<Cluster>) -> String {
        let judgement = report.workload.judge();
        if judgement.is_linearizable() { String::new() } else { judgement.to_string() }
    }
}
