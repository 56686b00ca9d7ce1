//! The hybrid clock under everything that wall clocks, peers and restarts do to it.

use core::cell::{Cell, RefCell};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;
use synod_clocks::laws::check_bytes;
use synod_clocks::{
    Bound, Hlc, HlcError, HlcPolicy, HlcStamp, Jump, Lead, NodeStamp, SetClock, UnixMillis, UuidError,
    WallClock, WallError, WatchedClock,
};
use synod_core::Time;
use synod_core::wire::{Wire, WireError};

const TEN_YEARS_MS: u64 = 10 * 365 * 86_400_000;

fn at(millis: u64) -> UnixMillis {
    UnixMillis::new(millis).unwrap_or(UnixMillis::MAX)
}

fn stamp(millis: u64, counter: u16) -> HlcStamp {
    HlcStamp::new(at(millis), counter)
}

fn shown(clock: &Arc<SetClock>) -> impl WallClock + use<> {
    let clock = Arc::clone(clock);
    move || clock.unix_millis()
}

fn hybrid(policy: HlcPolicy) -> (Arc<SetClock>, Hlc<impl WallClock>) {
    let wall = Arc::new(SetClock::new(at(1_000_000)));
    let clock = Hlc::volatile(shown(&wall), policy);
    (wall, clock)
}

#[test]
fn the_physical_part_is_not_behind_the_wall_clock_and_the_counter_breaks_ties() {
    let (wall, clock) = hybrid(HlcPolicy::default());
    assert_eq!(clock.now(), Ok(stamp(1_000_000, 0)));
    assert_eq!(clock.now(), Ok(stamp(1_000_000, 1)));
    wall.set(at(1_000_001));
    assert_eq!(clock.now(), Ok(stamp(1_000_001, 0)), "and the counter begins anew");
}

/// Nobody looks: taking stamps is enough.
#[test]
fn a_watched_wall_clock_reports_its_jumps_by_itself() {
    let wall = Arc::new(SetClock::new(at(1_000_000)));
    let monotonic_ms = Cell::new(5_000);
    // How long the thread stands still between two readings of the monotonic clock.
    let pause_ms = Cell::new(0);
    let jumps = RefCell::new(Vec::new());
    let monotonic = || {
        monotonic_ms.set(monotonic_ms.get() + pause_ms.get());
        Time(monotonic_ms.get() * 1_000_000)
    };
    let policy = HlcPolicy::default();
    let report = |jump| jumps.borrow_mut().push(jump);
    let clock = Hlc::volatile(WatchedClock::new(shown(&wall), monotonic, &policy, report), policy);
    let now = |passed_ms: u64, wall_ms: u64| {
        monotonic_ms.set(monotonic_ms.get() + passed_ms);
        wall.set(at(wall_ms));
        clock.now().unwrap();
        jumps.take()
    };
    assert_eq!(now(0, 1_000_000), []);
    assert_eq!(now(1_000, 1_001_000), [], "a second of both");
    assert_eq!(now(1, 1_301_001), [Jump::Forward { by_ms: 300_000 }]);
    assert_eq!(now(1, 1_301_002), [], "reported once");
    assert_eq!(now(20, 1_300_922), [Jump::Backward { by_ms: 100 }]);
    // Set back by exactly the time that passed, so that it shows the same: noticed when it has gone on.
    assert_eq!(now(60, 1_300_922), []);
    assert_eq!(now(10, 1_300_932), [Jump::Backward { by_ms: 60 }]);
    // A thread that is stopped in the middle of a look for a second takes nothing for a jump, and the next one sees what happened.
    pause_ms.set(1_000);
    assert_eq!(now(20, 1_300_952), []);
    pause_ms.set(0);
    assert_eq!(now(0, 1_302_952), []);
    wall.fail(WallError::BeforeEpoch);
    assert_eq!(clock.now(), Err(HlcError::Wall(WallError::BeforeEpoch)));
}

#[test]
fn a_wall_clock_that_goes_backwards_stops_nothing_and_is_reported() {
    let (wall, clock) = hybrid(HlcPolicy::default());
    assert_eq!(clock.look_for_jump(Time(0)), Ok(None));
    let before = clock.now().unwrap();
    wall.set(at(400_000));
    let after = clock.now().unwrap();
    assert!(after > before && after.millis() == before.millis());
    assert_eq!(clock.lead(), Ok(Lead { ahead_ms: 600_000, borrowed_ms: 0 }));
    assert_eq!(clock.look_for_jump(Time(0)), Ok(Some(Jump::Backward { by_ms: 600_000 })));
    // Ten minutes behind, a busy node still gets as many stamps as the policy lets it borrow milliseconds for.
    for _ in 0..200_000 {
        clock.now().unwrap();
    }
    assert_eq!(clock.lead().unwrap().borrowed_ms, 3);
}

