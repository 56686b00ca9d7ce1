//! The laws of quorums, against definitions that try all subsets.
#![cfg(test)]

use proptest::prelude::*;
use synod_quorum::{MeetError, Outcome, Quorums, QuorumsError, Rule, RuleError};

/// The members of all rules here; few, so that all subsets and pairs of them can be tried.
const MEMBERS: u8 = 7;

/// A rule beside its definition: what it would be if it were written down as a predicate on sets.
#[derive(Clone, Debug)]
enum Plain {
    One(u8),
    Weighted(u64, Vec<(u64, Self)>),
}

impl Plain {
    fn holds(&self, set: u8) -> bool {
        match self {
            Self::One(member) => set >> member & 1 == 1,
            Self::Weighted(need, parts) => {
                let there = parts.iter().filter(|(_, part)| part.holds(set));
                there.map(|(weight, _)| weight).sum::<u64>() >= *need
            }
        }
    }
}

fn subset(members: &[u8]) -> u8 {
    members.iter().fold(0, |set, member| set | 1 << member)
}

fn listed(set: u8) -> Vec<u8> {
    (0..MEMBERS).filter(|member| set >> member & 1 == 1).collect()
}

fn all_sets() -> impl Iterator<Item = u8> + Clone {
    0..1 << MEMBERS
}

fn flat() -> impl Strategy<Value = (Rule<u8>, Plain)> {
    let members = prop::sample::subsequence((0..MEMBERS).collect::<Vec<_>>(), 1..=usize::from(MEMBERS));
    let weighted = members.prop_flat_map(|members| {
        let weights = prop::collection::vec(0..4_u64, members.len());
        (Just(members), weights, any::<prop::sample::Index>())
    });
    weighted.prop_map(|(members, mut weights, need)| {
        if weights.iter().all(|weight| *weight == 0) {
            weights[0] = 1;
        }
        let need = 1 + need.index(weights.iter().sum::<u64>() as usize) as u64;
        let pairs: Vec<_> = members.into_iter().zip(weights).collect();
        let plain = pairs.iter().map(|(member, weight)| (*weight, Plain::One(*member))).collect();
        (Rule::weighted(need, pairs).unwrap(), Plain::Weighted(need, plain))
    })
}

/// Flat rules, and rules of rules.
fn rule() -> impl Strategy<Value = (Rule<u8>, Plain)> {
    let nested =
        (prop::collection::vec(flat(), 1..4), any::<prop::sample::Index>()).prop_map(|(parts, need)| {
            let need = 1 + need.index(parts.len());
            let (rules, plains): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            let plain = Plain::Weighted(need as u64, plains.into_iter().map(|part| (1, part)).collect());
            (Rule::of(need, rules).unwrap(), plain)
        });
    prop_oneof![2 => flat(), 3 => nested, 1 => (0..MEMBERS).prop_map(|one| (Rule::one(one), Plain::One(one)))]
}

