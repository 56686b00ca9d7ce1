//! Raft as a plain value: leader election, log replication and commitment, without a socket, a disk, a clock or a thread.
//!
//! The algorithm is that of Ongaro and Ousterhout ("In Search of an Understandable Consensus Algorithm", 2014) and of
//! Ongaro's thesis; section numbers in the comments are theirs. A node is one value, [`Raft`], which implements
//! [`Protocol`](synod_core::Protocol): messages, timers and proposals go in; messages, records and events come out. Whoever
//! wants Raft and no traits uses [`Node`], the same value behind plain methods.
//!
//! # Three nodes in one process
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//! use synod_core::{LogState, Lsn, NodeId, Recovered, Time};
//! use synod_raft::{Config, EntryKind, Event, Message, Node, Output, ReadMode, Record, Role, Start, Step};
//!
//! struct Member {
//!     node: Node,
//!     disk: Vec<(Lsn, Record)>,
//!     applied: Vec<String>,
//!     /// The reads that may be served from what is applied.
//!     ready: Vec<u64>,
//! }
//!
//! #[derive(Default)]
//! struct Cluster {
//!     up: BTreeMap<NodeId, Member>,
//!     now: Time,
//!     starts: u64,
//! }
//!
//! impl Cluster {
//!     /// A node starts from what is on its disk. Its state machine is in memory here, and begins anew.
//!     fn start(&mut self, config: Config, disk: Vec<(Lsn, Record)>) {
//!         self.starts += 1;
//!         let start = Start { now: self.now, incarnation: self.starts, seed: self.starts };
//!         let state = disk.last().map_or(LogState::Fresh, |(end, _)| LogState::Recovered { end: *end });
//!         let log = disk.iter().cloned().map(|(at, record)| (at, Recovered::Intact(record)));
//!         let id = config.id;
//!         let node = Node::recover(config, start, state, log).unwrap();
//!         self.up.insert(id, Member { node, disk, applied: Vec::new(), ready: Vec::new() });
//!     }
//!
//!     fn node(&mut self, id: NodeId) -> &mut Node {
//!         &mut self.up.get_mut(&id).unwrap().node
//!     }
//!
//!     /// The loop of every program around Raft: carry out what comes out, in order.
//!     fn settle(&mut self) {
//!         let mut letters: Vec<(NodeId, NodeId, Message)> = Vec::new();
//!         loop {
//!             for (id, Member { node, disk, applied, ready }) in &mut self.up {
//!                 while let Some(output) = node.output() {
//!                     match output {
//!                         Output::Send { to, message } => letters.push((*id, to, message)),
//!                         Output::Write { at, record } => {
//!                             disk.push((at, record)); // append, sync, and only then:
//!                             node.written(at);
//!                         }
//!                         Output::Event(Event::Committed(entries)) => {
//!                             let commands = entries.iter().filter(|entry| entry.kind == EntryKind::Normal);
//!                             applied.extend(commands.map(|entry| String::from_utf8_lossy(entry.payload).into_owned()));
//!                         }
//!                         Output::Event(Event::ReadReady { token, .. }) => ready.push(token),
//!                         _ => {}
//!                     }
//!                 }
//!             }
//!             if letters.is_empty() {
//!                 return;
//!             }
//!             for (from, to, message) in letters.drain(..) {
//!                 if let Some(member) = self.up.get_mut(&to) {
//!                     member.node.receive(self.now, from, message);
//!                 }
//!             }
//!         }
//!     }
//!
//!     /// Time passes until somebody leads, and a while longer.
//!     fn leader(&mut self) -> NodeId {
//!         for _ in 0..2_000 {
//!             self.now = self.now + Duration::from_millis(1);
//!             self.up.values_mut().for_each(|member| member.node.advance(self.now));
//!             self.settle();
//!         }
//!         let leads = |(_, member): &(&NodeId, &Member)| member.node.raft().role() == Role::Leader;
//!         *self.up.iter().find(leads).unwrap().0
//!     }
//! }
//!
//! let ids = [1, 2, 3].map(NodeId);
//! let mut cluster = Cluster::default();
//! ids.map(|id| cluster.start(Config::new(id, ids), Vec::new()));
//! let leader = cluster.leader();
//!
//! // Propose, to whoever leads.
//! let now = cluster.now;
//! cluster.node(leader).propose(now, 1, "set a 1");
//! cluster.settle();
//!
//! // Read, on any node: what was answered before is applied there when the read is ready.
//! let reader = *ids.iter().find(|id| **id != leader).unwrap();
//! cluster.node(reader).read(now, 2, ReadMode::Index);
//! cluster.settle();
//! assert_eq!((&cluster.up[&reader].ready[..], &cluster.up[&reader].applied[..]), (&[2][..], &["set a 1".to_owned()][..]));
//!
//! // Change the membership: a fourth node stores, and votes as soon as it has caught up.
//! let fourth = NodeId(4);
//! cluster.start(Config::joining(fourth), Vec::new());
//! cluster.node(leader).change_membership(3, Step::PromoteWhenCaughtUp(fourth));
//! let leader = cluster.leader();
//! assert_eq!(cluster.node(fourth).raft().membership().voters(), [1, 2, 3, 4].map(NodeId));
//!
//! // The leader crashes; its memory is lost, its disk is not. Somebody else leads.
//! let crashed = cluster.up.remove(&leader).unwrap();
//! let next = cluster.leader();
//! let now = cluster.now;
//! cluster.node(next).propose(now, 4, "set a 2");
//! cluster.settle();
//!
//! // It recovers from its disk and catches up.
//! cluster.start(Config::new(leader, ids), crashed.disk);
//! cluster.leader();
//! assert!(cluster.up.values().all(|member| member.applied == ["set a 1", "set a 2"]));
//! ```
//!
//! # What it does
//! [`guide`] has an example of each feature. Each line here names the test that proves it (in `tests/raft` where nothing else is said, or the script in `tests/scripts`).
//!
//! | feature | proof |
//! |---|---|
//! | elections with random timeouts; votes by distinct voters, for logs at least as new | `election.txt`, `a_vote_delivered_twice_is_one_vote`, `a_longer_log_of_an_earlier_term_gets_no_vote` |
//! | who is refused by a quorum follows until its next timeout | `who_is_refused_by_a_quorum_follows` |
//! | PreVote: a node that was cut off does not disturb when it returns | `prevote.txt` |
//! | CheckQuorum and loyalty: a leader without a quorum makes room, one with a quorum is not deposed | `checkquorum.txt`, `one_cut_link_does_not_unseat_the_leader`, `the_only_node_that_reaches_a_quorum_becomes_leader` |
//! | both together never lock anybody out, nor with leases, transfers and priorities | `a_node_of_a_higher_term_rejoins_under_every_combination_of_settings`, `matrix.rs` |
//! | progress wherever some node reaches a quorum: with quorum loss, constrained elections and chains | `the_only_node_that_reaches_a_quorum_leads_although_its_log_is_behind`, `partial.rs` of `synod-kv` |
//! | replication in batches, pipelined within a window, probing after losses | `replication.txt`, `every_loss_is_recovered_from_and_the_window_is_given_back` |
//! | conflicts are found a term at a time, from both sides; a rejection is answered by one message | `conflict.txt`, `figure7.txt`, `a_window_of_rejections_is_answered_by_one_message` |
//! | entries of earlier terms commit only with one of the leader's own | `figure8.txt` |
//! | nothing is promised before it is durable: votes, acknowledgements, the candidate's own vote | `crash.txt`, `a_candidate_asks_for_votes_when_its_own_is_durable`, `a_failed_disk_promises_nothing` |
//! | the leader's disk works in parallel with replication, and counts like any other | `slow_disk.txt` |
//! | a stalled disk piles up neither records nor promises | `a_stalled_disk_does_not_pile_up_promises` |
//! | linearizable reads on any node without an entry: one round of messages for all reads of a burst | `read_index.txt`, `reads.rs` |
//! | reads that ask nobody: by the leader's lease, with an explicit bound on the clocks' rates; by the age of the log (LeaseGuard) | `leases.rs`, `a_new_leader_that_got_the_last_entries_in_a_snapshot_waits_as_long` |
//! | a read that nobody can confirm ends with an event, with CheckQuorum and without | `a_leader_that_hears_nobody_refuses_reads_in_the_end` |
//! | stale reads, at most so old or with one's own writes | `a_stale_read_needs_nobody_unless_it_must_be_young`, `a_reader_finds_its_own_write_on_any_node` |
//! | the leadership is handed over: on command, by priority, before a shutdown, when the leader's disk stands still | `transfer.txt`, `priority.txt`, `transfers.rs` |
//! | a transfer is replaced by a later one, and given up when its target does not vote any more | `transfer.txt`, `a_second_transfer_takes_the_place_of_the_first`, `a_transfer_to_who_is_removed_or_demoted_is_given_up_at_once` |
//! | snapshots as handles, in bounded pieces on a lane of their own; one that breaks off goes on, from another leader too; who has more than it holds goes on with entries, and who was sent what it asked for can be sent another | `snapshot.txt`, `snapshots.rs`, `who_has_more_than_its_snapshot_goes_on_with_entries`, `who_has_installed_what_it_asked_for_gets_what_it_lacks_later` |
//! | a follower whose application has lost its state asks for a snapshot, though its log is whole | `snapshot.txt`, `an_application_that_has_lost_its_state_gets_it_again` |
//! | a host for state machines in memory: entries count once, snapshots outlive crashes, damage is noticed ([`machine`]) | `machine.rs` |
//! | the log in memory is bounded; older entries are read again when a peer or the application needs them | `recall.rs` |
//! | a damaged log is repaired from the peers, wherever the damage is, without a vote or an acknowledgement that could break a promise, and not by whoever leads an earlier term | `mending.rs`, `a_leader_of_an_earlier_term_does_not_make_a_node_whole`, `storage.rs` of `synod-kv` |
//! | a node that has lost its disk comes back under its old id, and breaks no promise of its earlier life ([`Config::rejoining`]) | `a_voter_that_has_lost_its_disk_counts_for_nothing_before_it_has_heard_all_voters`, `a_node_that_rejoins_under_its_old_id_knows_nobody_and_asks_who_speaks_to_it` |
//! | flow control by batches, by bytes on the way, and by bytes that wait for a quorum | `flow.rs` |
//! | restart from the log, also from one that was rewritten and partly released | `restart.txt`, `recovery_copes_with_any_part_of_what_was_released` |
//! | compaction: what the application's durable state covers is forgotten, in memory and on the disk | `compaction.txt`, `any_kept_part_of_the_records_recovers_the_node`, `nothing_is_released_before_the_record_that_replaces_it_is_durable` |
//! | membership in the log: one voter at a time, or any change through a joint membership that is left by itself or when told to | `membership_simple.txt`, `membership_joint.txt`, `the_quorums_of_neighbouring_memberships_meet` |
//! | a membership is in effect when it is appended, undone when it is overwritten, and outlives its leader, a restart and compaction | `membership_undone.txt`, `membership_leader_changes.txt`, `a_restart_remembers_the_membership` |
//! | one change at a time, and none before an entry of the leader's own term is committed | `membership_simple.txt`, `no_change_before_an_entry_of_the_own_term_is_committed` |
//! | a leader leads until its own removal is committed; who is removed hears of it, does not disturb, and may still be needed until it is | `membership_leader_removed.txt`, `membership_simple.txt`, `membership_removed_before_commit.txt` |
//! | clusters of one grow, to three and five, and shrink to one; nodes that join need no list of members | `growth.txt`, `membership_simple.txt`, `who_joins_learns_the_quorums_from_the_log` |
//! | removed and added again in one term: what an earlier life acknowledged does not count | `an_answer_from_an_earlier_life_says_nothing`, `an_answer_from_an_earlier_life_commits_nothing` |
//! | learners, which a leader promotes by itself once they have caught up | `learners.txt`, `learners_neither_commit_nor_elect`, `a_learner_is_promoted_when_a_round_of_catching_up_is_short` |
//! | witnesses, which vote and acknowledge and keep no payloads | `witness.txt`, `a_witness_never_leads`, `a_witness_takes_no_payloads_and_nobody_else_takes_none` |
//! | a witness hears of nothing that no voter has stored who keeps payloads | `witness_not_alone.txt`, `a_witness_is_not_the_first_to_hear_of_an_entry` |
//! | flexible quorums: fewer to commit, more to elect | `flexible_quorums_commit_with_fewer_and_elect_with_more` |
//! | weights of voters, and zones: for elections, commits, reads and CheckQuorum alike | `two_heavy_voters_of_five_elect_and_commit`, `a_majority_of_zones_elects_and_commits_and_a_majority_of_heads_need_not`, `reads_and_check_quorum_go_by_weight` |
//! | the rule is changed through a joint membership that needs both, and is undone, compacted and sent in snapshots like the rest of a membership | `a_rule_changes_through_a_joint_membership_that_needs_both`, `the_quorums_of_neighbouring_memberships_meet_whatever_their_rules`, `a_rule_is_undone_with_its_entry`, `a_rule_survives_compaction_a_restart_and_the_way_to_another_node` |
//! | no rule lets witnesses commit alone | `witnesses_never_weigh_enough_to_commit_alone` |
//! | versions 1 and 2 of messages and log: a rule is refused while a member speaks version 1, in rolling upgrades and downgrades | `a_rule_is_refused_while_a_member_speaks_an_older_version`, `a_node_held_to_version_1_neither_states_nor_takes_nor_finds_a_rule`, `golden_bytes_of_a_membership_that_states_its_rule`, `versions.rs` of `synod-kv` |
//! | safety under random loss, duplication, reordering, crashes and slow disks, progress when they end | `random_schedules_are_safe_and_progress_when_the_faults_end` |
//! | many groups on one node: one log, one message for all in a burst, heartbeats at the same moments ([`groups`]) | `groups_do_not_mix`, `a_group_that_waits_for_the_disk_holds_no_other_up`, `any_kept_part_of_a_rewritten_log_recovers_all_groups` (`tests/groups`), `groups.rs` of `synod-kv` |
//! | idle groups rest, cost nothing but memory, and wake for whoever needs them, or misses their leader's node | `nobody_campaigns_because_the_rest_rests`, `a_dead_node_is_missed_by_all_that_rest_under_it`, and the table in [`groups`] |
//! | client sessions: a retry counts once, sessions expire by the log's own time, on every replica alike ([`session`]) | `each_request_counts_once_and_replicas_agree`, `a_late_copy_from_an_expired_session_is_refused` |
//! | `status()` says all that an operator asks: progress of each peer, leases, pending reads, transfers, bytes, damage | `status.rs` |
//! | the front door keeps promises as a driver does: times are real, lives are told apart, damaged logs are repaired ([`Node`]) | `node.rs` |
//! | no panic, whatever arrives and whatever is on the disk | `a_step_never_panics`, `any_bytes_decode_to_a_value_or_an_error`, `recovery_from_arbitrary_records_is_a_node_or_an_error` |
//! | feature `tracing`: events for elections, votes, memberships, snapshots, damage and refusals, which change nothing | `tracing.rs` |
//! | an executable specification, [`spec`], that every step refines, crashes and recoveries included | `spec.rs`, here and in `synod-kv` |
//! | the five safety properties of the paper as an executable observer, [`invariants::Safety`] | the tests of `safety.rs`, which break each on purpose |
//!
//! # Quorums
//! A cluster is founded with the [`QuorumRule`] of its configuration: majorities, weights, zones, or fewer voters to commit than to elect. A
//! [`Change::Rule`] gives it another, through a joint membership.
//!
//! ```
//! use synod_core::NodeId;
//! use synod_raft::{Change, Config, Membership, QuorumRule, Raft, Step, Transition};
//! let [a, b, c, d] = [1, 2, 3, 4].map(NodeId);
//! // The machine of node 1 is the best; with any other it decides. Three others decide without it.
//! let mut config = Config::new(a, [a, b, c, d]);
//! config.quorum = QuorumRule::weights([(a, 2)]);
//! let raft = Raft::new(config.clone())?;
//! let quorums = raft.membership().quorums(&config.quorum)?;
//! assert!(quorums.commit().is_quorum(&[b, c, d]) && !quorums.commit().is_quorum(&[c, d]));
//!
//! // Later it is replaced, and all weigh the same: one change.
//! let e = NodeId(5);
//! let steps = vec![Step::AddVoter(e), Step::Remove(a)];
//! let change = Change::Rule { rule: QuorumRule::Majority, steps, transition: Transition::Auto };
//! let joint = raft.membership().changed(&change, &config.quorum)?;
//! let quorums = joint.quorums(&config.quorum)?;
//! assert!(!quorums.elect().is_quorum(&[c, d, e]), "two of five by the old weights");
//! assert!(quorums.elect().is_quorum(&[a, c, d, e]));
//! assert_eq!(joint.left(), Membership::of([b, c, d, e]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what | asks for | because |
//! |---|---|---|
//! | a vote, a pre-vote | an election quorum | it meets every commit quorum, so the winner has all that is committed; and every election quorum, so a term has one leader |
//! | the commit index | a commit quorum that has stored an entry of the leader's term | every later election meets it |
//! | a read (ReadIndex), a lease | a commit quorum that has echoed the round | whoever else leads was elected by a quorum that meets it: one of those echoes would name the later term, or one of those promises would have refused its vote |
//! | CheckQuorum | a commit quorum that was heard | with it the leader can commit and confirm reads, and nobody else can be elected without one of those who hear it; an election quorum would depose leaders that lack nothing |
//! | LeaseGuard | nothing of its own | the log is the lease, and an elected leader has all of it that is committed |
//! | loyalty | nothing: each voter keeps its own | while a commit quorum is loyal, every election quorum has one of them |
//! | a node that is not whole | *all* voters | what it has promised, only the one it promised to need know |
//!
//! In a joint membership each asks for a quorum of either half, by that half's own rule. Witnesses may not be a commit quorum by themselves,
//! by heads or by weight: somebody who keeps payloads must have what is committed. A leader sends a witness only what a voter has
//! stored that keeps payloads; in a group where they are needed an entry so waits for a disk and then for the witness,
//! one after the other. A voter that is a commit quorum by itself is all that
//! its cluster has: if its disk is lost so is what was committed, and it must not come back as [`Config::rejoining`].
//!
//! # Versions
//! Messages and records have two versions, which differ in one thing: since [version 2](WIRE_VERSION) a membership can state its rule. One that
//! states none has the bytes of version 1. To upgrade, restart the nodes one after the other, with [`Config::version_max`] 1 as long as you may
//! want to go back. A rule is refused ([`ChangeRefusal::Version`]) while the link to a member speaks version 1
//! ([`Link::Up`](synod_core::Link::Up)). Before a downgrade, change the rule back to that of the configuration, and compact the
//! logs ([`Command::Compact`]): a node that may only speak version 1 does not start from a log that speaks of rules.
//!
//! # What people build with it
//! Programs in `examples/`, each a [`StateMachine`](synod_core::StateMachine) on three nodes that lives through crashes of the leader. Each says
//! what it guarantees and what it does not, and `tests/examples.rs` runs them all.
//!
//! | example | shows |
//! |---|---|
//! | `lock` | a distributed lock, and why its tokens must be checked: a client that pauses beyond its lease writes too late, and is refused |
//! | `workers` | leader election for workers: one per epoch, another after a failure, and no work of an epoch that is over |
//! | `ids` | unique ids from blocks that are reserved in sessions: a reservation whose answer was lost is made once |
//! | `groups` | a store in partitions, a group for each: idle ones cost nothing, and those of a node that dies are led by others |
//! | `config` | a configuration store: compare-and-set by revision, watches that miss nothing or are told that they came too late |
//!
//! `cargo run -p synod-raft --example lock`, and so on.
//!
//! # How it is built
//! * **A log of segments.** Proposals of one burst are packed into one arena, a [`Segment`], of one term. The same bytes are
//!   in the leader's log, on their way to its disk and to every follower, in the followers' logs, and in
//!   [`Event::Committed`]; a clone costs a reference count. The leader cuts arenas from blocks of up
//!   to 64 KiB, so three nodes that replicate and apply a batch in one process allocate nothing for it.
//! * **Records are promises.** A vote and an acknowledgement are sent after their record ([`synod_core::Context::send`]). What
//!   is sent earlier says why at the place where it is sent. A truncation is not an operation: entries that differ from
//!   those before supersede them.
//! * **The leader is its own follower.** Its disk and its vote count when its message to itself comes back.
//! * **Leadership is confirmed in rounds.** The leader counts them, messages carry the count, answers echo it. A quorum of echoes
//!   says that nobody else led when the round was begun: reads and leases rest on it, and an old answer cannot pass for a new
//!   one. While nobody reads and there are no leases the count stands still.
//! * **A promise is more than loyalty.** With leases, whoever hears the leader promises it its vote for a time. The promise holds when
//!   a later term is heard of, against oneself, and over a restart; only the leader's own wish to hand over overrides it, and
//!   that ends the leader's lease for the rest of its term.
//! * **Logs may be lent.** An entry is what its leader made it, whoever carries it. A voter whose log is newer than the candidate's
//!   sends along what follows, so that the only node that reaches a quorum can lead whatever it has missed; unless it has missed what
//!   the voters have compacted, so keep [`Config::trailing_entries`] long enough for an outage.
//! * **A damaged log is a sick node.** A record that cannot be read may have held a vote or an acknowledged entry. Until the node is whole
//!   again it stores and acknowledges, but does not campaign ([`Event::Mending`], [`Event::Mended`]); it votes as soon as it is known
//!   what it has promised, and for nobody who has less than it had. A hole is known by the name of the entry at its end, so anybody who
//!   has that entry can fill it; a missing end comes from a leader, or from all voters together; a missing vote needs all of them, since
//!   only the candidate need know.
//! * **Loyalty is a timer.** A follower is loyal for the shortest election timeout after it heard its leader, then waits a
//!   random rest. There is one election timer; it runs in these two stretches, so that hearing from the leader costs no
//!   random number, and a model checker needs no clock.
//! * **Who takes part is in the log.** The last [`Membership`] in a node's log is in effect there, committed or not (section 6 of the
//!   paper). A leader or candidate is judged by term and log alone, since its membership may be newer than what this node knows;
//!   what counts towards a quorum comes from members only. Answers echo the leader's round, so that those of an earlier life of
//!   a member are told from those of this one.
//! * **Everything that arrives is checked.** Terms and indices with room to grow; entries whose lengths were
//!   verified when they were decoded. What no correct node sends is dropped, with [`Event::Illegal`].
//!
//! # What the application owes
//! * [`Event::Committed`] comes in order and without gaps, and after a restart from index 1 again, or from where the log was
//!   compacted to. Keep the index of the last applied entry with the state ([`StateMachine`](synod_core::StateMachine)) and
//!   skip what is not newer. Entries of another kind than [`EntryKind::Normal`] only take up an index.
//! * A transport that reaches whoever [`Event::Membership`] names, from the first time it does.
//! * A node that is removed may stop when it hears that this is committed, but need not hear it. A new node starts
//!   with an empty disk and [`Config::joining`]; one with the id of another, removed or not, with [`Config::rejoining`]. Before a change, see to it that a quorum of the
//!   *next* membership is running: a cluster that adds voters who are not there waits for them.
//! * [`Command::Compact`] is a promise: the state up to there is durable. Raft forgets what led to it.
//! * [`Event::Proposed`] is not a commit. Wait for a commit of the same index **and** term. If another term commits there, the
//!   proposal is lost; if neither comes (the leader changed), its fate is unknown until one does.
//! * A node that has lost its disk has forgotten what it has promised, and must say so: [`Config::rejoining`]. It stores what the leader sends,
//!   and counts for something again when all other voters have told it how far they are. Otherwise an empty disk looks like a node that
//!   has never promised anything, even if it was removed in between: a voter that has not heard of the removal may still ask for its vote,
//!   and get it a second time. Damage that the driver reports ([`LogState::Damaged`](synod_core::LogState::Damaged),
//!   [`Recovered::Damaged`](synod_core::Recovered::Damaged)) needs nobody's word.
//! * A disk that lies about durability breaks the promises made on it, here as everywhere.
//!
//! # What it tells while it runs
//! [`Raft::status`] and [`Event`] say everything. With the feature `tracing` a node also tells subscribers of that crate, under the target
//! `synod_raft`, each time with `node` and `term`; it then behaves as without, and knows no time of its own:
//!
//! | level | what | further fields |
//! |---|---|---|
//! | `INFO` | `role changed` | `role`, `leader` (0: nobody) |
//! | `INFO` | `election begun`, and `pre-vote begun` | `last_term`, `last_index`, `by_transfer` |
//! | `INFO` | `membership in effect`, `membership committed` | `index`, `voters`, `joint` |
//! | `INFO` | `snapshot offered`, `snapshot installed` | `index`, `peer` |
//! | `INFO` | `handing over`, and `transfer failed` | `peer` |
//! | `WARN` | `log damaged`; `INFO` `log mended` | `after` |
//! | `WARN` | `illegal message dropped` | `peer`, `reason` |
//! | `ERROR` | `halted` | `error` |
//! | `DEBUG` | `vote granted`, `vote refused` | `peer` |
//! | `DEBUG` | `proposal refused`, `change refused` | `reason` |
//!
//! # What it does not do yet
//! Three things a damaged log costs. A change of membership in the lost end of a log is not known before somebody has supplied it: until then
//! the node goes by the membership before it. What its peers have compacted comes as a snapshot from a leader, and cannot be lent. And
//! [`Config::log_memory_bytes_max`] does not bound a log while a hole in it is filled, nor what recovery reads behind the last snapshot.
//! What is damaged on more disks than the quorums leave out is gone; the node says so by never being whole.
//!
//! One promise is not kept whatever is damaged. A lost vote is found again by asking all voters, since the candidate that got it had stored the
//! term. Where the damage has destroyed that record too (the *last* record with term and vote, on the voter's disk **and** on the
//! candidate's), and no other voter has heard of the term, nobody knows that it was begun, and the vote may be given again. That does harm if a
//! message of the first candidacy is still on its way, so a program that restores several damaged nodes at once should let old connections end
//! before it starts the first.
//!
//! A witness is no copy of the state. What only it and voters that are down have stored, nobody can lead without its vote: with one leader, one
//! voter and a witness, what the leader alone had stored and sent to the witness. Such an entry may be committed, so waiting for the others to
//! come back is right; but in a group of four voters or more it need not be, and the group waits all the same where the witness is
//! needed. If those others are lost for good, so is the entry, and the group stands still.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

