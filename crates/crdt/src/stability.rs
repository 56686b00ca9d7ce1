//! What everybody has seen: garbage can go, and the departed can be forgotten.
//!
//! # Garbage
//! Types whose removals leave a record ([`RemoveWinsSet`](crate::RemoveWinsSet), [`LwwMap`](crate::LwwMap),
//! [`DisableWinsFlag`](crate::DisableWinsFlag)) drop it in [`Crdt::collect`](crate::Crdt::collect), given what is
//! [stable](Stability::stable). The dots stay in the context, as a number for each actor, so that a late copy is known for what it is. The law
//! kit compares each with a twin that never collects. [`AntiEntropy`](crate::anti_entropy::AntiEntropy) does all of this by itself.
//!
//! # Forgetting an actor
//! What an actor has written is covered by its entry in every context, some 56 bytes for each actor that has ever written. An actor that has
//! left for ever can be forgotten in three steps:
//!
//! 1. Everything that it has written has arrived everywhere: all have its last dot, and it is no [member](Stability::remove) any more.
//! 2. Nothing rests on it: [`OrSet::adopt`](crate::OrSet::adopt) writes its elements anew; wait until that is stable.
//! 3. No message is under way that was sent before: close the links and open them again, or wait for longer than any message lives. Then each
//!    member forgets it, in any order: [`Crdt::forget`](crate::Crdt::forget), or, in the protocol,
//!    [`Command::Retire`](crate::anti_entropy::Command::Retire), which checks the first two and cleans the log.
//!
//! ## Why not by itself?
//! A replica that has forgotten an actor takes whatever comes under its name for news. So it must be certain that no copy is left anywhere. Of
//! the members' states stability says so, and of their logs their owners. Of the network nobody can: it may repeat a message at any time,
//! and a copy of an addition whose removal has been forgotten brings the element back for good (`tests/crdt/forgetting.rs`). To number the epochs
//! and refuse messages of older ones would need the members to agree on when an epoch begins, which is consensus, and anti-entropy has none;
//! members that forget at different times would only teach each other the name again. Nor does writing anew go unnoticed: it is an addition,
//! and wins over a removal elsewhere that has not heard of it. Both are decisions, and so a person or a control plane takes them. To forget
//! too early is the mistake behind siblings that come back for ever; nothing here forgets by age or length.

use crate::{ActorId, CausalContext};
use alloc::collections::BTreeMap;
use synod_core::NodeId;

/// Causal stability (Baquero, Almeida and Shoker, "Making operation-based CRDTs operation-based", 2014): a dot is stable here if every
/// member has seen it, *and* everything that a member had done before it saw it has arrived here. Then nothing concurrent to it can come
/// any more, and what it has made superfluous can go.
///
/// It is a matrix clock whose rows are contexts: one row for each member, what that member is known to have seen.
///
/// ```
/// use synod_core::NodeId;
/// use synod_crdt::stability::Stability;
/// use synod_crdt::{ActorId, CausalContext, Dot};
/// let x = CausalContext::from(Dot::at(ActorId::from(1), 1).unwrap());
/// let mut stability = Stability::new([NodeId(1), NodeId(2)]);
/// stability.heard(NodeId(1), x.clone());
/// assert!(stability.stable(&x).is_empty(), "nothing is known of the second");
/// stability.heard(NodeId(2), x.clone());
/// assert_eq!(stability.stable(&x), x);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stability {
    rows: BTreeMap<NodeId, Row>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Row {
    /// What it had seen, all of which has been seen here.
    covered: CausalContext,
    /// What it has said last, not all of which has arrived.
    ahead: Option<CausalContext>,
}

impl Stability {
    /// For these members, oneself among them. One that is left out is one whose unseen writes may come too late: leave nobody out that may
    /// still speak.
    pub fn new(members: impl IntoIterator<Item = NodeId>) -> Self {
        Self { rows: members.into_iter().map(|member| (member, Row::default())).collect() }
    }

    /// The members.
    pub fn members(&self) -> impl Iterator<Item = NodeId> {
        self.rows.keys().copied()
    }

    /// A member says, or has shown, what it has seen. Of strangers nothing is kept.
    pub fn heard(&mut self, member: NodeId, seen: CausalContext) {
        if let Some(row) = self.rows.get_mut(&member) {
            row.ahead = Some(seen);
        }
    }

    /// A new member: nothing is stable any more that it has not seen. What was stable before is gone, so it must have that before it writes: all
    /// that some member had seen when the last of them had added it.
    pub fn add(&mut self, member: NodeId) {
        self.rows.entry(member).or_default();
    }

    /// A member has left for ever: nobody waits for it any more.
    pub fn remove(&mut self, member: NodeId) {
        self.rows.remove(&member);
    }

    /// An actor is forgotten: what members had seen of it counts no more.
    pub fn forget(&mut self, actor: ActorId) {
        for row in self.rows.values_mut() {
            row.covered.forget(actor);
            if let Some(ahead) = &mut row.ahead {
                ahead.forget(actor);
            }
        }
    }

    /// The dots that are stable for a replica that has seen `seen`. Without members: none.
    pub fn stable(&mut self, seen: &CausalContext) -> CausalContext {
        for row in self.rows.values_mut() {
            // A row counts once everything in it has arrived: what its member had done until then is here.
            if row.ahead.as_ref().is_some_and(|ahead| seen.is_superset(ahead))
                && let Some(ahead) = row.ahead.take()
            {
                row.covered.merge(&ahead);
            }
        }
        let mut rows = self.rows.values();
        let Some(first) = rows.next() else { return CausalContext::new() };
        rows.fold(first.covered.clone(), |stable, row| stable.intersection(&row.covered))
    }
}
