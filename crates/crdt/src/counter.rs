//! Counters: up, and up and down.

use crate::{ActorId, CausalContext, Change, Counters, Crdt, Delivery, Dot, Refused, VersionVector};
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A counter that only grows: each actor counts for itself, and the value is the sum.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, GCounter};
/// let (mut a, mut b) = (GCounter::new(), GCounter::new());
/// a.increment(ActorId::from(1), 3)?;
/// b.increment(ActorId::from(2), 2)?;
/// let _ = a.merge(&b)?;
/// assert_eq!(a.value(), 5);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct GCounter {
    counts: VersionVector,
}

/// One actor's count goes from one number to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Whose.
    pub actor: ActorId,
    /// What it was.
    pub from: u64,
    /// What it is now.
    pub to: u64,
}

impl Step {
    fn by(actor: ActorId, from: u64, by: u64) -> Result<Self, Refused> {
        from.checked_add(by).map(|to| Self { actor, from, to }).ok_or(Refused::Overflow)
    }

    /// Whether the step is new to somebody who is at `have`.
    fn check(&self, have: u64) -> Result<bool, Refused> {
        match *self {
            Self { to, .. } if to <= have => Ok(false),
            Self { actor, from, .. } if from > have => Err(Refused::Gap { actor, have, needs: from }),
            Self { actor, from, .. } if from < have => Err(Refused::Contradiction { actor }),
            _ => Ok(true),
        }
    }
}

/// Raises one count, if that raises it.
fn raise(counts: &mut VersionVector, actor: ActorId, to: u64) -> bool {
    Dot::at(actor, to).is_some_and(|dot| counts.observe(dot))
}

/// The counts that are higher than in `than`.
fn higher(counts: &VersionVector, than: &VersionVector) -> VersionVector {
    counts.iter().filter(|(actor, count)| *count > than.get(*actor)).collect()
}

/// What of `counts` is beyond `than`, each actor's from the first number that is not known.
fn beyond(counts: &VersionVector, than: &VersionVector) -> impl Iterator<Item = (ActorId, Counters)> {
    counts.iter().map(|(actor, count)| (actor, Counters::after(than.get(actor), count)))
}

fn merge(counts: &mut VersionVector, other: &VersionVector) -> bool {
    let grown = !other.is_known_by(counts);
    if grown {
        counts.merge(other);
    }
    grown
}

fn sum(counts: &VersionVector) -> u128 {
    counts.iter().map(|(_, count)| u128::from(count)).sum()
}

impl GCounter {
    /// At zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts on by `by`.
    ///
    /// # Errors
    /// [`Refused::Overflow`] when the actor's own count would not fit into 64 bits.
    pub fn increment(&mut self, actor: ActorId, by: u64) -> Result<Step, Refused> {
        let step = self.prepare(actor, by)?;
        raise(&mut self.counts, actor, step.to);
        Ok(step)
    }

    /// The sum over all actors.
    #[must_use]
    pub fn value(&self) -> u128 {
        sum(&self.counts)
    }

    /// What each actor has counted.
    #[must_use]
    pub fn counts(&self) -> &VersionVector {
        &self.counts
    }
}

impl Crdt for GCounter {
    type Action = u64;
    type Op = Step;
    type Delta = VersionVector;
    type Version = VersionVector;
    type View = u128;

    const DELIVERY: Delivery = Delivery::Fifo;

    fn prepare(&self, actor: ActorId, by: u64) -> Result<Step, Refused> {
        Step::by(actor, self.counts.get(actor), by)
    }

    fn apply(&mut self, op: &Step) -> Result<Change, Refused> {
        let new = op.check(self.counts.get(op.actor))?;
        Ok(Change::grown_if(new && raise(&mut self.counts, op.actor, op.to)))
    }

    fn delta_of(op: &Step) -> VersionVector {
        [(op.actor, op.to)].into_iter().filter(|(_, count)| *count > 0).collect()
    }

    fn version(&self) -> VersionVector {
        self.counts.clone()
    }

    fn delta_since(&self, version: &VersionVector) -> VersionVector {
        higher(&self.counts, version)
    }

    fn join(&mut self, delta: &VersionVector) -> Result<Change, Refused> {
        Ok(Change::grown_if(merge(&mut self.counts, delta)))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(&other.counts)
    }

    fn news(&self, delta: &VersionVector) -> CausalContext {
        beyond(delta, &self.counts).collect()
    }

    fn view(&self) -> u128 {
        self.value()
    }
}