#[test]
fn a_jump_is_what_the_monotonic_clock_did_not_see() {
    let (wall, clock) = hybrid(HlcPolicy::default());
    let mut monotonic = 0;
    let mut look = |wall_ms: u64, passed_ms: u64| {
        monotonic += passed_ms * 1_000_000;
        wall.set(at(wall_ms));
        clock.look_for_jump(Time(monotonic)).unwrap()
    };
    assert_eq!(look(1_000_000, 0), None, "the first look");
    assert_eq!(look(4_600_000, 3_600_000), None, "an hour asleep, by both clocks");
    assert_eq!(look(4_600_249, 0), None, "less than the policy reports");
    assert_eq!(look(4_600_499, 0), Some(Jump::Forward { by_ms: 250 }));
    assert_eq!(look(4_601_450, 1_000), None, "49 ms behind is slewing");
    assert_eq!(look(4_602_400, 1_000), Some(Jump::Backward { by_ms: 50 }));
    assert_eq!(look(4_602_400 + TEN_YEARS_MS, 0), Some(Jump::Forward { by_ms: TEN_YEARS_MS }));
}

#[test]
fn remote_stamps_are_refused_for_the_future_alone() {
    let (wall, clock) = hybrid(HlcPolicy::default());
    assert!(clock.receive(stamp(1, 0)).is_ok(), "the past is never refused");
    assert_eq!(clock.receive(stamp(1_000_500, 9)), Ok(stamp(1_000_500, 10)));
    let before = clock.last();
    let refused = HlcError::RemoteAhead { ahead_ms: 501, limit_ms: 500 };
    assert_eq!(clock.receive(stamp(1_000_501, 0)), Err(refused));
    assert_eq!(clock.merge(stamp(1_000_501, 0)), Err(refused));
    assert_eq!(clock.last(), before, "what is refused leaves no trace");
    // The wall clock is set back: what this clock gave itself comes back from its peers, and is believed.
    wall.set(at(1));
    assert!(clock.receive(before).is_ok());
    assert!(matches!(clock.receive(stamp(1_000_502, 0)), Err(HlcError::RemoteAhead { .. })));
}

#[test]
fn the_counter_borrows_from_the_future_and_the_bound_holds() {
    let policy = HlcPolicy { borrowed_ms_max: 2, ..HlcPolicy::default() };
    let (wall, clock) = hybrid(policy);
    let mut last = None;
    for number in 0..3 * 65_536_u64 {
        let stamp = clock.now().unwrap();
        assert!(Some(stamp) > last, "stamp {number}");
        last = Some(stamp);
    }
    assert_eq!(last, Some(stamp(1_000_002, 0xffff)));
    assert_eq!(clock.lead(), Ok(Lead { ahead_ms: 2, borrowed_ms: 2 }));
    assert_eq!(clock.now(), Err(HlcError::Exhausted { borrowed_ms: 2 }));
    assert_eq!(clock.now(), Err(HlcError::Exhausted { borrowed_ms: 2 }), "asking does not use anything up");
    // A millisecond later there is one more.
    wall.set(at(1_000_001));
    assert_eq!(clock.now(), Ok(stamp(1_000_003, 0)));
    wall.set(at(1_000_100));
    assert_eq!(clock.now(), Ok(stamp(1_000_100, 0)));
    assert_eq!(clock.lead(), Ok(Lead::default()), "and nothing is borrowed any more");
}

#[test]
fn nothing_is_borrowed_where_nothing_may_be() {
    let (_, clock) = hybrid(HlcPolicy { borrowed_ms_max: 0, ..HlcPolicy::default() });
    let given = core::iter::repeat_with(|| clock.now()).take_while(Result::is_ok).count();
    assert_eq!(given, 65_536);
    assert_eq!(clock.now(), Err(HlcError::Exhausted { borrowed_ms: 0 }));
}

