//! Other systems' vectors, and our own, which no release may change: two builds that disagree would lose keys.

use std::collections::BTreeMap;
use synod_core::{NodeId, SplitMix64};
use synod_hashring::compat::{cassandra, guava, ketama, redis};
use synod_hashring::*;

/// Guava's own tests. The paper's arithmetic gives the same for all of them.
#[test]
fn jump_as_guava_publishes_it() {
    for jump in [jump, guava::consistent_hash] {
        let expected = [0, 55, 62, 8, 45, 59, 86, 97, 82, 59, 73, 37, 17, 56, 86, 21, 90, 37, 38, 83];
        for (key, bucket) in (0..).zip(expected) {
            assert_eq!(jump(key, 100), bucket, "{key}");
        }
        for (key, buckets, bucket) in [
            (10863919174838991, 11, 6),
            (2016238256797177309, 11, 3),
            (1673758223894951030, 11, 5),
            (2, 100001, 80343),
            (2201, 100001, 22152),
            (2202, 100001, 15018),
        ] {
            assert_eq!(jump(key, buckets), bucket, "{key} of {buckets}");
        }
        assert_eq!((jump(7, 1), jump(7, 0)), (0, 0));
    }
}

#[test]
fn jump_where_guava_and_the_paper_differ() {
    for (key, buckets, paper, guava) in [
        // One rounding more or less.
        (15475094060067824594, 129, 127, 128),
        (6669006834899353689, 513, 511, 512),
        // The first draw is 2^31 - 1.
        (18063469494497682072, 2, 1, 0),
        (18063469494497682072, 10, 7, 0),
        (18063469494497682072, 100, 17, 0),
    ] {
        assert_eq!(jump(key, buckets), paper, "{key} of {buckets}");
        assert_eq!(guava::consistent_hash(key, buckets), guava, "{key} of {buckets}");
    }
    // The greatest numbers of buckets that Java and we have.
    for buckets in [i32::MAX as u32, u32::MAX] {
        assert!(
            (0..1000).all(|key| guava::consistent_hash(HashFn::Fnv1a64.hash_u64(key), buckets) < buckets)
        );
    }
}

/// Hashes and numbers of buckets up to 2^31 - 1, as hash4j draws them for its checksums: a million, and komihash of the buckets.
fn checksum(bucket: impl Fn(u64, u32) -> u32) -> u64 {
    let mut draws = Java { state: 0x0a55871a9d9103b7 };
    let mut seen = Vec::new();
    for _ in 0..1_000_000 {
        let buckets = ((draws.int() >> 1) >> (draws.int() & 31)).max(1);
        let hash = draws.long();
        seen.extend(bucket(hash, buckets).to_le_bytes());
    }
    komihash(&seen)
}

#[test]
fn a_million_buckets_as_hash4j_has_them() {
    assert_eq!(checksum(jump_back), 0x23d7a0d288cd67e7);
    // Its jump hash draws from SplitMix64 and is another function (0xfd5390c955b998f7). This is of the paper's generator, and ours to keep.
    assert_eq!(checksum(jump), 0x49889f1d9fb8d110);
    assert_eq!(checksum(guava::consistent_hash), 0x49889f1d9fb8d110);
}

#[test]
fn jump_back_as_hash4j_has_it() {
    let hashes = [0x7f7487ee708c8a96, 0x6265648fbc797f25, 0x85ef23a0b545d53b];
    assert_eq!(hashes.map(|hash| jump_back(hash, 2)), [1, 0, 0]);
    assert_eq!(hashes.map(|hash| jump_back(hash, 3)), [1, 0, 2]);
    assert_eq!(hashes.map(|hash| jump_back(hash, 1)), [0; 3]);
}

/// `java.util.SplittableRandom`.
struct Java {
    state: u64,
}

impl Java {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e3779b97f4a7c15);
        self.state
    }

    fn int(&mut self) -> u32 {
        let word = self.next();
        let word = (word ^ (word >> 33)).wrapping_mul(0x62a9d9ed799705f5);
        ((word ^ (word >> 28)).wrapping_mul(0xcb24d0a5c88c35b3) >> 32) as u32
    }

    fn long(&mut self) -> u64 {
        SplitMix64::mix(self.next())
    }
}

