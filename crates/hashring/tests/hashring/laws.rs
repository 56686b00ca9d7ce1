//! What every algorithm promises, on clusters, weights and keys that chance has chosen.

mod clusters;
mod judges;
mod planted;
mod statistics;

use clusters::{cluster, equal_cluster, keys};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::NodeId;
use synod_hashring::*;

/// Every algorithm, with parameters that fit small clusters.
fn algorithms(cluster: &Cluster) -> Vec<Algorithm> {
    let room = cluster.owning() + 8;
    let mut all = vec![
        Algorithm::Ring(Vnodes::each(20)),
        Algorithm::MultiProbe(Vnodes::each(2), 7),
        Algorithm::Rendezvous,
        Algorithm::Maglev(1009),
        Algorithm::Straw2,
        Algorithm::Slots(1024),
    ];
    let weights: BTreeSet<u64> = cluster.owners().map(|node| cluster.share(node)).collect();
    if weights.len() == 1 {
        all.extend([Algorithm::Jump, Algorithm::JumpBack, Algorithm::Memento]);
        all.extend([Algorithm::Anchor(room), Algorithm::Dx(room)]);
    }
    all
}

fn place(algorithm: Algorithm, cluster: &Cluster) -> Placed {
    Config::new(algorithm, HashFn::default()).place(cluster.clone()).unwrap()
}

