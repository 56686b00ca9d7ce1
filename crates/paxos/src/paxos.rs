//! The state of a node, and where its inputs go.

use crate::ghost::Ghost;
use crate::recovery::Places;
use crate::{
    Ballot, Command, Config, ConfigError, Event, Illegal, Message, Proposal, Record, RecoverError, Refusal,
    Timer,
};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use synod_core::{Bytes, Context, Input, Lane, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_quorum::Quorums;

/// One node of single-decree Paxos: proposer, acceptor and learner in one.
///
/// It is a [`Protocol`]: a driver feeds it inputs and carries out its effects. The methods here only look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Paxos {
    pub(crate) setup: Arc<Setup>,

    // Durable: what records say.
    /// The acceptor's promise: it takes part in nothing below.
    pub(crate) promised: Ballot,
    /// What the acceptor has accepted at the highest ballot.
    pub(crate) accepted: Option<Proposal>,
    /// The last round of a proposer that is no acceptor. An acceptor's is in its promise.
    pub(crate) round: u64,

    // Lost in a crash.
    /// What the application wants to be chosen.
    pub(crate) wish: Option<Bytes>,
    /// The application asked what was chosen.
    pub(crate) curious: bool,
    /// The proposer's ballot under way.
    pub(crate) attempt: Option<Attempt>,
    /// The highest ballot that a refusal has named.
    pub(crate) outbid: Ballot,
    /// What was chosen, once it is known.
    pub(crate) decided: Option<Proposal>,
    /// The log led to no state that Paxos can be in.
    pub(crate) halted: bool,
    /// How often this node has waited in vain. Only the length of a wait depends on it.
    pub(crate) waits: Ghost<u32>,
    /// Where the records lie that are still needed.
    pub(crate) places: Ghost<Places>,
}

/// What does not change while a node runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) config: Config,
    /// All other acceptors and learners.
    pub(crate) others: Arc<[NodeId]>,
    /// All other acceptors.
    pub(crate) other_acceptors: Arc<[NodeId]>,
    pub(crate) is_acceptor: bool,
    pub(crate) quorums: Quorums,
}

impl Hash for Setup {
    /// The name stands for the rest: a model checker hashes this for every state that it visits.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.config.id.hash(state);
    }
}

/// A ballot under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) ballot: Ballot,
    pub(crate) phase: Phase,
}

/// How far it has got. Sets, not counts: an answer that comes twice is one answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Phase 1: who has promised, and the highest proposal that they have accepted.
    Preparing { promises: BTreeSet<NodeId>, highest: Option<Proposal> },
    /// Phase 2: what is proposed, and who has accepted it.
    Accepting { value: Bytes, acceptances: BTreeSet<NodeId> },
}

