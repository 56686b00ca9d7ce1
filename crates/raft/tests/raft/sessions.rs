//! Sessions against a list of what may have been applied.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use synod_core::{Bytes, RestoreError, StateMachine};
use synod_raft::session::{Answer, Client, Limits, Refused, Request, Sessions};

/// Remembers every command that it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Witness {
    applied: u64,
    commands: Vec<u64>,
}

impl StateMachine for Witness {
    type Output = u64;

    fn apply(&mut self, position: u64, command: &[u8]) -> u64 {
        self.applied = position;
        self.commands.push(u64::from_le_bytes(command.try_into().unwrap()));
        self.commands.len() as u64
    }

    fn applied(&self) -> u64 {
        self.applied
    }

    fn snapshot(&self) -> Bytes {
        let words = std::iter::once(&self.applied).chain(&self.commands);
        words.flat_map(|word| word.to_le_bytes()).collect()
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        if !snapshot.len().is_multiple_of(8) || snapshot.is_empty() {
            return Err(RestoreError);
        }
        let mut words = snapshot.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
        self.applied = words.next().unwrap();
        self.commands = words.collect();
        Ok(())
    }
}

const IDLE_MAX: Duration = Duration::from_secs(10);

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.sessions_max = 3;
    limits.window = 4;
    limits.idle_max = IDLE_MAX;
    limits
}

/// What may happen next; the numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Act {
    Open,
    Request(usize),
    /// Proposes bytes that were proposed before.
    Again(usize),
    Answered(usize),
    Close(usize),
    Tick(u64),
    /// The second replica is replaced by one that starts from a snapshot.
    Restore,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => Just(Act::Open),
        8 => any::<usize>().prop_map(Act::Request),
        8 => any::<usize>().prop_map(Act::Again),
        5 => any::<usize>().prop_map(Act::Answered),
        1 => any::<usize>().prop_map(Act::Close),
        2 => (0..8_u64).prop_map(Act::Tick),
        1 => Just(Act::Restore),
    ];
    prop::collection::vec(act, 1..120)
}

/// What clients have done, and what they were answered.
#[derive(Default)]
struct Clients {
    sessions: Vec<Client>,
    /// Every request: its session, its number, its bytes.
    requests: Vec<(usize, u64, Bytes)>,
    first_answers: BTreeMap<u64, u64>,
    now: u64,
}

impl Clients {
    /// The bytes to propose, and the command in them, if any.
    fn bytes(&mut self, act: Act) -> Option<Bytes> {
        let pick = |at: usize, len: usize| (len > 0).then(|| at % len);
        match act {
            Act::Open => Some(Request::Open.to_bytes()),
            Act::Request(at) => {
                let session = pick(at, self.sessions.len())?;
                let command = self.requests.len() as u64;
                let (sequence, bytes) = self.sessions[session].request(&command.to_le_bytes());
                self.requests.push((session, sequence, bytes.clone()));
                Some(bytes)
            }
            Act::Again(at) => pick(at, self.requests.len()).map(|at| self.requests[at].2.clone()),
            Act::Answered(at) => {
                // Only what has an answer is acknowledged.
                let known: Vec<_> = self.first_answers.keys().copied().collect();
                let (session, sequence, _) = self.requests[known[pick(at, known.len())?] as usize];
                self.sessions[session].answered(sequence);
                None
            }
            Act::Close(at) => pick(at, self.sessions.len()).map(|at| self.sessions[at].close()),
            Act::Tick(seconds) => {
                self.now += seconds;
                Some(Request::Tick { now: Duration::from_secs(self.now) }.to_bytes())
            }
            Act::Restore => None,
        }
    }
}

fn command_of(bytes: &[u8]) -> Option<u64> {
    match Request::parse(bytes) {
        Ok(Request::Apply { command, .. }) => Some(u64::from_le_bytes(command.try_into().unwrap())),
        _ => None,
    }
}

