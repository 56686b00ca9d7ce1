//! From what an implementation does to what the specification allows.

use super::history::History;
use super::note::Held;
use super::recovery::Recovering;
use super::state::Part;
use super::{Action, Entries, Guard, HardState, Heard, Note, Spec, State, Violation, Word, Written};
use crate::{Index, Raft, Record, Role, Term};
use alloc::boxed::Box;
use alloc::vec::Vec;
use synod_core::{Input, Lsn, NodeId, Recovered};

/// Follows the steps of all nodes of a cluster, and finds for each the actions of the specification that lead where it leads. A step
/// for which there are none is a [`Violation`], which names the action whose guard failed.
///
/// It is told of everything in the order in which it happens: by the methods here, or by [`note`](Refinement::note) from a trace. All of
/// them are O(1) in the length of the log, except at a crash, a truncation and a change of membership.
#[derive(Clone, Debug, Default)]
pub struct Refinement {
    spec: Spec,
    /// Those that are reading their disks.
    recovering: Vec<(NodeId, Recovering)>,
    /// The step that is under way.
    heard: Trigger,
    /// What came in it that can be judged only when it is known what the step has committed.
    held: Held,
    steps: u64,
}

/// What is to be remembered of what began a step.
#[derive(Clone, Copy, Debug, Default)]
struct Trigger {
    starts: bool,
    /// A vote.
    votes: bool,
    /// The term that was named.
    term: Option<Term>,
    /// Who asks for a vote or a pre-vote, and what its log ends with.
    asks: Option<(NodeId, crate::EntryId)>,
    /// The lender's last entry.
    lends: Option<crate::EntryId>,
}

type Step = Result<(), Box<Violation>>;

impl Refinement {
    /// The state of the specification.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// How many steps were explained.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Something happened on a node.
    ///
    /// # Errors
    /// When no action of the specification explains it.
    pub fn note(&mut self, node: NodeId, note: &Note) -> Step {
        match note {
            Note::Boot { founding, commit_quorum } => {
                let rule = commit_quorum.map(|commit| crate::QuorumRule::Flexible { commit });
                self.boot(node, founding.clone(), rule.unwrap_or_default());
            }
            Note::Found(record) => self.recovery(node, |reading| reading.found(record)),
            Note::Unreadable => self.recovery(node, Recovering::unreadable),
            Note::Take(heard) => self.begin(node, heard),
            Note::Write { at, record } => return self.write(node, *at, record),
            Note::Say { to, word, after } => return self.say(node, *to, word, *after),
            Note::Is(state) => return self.end(node, state, || state.log.clone()),
            Note::Durable(upto) => self.durable(node, *upto),
            Note::Crash => self.crashes(node),
        }
        Ok(())
    }

    /// The process of a node begins; it has not read its disk.
    pub fn boots(&mut self, node: NodeId, raft: &Raft) {
        let config = raft.config();
        self.boot(node, alloc::sync::Arc::new(config.membership()), config.quorum.clone());
    }

    /// A node has found this on its disk. In the order of the log.
    pub fn finds(&mut self, node: NodeId, record: &Recovered<Record>) {
        self.recovery(node, |reading| match record {
            Recovered::Intact(record) => reading.found(&Written::of(record)),
            Recovered::Damaged(_) => reading.unreadable(),
        });
    }

    /// A step of a node begins.
    #[inline]
    pub fn takes(&mut self, node: NodeId, input: &Input<Raft>) {
        match input {
            Input::Message(..) | Input::Start { .. } => self.begin(node, &Heard::of(input)),
            _ => self.heard = Trigger::default(),
        }
    }

    /// It appends a record.
    ///
    /// # Errors
    /// When it may not.
    #[inline]
    pub fn writes(&mut self, node: NodeId, at: Lsn, record: &Record) -> Step {
        self.write(node, at, &Written::of(record))
    }

    /// It sends a message, once its log is durable up to `after`.
    ///
    /// # Errors
    /// When it may not.
    #[inline]
    pub fn says(&mut self, node: NodeId, to: NodeId, message: &crate::Message, after: Lsn) -> Step {
        self.say(node, to, &Word::of(message), after)
    }

