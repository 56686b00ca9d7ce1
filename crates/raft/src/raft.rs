//! The state of a node, and where its inputs go.

use crate::gathered::Gathered;
use crate::lease::{Guard, Lease};
use crate::log::Ghost;
use crate::mending::{Mending, NOBODY};
use crate::progress::{Progress, Stamp};
use crate::read::Reads;
use crate::recall::Recall;
use crate::receiving::Reception;
use crate::reconfiguration::CatchUp;
use crate::roster::{Roster, Seats};
use crate::transfer::Handover;
use crate::{
    Command, Config, ConfigError, Done, EntryId, Event, Illegal, Index, Job, Log, Message, Record,
    RecoverError, Refusal, Term, Timer,
};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::{Bytes, Context, Damage, Input, Lane, Link, Lsn, NodeId, Protocol, Recovered, Sink, mutant};

/// What a node is in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether it would win an election.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// One node of a Raft cluster.
///
/// It is a [`Protocol`]: a driver feeds it inputs and carries out its effects. Whoever wants Raft without a driver of the
/// workspace's uses [`Node`](crate::Node), which wraps this value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft {
    pub(crate) config: Arc<Config>,
    /// The memberships in the log.
    pub(crate) roster: Roster,
    /// What follows from the last of them.
    pub(crate) seats: Arc<Seats>,
    /// The other voters.
    pub(crate) others: Arc<[NodeId]>,

    // Durable: what records say.
    pub(crate) term: Term,
    pub(crate) voted_for: Option<NodeId>,
    pub(crate) log: Log,
    /// The application's durable state covers everything up to here.
    pub(crate) snapshot: EntryId,
    /// Where the newest record with term and vote lies; 0 before the first.
    pub(crate) hard_state_at: Ghost,
    /// Where the newest snapshot record lies; 0 before the first.
    pub(crate) snapshot_at: Ghost,

    // Lost in a crash.
    pub(crate) role: Role,
    pub(crate) leader: Option<NodeId>,
    pub(crate) commit: Index,
    /// The application was given everything up to here.
    pub(crate) delivered: Index,
    /// A leader was heard less than the shortest election timeout ago.
    pub(crate) loyal: bool,
    /// Follower: the log is equal to the leader's up to here.
    pub(crate) verified: Index,
    /// Follower: the farthest acknowledgement given in this term, be it still held back by the disk.
    pub(crate) promised: Index,
    /// Follower: the last round heard from the leader of this term. Leader: the last that it has begun, from 1 in each term. A
    /// quorum that echoes a round confirms that this node led when the round was begun.
    pub(crate) round: u64,
    /// Candidate: whose votes it has.
    pub(crate) votes: Vec<NodeId>,
    /// Candidate, and whoever has ceased to be one for nothing else: who has refused its vote.
    pub(crate) refusals: Vec<NodeId>,
    /// Leader: what it knows about each of those to whom it speaks, in the order of `seats.all`.
    pub(crate) progress: Vec<Progress>,
    /// Peers whose links speak a version before this node's.
    pub(crate) outdated: Vec<NodeId>,
    /// Leader: learners that it will make voters.
    pub(crate) catching_up: Vec<CatchUp>,
    /// Leader: proposals that wait for the end of the burst.
    pub(crate) gathered: Gathered,
    /// There may be something to send at the end of the burst.
    pub(crate) dirty: bool,
    pub(crate) reads: Reads,
    pub(crate) reception: Reception,
    pub(crate) recall: Recall,
    /// Leader: payload bytes in its log that are not committed.
    pub(crate) uncommitted_bytes: usize,
    pub(crate) lease: Lease,
    pub(crate) guard: Guard,
    pub(crate) handover: Handover,
    /// The first record that could not be read at the start.
    pub(crate) damage: Option<(Lsn, Damage)>,
    /// What it lacks, after a start from a damaged log.
    pub(crate) mending: Option<Box<Mending>>,
    pub(crate) halted: bool,
    /// How often term, role or leader have changed.
    pub(crate) turns: Ghost,
    /// Which start of the node this is. Only numbers of questions are made from it.
    pub(crate) incarnation: Ghost,
}