/// Whether any command stands twice in the list.
fn applied_twice(commands: &[u64]) -> bool {
    commands.len() != commands.iter().collect::<BTreeSet<_>>().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn each_request_counts_once_and_replicas_agree(acts in acts()) {
        let mut replica = Sessions::new(Witness::default(), limits());
        let mut twin = replica.clone();
        let mut clients = Clients::default();
        let mut position = 0;
        for act in acts {
            if matches!(act, Act::Restore) {
                twin = Sessions::new(Witness::default(), limits());
                if position > 0 {
                    twin.restore(replica.snapshot()).unwrap();
                }
            }
            let Some(bytes) = clients.bytes(act) else { continue };
            position += 1;
            let before = replica.machine().commands.len();
            let answer = replica.apply(position, &bytes);
            prop_assert_eq!(&answer, &twin.apply(position, &bytes));
            prop_assert_eq!((replica.applied(), twin.applied()), (position, position));
            let applied = replica.machine().commands.len() > before;
            match answer {
                Answer::Opened { session } => clients.sessions.push(Client::new(session)),
                Answer::Done { output, repeated } => {
                    prop_assert_eq!(applied, !repeated);
                    let command = command_of(&bytes).unwrap();
                    let first = *clients.first_answers.entry(command).or_insert(output);
                    prop_assert_eq!(output, first, "a repeated request is answered as the first time");
                }
                _ => prop_assert!(!applied, "what is refused changes nothing"),
            }
            prop_assert!(!applied_twice(&replica.machine().commands));
            prop_assert!(replica.open() <= 3);
        }
        prop_assert_eq!(replica.machine(), twin.machine());
        let resumed = Sessions::resume(replica.machine().clone(), limits(), replica.table()).unwrap();
        prop_assert_eq!(resumed.snapshot(), replica.snapshot());
    }

    #[test]
    fn any_bytes_are_a_state_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..200_usize, value: u8) {
        let mut replica = Sessions::new(Witness::default(), limits());
        let Answer::Opened { session } = replica.apply(1, &Request::Open.to_bytes()) else { panic!() };
        let (_, request) = Client::new(session).request(&9_u64.to_le_bytes());
        replica.apply(2, &request);
        let before = replica.snapshot();
        let _ = Request::parse(&bytes);
        let _ = Sessions::resume(Witness::default(), limits(), bytes.clone().into());
        // Noise, and the real thing with one byte changed.
        let mut spoiled = before.to_vec();
        let at = at % spoiled.len();
        spoiled[at] = value;
        for bytes in [bytes, spoiled] {
            if replica.restore(bytes.into()).is_err() {
                prop_assert_eq!(&replica.snapshot(), &before, "an error leaves everything as it was");
            } else {
                replica.restore(before.clone()).unwrap();
            }
        }
    }
}

/// The oracle of the test above is awake: without sessions, a retry counts twice, and it says so.
#[test]
fn without_sessions_a_retry_counts_twice() {
    let mut naive = Witness::default();
    for position in 1..=2 {
        naive.apply(position, &7_u64.to_le_bytes());
    }
    assert!(applied_twice(&naive.commands));
}

#[test]
fn a_late_copy_from_an_expired_session_is_refused() {
    let mut replica = Sessions::new(Witness::default(), limits());
    let Answer::Opened { session } = replica.apply(1, &Request::Open.to_bytes()) else { panic!() };
    let (_, request) = Client::new(session).request(&1_u64.to_le_bytes());
    replica.apply(2, &request);
    let tick = |seconds| Request::Tick { now: Duration::from_secs(seconds) }.to_bytes();
    assert_eq!(replica.apply(3, &tick(10)), Answer::Ticked { expired: 0 });
    assert_eq!(replica.apply(4, &tick(11)), Answer::Ticked { expired: 1 });
    assert_eq!(replica.apply(5, &request), Answer::Refused(Refused::NoSession { session }));
    assert_eq!(replica.machine().commands, [1]);
    // The log's time does not go back, so nothing comes to life again.
    assert_eq!(replica.apply(6, &tick(1)), Answer::Ticked { expired: 0 });
}

