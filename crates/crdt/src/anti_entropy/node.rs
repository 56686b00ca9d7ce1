//! What a node does with what it gets.

use super::{AntiEntropy, Command, Event, Identity, Members, Message, Record, RecoverError};
use crate::{ActorId, CausalContext, Change, Counters, Crdt, Dot, Refused};
use alloc::vec::Vec;
use core::hash::Hash;
use synod_core::{Context, Damage, Input, Lane, Lsn, Never, NodeId, Protocol, Recovered, Sink, mutant};

/// How many deltas go into one message.
const DELTAS_MAX: usize = 64;

/// After how many pauses at the latest a silent peer is sent again what it has not acknowledged.
const SILENCE_MAX: u64 = 64;

type Said<C> = Message<<C as Crdt>::Delta, <C as Crdt>::Version>;

impl<C: Crdt<Delta: Hash, Version: Hash> + Hash> Protocol for AntiEntropy<C> {
    type Message = Said<C>;
    type Record = Record<C::Delta, C>;
    type Command = Command<C::Action>;
    type Event = Event;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = RecoverError;

    fn recover(&mut self, at: Lsn, record: Recovered<Self::Record>) -> Result<(), RecoverError> {
        self.records += 1;
        let taken = match record {
            Recovered::Intact(Record::Delta(delta)) => self.state.join(&delta),
            Recovered::Intact(Record::State(state)) => {
                mutant!(self.state.merge(&state), "snapshot-not-read" => Ok(Change::Same))
            }
            Recovered::Intact(Record::Members(members)) => {
                self.set_members(Members { doubtful: members.doubtful || self.members.doubtful, ..members });
                return Ok(());
            }
            Recovered::Damaged(damage) => return self.recover_damaged(at, damage),
        };
        match taken {
            Ok(_) => Ok(()),
            // What was lost with a damaged record, the peers have or nobody has seen.
            Err(why) if why.is_early() && self.config.identity == Identity::Incarnation => Ok(()),
            Err(why) => Err(RecoverError::Contradiction { at, why }),
        }
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { incarnation, .. } => {
                self.incarnation = incarnation;
                self.tick(cx);
            }
            Input::Timer(()) => self.tick(cx),
            Input::Command(Command::Act { token, action }) => self.act(token, action, cx),
            Input::Command(Command::Welcome { token, peer }) => self.change(token, peer, true, cx),
            Input::Command(Command::Forget { token, peer }) => self.change(token, peer, false, cx),
            Input::Command(Command::Retire { token, actor }) => match self.forget(actor, cx.me()) {
                Ok(()) => {
                    // No record and no delta that names it outlives this; a peer that lags is caught up from the state.
                    self.backlog.clear();
                    self.write_state(cx);
                    cx.emit(Event::Stored { token });
                }
                Err(why) => cx.emit_early(Event::Refused { token, why }),
            },
            Input::Message(from, message) if self.peers.contains_key(&from) => self.hear(from, message, cx),
            Input::Flush => self.send_news(cx),
            Input::Rewrite(_) => self.write_state(cx),
            _ => {}
        }
    }

    fn wants_flush(&self) -> bool {
        self.peers.values().any(|peer| peer.sent < self.last)
    }

    fn lane(message: &Said<C>) -> Lane {
        match message {
            Message::Deltas { .. } => Lane::Log,
            Message::Ack { .. } | Message::Digest { .. } => Lane::Control,
            Message::CatchUp { .. } => Lane::Bulk,
        }
    }
}

impl<C: Crdt<Delta: Hash, Version: Hash> + Hash> AntiEntropy<C> {
    fn recover_damaged(&mut self, at: Lsn, _: Damage) -> Result<(), RecoverError> {
        match self.config.identity {
            Identity::Incarnation => {
                self.members.doubtful = true;
                Ok(())
            }
            Identity::Node => Err(RecoverError::Damaged { at }),
        }
    }

