//! The contract, clause by clause: what a driver owes a protocol, and what the pieces that drivers are made of promise.

use core::time::Duration;
use std::sync::Arc;
use synod_core::host::{Gate, Log, LogError, Offer};
use synod_core::testing::{Bench, MemoryLog, Output};
use synod_core::*;

const ME: NodeId = NodeId(1);
const PEER: NodeId = NodeId(2);

// ── A protocol that does as it is told ───────────────────────────────────────────────────────────────────────────────

#[derive(Clone, Debug, PartialEq)]
enum Do {
    Persist(u32),
    Lazy(u32),
    Send(NodeId, u32),
    SendAfter(Lsn, u32),
    SendEarly(u32),
    SendEach(Arc<[NodeId]>, u32),
    Emit(u32),
    EmitAfter(Lsn, u32),
    EmitEarly(u32),
    Arm(u8, u64),
    Disarm(u8),
    Release(Lsn),
    Job(u32),
}

/// What it has seen, in order.
#[derive(Clone, Debug, PartialEq)]
enum Saw {
    Start(u64, LogState),
    Message(NodeId, u32),
    Timer(u8),
    Flush,
    Settled(bool),
}

#[derive(Default)]
struct Puppet {
    saw: Vec<Saw>,
    recovered: Vec<(Lsn, Recovered<u32>)>,
    /// Refuses a damaged log.
    strict: bool,
}

impl Protocol for Puppet {
    type Message = u32;
    type Record = u32;
    type Command = Vec<Do>;
    type Event = u32;
    type Timer = u8;
    type Job = u32;
    type Done = Never;
    type Error = Damage;

    fn recover(&mut self, at: Lsn, record: Recovered<u32>) -> Result<(), Damage> {
        if let (Recovered::Damaged(damage), true) = (&record, self.strict) {
            return Err(*damage);
        }
        self.recovered.push((at, record));
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Command(orders) => {
                orders.into_iter().for_each(|order| carry_out(order, cx));
                self.saw.push(Saw::Settled(cx.settled()));
            }
            Input::Start { incarnation, log } => self.saw.push(Saw::Start(incarnation, log)),
            Input::Message(from, number) => self.saw.push(Saw::Message(from, number)),
            Input::Timer(timer) => self.saw.push(Saw::Timer(timer)),
            Input::Flush => self.saw.push(Saw::Flush),
            _ => {}
        }
    }
}

fn carry_out<S: Sink<Puppet> + ?Sized>(order: Do, cx: &mut Context<'_, Puppet, S>) {
    match order {
        Do::Persist(number) => _ = cx.persist(number),
        Do::Lazy(number) => _ = cx.persist_lazy(number),
        Do::Send(to, number) => cx.send(to, number),
        Do::SendAfter(after, number) => cx.send_after(after, PEER, number),
        Do::SendEarly(number) => cx.send_early(PEER, number),
        Do::SendEach(to, number) => cx.send(to, number),
        Do::Emit(number) => cx.emit(number),
        Do::EmitAfter(after, number) => cx.emit_after(after, number),
        Do::EmitEarly(number) => cx.emit_early(number),
        Do::Arm(timer, millis) => cx.arm(timer, Duration::from_millis(millis)),
        Do::Disarm(timer) => cx.disarm(timer),
        Do::Release(upto) => cx.release(upto),
        Do::Job(number) => cx.job(number),
    }
}

fn started() -> Bench<Puppet> {
    let mut node = Bench::new(ME, Puppet::default());
    node.start().unwrap();
    node.protocol.saw.clear();
    node
}

fn told<const N: usize>(node: &mut Bench<Puppet>, orders: [Do; N]) -> Vec<Output<Puppet>> {
    node.input(Input::Command(orders.into()));
    node.take()
}

fn sent(number: u32) -> Output<Puppet> {
    Output::Send { to: PEER, message: number, lane: Lane::Control }
}

