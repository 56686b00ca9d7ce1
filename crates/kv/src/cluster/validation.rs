//! Runs against the executable specification of Raft.

use std::sync::{Arc, Mutex, PoisonError};
use synod_core::{Input, Lsn, NodeId, Recovered};
use synod_raft::spec::{Note, Refinement, State, Violation, Word, Written};
use synod_raft::{Message, Raft, Record};
use synod_sim::Shadow;

/// Follows a run as the specification does.
#[derive(Clone, Default)]
pub(super) struct Validation {
    refinement: Refinement,
    flaw: Option<Box<Violation>>,
}

impl Validation {
    #[inline]
    fn keep(&mut self, judged: Result<(), Box<Violation>>) {
        if let Err(violation) = judged {
            self.flaw.get_or_insert(violation);
        }
    }
}

impl Shadow<Raft> for Validation {
    fn boots(&mut self, node: NodeId, raft: &Raft) {
        self.refinement.boots(node, raft);
    }

    fn finds(&mut self, node: NodeId, _: Lsn, record: &Recovered<Record>) {
        self.refinement.finds(node, record);
    }

    fn takes(&mut self, node: NodeId, input: &Input<Raft>) {
        self.refinement.takes(node, input);
    }

    fn writes(&mut self, node: NodeId, at: Lsn, record: &Record) {
        let judged = self.refinement.writes(node, at, record);
        self.keep(judged);
    }

    fn says(&mut self, node: NodeId, to: NodeId, message: &Message, after: Lsn) {
        let judged = self.refinement.says(node, to, message, after);
        self.keep(judged);
    }

    fn is(&mut self, node: NodeId, raft: &Raft) {
        let judged = self.refinement.is(node, raft);
        self.keep(judged);
    }

    fn durable(&mut self, node: NodeId, upto: Lsn) {
        self.refinement.durable(node, upto);
    }

    fn crashes(&mut self, node: NodeId) {
        self.refinement.crashes(node);
    }

    fn flaw(&mut self) -> Option<(NodeId, String)> {
        self.flaw.as_ref().map(|violation| (violation.server, violation.to_string()))
    }
}

/// What happened in a run, for whoever validates it elsewhere.
pub type Transcript = Arc<Mutex<Vec<(NodeId, Note)>>>;

/// Validates a run, and writes down what it has looked at.
#[derive(Clone)]
pub(super) struct Scribe {
    validation: Validation,
    transcript: Transcript,
    /// Nodes whose logs damage has made what they are.
    damaged: Vec<NodeId>,
}

impl Scribe {
    pub(super) fn new(transcript: &Transcript) -> Self {
        Self { validation: Validation::default(), transcript: Arc::clone(transcript), damaged: Vec::new() }
    }

    fn note(&mut self, node: NodeId, note: Note) {
        // A run has one thread; one that panicked is over, and what it has written stands.
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner).push((node, note));
    }
}

impl Shadow<Raft> for Scribe {
    fn boots(&mut self, node: NodeId, raft: &Raft) {
        self.note(node, Note::boot(raft));
        self.validation.boots(node, raft);
    }

    fn finds(&mut self, node: NodeId, at: Lsn, record: &Recovered<Record>) {
        self.note(node, Note::found(record));
        if matches!(record, Recovered::Damaged(_)) && !self.damaged.contains(&node) {
            self.damaged.push(node);
        }
        self.validation.finds(node, at, record);
    }

    fn takes(&mut self, node: NodeId, input: &Input<Raft>) {
        self.note(node, Note::take(input));
        self.validation.takes(node, input);
    }

    fn writes(&mut self, node: NodeId, at: Lsn, record: &Record) {
        self.note(node, Note::Write { at, record: Written::of(record) });
        self.validation.writes(node, at, record);
    }

    fn says(&mut self, node: NodeId, to: NodeId, message: &Message, after: Lsn) {
        self.note(node, Note::Say { to, word: Word::of(message), after });
        self.validation.says(node, to, message, after);
    }

    fn is(&mut self, node: NodeId, raft: &Raft) {
        let state = State::of(raft);
        // Also the step that mends it.
        let was = self.damaged.iter().position(|id| *id == node);
        let told = state.damaged || was.is_some();
        match was {
            Some(place) if !state.damaged => drop(self.damaged.swap_remove(place)),
            None if state.damaged => self.damaged.push(node),
            _ => {}
        }
        self.note(node, Note::Is(if told { State::with_log(raft) } else { state }));
        self.validation.is(node, raft);
    }

    fn durable(&mut self, node: NodeId, upto: Lsn) {
        self.note(node, Note::Durable(upto));
        self.validation.durable(node, upto);
    }

    fn crashes(&mut self, node: NodeId) {
        self.note(node, Note::Crash);
        self.validation.crashes(node);
    }

    fn flaw(&mut self) -> Option<(NodeId, String)> {
        self.validation.flaw()
    }
}