    /// The step is over, and has led to this.
    ///
    /// # Errors
    /// When the actions of the step lead elsewhere.
    #[inline]
    pub fn is(&mut self, node: NodeId, raft: &Raft) -> Step {
        self.end(node, &State::of(raft), || State::with_log(raft).log)
    }

    /// The log of a node is durable up to here.
    #[inline]
    pub fn durable(&mut self, node: NodeId, upto: Lsn) {
        let at = self.spec.place(node);
        self.spec.at_mut(at).disk.synced(upto);
    }

    /// The process of a node is gone. What it did last may have been cut short.
    pub fn crashes(&mut self, node: NodeId) {
        self.held.clear();
        self.recovering.retain(|(id, _)| *id != node);
    }

    // ── Recovery ─────────────────────────────────────────────────────────────────────────────────────────────────────

    fn boot(&mut self, node: NodeId, founding: alloc::sync::Arc<crate::Membership>, rule: crate::QuorumRule) {
        self.spec.found(&founding, rule);
        self.recovering.retain(|(id, _)| *id != node);
        self.recovering.push((node, Recovering::of(founding)));
    }

    fn recovery(&mut self, node: NodeId, then: impl FnOnce(&mut Recovering)) {
        if let Some((_, reading)) = self.recovering.iter_mut().find(|(id, _)| *id == node) {
            then(reading);
        }
    }

    fn start(&mut self, node: NodeId) {
        let at = self.spec.place(node);
        if let Some(place) = self.recovering.iter().position(|(id, _)| *id == node) {
            let (_, found) = self.recovering.swap_remove(place);
            self.spec.resume(at, found);
        }
    }

    // ── Steps ────────────────────────────────────────────────────────────────────────────────────────────────────────

    #[inline]
    fn begin(&mut self, node: NodeId, heard: &Heard) {
        self.held.clear();
        self.heard = Trigger::default();
        match heard {
            Heard::Start => {
                self.start(node);
                self.heard.starts = true;
            }
            Heard::Message { from, word } => self.hear(node, *from, word),
            Heard::Host => {}
        }
    }

    /// A message that a node may ignore changes nothing that it must explain; one that it counts does so here.
    #[inline]
    fn hear(&mut self, node: NodeId, from: NodeId, word: &Word) {
        self.heard.term = word.names();
        let at = self.spec.place(node);
        let own = self.spec.at(at);
        // What was never true counts for nothing, and neither does what is no answer to this term.
        match word {
            Word::Appended { term, matched } if *term == own.term && own.part == Part::Leader => {
                let _ = self.spec.count(at, from, *matched);
            }
            Word::Uncounted { term, matched } if *term == own.term && own.part == Part::Leader => {
                let _ = self.spec.note_doubt(at, from, *matched);
            }
            Word::Voted { term, granted: true } if *term == own.term => {
                self.heard.votes = true;
                let _ = self.spec.count_vote(at, from);
            }
            Word::Lost { term } if *term == own.term && own.part == Part::Leader => {
                let _ = self.spec.forget(at, from);
            }
            Word::RequestVote { last, .. } | Word::PreVote { last, .. } => {
                self.heard.asks = Some((from, *last));
            }
            Word::Lend { last, .. } => self.heard.lends = Some(*last),
            _ => {}
        }
    }

    #[inline]
    fn write(&mut self, node: NodeId, at: Lsn, record: &Written) -> Step {
        if !self.held.is_empty() {
            return self.hold(Note::Write { at, record: record.clone() });
        }
        match record {
            Written::Entries(entries) => {
                let place = self.spec.place(node);
                let own = self.spec.at(place);
                // Whether it may depends on what this step has committed.
                if entries.membership.is_some() && own.part == Part::Leader {
                    return self.hold(Note::Write { at, record: record.clone() });
                }
                self.write_entries(node, at, entries)
            }
            Written::HardState(state) => self.write_state(node, at, *state),
            Written::Snapshot { state, last, membership } => {
                self.write_state(node, at, *state)?;
                let place = self.spec.place(node);
                let own = self.spec.at(place);
                let (last, membership) = (*last, membership.clone());
                let action = if last.index <= own.commit && own.log.holds(last) {
                    Action::Compact { last, membership }
                } else {
                    Action::InstallSnapshot { last, membership }
                };
                self.spec.take(node, action)
            }
            Written::Mended { state, .. } => self.write_state(node, at, *state),
        }
    }

