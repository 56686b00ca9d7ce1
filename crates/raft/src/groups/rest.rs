//! Groups that rest, and what wakes them.

use super::message::{Beat, Letter};
use super::peers::News;
use super::{Act, Event, Groups};
use crate::{GroupId, Index, Message, Role, Term, Timer};
use alloc::vec::Vec;
use synod_core::{Context, Input, Lane, Lsn, NodeId, Sink, mutant};

/// Resting groups that a node is asked about with each sign of life.
const AUDIT_MAX: usize = 16;

/// What runs while a leader has nothing to do.
const IDLE: [Timer; 3] = [Timer::Heartbeat, Timer::CheckQuorum, Timer::Claim];

/// What a group does about resting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rest {
    /// Nothing. A leader has been quiet for so many heartbeats.
    Awake { quiet: u32 },
    /// The leader asks the others, and these have agreed.
    Asking { agreed: Vec<NodeId> },
    /// It rests, under this leader; for its leader, without these.
    Resting { under: NodeId, term: Term, absent: Vec<NodeId> },
}

/// Why a group does not rest any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The application wants something.
    Application,
    /// Somebody has spoken: the leader must know, or it rests on while another campaigns.
    Peer,
    /// The leader itself has.
    Leader,
    /// The leader is gone, or does not lead.
    Leaderless,
}

impl Rest {
    pub(super) const AWAKE: Self = Self::Awake { quiet: 0 };
}

impl Groups {
    /// Something happens in a group that is more than its routine.
    pub(super) fn disturb<S: Sink<Self> + ?Sized>(
        &mut self,
        id: GroupId,
        cause: Cause,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if let Rest::Resting { under, term, .. } = core::mem::replace(&mut group.rest, Rest::AWAKE) {
            self.leave_rest(id, under);
            self.run(id, Act::Wake { loyal: cause != Cause::Leaderless }, cx);
            if under != cx.me() && matches!(cause, Cause::Application | Cause::Peer) {
                self.write(under, id, Letter::Wake { term });
            }
        }
    }

    fn leave_rest(&mut self, id: GroupId, under: NodeId) {
        if let Some(resting) = self.resting.get_mut(&under) {
            resting.remove(&id);
            if resting.is_empty() {
                self.resting.remove(&under);
            }
        }
    }

    pub(super) fn forget_rest(&mut self, id: GroupId, rest: &Rest) {
        if let Rest::Resting { under, .. } = rest {
            self.leave_rest(id, *under);
        }
    }

    fn enter_rest<S: Sink<Self> + ?Sized>(
        &mut self,
        id: GroupId,
        under: NodeId,
        absent: Vec<NodeId>,
        cx: &mut Context<'_, Self, S>,
    ) {
        self.run(id, Act::Rest, cx);
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.rest = Rest::Resting { under, term: group.raft.term, absent };
        self.resting.entry(under).or_default().insert(id);
    }

    /// After a step: who rests does so under the leader and in the term that were agreed on.
    pub(super) fn check_rest<S: Sink<Self> + ?Sized>(&mut self, id: GroupId, cx: &mut Context<'_, Self, S>) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let raft = &group.raft;
        match &group.rest {
            Rest::Awake { .. } => {}
            Rest::Asking { .. } if raft.role == Role::Leader => {}
            Rest::Asking { .. } => group.rest = Rest::AWAKE,
            Rest::Resting { under, term, .. } if raft.term == *term && raft.leader == Some(*under) => {}
            Rest::Resting { under, .. } => {
                let under = *under;
                group.rest = Rest::AWAKE;
                self.leave_rest(id, under);
                // Whoever leads now has just been heard.
                self.run(id, Act::Wake { loyal: true }, cx);
            }
        }
    }

