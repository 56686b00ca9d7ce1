//! Clients that propose values of their own, and what they were told: is it one value for each decree, and one that somebody
//! wanted?

use super::{Decrees, Number, Of, Settings};
use bytes::Bytes;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::NodeId;
use synod_paxos::{Ballot, Command, Event, Refusal};
use synod_sim::{Io, Workload, World};

/// What a client asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To decree this value.
    Propose(Bytes),
    /// What was decreed.
    Learn,
}

/// A question under way.
#[derive(Clone, Debug)]
struct Question {
    id: u64,
    number: Number,
    asked: Asked,
    target: NodeId,
    begun: u64,
}

/// A question that was answered, or given up.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) number: Number,
    pub(crate) asked: Asked,
    pub(crate) begun: u64,
    /// When, and what; `None` where nobody answered in time.
    pub(crate) answer: Option<(u64, Bytes)>,
    /// It contradicts what was known.
    pub(crate) marked: bool,
}

/// What is known of one decree outside the nodes.
#[derive(Clone, Debug, Default)]
struct Decree {
    proposed: BTreeSet<Bytes>,
    /// Values that a node has sent back: nobody proposes them.
    refused: BTreeSet<Bytes>,
    decided: Option<Bytes>,
}

#[derive(Clone, Debug)]
enum Mail {
    /// It is time for a client's next question.
    Next(usize),
    /// A client's patience ends.
    GiveUp { client: usize, id: u64 },
    /// The faults have stopped, and all nodes are asked for what they do not know.
    Remind,
    /// An answer arrives at a client.
    Answer { client: usize, id: u64, value: Bytes, ballot: Ballot },
}

/// What became of the questions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) unknown: u64,
    /// Values that were sent back.
    pub(crate) refused: u64,
    /// Proposals answered with another's value.
    pub(crate) adopted: u64,
    /// Answers in a ballot above the first two rounds.
    pub(crate) late: u64,
    answered_after_heal: u64,
}

/// All clients, and the application on all nodes, which remembers nothing.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    settings: Settings,
    questions: Vec<Option<Question>>,
    asked: u64,
    decrees: BTreeMap<Number, Decree>,
    mail: BTreeMap<u64, Mail>,
    letters: u64,
    done: Vec<Done>,
    flaw: Option<String>,
    tally: Tally,
    last: Option<NodeId>,
    healed: bool,
}

impl Clients {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            questions: vec![None; usize::try_from(settings.clients).unwrap_or(usize::MAX)],
            settings,
            asked: 0,
            decrees: BTreeMap::new(),
            mail: BTreeMap::new(),
            letters: 0,
            done: Vec::new(),
            flaw: None,
            tally: Tally::default(),
            last: None,
            healed: false,
        }
    }

    pub(crate) const fn tally(&self) -> Tally {
        self.tally
    }

    /// What was asked and answered, in the order of the answers.
    pub(crate) fn done(&self) -> &[Done] {
        &self.done
    }

    /// The first thing that is wrong with what was told.
    pub(crate) fn flaw(&self) -> Option<&str> {
        self.flaw.as_deref()
    }

    /// Decrees that somebody was told.
    pub(crate) fn decided(&self) -> impl Iterator<Item = Number> {
        self.decrees.iter().filter(|(_, decree)| decree.decided.is_some()).map(|(number, _)| *number)
    }

    /// How many questions are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.questions.iter().flatten().count()
    }

    /// Whether enough questions were answered after the faults had stopped.
    pub(crate) const fn satisfied(&self) -> bool {
        self.healed && self.tally.answered_after_heal >= 3 * self.settings.clients
    }

    fn post(&mut self, mail: Mail) -> u64 {
        self.letters += 1;
        self.mail.insert(self.letters, mail);
        self.letters
    }

    /// The first decree that nobody was told.
    fn front(&self) -> Number {
        self.decided().last().map_or(1, |last| last.saturating_add(1))
    }

    fn ask(&mut self, client: usize, io: &mut Io<'_, Decrees>) {
        let enough = if self.healed { self.satisfied() } else { self.asked >= self.settings.operations };
        if enough || self.questions.get(client).is_none_or(Option::is_some) {
            return;
        }
        self.asked += 1;
        let (id, front) = (self.asked, self.front());
        let mut choice = 0;
        let mut decide = |bound| {
            choice += 1;
            io.decide((id << 8) | choice, bound)
        };
        let target = NodeId(1 + decide(self.settings.nodes));
        let older = 1 + decide(u64::from(front)) as Number;
        let (number, learn) = match decide(20) {
            0..14 => (front, false),
            14..17 => (older, false),
            // What nobody has decided nobody can tell; whoever asks for the front waits with those who propose.
            _ => (older, true),
        };
        let value = Bytes::from(format!("v{id}"));
        let decree = self.decrees.entry(number).or_default();
        let (asked, word) = if learn {
            (Asked::Learn, Command::Learn)
        } else {
            decree.proposed.insert(value.clone());
            (Asked::Propose(value.clone()), Command::Propose { value })
        };
        self.last = Some(target);
        if let Some(place) = self.questions.get_mut(client) {
            *place = Some(Question { id, number, asked, target, begun: io.now().0 });
        }
        let give_up = self.post(Mail::GiveUp { client, id });
        io.wake(self.settings.patience, give_up);
        io.request(target, id, Of { number, word });
    }

    /// Everybody shall know every decree. Knowledge lies on no disk: a process that dies of a sync that failed while the faults
    /// stopped must be asked again.
    fn remind(&mut self, io: &mut Io<'_, Decrees>) {
        self.asked += 1;
        for number in self.decided() {
            for node in io.nodes() {
                let key = (1 << 62) | self.asked << 24 | u64::from(number) << 8 | node.0;
                io.request(node, key, Of { number, word: Command::Learn });
            }
        }
        let again = self.post(Mail::Remind);
        io.wake(Duration::from_secs(2), again);
    }

    /// Takes a client's question away, if it is still this one, and has it ask the next after a pause.
    fn end(&mut self, client: usize, id: u64, io: &mut Io<'_, Decrees>) -> Option<Question> {
        let question = self.questions.get_mut(client)?.take_if(|question| question.id == id)?;
        let next = self.post(Mail::Next(client));
        let pause = u64::try_from(self.settings.pause_max.as_nanos()).unwrap_or(u64::MAX);
        let pause = io.decide(id, pause.max(1));
        io.wake(Duration::from_nanos(pause), next);
        Some(question)
    }

    fn answered(
        &mut self,
        client: usize,
        id: u64,
        (value, ballot): (Bytes, Ballot),
        io: &mut Io<'_, Decrees>,
    ) {
        let Some(Question { number, asked, begun, .. }) = self.end(client, id, io) else { return };
        self.tally.answered += 1;
        self.tally.answered_after_heal += u64::from(self.healed);
        self.tally.adopted += u64::from(matches!(&asked, Asked::Propose(own) if *own != value));
        self.tally.late += u64::from(ballot.round > 2);
        let marked = self.decrees.get(&number).is_some_and(|decree| decree.decided.as_ref() != Some(&value));
        self.done.push(Done { number, asked, begun, answer: Some((io.now().0, value)), marked });
    }

    /// A node says what was decided: the first word binds all others.
    fn told(&mut self, node: NodeId, number: Number, value: &Bytes) {
        let decree = self.decrees.entry(number).or_default();
        let flaw = match &decree.decided {
            Some(first) if first != value => Some(format!(
                "agreement: {node} says that decree {number} is {value:?}, and {first:?} was told before"
            )),
            _ if !decree.proposed.contains(value) => Some(format!(
                "validity: {node} says that decree {number} is {value:?}, which nobody proposed"
            )),
            _ if decree.refused.contains(value) => {
                Some(format!("{node} says that decree {number} is {value:?}, which was refused"))
            }
            _ => None,
        };
        decree.decided.get_or_insert_with(|| value.clone());
        self.flaw = self.flaw.take().or(flaw);
    }
}