    #[inline]
    fn write_entries(&mut self, node: NodeId, at: Lsn, entries: &Entries) -> Step {
        let place = self.spec.place(node);
        let own = self.spec.at(place);
        if own.part == Part::Candidate && self.heard.votes {
            // The no-op with which a leader begins; a candidate that follows another has heard of entries.
            self.spec.take(node, Action::BecomeLeader)?;
        }
        let own = self.spec.at(place);
        let entries = entries.clone();
        let action = if own.damaged {
            Action::Mend { entries }
        } else if own.log.first_difference(&entries).is_none() {
            // What is there already, written anew.
            Action::Stutter
        } else if own.part == Part::Leader {
            Action::ClientRequest { entries }
        } else if let Some(lender) = self.heard.lends {
            Action::Borrow { entries, lender }
        } else {
            Action::HandleAppendEntries { entries }
        };
        let first = match &action {
            Action::Mend { entries }
            | Action::ClientRequest { entries }
            | Action::Borrow { entries, .. }
            | Action::HandleAppendEntries { entries } => Some(entries.first),
            _ => None,
        };
        self.spec.take(node, action)?;
        if let Some(first) = first {
            self.spec.at_mut(place).disk.unsynced.push_back((at, first));
        }
        Ok(())
    }

    /// Term and vote are written, perhaps as they were.
    #[inline(never)]
    fn write_state(&mut self, node: NodeId, at: Lsn, state: HardState) -> Step {
        let place = self.spec.place(node);
        let HardState { term, voted_for, doubt } = state;
        let own = self.spec.at(place);
        let (was, damaged) = (own.term, own.damaged);
        if term > was {
            if voted_for == Some(node) && term == was.next() && !damaged {
                self.spec.take(node, Action::Timeout)?;
            } else if self.heard.starts && damaged {
                // Entries of a term are a trace of it that damage has left.
                self.spec.raise(place, term);
            } else if self.heard.lends.is_some() && self.heard.term != Some(term) && term == was.next() {
                self.spec.take(node, Action::LeaveTerm)?;
            } else if self.heard.term == Some(term) {
                self.spec.take(node, Action::UpdateTerm { term })?;
            } else {
                return Self::refuse(node, Action::UpdateTerm { term }, Guard::TermUnheard { term });
            }
        }
        self.write_vote(node, place, voted_for, doubt)?;
        let own = self.spec.at_mut(place);
        if own.term != term {
            return Self::refuse(node, Action::UpdateTerm { term }, Guard::TermNotLater { term });
        }
        own.disk.term_at = at;
        own.disk.votes.push_back((at, term));
        Ok(())
    }

    fn write_vote(&mut self, node: NodeId, place: usize, vote: Option<NodeId>, doubt: bool) -> Step {
        let own = self.spec.at(place);
        match vote {
            _ if vote == own.voted_for || doubt => Ok(()),
            Some(candidate) if own.damaged && candidate == node => self.spec.take(node, Action::Abstain),
            Some(candidate) => {
                let asked = self.heard.asks.filter(|(from, _)| *from == candidate);
                let last = asked.map_or(crate::EntryId::ZERO, |(_, last)| last);
                self.spec.take(node, Action::GrantVote { candidate, last })
            }
            None => {
                Self::refuse(node, Action::Stutter, Guard::Unexplained { what: "vote: it was taken back" })
            }
        }
    }

    #[inline]
    fn say(&mut self, node: NodeId, to: NodeId, word: &Word, after: Lsn) -> Step {
        if !self.held.is_empty() {
            return self.hold(Note::Say { to, word: word.clone(), after });
        }
        match *word {
            Word::Append { term, commit, ref entries } => {
                self.spec.take(node, Action::AppendEntries { to, term, entries: entries.clone() })?;
                self.tell(node, to, word, after, Action::TellCommit { term, index: commit }, commit)
            }
            Word::Appended { term, matched } => {
                self.spec.take(node, Action::Acknowledge { leader: to, term, matched, after })
            }
            Word::Commit { term, commit } => {
                self.tell(node, to, word, after, Action::TellCommit { term, index: commit }, commit)
            }
            _ => self.say_rare(node, to, word, after),
        }
    }

