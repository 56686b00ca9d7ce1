//! What a node does with what it gets.

use super::{AntiEntropy, Command, Event, Identity, Message, Record, RecoverError};
use crate::{ActorId, CausalContext, Change, Counters, Crdt, Dot, Refused};
use alloc::vec::Vec;
use core::hash::Hash;
use synod_core::{Context, Damage, Input, Lane, Lsn, Never, NodeId, Protocol, Recovered, Sink, mutant};

/// How many deltas go into one message.
const DELTAS_MAX: usize = 64;

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
            Recovered::Damaged(damage) => return self.recover_damaged(at, damage),
        };
        match taken {
            Ok(_) => Ok(()),
            // What was lost with a damaged record, the peers have or nobody has seen.
            Err(Refused::Gap { .. } | Refused::Missing { .. } | Refused::Overdrawn { .. })
                if self.config.identity == Identity::Incarnation =>
            {
                Ok(())
            }
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
            Input::Command(Command::Welcome(peer)) if peer != cx.me() => {
                self.peers.entry(peer).or_default();
                self.stability.add(peer);
            }
            Input::Command(Command::Forget(peer)) if peer != cx.me() => {
                self.peers.remove(&peer);
                self.stability.remove(peer);
                self.trim();
            }
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
    fn recover_damaged(&self, at: Lsn, _: Damage) -> Result<(), RecoverError> {
        match self.config.identity {
            Identity::Incarnation => Ok(()),
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
        cx.persist(Record::Delta(delta));
        self.records += 1;
        if self.records >= self.config.records_max {
            self.write_state(cx);
        }
    }

    fn write_state<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let at = cx.persist(Record::State(self.state.clone()));
        self.records = 1;
        if let Some(before) = at.0.checked_sub(1) {
            cx.release(Lsn(before));
        }
    }

    fn tick<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.config.collects {
            let seen = self.seen();
            self.stability.heard(cx.me(), seen.clone());
            let stable = mutant!(self.stability.stable(&seen), "garbage-before-its-time" => seen.clone());
            self.collected += self.state.collect(&stable) as u64;
        }
        for peer in self.peers.values_mut() {
            peer.sent = peer.acked;
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
        if let Some(dot) = self.never_done(seen) {
            return cx.emit_early(Event::Suspect { peer: from, why: Refused::NeverDone { dot } });
        }
        match message {
            Message::Deltas { incarnation, first, deltas, seen } => {
                if !self.has_causes(from, incarnation, &seen) {
                    // The sender knew more than this node when it wrote: that comes first, or together with it.
                    return self.ask(from, cx);
                }
                let heard = self.peers.get(&from).and_then(|peer| peer.heard);
                let Some((_, have)) = heard.filter(|(of, have)| *of == incarnation && first <= have + 1)
                else {
                    // From an older incarnation it is an echo, and nothing is missing.
                    if heard.is_none_or(|(of, _)| of <= incarnation) {
                        self.ask(from, cx);
                    }
                    return;
                };
                let known = usize::try_from(have + 1 - first).unwrap_or(usize::MAX);
                let mut upto = have;
                for delta in deltas.iter().skip(known) {
                    if !self.take(from, delta, cx) {
                        break;
                    }
                    upto += 1;
                }
                self.heard(from, incarnation, upto, cx);
                self.stability.heard(from, seen);
            }
            Message::CatchUp { incarnation, upto, delta, seen } => {
                if self.take(from, &delta, cx) {
                    let peer = self.peers.get(&from).and_then(|peer| peer.heard);
                    let newer = peer.is_none_or(|heard| heard < (incarnation, upto));
                    if newer {
                        self.heard(from, incarnation, upto, cx);
                    }
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

    /// A dot of this node's own that it has never made, if the context has one.
    fn never_done(&self, seen: &CausalContext) -> Option<Dot> {
        let actor = self.actor();
        let last = seen.of(actor)?.last();
        let own = self.state.seen();
        let done = own.of(actor).map_or(0, Counters::last);
        (last > done).then(|| Dot::at(actor, last)).flatten()
    }

    /// Whether this node has seen all that the sender had seen of others. What the sender has done itself is numbered.
    fn has_causes(&self, from: NodeId, incarnation: u64, seen: &CausalContext) -> bool {
        let own = [ActorId::of(from, incarnation), ActorId::of(from, 0)];
        let mine = self.state.seen();
        let known =
            |actor, counters: &Counters| mine.of(actor).is_some_and(|mine| mine.is_superset(counters));
        seen.iter().all(|(actor, counters)| own.contains(&actor) || known(actor, counters))
    }

    /// Takes in a delta; says whether all of it is in the state now.
    fn take<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        delta: &C::Delta,
        cx: &mut Context<'_, Self, S>,
    ) -> bool {
        match self.state.join(delta) {
            Ok(Change::Same) => true,
            Ok(Change::Grown) => {
                self.keep(delta.clone(), cx);
                // Proof: a hint. What a crash takes back comes from the peer again, and is told again.
                cx.emit(Event::Changed { by: from });
                true
            }
            // It rests on what others have done and has not come: the peer has it.
            Err(Refused::Gap { .. } | Refused::Missing { .. } | Refused::Overdrawn { .. }) => {
                self.ask(from, cx);
                false
            }
            Err(why) => {
                cx.emit_early(Event::Suspect { peer: from, why });
                false
            }
        }
    }

    fn heard<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        incarnation: u64,
        upto: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.heard = Some((incarnation, upto));
            // Waits for the disk: what is acknowledged is not sent again.
            cx.send(from, Message::Ack { incarnation, upto, seen: self.seen() });
        }
    }
}