    fn act<S: Sink<Self> + ?Sized>(&mut self, token: u64, action: C::Action, cx: &mut Context<'_, Self, S>) {
        match self.state.act(self.actor(), action) {
            Ok(op) => {
                let delta = C::delta_of(&op);
                mutant!(self.keep(delta.clone(), cx), "action-not-written" => ());
                self.backlog.push_back(delta);
                self.last += 1;
                self.trim();
                cx.emit(Event::Stored { token });
            }
            Err(why) => cx.emit_early(Event::Refused { token, why }),
        }
    }

    /// A peer comes or goes, for good: the answer waits for the disk.
    fn change<S: Sink<Self> + ?Sized>(
        &mut self,
        token: u64,
        peer: NodeId,
        welcome: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        if peer == cx.me() {
            return cx.emit_early(Event::Refused { token, why: Refused::NotThere });
        }
        if self.members.changes.insert(peer, welcome) != Some(welcome) {
            self.set_peer(peer, welcome);
            self.trim();
            cx.persist(Record::Members(self.members.clone()));
            self.records += 1;
        }
        cx.emit(Event::Stored { token });
    }

    /// Forgets an actor, if nothing is left of it here nor at any peer.
    fn forget(&mut self, actor: ActorId, me: NodeId) -> Result<(), Refused> {
        if self.may_write(actor, me) {
            return Err(Refused::StillWrites { actor });
        }
        // That a peer has seen all that is seen here is not enough: a removal makes no dot, and where it has not been heard of, what it
        // removed lives.
        if !self.peers.values().all(|peer| peer.same) {
            return Err(Refused::Unstable { actor });
        }
        if !self.state.forget(actor) {
            return Err(Refused::StillThere { actor });
        }
        self.stability.forget(actor);
        Ok(())
    }

    /// Whether this node or a peer writes as this actor, or may yet.
    fn may_write(&self, actor: ActorId, me: NodeId) -> bool {
        let node = actor.node();
        let now = match (self.peers.get(&node), self.config.identity) {
            (None, _) if node != me => return false,
            (_, Identity::Node) => return true,
            (None, Identity::Incarnation) => Some(self.incarnation),
            (Some(peer), Identity::Incarnation) => peer.heard.map(|(incarnation, _)| incarnation),
        };
        now.is_none_or(|incarnation| actor >= ActorId::of(node, incarnation))
    }

    /// Writes what has been added to the state, and from time to time the state.
    fn keep<S: Sink<Self> + ?Sized>(&mut self, delta: C::Delta, cx: &mut Context<'_, Self, S>) {
        self.peers.values_mut().for_each(|peer| peer.same = false);
        self.swept = None;
        cx.persist(Record::Delta(delta));
        self.records += 1;
        if self.records >= self.config.records_max {
            self.write_state(cx);
        }
    }