impl Raft {
    /// A node that has never run; [`recover`](Protocol::recover) gives it its memory back.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let config = config.validated()?;
        let roster = Roster::new(config.membership(), config.quorum.clone());
        let mut raft = Self {
            config: Arc::new(config),
            seats: Arc::new(roster.seats(Index::ZERO)),
            roster,
            others: Arc::default(),
            term: Term::ZERO,
            voted_for: None,
            log: Log::default(),
            snapshot: EntryId::ZERO,
            hard_state_at: Ghost(0),
            snapshot_at: Ghost(0),
            role: Role::Follower,
            leader: None,
            commit: Index::ZERO,
            delivered: Index::ZERO,
            loyal: false,
            verified: Index::ZERO,
            promised: Index::ZERO,
            round: 0,
            votes: Vec::new(),
            refusals: Vec::new(),
            progress: Vec::new(),
            outdated: Vec::new(),
            catching_up: Vec::new(),
            gathered: Gathered::default(),
            dirty: false,
            reads: Reads::default(),
            reception: Reception::default(),
            recall: Recall::default(),
            uncommitted_bytes: 0,
            lease: Lease::default(),
            guard: Guard::default(),
            handover: Handover::default(),
            damage: None,
            mending: None,
            halted: false,
            turns: Ghost(0),
            incarnation: Ghost(0),
        };
        raft.take_seats();
        Ok(raft)
    }

    /// The place of a node among those to whom a leader speaks.
    pub(crate) fn place(&self, id: NodeId) -> Option<usize> {
        self.seats.place(id)
    }

    /// Writes term and vote, always together.
    pub(crate) fn persist_hard_state<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let voted_for = mutant!(self.stated_vote(), "vote-not-written" => None);
        self.hard_state_at.0 = cx.persist(Record::HardState { term: self.term, voted_for }).0;
    }

    /// Drops a message that no correct node sends.
    pub(crate) fn illegal<S: Sink<Self> + ?Sized>(
        &self,
        from: NodeId,
        reason: Illegal,
        cx: &mut Context<'_, Self, S>,
    ) {
        trail!(
            warn,
            node = self.config.id.0,
            term = self.term.0,
            peer = from.0,
            reason = ?reason,
            "illegal message dropped"
        );
        // Early: says what was seen, promises nothing.
        cx.emit_early(Event::Illegal { from, reason });
    }

    fn on_propose<S: Sink<Self> + ?Sized>(
        &mut self,
        token: u64,
        payload: Bytes,
        cx: &mut Context<'_, Self, S>,
    ) {
        let reason = if self.role != Role::Leader {
            Refusal::NotLeader
        } else if payload.len() > self.config.payload_bytes_max {
            Refusal::TooLarge
        } else if self.log.last().index.plus(self.gathered.len() as u64) >= Index::MAX {
            Refusal::LogFull
        } else if self.handover.transfer.is_some() {
            Refusal::Transferring
        } else if self.is_full_with(payload.len()) {
            Refusal::Busy
        } else {
            return self.gather(token, &payload, cx);
        };
        trail!(
            debug,
            node = self.config.id.0,
            term = self.term.0,
            reason = ?reason,
            "proposal refused"
        );
        // Early: the proposal went nowhere, so there is nothing to take back.
        cx.emit_early(Event::Refused { token, payload, leader: self.leader, reason });
    }

    fn on_message<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        message: Message,
        cx: &mut Context<'_, Self, S>,
    ) {
        if message.term() > Term::MAX {
            return self.illegal(from, Illegal::ImpossibleTerm, cx);
        }
        if from == NOBODY {
            // A vote for it would read as doubt.
            return self.illegal(from, Illegal::ReservedId, cx);
        }
        // What is to oneself are promises that have become durable.
        let own = matches!(message, Message::Voted { granted: true, .. } | Message::Appended { .. });
        if from == self.config.id && !own {
            return self.illegal(from, Illegal::FromOneself, cx);
        }
        self.ask_a_stranger(from, cx);
        match message {
            // Candidates and leaders may be of a membership that this node does not know yet, or not any more: they are judged by
            // their terms and logs alone (section 4.1 of the thesis). Who was removed and campaigns meets loyalty (section 4.2.3).
            Message::PreVote { term, last } => self.on_pre_vote(from, term, last, cx),
            Message::PreVoted { term, granted } => self.on_pre_voted(from, term, granted, cx),
            Message::RequestVote { term, last, by_transfer } => {
                self.on_request_vote(from, term, last, by_transfer, cx);
            }
            Message::Voted { term, granted } => self.on_voted(from, term, granted, cx),
            Message::Append { term, prev_term, commit, round, entries } => {
                self.on_append(from, Stamp { term, round }, prev_term, commit, entries, cx);
            }
            Message::Commit { term, commit } => self.on_commit(from, term, commit, cx),
            Message::AskIndex { number, mode, .. } => self.on_ask_index(from, number, mode, cx),
            Message::IndexIs { number, index, .. } => self.on_index_is(from, number, index, cx),
            Message::Lend { term, loan } => self.on_lend(from, term, *loan, cx),
            Message::Borrow { hint, .. } => self.on_borrow(from, hint, cx),
            Message::TimeoutNow { term } => self.on_timeout_now(from, term, cx),
            Message::Claim { term, priority } => self.on_claim(from, term, priority, cx),
            Message::Piece { term, round, piece } => self.on_piece(from, Stamp { term, round }, *piece, cx),
            Message::Demand { index_min, .. } => self.on_demand(from, index_min, cx),
            Message::Whole { term, round, target } => self.on_whole(from, Stamp { term, round }, target, cx),
            Message::HowFar { .. } => self.on_how_far(from, cx),
            Message::SoFar { term, said } => self.on_so_far(from, term, *said, cx),
            Message::Mend { after, upto, .. } => self.on_mend(from, after, upto, cx),
            Message::Mended { loan, .. } => self.on_mended(from, *loan, cx),
            Message::Appended { term, .. }
            | Message::Uncounted { term, .. }
            | Message::Rejected { term, .. }
            | Message::Stored { term, .. }
            | Message::Lost { term, .. }
            | Message::Heard { term, .. } => {
                // The late answer of somebody who has been removed says nothing.
                if let Some(place) = self.place(from) {
                    self.on_answer(from, place, term, &message, cx);
                }
            }
        }
    }

    /// The host has done something.
    fn on_done<S: Sink<Self> + ?Sized>(&mut self, done: Done, cx: &mut Context<'_, Self, S>) {
        match done {
            Done::Open { to, found } => self.on_opened(to, found, cx),
            Done::Read { to, offset, bytes } => self.on_read_piece(to, offset, bytes, cx),
            Done::Write { snapshot, stored } => self.on_written(&snapshot, stored, cx),
            Done::Install { snapshot, installed } => self.on_installed(&snapshot, installed, cx),
            Done::Recall { at, entries } => self.on_recalled(at, entries, cx),
        }
    }

    fn on_answer<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        place: usize,
        term: Term,
        message: &Message,
        cx: &mut Context<'_, Self, S>,
    ) {
        match *message {
            Message::Appended { matched, round, .. } => {
                self.on_appended(from, place, Stamp { term, round }, matched, false, cx);
                self.on_echo(cx);
            }
            Message::Uncounted { matched, round, .. } => {
                self.on_appended(from, place, Stamp { term, round }, matched, true, cx);
            }
            Message::Rejected { prev, hint, round, .. } => {
                self.on_rejected(from, place, Stamp { term, round }, prev, hint, cx);
                self.on_echo(cx);
            }
            Message::Stored { round, digest, stored, .. } => {
                self.on_stored(from, place, Stamp { term, round }, digest, stored, cx);
                self.on_echo(cx);
            }
            Message::Lost { round, last, doubted, .. } => {
                self.on_lost(from, place, Stamp { term, round }, last.index, doubted, cx);
            }
            Message::Heard { round, .. } => {
                self.answered(from, place, Stamp { term, round }, cx);
                self.on_echo(cx);
            }
            _ => {}
        }
    }
}

