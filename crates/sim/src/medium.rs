//! The long way of a message: links that fill up, packets, bytes, attackers, addresses, versions, and what it all costs.
//!
//! None of this is there unless a dial asks for it: [`Net::transmit`] then takes the short way.

use crate::addresses::{Addresses, Route};
use crate::bandwidth::Pipe;
use crate::builds::{Codec, Outfit};
use crate::costs::{Costs, Usage};
use crate::dials::{Dials, nanos};
use crate::hash::Fold;
use crate::network::{Net, index, node};
use crate::tamper::{Guard, Tamper, flip};
use crate::tape::{Kind, Label, Tape};
use crate::trace::{Fate, text};
use crate::world::{Pending, Simulated};
use core::hash::Hash;
use std::collections::VecDeque;
use synod_core::{Bytes, Lane, Link, NodeId, PeerChange, Peers};

/// How long it takes until the ends of a link know its state, in nanoseconds.
pub(crate) const NOTICE_AFTER: u64 = 1_000_000;

/// A message that an attacker has seen: its number, its fingerprint, and itself.
type Seen<M> = (u64, u64, M);

/// Everything on the long way.
#[derive(Clone)]
pub(crate) struct Medium<P: Simulated> {
    nodes: usize,
    codec: Option<Codec<P::Message>>,
    /// The highest wire version of each node's build.
    pub(crate) versions: Vec<u8>,
    /// The highest of any build: a link that speaks it loses nothing.
    newest: u8,
    pub(crate) costs: Option<Costs>,
    pub(crate) addresses: Addresses,
    pipes: Vec<Pipe>,
    recent: Vec<VecDeque<Seen<P::Message>>>,
    /// A second process under the id of this node, and whom it has lured away: see [`Fault::Twin`](crate::Fault::Twin).
    pub(crate) twin: Option<usize>,
    /// It is here for a node that has moved, and goes when everybody knows.
    pub(crate) passing: bool,
}

/// A message on the long way, with what is known of it.
pub(crate) struct Letter<M> {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) message: M,
    pub(crate) print: u64,
    pub(crate) id: u64,
    pub(crate) label: u64,
}

/// One crossing of a link.
#[derive(Clone, Copy)]
struct Hop {
    from: usize,
    /// Who is found there, rightly or not.
    to: usize,
    lane: Lane,
    size: u64,
    /// When the last byte has left.
    left: u64,
}

impl Hop {
    const fn ends(self) -> (NodeId, NodeId) {
        (NodeId(self.from as u64 + 1), NodeId(self.to as u64 + 1))
    }
}

impl Dials {
    /// Whether messages must take the long way.
    fn long_way(&self) -> bool {
        self.bandwidth.is_some()
            || self.mtu.is_some()
            || !self.lines.is_empty()
            || self.tamper.is_on()
            || self.notices
    }
}

impl<P: Simulated> Medium<P> {
    /// The medium of a world, if anything asks for one.
    pub(crate) fn wanted(nodes: usize, tape: &Tape, dials: &Dials, outfit: &Outfit<P>) -> Option<Box<Self>> {
        // A script may list what an attacker does, whatever the dials say.
        let wanted = tape.is_scripted() || dials.long_way() || outfit.metered || !outfit.later.is_empty();
        wanted.then(|| Box::new(Self::new(nodes, outfit)))
    }

    fn new(nodes: usize, outfit: &Outfit<P>) -> Self {
        Self {
            nodes,
            codec: outfit.codec,
            versions: vec![outfit.version; nodes],
            newest: outfit.newest(),
            costs: outfit.metered.then(|| Costs::new(nodes)),
            addresses: Addresses::new(nodes),
            pipes: vec![Pipe::default(); nodes * nodes],
            recent: vec![VecDeque::new(); nodes * nodes],
            twin: None,
            passing: false,
        }
    }

    /// Whether the short way would be the same.
    fn is_over(&self, now: u64, dials: &Dials) -> bool {
        self.passing && self.twin.is_none() && self.addresses.is_settled(now, dials.resolve_after.map(nanos))
    }

    /// The version that both ends of a link know.
    pub(crate) fn version(&self, from: usize, to: usize) -> u8 {
        let of = |at| self.versions.get(at).copied().unwrap_or(self.newest);
        of(from).min(of(to))
    }

    /// What waits before the connections of a node is lost with them.
    pub(crate) fn reset(&mut self, at: usize) {
        for other in 0..self.nodes {
            for place in [at * self.nodes + other, other * self.nodes + at] {
                self.pipes.get_mut(place).into_iter().for_each(Pipe::clear);
            }
        }
    }

    /// The faults have stopped.
    pub(crate) fn heal(&mut self) {
        self.addresses.refresh();
        self.pipes.iter_mut().for_each(Pipe::clear);
        self.recent.iter_mut().for_each(VecDeque::clear);
        self.twin = None;
    }
}