// ── Durability ───────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_promise_waits_for_the_disk() {
    let mut node = started();
    assert_eq!(told(&mut node, [Do::Persist(1), Do::Send(PEER, 10), Do::Emit(20)]), []);
    assert_eq!(node.protocol.saw[0], Saw::Settled(false));
    node.sync().unwrap();
    assert_eq!(node.take(), [sent(10), Output::Event(20)]);
    // Nothing is pending now: what follows is free.
    assert_eq!(told(&mut node, [Do::Send(PEER, 11)]), [sent(11)]);
}

#[test]
fn what_was_said_before_the_record_does_not_wait_for_it() {
    let mut node = started();
    assert_eq!(told(&mut node, [Do::Send(PEER, 10), Do::Persist(1), Do::Send(PEER, 11)]), [sent(10)]);
}

#[test]
fn an_early_send_waits_for_nothing() {
    let mut node = started();
    let orders = [Do::Persist(1), Do::SendEarly(10), Do::EmitEarly(20)];
    assert_eq!(told(&mut node, orders), [sent(10), Output::Event(20)]);
}

#[test]
fn waiting_for_less_is_possible_on_purpose() {
    let mut node = started();
    told(&mut node, [Do::Persist(1)]);
    node.sync().unwrap();
    let orders = [Do::Persist(2), Do::SendAfter(Lsn(1), 10), Do::EmitAfter(Lsn(1), 20), Do::Send(PEER, 11)];
    assert_eq!(told(&mut node, orders), [sent(10), Output::Event(20)]);
}

#[test]
fn a_lazy_record_holds_nothing_up_unless_asked() {
    let mut node = started();
    let orders = [Do::Lazy(1), Do::Send(PEER, 10), Do::SendAfter(Lsn(1), 11)];
    assert_eq!(told(&mut node, orders), [sent(10)]);
    node.sync().unwrap();
    assert_eq!(node.take(), [sent(11)]);
}

#[test]
fn records_are_given_back_only_when_those_that_replace_them_are_durable() {
    let mut node = started();
    told(&mut node, [Do::Persist(1)]);
    node.sync().unwrap();
    told(&mut node, [Do::Persist(2), Do::Release(Lsn(1))]);
    let mut crashed = node.log.clone();
    crashed.crash();
    let records = |log: &mut MemoryLog<u32>| {
        let mut records = Vec::new();
        log.replay(&mut |_, record| records.push(record)).unwrap();
        records
    };
    assert_eq!(records(&mut crashed), [Recovered::Intact(1)], "a crash here must not take both");
    node.sync().unwrap();
    assert_eq!(records(&mut node.log), [Recovered::Intact(2)]);
}

#[test]
fn a_promise_to_oneself_comes_back_durable_and_in_order() {
    let mut node = started();
    told(&mut node, [Do::Persist(1), Do::Send(ME, 10), Do::Persist(2), Do::Send(ME, 11), Do::SendEarly(12)]);
    assert!(!node.protocol.saw.iter().any(|saw| matches!(saw, Saw::Message(..))));
    node.sync().unwrap();
    let messages: Vec<_> = node.protocol.saw.iter().filter(|saw| matches!(saw, Saw::Message(..))).collect();
    assert_eq!(messages, [&Saw::Message(ME, 10), &Saw::Message(ME, 11)]);
}

#[test]
fn a_group_of_receivers_gets_one_message_each() {
    let mut node = started();
    let outputs = told(&mut node, [Do::SendEach(Arc::new([PEER, ME, NodeId(3)]), 10)]);
    assert_eq!(outputs, [sent(10), Output::Send { to: NodeId(3), message: 10, lane: Lane::Control }]);
    assert!(node.protocol.saw.contains(&Saw::Message(ME, 10)));
}

#[test]
fn after_a_failed_sync_nothing_is_promised_any_more() {
    let mut node = started();
    told(&mut node, [Do::Persist(1), Do::Send(PEER, 10)]);
    node.log.fail_next_sync();
    assert_eq!(node.sync(), Err(LogError::Poisoned { durable: Lsn::ZERO }));
    // Trying again is no cure: the kernel may have dropped the pages.
    assert_eq!(node.sync(), Err(LogError::Poisoned { durable: Lsn::ZERO }));
    assert_eq!(told(&mut node, [Do::Persist(2), Do::Send(PEER, 11)]), []);
}

