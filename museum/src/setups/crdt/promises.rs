//! A replica alone that is told who comes and goes, and which of its earlier lives to forget: what it has answered must be so, after every crash.

use super::{Setup, frail, seeds};
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::NodeId;
use synod_crdt::anti_entropy::{AntiEntropy, Command, Config, Event};
use synod_crdt::{ActorId, OrSet, SetAction};
use synod_sim::{Io, Sim, Workload, World};

type Replica = AntiEntropy<OrSet<u64>>;

const ALONE: NodeId = NodeId(1);
/// Somebody who is never there.
const GUEST: NodeId = NodeId(9);
/// After so many more requests, some ten milliseconds each, one is not waited for any more.
const PATIENCE: u64 = 40;
/// So many of its lives are looked back at.
const LIVES: u64 = 60;

pub(super) fn setups() -> [Setup; 2] {
    [
        seeds(
            "guests-1",
            "a replica alone to which a peer comes and goes, and which dies",
            office(Ask::Guests),
        ),
        seeds(
            "lives-1",
            "a replica alone that dies, and is to forget under which names it lived",
            office(Ask::Lives),
        ),
    ]
}

/// What its operator asks for, beside writes.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Guests,
    Lives,
}

/// What was asked for last and is not answered yet, and what was answered.
#[derive(Clone, Debug)]
struct Operator {
    ask: Ask,
    asked: u64,
    healed: bool,
    /// Whether the guest is there, by the last answer.
    guest: Option<bool>,
    /// The request about it that is not answered yet: it may still arrive, and may have arrived.
    pending: Option<(u64, bool)>,
    /// Which life each request is about.
    lives: Vec<(u64, ActorId)>,
    forgotten: BTreeSet<ActorId>,
}

impl Workload<Replica> for Operator {
    fn begin(&mut self, io: &mut Io<'_, Replica>) {
        io.wake(Duration::from_millis(5), 0);
    }

    fn on_event(&mut self, _: NodeId, event: Event, _: &mut Io<'_, Replica>) {
        let Event::Stored { token } = event else { return };
        if let Some((_, comes)) = self.pending.take_if(|(asked, _)| *asked == token) {
            self.guest = Some(comes);
        }
        self.forgotten.extend(self.lives.iter().find(|(asked, _)| *asked == token).map(|(_, life)| *life));
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, Replica>) {
        if self.healed {
            return;
        }
        self.asked += 1;
        let token = self.asked;
        let chance = io.decide(token, 1 << 16);
        let write = match chance % 2 {
            0 => SetAction::Add(chance / 2 % 4),
            _ => SetAction::Remove(chance / 2 % 4),
        };
        // What nobody has answered for so long was lost in a crash.
        self.pending.take_if(|(asked, _)| token - *asked > PATIENCE);
        let command = match self.ask {
            _ if !token.is_multiple_of(3) || self.pending.is_some() => Command::Act { token, action: write },
            Ask::Guests => {
                let comes = chance.is_multiple_of(2);
                self.pending = Some((token, comes));
                match comes {
                    true => Command::Welcome { token, peer: GUEST },
                    false => Command::Forget { token, peer: GUEST },
                }
            }
            Ask::Lives => {
                let actor = ActorId::of(ALONE, chance % LIVES);
                self.lives.push((token, actor));
                Command::Retire { token, actor }
            }
        };
        io.request(ALONE, token, command);
        let pause = 1 + io.decide(token + (1 << 32), 20);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Replica>) {}

    fn on_heal(&mut self, _: &mut Io<'_, Replica>) {
        self.healed = true;
    }
}

/// What was answered is so.
fn kept(world: &World<Replica, Operator>, id: NodeId) -> Result<(), String> {
    let (Some(node), operator) = (world.node(id), world.workload()) else { return Ok(()) };
    if let Some(comes) = operator.guest
        && node.peers().any(|peer| peer == GUEST) != comes
        && operator.pending.is_none_or(|(_, pending)| pending == comes)
    {
        return Err(format!(
            "{GUEST} was to {}, and the answer was that it is so",
            if comes { "come" } else { "go" }
        ));
    }
    let seen = node.state().seen();
    let back = operator.forgotten.iter().find(|life| seen.of(**life).is_some());
    back.map_or(Ok(()), |life| Err(format!("{life} was forgotten, and is back")))
}

fn office(ask: Ask) -> Sim<Replica, Operator> {
    let make = |id| {
        let mut config = Config::new(id, [ALONE]);
        (config.records_max, config.backlog_max) = (20, 10);
        AntiEntropy::new(config)
    };
    let operator = Operator {
        ask,
        asked: 0,
        healed: false,
        guest: None,
        pending: None,
        lives: Vec::new(),
        forgotten: BTreeSet::new(),
    };
    Sim::new(1, make, operator)
        .climate(frail())
        .storm(Duration::from_secs(3))
        .always_across("what was answered is so", kept)
}
