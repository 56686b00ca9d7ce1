//! Placement beside its peers: one process, keys of 64 bits from SplitMix64, 160 virtual nodes where there are any, independent
//! look-ups, each contestant with the hash function that it brings, after a round that does not count. `cargo xtask bench hashring` runs
//! all of it; a word behind `cargo bench -p synod-benches --features hashring-peers --bench hashring --` chooses the sections whose titles
//! contain it.
//! `RUSTFLAGS="-C target-cpu=native"` matters to rendezvous hashing alone.
//!
//! Maglev crates are not asked beyond 100 nodes, where they allocate without bound; `consistent_hash_ring`, whose building time is
//! quadratic, not beyond 1,000.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a benchmark that goes wrong should stop")]

use core::hint::black_box;
use core::net::SocketAddr;
use synod_benches::Contest;
use synod_core::{NodeId, SplitMix64};
use synod_hashring::{
    Anchor, Cluster, Dx, HashFn, JumpBack, Maglev, Memento, MultiProbe, Node, Placement, Rendezvous, Ring,
    Shared, Slots, Spread, Vnodes, jump,
};

const HASH: HashFn = HashFn::SplitMix64 { seed: 0 };
const VNODES: u32 = 160;
const ROUNDS: usize = 9;

/// Keys that no two contestants hash alike.
fn keys(count: u64) -> Vec<u64> {
    (0..count).map(|key| SplitMix64::mix(key.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
}

fn looked_up<'a>(keys: &'a [u64], look_up: impl Fn(u64) -> u64 + 'a) -> impl FnMut() + 'a {
    move || {
        for key in keys {
            black_box(look_up(black_box(*key)));
        }
    }
}

fn ours<'a>(keys: &'a [u64], placement: &'a (impl Placement + 'a)) -> impl FnMut() + 'a {
    looked_up(keys, |key| placement.owner(HASH.hash_u64(key)).0)
}

/// A virtual node of the peer `hashring`.
#[derive(Clone, Copy, Debug, Hash, PartialEq)]
struct Vnode {
    node: u64,
    replica: u32,
}

fn peer_hashring(nodes: u64) -> hashring::HashRing<Vnode> {
    let mut ring = hashring::HashRing::new();
    let vnodes = (1..=nodes).flat_map(|node| (0..VNODES).map(move |replica| Vnode { node, replica }));
    ring.batch_add(vnodes.collect());
    ring
}

fn pingora(nodes: u64) -> pingora_ketama::Continuum {
    let bucket = |node: u64| {
        let address = SocketAddr::from(([10, (node >> 16) as u8, (node >> 8) as u8, node as u8], 6443));
        pingora_ketama::Bucket::new(address, 1)
    };
    pingora_ketama::Continuum::new(&(1..=nodes).map(bucket).collect::<Vec<_>>())
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |title: &str| words.is_empty() || words.iter().any(|word| title.contains(word.as_str()));
    let sections: [(&str, fn()); 7] = [
        ("ring look-up", rings),
        ("tables and buckets", tables),
        ("replicas", replicas),
        ("rendezvous", rendezvous),
        ("build and change", builds),
        ("balance and movement", balance),
        ("shared", shared),
    ];
    for (title, run) in sections {
        if wanted(title) {
            println!("== {title}");
            run();
        }
    }
}

fn rings() {
    let keys = keys(100_000);
    for nodes in [10, 100, 1_000, 10_000_u64] {
        let ring = Ring::new(Cluster::equal(nodes as u32), Vnodes::each(VNODES), HASH).expect("a ring");
        let bytes = ring.bytes() as f64 / ring.len() as f64;
        let title = format!("ring look-up, {nodes} nodes x {VNODES} ({bytes:.1} B for each point of ours)");
        let mut contest = Contest::new(&title, "look-up", keys.len() as u64).steady();
        contest.enter("synod Ring", ours(&keys, &ring));
        let (hashring, pingora) = (peer_hashring(nodes), pingora(nodes));
        contest
            .enter("hashring", looked_up(&keys, move |key| hashring.get(&key).map_or(0, |vnode| vnode.node)));
        contest.enter(
            "pingora-ketama",
            looked_up(&keys, move |key| {
                pingora.node(&key.to_le_bytes()).map_or(0, |address| address.port().into())
            }),
        );
        let consistent = (nodes <= 1_000).then(|| {
            let mut ring = consistent_hash_ring::RingBuilder::default().vnodes(VNODES as usize).build();
            (1..=nodes).for_each(|node| _ = ring.insert(node));
            ring
        });
        if let Some(ring) = consistent {
            contest.enter("consistent_hash_ring", looked_up(&keys, move |key| *ring.get(key)));
        }
        println!("{}", contest.run(ROUNDS));
    }
}

