//! Dotted version vectors and their sets: exactly the values that nobody has replaced, and no explosion of them.

use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Instant;
use synod_clocks::laws::check_bytes;
use synod_clocks::{Causality, Dot, DotError, Dotted, DottedClock, Siblings, VersionVector};
use synod_core::wire::{Wire, WireError};

/// What a replica should hold: all dots that it has heard of, and those that somebody has replaced.
#[derive(Clone, Debug, Default)]
struct Oracle {
    heard: BTreeSet<(u64, u64)>,
    replaced: BTreeSet<(u64, u64)>,
}

impl Oracle {
    fn living(&self) -> BTreeSet<(u64, u64)> {
        self.heard.difference(&self.replaced).copied().collect()
    }

    fn replace(&mut self, context: &BTreeSet<(u64, u64)>) {
        self.heard.extend(context);
        self.replaced.extend(context);
    }

    fn merge(&mut self, other: &Self) {
        self.heard.extend(&other.heard);
        self.replaced.extend(&other.replaced);
    }
}

proptest! {
    /// Servers 0 to 2 take writes and deletes of clients 0 to 3, each with what it read last, and merge in any order.
    #[test]
    fn a_replica_holds_exactly_what_nobody_has_replaced(steps in vec((0..4_u8, 0..3_usize, 0..4_usize, 0..3_usize), 1..80)) {
        let mut servers = vec![(Siblings::new(), Oracle::default()); 3];
        let mut clients = vec![(VersionVector::new(), BTreeSet::new()); 4];
        for (number, (step, at, client, other)) in steps.into_iter().enumerate() {
            let (context, read) = clients[client].clone();
            match step {
                0 => {
                    let (siblings, oracle) = &mut servers[at];
                    // A client that read at another server knows writes that this one may not have: all of these are replaced too.
                    match siblings.write(at as u64, &context, number as u64) {
                        Ok(dot) => {
                            oracle.replace(&read);
                            oracle.heard.insert((dot.actor, dot.count()));
                        }
                        Err(error) => prop_assert!(false, "{error}"),
                    }
                }
                1 => {
                    let (siblings, oracle) = &mut servers[at];
                    siblings.discard(&context);
                    oracle.replace(&read);
                }
                2 => clients[client] = (servers[at].0.context(), servers[at].1.heard.clone()),
                _ => {
                    let (siblings, oracle) = servers[other].clone();
                    let before = servers[at].0.clone();
                    servers[at].0.merge(&siblings);
                    servers[at].1.merge(&oracle);
                    // The lattice laws, as far as one pair shows them.
                    let mut again = servers[at].0.clone();
                    again.merge(&before);
                    again.merge(&siblings);
                    prop_assert_eq!(&again, &servers[at].0);
                    let mut reversed = siblings;
                    reversed.merge(&before);
                    prop_assert_eq!(&reversed, &servers[at].0);
                }
            }
            let (siblings, oracle) = &servers[at];
            let living: BTreeSet<_> = siblings.dots().map(|(dot, _)| (dot.actor, dot.count())).collect();
            prop_assert_eq!(living, oracle.living());
            prop_assert_eq!(siblings.len(), oracle.living().len());
            prop_assert!(siblings.values().eq(siblings.dots().map(|(_, value)| value)));
        }
        for (siblings, _) in &servers {
            check_bytes(siblings, 30, 7).unwrap();
            prop_assert_eq!(siblings.clash(&servers[0].0), None);
        }
    }

    #[test]
    fn dotted_stamps_keep_the_laws_of_bytes(dots in vec((0..5_u64, 1..4_u64), 0..12), seed in any::<u64>()) {
        let past: VersionVector<u64> = dots.into_iter().collect();
        let dot = past.next_dot(seed % 5).unwrap();
        check_bytes(&Dotted::new(dot, past).unwrap(), 100, seed).unwrap();
    }
}

/// What a server with plain version vectors does (riak_kv #746): each write gets one more in the server's entry on top of what the
/// client has read, and stays unless a later one dominates it.
#[derive(Default)]
struct Exploding {
    count: u64,
    values: Vec<VersionVector<&'static str>>,
}

impl Exploding {
    fn write(&mut self, context: &VersionVector<&'static str>) {
        self.count += 1;
        let mut stamp = context.clone();
        stamp.extend([("server", self.count)]);
        self.values.retain(|value| !value.is_known_by(context));
        self.values.push(stamp);
    }

    fn context(&self) -> VersionVector<&'static str> {
        let mut context = VersionVector::new();
        self.values.iter().for_each(|value| context.merge(value));
        context
    }
}

/// Two clients take turns on one server, each reading before the other writes.
#[test]
fn siblings_of_clients_that_take_turns_do_not_explode() {
    let mut siblings = Siblings::new();
    let mut exploding = Exploding::default();
    let mut reads = [VersionVector::new(), VersionVector::new()];
    let mut others = reads.clone();
    for turn in 0..1_000 {
        let client = turn % 2;
        siblings.write("server", &reads[client], turn).unwrap();
        exploding.write(&others[client]);
        assert!(siblings.len() <= 2, "turn {turn}");
        // It reads what it wrote, and whatever else there is, before the other's next write.
        reads[client] = siblings.context();
        others[client] = exploding.context();
    }
    assert_eq!(siblings.len(), 2);
    // The other design either keeps what was replaced, or drops what nobody has read. Here it drops: after two blind writes
    // a context covers both, although no client has read the first.
    let mut blind = Exploding::default();
    blind.write(&VersionVector::new());
    blind.write(&VersionVector::new());
    assert_eq!(
        blind.values[0].causality(&blind.values[1]),
        Causality::Before,
        "a lost update, if it trusted its order"
    );
    let mut server = DottedClock::new("server");
    let [first, second] = [(); 2].map(|()| server.stamp(&VersionVector::new()).unwrap());
    assert_eq!(first.causality(&second), Causality::Concurrent);
    assert!(!first.is_known_by(second.past()) && first.is_known_by(&second.known()));
}