/// komihash 5.0 (Vaneev) with seed 0, of 64 bytes or more: all that the checksums need.
fn komihash(bytes: &[u8]) -> u64 {
    const PI: [u64; 8] = [
        0x243f6a8885a308d3,
        0x13198a2e03707344,
        0xa4093822299f31d0,
        0x082efa98ec4e6c89,
        0x452821e638d01377,
        0xbe5466cf34e90c6c,
        0xc0ac29b7c97c50dd,
        0x3f84d5b5b5470917,
    ];
    let multiply = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64, (product >> 64) as u64)
    };
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let (low, high) = multiply(PI[0], PI[4]);
    let five = PI[4].wrapping_add(high);
    let one = five ^ low;
    let mut seeds = [one, PI[1] ^ one, PI[2] ^ one, PI[3] ^ one];
    let mut fives = [five, PI[5] ^ five, PI[6] ^ five, PI[7] ^ five];
    let mut rest = bytes;
    while rest.len() >= 64 {
        let mut lows = [0; 4];
        let mut highs = [0; 4];
        for lane in 0..4 {
            let (a, b) = (word(&rest[8 * lane..8 * lane + 8]), word(&rest[32 + 8 * lane..40 + 8 * lane]));
            (lows[lane], highs[lane]) = multiply(seeds[lane] ^ a, fives[lane] ^ b);
            fives[lane] = fives[lane].wrapping_add(highs[lane]);
        }
        seeds = [fives[3] ^ lows[0], fives[0] ^ lows[1], fives[1] ^ lows[2], fives[2] ^ lows[3]];
        rest = &rest[64..];
    }
    let mut five = fives[0] ^ fives[1] ^ fives[2] ^ fives[3];
    let mut seed = seeds[0] ^ seeds[1] ^ seeds[2] ^ seeds[3];
    let mut round = |seed: &mut u64, a: u64, b: u64| {
        let (low, high) = multiply(*seed ^ a, five ^ b);
        five = five.wrapping_add(high);
        *seed = five ^ low;
    };
    while rest.len() >= 16 {
        round(&mut seed, word(&rest[..8]), word(&rest[8..16]));
        rest = &rest[16..];
    }
    let padded = |bytes: &[u8]| {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        padded[bytes.len()] = 1;
        u64::from_le_bytes(padded)
    };
    match rest.len() {
        len @ 8.. => round(&mut seed, word(&rest[..8]), padded(&rest[8..len])),
        _ => round(&mut seed, padded(rest), 0),
    }
    round(&mut seed, 0, 0);
    seed
}

#[test]
fn tokens_as_cassandra_has_them() {
    let repeated = |bytes: &[u8], times| bytes.repeat(times);
    for (key, token) in [
        (b"123".to_vec(), -7468325962851647638),
        (repeated(&[0x00, 0xff, 0x10, 0xfa, 0x99], 10), 5837342703291459765),
        (repeated(&[0xfe], 8), -8927430733708461935),
        (repeated(&[0x10], 8), 1446172840243228796),
        (b"9223372036854775807".to_vec(), 7162290910810015547),
        ((1..=16).collect(), -5563837382979743776),
        (0_i64.to_be_bytes().to_vec(), 2945182322382062539),
        ((-1_i64).to_be_bytes().to_vec(), 7071048584287372947),
        (Vec::new(), i64::MIN),
    ] {
        assert_eq!(cassandra::token(&key), token, "{key:?}");
        assert_eq!(HashFn::CassandraMurmur3.hash(&key), cassandra::position(token));
        assert_eq!(cassandra::token_at(cassandra::position(token)), token);
    }
    // A ring of tokens: a token owns from behind the one before it up to itself.
    let tokens = [(-3074457345618258603, 1), (3074457345618258602, 2), (i64::MAX, 3)];
    let points = tokens.map(|(token, id)| (cassandra::position(token), NodeId(id)));
    let ring = Ring::of_points(Cluster::equal(3), HashFn::CassandraMurmur3, points).unwrap();
    assert_eq!(ring.owner_of(b"123"), NodeId(1));
    assert_eq!(ring.owner_of(&(1..=16).collect::<Vec<u8>>()), NodeId(1));
    assert_eq!(ring.owner_of(&[0x10; 8]), NodeId(2));
    assert_eq!(ring.owner_of(b"9223372036854775807"), NodeId(3));
}

#[test]
fn slots_as_redis_cluster_has_them() {
    for (key, slot) in
        [("foo", 12182), ("bar", 5061), ("hello", 866), ("{user1000}.following", 3443), ("a{}b", 13694)]
    {
        assert_eq!(redis::slot(key.as_bytes()), slot, "{key}");
        let slots = Slots::new(Cluster::equal(3), redis::SLOTS, HashFn::RedisSlot).unwrap();
        assert_eq!(slots.slot(HashFn::RedisSlot.hash(key.as_bytes())), Slot(slot.into()), "{key}");
    }
    for (key, tag) in [
        ("foo{}{bar}", "foo{}{bar}"),
        ("foo{{bar}}zap", "{bar"),
        ("foo{bar}{zap}", "bar"),
        ("{", "{"),
        ("}{", "}{"),
    ] {
        assert_eq!(redis::tag(key.as_bytes()), tag.as_bytes());
    }
}

