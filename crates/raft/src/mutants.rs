//! Raft's room in the museum: mistakes that others have made, each planted where it would be made here.
//!
//! Sources name the project and the number of the report, or the paper. "CCF" is Howard et al., "Smart Casual Verification of
//! the Confidential Consortium Framework" (NSDI 2025); the "students' guide" is Jon Gjengset's "Students' Guide to Raft".

use synod_core::mutant::Exhibit;

/// All of them.
pub const EXHIBITS: &[Exhibit] = &[
    // Elections.
    Exhibit {
        name: "own-vote-before-durable",
        source: "sofa-jraft 2",
        says: "a candidate asks for votes, and counts its own, before its disk has it",
    },
    Exhibit {
        name: "term-and-vote-apart",
        source: "hashicorp/raft 661",
        says: "term and vote are two records: a crash in between leaves the old vote in the new term",
    },
    Exhibit {
        name: "term-not-written",
        source: "tikv 8381",
        says: "a term that is taken over without a vote is not written, and forgotten in a crash",
    },
    Exhibit { name: "vote-not-written", source: "dragonboat 409", says: "a vote never reaches the disk" },
    Exhibit {
        name: "vote-forgotten",
        source: "braft CA-5",
        says: "recovery reads the term and not the vote",
    },
    Exhibit {
        name: "vote-twice",
        source: "Raft paper, section 5.2",
        says: "who has voted in a term votes again for another",
    },
    Exhibit {
        name: "vote-by-index",
        source: "openraft a48a3282",
        says: "the longer log wins, whatever the term of its last entry",
    },
    Exhibit {
        name: "vote-for-any-log",
        source: "Raft paper, section 5.4.1",
        says: "a vote does not ask whether the candidate's log is up-to-date",
    },
    Exhibit {
        name: "vote-in-earlier-term",
        source: "Raft paper, figure 2",
        says: "a candidate of an earlier term gets a vote in that term",
    },
    Exhibit {
        name: "vote-counted-twice",
        source: "CCF, former_candidate_double_vote",
        says: "a vote that is delivered twice counts twice",
    },
    Exhibit {
        name: "vote-of-earlier-term",
        source: "CCF, wrong election tally",
        says: "a vote given in an earlier term counts in this one",
    },
    Exhibit {
        name: "quorum-one-short",
        source: "openraft d60f1e85",
        says: "half of the voters are a quorum",
    },
    Exhibit {
        name: "deaf-leader-stays",
        source: "openraft 2080",
        says: "a leader that hears nobody goes on leading, and its followers stand by it",
    },
    Exhibit {
        name: "ex-leader-shut-out",
        source: "hashicorp/raft 605",
        says: "who has known a leader refuses every pre-vote, for ever, even that leader's own",
    },
    Exhibit {
        name: "deposition-counts-as-contact",
        source: "hashicorp/raft 666",
        says: "a leader takes the answer that deposes it for a sign that it is followed",
    },
    // Replication.
    Exhibit {
        name: "append-of-earlier-term",
        source: "Raft paper, figure 2",
        says: "entries of a deposed leader are taken in",
    },
    Exhibit {
        name: "append-checked-by-index",
        source: "Raft paper, section 5.3",
        says: "the entry before must be there, but may be of another term",
    },
    Exhibit {
        name: "truncate-without-conflict",
        source: "openraft 9540c904, CCF 5676",
        says: "a delayed message removes what follows its entries, though nothing differs",
    },
    Exhibit {
        name: "conflict-kept",
        source: "hashicorp/raft 697, openraft 559",
        says: "entries that differ from the leader's stay, and are acknowledged as if they were the leader's",
    },
    Exhibit {
        name: "ack-whole-log",
        source: "students' guide",
        says: "a follower acknowledges all of its log, not only what it has compared",
    },
    Exhibit {
        name: "ack-again-before-durable",
        source: "etcd 1690",
        says: "entries that wait for the disk are acknowledged when they are sent again",
    },
    Exhibit {
        name: "ack-counts-what-was-sent",
        source: "students' guide",
        says: "an acknowledgement counts for everything that was sent since",
    },
    Exhibit {
        name: "nack-counts",
        source: "CCF, commit advanced on NACK",
        says: "a rejection counts as an acknowledgement",
    },
    Exhibit {
        name: "ack-of-earlier-term",
        source: "CCF, ackuracy, openraft cecb5de8",
        says: "what was acknowledged in an earlier term, and overwritten since, counts in this one",
    },
    Exhibit {
        name: "leader-gives-way",
        source: "Raft paper, figure 3, Leader Append-Only",
        says: "a leader whose entries a follower rejects removes its own",
    },
    Exhibit {
        name: "sealed-after-deposition",
        source: "hashicorp/raft 695",
        says: "proposals gathered as a leader are written in a later term that another leads",
    },
    Exhibit {
        name: "verified-by-an-earlier-leader",
        source: "CCF, rollback_safety",
        says: "what was compared with one leader is taken as compared with the next",
    },
    Exhibit {
        name: "probe-for-ever",
        source: "etcd-io/raft 124",
        says: "a follower leaves probing only on an exact match that never comes",
    },
    Exhibit {
        name: "lost-probe-not-repeated",
        source: "yugabyte-db 32876",
        says: "a probe that was lost is not sent again, and the follower stays where it is",
    },
    Exhibit {
        name: "window-leaks",
        source: "etcd-io/raft e419ba5",
        says: "a batch that was acknowledged together with a later one fills the window for ever",
    },
    Exhibit {
        name: "deposed-leader-not-told",
        source: "etcd 8334, tikv 3270",
        says: "with PreVote and CheckQuorum a node that is ahead in its term can neither follow nor be elected",
    },
    // Commitment.
    Exhibit {
        name: "commit-without-quorum",
        source: "openraft beb0302b",
        says: "one copy less than a quorum commits",
    },
    Exhibit {
        name: "commit-waits-for-own-disk",
        source: "hashicorp/raft 503",
        says: "a leader whose disk hangs goes on leading, and commits nothing without it",
    },
    Exhibit {
        name: "commit-of-earlier-term",
        source: "logcabin 44, Raft paper, figure 8",
        says: "an entry of an earlier term is committed by counting its copies",
    },
    Exhibit {
        name: "commit-unverified",
        source: "Raft paper, figure 2",
        says: "a follower commits as far as the leader says, beyond what it has compared",
    },
    // Reads and leases.
    Exhibit {
        name: "read-before-own-commit",
        source: "etcd 7331, redisraft 22",
        says: "a leader answers reads before an entry of its own term is committed, without all that was committed before",
    },
    Exhibit {
        name: "read-unconfirmed",
        source: "d-engine 381",
        says: "a read is served before a quorum has confirmed the leader",
    },
    Exhibit {
        name: "read-confirmed-by-old-echoes",
        source: "etcd 20418",
        says: "a read is confirmed by answers to what was sent before it was asked",
    },
    Exhibit {
        name: "read-quorum-one-short",
        source: "openraft d60f1e85",
        says: "half of the voters confirm a read or a lease",
    },
    Exhibit {
        name: "read-number-reused",
        source: "etcd 20418",
        says: "a follower's questions all have one number, so a late answer to one answers the next",
    },
    Exhibit {
        name: "lease-without-drift",
        source: "d-engine 391, LeaseGuard (2025)",
        says: "a lease lasts as long as the promises, as if all clocks ran at one rate",
    },
    Exhibit {
        name: "lease-from-the-echo",
        source: "Ongaro's thesis, section 6.4.1",
        says: "a lease is counted from the answer that completes the quorum, not from the question",
    },
    Exhibit {
        name: "lease-survives-transfer",
        source: "tikv 9239, openraft 1ef3e574",
        says: "a leader serves reads from its lease while it hands over",
    },
    Exhibit {
        name: "promise-lost-in-restart",
        source: "Ongaro's thesis, section 6.4.1",
        says: "a restarted node votes at once, though a leader counts on its promise",
    },
    Exhibit {
        name: "guard-not-awaited",
        source: "LeaseGuard (2025), section 3",
        says: "a new leader commits at once, while a deposed one serves reads after its last entry",
    },
    Exhibit {
        name: "snapshot-undated",
        source: "found in the design of this crate",
        says: "a new leader whose last entries came in a snapshot commits at once, while a deposed one serves reads after them",
    },
    Exhibit {
        name: "guard-outlives-itself",
        source: "LeaseGuard (2025), section 3",
        says: "a leader serves reads for longer after its last entry than its successor waits",
    },
    Exhibit {
        name: "borrowed-from-who-lags",
        source: "found in the design of this crate",
        says: "a candidate takes over the log of a voter that is behind its own",
    },
    Exhibit {
        name: "witness-ahead",
        source: "found by the swarm of this project",
        says: "a witness hears of an entry that nobody has stored who could lead with it, and votes for nobody when its leader is lost",
    },
    // Snapshots, and payloads that are on the disk alone.
    Exhibit {
        name: "older-snapshot-taken",
        source: "hashicorp/raft 248",
        says: "a snapshot is taken though the state is newer, and the state goes back",
    },
    Exhibit {
        name: "suffix-kept-over-snapshot",
        source: "openraft 559, 753",
        says: "entries that differ from a snapshot, or do not reach so far, stay in the log",
    },
    Exhibit {
        name: "suffix-dropped",
        source: "camunda/zeebe 6092",
        says: "entries after a snapshot are dropped, though they were acknowledged",
    },
    Exhibit {
        name: "snapshot-with-newest-membership",
        source: "canonical/raft 250",
        says: "a snapshot carries a membership that is not committed, and not the one of its moment",
    },
    Exhibit {
        name: "snapshot-for-ever",
        source: "etcd-io/raft 124",
        says: "a follower leaves its snapshot only on an exact match, which never comes if it has more",
    },
    Exhibit {
        name: "needless-snapshot-unanswered",
        source: "found by the swarm of this project",
        says: "a leader is never told that the snapshot which a follower asked for is there, and goes on offering it when another is needed",
    },
    Exhibit {
        name: "lost-piece-not-repeated",
        source: "openraft afd6508b",
        says: "a piece of a snapshot that was lost is never sent again",
    },
    Exhibit {
        name: "installed-in-parts",
        source: "hashicorp/raft, truncated snapshots",
        says: "a snapshot is installed before all of it is there, and counts although the host could not use it",
    },
    Exhibit {
        name: "overwritten-entry-recalled",
        source: "found by the random schedules of this crate",
        says: "what was read again from the disk is given to the application though another leader has overwritten it",
    },
    // Damaged logs.
    Exhibit {
        name: "damage-overlooked",
        source: "Alagappan et al. 2018, section 2",
        says: "a record that cannot be read is skipped, as if it had never been written",
    },
    Exhibit {
        name: "votes-while-mending",
        source: "Alagappan et al. 2018, section 3.3",
        says: "a node that has lost a part of its log votes for whoever has more than is left",
    },
    Exhibit {
        name: "votes-again-after-damage",
        source: "Alagappan et al. 2018, section 3.3",
        says: "a node whose vote was lost votes again in that term, once it is whole",
    },
    Exhibit {
        name: "mending-forgotten-in-restart",
        source: "found in the design of this crate",
        says: "a second crash makes a node look whole that had stored something behind the damage",
    },
    Exhibit {
        name: "whole-before-caught-up",
        source: "Alagappan et al. 2018, section 3.4",
        says: "a node is whole as soon as a leader has spoken to it, before it has what it lacks",
    },
    Exhibit {
        name: "lost-acknowledgement-counts",
        source: "Alagappan et al. 2018, section 3.4",
        says: "a leader goes on counting what a follower acknowledged and has lost",
    },
    Exhibit {
        name: "census-of-some",
        source: "found in the design of this crate",
        says: "a node is whole as soon as somebody has said how far it is, and not everybody",
    },
    Exhibit {
        name: "votes-below-the-floor",
        source: "found in the design of this crate",
        says: "a node votes for whoever has what is left of its log, and less than it had before the damage",
    },
    Exhibit {
        name: "counts-who-is-in-doubt",
        source: "found by the museum's disks that rot",
        says: "a leader counts on a voter that may have promised more to a later term, and does not know",
    },
    Exhibit {
        name: "mended-by-any-leader",
        source: "found by the museum's disks that rot",
        says: "a node that may have been in a later term is whole when it has all that the leader of an earlier one has",
    },
    // Handing over.
    Exhibit {
        name: "stalled-disk-leads-on",
        source: "hashicorp/raft 503",
        says: "a leader whose disk hangs keeps the leadership",
    },
    // Memberships.
    Exhibit {
        name: "learners-count",
        source: "openraft beb0302b",
        says: "acknowledgements of learners count for a commit",
    },
    Exhibit {
        name: "commit-by-heads",
        source: "Gifford 1979",
        says: "a majority of voters commits, whatever they weigh",
    },
    Exhibit {
        name: "votes-by-heads",
        source: "Gifford 1979",
        says: "a majority of voters elects, whatever they weigh",
    },
    Exhibit {
        name: "elected-by-a-commit-quorum",
        source: "Howard et al., Flexible Paxos",
        says: "as many votes as an entry needs acknowledgements elect a leader",
    },
    Exhibit {
        name: "old-half-by-the-new-rule",
        source: "Raft paper, section 6",
        says: "while the rule of the quorums changes, the new rule counts for the old half too",
    },
    Exhibit {
        name: "rule-changed-at-once",
        source: "Raft paper, section 6",
        says: "another rule for the same voters is in force without a joint membership",
    },
    Exhibit {
        name: "joint-commit-by-one-half",
        source: "openraft 6c0ccaf3",
        says: "in a joint membership the new voters commit alone",
    },
    Exhibit {
        name: "joint-election-by-one-half",
        source: "tikv 9579, etcd-io/raft 372",
        says: "in a joint membership the new voters elect alone, while the old ones may elect another",
    },
    Exhibit {
        name: "change-before-own-commit",
        source: "Ongaro 2015, raft-dev",
        says: "a leader changes the membership before it has committed an entry of its own term",
    },
    Exhibit {
        name: "two-changes-at-once",
        source: "Ongaro's thesis, section 4.1",
        says: "a change begins while the last is not committed",
    },
    Exhibit {
        name: "membership-not-undone",
        source: "canonical/raft 250",
        says: "a membership stays in effect when its entry is overwritten",
    },
    Exhibit {
        name: "membership-when-committed",
        source: "etcd 7280, raft-rs 221",
        says: "a candidate goes by the last committed membership, not by the last in its log",
    },
    Exhibit {
        name: "membership-lost-in-compaction",
        source: "openraft dba24036",
        says: "after its entry is compacted, a restart goes back to the membership of the configuration",
    },
    Exhibit {
        name: "joint-left-before-commit",
        source: "Raft paper, section 6",
        says: "a joint membership is left before it is committed, which is no joint membership at all",
    },
    Exhibit {
        name: "joint-left-only-by-its-leader",
        source: "etcd 12136",
        says: "a joint membership that outlives its leader is never left",
    },
    Exhibit {
        name: "left-again-and-again",
        source: "etcd bd3c759",
        says: "every commit leaves the joint membership once more until the first time is committed",
    },
    Exhibit {
        name: "removed-leader-stays",
        source: "raft-rs 584",
        says: "a leader goes on leading when its own removal is committed",
    },
    Exhibit {
        name: "removed-before-commit",
        source: "Ongaro's thesis, section 4.2.2; found by the swarm of this crate",
        says: "who is not in its own last membership never campaigns, though it may be the only one that has it",
    },
    Exhibit {
        name: "answers-of-an-earlier-life",
        source: "raft-rejoin-bug (9 of 17 implementations)",
        says: "a late acknowledgement counts for a member that was removed and added again with an empty disk",
    },
    // Many groups on one node.
    Exhibit {
        name: "letter-to-another-group",
        source: "dragonboat, tikv: routing by group",
        says: "what one group says is delivered to the next",
    },
    Exhibit {
        name: "letters-wait-for-nothing",
        source: "sofa-jraft 2, for many groups",
        says: "messages of many groups leave together before what they promise is durable",
    },
    Exhibit {
        name: "removed-group-comes-back",
        source: "tikv: tombstones",
        says: "the removal of a group is forgotten in a restart",
    },
    Exhibit {
        name: "recreated-with-the-old-records",
        source: "tikv 8381 and its kin",
        says: "a group of the name of one that was removed takes over its log",
    },
    Exhibit {
        name: "rests-before-all-agree",
        source: "cockroach 9372",
        says: "the leader of an idle group rests as soon as it has asked the others to",
    },
    Exhibit {
        name: "dead-leader-not-noticed",
        source: "cockroach 9383",
        says: "who rests does not miss the node of its leader",
    },
    Exhibit {
        name: "returning-node-not-woken-for",
        source: "tiflash 1218, tikv 9022",
        says: "a group that rests without a node stays at rest when it comes back",
    },
    Exhibit {
        name: "resting-voter-stays-asleep",
        source: "tikv 16429, 18886",
        says: "a candidate is refused by voters that rest, and rest on",
    },
    Exhibit {
        name: "proposal-does-not-wake",
        source: "tikv 6736",
        says: "the leader of a resting group takes a proposal and rests on",
    },
    Exhibit {
        name: "audit-not-answered",
        source: "tikv: peers without a leader",
        says: "who rests under a node that does not lead is not told",
    },
    Exhibit {
        name: "lease-renewed-by-waking",
        source: "tikv 9239 and its kin",
        says: "a leader that wakes reads by a lease that nobody has renewed",
    },
    Exhibit {
        name: "woken-leader-gives-no-time",
        source: "cockroach 9383: quiescence and CheckQuorum",
        says: "a leader that wakes steps down because nobody has spoken while all were at rest",
    },
];