    /// The leader's heartbeat is due: does it become a question whether to rest?
    pub(super) fn before_heartbeat(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id).filter(|_| self.settings.hibernate) else { return };
        let idle =
            group.alarms.none_but(&IDLE) && group.raft.leads_idly(|peer| self.peers.is_suspected(peer));
        match &mut group.rest {
            rest if !idle => *rest = Rest::AWAKE,
            Rest::Awake { quiet } => {
                *quiet += 1;
                if *quiet >= self.settings.rest_after {
                    group.rest = Rest::Asking { agreed: Vec::new() };
                }
            }
            _ => {}
        }
    }

    /// A leader that asks rests when everybody has agreed who is there, and a quorum is.
    pub(super) fn try_rest<S: Sink<Self> + ?Sized>(&mut self, id: GroupId, cx: &mut Context<'_, Self, S>) {
        let Some(group) = self.groups.get(&id) else { return };
        let Rest::Asking { agreed } = &group.rest else { return };
        let me = cx.me();
        let missing =
            group.raft.seats.all.iter().copied().filter(|peer| *peer != me && !agreed.contains(peer));
        let absent: Vec<NodeId> = missing.collect();
        let is_gone = |peer: &NodeId| self.peers.is_suspected(*peer);
        if mutant!(absent.iter().all(is_gone), "rests-before-all-agree" => true)
            && group.raft.leads_idly(|peer| absent.contains(&peer))
            && group.alarms.none_but(&IDLE)
        {
            self.enter_rest(id, me, absent, cx);
        }
    }

    /// The leader asks this follower to rest. It is a heartbeat first.
    pub(super) fn on_rest<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        id: GroupId,
        beat: &Beat,
        cx: &mut Context<'_, Self, S>,
    ) {
        self.run(id, Act::Step(Input::Message(from, beat.message())), cx);
        let Some(group) = self.groups.get(&id) else { return };
        let ready = self.settings.hibernate
            && group.raft.follows_idly(from, beat)
            && group.promised <= cx.durable()
            && group.alarms.none_but(&[Timer::Election])
            && self.peers.is_alive(from);
        if ready {
            self.enter_rest(id, from, Vec::new(), cx);
            self.write(from, id, Letter::Rests { term: beat.term, last: beat.prev.index });
        } else {
            // The question may have come late, when the leader rests: whoever it wakes must not be alone with that.
            self.disturb(id, Cause::Peer, cx);
        }
    }

    pub(super) fn on_rests<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        id: GroupId,
        (term, last): (Term, Index),
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let raft = &group.raft;
        let current = raft.term == term && raft.log.last().index == last && raft.place(from).is_some();
        match &mut group.rest {
            Rest::Asking { agreed } if current && !agreed.contains(&from) => agreed.push(from),
            _ => return,
        }
        self.try_rest(id, cx);
    }

    /// Somebody asks not to rest: the leader because it is needed, a follower because it should not rely on the sender.
    pub(super) fn on_wake<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        id: GroupId,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(group) = self.groups.get(&id) else { return };
        if group.raft.role == Role::Leader {
            self.disturb(id, Cause::Peer, cx);
        } else if matches!(group.rest, Rest::Resting { under, .. } if under == from) {
            self.disturb(id, Cause::Leaderless, cx);
        }
    }

    /// Somebody rests and believes that this node leads.
    pub(super) fn on_audit(&mut self, from: NodeId, id: GroupId, term: Term) {
        let raft = self.groups.get(&id).map(|group| &group.raft);
        let leads = raft.is_some_and(|raft| raft.role == Role::Leader && raft.term == term && !raft.halted);
        if !mutant!(leads, "audit-not-answered" => true) {
            self.write(from, id, Letter::Wake { term: raft.map_or(term, |raft| raft.term) });
        }
    }

    /// Whether a message of Raft's leaves a resting group, or the quiet of its leader, undisturbed: the answers to what this node said
    /// before, and its promises to itself.
    pub(super) fn is_routine(&self, from: NodeId, id: GroupId, message: &Message, me: NodeId) -> bool {
        let Some(group) = self.groups.get(&id) else { return true };
        let answer = matches!(message, Message::Appended { .. } | Message::Heard { .. });
        let routine = from == me || (answer && message.term() <= group.raft.term);
        mutant!(
            routine,
            "resting-voter-stays-asleep" => routine || matches!(message, Message::PreVote { .. } | Message::RequestVote { .. }),
        )
    }

    /// Something has come from a node: it lives, in this incarnation.
    pub(super) fn on_sign_of_life<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        incarnation: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        let suspected = self.peers.is_suspected(from);
        let news = self.peers.heard(from, incarnation, cx.now());
        if suspected && news != News::Nothing {
            // Early: says what was seen.
            cx.emit_early(Event::Peer { id: from, heard: true });
        }
        match news {
            News::Nothing => {}
            News::Back => {
                let lacks = |rest: &Rest, _: &crate::Raft| matches!(rest, Rest::Resting { absent, .. } if absent.contains(&from));
                mutant!(self.wake_led(lacks, cx), "returning-node-not-woken-for" => ());
            }
            News::Restarted => {
                self.wake_under(from, cx);
                self.wake_led(|_, raft| raft.place(from).is_some(), cx);
            }
        }
    }

    /// Wakes those groups that rest under this node of which this holds.
    fn wake_led<S: Sink<Self> + ?Sized>(
        &mut self,
        which: impl Fn(&Rest, &crate::Raft) -> bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        let led = self.resting.get(&cx.me()).into_iter().flatten().copied();
        let wanted =
            led.filter(|id| self.groups.get(id).is_some_and(|group| which(&group.rest, &group.raft)));
        for id in wanted.collect::<Vec<_>>() {
            self.disturb(id, Cause::Application, cx);
        }
    }

    /// Wakes all groups that rest under another node.
    fn wake_under<S: Sink<Self> + ?Sized>(&mut self, leader: NodeId, cx: &mut Context<'_, Self, S>) {
        let under: Vec<GroupId> = self.resting.get(&leader).into_iter().flatten().copied().collect();
        for id in under {
            self.disturb(id, Cause::Leaderless, cx);
        }
    }

    /// Time for a sign of life, and to look who has given none.
    pub(super) fn on_beat<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let now = cx.now();
        let (interval, after) = (self.settings.beat_interval, self.settings.suspect_after);
        if now.since(self.beat_at) * 2 >= after {
            self.peers.forgive(now);
        }
        self.beat_at = now + interval;
        for peer in self.peers.ids().collect::<Vec<_>>() {
            self.audit(peer);
            if self.peers.is_owed(peer, interval, now) {
                self.outbox.greet(peer);
            }
        }
        for suspect in self.peers.suspect(after, now) {
            // Early: says what was not seen.
            cx.emit_early(Event::Peer { id: suspect, heard: false });
            mutant!(self.wake_under(suspect, cx), "dead-leader-not-noticed" => ());
        }
    }

    /// Asks a node about some of the groups that rest under it: it may have removed them, or lost its memory in a way that nobody saw.
    fn audit(&mut self, peer: NodeId) {
        let Some(resting) = self.resting.get(&peer) else { return };
        let Some(audited) = self.peers.audited(peer) else { return };
        let from = GroupId(audited.0.saturating_add(1));
        let some: Vec<GroupId> =
            resting.range(from..).chain(resting.range(..from)).take(AUDIT_MAX).copied().collect();
        if let Some(last) = some.last() {
            *audited = *last;
        }
        for id in some {
            if let Some(term) = self.groups.get(&id).map(|group| group.raft.term) {
                self.write(peer, id, Letter::Audit { term });
            }
        }
    }

    /// Writes a letter that promises nothing.
    pub(super) fn write(&mut self, to: NodeId, id: GroupId, letter: Letter) {
        self.outbox.push(&to.into(), (Lane::Control, Lsn::ZERO, Lsn::ZERO), id, letter);
    }
}
