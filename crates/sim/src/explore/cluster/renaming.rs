//! Nodes under other names.

use super::Explored;
use super::arena::{Arena, Envelope, Verdict};
use super::host::{Held, Host};
use super::observer::Observer;
use super::state::{ClusterState, NODES, OBSERVER, envelopes_at, node, place};
use super::{Bounds, Network};
use crate::explore::print::Print;
use synod_core::NodeId;

/// A permutation of the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Renaming {
    /// The new place of each node, by its old one.
    to: Vec<usize>,
}

impl Renaming {
    /// The new name of a node. Who is not in the cluster keeps theirs.
    #[must_use]
    pub fn of(&self, id: NodeId) -> NodeId {
        place(id).and_then(|at| self.to.get(at)).map_or(id, |at| node(*at))
    }

    /// Every permutation of some of `nodes` nodes; the others stay.
    pub(super) fn all(nodes: usize, some: &[usize]) -> Vec<Self> {
        let mut all = vec![Self { to: (0..nodes).collect() }];
        // Heap's algorithm, unrolled into swaps: place by place, each of the later ones comes here once.
        for (first, from) in some.iter().enumerate() {
            let mut more = Vec::new();
            for renaming in &all {
                for to in some.iter().skip(first) {
                    let mut swapped = renaming.clone();
                    swapped.to.swap(*from, *to);
                    more.push(swapped);
                }
            }
            all = more;
        }
        all
    }
}

/// How the parts of a protocol look when nodes have other names.
///
/// # What must be true
/// The protocol treats all nodes that are exchanged alike: renaming a state and then stepping gives what stepping and then
/// renaming gives. An order of ids that decides something (the lower id wins a tie), or sorted lists that are not sorted again
/// here, break that; so do commands, timers or configurations that single a node out.
pub trait Relabel<P: Explored, O> {
    /// The protocol.
    fn protocol(&self, protocol: &P, names: &Renaming) -> P;

    /// A message.
    fn message(&self, message: &P::Message, names: &Renaming) -> P::Message;

    /// What a node has written.
    fn record(&self, record: &P::Record, names: &Renaming) -> P::Record;

    /// What a node wants to tell its application.
    fn event(&self, event: &P::Event, names: &Renaming) -> P::Event;

    /// The observer.
    fn observer(&self, observer: &O, names: &Renaming) -> O;

    /// A timer, if it names nodes.
    fn timer(&self, timer: P::Timer, names: &Renaming) -> P::Timer {
        let _ = names;
        timer
    }

    /// A job, if it names nodes.
    fn job(&self, job: &P::Job, names: &Renaming) -> P::Job {
        let _ = names;
        job.clone()
    }
}

/// Which table of the arena a number belongs to.
#[derive(Clone, Copy)]
enum Table {
    Hosts,
    Envelopes,
    Observers,
}

impl<P: Explored, O: Observer<P>> Arena<P, O> {
    /// The print of a state under other names. Each part is renamed once and looked up from then on.
    pub(super) fn print_renamed(
        &mut self,
        state: &ClusterState,
        bounds: &Bounds,
        nodes: usize,
        relabel: &dyn Relabel<P, O>,
        (which, names): (usize, &Renaming),
        scratch: &mut ClusterState,
    ) -> Print {
        let start = envelopes_at(nodes);
        scratch.words.clear();
        scratch.words.extend_from_slice(state.words.get(..NODES).unwrap_or(&[]));
        scratch.words.resize(start, 0);
        let observer = self.renamed(Table::Observers, state.observer(), which, relabel, names);
        scratch.set(OBSERVER, observer);
        for (at, to) in names.to.iter().enumerate() {
            let host = self.renamed(Table::Hosts, state.node(at).unwrap_or(0), which, relabel, names);
            scratch.set(NODES + to, host);
            scratch.fire_often(nodes, *to, state.fired(nodes, at));
        }
        for number in state.envelopes(nodes) {
            let envelope = self.renamed(Table::Envelopes, *number, which, relabel, names);
            scratch.words.push(envelope);
        }
        if let Some(waiting) = scratch.words.get_mut(start..) {
            match bounds.network {
                Network::Unordered | Network::Merging | Network::Everlasting => waiting.sort_unstable(),
                Network::Fifo => waiting.sort_by_key(|number| {
                    self.envelopes.get(*number).map(|message| (message.from, message.to))
                }),
            }
        }
        scratch.print()
    }

    fn renamed(
        &mut self,
        table: Table,
        number: u32,
        which: usize,
        relabel: &dyn Relabel<P, O>,
        names: &Renaming,
    ) -> u32 {
        let key = ((table as u64) << 32 | u64::from(number), which as u64);
        if let Some(renamed) = self.renamed.get(key) {
            return renamed;
        }
        let renamed = match table {
            Table::Hosts => self
                .hosts
                .get(number)
                .map(|host| rename(host, relabel, names))
                .map(|host| self.hosts.intern(host)),
            Table::Envelopes => self
                .envelopes
                .get(number)
                .map(|Envelope { from, to, message }| Envelope {
                    from: names.of(*from),
                    to: names.of(*to),
                    message: relabel.message(message, names),
                })
                .map(|envelope| self.envelopes.intern(envelope)),
            Table::Observers => match self.observers.get(number) {
                Some(Verdict(Ok(observer))) => {
                    let observer = relabel.observer(observer, names);
                    Some(self.observers.intern(Verdict(Ok(observer))))
                }
                _ => None,
            },
        };
        let renamed = renamed.unwrap_or(number);
        self.renamed.add(key, renamed);
        renamed
    }
}

fn rename<P: Explored, O>(host: &Host<P>, relabel: &dyn Relabel<P, O>, names: &Renaming) -> Host<P> {
    let mut renamed = host.clone();
    renamed.id = names.of(host.id);
    renamed.protocol = host.protocol.as_ref().map(|protocol| relabel.protocol(protocol, names));
    renamed.gate = renamed.gate.map(|held| match held {
        Held::Loopback(message) => Held::Loopback(relabel.message(&message, names)),
        Held::Send(to, message) => Held::Send(names.of(to), relabel.message(&message, names)),
        Held::Event(event) => Held::Event(relabel.event(&event, names)),
        Held::Release(upto) => Held::Release(upto),
    });
    for timer in &mut renamed.timers {
        *timer = relabel.timer(*timer, names);
    }
    renamed.timers.sort_unstable();
    for job in &mut renamed.jobs {
        *job = relabel.job(job, names);
    }
    for record in &mut renamed.disk.records {
        *record = relabel.record(record, names);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_permutations_of_some_are_found_once_and_the_first_is_the_identity() {
        for (some, count) in [(vec![], 1), (vec![1], 1), (vec![0, 2], 2), (vec![0, 1, 2, 3], 24)] {
            let all = Renaming::all(4, &some);
            let distinct: BTreeSet<Vec<usize>> = all.iter().map(|renaming| renaming.to.clone()).collect();
            assert_eq!((all.len(), distinct.len()), (count, count));
            assert_eq!(all[0].to, [0, 1, 2, 3]);
            for renaming in &all {
                assert!((0..4).filter(|at| !some.contains(at)).all(|at| renaming.to[at] == at));
                let mut sorted = renaming.to.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, [0, 1, 2, 3]);
            }
        }
    }
}