/// Algorithms of which the set of nodes decides everything.
const WITHOUT_HISTORY: [Algorithm; 4] = [
    Algorithm::Ring(Vnodes::each(20)),
    Algorithm::MultiProbe(Vnodes::each(2), 7),
    Algorithm::Rendezvous,
    Algorithm::Straw2,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_key_has_an_owner_that_may_own_it(cluster in cluster(1..24), keys in keys(40)) {
        for algorithm in algorithms(&cluster) {
            prop_assert_eq!(judges::total(&place(algorithm, &cluster), &keys), Ok(()), "{}", algorithm);
        }
    }

    #[test]
    fn copies_are_on_distinct_nodes_and_in_as_many_zones_as_asked_or_it_is_said(
        cluster in cluster(1..16),
        keys in keys(10),
        copies in 0_u8..6,
        zones in 0_u8..4,
        racks in 0_u8..5,
    ) {
        let spread = Spread::copies(copies).across(1, zones).across(2, racks);
        prop_assert_eq!(spread.check(&cluster).is_ok(), judges::feasible(&cluster, copies, zones, racks));
        for algorithm in algorithms(&cluster) {
            let placed = place(algorithm, &cluster);
            prop_assert_eq!(judges::copies(&placed, &keys, (copies, zones, racks)), Ok(()), "{}", algorithm);
        }
    }

    #[test]
    fn copies_worked_out_ahead_are_those_of_the_ring(
        cluster in cluster(1..20),
        keys in keys(20),
        (copies, other, zones, racks) in (1_u8..10, 0_u8..10, 0_u8..4, 0_u8..5),
        crowd in any::<u64>(),
    ) {
        let spread = Spread::copies(copies).across(1, zones).across(2, racks);
        let ring = Ring::new(cluster.clone(), Vnodes::each(9), HashFn::default()).unwrap();
        // So close together that most points stand behind their lines.
        let crowded = (0_u64..).zip(cluster.owners().cycle().take(20 * cluster.len()));
        let crowded = crowded.map(|(at, node)| (crowd.saturating_add(at * 3), cluster.id(node)));
        let crowded = Ring::of_points(cluster.clone(), HashFn::default(), crowded).unwrap();
        for ring in [ring, crowded] {
            let replicated = match ring.clone().replicated(spread) {
                Ok(replicated) => replicated,
                Err(missing) => {
                    prop_assert_eq!(spread.check(&cluster), Err(missing));
                    continue;
                }
            };
            let around = ring.points().flat_map(|(at, _)| [at.wrapping_sub(1), at, at.wrapping_add(1)]);
            for position in around.chain(keys.iter().copied()) {
                for spread in [spread, Spread::copies(other)] {
                    let owners = |of: Result<Owners<'_>, Infeasible>| of.map(Iterator::collect::<Vec<_>>);
                    let (ahead, walked) = (replicated.owners(position, spread), ring.owners(position, spread));
                    prop_assert_eq!(owners(ahead), owners(walked));
                }
            }
            prop_assert_eq!(replicated.into_ring(), ring);
        }
    }

    #[test]
    fn who_joins_takes_and_who_leaves_gives_and_nothing_else_moves(
        cluster in cluster(2..20),
        weight in 1_u64..9,
        keys in keys(200),
    ) {
        let joining = Node::new(NodeId(500)).weighing(weight).within("z1/r1");
        let larger = cluster.with(joining.clone()).unwrap();
        let heavier = larger.changed(joining.weighing(weight + 3)).unwrap();
        for algorithm in WITHOUT_HISTORY {
            let [old, new, more] = [&cluster, &larger, &heavier].map(|cluster| place(algorithm, cluster));
            if algorithm != Algorithm::Straw2 {
                prop_assert_eq!(judges::moves_touch(&old, &new, NodeId(500), &keys), Ok(()), "{}", algorithm);
                prop_assert_eq!(judges::moves_touch(&new, &more, NodeId(500), &keys), Ok(()), "{}", algorithm);
                continue;
            }
            for key in &keys {
                // Into its zone from others, and within its zone to the node or its rack.
                let (from, to) = (old.owner(*key), new.owner(*key));
                let zone = |id| clusters::zone(&larger, id);
                let inward = zone(to).starts_with("z1");
                let within = !zone(from).starts_with("z1") || zone(to) == "z1/r1" || zone(from) == zone(to);
                prop_assert!(from == to || (inward && within), "{} in {} to {} in {}", from, zone(from), to, zone(to));
            }
        }
    }

    #[test]
    fn buckets_come_and_go_at_the_end(nodes in 2_u32..40, keys in keys(200)) {
        for algorithm in [Algorithm::Jump, Algorithm::JumpBack] {
            let [old, new] = [nodes, nodes + 1].map(|nodes| place(algorithm, &Cluster::equal(nodes)));
            for key in &keys {
                prop_assert!([old.owner(*key), NodeId(u64::from(nodes) + 1)].contains(&new.owner(*key)));
            }
        }
    }

    #[test]
    fn any_node_may_leave_a_set_of_buckets_and_come_back(
        nodes in 2_u32..24,
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        keys in keys(100),
    ) {
        let cluster = equal_cluster(nodes);
        let mut anchor = Anchor::new(cluster.clone(), nodes + 8, HashFn::default()).unwrap();
        let mut memento = Memento::new(cluster.clone(), HashFn::default()).unwrap();
        let mut dx = Dx::new(cluster.clone(), nodes + 8, HashFn::default()).unwrap();
        let first = (anchor.clone(), memento.clone(), dx.clone());
        let mut gone = Vec::new();
        for index in &order {
            if anchor.cluster().len() == 1 {
                break;
            }
            let id = *index.get(anchor.cluster().ids());
            let before = (anchor.clone(), memento.clone(), dx.clone());
            anchor.remove(id).unwrap();
            memento.remove(id).unwrap();
            dx.remove(id).unwrap();
            gone.push(id);
            for key in &keys {
                for (old, new) in [
                    (before.0.owner(*key), anchor.owner(*key)),
                    (before.1.owner(*key), memento.owner(*key)),
                    (before.2.owner(*key), dx.owner(*key)),
                ] {
                    let right = if old == id { new != id } else { new == old };
                    prop_assert!(right);
                }
            }
        }
        // Dx does not care about the order of departures, nor of returns.
        let mut other = first.2.clone();
        for id in gone.iter().rev() {
            other.remove(*id).unwrap();
        }
        prop_assert_eq!(&other, &dx);
        for id in &gone {
            dx.add(Node::new(*id)).unwrap();
        }
        prop_assert_eq!(&dx, &first.2);
        // The others take back in the reverse order. In any other they exchange who has gone.
        let mut exchanged = (anchor.clone(), memento.clone());
        for id in gone.iter().rev().skip(1).chain(gone.last()) {
            exchanged.0.add(Node::new(*id)).unwrap();
            exchanged.1.add(Node::new(*id)).unwrap();
        }
        let mut heirs = [BTreeMap::new(), BTreeMap::new()];
        for key in &keys {
            let pairs = [
                (first.0.owner(*key), exchanged.0.owner(*key)),
                (first.1.owner(*key), exchanged.1.owner(*key)),
            ];
            for ((old, new), heirs) in pairs.into_iter().zip(&mut heirs) {
                prop_assert_eq!(gone.contains(&old), gone.contains(&new));
                prop_assert!(gone.contains(&old) || old == new);
                prop_assert_eq!(*heirs.entry(old).or_insert(new), new);
            }
        }
        for heirs in heirs {
            prop_assert_eq!(heirs.values().collect::<BTreeSet<_>>().len(), heirs.len());
        }
        for id in gone.iter().rev() {
            anchor.add(Node::new(*id)).unwrap();
            memento.add(Node::new(*id)).unwrap();
        }
        for key in &keys {
            prop_assert_eq!(anchor.owner(*key), first.0.owner(*key));
            prop_assert_eq!(memento.owner(*key), first.1.owner(*key));
        }
    }

    #[test]
    fn who_drains_gives_as_if_it_left_and_is_still_known(
        nodes in 2_u32..24,
        which in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        keys in keys(100),
    ) {
        macro_rules! drains {
            ($first:expr) => {
                let first = $first;
                let (mut drained, mut without) = (first.clone(), first.clone());
                let mut gone = Vec::new();
                for index in &which {
                    let id = *index.get(without.cluster().ids());
                    if without.cluster().len() == 1 {
                        prop_assert_eq!(drained.drain(id), Err(PlacementError::Nobody));
                        break;
                    }
                    without.remove(id).unwrap();
                    drained.drain(id).unwrap();
                    drained.drain(id).unwrap();
                    gone.push(id);
                    prop_assert!(keys.iter().all(|key| drained.owner(*key) == without.owner(*key)));
                    prop_assert_eq!(judges::total(&drained, &keys), Ok(()));
                }
                prop_assert_eq!(drained.cluster().len(), nodes as usize);
                // A weight of 0 is legal too, and who weighs nothing may go.
                drained.add(Node::new(NodeId(500)).weighing(0)).unwrap();
                drained.change(Node::new(NodeId(500)).draining()).unwrap();
                prop_assert!(keys.iter().all(|key| drained.owner(*key) == without.owner(*key)));
                drained.remove(NodeId(500)).unwrap();
                for id in gone.into_iter().rev() {
                    drained.change(Node::new(id)).unwrap();
                }
                prop_assert!(keys.iter().all(|key| drained.owner(*key) == first.owner(*key)));
                if nodes > 1 {
                    let heavier = drained.change(Node::new(NodeId(1)).weighing(2)).unwrap_err();
                    prop_assert!(heavier.to_string().contains("knows no weights"));
                }
                let unknown = PlacementError::Cluster(ClusterError::Unknown { id: NodeId(99) });
                prop_assert_eq!(drained.drain(NodeId(99)), Err(unknown));
            };
        }
        drains!(Anchor::new(equal_cluster(nodes), nodes + 8, HashFn::default()).unwrap());
        drains!(Memento::new(equal_cluster(nodes), HashFn::default()).unwrap());
        drains!(Dx::new(equal_cluster(nodes), nodes + 8, HashFn::default()).unwrap());
    }

    #[test]
    fn a_ring_changed_in_place_is_the_ring_made_anew(
        cluster in cluster(1..30),
        changes in prop::collection::vec((0_u8..3, 0_u64..40, 0_u64..6), 1..8),
    ) {
        let vnodes = Vnodes::each(9);
        let mut ring = Ring::new(cluster.clone(), vnodes, HashFn::default()).unwrap();
        let mut cluster = cluster;
        for (change, id, weight) in changes {
            let node = Node::new(NodeId(id)).weighing(weight);
            let (wanted, done) = match change {
                0 => (cluster.with(node.clone()), ring.add(node)),
                1 => (cluster.without(NodeId(id)), ring.remove(NodeId(id))),
                _ => (cluster.changed(node.clone()), ring.change(node)),
            };
            match wanted {
                Ok(wanted) if wanted.owning() > 0 => {
                    prop_assert_eq!(done, Ok(()));
                    cluster = wanted;
                }
                _ => prop_assert!(done.is_err()),
            }
            prop_assert_eq!(&ring, &Ring::new(cluster.clone(), vnodes, HashFn::default()).unwrap());
        }
    }

    #[test]
    fn a_ring_of_points_is_a_sorted_map(
        points in prop::collection::vec((prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0_u64..4, Just(u64::MAX - 1)], 1_u64..9), 1..40),
        keys in keys(50),
    ) {
        let ids: BTreeSet<u64> = points.iter().map(|(_, id)| *id).collect();
        let cluster = Cluster::new(ids.iter().map(|id| Node::new(NodeId(*id)))).unwrap();
        let points: Vec<_> = points.into_iter().map(|(position, id)| (position, NodeId(id))).collect();
        let ring = Ring::of_points(cluster.clone(), HashFn::Ordered, points.iter().copied()).unwrap();
        prop_assert_eq!(judges::clockwise(&ring, &points, &keys), Ok(()));
        // The order in which points are given does not matter.
        let other = Ring::of_points(cluster, HashFn::Ordered, points.iter().rev().copied()).unwrap();
        prop_assert_eq!(&ring, &other);
        let mut sorted = points;
        sorted.sort_unstable();
        prop_assert_eq!(ring.points().collect::<Vec<_>>(), sorted);
        prop_assert_eq!(judges::ranges_tell(&ring), Ok(()));
        prop_assert_eq!(shares(&ring).values().sum::<u128>(), CIRCLE);
    }

    #[test]
    fn slots_keep_their_quotas_with_the_fewest_moves(
        old in cluster(1..20),
        new in cluster(1..20),
        count in prop_oneof![Just(64_u32), 64_u32..1500],
    ) {
        let slots = Slots::new(old, count, HashFn::default()).unwrap();
        let after = slots.rebalanced(new.clone()).unwrap();
        let mut kept_at_most = 0;
        let before: BTreeMap<_, _> = slots.cluster().ids().iter().copied().zip(slots.counts()).collect();
        for (node, has) in new.nodes().iter().zip(after.counts()) {
            let exact = u128::from(node.share()) * u128::from(count);
            let low = (exact / u128::from(new.weight())) as u64;
            let high = (exact.div_ceil(u128::from(new.weight()))) as u64;
            prop_assert!((low..=high).contains(&has), "{has} of {low} to {high}");
            kept_at_most += before.get(&node.id).copied().unwrap_or(0).min(high);
        }
        let stayed = slots.table().zip(after.table()).filter(|(old, new)| old == new).count() as u64;
        // The bound: everybody keeps up to its upper quota. Upper quotas may add up to more than there is, by less than a slot for each node.
        prop_assert!(stayed <= kept_at_most);
        prop_assert!(stayed + new.len() as u64 >= kept_at_most.min(u64::from(count)));
        let diff = Diff::between(&slots, &after);
        prop_assert_eq!(diff.excess(), 0);
        prop_assert_eq!(diff.verify(&slots, &after), Ok(()));
        // Nothing to do is nothing done.
        prop_assert_eq!(&after.rebalanced(new).unwrap(), &after);
    }

    #[test]
    fn diffs_say_what_look_ups_say(old in cluster(1..12), new in cluster(1..12), keys in keys(60)) {
        fn check<A: Ranges, B: Ranges>(old: &A, new: &B, keys: &[u64]) -> Result<(), TestCaseError> {
            let diff = Diff::between(old, new);
            prop_assert_eq!(judges::ranges_tell(old), Ok(()));
            prop_assert_eq!(judges::ranges_tell(new), Ok(()));
            prop_assert_eq!(diff.verify(old, new), Ok(()));
            prop_assert!(diff.bound() <= diff.moved());
            for key in keys {
                let said = diff.moves().iter().find(|moved| moved.range.contains(key));
                let (from, to) = (old.owner(*key), new.owner(*key));
                prop_assert_eq!(said.map(|moved| (moved.from, moved.to)), (from != to).then_some((from, to)));
            }
            Ok(())
        }
        let vnodes = Vnodes::each(5);
        let rings = [&old, &new].map(|cluster| Ring::new(cluster.clone(), vnodes, HashFn::default()).unwrap());
        check(&rings[0], &rings[1], &keys)?;
        let slots = Slots::new(old.clone(), 300, HashFn::default()).unwrap();
        check(&slots, &rings[1], &keys)?;
        let tables = [&old, &new].map(|cluster| Maglev::new(cluster.clone(), 257, HashFn::default()).unwrap());
        check(&tables[0], &tables[1], &keys)?;
        for algorithm in [Algorithm::Rendezvous, Algorithm::Straw2] {
            let sliced = [&old, &new].map(|cluster| Sliced::new(place(algorithm, cluster), 8).unwrap());
            check(&sliced[0], &sliced[1], &keys)?;
        }
    }

    #[test]
    fn diffs_of_copies_say_what_look_ups_say(
        old in cluster(1..12),
        new in cluster(1..12),
        (had, has, zones) in (1_u8..6, 1_u8..6, 0_u8..3),
        keys in keys(60),
    ) {
        let zones_of = |cluster: &Cluster| zones.min(cluster.zones(1) as u8);
        let spread = |cluster: &Cluster, copies: u8| {
            let copies = copies.min(cluster.owning() as u8);
            Spread::copies(copies).across(1, zones_of(cluster).min(copies))
        };
        let (had, has) = (spread(&old, had), spread(&new, has));
        let check = |diff: CopiesDiff, before: &dyn Fn(u64) -> BTreeSet<NodeId>, after: &dyn Fn(u64) -> BTreeSet<NodeId>| {
            prop_assert!(diff.bound() <= diff.copied());
            for key in &keys {
                let (before, after) = (before(*key), after(*key));
                let said = diff.moves().iter().find(|moved| moved.range.contains(key));
                let (from, to) = said.map(|moved| (moved.from.clone(), moved.to.clone())).unwrap_or_default();
                prop_assert_eq!(from, before.difference(&after).copied().collect::<Vec<_>>());
                prop_assert_eq!(to, after.difference(&before).copied().collect::<Vec<_>>());
            }
            Ok(())
        };
        macro_rules! check {
            ($a:expr, $b:expr) => {
                let (a, b) = (&$a, &$b);
                let diff = CopiesDiff::between((a, had), (b, has)).unwrap();
                prop_assert_eq!(diff.verify((a, had), (b, has)), Ok(()));
                check(
                    diff,
                    &|key| a.owners(key, had).unwrap().collect(),
                    &|key| b.owners(key, has).unwrap().collect(),
                )?;
            };
        }
        let ring = |cluster: &Cluster| Ring::new(cluster.clone(), Vnodes::each(5), HashFn::default()).unwrap();
        check!(ring(&old), ring(&new));
        check!(Slots::new(old.clone(), 30, HashFn::default()).unwrap(), ring(&new));
        let maglev = |cluster: &Cluster| Maglev::new(cluster.clone(), 31, HashFn::default()).unwrap();
        check!(maglev(&old), maglev(&new));
        let sliced = |cluster: &Cluster| Sliced::new(place(Algorithm::Rendezvous, cluster), 6).unwrap();
        check!(sliced(&old), sliced(&new));
    }

    #[test]
    fn a_ring_without_zones_copies_no_more_than_it_must(nodes in 4_u64..12, copies in 1_u8..4, leaves in 0_u64..12) {
        let spread = Spread::copies(copies);
        let old = Ring::new(Cluster::equal(nodes as u32), Vnodes::each(7), HashFn::default()).unwrap();
        let mut joined = old.clone();
        joined.add(Node::new(NodeId(500)).weighing(2)).unwrap();
        let diff = CopiesDiff::between((&old, spread), (&joined, spread)).unwrap();
        prop_assert_eq!(diff.excess(), 0);
        prop_assert!(diff.moves().iter().all(|moved| moved.to == [NodeId(500)]));
        let mut left = old.clone();
        left.remove(NodeId(leaves % nodes + 1)).unwrap();
        let diff = CopiesDiff::between((&old, spread), (&left, spread)).unwrap();
        prop_assert_eq!(diff.excess(), 0);
        prop_assert!(diff.moves().iter().all(|moved| moved.from == [NodeId(leaves % nodes + 1)]));
    }

    #[test]
    fn bounded_loads_stay_in_their_bounds_and_lose_nothing(
        cluster in cluster(1..10),
        permille in prop_oneof![Just(1000_u32), 1000_u32..2500],
        keys in keys(150),
    ) {
        let placed = place(Algorithm::Ring(Vnodes::each(5)), &cluster);
        let mut bounded = Bounded::new(&placed, Bound::Permille(permille));
        let mut assigned = Vec::new();
        for (count, key) in (1_u128..).zip(&keys) {
            let id = bounded.assign(*key);
            prop_assert!(id.is_ok());
            assigned.push(id.unwrap());
            for (node, load) in cluster.nodes().iter().zip(bounded.loads()) {
                let limit = (u128::from(permille) * count * u128::from(node.share())).div_ceil(1000 * u128::from(cluster.weight()));
                prop_assert!(u128::from(*load) <= limit);
            }
        }
        prop_assert_eq!(bounded.total(), keys.len() as u64);
        for id in assigned {
            prop_assert!(bounded.release(id));
        }
        prop_assert_eq!(bounded.total(), 0);
        prop_assert!(!bounded.release(cluster.ids()[0]));
        // With hard limits all may be full, and that is said.
        let mut bounded = Bounded::new(&placed, Bound::Keys(2));
        let room = 2 * cluster.weight();
        for key in 0..room {
            prop_assert!(bounded.assign(key).is_ok());
        }
        prop_assert_eq!(bounded.assign(7), Err(Overloaded { load: room, nodes: cluster.owning() }));
    }

    #[test]
    fn bounded_loads_move_as_little_as_they_can_when_the_cluster_changes(
        old in cluster(1..10),
        new in cluster(1..10),
        bound in prop_oneof![
            (900_u32..2500).prop_map(Bound::Permille),
            (1_u64..60).prop_map(Bound::Keys),
        ],
        keys in keys(120),
    ) {
        let rings = [&old, &new].map(|cluster| place(Algorithm::Ring(Vnodes::each(5)), cluster));
        let mut before = Bounded::new(&rings[0], bound);
        let mut kept: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
        for key in &keys {
            if let Ok(id) = before.assign(*key) {
                kept.entry(id).or_default().push(*key);
            }
        }
        let total = before.total();
        // What a node may keep, by definition, when all keys are there.
        let limit = |node: &Node| {
            let share = u128::from(node.share());
            match bound {
                Bound::Keys(keys) => share * u128::from(keys),
                Bound::Permille(permille) => {
                    (u128::from(permille.max(1000)) * u128::from(total) * share).div_ceil(1000 * u128::from(new.weight()))
                }
                _ => 0,
            }
        };
        let may_keep = |id: NodeId| new.find(id).and_then(|node| new.node(node)).map_or(0, limit);
        let least: u128 = kept.iter().map(|(id, keys)| (keys.len() as u128).saturating_sub(may_keep(*id))).sum();
        let (mut after, displaced) = before.rebase(&rings[1]);
        prop_assert_eq!(displaced.iter().map(|some| u128::from(some.keys)).sum::<u128>(), least);
        let mut moving = Vec::new();
        for some in &displaced {
            let of = kept.get_mut(&some.from).unwrap();
            moving.extend(of.split_off(of.len() - some.keys as usize).into_iter().map(|key| (some, key)));
        }
        let mut turned_away = 0;
        for (some, key) in moving {
            prop_assert!(some.all || after.release(some.from));
            match after.assign(key) {
                Ok(id) => {
                    prop_assert!(id != some.from);
                    kept.entry(id).or_default().push(key);
                }
                Err(_) => turned_away += 1,
            }
        }
        // Keys are lost to nobody but hard limits, and nobody carries too much in the end.
        let room: u128 = new.nodes().iter().map(limit).sum();
        prop_assert_eq!(turned_away, u128::from(total).saturating_sub(room));
        for (node, load) in new.nodes().iter().zip(after.loads()) {
            prop_assert_eq!(kept.get(&node.id).map_or(0, Vec::len) as u64, *load);
            prop_assert!(u128::from(*load) <= limit(node));
        }
    }
}

