//! How such clusters are run, and what must hold of them.

use super::validation::{Scribe, Transcript, Validation};
use super::{Cluster, MODEL, Mischief, Settings, changes, reads, slot, snapshots, upkeep};
use core::time::Duration;
use synod_consistency_checker::verify;
use synod_core::{NodeId, StateMachine as _, mutant};
use synod_raft::invariants::Safety;
use synod_raft::{ConfigError, QuorumRule, Raft, Role};
use synod_sim::{Climate, Dials, Fault, Sabotage, Sim, World};

/// The recipe for runs of such a cluster: progress and convergence after the faults. [`with_invariants`] and [`with_judge`]
/// add what must hold besides.
///
/// # Errors
/// When the settings make no Raft cluster: no nodes.
pub fn simulation(settings: &Settings) -> Result<Sim<Raft, Cluster>, ConfigError> {
    let ids: Vec<NodeId> = (1..=settings.nodes as u64).map(NodeId).collect();
    let raft = |id| {
        let mut config = changes::configuration(id, settings);
        snapshots::configure(settings, &mut config);
        if settings.priorities {
            upkeep::prioritise(&mut config);
        }
        (settings.configure)(&mut config);
        reads::configure(settings, &mut config);
        if settings.sabotage == Some(Mischief::ShortQuorum) {
            config.quorum = QuorumRule::SabotagedOneShort;
        }
        Raft::new(config)
    };
    let first = raft(NodeId(1))?;
    let rafts: Vec<Raft> = ids.iter().map(|id| raft(*id)).collect::<Result<_, _>>()?;
    let driver = match settings.sabotage {
        Some(Mischief::EarlySend) => Some(Sabotage::EarlySend),
        Some(Mischief::LyingFsync) => Some(Sabotage::LyingFsync),
        _ => None,
    };
    let make = move |id| rafts.get(slot(id)).unwrap_or(&first).clone();
    let sim = Sim::new(settings.nodes, make, Cluster::new(settings.clone()))
        .climate(settings.climate.clone())
        .wired(synod_raft::WIRE_VERSION)
        .facts(snapshots::facts)
        .covers(snapshots::covers)
        .turn(move |dials: &mut Dials| dials.sabotage = driver)
        .storm(settings.storm)
        .eventually_after_heal("every client is served again", Duration::from_secs(30), |world| {
            world.workload().satisfied()
        })
        .eventually_after_heal("all replicas agree", Duration::from_secs(60), agree);
    Ok(if settings.specified { with_spec(sim) } else { sim })
}

/// Adds Raft's five safety properties, looked at after every event.
#[must_use]
pub fn with_invariants(sim: Sim<Raft, Cluster>) -> Sim<Raft, Cluster> {
    sim.always("Raft's five safety properties", || {
        let mut safety = Safety::default();
        move |id, raft: Option<&Raft>| match raft {
            Some(raft) => safety.observe(id, raft).map_err(|violation| violation.to_string()),
            None => {
                safety.crashed(id);
                Ok(())
            }
        }
    })
}

/// Adds what leases claim: while a leader's lease holds by its own clock nobody leads in a later term, and while its log is its lease
/// nobody has committed anything in one. For clocks within [`Settings::clock_drift_ppm_max`].
#[must_use]
pub fn with_leases(sim: Sim<Raft, Cluster>) -> Sim<Raft, Cluster> {
    sim.always_across("leases exclude each other", |world, id| {
        let Some(other) = world.node(id).filter(|node| node.role() == Role::Leader) else { return Ok(()) };
        let commits = other.term_at(other.commit_index()) == Some(other.term());
        for (holder, raft) in world.up() {
            let Some(now) = world.clock(holder).filter(|_| raft.term() < other.term()) else { continue };
            if raft.holds_lease(now) {
                return Err(format!(
                    "{holder} has a lease in term {}, and {id} leads in term {}",
                    raft.term(),
                    other.term()
                ));
            }
            if commits && raft.holds_guard(now) {
                return Err(format!(
                    "the log of {holder} is its lease in term {}, and {id} has committed in term {}",
                    raft.term(),
                    other.term()
                ));
            }
        }
        Ok(())
    })
}

/// Adds everything that judges a cluster of these settings: [`with_invariants`], [`with_judge`], and [`with_leases`] where there are
/// leases. For clocks within [`Settings::clock_drift_ppm_max`].
#[must_use]
pub fn judged(sim: Sim<Raft, Cluster>, settings: &Settings) -> Sim<Raft, Cluster> {
    let sim = with_judge(with_invariants(sim));
    if settings.leases || settings.lease_guard.is_some() { with_leases(sim) } else { sim }
}