/// Whether every pair of quorums shares a member, by trying all pairs.
fn all_pairs_meet(one: &Plain, other: &Plain) -> bool {
    all_sets().filter(|a| one.holds(*a)).all(|a| all_sets().filter(|b| other.holds(*b)).all(|b| a & b != 0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_rule_is_its_definition((rule, plain) in rule()) {
        for set in all_sets() {
            prop_assert_eq!(rule.is_quorum(&listed(set)), plain.holds(set), "{:?}", listed(set));
            prop_assert_eq!(rule.map(|member| 100 + u32::from(member)).is_met(|who| set >> (who - 100) & 1 == 1), plain.holds(set));
        }
    }

    #[test]
    fn reached_is_the_greatest_value_that_a_quorum_has(
        (rule, plain) in rule(), values in prop::collection::vec(0..6_u64, usize::from(MEMBERS)),
    ) {
        let with = |value| (0..MEMBERS).filter(|member| values[usize::from(*member)] >= value).collect::<Vec<_>>();
        let expected = (0..6).rev().find(|value| plain.holds(subset(&with(*value)))).unwrap();
        prop_assert_eq!(rule.reached(|member| values[usize::from(member)]), expected);
        for floor in values.iter().copied().chain([0]) {
            let beyond = rule.reached_beyond(floor, |member| values[usize::from(member)]);
            prop_assert_eq!(beyond, Some(expected).filter(|reached| *reached > floor));
        }
    }

    #[test]
    fn rules_meet_exactly_if_every_pair_of_their_quorums_does((one, a) in rule(), (other, b) in rule()) {
        match one.meets(&other) {
            Ok(()) => prop_assert!(all_pairs_meet(&a, &b)),
            Err(MeetError::Apart { one, other }) => {
                let (one, other) = (subset(&one), subset(&other));
                prop_assert!(a.holds(one) && b.holds(other) && one & other == 0);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
        // Of equal structure, where there is a shorter way to see it.
        prop_assert_eq!(one.meets(&one).is_ok(), all_pairs_meet(&a, &a));
        prop_assert_eq!(one.meets(&other).is_ok(), other.meets(&one).is_ok());
        prop_assert_eq!(Quorums::new(one, other).is_ok(), all_pairs_meet(&a, &b));
    }

    #[test]
    fn joint_quorums_meet_both_halves(rules in prop::collection::vec(rule(), 4..=4)) {
        let plain: Vec<_> = rules.iter().map(|(_, plain)| plain.clone()).collect();
        let [old, new] = [0, 2].map(|at| Quorums::new(rules[at].0.clone(), rules[at + 1].0.clone()));
        if let (Ok(old), Ok(new)) = (old, new) {
            let joint = old.joint(&new).unwrap();
            let both = |a: usize, b: usize| Plain::Weighted(2, vec![(1, plain[a].clone()), (1, plain[b].clone())]);
            let (elect, commit) = (both(0, 2), both(1, 3));
            for set in all_sets() {
                prop_assert_eq!(joint.elect().is_quorum(&listed(set)), elect.holds(set));
                prop_assert_eq!(joint.commit().is_quorum(&listed(set)), commit.holds(set));
            }
            // Before, during and after the change, no election misses a commit of a neighbouring stage.
            for (a, b) in [(&elect, &plain[1]), (&elect, &plain[3]), (&elect, &commit), (&plain[0], &commit), (&plain[2], &commit)] {
                prop_assert!(all_pairs_meet(a, b));
            }
        }
    }

    #[test]
    fn a_vote_is_lost_when_the_rest_cannot_win((rule, plain) in rule(), yes in 0..1_u8 << MEMBERS, no in 0..1_u8 << MEMBERS) {
        let no = no & !yes;
        let said = |member: u8| match (yes >> member & 1, no >> member & 1) {
            (1, _) => Some(true),
            (_, 1) => Some(false),
            _ => None,
        };
        let open = !(yes | no) & ((1 << MEMBERS) - 1);
        let winnable = all_sets().filter(|more| more & !open == 0).any(|more| plain.holds(yes | more));
        let expected = if plain.holds(yes) { Outcome::Won } else if winnable { Outcome::Open } else { Outcome::Lost };
        prop_assert_eq!(rule.outcome(said), expected);
    }

    #[test]
    fn what_is_left_is_minimal_and_complete((rule, plain) in rule(), dead in 0..1_u8 << MEMBERS) {
        let minimal = |set: &u8| plain.holds(*set) && listed(*set).iter().all(|one| !plain.holds(set & !(1 << one)));
        let expected: Vec<u8> = all_sets().filter(|set| set & dead == 0).filter(minimal).collect();
        let found = rule.minimal_quorums(|member| dead >> member & 1 == 0).unwrap();
        prop_assert!(found.is_sorted_by_key(Vec::len), "the smallest first");
        let mut sets: Vec<u8> = found.iter().map(|quorum| subset(quorum)).collect();
        sets.sort_unstable();
        prop_assert_eq!(sets, expected);

        let survives = |failures: u32| all_sets().filter(|set| set.count_ones() == failures)
            .all(|lost| plain.holds(!lost & ((1 << MEMBERS) - 1)));
        let expected = (0..=u32::from(MEMBERS)).rev().find(|failures| (0..=*failures).all(survives)).unwrap();
        prop_assert_eq!(rule.failures_survived().unwrap(), expected as usize);
    }

    #[test]
    fn the_dual_is_what_blocks((rule, plain) in rule()) {
        let dual = rule.dual();
        for set in all_sets() {
            let blocks = all_sets().filter(|quorum| plain.holds(*quorum)).all(|quorum| quorum & set != 0);
            prop_assert_eq!(dual.is_quorum(&listed(set)), blocks);
        }
        prop_assert_eq!(dual.dual(), rule);
    }
}

#[test]
fn large_rules_are_seen_through() {
    let majority = |of: core::ops::Range<u32>| Rule::majority(of).unwrap();
    assert_eq!(Quorums::same(majority(0..1001)).map(|_| ()), Ok(()));
    let hierarchy = Rule::of(5, (0..9).map(|site| majority(site * 9..site * 9 + 9))).unwrap();
    assert_eq!(hierarchy.meets(&hierarchy), Ok(()), "81 members, of which 25 are enough");
    let joint = Rule::all([majority(0..101), majority(50..151)]).unwrap();
    assert_eq!(joint.meets(&majority(0..101)), Ok(()));
    // Beyond the search: it says that it does not know.
    assert_eq!(majority(0..101).meets(&majority(1..102)), Err(MeetError::Unknown));
    // A part of more than sixteen is sorted elsewhere than on the stack.
    assert_eq!(majority(0..101).reached(|member| member), 50);
}

#[test]
fn impossible_rules_are_refused() {
    assert_eq!(Rule::<u8>::majority([]), Err(RuleError::Empty));
    assert_eq!(Rule::<u8>::all([]), Err(RuleError::Empty));
    assert_eq!(Rule::majority([1, 2, 1]), Err(RuleError::Duplicate));
    assert_eq!(Rule::at_least(0, [1, 2]), Err(RuleError::Threshold { need: 0, total: 2 }));
    assert_eq!(Rule::at_least(3, [1, 2]), Err(RuleError::Threshold { need: 3, total: 2 }));
    assert_eq!(Rule::weighted_majority([(1, 0)]), Err(RuleError::Threshold { need: 1, total: 0 }));
    assert_eq!(Rule::weighted(1, [(1, u64::MAX), (2, 1)]), Err(RuleError::Overflow));
    let mut deep = Rule::one(1);
    let refused = core::iter::from_fn(|| {
        Rule::any([deep.clone()]).map(|deeper| deep = deeper).map_or_else(Some, |()| Some(RuleError::Empty))
    })
    .find(|error| *error != RuleError::Empty);
    assert_eq!(refused, Some(RuleError::Depth { max: 8 }));
    let apart = MeetError::Apart { one: vec![1, 2], other: vec![3, 4] };
    assert_eq!(Quorums::sizes(1..=4, 2, 2), Err(QuorumsError::Meet(apart)));
}

/// Flexible quorums satisfy Paxos and not yet Raft: two small election quorums could elect two leaders of one term.
#[test]
fn small_election_quorums_meet_commits_but_not_each_other() {
    let quorums = Quorums::sizes(1..=4, 2, 3).unwrap();
    assert!(quorums.one_leader_a_term().is_err());
    assert!(Quorums::sizes(1..=4, 3, 2).unwrap().one_leader_a_term().is_ok());
}

#[test]
fn one_is_a_quorum_of_itself() {
    let quorums = Quorums::majority([9]).unwrap();
    assert!(quorums.elect().is_quorum(&[9]) && !quorums.elect().is_quorum(&[]));
    assert_eq!(quorums.commit().reached(|_| 5), 5);
}