/// A label of its own for the `nth` thing that is decided about one message.
fn nth(label: u64, nth: u64) -> u64 {
    Fold::default().word(label).word(nth).end()
}

impl<P: Simulated> Net<P> {
    /// Puts a message on its way along the long one.
    #[cold]
    #[inline(never)]
    pub(crate) fn carry(&mut self, letter: Letter<P::Message>) {
        let Some(mut medium) = self.medium.take() else { return };
        let (id, to) = (letter.id, node(letter.to));
        let about = self
            .tape
            .is_logging()
            .then(|| format!("{} to {to}: {}", node(letter.from), text(&letter.message)));
        let carried = self.carried(&mut medium, letter);
        if let Some(about) = about {
            self.tape.note(|| about);
        }
        if let Err(fate) = carried {
            *self.stats.fate(fate) += 1;
            self.trace.ended(self.now, id, to, fate);
        }
        if !medium.is_over(self.now, &self.dials) {
            self.medium = Some(medium);
        }
    }

    /// The medium, from now on if it was not there.
    pub(crate) fn the_medium(&mut self) -> &mut Medium<P> {
        self.medium.get_or_insert_with(|| {
            let mut medium = Medium::new(self.up.len(), &self.outfit);
            medium.passing = true;
            Box::new(medium)
        })
    }

    /// The faults have stopped.
    pub(crate) fn heal_medium(&mut self) {
        if let Some(medium) = &mut self.medium {
            medium.heal();
            if medium.is_over(self.now, &self.dials) {
                self.medium = None;
            }
        }
    }

    fn carried(&mut self, medium: &mut Medium<P>, mut letter: Letter<P::Message>) -> Result<(), Fate> {
        let version = medium.version(letter.from, letter.to);
        let bytes = medium.codec.map(|codec| (codec.encode)(&letter.message, version));
        let size = bytes.as_ref().map_or(Costs::NOMINAL_BYTES, |bytes| bytes.len() as u64);
        if let Some(costs) = &mut medium.costs {
            costs.sent(letter.from, letter.to, size);
        }
        let to = self.route(medium, letter.from, letter.to)?;
        let mut hop = Hop { from: letter.from, to, lane: P::lane(&letter.message), size, left: self.now };
        hop.left = self.squeeze(medium, hop)?;
        self.cross(hop, letter.label)?;
        if self.dials.tamper.replay_ppm > 0 || self.tape.is_scripted() {
            self.eavesdrop(medium, &letter);
        }
        self.damage(medium, &mut letter, bytes, version)?;
        self.stats.misdelivered += u64::from(to != letter.to);
        // With a second process under the receiver's id, each sender is connected to one of the two.
        let to = if self.lured(medium, hop) { self.up.len() } else { to };
        let duplicate = Label { kind: Kind::Duplicate, key: letter.label };
        if self.tape.chance(duplicate, self.dials.duplicate_ppm) {
            self.stats.duplicated += 1;
            let again = self.arrival_of(medium, hop, letter.label.wrapping_add(1));
            self.arrive(&letter, letter.from, to, again);
        }
        let at = self.arrival_of(medium, hop, letter.label);
        self.forge(&letter, to, at);
        self.replay(medium, &letter, to, at);
        let Letter { from, message, print, id, .. } = letter;
        self.queue.push(at, Pending::Message { from: node(from), to, message, print, id });
        Ok(())
    }

    /// A copy of a message arrives.
    fn arrive(&mut self, letter: &Letter<P::Message>, from: usize, to: usize, at: u64) {
        let (from, print, id, message) = (node(from), letter.print, letter.id, letter.message.clone());
        self.queue.push(at, Pending::Message { from, to, message, print, id });
    }

    /// Who is found at the address that the sender has for the receiver.
    fn route(&self, medium: &mut Medium<P>, from: usize, to: usize) -> Result<usize, Fate> {
        let every = self.dials.resolve_after.map(nanos);
        match medium.addresses.route(from, to, self.now, every) {
            Route::To(other) if other != to && self.dials.guard == Guard::Authenticated => Err(Fate::Refused),
            Route::To(found) => Ok(found),
            Route::Nowhere => Err(Fate::Unreachable),
        }
    }

    fn lured(&mut self, medium: &Medium<P>, hop: Hop) -> bool {
        let key = [hop.from as u64, hop.to as u64];
        medium.twin == Some(hop.to) && self.tape.below(Label::new(Kind::Twin, &key), 2) == 0
    }