#[test]
fn forged_contexts_are_refused() {
    let mut siblings = Siblings::new();
    siblings.write("a", &VersionVector::new(), 1).unwrap();
    let forged = VersionVector::from_iter([("a", 5)]);
    let refused = DotError::Unissued { claimed: 5, issued: 1 };
    assert_eq!(siblings.write("a", &forged, 2), Err(refused));
    assert_eq!(siblings.values().collect::<Vec<_>>(), [&1], "nothing was lost");
    let mut clock = DottedClock::new("a");
    assert_eq!(clock.stamp(&forged), Err(DotError::Unissued { claimed: 5, issued: 0 }));
    let known = VersionVector::from_iter([("a", u64::MAX)]);
    assert_eq!(DottedClock::resume("a", known.clone()).stamp(&known), Err(DotError::Exhausted));
    let mut full = Siblings::new();
    full.discard(&known);
    assert_eq!(full.write("a", &known, 1), Err(DotError::Exhausted));
    assert_eq!(Dotted::new(Dot::at("a", 1).unwrap(), known), None, "an event is not in its own past");
}

/// One context that claims everything of another server, given to a replica that takes it at its word, and to one that checks.
#[test]
fn a_context_that_claims_what_was_never_written_is_found_out() {
    let mut other = Siblings::new();
    other.write("s2", &VersionVector::new(), 1).unwrap();
    let mut here = other.clone();
    let forged = VersionVector::from_iter([("s1", 0), ("s2", u64::MAX)]);
    // Taken at its word it silences s2 for ever, here and wherever this is merged ...
    let mut credulous = here.clone();
    credulous.write("s1", &forged, 2).unwrap();
    other.write("s2", &other.context(), 3).unwrap();
    credulous.merge(&other);
    assert!(credulous.values().eq([&2]), "the later value of s2 has vanished");
    let mut exhausted = other.clone();
    exhausted.merge(&credulous);
    assert_eq!(exhausted.write("s2", &VersionVector::new(), 4), Err(DotError::Exhausted));
    // ... but s2 itself can see that it never wrote so much.
    let refused = DotError::Unissued { claimed: u64::MAX, issued: 2 };
    let before = other.clone();
    assert_eq!(other.checked_merge("s2", &credulous), Err(refused));
    assert_eq!(other, before);
    // Checked, it is refused: the servers that it names have never heard of it either.
    assert_eq!(here.check(&forged), Err(DotError::Gap { expected: 2, got: u64::MAX }));
    here.merge(&other);
    assert_eq!(here.check(&forged), Err(DotError::Gap { expected: 3, got: u64::MAX }));
    // A true claim of what this replica has not heard passes once it has heard it.
    let mut late = Siblings::new();
    assert_eq!(late.check(&here.context()), Err(DotError::Gap { expected: 1, got: 2 }));
    late.checked_merge("s1", &here).unwrap();
    assert_eq!(late.check(&here.context()), Ok(()));
    late.write("s1", &here.context(), 5).unwrap();
    assert!(late.values().eq([&5]));
    other.checked_merge("s2", &late).unwrap();
    assert!(other.values().eq([&5]));
}

/// Two keys of 60,000 servers each, none of which the other knows. Entries that are inserted one by one take some ten seconds here.
#[test]
fn strangers_are_merged_in_one_pass() {
    let with = |servers: &mut dyn Iterator<Item = u64>| {
        let mut siblings = Siblings::<u64, u64>::new();
        let context: VersionVector<u64> = servers.map(|server| (server, 1)).collect();
        siblings.discard(&context);
        (siblings, context)
    };
    let (even, _) = with(&mut (0..120_000).step_by(2));
    let (odd, odd_context) = with(&mut (1..120_000).step_by(2));
    let begun = Instant::now();
    let (mut merged, mut discarded) = (even.clone(), even);
    merged.merge(&odd);
    discarded.discard(&odd_context);
    let took = begun.elapsed();
    let (all, _) = with(&mut (0..120_000));
    assert!(merged == all && discarded == all);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn one_dot_with_two_values_is_noticed() {
    let (mut one, mut two) = (Siblings::new(), Siblings::new());
    let dot = one.write("a", &VersionVector::new(), 1).unwrap();
    two.write("a", &VersionVector::new(), 2).unwrap();
    two.write("b", &VersionVector::new(), 3).unwrap();
    assert_eq!(one.clash(&two), Some(dot));
    assert_eq!(one.clash(&one), None);
}

#[test]
fn bytes_of_siblings_are_golden() {
    let mut siblings = Siblings::new();
    siblings.write(7_u64, &VersionVector::new(), 0xaa_u64).unwrap();
    siblings.write(7, &VersionVector::new(), 0xbb).unwrap();
    let golden = [
        &[1, 0, 0, 0][..], // one server
        &[7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 0], // two values, the newest first
        &[0xbb, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(siblings.to_bytes(1), golden);
    let mut forged = golden;
    forged[12] = 1;
    let refused = Siblings::<u64, u64>::from_bytes(forged.into(), 1);
    assert_eq!(refused, Err(WireError::Invalid { field: "number of values of a server" }));
}
