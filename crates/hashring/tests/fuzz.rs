//! The readers of configurations and names, fuzzed from what people write. A test run gives each some thousand texts; `cargo xtask fuzz`
//! as many as it has time for, from another seed.

#![cfg(test)]

use core::time::Duration;
use std::time::Instant;
use synod_core::{Entropy, NodeId, SplitMix64};
use synod_hashring::compat::ketama::{Server, nginx, pingora};
use synod_hashring::{
    Algorithm, BUCKETS_MAX, Cluster, Config, HashFn, Node, POINTS_MAX, Placement, SLOTS_MAX, Zone,
};

/// Tells the text that was being read when a reader panicked.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the text: {:?}", self.0);
        }
    }
}

/// Texts with pieces of others in them, cut, repeated and replaced. `read` says whether it has taken one; some must be and some not,
/// or this has tested nothing.
fn fuzz(corpus: &[&str], read: impl Fn(&str) -> bool) {
    let seconds = std::env::var("SYNOD_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut dice = SplitMix64::new(until.map_or(1, |_| u64::from(std::process::id())));
    let pieces = [
        ":",
        "/",
        " ",
        "",
        "0",
        "1",
        "-1",
        "21",
        "4294967296",
        "18446744073709551616",
        "[",
        "]",
        "::",
        "é",
        "\0",
    ];
    let mut told = Told(String::new());
    let (mut taken, mut texts) = (0_u64, 0_u64);
    while until.map_or(texts < 4_000, |until| Instant::now() < until) {
        let mut pick = |from: &[&str]| from[dice.below(from.len() as u64) as usize].to_owned();
        let (text, piece) = (pick(corpus), [pick(&pieces), pick(corpus)]);
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..dice.below(4) {
            let at = dice.below(letters.len() as u64 + 1) as usize;
            let end = (at + dice.below(4) as usize).min(letters.len());
            let put = &piece[usize::from(dice.below(8) == 0)];
            letters.splice(at..end, put.chars());
        }
        told.0 = letters.into_iter().collect();
        taken += u64::from(read(&told.0));
        texts += 1;
    }
    println!("{texts} texts, {taken} taken");
    assert!(taken > texts / 100 && taken < texts, "{taken} of {texts}: this has tested nothing");
}

/// Whether an algorithm is made or refused at once: what is legal and takes seconds and gigabytes is left out.
fn is_quick(algorithm: Algorithm) -> bool {
    let quick = |asked: u128, max: u64| asked <= 2_000 || asked > max.into();
    match algorithm {
        Algorithm::Ring(vnodes) | Algorithm::MultiProbe(vnodes, _) => quick(3 * vnodes.count(1), POINTS_MAX),
        Algorithm::Slots(slots) => quick(slots.into(), SLOTS_MAX.into()),
        Algorithm::Anchor(capacity) | Algorithm::Dx(capacity) => quick(capacity.into(), BUCKETS_MAX.into()),
        Algorithm::Maglev(size) => quick(size.into(), 1 << 24),
        _ => true,
    }
}

#[test]
fn configurations() {
    let corpus = [
        "ring:160 xxh64:7",
        "ring:100/3",
        "multi-probe:1:21 fnv1a64",
        "rendezvous murmur3",
        "jump cassandra-murmur3",
        "jump-back ketama-md5",
        "maglev:251 crc32",
        "anchor:40 crc16",
        "memento redis-slot",
        "dx:40 ordered",
        "straw2 splitmix64:18446744073709551615",
        "slots:1024",
    ];
    fuzz(&corpus, |text| {
        let _ = text.parse::<HashFn>();
        let Ok(config) = text.parse::<Config>() else { return false };
        assert_eq!(config.to_string().parse::<Config>(), Ok(config));
        // Whatever it asks for is made, or refused.
        if is_quick(config.algorithm)
            && let Ok(placed) = config.place(Cluster::equal(3))
        {
            assert!((1..=3).contains(&placed.owner(1 << 63).0));
        }
        true
    });
}

#[test]
fn names_of_servers_and_zones() {
    let corpus = ["127.0.0.1:7777", "[2001:db8::1]:80", "unix:/run/a.sock", "example.com", "eu/a/rack-12"];
    fuzz(&corpus, |text| {
        let zone = Zone::new(text);
        assert_eq!(Zone::new(zone.path()), zone);
        assert_eq!(zone.upto(zone.depth()), zone.path());
        let server = [Server::new(Node::new(NodeId(1)), text)];
        assert_eq!(nginx(&server).map(|ring| ring.len()), Ok(160));
        pingora(&server).is_ok()
    });
}