#[test]
fn large_rings_are_sorted_maps_and_change_as_small_ones_do() {
    let cluster =
        |nodes: u64| Cluster::new((1..=nodes).map(|id| Node::new(NodeId(2 * id)).weighing(id % 3))).unwrap();
    let hash = HashFn::default();
    let keys: Vec<u64> = (0..5000).map(|key| hash.hash_u64(key)).collect();
    let mut ring = Ring::new(cluster(300), Vnodes::each(160), hash).unwrap();
    let points: Vec<_> = ring.points().collect();
    assert_eq!(points.len(), 300 * 160);
    assert!(points.is_sorted());
    assert_eq!(judges::clockwise(&ring, &points, &keys), Ok(()));
    assert_eq!(judges::ranges_tell(&ring), Ok(()));
    assert!((14 * ring.len()..16 * ring.len()).contains(&ring.bytes()), "{}", ring.bytes());
    // Nodes come and go before all others, behind them and in their midst, until the number of lines is another.
    let mut wanted = cluster(300);
    for round in 0..60 {
        let (leaving, joining) =
            (NodeId(2 * (299 - 5 * round)), NodeId([2 * round + 1, 1000 + round][round as usize % 2]));
        ring.remove(leaving).unwrap();
        ring.add(Node::new(joining)).unwrap();
        wanted = wanted.without(leaving).and_then(|cluster| cluster.with(Node::new(joining))).unwrap();
        assert_eq!(ring, Ring::new(wanted.clone(), Vnodes::each(160), hash).unwrap(), "{round}");
    }
}

