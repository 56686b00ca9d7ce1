//! How far an exploration of a cluster goes.

/// The greatest number of nodes.
pub(super) const NODES_MAX: usize = 32;

/// Budgets. Each is spent along a path: with `crashes: 1`, at most one process dies on the way to any state.
///
/// ```
/// use synod_sim::explore::Bounds;
/// let bounds = Bounds { crashes: 1, timers: 2, ..Bounds::default() };
/// assert_eq!((bounds.drops, bounds.in_flight_max), (0, usize::MAX));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Messages that the network loses. Without bounds on what is in flight, and with an unordered network, this adds nothing to
    /// what can go wrong: a message may always stay on its way.
    pub drops: u8,
    /// Messages that the network doubles.
    pub duplicates: u8,
    /// Processes that die.
    pub crashes: u8,
    /// How many timers run out on each node: at most 254, or [`UNLIMITED`](Bounds::UNLIMITED). One that is armed and may not run
    /// out any more is cut off, and counted as such.
    pub timers: u8,
    /// How many timers run out on all nodes together, or [`UNLIMITED`](Bounds::UNLIMITED). Where both are unlimited, nothing is
    /// counted, and states do not differ in how many timers have run out.
    pub timers_all: u8,
    /// How many messages may be on their way; an action that would put more there is cut off, and counted as such.
    pub in_flight_max: usize,
    /// The order of messages.
    pub network: Network,
}

impl Bounds {
    /// As many timers as there are: the states are finite only if the protocol sees to it.
    pub const UNLIMITED: u8 = u8::MAX;
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            drops: 0,
            duplicates: 0,
            crashes: 0,
            timers: 1,
            timers_all: Self::UNLIMITED,
            in_flight_max: usize::MAX,
            network: Network::Unordered,
        }
    }
}

/// The order in which messages arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Network {
    /// Any.
    #[default]
    Unordered,
    /// Any, and a message that is sent while an equal one is on its way adds nothing: a protocol that repeats itself stays finite.
    Merging,
    /// First in, first out from each node to each other.
    Fifo,
    /// Any, and any number of times: a message that was sent stays on its way for ever. All losses, delays and duplicates at once,
    /// without a budget, and mostly in fewer states than [`Unordered`](Self::Unordered): what was delivered and what was not need not be
    /// told apart. For protocols that take the same message twice as if it were once; others send without end.
    Everlasting,
}
