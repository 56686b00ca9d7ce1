//! Times the check on generated histories: `synthetic_time [OPS CLIENTS]`.
//!
//! Four workloads: a register with distinct values and half reads, correct and with one stale read near the end; a
//! register with few values, compare-and-set and crashes; and a store with appends.

use std::time::Instant;
use std::{env, fs};

use synod_consistency_checker::{
    Budget, Completion, Decode, History, KvCall, KvModel, KvReturn, Model, Register, RegisterCall,
    RegisterReturn, check, verify,
};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Runs clients against a real object: each operation is called, takes effect, and is answered, at random times.
fn generate<C: Clone, R: Clone>(
    ops: usize,
    clients: u64,
    random: &mut Random,
    mut call: impl FnMut(&mut Random, usize) -> C,
    mut effect: impl FnMut(&C) -> R,
    crash_one_in: u64,
) -> History<C, R> {
    enum Client<C, R> {
        Idle,
        Called(synod_consistency_checker::OpId, C),
        Done(synod_consistency_checker::OpId, R),
    }
    let mut history = History::new();
    let mut states: Vec<Client<C, R>> = (0..clients).map(|_| Client::Idle).collect();
    let mut made = 0;
    while made < ops {
        let client = random.below(clients);
        let Some(state) = states.get_mut(usize::try_from(client).unwrap_or(0)) else { continue };
        *state = match core::mem::replace(state, Client::Idle) {
            Client::Idle => {
                made += 1;
                let call = call(random, made);
                Client::Called(history.invoke(client, call.clone()), call)
            }
            Client::Called(op, call) => Client::Done(op, effect(&call)),
            Client::Done(op, returned) => {
                let crashed = crash_one_in > 0 && random.below(crash_one_in) == 0;
                let completion = if crashed { Completion::Unknown } else { Completion::Ok(returned) };
                // The operation is open, so it can be completed.
                let _ = history.complete_at(op, completion, Default::default());
                Client::Idle
            }
        };
    }
    history
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut arguments = env::args().skip(1);
    let sizes = match (arguments.next(), arguments.next()) {
        (Some(ops), Some(clients)) => vec![(ops.parse()?, clients.parse()?)],
        _ => vec![(10_000, 10), (10_000, 50), (100_000, 10), (100_000, 50), (1_000_000, 10)],
    };
    for (ops, clients) in sizes {
        println!("{ops} operations, {clients} clients");
        let distinct = distinct_register(ops, clients, None);
        judge("  distinct register", &Register::new(), &distinct);
        judge(
            "  the same, one stale read",
            &Register::new(),
            &distinct_register(ops, clients, Some(ops * 9 / 10)),
        );
        judge("  5 values, cas, crashes", &Register::new(), &busy_register(ops.min(10_000), clients.min(10)));
        judge("  store with appends, 10 keys", &KvModel::new(), &store(ops.min(10_000), clients));
    }
    Ok(())
}

fn distinct_register(
    ops: usize,
    clients: u64,
    stale: Option<usize>,
) -> History<RegisterCall, RegisterReturn> {
    let (mut value, mut old, mut effects, mut spoiled) = (None, None, 0, false);
    let call = |random: &mut Random, made: usize| {
        if random.below(2) == 0 {
            RegisterCall::Read
        } else {
            RegisterCall::Write(i64::try_from(made).unwrap_or(0))
        }
    };
    let effect = |call: &RegisterCall| {
        effects += 1;
        if effects == ops / 2 {
            old = value;
        }
        match call {
            RegisterCall::Write(new) => {
                value = Some(*new);
                RegisterReturn::Done
            }
            // Once: the value of long ago.
            RegisterCall::Read if !spoiled && stale.is_some_and(|at| effects >= at) => {
                spoiled = true;
                RegisterReturn::Value(old)
            }
            _ => RegisterReturn::Value(value),
        }
    };
    generate(ops, clients, &mut Random(1), call, effect, 0)
}

fn busy_register(ops: usize, clients: u64) -> History<RegisterCall, RegisterReturn> {
    let mut value = None;
    let call = |random: &mut Random, _| match random.below(3) {
        0 => RegisterCall::Read,
        1 => RegisterCall::Write(i64::try_from(random.below(5)).unwrap_or(0)),
        _ => RegisterCall::Cas {
            expected: i64::try_from(random.below(5)).ok(),
            new: i64::try_from(random.below(5)).unwrap_or(0),
        },
    };
    let effect = |call: &RegisterCall| match *call {
        RegisterCall::Read => RegisterReturn::Value(value),
        RegisterCall::Write(new) => {
            value = Some(new);
            RegisterReturn::Done
        }
        RegisterCall::Cas { expected, new } if value == expected => {
            value = Some(new);
            RegisterReturn::Done
        }
        RegisterCall::Cas { .. } => RegisterReturn::Mismatch,
    };
    generate(ops, clients, &mut Random(2), call, effect, 100)
}

fn store(ops: usize, clients: u64) -> History<KvCall, KvReturn> {
    let mut values: Vec<Vec<u8>> = vec![Vec::new(); 10];
    let key = |number: u64| number.to_string();
    let call = |random: &mut Random, made: usize| {
        let key = key(random.below(10));
        if random.below(2) == 0 { KvCall::get(key) } else { KvCall::append(key, format!("x {made} y")) }
    };
    let effect = |call: &KvCall| {
        let number = usize::from(call.key.first().copied().unwrap_or(b'0') - b'0');
        let Some(value) = values.get_mut(number) else { return KvReturn::Mismatch };
        match &call.action {
            synod_consistency_checker::KvAction::Append(suffix) => {
                value.extend_from_slice(suffix);
                KvReturn::Done
            }
            _ if value.is_empty() => KvReturn::Value(None),
            _ => KvReturn::value(value.clone()),
        }
    };
    generate(ops, clients, &mut Random(3), call, effect, 0)
}

fn judge<M: Model + Decode>(name: &str, model: &M, history: &History<M::Call, M::Return>) {
    let started = Instant::now();
    let report = check(model, history, &Budget::default());
    let elapsed = started.elapsed();
    let verified = match verify(model, history, &report.certificate()) {
        Ok(()) => "certificate accepted".to_owned(),
        Err(_) if !report.is_linearizable() => {
            report.first_violation().map_or_else(String::new, |(_, violation)| {
                format!("window of {} operations, exact: {}", violation.window.ops.len(), violation.exact)
            })
        }
        Err(flaw) => format!("certificate REFUSED: {flaw}"),
    };
    let stats = report.stats();
    println!(
        "{name:30} {:>7} ops {:>9.2} ms {:>9} steps {:>9} entries {:>8.1} MB, process peak {}: {}; {verified}",
        history.len(),
        elapsed.as_secs_f64() * 1e3,
        stats.steps,
        stats.cache_entries,
        stats.cache_bytes as f64 / 1e6,
        peak().unwrap_or_default(),
        report.verdict()
    );
}

/// The most memory that this process ever held, where the system tells.
fn peak() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().to_owned())
}
