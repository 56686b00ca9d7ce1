//! Servers that have left are forgotten, and no reader can tell: each run beside a twin that forgets nothing. Wrong ways to prune are found out.

use synod_clocks::{Dot, ForgetError, Siblings, VersionVector};
use synod_core::{Entropy, SplitMix64};

/// The server that leaves in the middle of a run; the others, 1 to 3, stay.
const LEAVER: u64 = 0;

/// How a store prunes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// When all have agreed; from then on the leaver is expelled from states and contexts that arrive.
    Agreed,
    /// The same, but that contexts may name it.
    AgreedAndContextsName,
    /// Planted: as soon as no value of it lives here.
    SpentHere,
    /// Planted: when all know its last write, whether or not they know what replaced it.
    KnownToAll,
    /// Planted: when all have agreed, while a later write of the leaver is under way.
    Hasty,
    /// Planted: when all have agreed; and states from before are merged as they are.
    OldStatesMerged,
    /// Planted: whatever lives, as a limit to the size or age of a vector does.
    ByAge,
    /// Planted: the leaver comes back under its name.
    NameUsedAgain,
}

/// One of the two worlds of a run.
#[derive(Clone, Default)]
struct World {
    /// By server.
    replicas: Vec<Siblings<u64, u64>>,
    /// What clients have read last.
    contexts: Vec<VersionVector<u64>>,
    /// States under way, which arrive late, again, or never.
    mail: Vec<Siblings<u64, u64>>,
    /// The leaver's last write, once all have agreed.
    agreed: Option<Dot<u64>>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Write { at: usize, client: usize, value: u64 },
    Delete { at: usize, client: usize },
    Read { at: usize, client: usize },
    Send { at: usize, slot: usize },
    Arrive { at: usize, slot: usize },
}

impl World {
    fn new() -> Self {
        Self {
            replicas: vec![Siblings::new(); 4],
            contexts: vec![VersionVector::new(); 3],
            ..Self::default()
        }
    }

    /// One step. The door is where states and contexts of others are stripped of the leaver.
    fn step(&mut self, step: Step, door: [bool; 2]) {
        let [states, contexts] = door.map(|shut| shut && self.agreed.is_some());
        match step {
            Step::Write { at, client, value } => {
                let mut context = self.contexts[client].clone();
                if contexts {
                    context.forget(LEAVER);
                }
                // The twin's writes succeed; those of a world that prunes wrongly may not, and are missed.
                _ = self.replicas[at].write(at as u64, &context, value);
            }
            Step::Delete { at, client } => {
                let mut context = self.contexts[client].clone();
                if contexts {
                    context.forget(LEAVER);
                }
                self.replicas[at].discard(&context);
            }
            Step::Read { at, client } => self.contexts[client] = self.replicas[at].context(),
            Step::Send { at, slot } => match self.mail.get_mut(slot) {
                Some(letter) => *letter = self.replicas[at].clone(),
                None => self.mail.push(self.replicas[at].clone()),
            },
            Step::Arrive { at, slot } => {
                let Some(mut letter) = self.mail.get(slot).cloned() else { return };
                if states {
                    letter.expel(LEAVER);
                }
                self.replicas[at].merge(&letter);
            }
        }
    }

    fn spent(&self, at: usize) -> Option<Dot<u64>> {
        self.replicas[at].spent().find(|dot| dot.actor == LEAVER)
    }

    /// One replica forgets, if the rule says so; says whether there was something to forget.
    fn prune(&mut self, at: usize, rule: Rule) -> bool {
        let answers = [1, 2, 3].map(|at| self.spent(at));
        let known = [1, 2, 3].map(|at| self.replicas[at].context().get(LEAVER));
        match rule {
            Rule::SpentHere => self.spent(at).is_some_and(|last| self.replicas[at].forget(last).unwrap()),
            Rule::ByAge => self.replicas[at].expel(LEAVER) > 0,
            Rule::KnownToAll => {
                let known_to_all = known[0] > 0 && known[1..].iter().all(|other| *other == known[0]);
                let last = self.spent(at).filter(|_| known_to_all);
                last.is_some_and(|last| self.replicas[at].forget(last).unwrap())
            }
            _ => {
                // It is the last write of the leaver, if no later one is still under way.
                let under_way = self.mail.iter().map(|letter| letter.context().get(LEAVER)).max();
                let last = answers[0].filter(|last| rule == Rule::Hasty || under_way <= Some(last.count()));
                if self.agreed.is_none() && answers.iter().all(|answer| *answer == last) {
                    self.agreed = last;
                }
                // A context may claim a last write that only its client saw.
                self.agreed.is_some_and(|last| self.replicas[at].forget(last).unwrap_or(false))
            }
        }
    }