impl Paxos {
    /// A node that has never run; [`recover`](Protocol::recover) gives it its memory back.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let config = config.validated()?;
        let quorums = config.quorums()?;
        let not_me = |id: &NodeId| *id != config.id;
        let other_acceptors: Arc<[NodeId]> = config.acceptors.iter().copied().filter(not_me).collect();
        let mut others: Vec<NodeId> = config.acceptors.iter().chain(&config.learners).copied().collect();
        others.retain(not_me);
        let is_acceptor = config.acceptors.contains(&config.id);
        Ok(Self {
            setup: Arc::new(Setup { config, others: others.into(), other_acceptors, is_acceptor, quorums }),
            promised: Ballot::ZERO,
            accepted: None,
            round: 0,
            wish: None,
            curious: false,
            attempt: None,
            outbid: Ballot::ZERO,
            decided: None,
            halted: false,
            waits: Ghost(0),
            places: Ghost(Places::default()),
        })
    }

    /// This node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.setup.config.id
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.setup.config
    }

    /// The acceptor's promise: it takes part in nothing below. [`Ballot::ZERO`] before the first.
    #[must_use]
    pub fn promised(&self) -> Ballot {
        self.promised
    }

    /// What the acceptor has accepted at the highest ballot so far.
    #[must_use]
    pub fn accepted(&self) -> Option<&Proposal> {
        self.accepted.as_ref()
    }

    /// The ballot that this node runs at the moment.
    #[must_use]
    pub fn ballot(&self) -> Option<Ballot> {
        self.attempt.as_ref().map(|attempt| attempt.ballot)
    }

    /// The value that this node asks the acceptors to accept, once phase 1 of its ballot is over.
    #[must_use]
    pub fn proposal(&self) -> Option<Proposal> {
        match &self.attempt {
            Some(Attempt { ballot, phase: Phase::Accepting { value, .. } }) => {
                Some(Proposal { ballot: *ballot, value: value.clone() })
            }
            _ => None,
        }
    }

    /// The value that the application wants, until a decision is known.
    #[must_use]
    pub fn wish(&self) -> Option<&Bytes> {
        self.wish.as_ref()
    }

    /// What was chosen, as far as this node knows.
    #[must_use]
    pub fn decided(&self) -> Option<&Proposal> {
        self.decided.as_ref()
    }

    pub(crate) fn is_acceptor(&self, id: NodeId) -> bool {
        self.setup.config.acceptors.binary_search(&id).is_ok()
    }

    fn is_member(&self, id: NodeId) -> bool {
        self.is_acceptor(id) || self.setup.config.learners.binary_search(&id).is_ok()
    }

    /// Drops a message that no correct node sends.
    pub(crate) fn illegal<S: Sink<Self> + ?Sized>(
        from: NodeId,
        reason: Illegal,
        cx: &mut Context<'_, Self, S>,
    ) {
        // Early: says what was seen, promises nothing.
        cx.emit_early(Event::Illegal { from, reason });
    }

    fn on_message<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        message: Message,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Err(reason) = self.check(from, &message) {
            return Self::illegal(from, reason, cx);
        }
        match message {
            Message::Prepare { .. } | Message::Accept { .. } | Message::Learn if self.decided.is_some() => {
                self.tell(from, cx);
            }
            Message::Prepare { ballot } => self.on_prepare(from, ballot, cx),
            Message::Promise { ballot, accepted } => self.on_promise(from, ballot, accepted, cx),
            Message::Accept { ballot, value } => self.on_accept(from, ballot, value, cx),
            Message::Accepted { ballot } => self.on_accepted(from, ballot, cx),
            Message::Nack { ballot, promised } => self.on_nack(ballot, promised, cx),
            Message::Decided { ballot, value } => self.on_decided(from, ballot, value, cx),
            Message::Learn => {}
        }
    }

    /// What can be seen without looking at the state: the rest of the node may trust it.
    fn check(&self, from: NodeId, message: &Message) -> Result<(), Illegal> {
        if !self.is_member(from) {
            return Err(Illegal::NotAMember);
        }
        let me = self.id();
        if from == me && !matches!(message, Message::Promise { .. } | Message::Accepted { .. }) {
            return Err(Illegal::FromOneself);
        }
        if message.ballot().is_some_and(|ballot| !ballot.is_possible() || !self.is_member(ballot.node)) {
            return Err(Illegal::ImpossibleBallot);
        }
        match message {
            Message::Prepare { ballot } | Message::Accept { ballot, .. } => {
                ensure(self.setup.is_acceptor, Illegal::NotAnAcceptor)?;
                ensure(ballot.node == from, Illegal::NotItsBallot)
            }
            Message::Promise { ballot, accepted } => {
                let fits = accepted.as_ref().is_none_or(|p| p.ballot.is_possible() && p.ballot < *ballot);
                ensure(self.is_acceptor(from), Illegal::NotAnAcceptor)?;
                ensure(ballot.node == me, Illegal::NotItsBallot)?;
                ensure(fits, Illegal::ImpossibleBallot)
            }
            Message::Accepted { ballot } => {
                ensure(self.is_acceptor(from), Illegal::NotAnAcceptor)?;
                ensure(ballot.node == me, Illegal::NotItsBallot)
            }
            Message::Nack { ballot, promised } => {
                ensure(self.is_acceptor(from), Illegal::NotAnAcceptor)?;
                ensure(ballot.node == me, Illegal::NotItsBallot)?;
                ensure(promised.is_possible() && promised > ballot, Illegal::ImpossibleBallot)
            }
            Message::Decided { .. } | Message::Learn => Ok(()),
        }
    }
}

fn ensure(holds: bool, otherwise: Illegal) -> Result<(), Illegal> {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl Protocol for Paxos {
    type Message = Message;
    type Record = Record;
    type Command = Command;
    type Event = Event;
    type Timer = Timer;
    type Job = Never;
    type Done = Never;
    type Error = RecoverError;

    fn recover(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        self.take_back(at, record)
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        if self.halted {
            if let Input::Command(Command::Propose { value }) = input {
                // Early: it went nowhere.
                cx.emit_early(Event::Refused { value, reason: Refusal::Halted });
            }
            return;
        }
        match input {
            Input::Start { .. } => self.on_start(cx),
            Input::Message(from, message) => self.on_message(from, message, cx),
            Input::Timer(Timer::Retry) => self.on_retry(cx),
            Input::Command(Command::Propose { value }) => self.on_propose(value, cx),
            Input::Command(Command::Learn) => self.on_learn(cx),
            Input::Rewrite(below) => self.on_rewrite(below, cx),
            Input::Link(..) | Input::Flush => {}
            Input::Done(never) => match never {},
        }
    }

    fn wants_flush(&self) -> bool {
        false
    }

    fn lane(message: &Message) -> Lane {
        match message {
            Message::Accept { .. } | Message::Decided { .. } | Message::Promise { accepted: Some(_), .. } => {
                Lane::Log
            }
            _ => Lane::Control,
        }
    }
}
