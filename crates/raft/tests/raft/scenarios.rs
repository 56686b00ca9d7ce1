//! Reports of others, and what was found in the design of this crate, acted out on whole clusters where chance hardly meets them. Each says what
//! is wrong, so that the planted bugs can be tried on it.

use super::cluster::Cluster;
use core::time::Duration;
use synod_core::{Lsn, NodeId};
use synod_raft::{Config, Index, Message, ReadMode, Role, Step, Term, Timer};

pub(crate) type Outcome = Result<(), String>;

/// A name, and what is acted out under it.
pub(crate) type Scenario = (&'static str, fn() -> Outcome);

/// All of them, by name.
pub(crate) const ALL: [Scenario; 5] = [
    ("an_answer_of_an_earlier_term_commits_nothing", an_answer_of_an_earlier_term_commits_nothing),
    ("an_answer_from_an_earlier_life_commits_nothing", an_answer_from_an_earlier_life_commits_nothing),
    (
        "who_has_more_than_its_snapshot_goes_on_with_entries",
        who_has_more_than_its_snapshot_goes_on_with_entries,
    ),
    (
        "a_new_leader_that_got_the_last_entries_in_a_snapshot_waits_as_long",
        a_new_leader_that_got_the_last_entries_in_a_snapshot_waits_as_long,
    ),
    (
        "a_leader_of_an_earlier_term_does_not_make_a_node_whole",
        a_leader_of_an_earlier_term_does_not_make_a_node_whole,
    ),
];

const MS: Duration = Duration::from_millis(1);

fn ensure(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn is_of_census(message: &Message) -> bool {
    matches!(message, Message::HowFar { .. } | Message::SoFar { .. })
}

fn heartbeats(cluster: &mut Cluster, leader: u64) {
    for _ in 0..5 {
        cluster.fire(NodeId(leader), Timer::Heartbeat);
        cluster.stabilize();
    }
}

/// CCF, "ackuracy" (Howard et al. 2025), `openraft` cecb5de8: the answer to entries that their leader has lost in a crash, and replaced in
/// a later term, is long on its way.
pub(crate) fn an_answer_of_an_earlier_term_commits_nothing() -> Outcome {
    let mut cluster = Cluster::with(3, |config| (config.check_quorum, config.pre_vote) = (false, false));
    cluster.campaign(1);
    cluster.stabilize();
    cluster.slow.insert(NodeId(1));
    cluster.isolate(2);
    cluster.propose(1, "lost");
    let entries = cluster.intercept(3);
    for letter in entries {
        cluster.deliver_to(1, 3, letter.message);
    }
    cluster.sync(NodeId(3));
    let all = |message: &Message| matches!(message, Message::Appended { matched: Index(2), .. });
    let late = cluster.intercept(1).into_iter().map(|letter| letter.message).find(all);
    let Some(late) = late else { return Err("node 3 stores what it is sent".to_owned()) };
    cluster.slow.clear();
    cluster.connect(2);
    cluster.isolate(3);
    cluster.restart(1);
    ensure(cluster.raft(1).last_index() == Index(1), "the leader had not stored it")?;
    cluster.campaign(1);
    while cluster.raft(1).role() != Role::Leader {
        cluster.sync_fast();
        if cluster.net.is_empty() {
            return Err("node 2 votes for it".to_owned());
        }
        cluster.deliver(0);
    }
    cluster.isolate(2);
    cluster.stabilize();
    cluster.deliver_to(3, 1, late);
    cluster.stabilize();
    ensure(cluster.committed(1) <= 1, "one disk of three is no quorum")?;
    cluster.connect(2);
    cluster.connect(3);
    cluster.run(Duration::from_secs(1));
    let Some(leader) = cluster.leader() else { return Err("somebody leads".to_owned()) };
    cluster.propose(leader.0, "kept");
    cluster.run(Duration::from_secs(1));
    // The first entry may be there as well: nobody knows that it was lost.
    let ended = cluster.payloads(1).last().is_some_and(|last| *last == "kept");
    ensure(ended && (2..=3).all(|id| cluster.payloads(id) == cluster.payloads(1)), "all have the same")
}

/// The re-join bug of 9 of 17 implementations, where it does most harm. Node 3 stores what comes behind its own removal, which node 2 never
/// gets, and its answer is long on its way: meanwhile the machine is exchanged, and added again under the same leader.
pub(crate) fn an_answer_from_an_earlier_life_commits_nothing() -> Outcome {
    let mut cluster = Cluster::with(3, |config| config.check_quorum = false);
    cluster.campaign(1);
    cluster.stabilize();
    heartbeats(&mut cluster, 1);
    cluster.change(1, Step::Remove(NodeId(3)));
    cluster.slow.insert(NodeId(2));
    cluster.stabilize();
    cluster.disconnect(1, 2);
    cluster.propose(1, "almost");
    cluster.sync(NodeId(1));
    let entries = cluster.intercept(3);
    for letter in entries {
        cluster.deliver_to(1, 3, letter.message);
    }
    cluster.sync(NodeId(3));
    let all = |letter: &Message| matches!(letter, Message::Appended { matched: Index(3), .. });
    let late = cluster.intercept(1).into_iter().map(|letter| letter.message).find(all);
    let Some(late) = late else { return Err("node 3 stores what it is sent until it is gone".to_owned()) };
    cluster.net.clear();
    // The removal is committed, and what follows it is not.
    cluster.connect(2);
    cluster.slow.clear();
    cluster.sync(NodeId(2));
    while let Some(place) = cluster.net.iter().position(|letter| letter.to == NodeId(1)) {
        cluster.deliver(place);
    }
    ensure(cluster.committed(1) == 2, "the removal is committed")?;
    cluster.isolate(2);
    cluster.crash(3);
    cluster.start(Config::rejoining(NodeId(3)));
    cluster.change(1, Step::AddVoter(NodeId(3)));
    cluster.sync(NodeId(1));
    cluster.net.clear();
    cluster.deliver_to(3, 1, late);
    cluster.stabilize();
    ensure(cluster.committed(1) == 2, "one disk of three is no quorum")?;
    cluster.connect(2);
    cluster.run(Duration::from_secs(2));
    let everything = |id| cluster.payloads(id) == ["almost"];
    ensure((1..=3).all(everything), "everybody gets everything")
}

/// `etcd-io/raft` 124: a follower gets a snapshot, and by itself what was on its way before: more than the snapshot holds. Its log goes on from
/// there, and another snapshot that ends where it does would never come.
pub(crate) fn who_has_more_than_its_snapshot_goes_on_with_entries() -> Outcome {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    heartbeats(&mut cluster, 1);
    // Messages are long on their way to node 3, and what comes behind them is lost.
    let mut late = Vec::new();
    for at in 2..=18 {
        cluster.propose(1, &format!("value {at}"));
        let entries = cluster.intercept(3).into_iter().map(|letter| letter.message);
        late.extend(entries.filter(|message| matches!(message, Message::Append { .. })));
        cluster.stabilize();
    }
    for at in 19..=21 {
        cluster.propose(1, &format!("value {at}"));
        cluster.intercept(3);
        cluster.stabilize();
    }
    cluster.compact(1, 15);
    // The leader gives up waiting for answers, and asks. What node 3 has not got is compacted.
    let sends = |cluster: &Cluster| cluster.raft(1).status().peers.iter().any(|peer| peer.snapshot.is_some());
    for _ in 0..5 {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        while !sends(&cluster) && !cluster.net.is_empty() {
            cluster.deliver(0);
            cluster.sync_fast();
        }
    }
    ensure(sends(&cluster), "the leader begins a snapshot")?;
    for message in late {
        cluster.deliver_to(1, 3, message);
    }
    ensure(cluster.raft(3).last_index() == Index(18), "node 3 gets more by itself than the snapshot holds")?;
    // Of its answers the last arrives.
    cluster.sync(NodeId(3));
    let earlier =
        |message: &Message| matches!(message, Message::Appended { matched, .. } if *matched < Index(18));
    cluster.net.retain(|letter| !earlier(&letter.message));
    for _ in 0..100 {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        for _ in 0..20 {
            cluster.sync_fast();
            if !cluster.net.is_empty() {
                cluster.deliver(0);
            }
        }
    }
    ensure(!sends(&cluster), "the snapshot ends")?;
    ensure(cluster.payloads(3) == cluster.payloads(1), "node 3 gets the rest")
}

/// What has come in a snapshot may be as young as what comes by itself; after a restart everything may be. Or a new leader commits while
/// its predecessor serves reads by the age of those entries (LeaseGuard).
pub(crate) fn a_new_leader_that_got_the_last_entries_in_a_snapshot_waits_as_long() -> Outcome {
    for restart in [false, true] {
        let mut cluster = Cluster::with(3, |config| config.lease_guard = Some(MS * 100));
        cluster.run(MS * 110);
        cluster.campaign(1);
        cluster.stabilize();
        cluster.isolate(3);
        cluster.run(MS * 90);
        cluster.propose(1, "a");
        cluster.stabilize();
        cluster.compact(1, 2);
        cluster.connect(3);
        heartbeats(&mut cluster, 1);
        ensure(
            (cluster.raft(3).snapshot().index, cluster.raft(3).last_index()) == (Index(2), Index(2)),
            "the log of node 3 ends with the snapshot",
        )?;
        // What node 3 has got by itself is no lease any more, and what the snapshot holds is.
        cluster.isolate(1);
        cluster.run(MS * 20);
        if restart {
            cluster.restart(3);
        }
        cluster.fire(NodeId(2), Timer::Election);
        cluster.fire(NodeId(3), Timer::Election);
        cluster.campaign(3);
        cluster.stabilize();
        ensure(cluster.raft(3).role() == Role::Leader, "node 3 leads")?;
        cluster.read(1, 1, ReadMode::LeaseGuard);
        ensure(cluster.ready(1) == [(1, 2)], "its predecessor serves reads")?;
        ensure(cluster.committed(3) == 2, "so nothing is committed")?;
        cluster.run(MS * 110);
        ensure(cluster.committed(3) == 3, "and then everything is")?;
    }
    Ok(())
}

/// Node 3 has lost its vote, and what it has acknowledged in that term, and gets everything that the leader of an earlier term has. It
/// learns of the later term, whose leader dies: who led the earlier one must not come to power without what was committed.
pub(crate) fn a_leader_of_an_earlier_term_does_not_make_a_node_whole() -> Outcome {
    let mut cluster = Cluster::with(3, |config| (config.check_quorum, config.pre_vote) = (false, false));
    cluster.campaign(1);
    cluster.stabilize();
    let before = cluster.records(3).len() as u64;
    cluster.isolate(1);
    cluster.campaign(2);
    cluster.stabilize();
    cluster.propose(2, "committed");
    cluster.stabilize();
    heartbeats(&mut cluster, 2);
    ensure((cluster.committed(2), cluster.committed(3)) == (3, 3), "it is committed")?;
    let lost = before + 1..=cluster.records(3).len() as u64;
    let Some(node) = cluster.nodes.get_mut(&NodeId(3)) else { return Err("there is a node 3".to_owned()) };
    let rotten = lost.map(|at| node.log.rot(Lsn(at))).filter(|rotten| *rotten).count();
    ensure(rotten > 1, "the disk of node 3 loses what came after the first term")?;
    cluster.connect(1);
    cluster.isolate(2);
    cluster.restart(3);
    cluster.propose(1, "wrong");
    heartbeats(&mut cluster, 1);
    ensure(cluster.raft(3).last_index() == Index(2), "it stores for whoever leads")?;
    ensure(cluster.committed(1) == 1, "and helps nobody to commit")?;
    // Everybody says how far it is, and then nobody hears from node 2 for a while.
    cluster.connect(2);
    cluster.net.clear();
    cluster.fire(NodeId(3), Timer::Census);
    while !cluster.net.is_empty() {
        if !matches!(cluster.net.first(), Some(letter) if is_of_census(&letter.message)) {
            cluster.net.remove(0);
            continue;
        }
        cluster.deliver(0);
        cluster.sync_fast();
    }
    ensure(cluster.raft(3).term() == Term(2), "node 3 has heard of the term")?;
    cluster.isolate(2);
    heartbeats(&mut cluster, 1);
    ensure(cluster.raft(1).role() == Role::Follower, "and says so")?;
    cluster.campaign(1);
    cluster.stabilize();
    ensure(cluster.raft(1).role() != Role::Leader, "who lacks what is committed is not elected")?;
    cluster.connect(2);
    cluster.run(Duration::from_secs(3));
    let everything = |id| cluster.payloads(id) == ["committed"];
    ensure((1..=3).all(everything), "everybody has what was committed")
}