#[test]
fn a_crash_forgets_what_waited_and_what_was_not_durable() {
    let mut node = started();
    told(&mut node, [Do::Persist(1)]);
    node.sync().unwrap();
    told(&mut node, [Do::Persist(2), Do::Send(PEER, 10), Do::Send(ME, 11), Do::Arm(1, 5)]);
    node.restart(Puppet::default()).unwrap();
    assert_eq!(node.protocol.recovered, [(Lsn(1), Recovered::Intact(1))]);
    assert_eq!(node.protocol.saw, [Saw::Start(2, LogState::Recovered { end: Lsn(1) }), Saw::Flush]);
    node.sync().unwrap();
    node.advance(Duration::from_secs(1));
    assert_eq!(node.take(), []);
    assert!(!node.protocol.saw.iter().any(|saw| matches!(saw, Saw::Message(..) | Saw::Timer(_))));
}

#[test]
fn damage_is_shown_to_the_protocol_and_it_may_refuse_to_start() {
    let mut node = started();
    told(&mut node, [Do::Persist(1), Do::Persist(2)]);
    node.sync().unwrap();
    assert!(node.log.rot(Lsn(1)));
    node.restart(Puppet::default()).unwrap();
    assert_eq!(node.protocol.saw[0], Saw::Start(2, LogState::Damaged { end: Lsn(2), damaged: 1 }));
    assert_eq!(node.protocol.recovered[0], (Lsn(1), Recovered::Damaged(Damage::Checksum)));

    let strict = Puppet { strict: true, ..Puppet::default() };
    assert_eq!(node.restart(strict), Err(Damage::Checksum));
    assert_eq!(node.protocol.saw, []);
}

#[test]
fn a_node_that_never_ran_is_told_so() {
    let mut node = Bench::new(ME, Puppet::default());
    node.start().unwrap();
    assert_eq!(node.protocol.saw[0], Saw::Start(1, LogState::Fresh));
}

#[test]
fn a_burst_is_flushed_once() {
    let mut node = started();
    node.burst([Input::Message(PEER, 1), Input::Message(PEER, 2), Input::Message(PEER, 3)]);
    let flushes = node.protocol.saw.iter().filter(|saw| **saw == Saw::Flush).count();
    assert_eq!((flushes, node.protocol.saw.len()), (1, 4));
}

#[test]
fn jobs_come_out_at_once() {
    assert_eq!(told(&mut started(), [Do::Persist(1), Do::Job(9)]), [Output::Job(9)]);
}

// ── Timers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

fn fired(node: &Bench<Puppet>) -> Vec<u8> {
    let timer = |saw: &Saw| if let Saw::Timer(timer) = saw { Some(*timer) } else { None };
    node.protocol.saw.iter().filter_map(timer).collect()
}

#[test]
fn a_disarmed_timer_never_fires_late() {
    let mut node = started();
    told(&mut node, [Do::Arm(1, 5), Do::Arm(2, 6), Do::Disarm(1)]);
    assert!(!node.fire(1));
    node.advance(Duration::from_secs(1));
    assert_eq!(fired(&node), [2]);
}

#[test]
fn arming_again_replaces() {
    let mut node = started();
    told(&mut node, [Do::Arm(1, 5)]);
    node.advance(Duration::from_millis(4));
    told(&mut node, [Do::Arm(1, 5)]);
    node.advance(Duration::from_millis(4));
    assert_eq!(fired(&node), []);
    node.advance(Duration::from_millis(1));
    node.advance(Duration::from_secs(1));
    assert_eq!(fired(&node), [1]);
}

#[test]
fn timers_fire_in_the_order_in_which_they_run_out() {
    let mut node = started();
    told(&mut node, [Do::Arm(1, 30), Do::Arm(2, 10), Do::Arm(3, 20), Do::Arm(4, 20)]);
    node.advance(Duration::from_millis(30));
    assert_eq!(fired(&node), [2, 3, 4, 1]);
    assert!(node.timers().is_empty());
    assert_eq!(node.now(), Time(30_000_000));
}