fn tables() {
    let keys = keys(100_000);
    for nodes in [10, 100, 1_000, 10_000_u32] {
        let cluster = || Cluster::equal(nodes);
        let jump_back = JumpBack::new(cluster(), HASH).expect("buckets");
        let anchor = Anchor::new(cluster(), nodes * 2, HASH).expect("buckets");
        let memento = Memento::new(cluster(), HASH).expect("buckets");
        // A tenth of the nodes has gone, one here and one there.
        let mut thinned = (anchor.clone(), memento.clone());
        for gone in (1..=u64::from(nodes)).step_by(10) {
            thinned.0.remove(NodeId(gone)).expect("others are left");
            thinned.1.remove(NodeId(gone)).expect("others are left");
        }
        let dx = Dx::new(cluster(), nodes * 3 / 2, HASH).expect("buckets");
        // The sizes of the paper's section 5.3, and a hundred entries for each node beyond: 10,000 need a table that no second cache holds.
        let size = match nodes {
            ..=650 => 65_537,
            651..=1_000 => 100_003,
            _ => 1_000_003,
        };
        let maglev = Maglev::new(cluster(), size, HASH).expect("a table");
        let slots = Slots::new(cluster(), if nodes > 160 { 1 << 20 } else { 16_384 }, HASH).expect("slots");
        let probes = MultiProbe::new(cluster(), Vnodes::each(1), 21, HASH).expect("a ring");
        let mut contest =
            Contest::new(&format!("tables and buckets, {nodes} nodes"), "look-up", keys.len() as u64)
                .steady();
        contest.enter("synod JumpBack", ours(&keys, &jump_back));
        contest.enter("synod Anchor", ours(&keys, &anchor));
        contest.enter("synod Anchor, 10 % gone", ours(&keys, &thinned.0));
        contest.enter("synod Memento", ours(&keys, &memento));
        contest.enter("synod Memento, 10 % gone", ours(&keys, &thinned.1));
        contest.enter("synod Dx, 2/3 full", ours(&keys, &dx));
        contest.enter("synod Maglev", ours(&keys, &maglev));
        contest.enter("synod Slots", ours(&keys, &slots));
        contest.enter("synod MultiProbe", ours(&keys, &probes));
        contest.enter("synod jump", looked_up(&keys, |key| jump(HASH.hash_u64(key), nodes).into()));
        let peer = anchorhash::Builder::default().with_resources(0..nodes).build::<u64>(nodes as u16 * 2);
        contest.enter(
            "anchorhash",
            looked_up(&keys, move |key| peer.get_resource(key).map_or(0, |node| u64::from(*node))),
        );
        contest.enter(
            "jump-consistent-hash",
            looked_up(&keys, |key| jump_consistent_hash::hash(key, nodes as usize).into()),
        );
        let ring = mpchash::HashRing::<u64>::new();
        (1..=u64::from(nodes)).for_each(|node| ring.add(node));
        if nodes <= 100 {
            contest.enter(
                "mpchash",
                looked_up(&keys[..], move |key| ring.node(&key).map_or(0, |token| token.position())),
            );
        }
        let peer =
            (nodes <= 100).then(|| maglev_hash::MaglevTable::with_capacity((0..nodes).collect(), 65_537));
        if let Some(peer) = peer {
            contest.enter(
                "maglev-hash",
                looked_up(&keys, move |key| peer.get(&key).map_or(0, |node| u64::from(*node))),
            );
        }
        println!("{}", contest.run(ROUNDS));
    }
}