    /// Waits in the queue of the link and says when the last byte has left.
    fn squeeze(&mut self, medium: &mut Medium<P>, hop: Hop) -> Result<u64, Fate> {
        let too_large = |mtu| hop.lane == Lane::Datagram && hop.size > u64::from(mtu);
        if self.dials.mtu_between(hop.ends()).is_some_and(too_large) {
            return Err(Fate::TooLarge);
        }
        let Some(line) = self.dials.bandwidth_between(hop.ends()) else { return Ok(hop.left) };
        let Some(pipe) = medium.pipes.get_mut(hop.from * medium.nodes + hop.to) else { return Ok(hop.left) };
        let busy = pipe.is_busy(self.now, hop.lane, line);
        match pipe.push(self.now, hop.size, hop.lane, line) {
            Some(left) => {
                self.stats.squeezed += u64::from(busy);
                pipe.congested = false;
                Ok(left)
            }
            None => {
                let told = core::mem::replace(&mut pipe.congested, true);
                if self.dials.notices && !told {
                    self.tell(hop.from, hop.to, Link::Congested, 0);
                }
                Err(Fate::Overflow)
            }
        }
    }

    /// Crosses the link in as many packets as it takes; one that is lost loses the message.
    fn cross(&mut self, hop: Hop, label: u64) -> Result<(), Fate> {
        let loss_ppm = self.dials.loss_between(hop.ends());
        let packets =
            self.dials.mtu_between(hop.ends()).map_or(1, |mtu| hop.size.div_ceil(u64::from(mtu.max(1))));
        for packet in 0..packets.max(1) {
            let label = if packet == 0 { label } else { nth(label, packet << 8) };
            let Some(way) = self.way(hop.from, hop.to) else { continue };
            if let Some(fate) = self.fate(way, label, loss_ppm) {
                return Err(fate);
            }
        }
        Ok(())
    }

    /// When a message arrives that leaves at `hop.left`.
    fn arrival_of(&mut self, medium: &mut Medium<P>, hop: Hop, label: u64) -> u64 {
        let (from, to) = hop.ends();
        let draw = self.tape.draw(Label { kind: Kind::Latency, key: label });
        let span = self.dials.latency_between(from, to).sample(draw);
        let at = hop.left.saturating_add(span.saturating_mul(u64::from(self.slowness)));
        if self.tape.chance(Label { kind: Kind::Reorder, key: label }, self.dials.reorder_ppm) {
            return at;
        }
        let apart = self.dials.bandwidth_between((from, to)).is_some_and(|line| line.lanes);
        match medium.pipes.get_mut(hop.from * medium.nodes + hop.to) {
            Some(pipe) if apart => pipe.in_order(at, hop.lane),
            _ => self.in_order(hop.from, hop.to, at),
        }
    }

    /// What becomes of the bytes: damage, and a version that not everybody knows.
    fn damage(
        &mut self,
        medium: &Medium<P>,
        letter: &mut Letter<P::Message>,
        bytes: Option<Bytes>,
        version: u8,
    ) -> Result<(), Fate> {
        let Tamper { corrupt_ppm, truncate_ppm, .. } = self.dials.tamper;
        let corrupt = self.tape.chance(Label { kind: Kind::Corrupt, key: letter.label }, corrupt_ppm);
        let truncate = self.tape.chance(Label { kind: Kind::Truncate, key: letter.label }, truncate_ppm);
        let damaged = corrupt || truncate;
        if damaged && self.dials.guard >= Guard::Checksum {
            return Err(Fate::Refused);
        }
        if !damaged && version >= medium.newest {
            return Ok(());
        }
        let (Some(codec), Some(bytes)) = (medium.codec, bytes) else {
            // Without a codec nobody can say what the damaged bytes would mean.
            return if damaged { Err(Fate::Refused) } else { Ok(()) };
        };
        let mut bytes = Vec::from(bytes);
        if corrupt {
            let draw = self.tape.draw(Label { kind: Kind::Corrupt, key: nth(letter.label, 1) });
            flip(&mut bytes, draw);
        }
        if truncate {
            let label = Label { kind: Kind::Truncate, key: nth(letter.label, 1) };
            bytes.truncate(self.tape.below(label, bytes.len() as u64) as usize);
        }
        letter.message = (codec.decode)(Bytes::from(bytes), version).map_err(|_| Fate::Refused)?;
        letter.print = print_of(letter.from, letter.to, &letter.message);
        self.stats.corrupted += u64::from(damaged);
        Ok(())
    }

    /// An attacker remembers what crosses the link.
    fn eavesdrop(&self, medium: &mut Medium<P>, letter: &Letter<P::Message>) {
        if let Some(recent) = medium.recent.get_mut(letter.from * medium.nodes + letter.to) {
            if recent.len() == Tamper::RECENT {
                recent.pop_front();
            }
            recent.push_back((letter.id, letter.print, letter.message.clone()));
        }
    }