// ── The gate ─────────────────────────────────────────────────────────────────────────────────────────────────────────

mod gate {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_gate_gives_back_and_holds_on_demand() {
        let mut gate = Gate::with_limit(1);
        assert_eq!(gate.offer(Lsn(2), Lsn(1), "a"), Offer::Held);
        assert_eq!(gate.offer(Lsn(3), Lsn(1), "b"), Offer::Full("b"));
        assert_eq!(gate.offer(Lsn(1), Lsn(1), "free"), Offer::Pass("free"));
        gate.hold(Lsn(4), "c");
        assert_eq!((gate.len(), gate.wanted()), (2, Lsn(4)));
        gate.clear();
        assert!(gate.is_empty());
        assert_eq!((gate.wanted(), gate.pop(Lsn(9))), (Lsn::ZERO, None));
    }

    proptest! {
        /// Against the plain model: a stable sort by the position that each thing waits for.
        #[test]
        fn things_leave_by_position_and_then_in_order(
            offers in proptest::collection::vec(0_u64..8, 0..40),
            syncs in proptest::collection::vec(0_u64..9, 0..6),
        ) {
            let mut gate = Gate::with_limit(usize::MAX);
            let mut model: Vec<(Lsn, usize)> = Vec::new();
            for (name, after) in offers.into_iter().enumerate() {
                match gate.offer(Lsn(after), Lsn(1), name) {
                    Offer::Pass(passed) => prop_assert!(after <= 1 && passed == name),
                    Offer::Held => model.push((Lsn(after), name)),
                    Offer::Full(_) => prop_assert!(false, "there is no limit"),
                }
            }
            model.sort_by_key(|(after, _)| *after);
            prop_assert_eq!(gate.wanted(), model.last().map_or(Lsn::ZERO, |(after, _)| *after));
            let mut durable = Lsn(1);
            for sync in syncs {
                durable = durable.max(Lsn(sync));
                let ready = model.partition_point(|(after, _)| *after <= durable);
                let left: Vec<_> = core::iter::from_fn(|| gate.pop(durable)).collect();
                prop_assert_eq!(left, model.drain(..ready).map(|(_, name)| name).collect::<Vec<_>>());
            }
            prop_assert_eq!(gate.len(), model.len());
        }
    }
}

// ── The log in memory ────────────────────────────────────────────────────────────────────────────────────────────────

mod memory_log {
    use super::*;

    fn records(log: &mut MemoryLog<u32>) -> (Vec<(u64, Recovered<u32>)>, LogState) {
        let mut found = Vec::new();
        let state = log.replay(&mut |at, record| found.push((at.0, record))).unwrap();
        (found, state)
    }

    fn filled(count: u32) -> MemoryLog<u32> {
        let mut log = MemoryLog::new();
        for number in 1..=count {
            assert_eq!(log.append(number), Ok(Lsn(number.into())));
        }
        log
    }

    #[test]
    fn a_crash_loses_the_tail_that_was_not_synced() {
        let mut log = filled(2);
        assert_eq!(log.sync(), Ok(Lsn(2)));
        assert_eq!(log.append(3), Ok(Lsn(3)));
        assert_eq!((log.durable(), log.end()), (Lsn(2), Lsn(3)));
        log.crash();
        let (found, state) = records(&mut log);
        assert_eq!(found, [(1, Recovered::Intact(1)), (2, Recovered::Intact(2))]);
        assert_eq!(state, LogState::Recovered { end: Lsn(2) });
        assert_eq!(log.append(4), Ok(Lsn(3)));
    }

    #[test]
    fn a_failed_sync_poisons_until_the_node_stops() {
        let mut log = filled(1);
        log.sync().unwrap();
        log.append(2).unwrap();
        log.fail_next_sync();
        let poisoned = LogError::Poisoned { durable: Lsn(1) };
        assert_eq!(log.sync(), Err(poisoned));
        assert_eq!((log.sync(), log.append(3)), (Err(poisoned), Err(poisoned)));
        log.crash();
        assert_eq!(records(&mut log).1, LogState::Recovered { end: Lsn(1) });
        assert_eq!(log.append(9), Ok(Lsn(2)));
        assert_eq!(log.sync(), Ok(Lsn(2)));
    }

