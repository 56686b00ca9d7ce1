//! Matrix clocks: what everybody knows about what everybody knows.

use crate::{Actor, Causality, Clock, DotError, Guarantee, Stamp, VersionVector};
use alloc::collections::BTreeMap;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A vector clock that also keeps, for each member, how much that member is known to know (Wuu and Bernstein, "Efficient Solutions to the
/// Replicated Log and Dictionary Problems", 1984; Sarin and Lynch, "Discarding Obsolete Information in a Replicated Database System",
/// 1987).
///
/// Its use is [`stable`](Self::stable): what everybody is known to have seen, and nobody will ever ask for again. Logs, tombstones and
/// acknowledgements up to there may go. A member that is silent holds it back; one that has left for good is
/// [removed](Self::remove).
///
/// A stamp has n² counters. Where that is too much, members exchange their vectors now and then and [acknowledge](Self::acknowledge)
/// them: the same rows, later.
///
/// ```
/// use synod_clocks::{Clock, MatrixClock};
/// let [mut a, mut b] = ["a", "b"].map(|me| MatrixClock::new(me, ["a", "b"]));
/// let sent = a.tick()?;
/// assert_eq!(a.stable().get("a"), 0, "b may not have it");
/// let answer = b.receive(&sent)?;
/// a.merge(&answer)?;
/// assert_eq!(a.stable().get("a"), 1, "b has it, and a knows");
/// assert_eq!(b.stable().get("b"), 0, "a may not have the answer");
/// # Ok::<(), synod_clocks::DotError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatrixClock<A> {
    actor: A,
    /// A row for each member, its own among them.
    rows: BTreeMap<A, VersionVector<A>>,
}

impl<A: Actor> MatrixClock<A> {
    /// The clock of `actor` among `members`, of which it is one, named or not.
    pub fn new(actor: A, members: impl IntoIterator<Item = A>) -> Self {
        let rows = members.into_iter().chain([actor]).map(|member| (member, VersionVector::new())).collect();
        Self { actor, rows }
    }

    /// All that this process has done and heard of.
    pub fn known(&self) -> VersionVector<A> {
        self.rows.get(&self.actor).cloned().unwrap_or_default()
    }

    /// All that a member is known to know; nothing, for a stranger.
    pub fn known_by(&self, member: A) -> VersionVector<A> {
        self.rows.get(&member).cloned().unwrap_or_default()
    }

    /// What every member is known to know. It never shrinks, except that a member is [added](Self::add). O(n²).
    pub fn stable(&self) -> VersionVector<A> {
        let mut rows = self.rows.values();
        let mut stable = rows.next().cloned().unwrap_or_default();
        rows.for_each(|row| stable.meet(row));
        stable
    }

    /// A member says how much it knows. Strangers are not listened to.
    ///
    /// # Errors
    /// [`DotError::Unissued`] if it claims events of this process that it never had: what others do not know must not be called stable.
    /// Nothing changes then. What it claims of third parties nobody here can check.
    pub fn acknowledge(&mut self, member: A, known: &VersionVector<A>) -> Result<(), DotError> {
        self.refuse_unissued(known)?;
        self.learn(member, known);
        Ok(())
    }

    fn learn(&mut self, member: A, known: &VersionVector<A>) {
        if let Some(row) = self.rows.get_mut(&member) {
            row.merge(known);
        }
    }

    fn refuse_unissued(&self, known: &VersionVector<A>) -> Result<(), DotError> {
        let issued = self.rows.get(&self.actor).map_or(0, |row| row.get(self.actor));
        DotError::refuse_unissued(known.get(self.actor), issued)
    }

    /// The members, by name.
    pub fn members(&self) -> impl Iterator<Item = A> {
        self.rows.keys().copied()
    }

    /// A member joins, knowing nothing: nothing is stable until it has caught up. Give it what is [`known`](Self::known) first, and
    /// [acknowledge](Self::acknowledge) that for it.
    pub fn add(&mut self, member: A) {
        self.rows.entry(member).or_default();
    }

    /// A member has left for good, and its row holds nothing back any more. One's own row stays.
    ///
    /// Everybody must agree that it has left: who still hears from it would miss what others have thrown away.
    pub fn remove(&mut self, member: A) {
        if member != self.actor {
            self.rows.remove(&member);
        }
    }
}

/// The stamp of a [`MatrixClock`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatrixStamp<A> {
    actor: A,
    rows: BTreeMap<A, VersionVector<A>>,
}

impl<A: Actor> MatrixStamp<A> {
    /// Who stamped.
    pub const fn actor(&self) -> A {
        self.actor
    }

    /// All that it knew then: the stamp as a vector.
    #[must_use]
    pub fn known(&self) -> VersionVector<A> {
        self.rows.get(&self.actor).cloned().unwrap_or_default()
    }
}

impl<A: Actor> Stamp for MatrixStamp<A> {
    const GUARANTEE: Guarantee = Guarantee::Exact;

    fn causality(&self, other: &Self) -> Causality {
        let nothing = VersionVector::new();
        let mine = self.rows.get(&self.actor).unwrap_or(&nothing);
        mine.causality(other.rows.get(&other.actor).unwrap_or(&nothing))
    }
}

impl<A: Actor> Clock for MatrixClock<A> {
    type Stamp = MatrixStamp<A>;
    type Error = DotError;

    fn tick(&mut self) -> Result<MatrixStamp<A>, DotError> {
        self.rows.entry(self.actor).or_default().advance(self.actor)?;
        Ok(MatrixStamp { actor: self.actor, rows: self.rows.clone() })
    }

    fn merge(&mut self, stamp: &MatrixStamp<A>) -> Result<(), DotError> {
        stamp.rows.values().try_for_each(|row| self.refuse_unissued(row))?;
        for (member, row) in &stamp.rows {
            self.learn(*member, row);
        }
        if let Some(theirs) = stamp.rows.get(&stamp.actor) {
            self.learn(self.actor, theirs);
        }
        Ok(())
    }
}

/// Who stamped; the number of rows; member and vector of each, by member, strictly.
impl<A: Actor + Wire> Wire for MatrixStamp<A> {
    const LEN_MIN: usize = A::LEN_MIN + 4;

    fn encode(&self, out: &mut Writer<'_>) {
        self.actor.encode(out);
        out.count(self.rows.len());
        for (member, row) in &self.rows {
            member.encode(out);
            row.encode(out);
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let actor = A::decode(input)?;
        let count = input.count(A::LEN_MIN + VersionVector::<A>::LEN_MIN)?;
        let mut rows = BTreeMap::new();
        for _ in 0..count {
            let member = A::decode(input)?;
            if rows.last_key_value().is_some_and(|(last, _)| *last >= member) {
                return Err(WireError::Invalid { field: "order of the members of a matrix" });
            }
            rows.insert(member, VersionVector::decode(input)?);
        }
        Ok(Self { actor, rows })
    }
}

/// Who stamped; and member and vector of each row.
#[cfg(feature = "serde")]
impl<A: Actor + serde::Serialize> serde::Serialize for MatrixStamp<A> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows: alloc::vec::Vec<_> = self.rows.iter().collect();
        (self.actor, rows).serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, A: Actor + serde::Deserialize<'de>> serde::Deserialize<'de> for MatrixStamp<A> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (actor, rows) = <(A, alloc::vec::Vec<(A, VersionVector<A>)>)>::deserialize(deserializer)?;
        if rows.is_sorted_by(|a, b| a.0 < b.0) {
            Ok(Self { actor, rows: rows.into_iter().collect() })
        } else {
            Err(serde::de::Error::custom("the members of a matrix are not in strict order"))
        }
    }
}