    #[inline(never)]
    fn say_rare(&mut self, node: NodeId, to: NodeId, word: &Word, after: Lsn) -> Step {
        let action = match *word {
            Word::PreVote { term, last } => Action::PreVote { term, last },
            Word::PreVoted { term, granted: true } => {
                let last = self.heard.asks.map_or(crate::EntryId::ZERO, |(_, last)| last);
                Action::GrantPreVote { term, last }
            }
            Word::RequestVote { last, by_transfer, .. } => Action::RequestVotes { last, by_transfer, after },
            Word::Voted { term, granted: true } => Action::SayVote { candidate: to, term, after },
            Word::Uncounted { term, matched } => {
                Action::AcknowledgeInDoubt { leader: to, term, matched, after }
            }
            Word::Lost { term } => Action::Confess { term },
            Word::TimeoutNow { term } => Action::HandOver { to, term },
            Word::IndexIs { term, index } => {
                let action = Action::TellIndex { term, index };
                return self.tell(node, to, word, after, action, index);
            }
            Word::Snapshot { term, last, ref membership } => {
                let action = Action::SendSnapshot { term, last, membership: membership.clone() };
                return self.tell(node, to, word, after, action, last.index);
            }
            _ => Action::Stutter,
        };
        self.spec.take(node, action)
    }

    /// Something is said that rests on how much is committed: perhaps this step has committed that much.
    #[inline]
    fn tell(
        &mut self,
        node: NodeId,
        to: NodeId,
        word: &Word,
        after: Lsn,
        action: Action,
        needs: Index,
    ) -> Step {
        let place = self.spec.place(node);
        if needs > self.spec.at(place).commit {
            return self.hold(Note::Say { to, word: word.clone(), after });
        }
        self.spec.take(node, action)
    }

    #[inline(never)]
    fn hold(&mut self, note: Note) -> Step {
        self.held.push(Box::new(note));
        Ok(())
    }

    #[inline]
    fn end(&mut self, node: NodeId, state: &State, log: impl FnOnce() -> Option<Vec<Entries>>) -> Step {
        self.steps += 1;
        if state.halted {
            return Ok(());
        }
        let place = self.spec.place(node);
        let own = self.spec.at(place);
        if self.heard.starts && own.died_in_doubt && !state.in_doubt {
            return Self::refuse(node, Action::Restart, Guard::DoubtForgotten);
        }
        let same = own.part == part_of(state.role)
            && own.commit == state.commit
            && own.log.last() == state.last
            && own.log.base() == state.base
            && own.term == state.term
            && own.voted_for == state.voted_for
            && !own.damaged
            && !state.damaged
            && self.held.is_empty();
        if same { Ok(()) } else { self.explain(node, place, state, log) }
    }