#[test]
fn rings_as_nginx_and_pingora_have_them() {
    let servers = |addresses: &[&str]| -> Vec<_> {
        let server = |(id, name): (u64, &&str)| ketama::Server::new(Node::new(NodeId(id)), name);
        (0..).zip(addresses).map(server).collect()
    };
    // Vectors of Pingora's own tests, which agree with nginx.
    let two = servers(&["127.0.0.1:7777", "127.0.0.1:7778"]);
    let ring = ketama::nginx(&two).unwrap();
    assert_eq!(ketama::pingora(&two).unwrap(), ring);
    for (key, owner) in [
        ("/some/path", 1),
        ("/some/longer/path", 0),
        ("/sad/zaidoon", 1),
        ("/g", 0),
        ("/pingora/team/is/cool/and/this/is/a/long/uri", 1),
        ("/i/am/not/confident/in/this/code", 0),
    ] {
        assert_eq!(ring.owner_of(key.as_bytes()), NodeId(owner), "{key}");
    }
    let many: Vec<_> = (1..=10).map(|last| format!("127.0.0.{last}:6443")).collect();
    let ring = ketama::nginx(&servers(&many.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    for (key, last) in [("a", 10), ("b", 5)] {
        assert_eq!(ring.owner_of(key.as_bytes()), NodeId(last - 1), "{key}");
    }
}

/// The first points of names, by zlib's CRC-32 of what nginx's and Pingora's sources say that they hash.
#[test]
fn names_as_nginx_and_pingora_read_them() {
    let server = |name| ketama::Server::new(Node::new(NodeId(1)), name);
    let has = |ring: &Ring, points: [u64; 3]| {
        points.iter().all(|point| ring.points().any(|(position, _)| position == point << 32))
    };
    for (name, points) in [
        ("127.0.0.1:7777", [0x323bd7a0, 0x03f353a8, 0x72869567]),
        ("[::1]:8080", [0x68fd9523, 0xc3d99972, 0x099e9317]),
        ("[2001:db8::1]:80", [0xf5aa2647, 0x56962e61, 0xe1f00496]),
        // No port: brackets, names, and colons with anything else than digits behind them.
        ("[::1]", [0xb368a5ff, 0x4d923f1c, 0xcd8a3ac0]),
        ("example.com", [0xaaf24d4e, 0xb9f2b51a, 0xc2f44e59]),
        ("example.com:", [0xaaf24d4e, 0xb9f2b51a, 0xc2f44e59]),
        ("2001", [0x0446dedd, 0xf6218b39, 0xbc44df5d]),
        ("a:8b", [0x67ac8b98, 0x235cb1ac, 0x10e4da28]),
        // A path is a host, whatever stands in it.
        ("unix:/tmp/a", [0x7a608df6, 0xe5adbfdb, 0x8efede10]),
        ("UNIX:/tmp/a", [0x7a608df6, 0xe5adbfdb, 0x8efede10]),
        ("unix:/run/a.sock:1", [0xa33b3dbc, 0xab41a737, 0xba96b265]),
    ] {
        assert!(has(&ketama::nginx(&[server(name)]).unwrap(), points), "{name}");
    }
    for (name, points) in [
        ("127.0.0.1:7777", [0x323bd7a0, 0x03f353a8, 0x72869567]),
        ("[::1]:8080", [0x7f7c3248, 0x45032933, 0x87e5feb4]),
        ("[2001:db8:0:0::1]:80", [0x8956948a, 0x892d13af, 0x3670e19b]),
    ] {
        assert!(has(&ketama::pingora(&[server(name)]).unwrap(), points), "{name}");
    }
    for name in ["", "127.0.0.1", "::1", "localhost:80", "unix:/tmp/a", "1.2.3.4:99999"] {
        let refused = ketama::pingora(&[server(name)]).unwrap_err();
        assert_eq!(refused, PlacementError::NoAddress { name: name.to_owned() });
    }
}

#[test]
fn servers_of_one_name_are_refused() {
    type Make = fn(&[ketama::Server]) -> Result<Ring, PlacementError>;
    let makes: [(Make, &[[&str; 2]]); 3] = [
        (ketama::libketama, &[["a:1", "a:1"]]),
        (ketama::nginx, &[["a:1", "a:1"], ["unix:/a", "Unix:/a"], ["a", "a:"]]),
        (ketama::pingora, &[["1.2.3.4:5", "1.2.3.4:5"], ["[::1]:5", "[0::1]:5"]]),
    ];
    for (make, pairs) in makes {
        for [one, two] in pairs {
            let servers =
                [(1, one), (2, two)].map(|(id, name)| ketama::Server::new(Node::new(NodeId(id)), name));
            assert_eq!(make(&servers).unwrap_err(), PlacementError::NameTwice { name: (*two).to_owned() });
        }
    }
}

#[test]
fn a_server_without_points_owns_nothing() {
    let server =
        |id, weight| ketama::Server::new(Node::new(NodeId(id)).weighing(weight), &format!("10.0.0.{id}:80"));
    let ring = ketama::libketama(&[server(1, 1), server(2, 1_000_000)]).unwrap();
    assert_eq!(ring.cluster().owning(), 1);
    for make in [ketama::nginx, ketama::pingora] {
        let ring = make(&[server(1, 0), server(2, 2)]).unwrap();
        assert_eq!(ring.len(), 320);
        assert!(matches!(make(&[server(1, u64::MAX)]), Err(PlacementError::TooLarge { .. })));
    }
    assert_eq!(ketama::libketama(&[]).unwrap_err(), PlacementError::Nobody);
    // Who drains is nowhere in libketama's list: the others have the points of a list without it.
    let mut drained = server(9, 500);
    drained.node = drained.node.draining();
    let listed = [server(1, 600), server(2, 300)];
    let [two, three] = [&listed[..], &[listed[0].clone(), drained, listed[1].clone(), server(8, 0)]]
        .map(|servers| ketama::libketama(servers).unwrap());
    assert_eq!((two.len(), three.cluster().owning()), ((53 + 26) * 4, 2));
    assert!(two.points().eq(three.points()));
}

/// What each algorithm chooses, for 2,000 keys among weighted nodes in zones: a number that must not change, on any platform.
#[test]
fn owners_are_the_same_in_every_process_and_release() {
    let weighted = Cluster::new((1..=20).map(|id| {
        Node::new(NodeId(id * 3)).weighing(id % 4 + 1).within(["eu/a", "eu/b", "us/a"][id as usize % 3])
    }))
    .unwrap();
    let fingerprint = |algorithm: &str, cluster: &Cluster| {
        let config: Config = algorithm.parse().unwrap();
        let placed = config.place(cluster.clone()).unwrap();
        let spread = Spread::copies(3).across(1, 2);
        (0..2000_u64).fold(0, |seen, key| {
            let position = config.hash.hash(&key.to_le_bytes());
            let owners = placed.owners(position, spread).unwrap();
            owners.fold(seen, |seen, id| SplitMix64::mix(seen ^ id.0).rotate_left(1))
        })
    };
    let mut found = BTreeMap::new();
    for algorithm in [
        "ring:160",
        "ring:100/3 xxh64:7",
        "multi-probe:1:21",
        "rendezvous",
        "rendezvous murmur3",
        "maglev:65537",
        "straw2",
        "slots:4096",
    ] {
        found.insert(algorithm, fingerprint(algorithm, &weighted));
    }
    let equal =
        Cluster::new((1..=20).map(|id| Node::new(NodeId(id)).within(["eu", "us"][id as usize % 2]))).unwrap();
    for algorithm in ["jump", "jump-back", "anchor:40", "memento", "dx:40", "rendezvous fnv1a64"] {
        found.insert(algorithm, fingerprint(algorithm, &equal));
    }
    assert_eq!(found, FINGERPRINTS.into_iter().collect(), "{found:#?}");
}

const FINGERPRINTS: [(&str, u64); 14] = [
    ("anchor:40", 0xa639c06fa575f619),
    ("dx:40", 0x47e527c858e9da5c),
    ("jump", 0x08a70f08214f3912),
    ("jump-back", 0x453441250a7fa968),
    ("maglev:65537", 0x5ed9d22e8a1f82c8),
    ("memento", 0x453441250a7fa968),
    ("multi-probe:1:21", 0x3afb2bc2f20903f7),
    ("rendezvous", 0x79a4946530e6cb1f),
    ("rendezvous fnv1a64", 0x68a4784f71ad63bb),
    ("rendezvous murmur3", 0x31cdf6ce8ad60104),
    ("ring:100/3 xxh64:7", 0xf317d7d1e4046239),
    ("ring:160", 0x35a1f9ac225de0bf),
    ("slots:4096", 0xdb27db17b11d695c),
    ("straw2", 0xcf8742a8f4865910),
];