/// A counter that goes up and down: two that only grow.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, PnCounter};
/// let (mut a, mut b) = (PnCounter::new(), PnCounter::new());
/// a.add(ActorId::from(1), 3)?;
/// b.add(ActorId::from(2), -5)?;
/// let _ = a.merge(&b)?;
/// assert_eq!(a.value(), -2);
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct PnCounter {
    sides: Sides,
}

/// What each actor has counted up, and down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sides {
    /// Up.
    pub up: VersionVector,
    /// Down.
    pub down: VersionVector,
}

/// One actor's count goes on, on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SignedStep {
    /// Whether it is the side that counts down.
    pub down: bool,
    /// The step.
    pub step: Step,
}

impl PnCounter {
    /// At zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts up, or down where `by` is negative.
    ///
    /// # Errors
    /// [`Refused::Overflow`] when what the actor has counted in this direction would not fit into 64 bits.
    pub fn add(&mut self, actor: ActorId, by: i64) -> Result<SignedStep, Refused> {
        self.act(actor, by)
    }

    /// What was counted up less what was counted down.
    #[must_use]
    pub fn value(&self) -> i128 {
        // At most 2^64 actors times 2^64 counts would be needed to leave i128; the sums are far below.
        let signed = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
        signed(sum(&self.sides.up)) - signed(sum(&self.sides.down))
    }
}

impl Crdt for PnCounter {
    type Action = i64;
    type Op = SignedStep;
    type Delta = Sides;
    type Version = Sides;
    type View = i128;

    const DELIVERY: Delivery = Delivery::Fifo;

    fn prepare(&self, actor: ActorId, by: i64) -> Result<SignedStep, Refused> {
        let down = by < 0;
        let side = if down { &self.sides.down } else { &self.sides.up };
        Ok(SignedStep { down, step: Step::by(actor, side.get(actor), by.unsigned_abs())? })
    }

    fn apply(&mut self, op: &SignedStep) -> Result<Change, Refused> {
        let side = if op.down { &mut self.sides.down } else { &mut self.sides.up };
        let new = op.step.check(side.get(op.step.actor))?;
        Ok(Change::grown_if(new && raise(side, op.step.actor, op.step.to)))
    }

    fn delta_of(op: &SignedStep) -> Sides {
        let mut delta = Sides::default();
        raise(if op.down { &mut delta.down } else { &mut delta.up }, op.step.actor, op.step.to);
        delta
    }

    fn version(&self) -> Sides {
        self.sides.clone()
    }

    fn delta_since(&self, version: &Sides) -> Sides {
        Sides { up: higher(&self.sides.up, &version.up), down: higher(&self.sides.down, &version.down) }
    }

    fn join(&mut self, delta: &Sides) -> Result<Change, Refused> {
        let up = merge(&mut self.sides.up, &delta.up);
        Ok(Change::grown_if(up | merge(&mut self.sides.down, &delta.down)))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(&other.sides)
    }

    fn news(&self, delta: &Sides) -> CausalContext {
        beyond(&delta.up, &self.sides.up).chain(beyond(&delta.down, &self.sides.down)).collect()
    }

    fn view(&self) -> i128 {
        self.value()
    }
}

impl Wire for Step {
    const LEN_MIN: usize = 18;

    fn encode(&self, out: &mut Writer<'_>) {
        self.actor.encode(out);
        crate::varint::write(out, self.from);
        crate::varint::write(out, self.to.saturating_sub(self.from));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let actor = ActorId::decode(input)?;
        let from = crate::varint::read(input)?;
        let to = from.checked_add(crate::varint::read(input)?);
        Ok(Self { actor, from, to: to.ok_or(WireError::Invalid { field: "step of a counter" })? })
    }
}

impl Wire for SignedStep {
    const LEN_MIN: usize = 1 + Step::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.down.encode(out);
        self.step.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { down: bool::decode(input)?, step: Step::decode(input)? })
    }
}

impl Wire for Sides {
    const LEN_MIN: usize = 2 * VersionVector::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.up.encode(out);
        self.down.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { up: VersionVector::decode(input)?, down: VersionVector::decode(input)? })
    }
}

impl Wire for GCounter {
    const LEN_MIN: usize = VersionVector::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.counts.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        VersionVector::decode(input).map(|counts| Self { counts })
    }
}

impl Wire for PnCounter {
    const LEN_MIN: usize = Sides::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.sides.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Sides::decode(input).map(|sides| Self { sides })
    }
}
