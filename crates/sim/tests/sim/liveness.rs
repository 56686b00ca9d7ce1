//! Progress in fair runs: livelocks are found, and what is only unfair is not called one.

use core::time::Duration;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::explore::{Bounds, Cluster, Explorer, Fair, Liveness, Model, Network, Progress, Successors};

/// Two proposers at one acceptor, as in Paxos: whoever prepares last wins, and whoever lost prepares again.
struct Duel {
    /// The second proposer waits while the first is at it.
    polite: bool,
}

/// Whose ballot is the last, and whether each has prepared and hopes to be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ballots {
    last: Option<usize>,
    hopes: [bool; 2],
    decided: bool,
}

#[derive(Debug)]
enum Try {
    Prepare(usize),
    Accept(usize),
    Look,
}

impl Model for Duel {
    type State = Ballots;
    type Action = Try;

    fn initial(&self) -> Vec<Ballots> {
        vec![Ballots { last: None, hopes: [false; 2], decided: false }]
    }

    fn next<S: Successors<Self>>(&self, state: &Ballots, each: &mut S) {
        // Somebody looks how it stands: possible always, and of no consequence.
        each.offer(|| Try::Look, state);
        for proposer in [0, 1] {
            let mut after = state.clone();
            if !state.hopes[proposer] {
                if self.polite && proposer == 1 && (state.hopes[0] || state.last == Some(0)) {
                    continue;
                }
                after.hopes[proposer] = true;
                after.last = Some(proposer);
                each.offer(|| Try::Prepare(proposer), &after);
            } else {
                after.hopes[proposer] = false;
                after.decided |= state.last == Some(proposer);
                each.offer(|| Try::Accept(proposer), &after);
            }
        }
    }
}

impl Fair for Duel {
    fn class(&self, _: &Ballots, action: &Try) -> Option<u64> {
        match action {
            Try::Prepare(proposer) | Try::Accept(proposer) => Some(*proposer as u64),
            Try::Look => None,
        }
    }
}

#[test]
fn duelling_proposers_never_decide_and_a_polite_one_ends_it() {
    let duel = Duel { polite: false };
    let Progress::Fails(lasso) = Liveness::new(&duel).eventually(|state| state.decided) else {
        panic!("two proposers can outbid each other for ever")
    };
    // Both go on trying, round after round: that is what makes the run fair.
    for proposer in [0, 1] {
        let tries = |action: &Try| matches!(action, Try::Prepare(who) | Try::Accept(who) if *who == proposer);
        assert!(lasso.cycle.iter().any(|(action, _)| tries(action)), "{lasso}");
    }
    // It is a run: each step leads from the state before it, and the last one back to where the way round began.
    let begin = lasso.stem.last().map_or_else(|| duel.initial().remove(0), |(_, state)| state.clone());
    assert_eq!(lasso.cycle.last().unwrap().1, begin, "{lasso}");
    assert!(lasso.cycle.iter().all(|(_, state)| !state.decided));

    let polite = Liveness::new(&Duel { polite: true }).eventually(|state| state.decided);
    assert!(matches!(polite, Progress::Holds { .. }), "{polite}");
}

#[test]
fn without_fairness_even_the_polite_seem_to_fail() {
    let polite = Duel { polite: true };
    let unfair = Liveness::new(&polite).without_fairness().eventually(|state| state.decided);
    let Progress::Fails(lasso) = unfair else { panic!("{unfair}") };
    assert!(lasso.cycle.iter().all(|(action, _)| matches!(action, Try::Look)), "{lasso}");
}

/// Asks node 2, again and again if it is patient, until it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asker {
    answered: bool,
    patient: bool,
}

impl Protocol for Asker {
    type Message = bool;
    type Record = ();
    type Command = Never;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<()>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } if cx.me() == NodeId(1) => {
                cx.persist(());
                cx.send(NodeId(2), false);
                cx.arm((), Duration::from_secs(1));
            }
            Input::Timer(()) if self.patient && !self.answered => {
                // While the first question waits for the disk, another one would only pile up.
                if cx.settled() {
                    cx.send(NodeId(2), false);
                }
                cx.arm((), Duration::from_secs(1));
            }
            Input::Message(from, false) => cx.send(from, true),
            Input::Message(_, true) => self.answered = true,
            _ => {}
        }
    }
}