fn replicas() {
    let many = keys(100_000);
    let few = keys(100);
    for nodes in [5, 10, 100, 1_000_u64] {
        let zones = ["a", "b", "c"];
        let node = |id: u64| Node::new(NodeId(id)).within(zones[id as usize % 3]);
        let ring = Ring::new(Cluster::new((1..=nodes).map(node)).expect("nodes"), Vnodes::each(VNODES), HASH);
        let ring = ring.expect("a ring");
        let replicated = ring.clone().replicated(three_in_two()).expect("zones");
        let title = format!("replicas: 3 owners in at least 2 of 3 zones, {nodes} nodes x {VNODES}");
        let mut contest = Contest::new(&title, "look-up", many.len() as u64).steady();
        contest.enter("synod Ring", looked_up(&many, |key| three(&ring, key)));
        contest.enter("synod Replicated", looked_up(&many, |key| three(&replicated, key)));
        println!("{}", contest.run(ROUNDS));
        // The peer clones its ring each time: a thousandth of the keys is enough.
        let peer = peer_hashring(nodes);
        let mut contest = Contest::new(&title, "look-up", few.len() as u64);
        contest.enter("synod Ring, cold", looked_up(&few, |key| three(&ring, key)));
        contest.enter(
            "hashring (no zones)",
            looked_up(&few, |key| {
                peer.get_with_replicas(&key, 2)
                    .map_or(0, |vnodes| vnodes.iter().map(|vnode| vnode.node).sum())
            }),
        );
        println!("{}", contest.run(3));
        let short = |key: &&u64| {
            let found = peer.get_with_replicas(key, 2).unwrap_or_default();
            found.iter().map(|vnode| vnode.node).collect::<std::collections::BTreeSet<_>>().len() < 3
        };
        let wrong = few.iter().filter(short).count();
        println!(
            "  hashring gives fewer than 3 distinct nodes for {wrong} of {} keys; synod for none\n",
            few.len()
        );
    }
}

/// Three copies in two zones.
#[inline(always)]
fn three_in_two() -> Spread {
    Spread::copies(3).across(1, 2)
}

/// Compiled into the loop that asks, as in a user's program.
#[inline(always)]
fn three(placement: &impl Placement, key: u64) -> u64 {
    placement.owners(HASH.hash_u64(key), three_in_two()).map_or(0, |owners| owners.map(|id| id.0).sum())
}

fn rendezvous() {
    for (nodes, count) in [(10, 100_000), (100, 20_000), (1_000, 3_000_u64)] {
        let keys = keys(count);
        let equal = Rendezvous::new(Cluster::equal(nodes), HASH).expect("nodes");
        let weighted =
            Cluster::new((1..=nodes).map(|id| Node::new(NodeId(id.into())).weighing(u64::from(id % 7 + 1))));
        let weighted = Rendezvous::new(weighted.expect("nodes"), HASH).expect("nodes");
        let mut contest = Contest::new(&format!("rendezvous, {nodes} nodes"), "look-up", count);
        contest.enter("synod Rendezvous", ours(&keys, &equal));
        contest.enter("synod Rendezvous, weighted", ours(&keys, &weighted));
        let peer = hrw_hash::HrwNodes::new(0..nodes);
        contest.enter(
            "hrw-hash",
            looked_up(&keys, move |key| peer.sorted(&key).next().map_or(0, |node| u64::from(*node))),
        );
        println!("{}", contest.run(5));
    }
}

