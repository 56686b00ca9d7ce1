//! Guards that every protocol can use: a swarm that never did what it may do has tested nothing.

use super::{Climate, Sim};
use crate::dials::Fault;
use crate::workload::Workload;
use crate::world::{Simulated, World};

impl<P: Simulated, W: Workload<P>> Sim<P, W> {
    /// Adds guards against swarms that test nothing, for the [climate](Sim::climate) that is set: each of its faults must strike in
    /// some run of a set; crashes must lose and tear un-synced records; and where every [survivable](Fault::survivable) fault may be
    /// drawn, a message must wait for a link, a guard refuse one, an old message arrive again, a node be told of a link, and an input wait for
    /// a slow processor. Each of these happens in some of fifty runs of a busy cluster. A fixed climate gets no guards.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        let Climate::Swarm(among) = &self.climate else { return self };
        let among = among.clone();
        for &fault in &among {
            self = self.sometimes(fault.name(), move |world: &World<P, W>| {
                world.strikes().iter().any(|strike| strike.fault == fault)
            });
        }
        if among.contains(&Fault::Crash) {
            self = self
                .sometimes("a crash lost un-synced records", |world| world.stats().records_lost > 0)
                .sometimes("a crash tore the un-synced tail", |world| world.stats().torn > 0);
        }
        if Fault::survivable().all(|fault| among.contains(&fault)) {
            self = self
                .sometimes("a message waited for a link", |world| world.stats().squeezed > 0)
                .sometimes("a damaged or forged message was refused", |world| world.stats().refused > 0)
                .sometimes("an old message was sent again", |world| world.stats().replayed > 0)
                .sometimes("a node was told of a link", |world| world.stats().notices > 0)
                .sometimes("an input waited for a slow processor", |world| world.stats().queued > 0);
        }
        self
    }
}