    /// An attacker sends again what it has seen.
    fn replay(&mut self, medium: &Medium<P>, letter: &Letter<P::Message>, to: usize, at: u64) {
        let chance = Label { kind: Kind::Replay, key: letter.label };
        if !self.tape.chance(chance, self.dials.tamper.replay_ppm) {
            return;
        }
        let Some(recent) = medium.recent.get(letter.from * medium.nodes + letter.to) else { return };
        let which = Label { kind: Kind::Replay, key: nth(letter.label, 1) };
        let which = self.tape.below(which, recent.len() as u64) as usize;
        let Some((id, print, message)) = recent.get(which) else { return };
        if self.dials.guard == Guard::Authenticated {
            self.stats.refused += 1;
            self.trace.ended(self.now, *id, node(letter.to), Fate::Refused);
            return;
        }
        self.stats.replayed += 1;
        let (from, message) = (node(letter.from), message.clone());
        self.queue.push(at + 1, Pending::Message { from, to, message, print: *print, id: *id });
    }

    /// An attacker sends what it has seen in the name of a third node.
    fn forge(&mut self, letter: &Letter<P::Message>, to: usize, at: u64) {
        let chance = Label { kind: Kind::Forge, key: letter.label };
        if !self.tape.chance(chance, self.dials.tamper.forge_ppm) {
            return;
        }
        let mut others = (0..self.up.len()).filter(|at| *at != letter.from && *at != letter.to);
        let which = Label { kind: Kind::Forge, key: nth(letter.label, 1) };
        let which = self.tape.below(which, self.up.len().saturating_sub(2) as u64) as usize;
        let Some(liar) = others.nth(which) else { return };
        if self.dials.guard == Guard::Authenticated {
            self.stats.refused += 1;
            self.trace.ended(self.now, letter.id, node(letter.to), Fate::Refused);
            return;
        }
        self.stats.forged += 1;
        self.arrive(letter, liar, to, at);
    }

    /// Counts one encode for a send, unless it stays at home.
    pub(crate) fn encoded(&mut self, from: NodeId, to: &Peers) {
        if to.as_slice().iter().any(|to| *to != from) {
            self.spend(from, |usage| usage.encodes += 1);
        }
    }

    pub(crate) fn spend(&mut self, id: NodeId, spend: impl FnOnce(&mut Usage)) {
        if let Some(usage) = self.medium.as_mut().and_then(|medium| medium.costs.as_mut()?.at(id)) {
            spend(usage);
        }
    }

    pub(crate) fn costs(&self) -> Costs {
        self.medium.as_ref().and_then(|medium| medium.costs.clone()).unwrap_or_default()
    }

    /// A process has started, with this build.
    pub(crate) fn came_up(&mut self, at: usize, build: usize) {
        let version = self.outfit.version_of(build);
        let Some(medium) = &mut self.medium else { return };
        let Some(mine) = medium.versions.get_mut(at) else { return };
        *mine = version;
        medium.addresses.resolve_all(at);
        if !self.dials.notices {
            return;
        }
        for peer in (0..self.up.len()).filter(|peer| *peer != at) {
            if self.up.get(peer) == Some(&true) {
                let version = self.medium.as_ref().map_or(0, |medium| medium.version(at, peer));
                self.tell(at, peer, Link::Up { version }, NOTICE_AFTER);
                self.tell(peer, at, Link::Up { version }, NOTICE_AFTER);
            }
        }
    }

    /// A process has died.
    pub(crate) fn went_down(&mut self, at: usize) {
        if !self.dials.notices || at >= self.up.len() {
            return;
        }
        for peer in (0..self.up.len()).filter(|peer| *peer != at) {
            self.tell(peer, at, Link::Down, NOTICE_AFTER);
        }
    }

    /// Tells a node about its link to a peer, if the transport does so.
    pub(crate) fn tell(&mut self, at: usize, peer: usize, link: Link, after: u64) {
        self.queue.push(self.now.saturating_add(after), Pending::Link { at, peer: node(peer), link });
    }

    /// A protocol asks its transport to serve a peer, or to forget it.
    pub(crate) fn peer(&mut self, of: NodeId, change: &PeerChange) {
        match change {
            PeerChange::Reach { id, .. } => {
                // As long as nobody has moved, everybody is known.
                if let (Some(knower), Some(peer), Some(medium)) = (index(of), index(*id), &mut self.medium) {
                    medium.addresses.reach(knower, peer);
                }
            }
            PeerChange::Forget(id) => {
                if let (Some(knower), Some(peer)) = (index(of), index(*id)) {
                    self.the_medium().addresses.forget(knower, peer);
                }
            }
        }
    }
}

fn print_of<M: Hash>(from: usize, to: usize, message: &M) -> u64 {
    let mut fold = Fold::default().word(node(from).0).word(node(to).0);
    message.hash(&mut fold);
    fold.end()
}
