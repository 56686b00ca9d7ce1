//! One copy of every node state, message and observer that was ever seen, and every step that was ever taken.
//!
//! A cluster of five nodes has few node states and many combinations of them. So a state of the cluster is a handful of
//! numbers, a node's step is computed once and looked up from then on, and the search never clones a protocol twice for the
//! same reason.

use super::Explored;
use super::host::{Choices, Host, Said};
use super::lookup::{Interner, Lookup};
use super::observer::Observer;
use core::hash::{Hash, Hasher};
use core::ops::Range;
use synod_core::NodeId;

/// A message on its way.
#[derive(Clone, Debug, Hash)]
pub(super) struct Envelope<M> {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) message: M,
}

/// What one action does to the node it happens on.
pub(super) struct Effects<P: Explored> {
    /// The node afterwards.
    pub(super) node: u32,
    /// The messages that leave.
    pub(super) sends: Vec<u32>,
    pub(super) events: Vec<P::Event>,
    /// Why the node cannot go on.
    pub(super) broken: Option<String>,
}

/// An observer, or what it found.
#[derive(Clone, Debug)]
pub(super) struct Verdict<O>(pub(super) Result<O, String>);

impl<O: Hash> Hash for Verdict<O> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Ok(observer) => (0_u8, observer).hash(state),
            Err(reason) => (1_u8, reason).hash(state),
        }
    }
}

pub(super) struct Arena<P: Explored, O> {
    pub(super) hosts: Interner<Host<P>>,
    pub(super) envelopes: Interner<Envelope<P::Message>>,
    pub(super) observers: Interner<Verdict<O>>,
    effects: Vec<Effects<P>>,
    /// From a node and an action to its first effects.
    steps: Lookup,
    /// How many effects, one for each outcome of chance, follow the first.
    outcomes: Vec<u32>,
    /// The bytes of the lists of all effects.
    said: usize,
    /// From an observer and effects to the observer afterwards.
    observed: Lookup,
    /// From a part and a renaming to the part under other names.
    pub(super) renamed: Lookup,
}

impl<P: Explored, O: Observer<P>> Arena<P, O> {
    pub(super) fn new() -> Self {
        Self {
            hosts: Interner::default(),
            envelopes: Interner::default(),
            observers: Interner::default(),
            effects: Vec::new(),
            steps: Lookup::default(),
            outcomes: Vec::new(),
            said: 0,
            observed: Lookup::default(),
            renamed: Lookup::default(),
        }
    }

    /// All that the action which is known by `key` leads to on the node `node`, if it has been learnt.
    pub(super) fn known(&self, node: u32, key: u32) -> Option<Range<u32>> {
        let first = self.steps.get((u64::from(node), u64::from(key)))?;
        Some(first..first + self.outcomes.get(first as usize).copied().unwrap_or(0))
    }

    /// All that `act`, which is to be known by `key`, leads to on the node `node`.
    pub(super) fn learn(
        &mut self,
        node: u32,
        key: u32,
        bound_max: u64,
        act: impl Fn(&mut Host<P>, &mut Choices) -> Result<Said<P>, String>,
    ) -> Range<u32> {
        let first = self.effects.len() as u32;
        let mut choices = Choices::new(bound_max);
        loop {
            let Some(mut host) = self.hosts.get(node).cloned() else { break };
            let said = act(&mut host, &mut choices);
            let effects = self.keep(host, said);
            self.said += effects.sends.capacity() * 4 + effects.events.capacity() * size_of::<P::Event>();
            self.effects.push(effects);
            self.outcomes.push(0);
            if !choices.advance() {
                break;
            }
        }
        let count = self.effects.len() as u32 - first;
        if let Some(outcomes) = self.outcomes.get_mut(first as usize) {
            *outcomes = count;
        }
        self.steps.add((u64::from(node), u64::from(key)), first);
        first..first + count
    }

    fn keep(&mut self, host: Host<P>, said: Result<Said<P>, String>) -> Effects<P> {
        let (from, node) = (host.id, self.hosts.intern(host));
        match said {
            Ok(Said { sends, events }) => {
                let sends = sends.into_iter().map(|(to, message)| Envelope { from, to, message });
                let sends = sends.map(|envelope| self.envelopes.intern(envelope)).collect();
                Effects { node, sends, events, broken: None }
            }
            Err(reason) => Effects { node, sends: Vec::new(), events: Vec::new(), broken: Some(reason) },
        }
    }

    pub(super) fn effects(&self, number: u32) -> Option<&Effects<P>> {
        self.effects.get(number as usize)
    }

    /// The observer after it has seen these effects.
    pub(super) fn observe(&mut self, observer: u32, effects: u32) -> u32 {
        let key = (u64::from(observer), u64::from(effects));
        if let Some(after) = self.observed.get(key) {
            return after;
        }
        let after = match (self.observers.get(observer), self.effects.get(effects as usize)) {
            (Some(Verdict(Ok(before))), Some(effects)) => {
                let mut after = before.clone();
                let found = self.look(&mut after, effects);
                self.observers.intern(Verdict(found.map(|()| after)))
            }
            _ => observer,
        };
        self.observed.add(key, after);
        after
    }

    fn look(&self, observer: &mut O, effects: &Effects<P>) -> Result<(), String> {
        if let Some(reason) = &effects.broken {
            return Err(reason.clone());
        }
        let Some(host) = self.hosts.get(effects.node) else { return Ok(()) };
        synod_core::mutant!("explorer-never-looks" => return Ok(()));
        effects.events.iter().try_for_each(|event| observer.on_event(host.id, event))?;
        observer.on_step(host.id, host.protocol.as_ref())
    }

    pub(super) fn bytes(&self) -> usize {
        let steps =
            self.effects.capacity() * size_of::<Effects<P>>() + self.outcomes.capacity() * 4 + self.said;
        self.hosts.bytes()
            + self.envelopes.bytes()
            + self.observers.bytes()
            + steps
            + self.steps.bytes()
            + self.observed.bytes()
            + self.renamed.bytes()
    }
}
