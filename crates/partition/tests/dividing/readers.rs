//! What comes from files: read back as written, and nothing that it says makes anything panic.

use proptest::prelude::*;
use synod_core::NodeId;
use synod_hashring::{Cluster, HashFn, Node};
use synod_partition::handoff::handovers;
use synod_partition::{
    Balance, Entry, Limits, Partition, PartitionId, PartitionMap, Plan, Replication, Request, Router, Scheme,
    Step, audit, verify,
};

fn request() -> Request {
    let nodes = (1..=5).map(|id| Node::new(NodeId(id)).weighing(id).within(["a", "b", "c"][id as usize % 3]));
    let partitions = (0..20).map(|id| Partition::new(id).sized(id).owned([1, 2]).grouped(id as u32 % 2));
    let cluster = Cluster::new(nodes).unwrap();
    Request::new(cluster, partitions, Replication::new(2).across(2)).unwrap()
}

#[test]
fn requests_plans_and_steps_are_read_as_they_were_written() {
    let request = request().balance(Balance::Within { ppm: 100_000 });
    let text = serde_json::to_string(&request).unwrap();
    let again: Request = serde_json::from_str(&text).unwrap();
    assert_eq!(again, request);
    let plan = again.plan().unwrap();
    let read: Plan = serde_json::from_str(&serde_json::to_string_pretty(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
    assert!(verify(&request, &read.assignment, &read.certificate).unwrap().is_optimal());
    let steps = plan.steps(&request, &Limits::default());
    let read: Vec<Step> = serde_json::from_str(&serde_json::to_string(&steps).unwrap()).unwrap();
    assert_eq!(read, steps);
    let mut map = PartitionMap::default();
    plan.assignment.iter().for_each(|(id, owners)| {
        map.set(id, owners.iter().copied()).unwrap();
    });
    let read: PartitionMap = serde_json::from_str(&serde_json::to_string(&map).unwrap()).unwrap();
    assert_eq!(read, map);
}

#[test]
fn a_request_that_cannot_be_is_refused_when_it_is_read() {
    let text = serde_json::to_string(&request()).unwrap();
    assert!(text.contains("\"copies\":2"));
    for (from, to) in [
        ("\"copies\":2", "\"copies\":0"),
        ("\"copies\":2", "\"copies\":200"),
        ("\"zones\":2", "\"zones\":9"),
        ("\"per_zone\":2", "\"per_zone\":0"),
        ("\"size\":19", "\"size\":18446744073709551615"),
    ] {
        assert!(serde_json::from_str::<Request>(&text).is_ok());
        let forged = text.replace(from, to);
        assert_ne!(forged, text);
        assert!(serde_json::from_str::<Request>(&forged).is_err(), "{to}");
    }
}

/// Numbers that are where mistakes are.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..6_u64, 1 => Just(u64::MAX), 1 => Just(1 << 40), 1 => any::<u64>(), 1 => Just(u64::from(u32::MAX))]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    /// Well-formed JSON with any content: whatever is read can be planned, or is refused with an error.
    #[test]
    fn any_description_is_planned_or_refused(
        nodes in prop::collection::vec((0..6_u64, number(), 0..4_u8, any::<bool>()), 0..6),
        partitions in prop::collection::vec((number(), number(), 0..3_u32, prop::collection::vec(0..8_u64, 0..4)), 0..8),
        spread in (0..5_u8, 0..5_u8, 0..5_u8, 0..6_u8),
        balance in 0..5_u8,
        numbers in (number(), number(), number()),
    ) {
        let nodes: Vec<_> = nodes
            .iter()
            .map(|(id, weight, zone, draining)| format!("{{\"id\":{id},\"weight\":{weight},\"zone\":\"z{zone}/r\",\"draining\":{draining}}}"))
            .collect();
        let partitions: Vec<_> = partitions
            .iter()
            .map(|(id, size, group, owners)| format!("{{\"id\":{id},\"size\":{size},\"group\":{group},\"owners\":{owners:?}}}"))
            .collect();
        let (a, b, c) = numbers;
        let balance = match balance {
            0 => "\"Even\"".to_owned(),
            1 => "\"Usable\"".to_owned(),
            2 => format!("{{\"Within\":{{\"ppm\":{}}}}}", a % (1 << 32)),
            _ => format!("{{\"Quotas\":{{\"1\":[{a},{b}],\"2\":[{b},{c}]}}}}"),
        };
        let (copies, zones, per_zone, level) = spread;
        let text = format!(
            "{{\"cluster\":[{}],\"partitions\":[{}],\"spread\":{{\"copies\":{copies},\"zones\":{zones},\"per_zone\":{per_zone},\"level\":{level}}},\"balance\":{balance},\"move_cost\":{c}}}",
            nodes.join(","), partitions.join(","),
        );
        if let Ok(request) = serde_json::from_str::<Request>(&text)
            && let Ok(plan) = request.plan()
        {
            let proof = verify(&request, &plan.assignment, &plan.certificate).unwrap();
            prop_assert!(proof.is_optimal(), "{}", text);
            let _ = (request.partition_size_max(), plan.steps(&request, &Limits::default()));
        }
    }

    /// True descriptions with some bytes changed, cut off or doubled, and bytes of any kind: they are refused, or all that is done with what
    /// was read ends with an answer.
    #[test]
    fn damaged_descriptions_do_no_harm(
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), b'0'..=b'9', Just(b'-')]), 0..6),
        (from, to) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        shape in 0..3_u8,
        noise in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let damage = |mut bytes: Vec<u8>| {
            for (at, byte) in &edits {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            match shape {
                1 => bytes.truncate(from),
                2 if from < to => bytes.extend_from_within(from..to),
                _ => {}
            }
            bytes
        };
        let sound = request();
        let plan = sound.plan().unwrap();
        for bytes in [damage(serde_json::to_vec(&sound).unwrap()), noise.clone()] {
            if let Ok(request) = serde_json::from_slice::<Request>(&bytes) {
                let _ = (request.plan(), verify(&request, &plan.assignment, &plan.certificate));
            }
        }
        for bytes in [damage(serde_json::to_vec(&plan).unwrap()), noise.clone()] {
            if let Ok(read) = serde_json::from_slice::<Plan>(&bytes) {
                let steps = read.steps(&sound, &Limits::default());
                let _ = (verify(&sound, &read.assignment, &read.certificate), audit(&sound, &read, &steps, &Limits::default()));
                let _ = (read.resume(&plan.assignment), handovers(&read, &plan.assignment, &steps), read.to_string());
            }
        }
        let owned = |id| (PartitionId(id), Entry { epoch: 1 + id, owners: vec![NodeId(id)], span: None });
        let mut map = Router::new(Scheme::Slots(4, HashFn::default()), PartitionMap::new((0..4).map(owned)).unwrap());
        map.split(PartitionId(2), &[0x90; 8], PartitionId(9)).unwrap();
        for bytes in [damage(serde_json::to_vec(map.map()).unwrap()), noise] {
            if let Ok(read) = serde_json::from_slice::<PartitionMap>(&bytes) {
                let mut router = map.clone();
                router.merge(&read);
                for id in [0, 2, 9] {
                    let _ = (router.set(PartitionId(id), [NodeId(7)]), router.unite(PartitionId(2), PartitionId(id)));
                    let _ = router.split(PartitionId(id), &[0xa0; 8], PartitionId(100 + id));
                }
                for key in 0..20_u8 {
                    let route = router.route(&[key]);
                    let _ = router.check(&[key], route.partition, route.epoch, NodeId(1));
                }
            }
        }
    }
}