#[test]
fn times_that_have_no_number_are_errors() {
    let (wall, clock) = hybrid(HlcPolicy::default());
    for error in [WallError::BeforeEpoch, WallError::AfterRollOver, WallError::Unavailable] {
        wall.fail(error);
        assert_eq!(clock.now(), Err(HlcError::Wall(error)));
        assert_eq!(clock.receive(HlcStamp::default()), Err(HlcError::Wall(error)));
        assert_eq!(clock.next_bound(1), Err(error));
        assert_eq!(clock.look_for_jump(Time(0)), Err(error));
    }
    assert_eq!(UnixMillis::new(1 << 48), Err(WallError::AfterRollOver));
    assert_eq!(UnixMillis::MAX.saturating_add(1), UnixMillis::MAX);

    // At the end of time.
    wall.set(UnixMillis::MAX);
    let policy = HlcPolicy { remote_ahead_ms_max: u64::MAX, ..HlcPolicy::default() };
    let clock = Hlc::volatile(shown(&wall), policy);
    let given = core::iter::repeat_with(|| clock.now()).take_while(Result::is_ok).count();
    assert_eq!(given, 65_535, "the last stamp of all is not given: nothing could be after it");
    assert_eq!(clock.now(), Err(HlcError::RollOver));
    assert_eq!(clock.receive(HlcStamp::from_bits(u64::MAX)), Err(HlcError::RollOver));
    assert_eq!(clock.merge(HlcStamp::from_bits(u64::MAX)), Err(HlcError::RollOver));
}

#[test]
fn a_jump_into_the_far_future_runs_into_the_bound() {
    let wall = Arc::new(SetClock::new(at(1_000_000)));
    let clock = Hlc::durable(shown(&wall), HlcPolicy::default(), None);
    clock.persisted(clock.next_bound(1_000).unwrap());
    assert_eq!(clock.now(), Ok(stamp(1_000_000, 0)));
    wall.set(at(1_000_000 + TEN_YEARS_MS));
    assert_eq!(clock.now(), Err(HlcError::BeyondBound { bound_ms: 1_001_000 }));
    wall.set(at(1_000_001));
    assert_eq!(clock.now(), Ok(stamp(1_000_001, 0)), "nobody has seen a stamp of that future");
    // A remote stamp beyond the bound is not believed before a bound above it is on the disk.
    assert_eq!(clock.receive(stamp(1_000_400, 0)), Ok(stamp(1_000_400, 1)));
    wall.set(at(1_000_900));
    assert_eq!(clock.merge(stamp(1_001_000, 0)), Err(HlcError::BeyondBound { bound_ms: 1_001_000 }));
    assert_eq!(clock.receive(stamp(1_000_999, 0xffff)), Err(HlcError::BeyondBound { bound_ms: 1_001_000 }));
    clock.persisted(clock.next_bound(1_000).unwrap());
    assert_eq!(clock.receive(stamp(1_000_999, 0xffff)), Ok(stamp(1_001_000, 0)));
    clock.persisted(Bound::new(at(3)));
    assert!(clock.now().is_ok(), "a lower bound takes nothing back");
}

/// A million steps of everything at once; `SYNOD_CLOCKS_STEPS=100000000` says otherwise.
#[test]
fn no_stamp_is_given_twice_or_out_of_order_whatever_happens() {
    use synod_core::{Entropy, SplitMix64};
    let dice = RefCell::new(SplitMix64::new(7));
    let below = |bound: u64| dice.borrow_mut().below(bound);
    let time = Cell::new(TEN_YEARS_MS * 3);
    let policy = HlcPolicy { borrowed_ms_max: 3, remote_ahead_ms_max: 1_000, ..HlcPolicy::default() };
    let wall = || at(time.get()).get().checked_sub(5).map_or(Err(WallError::BeforeEpoch), UnixMillis::new);
    let mut disk: Option<Bound> = None;
    let mut clock = Hlc::durable(wall, policy, disk);
    let mut last: Option<HlcStamp> = None;
    let (mut given, mut refused, mut restarts) = (0, HashSet::new(), 0);
    let steps = std::env::var("SYNOD_CLOCKS_STEPS").map_or(Ok(1_000_000_u64), |steps| steps.parse());
    for _ in 0..steps.unwrap() {
        let answer = match below(1_000) {
            0..400 => clock.now(),
            400..500 => {
                time.set(time.get().saturating_add(below(3)));
                clock.now()
            }
            500..600 => clock.receive(stamp(time.get().saturating_add(below(2_000)), below(1 << 16) as u16)),
            600..640 => clock.receive(HlcStamp::from_bits(below(u64::MAX))),
            640..660 => clock.receive(stamp(clock.last().millis().get(), 0xffff)),
            // An hour, or ten years, there and back.
            660 => {
                let far = if below(2) == 0 { 3_600_000 } else { TEN_YEARS_MS };
                let jumped = if below(2) == 0 {
                    time.get().saturating_add(far)
                } else {
                    time.get().saturating_sub(far)
                };
                time.set(jumped.min(TEN_YEARS_MS * 20));
                continue;
            }
            661..700 => {
                let Ok(bound) = clock.next_bound(below(5_000)) else { continue };
                disk = Some(bound);
                // A crash may come between the disk and the word about it.
                if below(10) > 0 {
                    clock.persisted(bound);
                }
                continue;
            }
            700..702 => {
                clock = Hlc::durable(wall, policy, disk);
                restarts += 1;
                continue;
            }
            _ => clock.now(),
        };
        match answer {
            Ok(stamp) => {
                assert!(Some(stamp) > last, "{stamp} after {last:?}");
                assert!(disk.is_some_and(|bound| stamp.millis() < bound.millis()), "{stamp} {disk:?}");
                last = Some(stamp);
                given += 1;
            }
            Err(error) => _ = refused.insert(core::mem::discriminant(&error)),
        }
    }
    assert!(given > 300_000 && restarts > 1_000 && refused.len() >= 4, "{given} {restarts} {refused:?}");
}