impl Protocol for Raft {
    type Message = Message;
    type Record = Record;
    type Command = Command;
    type Event = Event;
    type Timer = Timer;
    type Job = Job;
    type Done = Done;
    type Error = RecoverError;

    fn recover(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        self.take_back(at, record)
    }

    #[inline]
    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        // After a burst there is mostly nothing to seal or to send.
        if !self.halted && (!matches!(input, Input::Flush) || self.wants_flush()) {
            self.take(input, cx);
        }
    }

    #[inline]
    fn wants_flush(&self) -> bool {
        !self.gathered.is_empty() || self.dirty
    }

    fn lane(message: &Message) -> Lane {
        match message {
            Message::Append { entries, .. } if !entries.is_empty() => Lane::Log,
            Message::Lend { .. } | Message::Mended { .. } => Lane::Log,
            // An offer is small, and must not wait behind the pieces whose loss it is to find out.
            Message::Piece { piece, .. } if !piece.bytes.is_empty() => Lane::Bulk,
            _ => Lane::Control,
        }
    }
}

impl Raft {
    /// What `step` does where there is something to do: apart, so that a flush that finds nothing costs nothing.
    #[inline(never)]
    fn take<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        let (term, role, leader) = (self.term, self.role, self.leader);
        match input {
            Input::Start { incarnation, log } => self.on_start(incarnation, log, cx),
            Input::Message(from, message) => self.on_message(from, message, cx),
            Input::Timer(Timer::Election) => self.on_election_timeout(cx),
            Input::Timer(Timer::Heartbeat) => self.on_heartbeat(cx),
            Input::Timer(Timer::CheckQuorum) => self.on_check_quorum(cx),
            Input::Timer(Timer::Reads) => self.on_reads_timeout(cx),
            Input::Timer(Timer::Guard) => self.on_guard_timer(cx),
            Input::Timer(Timer::Transfer) => self.on_transfer_timeout(cx),
            Input::Timer(Timer::Claim) => self.on_claim_timer(cx),
            Input::Timer(Timer::Census) => self.take_census(cx),
            // Nothing that anybody observes changes.
            Input::Command(Command::Propose { token, payload }) => {
                return self.on_propose(token, payload, cx);
            }
            Input::Command(Command::Campaign) => {
                self.handover.resigned = false;
                self.campaign(cx);
            }
            Input::Command(Command::Read { token, mode }) => self.on_read(token, mode, cx),
            Input::Command(Command::Transfer { to }) => self.on_transfer(to, cx),
            Input::Command(Command::Resign) => self.on_resign(cx),
            Input::Command(Command::Compact { upto }) => self.on_compact(upto, cx),
            Input::Command(Command::DemandSnapshot) => self.on_demand_snapshot(cx),
            Input::Command(Command::ChangeMembership { token, change }) => self.on_change(token, &change, cx),
            Input::Link(peer, link) => self.on_link(peer, link),
            Input::Flush => self.on_flush(cx),
            Input::Rewrite(below) => self.on_rewrite(below, cx),
            Input::Done(done) => self.on_done(done, cx),
        }
        if term != self.term || role != self.role || leader != self.leader {
            self.turns.0 += 1;
            trail!(
                info,
                node = self.config.id.0,
                term = self.term.0,
                role = ?self.role,
                leader = self.leader.map_or(0, |leader| leader.0),
                "role changed"
            );
            // Early: says what this node believes now; the log on disk decides what it believes after a crash.
            cx.emit_early(Event::Role { term: self.term, role: self.role, leader: self.leader });
        }
    }

    fn on_link(&mut self, peer: NodeId, link: Link) {
        if let Link::Up { version } = link {
            self.outdated.retain(|id| *id != peer);
            // A transport that says 0 negotiates none.
            if (1..self.config.version_max).contains(&version) {
                self.outdated.push(peer);
                self.outdated.sort_unstable();
            }
        }
        if self.role != Role::Leader || peer == self.config.id {
            return;
        }
        let Some(progress) = self.place(peer).and_then(|place| self.progress.get_mut(place)) else { return };
        match link {
            // A stream asks by itself what has arrived.
            _ if progress.pace == crate::Pace::Snapshot => {}
            // What was on its way may be lost: ask what has arrived before sending more. The next heartbeat asks.
            Link::Down | Link::Congested => progress.probe(true),
            Link::Up { .. } => {
                if progress.pace != crate::Pace::Replicate {
                    progress.probe(false);
                    progress.due = true;
                    self.dirty = true;
                }
            }
        }
    }
}