    fn visible(&self) -> Vec<Vec<u64>> {
        let sorted = |replica: &Siblings<u64, u64>| {
            let mut values: Vec<_> = replica.values().copied().collect();
            values.sort_unstable();
            values
        };
        self.replicas.iter().map(sorted).collect()
    }
}

/// How a run ended.
struct Outcome {
    /// How often a replica forgot.
    forgot: u32,
    /// Whether readers were ever shown something else than in the twin.
    differs: bool,
    /// Whether the leaver was gone everywhere at the end.
    gone: bool,
}

fn run(seed: u64, rule: Rule) -> Outcome {
    let mut dice = SplitMix64::new(seed);
    let mut below = |bound: u64| dice.below(bound) as usize;
    let door = [!matches!(rule, Rule::OldStatesMerged), !matches!(rule, Rule::AgreedAndContextsName)];
    let (mut twin, mut pruned) = (World::new(), World::new());
    let mut outcome = Outcome { forgot: 0, differs: false, gone: false };
    for number in 0..120 {
        let left = number >= 30;
        let first = u64::from(left && (rule != Rule::NameUsedAgain || outcome.forgot == 0));
        let (at, client, slot) = (first as usize + below(4 - first), below(3), below(4));
        let step = match below(11) {
            0 | 1 => Step::Write { at, client, value: number },
            2 => Step::Delete { at, client },
            3 | 4 => Step::Read { at, client },
            5 | 6 => Step::Send { at, slot },
            _ => Step::Arrive { at, slot },
        };
        twin.step(step, [false, false]);
        pruned.step(step, door);
        if left {
            outcome.forgot += u32::from(pruned.prune(1 + below(3), rule));
        }
        outcome.differs |= twin.visible()[1..] != pruned.visible()[1..];
    }
    (1..4).for_each(|at| outcome.forgot += u32::from(pruned.prune(at, rule)));
    outcome.gone = (1..4).all(|at| pruned.replicas[at].context().get(LEAVER) == 0);
    outcome
}

#[test]
fn who_forgets_the_agreed_shows_readers_the_same_as_who_forgets_nothing() {
    for rule in [Rule::Agreed, Rule::AgreedAndContextsName] {
        let (mut forgot, mut gone) = (0, 0);
        for seed in 0..250 {
            let outcome = run(seed, rule);
            assert!(!outcome.differs, "{rule:?}, seed {seed}");
            assert!(rule != Rule::Agreed || outcome.forgot == 0 || outcome.gone, "seed {seed}: it came back");
            (forgot, gone) = (forgot + outcome.forgot, gone + u32::from(outcome.gone));
        }
        assert!(forgot > 200 && gone > 60, "{rule:?} was hardly tested: {forgot} times, {gone} runs");
    }
}

#[test]
fn planted_ways_to_prune_are_caught() {
    for rule in [
        Rule::SpentHere,
        Rule::KnownToAll,
        Rule::Hasty,
        Rule::OldStatesMerged,
        Rule::ByAge,
        Rule::NameUsedAgain,
    ] {
        let caught = (0..2_000).find(|seed| run(*seed, rule).differs);
        assert!(caught.is_some(), "{rule:?} is not noticed");
    }
}

#[test]
fn a_replica_refuses_to_forget_what_it_still_needs() {
    let mut here = Siblings::new();
    let [first, second] = [1, 2].map(|value| here.write(LEAVER, &VersionVector::new(), value).unwrap());
    assert_eq!(here.forget(second), Err(ForgetError::Lives { values: 2 }));
    here.discard(&here.context());
    assert_eq!(here.forget(first), Err(ForgetError::Later { agreed: 1, known: 2 }));
    assert!(here.spent().eq([second]));
    assert_eq!(here.forget(second), Ok(true));
    assert_eq!((here.forget(second), &here), (Ok(false), &Siblings::new()));
    // A client's context from before brings the entry back, and it blocks and replaces nothing.
    here.write(1, &VersionVector::from(first), 3).unwrap();
    assert!(here.values().eq([&3]) && here.context().get(LEAVER) == 1);
    assert_eq!(here.forget(second), Ok(true));
    assert!(here.values().eq([&3]) && here.context().get(LEAVER) == 0);
}