impl Workload<Decrees> for Clients {
    fn begin(&mut self, io: &mut Io<'_, Decrees>) {
        for client in 0..self.questions.len() {
            let letter = self.post(Mail::Next(client));
            io.wake(Duration::from_millis(1), letter);
        }
    }

    fn on_event(&mut self, node: NodeId, Of { number, word }: Of<Event>, io: &mut Io<'_, Decrees>) {
        match word {
            Event::Decided { value, ballot } => {
                self.told(node, number, &value);
                // All who wait at this node are answered by it.
                let asking = self.questions.iter().enumerate().filter_map(|(client, question)| {
                    let question = question.as_ref()?;
                    (question.number == number && question.target == node).then_some((client, question.id))
                });
                for (client, id) in asking.collect::<Vec<_>>() {
                    let letter = self.post(Mail::Answer { client, id, value: value.clone(), ballot });
                    io.reply(id, letter);
                }
            }
            // The client waits: the node is busy with this very decree.
            Event::Refused { value, reason: Refusal::Busy } => {
                self.tally.refused += 1;
                let decree = self.decrees.entry(number).or_default();
                if decree.decided.as_ref() == Some(&value) {
                    self.flaw = self
                        .flaw
                        .take()
                        .or(Some(format!("{node} refuses {value:?}, which is decree {number}")));
                }
                decree.refused.insert(value);
            }
            other => {
                let flaw = format!("{node} says of decree {number}: {other:?}");
                self.flaw = self.flaw.take().or(Some(flaw));
            }
        }
    }

    fn on_wake(&mut self, token: u64, io: &mut Io<'_, Decrees>) {
        match self.mail.remove(&token) {
            Some(Mail::Next(client)) => self.ask(client, io),
            Some(Mail::GiveUp { client, id }) => {
                if let Some(Question { number, asked, begun, .. }) = self.end(client, id, io) {
                    self.tally.unknown += 1;
                    self.done.push(Done { number, asked, begun, answer: None, marked: false });
                }
            }
            Some(Mail::Remind) => self.remind(io),
            Some(Mail::Answer { client, id, value, ballot }) => {
                self.answered(client, id, (value, ballot), io);
            }
            None => {}
        }
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Decrees>) {}

    fn on_heal(&mut self, io: &mut Io<'_, Decrees>) {
        self.healed = true;
        self.remind(io);
        for client in 0..self.questions.len() {
            let letter = self.post(Mail::Next(client));
            io.wake(Duration::from_millis(1), letter);
        }
    }

    fn focus(&self) -> Option<NodeId> {
        self.last
    }
}

/// Whether every node knows every decree that anybody was told.
pub(super) fn everybody_knows(world: &World<Decrees, Clients>) -> bool {
    let knows = |node: &Decrees, number| node.instance(number).is_some_and(|paxos| paxos.decided().is_some());
    world.up().count() == world.len()
        && world.up().all(|(_, node)| world.workload().decided().all(|number| knows(node, number)))
}
