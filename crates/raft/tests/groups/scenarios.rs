//! What hibernation has broken elsewhere, acted out. Each says what is wrong, so that the planted bugs can be tried on it.

use super::world::{A, B, C, D, World};
use synod_core::{Input, Link};
use synod_raft::groups::{Birth, Command, Event, GroupId, Letter, Settings};
use synod_raft::{Command as Ask, Message as Raft, ReadMode, Step};

pub(crate) type Outcome = Result<(), String>;

/// A name, and what is acted out under it.
pub(crate) type Scenario = (&'static str, fn() -> Outcome);

/// All of them, by name.
pub(crate) const ALL: [Scenario; 19] = [
    ("nobody_campaigns_because_the_rest_rests", nobody_campaigns_because_the_rest_rests),
    ("nobody_rests_before_all_have_agreed", nobody_rests_before_all_have_agreed),
    ("a_proposal_that_is_lost_is_sent_again", a_proposal_that_is_lost_is_sent_again),
    ("a_dead_node_is_missed_by_all_that_rest_under_it", a_dead_node_is_missed_by_all_that_rest_under_it),
    ("a_candidate_wakes_its_voters", a_candidate_wakes_its_voters),
    ("who_comes_back_is_brought_up_to_date", who_comes_back_is_brought_up_to_date),
    ("a_group_rests_without_a_node_that_is_away", a_group_rests_without_a_node_that_is_away),
    (
        "nobody_rests_before_everything_is_committed_and_known",
        nobody_rests_before_everything_is_committed_and_known,
    ),
    ("a_link_that_flaps_wakes_nobody", a_link_that_flaps_wakes_nobody),
    ("who_wakes_gives_everybody_time_to_answer", who_wakes_gives_everybody_time_to_answer),
    ("a_lease_does_not_outlast_the_rest", a_lease_does_not_outlast_the_rest),
    (
        "who_rests_under_a_group_that_was_removed_finds_out",
        who_rests_under_a_group_that_was_removed_finds_out,
    ),
    ("a_read_at_a_follower_wakes_the_leader", a_read_at_a_follower_wakes_the_leader),
    ("one_cut_link_does_not_unseat_a_leader_that_rests", one_cut_link_does_not_unseat_a_leader_that_rests),
    ("groups_do_not_mix", groups_do_not_mix),
    ("a_removed_group_stays_removed", a_removed_group_stays_removed),
    (
        "a_group_of_the_same_name_has_none_of_the_old_records",
        a_group_of_the_same_name_has_none_of_the_old_records,
    ),
    ("no_letter_leaves_before_what_it_promises", no_letter_leaves_before_what_it_promises),
    ("nothing_is_told_before_it_is_durable", nothing_is_told_before_it_is_durable),
];

const G: GroupId = GroupId(1);

fn ensure(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn plain(_: &mut Settings) {}

fn is_pre_vote(message: &Raft) -> bool {
    matches!(message, Raft::PreVote { .. })
}

/// Nine groups rest, and for ten seconds nothing but signs of life and questions is sent: no term, no leader changes.
pub(crate) fn nobody_campaigns_because_the_rest_rests() -> Outcome {
    let mut world = World::at_rest(3, 9, plain)?;
    let terms = |world: &World| -> Vec<_> {
        world
            .up()
            .flat_map(|(_, node)| {
                node.groups().map(|(_, raft)| (raft.term(), raft.leader())).collect::<Vec<_>>()
            })
            .collect()
    };
    let before = terms(&world);
    world.run(10_000);
    ensure(world.all_rest(), "everybody rests on")?;
    ensure(terms(&world) == before, "nothing changes")?;
    ensure(world.letters(|_| true) == 0, "the groups say nothing")?;
    // Six directions, one message for each 100 ms.
    ensure(world.sent.len() <= 6 * 101, "a sign of life for each pair and interval")
}

/// The request to rest does not reach one of the followers for a while: nobody rests without it, or it would campaign.
pub(crate) fn nobody_rests_before_all_have_agreed() -> Outcome {
    let mut world = World::new(3, 1, plain);
    world.lose = |from, to, message| {
        to.0 == from.0 % 3 + 1 && message.letters.iter().any(|(_, letter)| matches!(letter, Letter::Rest(_)))
    };
    world.until(2_000, "there is a leader", |world| world.leader(G).is_some())?;
    // Ten heartbeats, and some in which it asks in vain.
    for _ in 0..500 {
        world.run(1);
        let leads = world.leader(G).is_some_and(|leader| world.node(leader).rests(G));
        ensure(!leads, "the leader does not rest before all have agreed")?;
    }
    world.lose = |_, _, _| false;
    world.until(2_000, "all rest when they can agree", World::all_rest)
}

/// A proposal whose messages are lost must be sent again: the leader has to wake for it.
pub(crate) fn a_proposal_that_is_lost_is_sent_again() -> Outcome {
    let mut world = World::at_rest(3, 1, plain)?;
    let leader = world.leader_of(G)?;
    world.isolate(leader);
    world.propose(G, b"x")?;
    world.run(20);
    world.cut.clear();
    world.until(1_000, "all have it", |world| [A, B, C].iter().all(|id| world.applied(*id, G) == [b"x"]))?;
    ensure(world.leader(G) == Some(leader), "under the same leader")?;
    world.until(2_000, "all rest again", World::all_rest)
}

/// A node dies that leads some of the groups that rest.
pub(crate) fn a_dead_node_is_missed_by_all_that_rest_under_it() -> Outcome {
    let mut world = World::at_rest(3, 12, plain)?;
    let groups = || (1..=12).map(GroupId);
    let dead = world.leader_of(G)?;
    world.crash(dead);
    world.until(3_000, "all have leaders", |world| groups().all(|group| world.leader(group).is_some()))?;
    for group in groups() {
        world.propose(group, b"x")?;
    }
    world.until(1_000, "they work", |world| {
        groups().all(|group| world.up().all(|(id, _)| world.applied(id, group) == [b"x"]))
    })
}

/// One voter notices that the leader is gone, the other would not for a minute: it must vote all the same.
pub(crate) fn a_candidate_wakes_its_voters() -> Outcome {
    fn set(settings: &mut Settings) {
        if settings.raft.id == C {
            settings.suspect_after = core::time::Duration::from_secs(60);
        }
    }
    let mut world = World::at_rest(3, 9, set)?;
    let group = (1..=9).map(GroupId).find(|group| world.leader(*group) == Some(A)).ok_or("A leads one")?;
    world.crash(A);
    world.until(4_000, "there is a leader", |world| world.leader(group).is_some())
}

/// A learner is cut off, and the group goes on, and rests without it. A learner does not campaign: when it comes back, its
/// leader must know by itself.
pub(crate) fn who_comes_back_is_brought_up_to_date() -> Outcome {
    let mut world = World::at_rest(4, 1, plain)?;
    world.command(D, Command::Create { group: G, birth: Birth::Joining });
    let leader = world.leader_of(G)?;
    world.ask(leader, G, Ask::ChangeMembership { token: 2, change: Step::AddLearner(D).into() });
    world.run(100);
    world.until(3_000, "all rest, the learner too", World::all_rest)?;
    world.isolate(D);
    world.run(1_000);
    world.propose(G, b"x")?;
    world.run(100);
    world.until(3_000, "the voters rest without the learner", |world| {
        [A, B, C].iter().all(|id| world.node(*id).rests(G))
    })?;
    world.cut.clear();
    world.until(2_000, "the learner gets what it has missed", |world| world.applied(D, G) == [b"x"])
}

/// A node is away for long: its groups rest without it.
pub(crate) fn a_group_rests_without_a_node_that_is_away() -> Outcome {
    let mut world = World::at_rest(3, 6, plain)?;
    world.crash(C);
    world.run(3_000);
    world.until(3_000, "the others rest", World::all_rest)?;
    world.sent.clear();
    world.run(1_000);
    ensure(world.letters(|_| true) == 0, "the groups say nothing")?;
    // And a quorum must be there: alone, nobody rests.
    let leader = world.leader_of(G)?;
    let other = if leader == A { B } else { A };
    world.crash(other);
    world.propose(G, b"x")?;
    world.run(3_000);
    ensure(world.up().all(|(_, node)| !node.rests(G)), "without a quorum nobody rests")?;
    world.restart(C)?;
    world.restart(other)?;
    world.until(3_000, "all rest again", World::all_rest)
}

/// Nobody ever rests with something in flight, uncommitted, unknown or not durable.
pub(crate) fn nobody_rests_before_everything_is_committed_and_known() -> Outcome {
    let mut world = World::new(3, 3, plain);
    world.lose = |from, to, message| (from.0 * 7 + to.0 * 3 + message.letters.len() as u64).is_multiple_of(4);
    for round in 0..3_000_u64 {
        if round.is_multiple_of(700) {
            for group in (1..=3).map(GroupId) {
                if world.leader(group).is_some() {
                    world.propose(group, b"x")?;
                }
            }
        }
        world.run(1);
        for (id, node) in world.up() {
            for (group, raft) in node.groups().filter(|(group, _)| node.rests(*group)) {
                ensure(
                    raft.commit_index() == raft.last_index(),
                    &format!("{id} rests in {group} with all committed"),
                )?;
            }
        }
    }
    Ok(())
}

/// The transport says that links break and come back: nobody wakes, and no books are changed in the sleep.
pub(crate) fn a_link_that_flaps_wakes_nobody() -> Outcome {
    let mut world = World::at_rest(3, 6, plain)?;
    for link in [Link::Down, Link::Up { version: 1 }, Link::Congested, Link::Down, Link::Up { version: 1 }] {
        for (id, peer) in [(A, B), (A, C), (B, A), (B, C), (C, A), (C, B)] {
            world.bench(id).input(Input::Link(peer, link));
        }
        world.run(50);
    }
    ensure(world.all_rest() && world.letters(|_| true) == 0, "nobody wakes")
}

/// Answers take longer than the shortest election timeout when a leader wakes that has heard nobody for long.
pub(crate) fn who_wakes_gives_everybody_time_to_answer() -> Outcome {
    let mut world = World::at_rest(3, 1, plain)?;
    world.run(5_000);
    let (leader, term) = (world.leader_of(G)?, world.term(A, G));
    world.delay = 80;
    world.propose(G, b"x")?;
    world.until(1_000, "all have it", |world| [A, B, C].iter().all(|id| world.applied(*id, G) == [b"x"]))?;
    ensure(world.leader(G) == Some(leader), "the leader stays")?;
    ensure(world.term(A, G) == term, "and so does its term")
}

/// A leader rests, is cut off, and replaced. It must not serve a read by a lease that it had before, or believes to have again.
pub(crate) fn a_lease_does_not_outlast_the_rest() -> Outcome {
    let mut world = World::at_rest(3, 1, |settings| settings.raft.leases = true)?;
    let old = world.leader_of(G)?;
    world.isolate(old);
    world.until(4_000, "another leads", |world| world.leader(G) != Some(old))?;
    world.propose(G, b"x")?;
    world.until(1_000, "and commits", |world| {
        world.leader(G).is_some_and(|leader| world.applied(leader, G) == [b"x"])
    })?;
    ensure(world.node(old).rests(G), "the old leader still rests")?;
    world.ask(old, G, Ask::Read { token: 9, mode: ReadMode::Lease });
    world.run(1_000);
    let served = world.told.iter().any(|(id, event)| {
        *id == old
            && matches!(event, Event::Raft { event: synod_raft::Event::ReadReady { token: 9, .. }, .. })
    });
    ensure(!served, "nothing stale is read")
}

/// The node of the leader lives, and has removed the group.
pub(crate) fn who_rests_under_a_group_that_was_removed_finds_out() -> Outcome {
    let mut world = World::at_rest(3, 20, plain)?;
    let old = world.leader_of(G)?;
    world.command(old, Command::Remove { group: G });
    world.until(4_000, "another leads", |world| world.leader(G).is_some_and(|leader| leader != old))
}

/// A reader at a follower wakes the leader, and is served.
pub(crate) fn a_read_at_a_follower_wakes_the_leader() -> Outcome {
    let mut world = World::at_rest(3, 1, plain)?;
    let leader = world.leader_of(G)?;
    let reader = if leader == A { B } else { A };
    world.ask(reader, G, Ask::Read { token: 9, mode: ReadMode::Index });
    world.until(200, "it is served", |world| {
        world.told.iter().any(|(id, event)| {
            *id == reader
                && matches!(event, Event::Raft { event: synod_raft::Event::ReadReady { token: 9, .. }, .. })
        })
    })?;
    ensure(world.letters(is_pre_vote) == 0, "nobody campaigns")
}

/// One link is cut between a follower and the leader of groups that rest: the leader stays, for the other follower is woken by the
/// first, and wakes the leader.
pub(crate) fn one_cut_link_does_not_unseat_a_leader_that_rests() -> Outcome {
    let mut world = World::at_rest(3, 9, plain)?;
    let group = (1..=9).map(GroupId).find(|group| world.leader(*group) == Some(A)).ok_or("A leads one")?;
    let term = world.term(A, group);
    world.cut.extend([(A, B), (B, A)]);
    world.run(5_000);
    ensure(world.leader(group) == Some(A), "A leads")?;
    ensure(world.term(A, group) == term, "in the same term")?;
    world.cut.clear();
    world.until(3_000, "all rest again", World::all_rest)
}

/// Each group has its own order, on every node, and leaders of its own.
pub(crate) fn groups_do_not_mix() -> Outcome {
    let mut world = World::new(3, 4, plain);
    let groups: Vec<GroupId> = (1..=4).map(GroupId).collect();
    world.until(2_000, "leaders", |world| groups.iter().all(|group| world.leader(*group).is_some()))?;
    let words: [&'static [u8]; 4] = [b"one", b"two", b"three", b"four"];
    for (group, word) in groups.iter().zip(words) {
        world.propose(*group, word)?;
    }
    world.run(300);
    for (group, word) in groups.iter().zip(words) {
        for id in [A, B, C] {
            let applied = world.applied(id, *group);
            ensure(applied == [word], &format!("{id} has {word:?} in {group}: {applied:?}"))?;
        }
    }
    let illegal =
        |event: &Event| matches!(event, Event::Raft { event: synod_raft::Event::Illegal { .. }, .. });
    ensure(!world.told.iter().any(|(_, event)| illegal(event)), "nothing illegal is said")
}

/// A removed group stays removed, over a restart.
pub(crate) fn a_removed_group_stays_removed() -> Outcome {
    let mut world = World::new(3, 2, plain);
    world.run(500);
    world.command(A, Command::Remove { group: G });
    world.run(5);
    world.crash(A);
    world.restart(A)?;
    ensure(world.node(A).group(G).is_none(), "it is gone")?;
    ensure(world.node(A).group(GroupId(2)).is_some(), "and only it")?;
    world.command(A, Command::Create { group: G, birth: Birth::founding([A, B, C]) });
    ensure(world.node(A).group(G).is_none(), "who has forgotten what it promised founds nothing")
}

/// The record of a removal rots, and a group of the same name was created after it.
pub(crate) fn a_group_of_the_same_name_has_none_of_the_old_records() -> Outcome {
    // The first group, which does nothing, keeps the log from being cut.
    let (mut world, group) = (World::new(3, 2, plain), GroupId(2));
    world.until(2_000, "a leader", |world| world.leader(group).is_some())?;
    world.propose(group, b"x")?;
    world.run(100);
    world.isolate(A);
    world.run(5);
    world.command(A, Command::Remove { group });
    let removal = synod_core::host::Log::end(&world.bench(A).log);
    world.run(5);
    world.command(A, Command::Create { group, birth: Birth::Rejoining });
    world.run(5);
    world.crash(A);
    world.rot(A, removal);
    world.restart(A)?;
    let raft = world.node(A).group(group).ok_or("it is there")?;
    ensure(raft.last_index().0 == 0 && raft.voted_for().is_none(), "and knows nothing")
}

/// A follower's acknowledgement waits for its disk.
pub(crate) fn no_letter_leaves_before_what_it_promises() -> Outcome {
    let mut world = World::new(3, 1, plain);
    world.until(2_000, "a leader", |world| world.leader(G).is_some())?;
    world.run(50);
    let leader = world.leader_of(G)?;
    let follower = if leader == A { B } else { A };
    let append = {
        world.propose(G, b"x")?;
        let outputs = world.bench(leader).take();
        let to_follower = outputs.into_iter().find_map(|output| match output {
            synod_core::testing::Output::Send { to, message, .. } if to == follower => Some(message),
            _ => None,
        });
        to_follower.ok_or("the leader sends it")?
    };
    let bench = world.bench(follower);
    bench.take();
    bench.input(Input::Message(leader, append));
    let promises = |outputs: Vec<synod_core::testing::Output<_>>| {
        outputs.into_iter().any(|output| match output {
            synod_core::testing::Output::Send { message, .. } => {
                let message: synod_raft::groups::Message = message;
                message
                    .letters
                    .iter()
                    .any(|(_, letter)| matches!(letter, Letter::Raft(Raft::Appended { .. })))
            }
            _ => false,
        })
    };
    ensure(!promises(bench.take()), "nothing is promised before the sync")?;
    bench.sync().map_err(|error| error.to_string())?;
    ensure(promises(bench.take()), "and it is after it")
}

/// That a group is there, or is gone, is told when the disk knows it.
pub(crate) fn nothing_is_told_before_it_is_durable() -> Outcome {
    let mut world = World::new(3, 1, plain);
    world.run(10);
    let told = |outputs: Vec<synod_core::testing::Output<_>>, event: Event| {
        outputs.into_iter().any(|output| {
            output == synod_core::testing::Output::<synod_raft::groups::Groups>::Event(event.clone())
        })
    };
    let group = GroupId(2);
    for (command, event) in [
        (Command::Create { group, birth: Birth::founding([A, B, C]) }, Event::Created { group }),
        (Command::Remove { group }, Event::Removed { group }),
    ] {
        let bench = world.bench(A);
        bench.take();
        bench.input(Input::Command(command));
        ensure(!told(bench.take(), event.clone()), "nothing is told before the sync")?;
        bench.sync().map_err(|error| error.to_string())?;
        ensure(told(bench.take(), event), "and it is after it")?;
    }
    Ok(())
}