/// The clock before which restarts go wrong: it shows that the test above could fail.
#[test]
fn a_volatile_clock_repeats_itself_after_a_restart() {
    let (wall, clock) = hybrid(HlcPolicy::default());
    let first = clock.now().unwrap();
    let restarted = Hlc::volatile(shown(&wall), HlcPolicy::default());
    assert_eq!(restarted.now(), Ok(first));
}

#[test]
fn bytes_of_stamps_are_golden() {
    let stamp = stamp(0x0102_0304_0506, 0x0708);
    assert_eq!(stamp.to_bytes(1)[..], [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(stamp.to_sortable_bytes(), [1, 2, 3, 4, 5, 6, 7, 8]);
    let node = NodeStamp { stamp, node: 0x11_u64 };
    assert_eq!(node.to_bytes(1)[..], [8, 7, 6, 5, 4, 3, 2, 1, 0x11, 0, 0, 0, 0, 0, 0, 0]);
    let bound = Bound::new(at(0x0102_0304_0506));
    assert_eq!(bound.to_bytes(1)[..], [6, 5, 4, 3, 2, 1, 0, 0]);
    let far = Bound::from_bytes(vec![0, 0, 0, 0, 0, 0, 1, 0].into(), 1);
    assert_eq!(far, Err(WireError::Invalid { field: "bound of a clock" }));
    // RFC 9562: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F was made at 1645557742000 ms.
    let uuid = 0x017f_22e2_79b0_7cc3_98c4_dc0c_0c07_398f_u128.to_be_bytes();
    let (stamp, tail) = HlcStamp::from_uuid_v7(uuid).unwrap();
    assert_eq!(stamp.millis().get(), 1_645_557_742_000);
    assert_eq!(stamp.to_uuid_v7(tail), uuid);
    assert_eq!(HlcStamp::from_uuid_v7([0x40; 16]), Err(UuidError::Version { version: 4 }));
    assert_eq!(HlcStamp::from_uuid_v7([0x70; 16]), Err(UuidError::Variant));
}

proptest! {
    #[test]
    fn byte_forms_keep_their_laws(bits in any::<u64>(), node in any::<u128>(), seed in any::<u64>()) {
        let stamp = HlcStamp::from_bits(bits);
        check_bytes(&stamp, 20, seed).unwrap();
        check_bytes(&NodeStamp { stamp, node }, 20, seed).unwrap();
        check_bytes(&Bound::new(stamp.millis()), 20, seed).unwrap();
    }

    #[test]
    fn sortable_bytes_and_uuids_sort_as_stamps_do(pairs in vec((any::<u64>(), any::<u64>()), 2..20)) {
        let mut sorted: Vec<_> = pairs.iter().map(|(bits, tail)| (HlcStamp::from_bits(*bits), tail & (u64::MAX >> 6))).collect();
        let mut uuids: Vec<_> = sorted.iter().map(|(stamp, tail)| stamp.to_uuid_v7(*tail)).collect();
        let mut bytes: Vec<_> = sorted.iter().map(|(stamp, _)| stamp.to_sortable_bytes()).collect();
        sorted.sort_unstable();
        uuids.sort_unstable();
        bytes.sort_unstable();
        let back: Vec<_> = uuids.iter().map(|uuid| HlcStamp::from_uuid_v7(*uuid).unwrap()).collect();
        prop_assert_eq!(back, sorted.clone());
        prop_assert!(bytes.iter().map(|bytes| HlcStamp::from_sortable_bytes(*bytes)).eq(sorted.iter().map(|(stamp, _)| *stamp)));
    }
}