/// What counts is the time since its last request.
#[test]
fn a_session_that_is_used_does_not_expire() {
    let mut replica = Sessions::new(Witness::default(), limits());
    let tick = |seconds| Request::Tick { now: Duration::from_secs(seconds) }.to_bytes();
    replica.apply(1, &tick(100));
    assert_eq!(replica.apply(2, &Request::Open.to_bytes()), Answer::Opened { session: 2 });
    assert_eq!(replica.apply(3, &tick(110)), Answer::Ticked { expired: 0 });
    let (_, request) = Client::new(2).request(&1_u64.to_le_bytes());
    replica.apply(4, &request);
    assert_eq!(replica.apply(5, &tick(120)), Answer::Ticked { expired: 0 });
    assert_eq!(replica.apply(6, &tick(121)), Answer::Ticked { expired: 1 });
}

#[test]
fn a_client_knows_how_many_answers_it_waits_for() {
    let mut client = Client::new(1);
    assert_eq!(client.unanswered(), 0);
    let numbers: Vec<_> = (0..3_u64).map(|command| client.request(&command.to_le_bytes()).0).collect();
    assert_eq!(client.unanswered(), 3);
    for _ in 0..2 {
        client.answered(numbers[1]);
        assert_eq!(client.unanswered(), 2);
    }
}

/// A position that was passed over is not to be given again.
#[test]
fn what_is_no_request_changes_nothing_but_how_far_the_replica_is() {
    let mut replica = Sessions::new(Witness::default(), limits());
    for (position, bytes) in (1..).zip([&b""[..], b"?", &[1, 9]]) {
        assert!(matches!(replica.apply(position, bytes), Answer::Refused(Refused::Malformed(_))));
        assert_eq!((replica.applied(), replica.open()), (position, 0));
    }
}

#[test]
fn a_full_table_refuses_newcomers_and_keeps_the_slow() {
    let mut replica = Sessions::new(Witness::default(), limits());
    for position in 1..=3 {
        assert_eq!(replica.apply(position, &Request::Open.to_bytes()), Answer::Opened { session: position });
    }
    let full = Answer::Refused(Refused::Full { sessions_max: 3 });
    assert_eq!(replica.apply(4, &Request::Open.to_bytes()), full);
    assert_eq!(replica.open(), 3);
    let mut slow = Client::new(1);
    let (_, request) = slow.request(&5_u64.to_le_bytes());
    assert!(matches!(replica.apply(5, &request), Answer::Done { repeated: false, .. }));
    replica.apply(6, &slow.close());
    assert_eq!(replica.apply(7, &Request::Open.to_bytes()), Answer::Opened { session: 7 });
}

#[test]
fn a_window_bounds_what_is_remembered() {
    let mut replica = Sessions::new(Witness::default(), limits());
    replica.apply(1, &Request::Open.to_bytes());
    let mut client = Client::new(1);
    let requests: Vec<_> = (0..5_u64).map(|command| client.request(&command.to_le_bytes())).collect();
    for (position, (_, request)) in (2..).zip(&requests[..4]) {
        assert!(matches!(replica.apply(position, request), Answer::Done { .. }));
    }
    let far = Answer::Refused(Refused::TooFar { sequence: 5, window: 4 });
    assert_eq!(replica.apply(6, &requests[4].1), far);
    client.answered(1);
    let (_, next) = client.request(&9_u64.to_le_bytes());
    // The acknowledgement comes with the next request; a late copy of the first is then known for what it is.
    assert_eq!(replica.apply(7, &next), Answer::Refused(Refused::TooFar { sequence: 6, window: 4 }));
    assert_eq!(replica.apply(8, &requests[0].1), Answer::Refused(Refused::Acknowledged { sequence: 1 }));
    assert!(matches!(replica.apply(9, &requests[4].1), Answer::Done { repeated: false, .. }));
}

