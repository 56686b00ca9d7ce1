//! Where nodes live, and where others believe that they live.

/// The addresses of all nodes and the address book of each. A transport resolves a name, remembers the address and goes on
/// using it for a while when the node has moved.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    nodes: usize,
    homes: Vec<u64>,
    /// When each node moved last.
    moved: Vec<Option<u64>>,
    /// The addresses that each node knows, by knower and known; `None` where it has forgotten the peer.
    books: Vec<Option<u64>>,
    given: u64,
    forgotten: usize,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    To(usize),
    /// Nobody has that address any more, or the sender has forgotten the peer.
    Nowhere,
}

/// Whether a transport has noticed by now what happened at `moved`.
fn noticed(moved: Option<u64>, now: u64, after: Option<u64>) -> bool {
    moved.is_none_or(|moved| after.is_some_and(|after| now.saturating_sub(moved) >= after))
}

impl Addresses {
    pub(crate) fn new(nodes: usize) -> Self {
        let homes: Vec<u64> = (1..=nodes as u64).collect();
        let books = (0..nodes).flat_map(|_| homes.iter().copied().map(Some)).collect();
        Self { nodes, homes, moved: vec![None; nodes], books, given: nodes as u64, forgotten: 0 }
    }

    /// Where a message from one node to another goes. Who has moved longer ago than `after` is looked up anew.
    pub(crate) fn route(&mut self, from: usize, to: usize, now: u64, after: Option<u64>) -> Route {
        let home = self.home(to);
        let moved = self.moved.get(to).copied().flatten();
        let Some(Some(address)) = self.books.get_mut(from * self.nodes + to) else { return Route::Nowhere };
        if *address == home {
            return Route::To(to);
        }
        if noticed(moved, now, after) {
            *address = home;
            return Route::To(to);
        }
        let address = *address;
        self.homes.iter().position(|home| *home == address).map_or(Route::Nowhere, Route::To)
    }

    fn home(&self, at: usize) -> u64 {
        self.homes.get(at).copied().unwrap_or(0)
    }

    /// A node's transport looks up where a peer lives.
    pub(crate) fn reach(&mut self, knower: usize, peer: usize) {
        let home = self.home(peer);
        if let Some(book) = self.books.get_mut(knower * self.nodes + peer) {
            self.forgotten -= usize::from(book.is_none());
            *book = Some(home);
        }
    }

    pub(crate) fn forget(&mut self, knower: usize, peer: usize) {
        if let Some(book) = self.books.get_mut(knower * self.nodes + peer) {
            self.forgotten += usize::from(book.is_some());
            *book = None;
        }
    }

    /// A node moves to an address that nobody has had.
    pub(crate) fn relocate(&mut self, at: usize, now: u64) {
        self.given += 1;
        if let (Some(home), Some(moved)) = (self.homes.get_mut(at), self.moved.get_mut(at)) {
            *home = self.given;
            *moved = Some(now);
        }
    }

    /// Two nodes trade their addresses.
    pub(crate) fn trade(&mut self, one: usize, other: usize, now: u64) {
        if one.max(other) < self.homes.len() {
            self.homes.swap(one, other);
            for at in [one, other] {
                self.moved.get_mut(at).into_iter().for_each(|moved| *moved = Some(now));
            }
        }
    }

    /// Whether everybody would find everybody.
    pub(crate) fn is_settled(&self, now: u64, after: Option<u64>) -> bool {
        self.forgotten == 0 && self.moved.iter().all(|moved| noticed(*moved, now, after))
    }

    /// A process begins with what the directory says.
    pub(crate) fn resolve_all(&mut self, knower: usize) {
        (0..self.nodes).for_each(|peer| self.reach(knower, peer));
    }

    /// Everybody looks up again whom it has not forgotten.
    pub(crate) fn refresh(&mut self) {
        for knower in 0..self.nodes {
            for peer in 0..self.nodes {
                if self.books.get(knower * self.nodes + peer).is_some_and(Option::is_some) {
                    self.reach(knower, peer);
                }
            }
        }
        self.moved.fill(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_moves_is_not_found_until_its_name_is_resolved_again() {
        let mut addresses = Addresses::new(3);
        assert_eq!(addresses.route(0, 1, 5, None), Route::To(1));
        assert!(addresses.is_settled(5, None));
        addresses.relocate(1, 5);
        assert_eq!(addresses.route(0, 1, 5, None), Route::Nowhere);
        assert_eq!(addresses.route(0, 1, 104, Some(100)), Route::Nowhere);
        assert_eq!(addresses.route(0, 1, 105, Some(100)), Route::To(1));
        assert_eq!(addresses.route(2, 1, 105, None), Route::Nowhere, "each has a book of its own");
        addresses.reach(2, 1);
        assert_eq!(addresses.route(2, 1, 105, None), Route::To(1));
        assert!(!addresses.is_settled(104, Some(100)) && addresses.is_settled(105, Some(100)));
        assert!(!addresses.is_settled(105, None));
    }

    #[test]
    fn an_address_that_somebody_else_has_now_leads_to_him() {
        let mut addresses = Addresses::new(3);
        addresses.trade(1, 2, 0);
        assert_eq!(addresses.route(0, 1, 0, None), Route::To(2));
        addresses.reach(0, 1);
        assert_eq!(addresses.route(0, 1, 0, None), Route::To(1));
        addresses.forget(0, 1);
        assert_eq!(addresses.route(0, 1, 0, Some(0)), Route::Nowhere);
        addresses.refresh();
        assert_eq!(addresses.route(0, 1, 0, None), Route::Nowhere, "forgotten on purpose");
        addresses.resolve_all(0);
        assert_eq!(addresses.route(0, 1, 0, None), Route::To(1));
    }
}