fn askers(patient: bool, bounds: Bounds) -> Cluster<Asker> {
    Cluster::new(2, move |_| Asker { answered: false, patient }).without_incarnations().bounds(bounds)
}

const LOSSY: Bounds = Bounds {
    drops: 2,
    duplicates: 0,
    crashes: 0,
    timers: Bounds::UNLIMITED,
    timers_all: Bounds::UNLIMITED,
    in_flight_max: usize::MAX,
    network: Network::Merging,
};

#[test]
fn who_asks_again_is_answered_in_every_fair_run_and_who_asks_once_may_not_be() {
    for bounds in [LOSSY, Bounds { crashes: 1, ..LOSSY }] {
        let patient = askers(true, bounds);
        let answered = |cluster: &Cluster<Asker>, state: &_| {
            cluster.inspect(state, |view| view.node(NodeId(1)).is_some_and(|node| node.answered))
        };
        let progress =
            Liveness::new(&patient).states_max(20_000).eventually(|state| answered(&patient, state));
        assert!(matches!(progress, Progress::Holds { .. }), "{progress}");
        // The disk, the message and the timer need not come round if nobody insists that they do.
        let unfair = Liveness::new(&patient)
            .states_max(20_000)
            .without_fairness()
            .eventually(|state| answered(&patient, state));
        assert!(matches!(unfair, Progress::Fails(_)), "{unfair}");

        let hasty = askers(false, bounds);
        let progress = Liveness::new(&hasty).states_max(20_000).eventually(|state| answered(&hasty, state));
        let Progress::Fails(lasso) = &progress else { panic!("{progress}") };
        assert!(lasso.cycle.is_empty(), "nothing can happen any more: {lasso}");
        assert!(lasso.to_string().contains("lost between"), "{lasso}");
    }
}

#[test]
fn what_was_not_looked_at_is_not_proven() {
    let patient = askers(true, Bounds { timers: 1, in_flight_max: 0, ..LOSSY });
    let progress = Liveness::new(&patient).states_max(20_000).eventually(|_| false);
    assert!(matches!(progress, Progress::Unknown { cut, .. } if cut > 0), "{progress}");
    let few = Liveness::new(&askers(true, LOSSY)).states_max(2).eventually(|_| false).to_string();
    assert!(few.starts_with("not decided"), "{few}");
}

/// Where the budget of timers ends, a run need not: it goes beyond the bounds.
#[test]
fn a_timer_that_may_not_run_out_any_more_is_no_proof_that_nothing_happens() {
    let answered = |cluster: &Cluster<Asker>, state: &_| {
        cluster.inspect(state, |view| view.node(NodeId(1)).is_some_and(|node| node.answered))
    };
    let spent = [
        Bounds { timers: 1, ..LOSSY },
        Bounds { timers_all: 2, ..LOSSY },
        // Messages that stay on their way can arrive for ever, and nothing else happens meanwhile.
        Bounds { timers: 1, network: Network::Everlasting, ..LOSSY },
    ];
    for bounds in spent {
        let patient = askers(true, bounds);
        let progress =
            Liveness::new(&patient).states_max(20_000).eventually(|state| answered(&patient, state));
        assert!(matches!(progress, Progress::Unknown { cut, .. } if cut > 0), "{bounds:?}: {progress}");
        // What has no timer left is known to fail, whatever the budget was.
        let hasty = askers(false, bounds);
        let progress = Liveness::new(&hasty).states_max(20_000).eventually(|_| false);
        assert!(matches!(progress, Progress::Fails(_)), "{bounds:?}: {progress}");
        let found = Explorer::new(&patient).run();
        assert!(found.holds() && found.extent.cut > 0, "{found}");
        assert!(found.to_string().starts_with("holds in every state within the bounds ("), "{found}");
        let found = Explorer::new(&patient).run_with_sleep_sets();
        assert!(found.holds() && found.extent.cut > 0, "{found}");
    }
}