    #[test]
    fn rot_is_reported_and_not_repaired() {
        let mut log = filled(3);
        log.sync().unwrap();
        assert!(log.rot(Lsn(2)) && !log.rot(Lsn(4)) && !log.rot(Lsn::ZERO));
        let (found, state) = records(&mut log);
        assert_eq!(found[1], (2, Recovered::Damaged(Damage::Checksum)));
        assert_eq!(state, LogState::Damaged { end: Lsn(3), damaged: 1 });
    }

    #[test]
    fn an_emptied_log_is_not_fresh() {
        let mut log = filled(1);
        log.crash();
        assert_eq!(records(&mut log), (vec![], LogState::Recovered { end: Lsn::ZERO }));
        assert_eq!(records(&mut MemoryLog::new()).1, LogState::Fresh);
    }

    #[test]
    fn what_is_released_stays_numbered_and_only_durable_records_go() {
        let mut log = filled(3);
        log.sync().unwrap();
        log.append(4).unwrap();
        log.release(Lsn(2)).unwrap();
        assert_eq!(log.end(), Lsn(4));
        log.release(Lsn(9)).unwrap();
        let (found, state) = records(&mut log);
        assert_eq!(found, [(4, Recovered::Intact(4))]);
        assert_eq!(state, LogState::Recovered { end: Lsn(4) });
        assert!(!log.rot(Lsn(3)) && log.rot(Lsn(4)));
    }
}

// ── Composition ──────────────────────────────────────────────────────────────────────────────────────────────────────

mod composition {
    use super::*;
    use std::collections::BTreeMap;

    /// Hosts puppets by number on one log and one transport, and keeps what they tell.
    #[derive(Default)]
    struct Theatre {
        stages: BTreeMap<u8, (Puppet, Lsn)>,
        floors: Floors<u8>,
        heard: Vec<(u8, u32, Lsn)>,
    }

