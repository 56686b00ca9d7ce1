//! A counter that never falls below zero, although everybody spends without asking.

use crate::{ActorId, CausalContext, Change, Counters, Crdt, Delivery, Refused, varint, wire};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// A counter that stays at zero or above: tickets, stock, credit (Balegas, Serra, Duarte, Ferreira, Rodrigues, Preguiça, Shapiro and Najafzadeh,
/// "Extending Eventually Consistent Cloud Databases for Enforcing Numeric Invariants", 2015, after O'Neil's escrow method of 1986).
///
/// Who counts up holds the right to count down by as much, may spend it at once without asking anybody, and may hand it on. Counts are
/// totals that only grow, so transfers survive loss and repetition. For another bound than zero, count the distance from it.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, EscrowCounter, Refused};
/// let (depot, shop) = (ActorId::from(1), ActorId::from(2));
/// let mut here = EscrowCounter::new();
/// here.add(depot, 10)?;
/// here.transfer(depot, shop, 4)?;
/// let mut there = here.clone();
///
/// there.spend(shop, 3)?;                                 // no message needed
/// let refused = there.spend(shop, 2).unwrap_err();       // 1 is left to the shop, although 7 exist
/// assert_eq!(refused, Refused::Insufficient { asked: 2, available: 1 });
/// let _ = here.merge(&there)?;
/// assert_eq!((here.value(), here.rights(depot), here.rights(shop)), (7, 6, 1));
/// # Ok::<(), Refused>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EscrowCounter {
    cells: Cells,
    /// What follows from the cells: what each actor may spend.
    rights: BTreeMap<ActorId, u64>,
}

/// What one actor has done in total, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Account {
    /// Counted up.
    Added,
    /// Counted down.
    Spent,
    /// Handed on to this actor.
    Given(ActorId),
}

/// Totals by actor and account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cells(BTreeMap<(ActorId, Account), u64>);

/// What can be done with an [`EscrowCounter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EscrowAction {
    /// Count up.
    Add(u64),
    /// Count down.
    Spend(u64),
    /// Hand rights on.
    Transfer {
        /// To whom.
        to: ActorId,
        /// How many.
        amount: u64,
    },
}

/// One total goes from one number to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EscrowOp {
    /// Whose total.
    pub actor: ActorId,
    /// Of what.
    pub account: Account,
    /// What it was.
    pub from: u64,
    /// What it is now.
    pub to: u64,
}

impl Cells {
    fn get(&self, actor: ActorId, account: Account) -> u64 {
        self.0.get(&(actor, account)).copied().unwrap_or(0)
    }

    /// From what a stranger sends: in order, each total once, and none of nothing.
    pub(crate) fn from_sorted(cells: Vec<((ActorId, Account), u64)>) -> Option<Self> {
        let sound = cells.is_sorted_by(|a, b| a.0 < b.0) && cells.iter().all(|(_, total)| *total > 0);
        sound.then(|| Self(cells.into_iter().collect()))
    }

    /// The totals, in order.
    #[cfg(feature = "serde")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(ActorId, Account), &u64)> {
        self.0.iter()
    }

    /// The totals that are higher than in `than`.
    fn higher(&self, than: &Self) -> Self {
        let news = self.0.iter().filter(|((actor, account), total)| **total > than.get(*actor, *account));
        Self(news.map(|(key, total)| (*key, *total)).collect())
    }
}

impl EscrowCounter {
    /// At zero, and nobody may spend.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[cfg(feature = "serde")]
    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// From what a stranger sends: what follows from the totals is worked out and checked anew.
    pub(crate) fn from_cells(cells: &Cells) -> Result<Self, Refused> {
        let mut counter = Self::new();
        let _ = counter.join(cells)?;
        Ok(counter)
    }

    /// Counts up, and gains the right to count down by as much.
    ///
    /// # Errors
    /// [`Refused::Overflow`] when the total would not fit into 64 bits.
    pub fn add(&mut self, actor: ActorId, amount: u64) -> Result<EscrowOp, Refused> {
        self.act(actor, EscrowAction::Add(amount))
    }

    /// Counts down.
    ///
    /// # Errors
    /// [`Refused::Insufficient`] where the actor has fewer rights: it must wait for a transfer, whatever the value is.
    pub fn spend(&mut self, actor: ActorId, amount: u64) -> Result<EscrowOp, Refused> {
        self.act(actor, EscrowAction::Spend(amount))
    }

    /// Hands rights on. They are with neither actor until the other one hears of it.
    ///
    /// # Errors
    /// [`Refused::Insufficient`] where the actor has fewer rights.
    pub fn transfer(&mut self, actor: ActorId, to: ActorId, amount: u64) -> Result<EscrowOp, Refused> {
        self.act(actor, EscrowAction::Transfer { to, amount })
    }

    /// What the actor may spend or hand on now.
    #[must_use]
    pub fn rights(&self, actor: ActorId) -> u64 {
        self.rights.get(&actor).copied().unwrap_or(0)
    }

    /// The value: all rights together. Never negative.
    #[must_use]
    pub fn value(&self) -> u128 {
        self.rights.values().map(|rights| u128::from(*rights)).sum()
    }