    fn write_state<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let mut at = None;
        if self.members != Members::default() {
            at = Some(cx.persist(Record::Members(self.members.clone())));
        }
        let state = cx.persist(Record::State(self.state.clone()));
        let at = at.unwrap_or(state);
        self.records = 1;
        if let Some(before) = at.0.checked_sub(1) {
            cx.release(Lsn(before));
        }
    }

    fn tick<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.collects() {
            let seen = self.seen();
            self.stability.heard(cx.me(), seen.clone());
            let stable = mutant!(self.stability.stable(&seen), "garbage-before-its-time" => seen.clone());
            if self.swept.as_ref() != Some(&stable) {
                self.collected += self.state.collect(&stable) as u64;
                self.swept = Some(stable);
            }
        }
        for peer in self.peers.values_mut() {
            // Less and less often to whoever is silent: after 1, 2, 4 … pauses, and every 64.
            peer.silent = peer.silent.saturating_add(1);
            if peer.silent.is_power_of_two() || peer.silent.is_multiple_of(SILENCE_MAX) {
                peer.sent = peer.acked;
            }
        }
        self.send_news(cx);
        let lucky = cx.below(self.peers.len() as u64);
        if let Some(peer) = usize::try_from(lucky).ok().and_then(|at| self.peers.keys().nth(at)).copied() {
            self.ask(peer, cx);
        }
        cx.arm((), self.config.pause);
    }

    fn ask<S: Sink<Self> + ?Sized>(&self, peer: NodeId, cx: &mut Context<'_, Self, S>) {
        // A digest promises what is in it, so it waits for the disk as everything does.
        cx.send(peer, Message::Digest { version: self.state.version(), seen: self.seen() });
    }

    /// To each peer, what it has not been sent.
    fn send_news<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let oldest = self.last - self.backlog.len() as u64 + 1;
        let seen = self.seen();
        for (id, peer) in &mut self.peers {
            while peer.sent < self.last {
                // A peer that is further behind sees the gap, and asks for all it lacks.
                let first = oldest.max(peer.sent + 1);
                let skip = usize::try_from(first - oldest).unwrap_or(usize::MAX);
                let deltas: Vec<_> = self.backlog.iter().skip(skip).take(DELTAS_MAX).cloned().collect();
                peer.sent = first + deltas.len() as u64 - 1;
                let incarnation = self.incarnation;
                cx.send(*id, Message::Deltas { incarnation, first, deltas, seen: seen.clone() });
            }
        }
    }

    /// Drops the deltas that everybody has, and the oldest of too many.
    fn trim(&mut self) {
        let acked = self.peers.values().map(|peer| peer.acked).min().unwrap_or(self.last);
        while self.backlog.len() > self.config.backlog_max || self.last - acked < self.backlog.len() as u64 {
            self.backlog.pop_front();
        }
    }

    fn hear<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        message: Said<C>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let (Message::Deltas { seen, .. }
        | Message::Ack { seen, .. }
        | Message::Digest { seen, .. }
        | Message::CatchUp { seen, .. }) = &message;
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.silent = 0;
        }
        if let Some(dot) = self.never_done(&seen.without(&self.state.seen())) {
            return cx.emit_early(Event::Suspect { peer: from, why: Refused::NeverDone { dot } });
        }
        match message {
            Message::Deltas { incarnation, first, deltas, seen } => {
                if !self.has_causes(from, incarnation, &seen) {
                    // The sender knew more than this node when it wrote: that comes first, or together with it.
                    return self.ask(from, cx);
                }
                let heard = self.peers.get(&from).and_then(|peer| peer.heard);
                let follows =
                    |heard: &(u64, u64)| heard.0 == incarnation && first <= heard.1.saturating_add(1);
                let Some((_, have)) = heard.filter(follows) else {
                    // There is a gap, or the numbers are those of another incarnation: the answer says where they stand.
                    return self.ask(from, cx);
                };
                // What is numbered as known is offered to the state all the same, which knows best. If it is news, the number that was
                // heard before has never been true, and counting begins anew; of an honest peer nothing below that number is.
                let (mut upto, mut counts_anew) = (first.saturating_sub(1), false);
                for delta in &deltas {
                    let Some(change) = self.take(from, Some(from), delta, cx) else { break };
                    upto = upto.saturating_add(1);
                    counts_anew |= change.is_grown() && upto <= have;
                }
                let have = if counts_anew { upto } else { have.max(upto) };
                self.heard(from, (incarnation, have), upto, cx);
                self.stability.heard(from, seen);
            }
            Message::CatchUp { incarnation, upto, delta, seen } => {
                if self.take(from, None, &delta, cx).is_some() {
                    // The last answer counts, even if it sets the number back: one that is too low costs a question, and one that was too
                    // high would be wrong for ever.
                    self.heard(from, (incarnation, upto), upto, cx);
                    self.stability.heard(from, seen);
                }
            }
            Message::Ack { incarnation, upto, seen } => {
                if let Some(peer) = self.peers.get_mut(&from)
                    && incarnation == self.incarnation
                    && upto <= self.last
                {
                    peer.acked = peer.acked.max(upto);
                    peer.sent = peer.sent.max(upto);
                    self.trim();
                }
                self.stability.heard(from, seen);
            }
            Message::Digest { version, seen } => {
                self.stability.heard(from, seen);
                if version == self.state.version() {
                    if let Some(peer) = self.peers.get_mut(&from) {
                        peer.same = true;
                    }
                    // Nothing is lacking there but, perhaps, where the numbers stand.
                    if self.peers.get(&from).is_none_or(|peer| peer.acked == self.last) {
                        return;
                    }
                }
                mutant!("gap-never-filled" => return);
                let delta = self.state.delta_since(&version);
                let (incarnation, upto, seen) = (self.incarnation, self.last, self.seen());
                cx.send(from, Message::CatchUp { incarnation, upto, delta, seen });
            }
        }
    }

    /// Something of this node's own among what it has not seen, and so has never done. Its later incarnations have not done anything yet.
    fn never_done(&self, unseen: &CausalContext) -> Option<Dot> {
        let own = self.actor();
        let is_later = |actor: ActorId| {
            self.config.identity == Identity::Incarnation && actor.node() == own.node() && actor > own
        };
        let (actor, counters) = unseen.iter().find(|(actor, _)| *actor == own || is_later(*actor))?;
        Dot::at(actor, counters.last())
    }

    /// Refuses what the delta cannot truly say: that this node has done what it has not, or, of a delta that its writer sends, that others
    /// have done what has not been heard of. What a catch-up says of third parties nobody but they can judge.
    fn check(&self, delta: &C::Delta, writer: Option<NodeId>) -> Result<(), Refused> {
        let news = self.state.news(delta);
        if let Some(dot) = self.never_done(&news) {
            return Err(Refused::NeverDone { dot });
        }
        let foreign = |(actor, _): &(ActorId, &Counters)| writer.is_some_and(|writer| actor.node() != writer);
        let dot = news.iter().find(foreign).and_then(|(actor, counters)| Dot::at(actor, counters.last()));
        dot.map_or(Ok(()), |dot| Err(Refused::NotTheirs { dot }))
    }

    /// Whether this node has seen all that the sender had seen of others. What the sender has done itself is numbered.
    fn has_causes(&self, from: NodeId, incarnation: u64, seen: &CausalContext) -> bool {
        let own = [ActorId::of(from, incarnation), ActorId::of(from, 0)];
        let mine = self.state.seen();
        let known =
            |actor, counters: &Counters| mine.of(actor).is_some_and(|mine| mine.is_superset(counters));
        seen.iter().all(|(actor, counters)| own.contains(&actor) || known(actor, counters))
    }

    /// Takes in a delta, which `writer` alone has made if there is one; says what that has changed, if all of it is in the state now.
    fn take<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        writer: Option<NodeId>,
        delta: &C::Delta,
        cx: &mut Context<'_, Self, S>,
    ) -> Option<Change> {
        match self.check(delta, writer).and_then(|()| self.state.join(delta)) {
            Ok(Change::Same) => Some(Change::Same),
            Ok(Change::Grown) => {
                self.keep(delta.clone(), cx);
                // Proof: a hint. What a crash takes back comes from the peer again, and is told again.
                cx.emit(Event::Changed { by: from });
                Some(Change::Grown)
            }
            // It rests on what others have done and has not come: the peer has it.
            Err(why) if why.is_early() => {
                self.ask(from, cx);
                None
            }
            Err(why) => {
                cx.emit_early(Event::Suspect { peer: from, why });
                None
            }
        }
    }

    /// Notes where the peer's numbers stand, and acknowledges what it has sent up to here.
    fn heard<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (incarnation, have): (u64, u64),
        upto: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.heard = Some((incarnation, have));
            // Waits for the disk: what is acknowledged is not sent again.
            cx.send(from, Message::Ack { incarnation, upto, seen: self.seen() });
        }
    }
}
