//! Wall clocks: an interval that holds the true time, until a clock jumps.

use core::time::Duration;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, WallInterval};
use synod_sim::{Climate, Dials, Fault, Idle, Rate, Sim, Tape};

/// Looks at its wall clock again and again.
#[derive(Clone, Debug, Default, Hash)]
struct Watcher {
    shown: Option<WallInterval>,
}

impl Protocol for Watcher {
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

    fn step<S: Sink<Self> + ?Sized>(&mut self, _: Input<Self>, cx: &mut Context<'_, Self, S>) {
        self.shown = cx.wall();
        cx.arm((), Duration::from_millis(37));
    }
}

const ERROR: Duration = Duration::from_millis(10);

/// Watchers whose clocks must hold the true time.
fn watchers(schedule: Vec<Rate>) -> Sim<Watcher, Idle> {
    let dials = Dials { wall_error_max: Some(ERROR), schedule, drift_ppm_max: 10_000, ..Dials::calm() };
    Sim::new(3, |_| Watcher::default(), Idle)
        .climate(Climate::Fixed(dials))
        .storm(Duration::from_secs(20))
        .always_across("the true time is inside", |world, id| {
            let Some(WallInterval { earliest, latest }) = world.node(id).and_then(|node| node.shown) else {
                return Err("there is no wall clock".to_owned());
            };
            let now = world.true_time();
            if latest - earliest != 2 * ERROR.as_nanos() as u64 {
                return Err(format!("{} ns wide", latest - earliest));
            }
            if (earliest..=latest).contains(&now) { Ok(()) } else { Err(format!("{now} is not inside")) }
        })
}

#[test]
fn a_wall_clock_is_known_to_be_near_the_true_time_and_no_two_are_alike() {
    let sim = watchers(Vec::new());
    assert!(sim.run_seeds(0..5, |_| {}).passed());
    let world = sim.run_tape(Tape::from_seed(1), 0..0).1;
    let shown: Vec<_> = world.up().map(|(_, node)| node.shown).collect();
    assert!(shown[0] != shown[1] && shown[1] != shown[2], "{shown:?}");
    // Where no dial asks for wall clocks there are none.
    let calm = Sim::new(1, |_| Watcher::default(), Idle).run_tape(Tape::from_seed(1), 0..0).1;
    assert_eq!(calm.node(NodeId(1)).unwrap().shown, None);
}

#[test]
fn a_clock_that_jumps_breaks_what_it_promises_and_is_set_right_again() {
    let lasting = Duration::from_secs(1);
    let jumps = Rate { fault: Fault::ClockJump, every: Duration::from_secs(2), lasting: (lasting, lasting) };
    let sim = watchers(vec![jumps]);
    let (mut forward, mut back) = (0, 0);
    for seed in 0..20 {
        let (report, script) = sim.script(seed);
        assert_eq!(report.verdict.name(), Some("the true time is inside"), "seed {seed}");
        let strike = report.strikes.last().unwrap();
        assert_eq!(strike.fault, Fault::ClockJump);
        if strike.detail % 2 == 0 {
            forward += 1;
        } else {
            back += 1;
        }
        // It is told by the script, jump and all.
        let read: synod_sim::Script = script.to_string().parse().unwrap();
        assert_eq!(sim.run_tape(read.tape(), 0..0).0.hash, report.hash);
    }
    assert!(forward > 2 && back > 2, "{forward} {back}");
    // Without the check, the clock is right again in the end.
    let dials = Dials { wall_error_max: Some(ERROR), schedule: vec![jumps], ..Dials::calm() };
    let free = Sim::new(1, |_| Watcher::default(), Idle)
        .climate(Climate::Fixed(dials))
        .eventually_after_heal("the clock is right", Duration::from_secs(2), |world| {
            world.up().all(|(_, node)| {
                let off = node.shown.map_or(u64::MAX, |shown| shown.earliest.abs_diff(world.true_time()));
                off < 100_000_000
            })
        });
    assert!(free.run_seeds(0..10, |_| {}).passed());
}
