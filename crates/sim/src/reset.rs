//! Connections that break.

use crate::medium::NOTICE_AFTER;
use crate::network::{Net, UNSEEN, node};
use crate::trace::Fate;
use crate::world::{Pending, Simulated};
use synod_core::{Lane, Link};

impl<P: Simulated> Net<P> {
    /// The connections of the node at `at` break, and are there again at once: what is on its way on them is lost, with all that
    /// waits before them. The part of a message that has come already is thrown away, as every framing does; where there are no frames,
    /// [`Tamper::truncate_ppm`](crate::Tamper::truncate_ppm) cuts messages off. Datagrams need no connection.
    pub(crate) fn reset(&mut self, at: usize) {
        let id = node(at);
        let lost = self.queue.withdraw(|pending| match pending {
            Pending::Message { from, to, message, id: number, .. } => {
                *number != UNSEEN && (*from == id || *to == at) && P::lane(message) != Lane::Datagram
            }
            _ => false,
        });
        for pending in lost {
            let Pending::Message { to, id, .. } = pending else { continue };
            *self.stats.fate(Fate::Reset) += 1;
            self.trace.ended(self.now, id, node(to), Fate::Reset);
        }
        if let Some(medium) = &mut self.medium {
            medium.reset(at);
        }
        if self.dials.notices {
            self.reconnect(at);
        }
    }

    /// Both ends of each connection are told that it is gone, and that another has taken its place.
    fn reconnect(&mut self, at: usize) {
        let is_up = |net: &Self, at| net.up.get(at) == Some(&true);
        for peer in (0..self.up.len()).filter(|peer| *peer != at) {
            if is_up(self, at) && is_up(self, peer) {
                let version = self.medium.as_ref().map_or(0, |medium| medium.version(at, peer));
                for (end, other) in [(at, peer), (peer, at)] {
                    self.tell(end, other, Link::Down, 0);
                    self.tell(end, other, Link::Up { version }, NOTICE_AFTER);
                }
            }
        }
    }
}