#[test]
fn points_that_crowd_together_are_found_as_well() {
    // Tokens that nobody has scattered: all of them in one part of the circle, thousands behind its line.
    let points: Vec<_> = (0..5000_u64).map(|at| ((7 << 40) + at / 2 * 3, NodeId(at % 9))).collect();
    let nodes: BTreeSet<_> = points.iter().map(|(_, id)| *id).collect();
    let cluster = Cluster::new(nodes.into_iter().map(Node::new)).unwrap();
    let mut ring = Ring::of_points(cluster, HashFn::Ordered, points.iter().copied()).unwrap();
    let keys: Vec<u64> = (0..100).chain([1 << 63]).collect();
    assert_eq!(judges::clockwise(&ring, &points, &keys), Ok(()));
    assert_eq!(judges::ranges_tell(&ring), Ok(()));
    assert_eq!(judges::copies(&ring, &[0, (7 << 40) + 3000, u64::MAX], (9, 0, 0)), Ok(()));
    ring.remove(NodeId(4)).unwrap();
    let left: Vec<_> = points.into_iter().filter(|(_, id)| *id != NodeId(4)).collect();
    assert_eq!(judges::clockwise(&ring, &left, &keys), Ok(()));
}

#[test]
fn rings_of_given_points_lose_the_points_of_whom_they_drain_and_know_no_weights() {
    let points = [(10, 1), (20, 2), (30, 3), (40, 1)].map(|(at, id)| (at, NodeId(id)));
    let ring = Ring::of_points(Cluster::equal(3), HashFn::Ordered, points).unwrap();
    let node = |id| Node::new(NodeId(id));
    for empty in [node(1).draining(), node(1).weighing(0)] {
        let mut changed = ring.clone();
        changed.change(empty.clone()).unwrap();
        assert_eq!(changed.points().collect::<Vec<_>>(), points[1..3]);
        // As if it were made so.
        let cluster = Cluster::equal(3).changed(empty).unwrap();
        assert_eq!(changed, Ring::of_points(cluster, HashFn::Ordered, points).unwrap());
        assert_eq!((changed.owner(35), ring.owner(35)), (NodeId(2), NodeId(1)));
        // Its points are gone for good.
        let forgotten = PlacementError::Forgotten { what: "point", id: NodeId(1) };
        assert_eq!(changed.change(node(1)), Err(forgotten));
        changed.remove(NodeId(2)).unwrap();
        assert_eq!(changed.change(node(3).draining()), Err(PlacementError::Nobody));
    }
    let mut changed = ring.clone();
    assert_eq!(changed.change(node(2).weighing(5)), Err(PlacementError::PointsGiven { id: NodeId(2) }));
    assert_eq!(changed.add(node(9)), Err(PlacementError::Forgotten { what: "point", id: NodeId(9) }));
    assert_eq!(changed, ring);
    changed.change(node(2).within("eu")).unwrap();
    changed.add(node(9).draining()).unwrap();
    assert!((0..50).all(|at| changed.owner(at) == ring.owner(at)));
    let stranger = Ring::of_points(Cluster::equal(2), HashFn::Ordered, points).unwrap_err();
    assert_eq!(stranger, PlacementError::Stranger { what: "points", id: NodeId(3) });
}