    /// What everybody may spend after these totals are raised; only those whose rights change.
    fn rights_after(&self, raised: &Cells) -> Result<BTreeMap<ActorId, u64>, Refused> {
        let mut after: BTreeMap<ActorId, i128> = BTreeMap::new();
        for (&(actor, account), &to) in &raised.0 {
            let by = i128::from(to.saturating_sub(self.cells.get(actor, account)));
            let mut book = |actor, by| {
                *after.entry(actor).or_insert_with(|| i128::from(self.rights(actor))) += by;
            };
            match account {
                Account::Added => book(actor, by),
                Account::Spent => book(actor, -by),
                Account::Given(receiver) => {
                    book(actor, -by);
                    book(receiver, by);
                }
            }
        }
        let check = |(actor, rights): (ActorId, i128)| match u64::try_from(rights) {
            Ok(rights) => Ok((actor, rights)),
            Err(_) if rights < 0 => Err(Refused::Overdrawn { actor }),
            Err(_) => Err(Refused::Overflow),
        };
        after.into_iter().map(check).collect()
    }
}

impl Crdt for EscrowCounter {
    type Action = EscrowAction;
    type Op = EscrowOp;
    type Delta = Cells;
    type Version = Cells;
    type View = (u128, BTreeMap<ActorId, u64>);

    /// Rights must come before they are spent.
    const DELIVERY: Delivery = Delivery::Causal;

    fn prepare(&self, actor: ActorId, action: EscrowAction) -> Result<EscrowOp, Refused> {
        let (account, amount) = match action {
            EscrowAction::Add(amount) => (Account::Added, amount),
            EscrowAction::Spend(amount) => (Account::Spent, amount),
            EscrowAction::Transfer { to, amount } => (Account::Given(to), amount),
        };
        let available = self.rights(actor);
        if account != Account::Added && amount > available {
            return Err(Refused::Insufficient { asked: amount, available });
        }
        let from = self.cells.get(actor, account);
        let op = EscrowOp { actor, account, from, to: from.checked_add(amount).ok_or(Refused::Overflow)? };
        self.rights_after(&Self::delta_of(&op))?;
        Ok(op)
    }

    fn apply(&mut self, op: &EscrowOp) -> Result<Change, Refused> {
        let EscrowOp { actor, account, from, to } = *op;
        let have = self.cells.get(actor, account);
        if to <= have {
            return Ok(Change::Same);
        } else if from > have {
            return Err(Refused::Gap { actor, have, needs: from });
        } else if from < have {
            return Err(Refused::Contradiction { actor });
        }
        self.join(&Self::delta_of(op))
    }

    fn delta_of(op: &EscrowOp) -> Cells {
        let cell = ((op.actor, op.account), op.to);
        Cells([cell].into_iter().filter(|(_, total)| *total > 0).collect())
    }

    fn version(&self) -> Cells {
        self.cells.clone()
    }

    fn delta_since(&self, version: &Cells) -> Cells {
        self.cells.higher(version)
    }

    fn join(&mut self, delta: &Cells) -> Result<Change, Refused> {
        let news = delta.higher(&self.cells);
        let rights = self.rights_after(&news)?;
        let grown = !news.0.is_empty();
        self.cells.0.extend(news.0);
        self.rights.extend(rights);
        Ok(Change::grown_if(grown))
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.join(&other.cells)
    }

    fn news(&self, delta: &Cells) -> CausalContext {
        let known = |(actor, account): &(ActorId, Account)| self.cells.get(*actor, *account);
        delta.0.iter().map(|(key, total)| (key.0, Counters::after(known(key), *total))).collect()
    }

    fn view(&self) -> Self::View {
        let rights = self.rights.iter().filter(|(_, rights)| **rights > 0);
        (self.value(), rights.map(|(actor, rights)| (*actor, *rights)).collect())
    }
}

impl Wire for Account {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Added => out.u8(0),
            Self::Spent => out.u8(1),
            Self::Given(to) => {
                out.u8(2);
                to.encode(out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        match input.u8()? {
            0 => Ok(Self::Added),
            1 => Ok(Self::Spent),
            2 => ActorId::decode(input).map(Self::Given),
            tag => Err(WireError::UnknownTag { of: "Account", tag }),
        }
    }
}

impl Wire for EscrowOp {
    const LEN_MIN: usize = ActorId::LEN_MIN + 3;

    fn encode(&self, out: &mut Writer<'_>) {
        self.actor.encode(out);
        self.account.encode(out);
        varint::write(out, self.from);
        varint::write(out, self.to.saturating_sub(self.from));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let (actor, account) = (ActorId::decode(input)?, Account::decode(input)?);
        let from = varint::read(input)?;
        let to = from.checked_add(varint::read(input)?);
        Ok(Self { actor, account, from, to: to.ok_or(WireError::Invalid { field: "total" })? })
    }
}

impl Wire for Cells {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        wire::write_all(out, self.0.iter(), |out, ((actor, account), total)| {
            actor.encode(out);
            account.encode(out);
            varint::write(out, *total);
        });
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let cell = |input: &mut Reader| {
            let key = (ActorId::decode(input)?, Account::decode(input)?);
            Ok((key, varint::read(input)?))
        };
        let cells = wire::read_all(input, ActorId::LEN_MIN + 2, cell)?;
        Self::from_sorted(cells).ok_or(WireError::Invalid { field: "totals" })
    }
}

/// The totals; what follows from them is worked out and checked anew.
impl Wire for EscrowCounter {
    const LEN_MIN: usize = Cells::LEN_MIN;

    fn encode(&self, out: &mut Writer<'_>) {
        self.cells.encode(out);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Self::from_cells(&Cells::decode(input)?)
            .map_err(|_| WireError::Invalid { field: "totals of an escrow counter" })
    }
}