/// Adds the executable specification: every step of every node must be one that [`synod_raft::spec`] allows.
#[must_use]
pub fn with_spec(sim: Sim<Raft, Cluster>) -> Sim<Raft, Cluster> {
    sim.shadowed(SPECIFICATION, Validation::default)
}

/// As [`with_spec`], and writes down everything that validation looks at, for a trace that can be validated elsewhere
/// ([`Refinement::note`](synod_raft::spec::Refinement::note)). For a single run, since all write into the same transcript.
#[must_use]
pub fn with_transcript(sim: Sim<Raft, Cluster>, transcript: &Transcript) -> Sim<Raft, Cluster> {
    let transcript = Transcript::clone(transcript);
    sim.shadowed(SPECIFICATION, move || Scribe::new(&transcript))
}

/// What a violation of the specification is called in a verdict.
pub const SPECIFICATION: &str = "the executable specification";

/// Adds the judge: at the end of a run the history that the clients saw must be linearizable.
#[must_use]
pub fn with_judge(sim: Sim<Raft, Cluster>) -> Sim<Raft, Cluster> {
    sim.finally("linearizability", |world: &World<Raft, Cluster>| {
        let judgement = world.workload().judge();
        if mutant!(!judgement.is_linearizable(), "judge-content-with-everything" => false) {
            return Err(judgement.to_string());
        }
        // The judge is not believed: its certificate is checked by other code.
        verify(&MODEL, &world.workload().history, &judgement.certificate())
            .map_err(|flaw| format!("bad certificate: {flaw}"))
    })
    .finally("stale reads are as young as they must be", |world: &World<Raft, Cluster>| {
        world.workload().stale.breach.clone().map_or(Ok(()), Err)
    })
    .finally("reads see what was committed before", |world: &World<Raft, Cluster>| {
        world.workload().stale.old.clone().map_or(Ok(()), Err)
    })
    .finally("replicas are given every entry", |world: &World<Raft, Cluster>| {
        world.workload().breach.clone().map_or(Ok(()), Err)
    })
}

/// Adds guards against runs that test nothing: each of these must happen in some run of a set.
#[must_use]
pub fn with_guards(mut sim: Sim<Raft, Cluster>, settings: &Settings) -> Sim<Raft, Cluster> {
    type Seen = World<Raft, Cluster>;
    sim = sim
        .sometimes("operations were answered", |world: &Seen| world.workload().tally.ok > 0)
        .sometimes("operations ran side by side", |world: &Seen| {
            world.workload().clients.iter().filter(|client| client.op.is_some()).count() > 1
        });
    let Climate::Swarm(among) = &settings.climate else { return sim };
    sim = sim.guarded();
    if among.contains(&Fault::Crash) {
        sim = sim.sometimes("a leader was replaced", |world: &Seen| world.workload().tally.elections > 1);
    }
    if settings.changes.is_some() {
        sim = sim
            .sometimes("a membership was committed", |world: &Seen| world.workload().tally.memberships > 0);
    }
    if settings.changes.is_some() && settings.rules {
        sim = sim.sometimes("a membership stated a rule", |world: &Seen| world.workload().tally.rules > 0);
    }
    if settings.checkpoint_every > 0 {
        sim = sim
            .sometimes("a replica stored a snapshot", |world: &Seen| world.workload().tally.checkpoints > 0)
            .sometimes("a snapshot was installed", |world: &Seen| world.workload().tally.installed > 0)
            .sometimes("entries were read again", |world: &Seen| world.workload().tally.recalled > 0);
    }
    if Fault::survivable().all(|fault| among.contains(&fault)) {
        sim = sim
            .sometimes("a log was overwritten", |world: &Seen| world.workload().tally.overwritten > 0)
            .sometimes("nobody knows whether an operation happened", |world: &Seen| {
                world.workload().tally.unknown > 0
            });
    }
    sim
}

fn agree(world: &World<Raft, Cluster>) -> bool {
    let cluster = world.workload();
    if !cluster.satisfied() {
        return false;
    }
    let Some(members) = changes::members(world) else { return false };
    let mut replicas = members.iter().filter_map(|id| cluster.replicas.get(slot(*id)));
    let Some(first) = replicas.next().map(|replica| replica.machine.inner()) else { return false };
    first.applied() > 0 && replicas.all(|replica| replica.machine.inner().agrees_with(first))
}