fn builds() {
    for nodes in [1_000, 10_000_u64] {
        let cluster = Cluster::equal(nodes as u32);
        let mut contest = Contest::new(&format!("build a ring of {nodes} nodes x {VNODES}"), "ring", 1);
        contest.enter("synod Ring", || _ = black_box(Ring::new(cluster.clone(), Vnodes::each(VNODES), HASH)));
        contest.enter("pingora-ketama", || _ = black_box(pingora(nodes)));
        contest.enter("hashring", || _ = black_box(peer_hashring(nodes)));
        println!("{}", contest.run(7));

        // From the middle, where every node behind it is renamed; and back.
        let fresh = Ring::new(cluster, Vnodes::each(VNODES), HASH).expect("a ring");
        let (middle, mut ring) = (NodeId(nodes / 2), fresh.clone());
        let mut contest = Contest::new(&format!("change a ring of {nodes} nodes in place"), "change", 2);
        contest.enter("synod Ring: remove and add", || {
            ring.remove(middle).expect("it is there");
            ring.add(Node::new(middle)).expect("it is gone");
        });
        println!("{}", contest.run(7));
        println!("  bit-identical to a fresh ring: {}\n", ring == fresh);
    }
}

fn balance() {
    println!(
        "  busiest node over the mean, of positions for rings and slots, of 1000 keys for each node otherwise"
    );
    for nodes in [10, 100, 1_000_u32] {
        let keys: Vec<u64> =
            keys(u64::from(nodes) * 1000).into_iter().map(|key| HASH.hash_u64(key)).collect();
        let of_keys = |placement: &dyn Fn(u64) -> NodeId| {
            let mut counts = vec![0_u64; nodes as usize + 1];
            keys.iter().for_each(|key| counts[placement(*key).0 as usize] += 1);
            counts.iter().max().copied().unwrap_or(0) as f64 / 1000.0
        };
        let cluster = || Cluster::equal(nodes);
        let ring = Ring::new(cluster(), Vnodes::each(VNODES), HASH).expect("a ring");
        let slots = Slots::new(cluster(), (nodes * 128).next_power_of_two(), HASH).expect("slots");
        let weighted =
            Cluster::new((1..=nodes).map(|id| Node::new(NodeId(id.into())).weighing(u64::from(id % 7 + 1))));
        let weighted =
            Slots::new(weighted.expect("nodes"), (nodes * 512).next_power_of_two(), HASH).expect("slots");
        let relative = weighted.counts().into_iter().zip(weighted.cluster().nodes()).map(|(slots, node)| {
            slots as f64 * weighted.cluster().weight() as f64
                / (node.weight as f64 * f64::from(weighted.count()))
        });
        let widest = synod_hashring::shares(&ring).into_values().max().unwrap_or(0) as f64;
        let most = slots.counts().into_iter().max().unwrap_or(0) as f64 * f64::from(nodes)
            / f64::from(slots.count());
        let probes = MultiProbe::new(cluster(), Vnodes::each(1), 21, HASH).expect("a ring");
        let jump_back = JumpBack::new(cluster(), HASH).expect("buckets");
        println!(
            "  {nodes:>5} nodes: ring {:.3}, slots {most:.4}, weighted slots {:.4}, multi-probe {:.3}, JumpBack {:.3}",
            widest * f64::from(nodes) / synod_hashring::CIRCLE as f64,
            relative.fold(0.0, f64::max),
            of_keys(&|key| probes.owner(key)),
            of_keys(&|key| jump_back.owner(key)),
        );
        let joined =
            slots.rebalanced(slots.cluster().with(Node::new(NodeId(u64::MAX))).expect("new")).expect("slots");
        let moved = slots.table().zip(joined.table()).filter(|(old, new)| old != new).count();
        println!(
            "        a join moves {moved} slots; the newcomer's quota is {:.2}",
            f64::from(slots.count()) / f64::from(nodes + 1)
        );
    }
    println!();
}

fn shared() {
    let keys = keys(100_000);
    let ring = Ring::new(Cluster::equal(100), Vnodes::each(VNODES), HASH).expect("a ring");
    let shared = Shared::new(ring.clone());
    let reader = core::cell::RefCell::new(shared.reader());
    let mut contest =
        Contest::new("shared: a look-up through a reader, 100 nodes", "look-up", keys.len() as u64);
    contest.enter("synod Ring", ours(&keys, &ring));
    contest.enter(
        "synod Reader of a Ring",
        looked_up(&keys, |key| reader.borrow_mut().get().owner(HASH.hash_u64(key)).0),
    );
    println!("{}", contest.run(ROUNDS));
}