    /// Something is different from before the step, or from what its records say.
    #[inline(never)]
    fn explain(
        &mut self,
        node: NodeId,
        place: usize,
        state: &State,
        log: impl FnOnce() -> Option<Vec<Entries>>,
    ) -> Step {
        let own = self.spec.at(place);
        if own.damaged || state.damaged {
            self.adopt(node, place, state, log)?;
        }
        let own = self.spec.at(place);
        if state.role == Role::Leader && own.part == Part::Candidate {
            self.spec.take(node, Action::BecomeLeader)?;
        }
        self.explain_commit(node, place, state.commit)?;
        let own = self.spec.at(place);
        if state.role != Role::Leader && own.part != part_of(state.role) && own.part != Part::Follower {
            self.spec.take(node, Action::StepDown)?;
        }
        let (base, snapshot) = (state.base, self.spec.at(place).snapshot);
        let own = self.spec.at_mut(place);
        if base.index > own.log.base().index && base.index <= snapshot.index && own.log.holds(base) {
            own.log.compact(base);
        }
        let what = [
            ("role", own.part == part_of(state.role)),
            ("term", own.term == state.term),
            ("vote", own.voted_for == state.voted_for || own.damaged),
            ("commit index", own.commit == state.commit),
            ("log: where it ends", own.log.last() == state.last),
            ("log: where it begins", own.log.base() == state.base),
        ];
        match what.into_iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((what, _)) => Self::refuse(node, Action::Stutter, Guard::Unexplained { what }),
        }
    }

    /// What the step has committed, and what it did that rests on it. A leader that commits and changes the membership in one step may
    /// have done either first.
    fn explain_commit(&mut self, node: NodeId, place: usize, index: Index) -> Step {
        let own = self.spec.at(place);
        let mut pending = (index > own.commit).then_some(if own.part == Part::Leader {
            Action::AdvanceCommitIndex { index }
        } else {
            Action::LearnCommitIndex { index }
        });
        if let Some(action) = pending.clone() {
            match self.spec.take(node, action) {
                Ok(()) => pending = None,
                Err(violation) if self.held.is_empty() => return Err(violation),
                Err(_) => {}
            }
        }
        for note in core::mem::take(&mut self.held) {
            match *note {
                Note::Write { at, record: Written::Entries(entries) } => {
                    self.write_entries(node, at, &entries)?;
                }
                Note::Write { at, record } => self.write(node, at, &record)?,
                Note::Say { to, word, after } => self.say_at_last(node, to, &word, after, &mut pending)?,
                _ => {}
            }
        }
        pending.map_or(Ok(()), |action| self.spec.take(node, action))
    }

    fn say_at_last(
        &mut self,
        node: NodeId,
        to: NodeId,
        word: &Word,
        after: Lsn,
        pending: &mut Option<Action>,
    ) -> Step {
        self.say(node, to, word, after)?;
        if self.held.is_empty() {
            return Ok(());
        }
        self.held.clear();
        if let Some(action) = pending.take() {
            self.spec.take(node, action)?;
        }
        self.say(node, to, word, after)?;
        // Held once more: the step has not committed that much.
        let too_much = !self.held.is_empty();
        self.held.clear();
        if too_much { self.tells_too_much(node, word) } else { Ok(()) }
    }

    fn tells_too_much(&mut self, node: NodeId, word: &Word) -> Step {
        let action = match *word {
            Word::Append { term, commit, .. } | Word::Commit { term, commit } => {
                Action::TellCommit { term, index: commit }
            }
            Word::IndexIs { term, index } => Action::TellIndex { term, index },
            Word::Snapshot { term, last, ref membership } => {
                Action::SendSnapshot { term, last, membership: membership.clone() }
            }
            _ => Action::Stutter,
        };
        self.spec.take(node, action)
    }

    /// What damage has left is not the specification's to say; but it can only be what leaders have made, and the vote that was given.
    fn adopt(
        &mut self,
        node: NodeId,
        place: usize,
        state: &State,
        log: impl FnOnce() -> Option<Vec<Entries>>,
    ) -> Step {
        if self.heard.starts {
            self.spec.raise(place, state.term);
        }
        let own = self.spec.at(place);
        if (own.log.last() != state.last || own.log.base() != state.base)
            && let Some(held) = log()
        {
            let (index, membership) = own.log.founding().clone();
            let mut adopted = History::default();
            adopted.reset(state.base);
            adopted.restore(index, membership);
            for entries in held {
                if let Err(guard) = self.spec.made(&entries) {
                    return Self::refuse(node, Action::Mend { entries }, guard);
                }
                adopted.push(entries.last, entries.term, entries.membership);
            }
            adopted.restore_above(index);
            self.spec.at_mut(place).log = adopted;
        }
        if self.spec.at(place).damaged && !state.damaged && !self.heard.starts {
            self.spec.take(node, Action::BeWhole { term: state.term })?;
        }
        let cast = self.spec.cast.get(&(state.term, node)).copied();
        let own = self.spec.at_mut(place);
        (own.damaged, own.in_doubt) = (state.damaged, state.in_doubt);
        if self.heard.starts {
            own.commit = own.snapshot.index;
        }
        // It says that nothing is missing: then it knows its vote, has read another state, or has spent the vote on itself since.
        let read = own.voted_for == state.voted_for || state.voted_for == Some(node);
        let knows = self.heard.starts && !state.damaged && !read;
        own.voted_for = if knows { cast.or(state.voted_for) } else { state.voted_for };
        Ok(())
    }

    #[cold]
    fn refuse(server: NodeId, action: Action, guard: Guard) -> Step {
        Err(Box::new(Violation { server, action, guard }))
    }
}

#[inline]
const fn part_of(role: Role) -> Part {
    match role {
        Role::Follower | Role::PreCandidate => Part::Follower,
        Role::Candidate => Part::Candidate,
        Role::Leader => Part::Leader,
    }
}
