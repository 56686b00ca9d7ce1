//! A register replicated by single-decree Paxos, with clients that write once and then read, and the history of what they saw
//! as part of the state: the system that stateright's Paxos example checks, state for state.
//!
//! Three servers; client `c` writes its own value to server `c`, and when that is answered reads from the next server. The
//! network is a multiset of messages in no order, and each is delivered once. A message that its receiver has no use for stays
//! where it is. A server that has not decided does not answer a read.

use synod_sim::explore::{Model, Print, Successors};

const SERVERS: u8 = 3;
const MAJORITY: u32 = 2;

/// The model for some clients, at most 3.
///
/// ```
/// use synod_benches::explore::RegisterOverPaxos;
/// use synod_sim::explore::Explorer;
///
/// let found = Explorer::new(&RegisterOverPaxos::of(2)).run();
/// assert!(found.holds());
/// assert_eq!(found.extent.unique, 16_668); // as stateright counts
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RegisterOverPaxos {
    clients: u8,
    forgetful: bool,
}

impl RegisterOverPaxos {
    /// With this many clients.
    #[must_use]
    pub fn of(clients: u8) -> Self {
        Self { clients: clients.min(3), forgetful: false }
    }

    /// A leader proposes its own value whatever has been accepted before: wrong on purpose.
    #[must_use]
    pub const fn forgetful(self) -> Self {
        Self { forgetful: true, ..self }
    }
}

/// A round and the server that leads it.
type Ballot = u8;

const fn ballot(round: u8, server: u8) -> Ballot {
    round << 2 | server
}

/// A ballot and the client whose value was accepted in it; 0 is none. The order is that of ballots.
type Accepted = u8;

const fn accepted(ballot: Ballot, client: u8) -> Accepted {
    (ballot << 2 | client) + 1
}

const fn client_of(accepted: Accepted) -> u8 {
    (accepted - 1) & 3
}

/// One server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Server {
    ballot: Ballot,
    /// The client whose value is proposed, plus 1.
    proposal: u8,
    /// What each server had accepted when it prepared, plus 1; 0 where none has answered.
    prepares: [u8; SERVERS as usize],
    /// Who has accepted, a bit each.
    accepts: u8,
    accepted: Accepted,
    decided: bool,
}

impl Server {
    fn word(self) -> u64 {
        let [a, b, c] = self.prepares;
        u64::from_le_bytes([
            self.ballot,
            self.proposal,
            a,
            b,
            c,
            self.accepts,
            self.accepted,
            u8::from(self.decided),
        ])
    }
}

/// One client and its part of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Client {
    /// How many of its two operations have returned: the write, the read.
    done: u8,
    /// How many operations of each client had returned when the read was called.
    before_read: [u8; 3],
    /// What the read returned: a client's value.
    read: u8,
}

/// The kinds of messages, in the top bits of their word.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
enum Kind {
    Put,
    Get,
    PutOk,
    GetOk,
    Prepare,
    Prepared,
    Accept,
    Accepted,
    Decided,
}

const KINDS: [Kind; 9] = [
    Kind::Put,
    Kind::Get,
    Kind::PutOk,
    Kind::GetOk,
    Kind::Prepare,
    Kind::Prepared,
    Kind::Accept,
    Kind::Accepted,
    Kind::Decided,
];

/// A message in one word. Clients follow the servers in the numbering of senders and receivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message(u32);

impl Message {
    fn new(kind: Kind, from: u8, to: u8, first: u8, second: u8) -> Self {
        let parts = u32::from(from) << 24 | u32::from(to) << 16 | u32::from(first) << 8 | u32::from(second);
        Self((kind as u32) << 28 | parts)
    }

    fn kind(self) -> Option<Kind> {
        KINDS.get((self.0 >> 28) as usize).copied()
    }

    const fn from(self) -> u8 {
        (self.0 >> 24) as u8 & 0xf
    }

    const fn to(self) -> u8 {
        (self.0 >> 16) as u8
    }

