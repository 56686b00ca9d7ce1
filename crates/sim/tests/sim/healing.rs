//! When the faults end they end: nobody waits for what was to last longer.

use core::time::Duration;
use synod_core::*;
use synod_sim::{Climate, Dials, Fault, Idle, Rate, Sim, Verdict};

/// Writes the time down, again and again, and remembers the last one that was durable.
#[derive(Clone, Hash, Default)]
struct Diary {
    written: Option<Time>,
}

const EVERY: Duration = Duration::from_millis(20);
const STORM: Duration = Duration::from_secs(2);

impl Protocol for Diary {
    type Message = Time;
    type Record = Time;
    type Command = Never;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Time>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } => cx.arm((), EVERY),
            Input::Timer(()) => {
                cx.persist(cx.now());
                cx.send(cx.me(), cx.now());
                cx.arm((), EVERY);
            }
            Input::Message(_, at) => self.written = Some(at),
            _ => {}
        }
    }
}

fn diaries(fault: Fault) -> Sim<Diary, Idle> {
    let minute = Duration::from_secs(60);
    let rate = Rate { fault, every: Duration::from_millis(100), lasting: (minute, minute) };
    Sim::new(3, |_| Diary::default(), Idle)
        .climate(Climate::Fixed(Dials { schedule: vec![rate], ..Dials::calm() }))
        .storm(STORM)
        .eventually_after_heal("everybody writes again", Duration::from_millis(200), |world| {
            world.len() == world.up().count()
                && world.up().all(|(_, node)| node.written > Some(Time(STORM.as_nanos() as u64)))
        })
        .sometimes("somebody was struck for long", |world| {
            let late = |written: Option<Time>| written.is_none_or(|at| at < Time(1_000_000_000));
            world.now() > Time(1_900_000_000) && world.up().any(|(_, node)| late(node.written))
        })
}

#[test]
fn a_process_goes_on_when_the_faults_end_and_so_does_a_disk() {
    for fault in [Fault::Pause, Fault::StallDisk] {
        let summary = diaries(fault).run_seeds(0..20, |_| {});
        assert!(summary.passed(), "{fault}: {summary}");
    }
}

/// Wakes once a second, and counts.
#[derive(Clone, Hash, Default)]
struct Sleeper {
    woken: u64,
}

impl Protocol for Sleeper {
    type Message = Never;
    type Record = Never;
    type Command = Never;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        self.woken += u64::from(matches!(input, Input::Timer(())));
        cx.arm((), Duration::from_secs(1));
    }
}

#[test]
fn where_little_happens_what_came_in_time_is_not_called_late() {
    let sleepers = |within| {
        Sim::new(1, |_| Sleeper::default(), Idle).storm(STORM).eventually_after_heal(
            "it wakes",
            Duration::from_secs(within),
            |world| world.up().all(|(_, node)| node.woken >= 5),
        )
    };
    assert_eq!(sleepers(10).run(1).verdict, Verdict::Passed);
    // What has not come by then is late all the same.
    assert!(matches!(sleepers(2).run(1).verdict, Verdict::Stalled { .. }));
}