#[test]
fn the_format_is_pinned() {
    let request = Request::Apply { session: 1, sequence: 2, lowest: 1, command: b"x" };
    let golden =
        [&[1, 2][..], &1_u64.to_le_bytes(), &2_u64.to_le_bytes(), &1_u64.to_le_bytes(), b"x"].concat();
    assert_eq!(request.to_bytes(), golden);
    assert_eq!(Request::parse(&golden), Ok(request));
    assert_eq!(&Request::Open.to_bytes()[..], [1, 1]);
    assert_eq!(Request::Close { session: 7 }.to_bytes(), [&[1, 3][..], &7_u64.to_le_bytes()].concat());
    let tick = Request::Tick { now: Duration::from_millis(258) };
    assert_eq!(&tick.to_bytes()[..], [1, 4, 2, 1, 0, 0, 0, 0, 0, 0]);
    for wrong in [&[][..], &[2, 1], &[1, 9], &[1, 1, 0], &[1, 3, 0]] {
        assert!(Request::parse(wrong).is_err(), "{wrong:?}");
    }
    // Nobody has the answer to this request or a later one, and the first is 1.
    for (lowest, possible) in [(0, false), (1, true), (2, true), (3, false)] {
        let request = Request::Apply { session: 1, sequence: 2, lowest, command: b"x" };
        assert_eq!(Request::parse(&request.to_bytes()).is_ok(), possible, "{lowest}");
    }

    let mut replica = Sessions::new(Witness::default(), limits());
    replica.apply(1, &Request::Open.to_bytes());
    replica.apply(
        2,
        &request.to_bytes().slice(..).as_ref()[..26].iter().copied().chain([0; 8]).collect::<Vec<_>>(),
    );
    let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let table =
        [&[1][..], &words(&[2, 0]), &[1, 0, 0, 0], &words(&[1, 0, 1]), &[1, 0, 0, 0], &words(&[2, 1])];
    assert_eq!(replica.table(), table.concat());
    assert_eq!(replica.snapshot(), [&table.concat()[..], &words(&[2, 0])].concat());
}

#[test]
fn a_table_that_cannot_be_is_no_state() {
    // The replica has applied two entries, and it is 5.
    let table = |id: u64, heard: u64, lowest: u64, answers: &[u64]| {
        let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let counted = |count: usize| (count as u32).to_le_bytes().to_vec();
        let mut bytes = [vec![1], words(&[2, 5]), counted(1), words(&[id, heard, lowest])].concat();
        bytes.extend(counted(answers.len()));
        answers.iter().for_each(|sequence| bytes.extend(words(&[*sequence, 7])));
        Bytes::from(bytes)
    };
    for (bytes, what) in [
        (table(0, 5, 1, &[]), "a session of the position before the first"),
        (table(3, 5, 1, &[]), "one that is still to be opened"),
        (table(1, 6, 1, &[]), "one that was heard later than now"),
        (table(1, 5, 0, &[]), "requests begin with 1"),
        (table(1, 5, 2, &[1]), "an answer that was given up"),
        (table(1, 5, 1, &[1, 1]), "two answers to a request"),
    ] {
        assert!(Sessions::resume(Witness::default(), limits(), bytes).is_err(), "{what}");
    }
    for right in [table(1, 5, 1, &[]), table(2, 0, 1, &[1, 2]), table(2, 5, 2, &[2])] {
        let resumed = Sessions::resume(Witness::default(), limits(), right.clone()).unwrap();
        assert_eq!(resumed.table(), right);
    }
}

/// Answers with what takes more bytes than the number of the request.
#[derive(Clone, Debug, Default)]
struct Wide(u64);

impl StateMachine for Wide {
    type Output = u128;

    fn apply(&mut self, position: u64, _: &[u8]) -> u128 {
        self.0 = position;
        u128::from(position) << 64
    }

    fn applied(&self) -> u64 {
        self.0
    }

    fn snapshot(&self) -> Bytes {
        Bytes::copy_from_slice(&self.0.to_le_bytes())
    }

    fn restore(&mut self, snapshot: Bytes) -> Result<(), RestoreError> {
        self.0 = u64::from_le_bytes((&snapshot[..]).try_into().map_err(|_| RestoreError)?);
        Ok(())
    }
}

#[test]
fn answers_of_any_length_outlive_a_restart() {
    let mut replica = Sessions::new(Wide::default(), limits());
    replica.apply(1, &Request::Open.to_bytes());
    let (_, request) = Client::new(1).request(b"x");
    let first = Answer::Done { output: 2_u128 << 64, repeated: false };
    assert_eq!(replica.apply(2, &request), first);
    let mut again = Sessions::new(Wide::default(), limits());
    again.restore(replica.snapshot()).unwrap();
    assert_eq!(again.apply(3, &request), Answer::Done { output: 2_u128 << 64, repeated: true });
}