    struct Stage<'a> {
        number: u8,
        floors: &'a mut Floors<u8>,
        heard: &'a mut Vec<(u8, u32, Lsn)>,
    }

    impl Slot<Puppet> for Stage<'_> {
        type Parent = Theatre;

        fn message(&self, message: u32) -> (u8, u32) {
            (self.number, message)
        }

        fn record(&self, record: u32) -> (u8, u32) {
            (self.number, record)
        }

        fn timer(&self, timer: u8) -> (u8, u8) {
            (self.number, timer)
        }

        fn job(&self, job: u32) -> (u8, u32) {
            (self.number, job)
        }

        fn event<S: Sink<Theatre> + ?Sized>(&mut self, event: u32, after: Lsn, _: &mut S) {
            self.heard.push((self.number, event, after));
        }

        fn release(&mut self, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)> {
            self.floors.release(self.number, upto, after)
        }
    }

    impl Theatre {
        fn run<S: Sink<Self> + ?Sized>(
            &mut self,
            number: u8,
            input: Input<Puppet>,
            cx: &mut Context<'_, Self, S>,
        ) {
            let Self { stages, floors, heard } = self;
            let Some((puppet, promised)) = stages.get_mut(&number) else { return };
            cx.slot(&mut Stage { number, floors, heard }, promised, |cx| puppet.step(input, cx));
        }
    }

    impl Protocol for Theatre {
        type Message = (u8, u32);
        type Record = (u8, u32);
        type Command = (u8, Vec<Do>);
        type Event = Never;
        type Timer = (u8, u8);
        type Job = (u8, u32);
        type Done = Never;
        type Error = Damage;

        fn recover(&mut self, at: Lsn, record: Recovered<(u8, u32)>) -> Result<(), Damage> {
            match record {
                Recovered::Intact((number, record)) => {
                    let (puppet, _) = self.stages.entry(number).or_default();
                    puppet.recover(at, Recovered::Intact(record))
                }
                Recovered::Damaged(damage) => Err(damage),
            }
        }

        fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
            match input {
                Input::Command((number, orders)) => self.run(number, Input::Command(orders), cx),
                Input::Message(from, (number, message)) => {
                    self.run(number, Input::Message(from, message), cx);
                }
                Input::Timer((number, timer)) => self.run(number, Input::Timer(timer), cx),
                _ => {}
            }
        }
    }

    fn theatre() -> Bench<Theatre> {
        let mut theatre = Theatre::default();
        for number in [7, 8] {
            theatre.stages.insert(number, (Puppet::default(), Lsn::ZERO));
            theatre.floors.add(number);
        }
        let mut node = Bench::new(ME, theatre);
        node.start().unwrap();
        node
    }

    fn order<const N: usize>(node: &mut Bench<Theatre>, number: u8, orders: [Do; N]) -> Vec<Output<Theatre>> {
        node.input(Input::Command((number, orders.into())));
        node.take()
    }

    fn sent(number: u8, message: u32) -> Output<Theatre> {
        Output::Send { to: PEER, message: (number, message), lane: Lane::Control }
    }

    #[test]
    fn a_child_never_waits_for_another_childs_records() {
        let mut node = theatre();
        assert_eq!(order(&mut node, 7, [Do::Persist(1), Do::Send(PEER, 10)]), []);
        assert_eq!(order(&mut node, 8, [Do::Send(PEER, 20)]), [sent(8, 20)]);
        node.sync().unwrap();
        assert_eq!(node.take(), [sent(7, 10)]);
    }

    /// Keeps what its child says: messages until the burst is over, timers for good.
    #[derive(Default)]
    struct Clerk {
        puppet: Puppet,
        promised: Lsn,
        kept: Vec<(Peers, u32, Lsn)>,
        timers: Vec<(u8, Option<Duration>)>,
    }

    struct Desk<'a> {
        kept: &'a mut Vec<(Peers, u32, Lsn)>,
        timers: &'a mut Vec<(u8, Option<Duration>)>,
    }

    impl Slot<Puppet> for Desk<'_> {
        type Parent = Clerk;

        fn message(&self, message: u32) -> u32 {
            message
        }

        fn record(&self, record: u32) -> u32 {
            record
        }

        fn timer(&self, timer: u8) -> u8 {
            timer
        }

        fn job(&self, _: u32) {}

        fn event<S: Sink<Clerk> + ?Sized>(&mut self, _: u32, _: Lsn, _: &mut S) {}

        fn release(&mut self, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)> {
            Some((upto, after))
        }

        fn send<S: Sink<Clerk> + ?Sized>(&mut self, to: Peers, message: u32, after: Lsn, _: Lane, _: &mut S) {
            self.kept.push((to, message, after));
        }

        fn arm<S: Sink<Clerk> + ?Sized>(&mut self, timer: u8, after: Duration, _: &mut S) {
            self.timers.push((timer, Some(after)));
        }

        fn disarm<S: Sink<Clerk> + ?Sized>(&mut self, timer: u8, _: &mut S) {
            self.timers.push((timer, None));
        }
    }

    impl Protocol for Clerk {
        type Message = u32;
        type Record = u32;
        type Command = Vec<Do>;
        type Event = Never;
        type Timer = u8;
        type Job = ();
        type Done = Never;
        type Error = Never;

        fn recover(&mut self, _: Lsn, _: Recovered<u32>) -> Result<(), Never> {
            Ok(())
        }

        fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
            let Self { puppet, promised, kept, timers } = self;
            match input {
                Input::Command(orders) => {
                    let input = Input::Command(orders);
                    cx.slot(&mut Desk { kept, timers }, promised, |cx| puppet.step(input, cx));
                }
                Input::Flush => {
                    let all: u32 = kept.iter().map(|(_, message, _)| message).sum();
                    if let Some((to, _, after)) = kept.drain(..).max_by_key(|(_, _, after)| *after) {
                        cx.send_after(after, to, all);
                    }
                }
                Input::Rewrite(below) => cx.release_after(below, Lsn(1)),
                _ => {}
            }
        }
    }

    #[test]
    fn a_parent_may_keep_what_its_children_say() {
        let mut node = Bench::new(ME, Clerk::default());
        node.start().unwrap();
        let orders = [Do::Persist(1), Do::Send(PEER, 20), Do::SendEarly(3), Do::Arm(4, 5), Do::Disarm(4)];
        node.input(Input::Command(orders.into()));
        assert_eq!(node.protocol.timers, [(4, Some(Duration::from_millis(5))), (4, None)]);
        assert!(node.timers().is_empty() && node.take().is_empty());
        node.sync().unwrap();
        assert_eq!(node.take(), [Output::Send { to: PEER, message: 23, lane: Lane::Control }]);
    }

    #[test]
    fn a_parent_says_what_giving_back_waits_for() {
        let mut node = Bench::new(ME, Clerk::default());
        node.start().unwrap();
        node.input(Input::Command([Do::Persist(1), Do::Persist(2)].into()));
        node.input(Input::Rewrite(Lsn(2)));
        let first = |node: &mut Bench<Clerk>| {
            let mut first = None;
            node.log.clone().replay(&mut |at, _| _ = first.get_or_insert(at)).unwrap();
            first
        };
        assert_eq!(first(&mut node), Some(Lsn(1)));
        node.sync().unwrap();
        assert_eq!(first(&mut node), Some(Lsn(2)));
    }

    #[test]
    fn records_of_all_children_are_numbered_in_one_log() {
        let mut node = theatre();
        order(&mut node, 7, [Do::Persist(1)]);
        order(&mut node, 8, [Do::Persist(2), Do::Emit(5)]);
        order(&mut node, 7, [Do::Emit(6), Do::EmitEarly(7)]);
        assert_eq!(node.protocol.heard, [(8, 5, Lsn(2)), (7, 6, Lsn(1)), (7, 7, Lsn::ZERO)]);
        node.sync().unwrap();
        node.restart(Theatre::default()).unwrap();
        let recovered = |number| node.protocol.stages[&number].0.recovered.clone();
        assert_eq!(recovered(7), [(Lsn(1), Recovered::Intact(1))]);
        assert_eq!(recovered(8), [(Lsn(2), Recovered::Intact(2))]);
    }

    #[test]
    fn the_log_is_given_back_only_where_no_child_needs_it() {
        let mut node = theatre();
        order(&mut node, 7, [Do::Persist(1), Do::Persist(2)]);
        order(&mut node, 8, [Do::Persist(3)]);
        node.sync().unwrap();
        let first = |node: &mut Bench<Theatre>| {
            let mut first = None;
            node.log.replay(&mut |at, _| first = first.or(Some(at))).unwrap();
            first
        };
        order(&mut node, 7, [Do::Release(Lsn(2))]);
        assert_eq!(first(&mut node), Some(Lsn(1)));
        order(&mut node, 8, [Do::Release(Lsn(1))]);
        assert_eq!(first(&mut node), Some(Lsn(2)));
    }

    #[test]
    fn timers_jobs_and_messages_of_children_do_not_mix() {
        let mut node = theatre();
        assert_eq!(order(&mut node, 7, [Do::Arm(1, 5), Do::Job(9)]), [Output::Job((7, 9))]);
        order(&mut node, 8, [Do::Arm(1, 7), Do::Disarm(2)]);
        order(&mut node, 7, [Do::Disarm(1)]);
        node.advance(Duration::from_secs(1));
        node.input(Input::Message(PEER, (7, 3)));
        let saw = |number| {
            let saw = node.protocol.stages[&number].0.saw.iter();
            saw.filter(|saw| !matches!(saw, Saw::Settled(_))).cloned().collect::<Vec<_>>()
        };
        assert_eq!((saw(7), saw(8)), (vec![Saw::Message(PEER, 3)], vec![Saw::Timer(1)]));
    }
}