#[test]
fn only_the_last_of_a_stack_of_buckets_may_drain() {
    let node = |id| Node::new(NodeId(id));
    let jump = JumpBack::new(Cluster::equal(4), HashFn::default()).unwrap();
    let refused = PlacementError::NotTheLast { algorithm: "JumpBack", id: NodeId(2), last: NodeId(4) };
    assert_eq!(jump.changed(node(2).draining()), Err(refused.clone()));
    assert_eq!(jump.changed(node(2).weighing(0)), Err(refused.clone()));
    assert_eq!(jump.without(NodeId(2)), Err(refused));
    let drained = jump.changed(node(4).draining()).unwrap();
    let smaller = jump.without(NodeId(4)).unwrap();
    assert!(drained.order().eq(smaller.order()));
    assert_eq!(drained.changed(node(4)), Ok(jump));
    assert_eq!(drained.without(NodeId(4)), Ok(smaller.clone()));
    // Nobody's bucket changes when somebody comes who may own nothing.
    assert!(smaller.with(node(1000).weighing(0)).unwrap().order().eq(smaller.order()));
}

#[test]
fn every_node_owns_something_under_every_hash_function() {
    use HashFn::{CassandraMurmur3, Crc16, Crc32, Fnv1a64, KetamaMd5, Murmur3, Ordered, RedisSlot};
    let short = [KetamaMd5, Crc32, Crc16, RedisSlot, Ordered];
    let long = [Fnv1a64, Murmur3, CassandraMurmur3, HashFn::default(), HashFn::Xxh64 { seed: 0 }];
    for hash in short.into_iter().chain(long) {
        // Identities with one hash, where some can be found, and zones that begin alike.
        let mut seen = BTreeMap::new();
        let twins = (0..150_000).find_map(|id| Some([seen.insert(hash.hash_u64(id), id)?, id]));
        // (CRC-32 tells all numbers of 32 bits apart.)
        assert_eq!(twins.is_some(), [KetamaMd5, Crc16, RedisSlot].contains(&hash), "{hash}");
        let ids = twins.into_iter().flatten().chain([4913, 8192, 100_001, 100_002]);
        let ids: BTreeSet<u64> = ids.collect();
        let zone = |id: u64| ["europe-west/a", "europe-west/b", "europe-west/b/9"][(id % 3) as usize];
        let cluster = Cluster::new(ids.iter().map(|id| Node::new(NodeId(*id)).within(zone(*id)))).unwrap();
        for algorithm in algorithms(&cluster) {
            let placed = Config::new(algorithm, hash).place(cluster.clone()).unwrap();
            let keys = (0..4000_u64).map(|key| hash.hash(&HashFn::default().hash_u64(key).to_le_bytes()));
            let owners: BTreeSet<_> = keys.map(|position| placed.owner(position).0).collect();
            assert_eq!(owners, ids, "{algorithm} {hash}");
        }
    }
}

