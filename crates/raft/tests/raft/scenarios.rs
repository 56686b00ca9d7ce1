//! Reports of others, and what was found in the design of this crate, acted out on whole clusters where chance hardly meets them. Each says what
//! is wrong, so that the planted bugs can be tried on it.

use super::cluster::Cluster;
use core::time::Duration;
use synod_core::{Lsn, NodeId};
use synod_raft::{Config, EntryId, Index, Message, ReadMode, Role, Step, Term, Timer};

pub(crate) type Outcome = Result<(), String>;

/// A name, and what is acted out under it.
pub(crate) type Scenario = (&'static str, fn() -> Outcome);

/// All of them, by name.
pub(crate) const ALL: [Scenario; 9] = [
    ("an_answer_of_an_earlier_term_commits_nothing", an_answer_of_an_earlier_term_commits_nothing),
    ("an_answer_from_an_earlier_life_commits_nothing", an_answer_from_an_earlier_life_commits_nothing),
    (
        "a_restarted_node_keeps_a_promise_that_it_has_forgotten",
        a_restarted_node_keeps_a_promise_that_it_has_forgotten,
    ),
    (
        "who_has_lost_a_part_of_its_log_elects_nobody_who_lacks_it",
        who_has_lost_a_part_of_its_log_elects_nobody_who_lacks_it,
    ),
    ("what_was_acknowledged_and_lost_counts_no_more", what_was_acknowledged_and_lost_counts_no_more),
    (
        "who_has_more_than_its_snapshot_goes_on_with_entries",
        who_has_more_than_its_snapshot_goes_on_with_entries,
    ),
    (
        "who_has_installed_what_it_asked_for_gets_what_it_lacks_later",
        who_has_installed_what_it_asked_for_gets_what_it_lacks_later,
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

/// All that the node has stored behind so many records cannot be read any more.
fn damage(cluster: &mut Cluster, node: u64, before: u64) -> Outcome {
    let lost = before + 1..=cluster.records(node).len() as u64;
    let Some(node) = cluster.nodes.get_mut(&NodeId(node)) else {
        return Err("there is such a node".to_owned());
    };
    let rotten = lost.map(|at| node.log.rot(Lsn(at))).filter(|rotten| *rotten).count();
    ensure(rotten > 0, "its disk has lost something")
}

/// Everybody tells the node how far it is, and nothing else arrives anywhere.
fn census(cluster: &mut Cluster, node: u64) {
    cluster.net.clear();
    cluster.fire(NodeId(node), Timer::Census);
    while !cluster.net.is_empty() {
        if !matches!(cluster.net.first(), Some(letter) if is_of_census(&letter.message)) {
            cluster.net.remove(0);
            continue;
        }
        cluster.deliver(0);
        cluster.sync_fast();
    }
}

fn heartbeats(cluster: &mut Cluster, leader: u64) {
    for _ in 0..5 {
        cluster.fire(NodeId(leader), Timer::Heartbeat);
        cluster.stabilize();
    }
}

/// CCF, "ackuracy" (Howard et al. 2025), `openraft` cecb5de8: the answer to entries that another leader has overwritten since is long on its
/// way, and reaches the node that sent them when it leads again.
pub(crate) fn an_answer_of_an_earlier_term_commits_nothing() -> Outcome {
    let mut cluster = Cluster::with(5, |config| {
        (config.check_quorum, config.pre_vote, config.lending) = (false, false, false);
    });
    cluster.campaign(1);
    cluster.stabilize();
    for id in [2, 4, 5] {
        cluster.isolate(id);
    }
    for line in ["lost", "too", "and this"] {
        cluster.propose(1, line);
    }
    for letter in cluster.intercept(3) {
        cluster.deliver_to(1, 3, letter.message);
    }
    cluster.sync(NodeId(3));
    let all = |message: &Message| matches!(message, Message::Appended { matched: Index(4), .. });
    let late = cluster.intercept(1).into_iter().map(|letter| letter.message).find(all);
    let Some(late) = late else { return Err("node 3 stores what it is sent".to_owned()) };
    cluster.net.clear();
    // Node 2 leads the others, and node 1 follows it.
    for id in [2, 4, 5] {
        cluster.connect(id);
    }
    for id in [1, 3] {
        cluster.isolate(id);
    }
    cluster.campaign(2);
    cluster.stabilize();
    cluster.connect(1);
    cluster.isolate(3);
    heartbeats(&mut cluster, 2);
    ensure(cluster.raft(1).last_index() == Index(2), "what node 1 had is overwritten")?;
    cluster.campaign(1);
    cluster.stabilize();
    ensure((cluster.leader(), cluster.committed(1)) == (Some(NodeId(1)), 3), "node 1 leads again")?;
    // What it proposes now has two copies.
    for id in [2, 5] {
        cluster.isolate(id);
    }
    cluster.propose(1, "kept");
    cluster.stabilize();
    cluster.deliver_to(3, 1, late);
    cluster.stabilize();
    ensure(cluster.committed(1) == 3, "two disks of five are no quorum")?;
    for id in [2, 3, 5] {
        cluster.connect(id);
    }
    cluster.run(Duration::from_secs(1));
    ensure((1..=5).all(|id| cluster.payloads(id) == ["kept"]), "everybody has what was committed")
}

/// Section 6.4.1 of Ongaro's thesis: a lease rests on promises in memory. Who has restarted does not know whether it has given one.
pub(crate) fn a_restarted_node_keeps_a_promise_that_it_has_forgotten() -> Outcome {
    let mut cluster = Cluster::with(3, |config| config.leases = true);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.fire(NodeId(1), Timer::Heartbeat);
    cluster.stabilize();
    cluster.isolate(1);
    cluster.restart(2);
    let last = EntryId { term: Term(1), index: Index(1) };
    let ask = Message::RequestVote { term: Term(2), last, by_transfer: false };
    cluster.deliver_to(3, 2, ask.clone());
    ensure(cluster.raft(2).voted_for() == Some(NodeId(1)), "no vote against a promise")?;
    cluster.read(1, 1, ReadMode::Lease);
    ensure(cluster.ready(1).len() == 1, "the lease holds")?;
    cluster.run(MS * 150);
    cluster.deliver_to(3, 2, ask);
    ensure(cluster.raft(2).voted_for() == Some(NodeId(3)), "and ends")
}

/// Alagappan and others (2018), section 3.3: a node that has lost what it had acknowledged cannot judge a candidate by its log.
pub(crate) fn who_has_lost_a_part_of_its_log_elects_nobody_who_lacks_it() -> Outcome {
    let mut cluster = Cluster::with(3, |config| {
        (config.check_quorum, config.pre_vote, config.lending) = (false, false, false);
    });
    cluster.campaign(1);
    cluster.stabilize();
    cluster.isolate(2);
    let before = cluster.records(3).len() as u64;
    cluster.propose(1, "committed");
    cluster.stabilize();
    ensure(cluster.committed(1) == 2, "two of three have it")?;
    damage(&mut cluster, 3, before)?;
    cluster.connect(2);
    cluster.isolate(1);
    cluster.restart(3);
    cluster.campaign(2);
    cluster.stabilize();
    ensure(cluster.raft(2).role() != Role::Leader, "who lacks what is committed is not elected")?;
    cluster.connect(1);
    cluster.run(Duration::from_secs(3));
    let everything = |id| cluster.payloads(id) == ["committed"];
    ensure((1..=3).all(everything), "everybody has what was committed")
}

/// Alagappan and others (2018), section 3.4: what a follower had acknowledged and has lost is no copy any more.
pub(crate) fn what_was_acknowledged_and_lost_counts_no_more() -> Outcome {
    let mut cluster = Cluster::with(5, |config| config.check_quorum = false);
    cluster.campaign(1);
    cluster.stabilize();
    let before = cluster.records(2).len() as u64;
    // The leader and node 2 have two entries, which are not committed.
    for id in [3, 4, 5] {
        cluster.isolate(id);
    }
    for line in ["almost", "there"] {
        cluster.propose(1, line);
        cluster.stabilize();
    }
    ensure(cluster.committed(1) == 1, "two copies of five are not a quorum")?;
    damage(&mut cluster, 2, before)?;
    cluster.restart(2);
    // All say how far they are: now it is known that nothing later was promised. What it had acknowledged it has not got again.
    for id in [3, 4, 5] {
        cluster.connect(id);
    }
    census(&mut cluster, 2);
    for id in [3, 4, 5] {
        cluster.isolate(id);
    }
    // It tells the leader, who forgets; the acknowledgement must not commit the entries together with node 3's copy.
    cluster.fire(NodeId(1), Timer::Heartbeat);
    for letter in cluster.intercept(2) {
        cluster.deliver_to(1, 2, letter.message);
    }
    cluster.sync_fast();
    for letter in cluster.intercept(1) {
        cluster.deliver_to(2, 1, letter.message);
    }
    cluster.net.clear();
    cluster.isolate(2);
    cluster.connect(3);
    heartbeats(&mut cluster, 1);
    ensure(cluster.raft(3).last_index() == Index(3), "node 3 stores them")?;
    ensure(cluster.committed(1) == 1, "two copies of five are not a quorum")?;
    for id in [2, 4, 5] {
        cluster.connect(id);
    }
    cluster.run(Duration::from_secs(1));
    ensure(cluster.committed(1) >= 3, "they are committed in the end")
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

/// A follower asks for a snapshot and gets it, and its answer to the last piece is lost. It is asked for the rest of what it needs no more, and
/// when the log is compacted beyond it, it must be sent another.
pub(crate) fn who_has_installed_what_it_asked_for_gets_what_it_lacks_later() -> Outcome {
    let mut cluster = Cluster::new(3);
    cluster.campaign(1);
    cluster.stabilize();
    cluster.propose_burst(1, &["one", "two", "three"]);
    cluster.stabilize();
    cluster.compact(1, 4);
    heartbeats(&mut cluster, 1);
    cluster.lose(3);
    let sent = |cluster: &Cluster| {
        cluster.raft(1).status().peers.iter().find_map(|peer| peer.snapshot).map(|extent| extent.len)
    };
    for _ in 0..100 {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        while !cluster.net.is_empty() || cluster.work() {
            let len = sent(&cluster);
            cluster.net.retain(
                |letter| !matches!(letter.message, Message::Stored { stored, .. } if Some(stored) == len),
            );
            if !cluster.net.is_empty() {
                cluster.deliver(0);
            }
            cluster.sync_fast();
        }
    }
    ensure(!cluster.hosts[&NodeId(3)].lost, "node 3 gets its snapshot")?;
    cluster.isolate(3);
    cluster.propose_burst(1, &["four", "five"]);
    cluster.stabilize();
    cluster.compact(1, 6);
    cluster.connect(3);
    heartbeats(&mut cluster, 1);
    heartbeats(&mut cluster, 1);
    ensure(sent(&cluster).is_none(), "every snapshot ends")?;
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
    damage(&mut cluster, 3, before)?;
    cluster.connect(1);
    cluster.isolate(2);
    cluster.restart(3);
    cluster.propose(1, "wrong");
    heartbeats(&mut cluster, 1);
    ensure(cluster.raft(3).last_index() == Index(2), "it stores for whoever leads")?;
    ensure(cluster.committed(1) == 1, "and helps nobody to commit")?;
    // Everybody says how far it is, and then nobody hears from node 2 for a while.
    cluster.connect(2);
    census(&mut cluster, 3);
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
