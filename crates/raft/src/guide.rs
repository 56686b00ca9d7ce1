//! What each feature is for, how it is switched on, and what it looks like: an example for each.
//!
//! The examples share a `Lab`: nodes in one process, a network that can be cut and a clock that is a number
//! (`examples/support/lab.rs`, the loop of the [front page](crate#three-nodes-in-one-process)). `lab.node(1)` is a [`Node`](crate::Node),
//! `lab.lines(1)` what its application has applied, and nothing happens before `lab.pass(ms)` or `lab.settle()`.
//!
//! # Elections
//! **PreVote** ([`Config::pre_vote`](crate::Config::pre_vote), on by default): a node that was cut off asks before it campaigns, so that its
//! return disturbs nobody. **CheckQuorum** ([`Config::check_quorum`](crate::Config::check_quorum), on by default): a leader that hears no
//! quorum makes room, and who hears a leader helps nobody to depose it.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! let mut lab = Lab::new([1, 2, 3], |_| {});
//! lab.pass(1_000);
//! let (leader, term) = (lab.leader().unwrap(), lab.node(1).raft().term());
//! let away = if leader == 1 { 2 } else { 1 };
//! let other = 6 - leader - away;
//!
//! // Cut off for ten seconds, it has asked in vain, and its term is what it was.
//! lab.cut(away, [leader, other]);
//! lab.pass(10_000);
//! lab.heal();
//! lab.pass(1_000);
//! assert_eq!((lab.leader(), lab.node(leader).raft().term()), (Some(leader), term));
//!
//! // A leader that is cut off gives the leadership up by itself, and the others go on.
//! lab.cut(leader, [away, other]);
//! lab.pass(2_000);
//! assert_ne!(lab.node(leader).raft().role(), Role::Leader);
//! assert!([away, other].contains(&lab.leader().unwrap()));
//! # }
//! ```
//!
//! **Lending** ([`Config::lending`](crate::Config::lending), on by default): where only one node reaches a quorum, it can lead though its log is
//! behind, since voters lend it what it lacks.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! let mut lab = Lab::new([1, 2, 3, 4, 5], |_| {});
//! lab.node(1).campaign();
//! lab.pass(100);
//! // Node 5 misses an entry; then it is the only one that reaches anybody.
//! lab.cut(5, [1, 2, 3, 4]);
//! lab.propose(1, "missed");
//! lab.heal();
//! for id in 1..=4 {
//!     lab.cut(id, (1..=4).filter(|other| *other != id));
//! }
//! lab.pass(5_000);
//! assert_eq!(lab.leader(), Some(5));
//! assert_eq!(lab.lines(5), ["missed"]);
//! # }
//! ```
//!
//! # Memberships
//! A **learner** stores and has no vote. [`Step::PromoteWhenCaughtUp`](crate::Step::PromoteWhenCaughtUp) makes it a voter when it can keep up.
//! Several changes at once go through a **joint** membership, left by itself, or when told to
//! ([`Transition::JointExplicit`](crate::Transition::JointExplicit)). A leader may remove itself: it leads until that is committed.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! use synod_raft::{Change, Step, Transition};
//! let mut lab = Lab::new([1], |_| {});
//! lab.node(1).campaign();
//! lab.pass(10);
//! // From one to three.
//! for id in [2, 3] {
//!     lab.start(Config::joining(NodeId(id)), Disk::default());
//!     lab.node(1).change_membership(id, Step::PromoteWhenCaughtUp(NodeId(id)));
//!     lab.pass(1_000);
//! }
//! assert_eq!(lab.node(1).raft().membership().voters(), [1, 2, 3].map(NodeId));
//!
//! // The leader and another are exchanged for two new nodes: one change, in which majorities of the old and of the new both count.
//! [4, 5].map(|id| lab.start(Config::joining(NodeId(id)), Disk::default()));
//! let steps = vec![
//!     Step::Remove(NodeId(1)),
//!     Step::Remove(NodeId(2)),
//!     Step::AddVoter(NodeId(4)),
//!     Step::AddVoter(NodeId(5)),
//! ];
//! let change = Change::Steps { steps, transition: Transition::JointExplicit };
//! lab.node(1).change_membership(7, change);
//! lab.pass(500);
//! assert!(lab.node(1).raft().membership().is_joint(), "until we say so");
//! lab.node(1).change_membership(8, Change::LeaveJoint);
//! lab.pass(2_000);
//! let leader = lab.leader().unwrap();
//! assert_eq!(lab.node(leader).raft().membership().voters(), [3, 4, 5].map(NodeId));
//! assert_ne!(lab.node(1).raft().role(), Role::Leader);
//! # }
//! ```
//!
//! A **witness** ([`Config::witnesses`](crate::Config::witnesses), [`Step::AddWitness`](crate::Step::AddWitness)) votes and acknowledges, and
//! keeps no payloads: two full copies, and three voices.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! let mut lab = Lab::new([1, 2, 3], |config| config.witnesses = vec![NodeId(3)]);
//! lab.node(1).campaign();
//! lab.pass(100);
//! // One full node is down, and with the witness the other still commits.
//! lab.crash(2);
//! lab.propose(1, "with a witness");
//! assert_eq!(lab.lines(1), ["with a witness"]);
//! // The witness knows that there is an entry, and not what it says.
//! assert_eq!(lab.node(3).raft().last_index(), lab.node(1).raft().last_index());
//! assert!(lab.node(3).status().log_bytes < lab.node(1).status().log_bytes);
//! # }
//! ```
//!
//! # Reads
//! [`ReadMode::Index`](crate::ReadMode::Index) asks a quorum, on any node. [`ReadMode::Lease`](crate::ReadMode::Lease) and
//! [`ReadMode::LeaseGuard`](crate::ReadMode::LeaseGuard) ask nobody while clocks are as good as
//! [`Config::clock_drift_ppm_max`](crate::Config::clock_drift_ppm_max) says. [`ReadMode::Stale`](crate::ReadMode::Stale) asks for an age.
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! use synod_raft::Index;
//! let mut lab = Lab::new([1, 2, 3], |config| {
//!     config.leases = true;
//!     config.lease_guard = Some(Duration::from_millis(500));
//! });
//! lab.node(1).campaign();
//! lab.pass(1_000);
//! lab.propose(1, "x = 1");
//! lab.pass(60);
//! assert!(lab.read(2, ReadMode::Index), "a follower asks the leader, who asks a quorum");
//! assert!(lab.node(1).status().lease.until > Some(lab.now));
//!
//! // Suddenly the leader is alone. Its lease and its log still speak for it, for a while.
//! lab.cut(1, [2, 3]);
//! assert!(lab.read(1, ReadMode::Lease));
//! assert!(lab.read(1, ReadMode::LeaseGuard));
//! assert!(!lab.read(1, ReadMode::Index), "nobody confirms it");
//! let age = |ms| ReadMode::Stale { age_max: Some(Duration::from_millis(ms)), index_min: Index::ZERO };
//! assert!(lab.read(1, age(200)));
//!
//! // Later somebody else may lead, and it serves nothing that could be old.
//! lab.pass(2_000);
//! assert!(![ReadMode::Lease, ReadMode::LeaseGuard, age(200)].map(|mode| lab.read(1, mode)).contains(&true));
//! assert!(lab.read(1, age(60_000)), "but a minute ago that was the state");
//! # }
//! ```
//!
//! # Handing over
//! On command ([`Node::transfer`](crate::Node::transfer)), before a shutdown ([`Node::resign`](crate::Node::resign)), by
//! [`Config::priority`](crate::Config::priority), and when the leader's disk stands still
//! ([`Config::disk_stall_max`](crate::Config::disk_stall_max)).
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! let mut lab = Lab::new([1, 2, 3], |config| config.disk_stall_max = Some(Duration::from_secs(1)));
//! lab.node(1).campaign();
//! lab.pass(100);
//! lab.node(1).transfer(NodeId(2));
//! lab.settle();
//! assert_eq!(lab.leader(), Some(2), "no time has passed");
//!
//! // A graceful shutdown.
//! lab.node(2).resign();
//! lab.settle();
//! assert!(lab.events(2).contains(&Event::Resigned));
//! let leader = lab.leader().unwrap();
//! assert_ne!(leader, 2);
//!
//! // A disk that hangs: the leader notices by itself.
//! lab.up.get_mut(&NodeId(leader)).unwrap().stalled = true;
//! lab.propose(leader, "not on the leader's disk");
//! lab.pass(3_000);
//! assert_ne!(lab.leader(), Some(leader));
//!
//! // Whoever has the highest priority of those that are fit claims the leadership.
//! let mut lab = Lab::new([1, 2, 3], |config| config.priority = u32::from(config.id == NodeId(3)));
//! lab.node(1).campaign();
//! lab.pass(5_000);
//! assert_eq!(lab.leader(), Some(3));
//! # }
//! ```
//!
//! # Logs that end
//! [`Node::compact`](crate::Node::compact) says what the application has stored; who is too far behind for what is left of the log gets a
//! **snapshot**, in pieces, from the application ([`machine`](crate::machine) is one that does all that). The log in memory is bounded by
//! [`Config::log_memory_bytes_max`](crate::Config::log_memory_bytes_max), what is on its way to a peer by
//! [`Config::in_flight_max`](crate::Config::in_flight_max) and [`Config::in_flight_bytes_max`](crate::Config::in_flight_bytes_max), what nobody
//! has acknowledged by [`Config::uncommitted_bytes_max`](crate::Config::uncommitted_bytes_max).
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! use synod_raft::Refusal;
//! let mut lab = Lab::new([1, 2, 3], |config| {
//!     config.trailing_entries = 5;
//!     config.uncommitted_bytes_max = 4_000;
//! });
//! lab.node(1).campaign();
//! lab.pass(100);
//! let disk = lab.crash(3);
//! (0..100).for_each(|line| lab.propose(1, &format!("line {line}")));
//! assert!(lab.node(1).raft().first_index().0 > 50, "the log has been cut");
//!
//! // It comes back, and is sent the state in place of the entries.
//! lab.start(Config::new(NodeId(3), [1, 2, 3].map(NodeId)), disk);
//! lab.pass(1_000);
//! assert!(lab.events(3).iter().any(|event| matches!(event, Event::Installed { .. })));
//! assert_eq!(lab.lines(3), lab.lines(1));
//!
//! // A leader that nobody answers takes so many bytes and no more; what it refuses comes back.
//! lab.cut(1, [2, 3]);
//! (0..50).for_each(|_| lab.propose(1, &"x".repeat(100)));
//! let busy = |event: &Event| matches!(event, Event::Refused { reason: Refusal::Busy, .. });
//! assert!(lab.events(1).iter().any(busy));
//! # }
//! ```
//!
//! # Damaged and lost disks
//! A record that cannot be read may have held a vote, or an entry that was acknowledged. The node says that it is **mending**, counts for
//! nothing that it could have promised otherwise, and is whole when its peers have filled the gap. A node that has lost everything comes back
//! as [`Config::rejoining`](crate::Config::rejoining).
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/lab.rs"));
//! # fn main() {
//! use synod_core::Damage;
//! let ids = [1, 2, 3].map(NodeId);
//! let mut lab = Lab::new([1, 2, 3], |_| {});
//! lab.node(1).campaign();
//! lab.pass(100);
//! (0..10).for_each(|line| lab.propose(1, &format!("line {line}")));
//!
//! // A record in the middle of the log of node 2 has rotted.
//! let mut disk = lab.crash(2);
//! let middle = disk.log.len() / 2;
//! disk.log[middle].1 = Recovered::Damaged(Damage::Checksum);
//! lab.start(Config::new(NodeId(2), ids), disk);
//! assert!(lab.node(2).status().mending.is_some());
//! lab.pass(2_000);
//! assert!(lab.events(2).contains(&Event::Mended));
//! assert_eq!(lab.lines(2), lab.lines(1));
//!
//! // Node 3 has lost its disk, and with it what it has promised: it stores, and counts when all others have been heard.
//! lab.crash(3);
//! lab.start(Config::rejoining(NodeId(3)), Disk::default());
//! assert!(lab.node(3).status().mending.is_some());
//! lab.pass(2_000);
//! assert!(lab.node(3).status().mending.is_none());
//! assert_eq!(lab.lines(3), lab.lines(1));
//! # }
//! ```
//!
//! # And the rest
//! Quorums by weight and zone are on the [front page](crate#quorums); sessions, with which a request that is asked again counts once, in
//! [`session`](crate::session); many groups on one node in [`groups`](crate::groups); the executable specification in [`spec`](crate::spec);
//! what a node says of itself in [`Status`](crate::Status).
