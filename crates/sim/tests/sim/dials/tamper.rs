//! Corruption, truncation, replay, forged senders, and what a guard stops.

use super::courier::{Book, Parcel, Seen, parcel, run, steady};
use synod_core::{Lane, NodeId};
use synod_sim::{Dials, Guard, Report, Tamper};

const ALL: u32 = 1_000_000;

/// A hundred different parcels from node 1 to node 2, under these dials.
fn hundred(tamper: Tamper, guard: Guard) -> Report<Book> {
    let book = (0..100_u8).fold(Book::default(), |book, nth| {
        let content = vec![nth; 20].into();
        book.post(10 * u64::from(nth), 1, 2, Parcel { lane: Lane::Control, content })
    });
    run(Dials { tamper, guard, ..steady() }, book)
}

/// The parcels that arrived at node 2, with the senders they claimed.
fn arrived(report: &Report<Book>) -> Vec<(u64, Parcel)> {
    let arrived = |seen: &(core::time::Duration, NodeId, Seen)| match seen {
        (_, NodeId(2), Seen::Arrived(from, parcel)) => Some((from.0, parcel.clone())),
        _ => None,
    };
    report.workload.seen.iter().filter_map(arrived).collect()
}

fn genuine((from, Parcel { lane, content }): &(u64, Parcel)) -> bool {
    (*from, *lane, content.len()) == (1, Lane::Control, 20) && content.iter().all(|byte| *byte == content[0])
}

#[test]
fn flipped_bits_that_still_decode_arrive_as_what_they_say_now() {
    let report = hundred(Tamper { corrupt_ppm: ALL, ..Tamper::default() }, Guard::None);
    let arrived = arrived(&report);
    let stats = report.stats;
    assert_eq!(stats.corrupted + stats.refused, 100);
    assert_eq!(arrived.len() as u64, stats.corrupted);
    // A fifth of the bits are lane and length, and most of their changes make the message unreadable.
    assert!((50..95).contains(&stats.corrupted), "{stats:?}");
    assert!(arrived.iter().filter(|one| genuine(one)).count() < 10);
}

#[test]
fn a_message_that_is_cut_off_is_refused() {
    let report = hundred(Tamper { truncate_ppm: ALL, ..Tamper::default() }, Guard::None);
    assert_eq!((report.stats.refused, arrived(&report).len()), (100, 0));
}

#[test]
fn a_checksum_stops_damage_but_not_replays_and_forgeries() {
    let damage = Tamper { corrupt_ppm: ALL / 2, truncate_ppm: ALL / 10, ..Tamper::default() };
    let report = hundred(damage, Guard::Checksum);
    assert!(arrived(&report).iter().all(genuine));
    assert!((40..70).contains(&report.stats.refused) && report.stats.corrupted == 0, "{:?}", report.stats);
    let attack = Tamper { replay_ppm: ALL / 2, forge_ppm: ALL / 2, ..Tamper::default() };
    let report = hundred(attack, Guard::Checksum);
    let (replayed, forged) = (report.stats.replayed, report.stats.forged);
    assert!((35..65).contains(&replayed) && (35..65).contains(&forged), "{:?}", report.stats);
    assert_eq!(arrived(&report).len() as u64, 100 + replayed + forged);
    assert_eq!(arrived(&report).iter().filter(|(from, _)| *from == 3).count() as u64, forged);
}

#[test]
fn an_authenticated_transport_lets_nothing_of_this_through() {
    let everything = Tamper { corrupt_ppm: ALL / 4, truncate_ppm: ALL / 4, replay_ppm: ALL, forge_ppm: ALL };
    let report = hundred(everything, Guard::Authenticated);
    assert!(arrived(&report).iter().all(genuine));
    let stats = report.stats;
    assert_eq!((stats.corrupted, stats.replayed, stats.forged), (0, 0, 0));
    assert_eq!(
        arrived(&report).len() as u64 * 3 + (100 - arrived(&report).len() as u64),
        stats.refused + arrived(&report).len() as u64
    );
}

#[test]
fn a_replay_repeats_one_of_the_last_messages_of_its_link() {
    let report = hundred(Tamper { replay_ppm: ALL, ..Tamper::default() }, Guard::None);
    let arrived = arrived(&report);
    assert_eq!(arrived.len(), 200);
    for (nth, pair) in arrived.chunks(2).enumerate() {
        let again = usize::from(pair[1].1.content[0]);
        assert!(usize::from(pair[0].1.content[0]) == nth && again <= nth && again + Tamper::RECENT > nth);
    }
}

#[test]
fn without_a_codec_damage_is_always_refused() {
    let tamper = Tamper { corrupt_ppm: ALL, ..Tamper::default() };
    let book = Book::default().post(10, 1, 2, parcel(Lane::Control, 10));
    let sim = synod_sim::Sim::new(3, |_| super::courier::Courier::default(), book)
        .climate(synod_sim::Climate::Fixed(Dials { tamper, ..steady() }));
    assert_eq!(sim.run(1).stats.refused, 1);
}

#[test]
fn a_script_repeats_what_attackers_narrow_links_and_moving_nodes_did() {
    let tamper =
        Tamper { corrupt_ppm: ALL / 20, truncate_ppm: ALL / 20, replay_ppm: ALL / 10, forge_ppm: ALL / 10 };
    let bandwidth = Some(synod_sim::Bandwidth { bytes_per_sec: 5_000, queue_bytes_max: 60, lanes: true });
    let rate = |fault| synod_sim::Rate {
        fault,
        every: core::time::Duration::from_secs(1),
        lasting: (core::time::Duration::from_millis(10), core::time::Duration::from_millis(500)),
    };
    let faults = synod_sim::Fault::all().filter(|fault| fault.is_survivable());
    let schedule: Vec<_> =
        faults.chain([synod_sim::Fault::Twin, synod_sim::Fault::SwapDisks]).map(rate).collect();
    let dials = Dials {
        tamper,
        bandwidth,
        schedule,
        notices: true,
        duplicate_ppm: ALL / 50,
        mtu: Some(16),
        ..steady()
    };
    let book = (0..900).fold(Book::default(), |book, nth| {
        book.post(
            10 * nth,
            1 + nth % 3,
            1 + (nth + 1 + nth % 2) % 3,
            parcel(Lane::Log, 20 + nth as usize % 40),
        )
    });
    let sim = super::courier::couriers(dials, book);
    let (report, script) = sim.script(3);
    let stats = report.stats;
    assert!(
        stats.replayed > 0 && stats.forged > 0 && stats.corrupted > 0 && stats.overflowed > 0,
        "{stats:?}"
    );
    let script: synod_sim::Script = script.to_string().parse().expect("a script is read back");
    let (again, _) = sim.run_tape(script.tape(), 0..0);
    assert_eq!((again.hash, again.stats), (report.hash, stats));
}