#[test]
fn a_wrong_diff_is_refused() {
    // The certificate is checked by look-ups: a diff of other placements does not pass.
    let rings = [9, 10, 11]
        .map(|nodes| Ring::new(Cluster::equal(nodes), Vnodes::each(8), HashFn::default()).unwrap());
    let diff = Diff::between(&rings[0], &rings[1]);
    assert_eq!(diff.verify(&rings[0], &rings[1]), Ok(()));
    assert!(matches!(diff.verify(&rings[0], &rings[2]), Err(DiffFlaw::Owner { .. })));
    assert!(matches!(diff.verify(&rings[1], &rings[1]), Err(DiffFlaw::Owner { .. })));
    let nothing = Diff::between(&rings[0], &rings[0]);
    assert!(nothing.verify(&rings[0], &rings[1]).is_err());
    assert_eq!((nothing.moved(), nothing.bound()), (0, 0));
}

#[test]
fn a_wrong_diff_of_copies_is_refused() {
    let [nine, ten, eleven] = [9, 10, 11]
        .map(|nodes| Ring::new(Cluster::equal(nodes), Vnodes::each(8), HashFn::default()).unwrap());
    let (two, three) = (Spread::copies(2), Spread::copies(3));
    let diff = CopiesDiff::between((&nine, three), (&ten, three)).unwrap();
    assert_eq!(diff.verify((&nine, three), (&ten, three)), Ok(()));
    for (old, new) in
        [((&nine, three), (&eleven, three)), ((&nine, two), (&ten, three)), ((&ten, three), (&ten, three))]
    {
        assert!(matches!(diff.verify(old, new), Err(DiffFlaw::Copies { .. })));
    }
    let nothing = CopiesDiff::between((&nine, three), (&nine, three)).unwrap();
    assert_eq!((nothing.moves(), nothing.copied(), nothing.bound()), (&[][..], 0, 0));
    assert!(nothing.verify((&nine, three), (&ten, three)).is_err());
    let ten_copies = Spread::copies(10);
    let refused = CopiesDiff::between((&nine, ten_copies), (&ten, ten_copies));
    assert_eq!(refused, Err(Infeasible::Nodes { copies: 10, nodes: 9 }));
}