    const fn first(self) -> u8 {
        (self.0 >> 8) as u8
    }

    const fn second(self) -> u8 {
        self.0 as u8
    }
}

/// How many messages can be on their way. Each server leads one ballot, so few can.
const ROOM: usize = 28;

/// A state: plain memory, copied as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    servers: [Server; SERVERS as usize],
    clients: [Client; 3],
    /// In ascending order.
    network: [Message; ROOM],
    len: u8,
}

impl Cluster {
    fn waiting(&self) -> &[Message] {
        self.network.get(..usize::from(self.len)).unwrap_or(&[])
    }

    fn send(&mut self, message: Message) {
        let place = self.waiting().partition_point(|other| *other <= message);
        if let Some(tail) = self.network.get_mut(place..=usize::from(self.len)) {
            tail.rotate_right(1);
            self.len += 1;
            if let Some(first) = tail.first_mut() {
                *first = message;
            }
        }
    }

    fn take(&mut self, place: usize) {
        if let Some(tail) = self.network.get_mut(place..usize::from(self.len)) {
            tail.rotate_left(1);
            self.len -= 1;
            if let Some(last) = tail.last_mut() {
                *last = Message::default();
            }
        }
    }

    fn broadcast(&mut self, kind: Kind, from: u8, first: u8, second: u8) {
        for to in (0..SERVERS).filter(|to| *to != from) {
            self.send(Message::new(kind, from, to, first, second));
        }
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        let servers = self.servers.iter().map(|server| server.word());
        let clients = self.clients.iter().map(|client| {
            let [a, b, c] = client.before_read;
            u64::from_le_bytes([client.done, a, b, c, client.read, 0, 0, 0])
        });
        let pairs = self.waiting().chunks(2).map(|pair| match pair {
            [a, b] => u64::from(a.0) << 32 | u64::from(b.0),
            rest => rest.iter().map(|message| u64::from(message.0)).sum(),
        });
        servers.chain(clients).chain(pairs)
    }

    /// Delivers a message that was taken out of the network; `false` if its receiver has no use for it.
    fn deliver(&mut self, message: Message, forgetful: bool) -> bool {
        let to = message.to();
        match to.checked_sub(SERVERS) {
            Some(client) => self.answer(client, message),
            None => self.serve(to, message, forgetful),
        }
    }

    fn answer(&mut self, me: u8, message: Message) -> bool {
        let done = self.clients.map(|client| client.done);
        let Some(client) = self.clients.get_mut(usize::from(me)) else { return false };
        match (message.kind(), client.done) {
            (Some(Kind::PutOk), 0) => {
                client.done = 1;
                client.before_read = done;
                // What a client has done itself precedes its next call anyway.
                if let Some(own) = client.before_read.get_mut(usize::from(me)) {
                    *own = 0;
                }
                self.send(Message::new(Kind::Get, SERVERS + me, (me + 1) % SERVERS, 0, 0));
            }
            (Some(Kind::GetOk), 1) => {
                client.done = 2;
                client.read = message.first();
            }
            _ => return false,
        }
        true
    }