// ── Floors ───────────────────────────────────────────────────────────────────────────────────────────────────────────

mod floors {
    use super::*;

    #[test]
    fn an_idle_child_pins_the_log_and_a_removed_one_does_not() {
        let mut floors = Floors::default();
        floors.add(1);
        floors.add(2);
        assert_eq!(floors.release(1, Lsn(9), Lsn(11)), None);
        floors.add(2); // twice changes nothing
        assert_eq!(floors.remove(&2), Some((Lsn(9), Lsn(11))));
        assert_eq!(floors.remove(&2), None);
    }

    #[test]
    fn floors_only_rise() {
        let mut floors = Floors::default();
        assert_eq!(floors.release(1, Lsn(5), Lsn(7)), Some((Lsn(5), Lsn(7))));
        assert_eq!(floors.release(1, Lsn(3), Lsn(9)), None);
        assert_eq!(floors.release(1, Lsn(5), Lsn(9)), None);
        // A child that comes later needs what follows; what has been given back stays so.
        floors.add(2);
        assert_eq!(floors.release(2, Lsn(4), Lsn(0)), None);
        assert_eq!(floors.release(2, Lsn(8), Lsn(6)), None);
        assert_eq!(
            floors.release(1, Lsn(6), Lsn(0)),
            Some((Lsn(6), Lsn(7))),
            "what was promised is waited for"
        );
    }
}