extern crate alloc;

/// Tells `tracing` subscribers, where the feature of that name is on; otherwise nothing, not even its arguments.
macro_rules! trail {
    ($level:ident, $($rest:tt)+) => {
        #[cfg(feature = "tracing")]
        tracing::$level!(target: "synod_raft", $($rest)+)
    };
}

mod census;
mod change;
mod commitment;
mod compaction;
mod config;
mod election;
mod event;
mod following;
mod gathered;
mod islands;
mod lease;
mod lending;
mod log;
mod membership;
mod mending;
mod message;
mod node;
mod position;
mod progress;
mod raft;
mod read;
mod recall;
mod receiving;
mod reconfiguration;
mod record;
mod recovery;
mod replication;
mod resting;
mod roster;
mod rule;
mod segment;
mod sending;
mod snapshot;
mod status;
mod transfer;
mod wire;

pub mod groups;
pub mod guide;
pub mod invariants;
pub mod machine;
#[cfg(synod_mutants)]
pub mod mutants;
pub mod session;
pub mod spec;

pub use census::Said;
pub use change::{Change, ChangeError, Step, Transition};
pub use config::{Config, ConfigError};
pub use event::{ChangeRefusal, Command, Event, Illegal, Refusal, SnapshotRefusal, Timer};
use groups::GroupId;
pub use lending::Loan;
pub use log::Log;
pub use membership::{Membership, Standing};
pub use message::Message;
pub use node::{Node, Output, Start, StartError};
pub use position::{EntryId, Index, Term};
pub use progress::Pace;
pub use raft::{Raft, Role};
pub use read::{ReadMode, ReadRefusal};
pub use record::Record;
pub use recovery::RecoverError;
pub use rule::QuorumRule;
pub use segment::{Entries, Entry, EntryKind, Segment};
pub use snapshot::{Done, Extent, Found, Job, Piece, Snapshot};
pub use status::{LeaseStatus, MendingStatus, PeerStatus, Status, TransferStatus};
pub use transfer::{TransferCause, TransferRefusal};

/// The newest version of the [`Wire`](synod_core::wire::Wire) form of messages and records: what a transport offers when it negotiates
/// ([`Link::Up`](synod_core::Link::Up)). Version 1 is read and written too.
pub const WIRE_VERSION: u8 = 2;

/// The README's example is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