    fn serve(&mut self, me: u8, message: Message, forgetful: bool) -> bool {
        let Some(server) = self.servers.get_mut(usize::from(me)) else { return false };
        let (kind, from, theirs) = (message.kind(), message.from(), message.first());
        if server.decided {
            if kind == Some(Kind::Get) {
                let value = client_of(server.accepted);
                self.send(Message::new(Kind::GetOk, me, from, value, 0));
                return true;
            }
            return false;
        }
        match kind {
            Some(Kind::Put) if server.proposal == 0 => {
                server.proposal = from - SERVERS + 1;
                server.ballot = ballot((server.ballot >> 2) + 1, me);
                server.prepares = [0; 3];
                server.accepts = 0;
                put(&mut server.prepares, me, server.accepted + 1);
                let ballot = server.ballot;
                self.broadcast(Kind::Prepare, me, ballot, 0);
            }
            Some(Kind::Prepare) if server.ballot < theirs => {
                server.ballot = theirs;
                let last = server.accepted;
                self.send(Message::new(Kind::Prepared, me, from, theirs, last));
            }
            Some(Kind::Prepared) if server.ballot == theirs => {
                put(&mut server.prepares, from, message.second() + 1);
                if server.prepares.iter().filter(|answer| **answer > 0).count() == MAJORITY as usize {
                    let last = server.prepares.iter().max().map_or(0, |last| last - 1);
                    if last > 0 && !forgetful {
                        server.proposal = client_of(last) + 1;
                    }
                    server.accepted = accepted(theirs, server.proposal - 1);
                    server.accepts |= 1 << me;
                    let proposal = server.proposal;
                    self.broadcast(Kind::Accept, me, theirs, proposal);
                }
            }
            Some(Kind::Accept) if server.ballot <= theirs => {
                server.ballot = theirs;
                server.accepted = accepted(theirs, message.second() - 1);
                self.send(Message::new(Kind::Accepted, me, from, theirs, 0));
            }
            Some(Kind::Accepted) if server.ballot == theirs => {
                server.accepts |= 1 << from;
                if server.accepts.count_ones() == MAJORITY {
                    server.decided = true;
                    let proposal = server.proposal;
                    self.broadcast(Kind::Decided, me, theirs, proposal);
                    self.send(Message::new(Kind::PutOk, me, SERVERS + proposal - 1, 0, 0));
                }
            }
            Some(Kind::Decided) => {
                server.ballot = theirs;
                server.accepted = accepted(theirs, message.second() - 1);
                server.decided = true;
            }
            _ => return false,
        }
        true
    }

    /// Whether some order of the operations, in which each takes effect between its call and its return, explains the reads.
    /// `done` says how many operations of each client have taken effect, `value` who wrote last, plus 1.
    fn explained(&self, clients: u8, done: [u8; 3], value: u8) -> bool {
        if self.clients.iter().zip(done).all(|(client, done)| done >= client.done) {
            return true;
        }
        (0..clients).any(|me| {
            let Some(client) = self.clients.get(usize::from(me)) else { return false };
            let mut after = done;
            let Some(mine) = after.get_mut(usize::from(me)) else { return false };
            *mine += 1;
            match *mine {
                1 => self.explained(clients, after, me + 1),
                2 if client.done > 0 => {
                    let called_after =
                        client.before_read.iter().zip(done).all(|(before, done)| *before <= done);
                    let returned = client.done < 2 || value == client.read + 1;
                    called_after && returned && self.explained(clients, after, value)
                }
                _ => false,
            }
        })
    }
}

fn put(prepares: &mut [u8; 3], server: u8, answer: u8) {
    if let Some(place) = prepares.get_mut(usize::from(server)) {
        *place = answer;
    }
}

impl Model for RegisterOverPaxos {
    type State = Cluster;
    type Action = Message;

    fn initial(&self) -> Vec<Cluster> {
        let mut state = Cluster {
            servers: [Server::default(); 3],
            clients: [Client::default(); 3],
            network: [Message::default(); ROOM],
            len: 0,
        };
        for client in 0..self.clients {
            state.send(Message::new(Kind::Put, SERVERS + client, client, 0, 0));
        }
        vec![state]
    }

    fn next<S: Successors<Self>>(&self, state: &Cluster, each: &mut S) {
        for (place, message) in state.waiting().iter().enumerate() {
            let mut after = *state;
            after.take(place);
            if after.deliver(*message, self.forgetful) {
                each.offer(|| *message, &after);
            }
        }
    }

    fn check(&self, state: &Cluster) -> Result<(), String> {
        if state.explained(self.clients, [0; 3], 0) {
            Ok(())
        } else {
            Err(format!("not linearizable: {:?}", state.clients))
        }
    }

    fn print(&self, state: &Cluster) -> Print {
        Print::of_words(state.words())
    }
}