// ── Chance ───────────────────────────────────────────────────────────────────────────────────────────────────────────

mod entropy {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_generator_gives_the_published_numbers() {
        // The reference implementation (Vigna, splitmix64.c) with seed 1234567.
        let mut dice = SplitMix64::new(1_234_567);
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(published.map(|_| dice.bits()), published);
    }

    #[test]
    fn a_bound_of_nothing_or_one_leaves_no_choice() {
        let mut dice = SplitMix64::new(3);
        assert!((0..100).all(|_| dice.below(0) == 0 && dice.below(1) == 0));
    }

    #[test]
    fn small_choices_are_even() {
        let mut dice = SplitMix64::new(3);
        let mut counts = [0_u32; 6];
        (0..60_000).for_each(|_| counts[dice.below(6) as usize] += 1);
        // Five standard deviations of a fair die: a wrong table would miss by far more.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 457), "{counts:?}");
    }

    proptest! {
        #[test]
        fn a_choice_stays_below_its_bound(seed: u64, bound in 1_u64..) {
            let mut dice = SplitMix64::new(seed);
            prop_assert!(dice.below(bound) < bound);
            // One choice is one draw, so that a tape of choices stays aligned.
            let mut twin = SplitMix64::new(seed);
            twin.bits();
            prop_assert_eq!(dice, twin);
        }
    }
}

// ── State machines ───────────────────────────────────────────────────────────────────────────────────────────────────

mod state_machine {
    use super::*;

    #[derive(Default)]
    struct Journal(Vec<(u64, Vec<u8>)>);

    impl StateMachine for Journal {
        type Output = usize;

        fn apply(&mut self, position: u64, command: &[u8]) -> usize {
            self.0.push((position, command.to_vec()));
            self.0.len()
        }

        fn applied(&self) -> u64 {
            self.0.last().map_or(0, |(position, _)| *position)
        }

        fn snapshot(&self) -> Bytes {
            Bytes::new()
        }

        fn restore(&mut self, _: Bytes) -> Result<(), RestoreError> {
            Err(RestoreError)
        }
    }

    #[test]
    fn entries_count_once_and_never_out_of_order() {
        let mut journal = Journal::default();
        assert_eq!(journal.apply_once(1, b"a"), Ok(Some(1)));
        assert_eq!(journal.apply_once(2, b"b"), Ok(Some(2)));
        assert_eq!(journal.apply_once(1, b"a"), Ok(None));
        assert_eq!(journal.apply_once(2, b"b"), Ok(None));
        assert_eq!(journal.apply_once(4, b"d"), Err(GapError { applied: 2, position: 4 }));
        assert_eq!(journal.apply_once(3, b"c"), Ok(Some(3)));
        assert_eq!(journal.0.len(), 3);
        assert_eq!(journal.apply_once(0, b""), Ok(None));
    }
}