/// Observers that look away.
pub const JUDGES: &[Exhibit] = &[
    Exhibit {
        name: "observer-never-looks",
        source: "invariants",
        says: "the observer is content with everything",
    },
    Exhibit {
        name: "specification-never-looks",
        source: "spec",
        says: "the executable specification explains every step by no action at all",
    },
    Exhibit {
        name: "specification-counts-half",
        source: "spec",
        says: "half of the voters are a quorum of the specification",
    },
    Exhibit { name: "blind-to-two-leaders", source: "invariants", says: "Election Safety is not checked" },
    Exhibit {
        name: "blind-to-leaders-that-cut",
        source: "invariants",
        says: "Leader Append-Only is not checked",
    },
    Exhibit { name: "blind-to-other-entries", source: "invariants", says: "Log Matching is not checked" },
    Exhibit {
        name: "blind-to-memberships",
        source: "invariants",
        says: "two changes at once, removed leaders and memberships without an entry are not noticed",
    },
    Exhibit {
        name: "blind-to-lost-entries",
        source: "invariants",
        says: "Leader Completeness is not checked",
    },
    Exhibit {
        name: "blind-to-other-snapshots",
        source: "invariants",
        says: "what a compacted log stands for is not compared with what was committed",
    },
    Exhibit {
        name: "blind-to-other-commits",
        source: "invariants",
        says: "State Machine Safety is not checked",
    },
];
