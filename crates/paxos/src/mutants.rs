//! The room of Paxos in the museum: mistakes that others have made, each planted where it would be made here.
//!
//! Sources name the project and the number of the report, or the section of Lamport's "Paxos Made Simple".

use synod_core::mutant::Exhibit;

/// All of them.
pub const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        name: "accept-keeps-old-promise",
        source: "scylladb 6139",
        says: "who accepts in a ballot does not promise it, and takes part in lower ones afterwards",
    },
    Exhibit {
        name: "acceptance-not-written",
        source: "epaxos 28",
        says: "an acceptance reaches the disk as a promise, without its value",
    },
    Exhibit {
        name: "promise-below-promise",
        source: "section 2.2, P1a",
        says: "an acceptor promises a ballot below one that it has promised",
    },
    Exhibit {
        name: "accept-below-promise",
        source: "section 2.2, P1a",
        says: "an acceptor accepts in a ballot below its promise",
    },
    Exhibit {
        name: "promise-of-earlier-ballot",
        source: "MyPaxos 18",
        says: "a promise for an earlier ballot counts for the current one",
    },
    Exhibit {
        name: "acceptance-of-earlier-ballot",
        source: "section 2.3",
        says: "an acceptance in an earlier ballot counts for the current one",
    },
    Exhibit {
        name: "ballot-reused-after-restart",
        source: "phxpaxos 145",
        says: "a proposer forgets its ballot in a crash, and uses it for another value",
    },
    Exhibit {
        name: "one-ballot-for-both",
        source: "epaxos 20",
        says: "an acceptor names its promise as the ballot of what it has accepted",
    },
    Exhibit {
        name: "decided-by-the-other-quorum",
        source: "Howard et al., Flexible Paxos",
        says: "as many acceptances as a ballot needs promises are a decision",
    },
    Exhibit {
        name: "quorums-that-need-not-meet",
        source: "Howard et al., Flexible Paxos",
        says: "promises of a commit quorum begin phase 2, though two of those need not share an acceptor",
    },
    Exhibit {
        name: "acceptances-by-heads",
        source: "Gifford 1979",
        says: "a majority of acceptors decides, whatever they weigh",
    },
    Exhibit {
        name: "own-value-first",
        source: "section 2.2, P2c",
        says: "a proposer proposes its own value, whatever the quorum has accepted",
    },
    Exhibit {
        name: "latest-not-highest",
        source: "section 2.2, P2c",
        says: "a proposer takes up the value that it heard of last, not that of the highest ballot",
    },
];

/// Observers that look away.
pub const JUDGES: &[Exhibit] = &[
    Exhibit {
        name: "paxos-observer-never-looks",
        source: "invariants",
        says: "the observer is content with everything",
    },
    Exhibit { name: "blind-to-two-decisions", source: "invariants", says: "Agreement is not checked" },
    Exhibit {
        name: "blind-to-two-values",
        source: "invariants",
        says: "One value per ballot is not checked",
    },
    Exhibit {
        name: "blind-to-forgotten-promises",
        source: "invariants",
        says: "nobody asks whether an acceptance was also promised",
    },
];
