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
        name: "deposed-leader-not-told",
        source: "etcd 8334, tikv 3270",
        says: "with PreVote and CheckQuorum a node that is ahead in its term can neither follow nor be elected",
    },
    // Commitment.
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
];

/// Observers that look away.
pub const JUDGES: &[Exhibit] = &[
    Exhibit {
        name: "observer-never-looks",
        source: "invariants",
        says: "the observer is content with everything",
    },
    Exhibit { name: "blind-to-two-leaders", source: "invariants", says: "Election Safety is not checked" },
    Exhibit { name: "blind-to-other-entries", source: "invariants", says: "Log Matching is not checked" },
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