#[test]
fn slots_ask_the_same_nodes_for_all_of_a_slot() {
    // Two of the nodes weigh too little for a slot, and are asked last.
    let weights = [(1, 1_000_000), (2, 1), (3, 1_000_000), (4, 1)];
    let cluster = Cluster::new(weights.map(|(id, weight)| Node::new(NodeId(id)).weighing(weight))).unwrap();
    let slots = Slots::new(cluster, 5, HashFn::default()).unwrap();
    assert_eq!(slots.counts(), [3, 0, 2, 0]);
    assert_eq!(judges::ranges_tell(&slots), Ok(()));
    let four = Spread::copies(4);
    let diff = CopiesDiff::between((&slots, Spread::copies(3)), (&slots, four)).unwrap();
    assert_eq!(diff.verify((&slots, Spread::copies(3)), (&slots, four)), Ok(()));
    assert_eq!((diff.copied(), diff.excess()), (CIRCLE, 0));
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let drained = Cluster::new([Node::new(NodeId(1)).draining(), Node::new(NodeId(2)).weighing(0)]).unwrap();
    for algorithm in [
        Algorithm::Ring(Vnodes::default()),
        Algorithm::MultiProbe(Vnodes::each(1), 21),
        Algorithm::Rendezvous,
        Algorithm::Jump,
        Algorithm::JumpBack,
        Algorithm::Maglev(251),
        Algorithm::Anchor(4),
        Algorithm::Memento,
        Algorithm::Dx(4),
        Algorithm::Straw2,
        Algorithm::Slots(16),
    ] {
        let refused = Config::new(algorithm, HashFn::default()).place(drained.clone());
        assert_eq!(refused.unwrap_err(), PlacementError::Nobody, "{algorithm}");
    }
    let twice = Cluster::new([Node::new(NodeId(1)), Node::new(NodeId(1))]);
    assert_eq!(twice, Err(ClusterError::Twice { id: NodeId(1) }));
    let heavy = [1, 2].map(|id| Node::new(NodeId(id)).weighing(u64::MAX));
    assert!(matches!(Cluster::new(heavy), Err(ClusterError::Overweight { .. })));
    let one = Cluster::new([Node::new(NodeId(1)).weighing(u64::MAX)]).unwrap();
    let huge = Ring::new(one.clone(), Vnodes::default(), HashFn::default());
    assert!(matches!(huge, Err(PlacementError::TooLarge { .. })));
    // The same weight in another unit is fine, for everybody.
    assert!(Ring::new(one.clone(), Vnodes::each(160).per(u64::MAX), HashFn::default()).is_ok());
    assert_eq!(Slots::new(one.clone(), 16, HashFn::default()).unwrap().counts(), [16]);
    assert!(Maglev::new(one.clone(), 251, HashFn::default()).is_ok());
    assert!(Rendezvous::new(one, HashFn::default()).is_ok());
    let maglev = |size| Maglev::new(Cluster::equal(10), size, HashFn::default()).unwrap_err();
    assert_eq!(maglev(100), PlacementError::NotPrime { size: 100 });
    assert!(matches!(maglev(7), PlacementError::TooSmall { .. }));
    let unequal = Cluster::equal(3).changed(Node::new(NodeId(2)).weighing(2)).unwrap();
    assert!(matches!(JumpBack::new(unequal, HashFn::default()), Err(PlacementError::Weighted { .. })));
}

#[test]
fn a_tiny_weight_is_not_no_weight() {
    let cluster = Cluster::equal(3).changed(Node::new(NodeId(3)).weighing(0)).unwrap();
    let cluster = cluster
        .changed(Node::new(NodeId(1)).weighing(1_000_000))
        .and_then(|cluster| cluster.changed(Node::new(NodeId(2)).weighing(1)))
        .unwrap();
    let ring = Ring::new(cluster, Vnodes::each(160).per(1_000_000), HashFn::default()).unwrap();
    assert_eq!(ring.len(), 161);
    assert!(ring.owners(0, Spread::copies(2)).is_ok_and(|owners| owners.count() == 2));
}
